"""Any BGP value, for hypothesis."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from hypothesis import strategies as st

from controllers.wire import attributes as attr
from controllers.wire import extended as ext
from controllers.wire.evpn import (
    EthernetAutoDiscovery,
    EthernetSegment,
    InclusiveMulticast,
    IpPrefix,
    MacIpAdvertisement,
    UnknownEvpnRoute,
)
from controllers.wire.types import AdministratorKind, Esi, RouteDistinguisher, RouteTarget
from controllers.wire.vpn import RtMembership, Unicast, VplsBlock, VpnPrefix

u8 = st.integers(0, 0xFF)
u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFF_FFFF)
macs = st.integers(0, 0xFFFF_FFFF_FFFF)
labels = st.integers(0, 0xF_FFFF)
ipv4 = st.builds(IPv4Address, u32)
ipv6 = st.builds(IPv6Address, st.integers(0, 2**128 - 1))
addresses = ipv4 | ipv6
hops = addresses.filter(
    lambda a: (
        not a.is_unspecified
        and not a.is_multicast
        and not (isinstance(a, IPv6Address) and a.ipv4_mapped is not None)
    )
)
esis = st.builds(Esi, st.binary(min_size=10, max_size=10))


def _of_kind(cls: type, kinds: tuple[int, ...]) -> st.SearchStrategy:
    def build(kind: int, short: int, long: int) -> object:
        return cls(kind, short, long) if kind == AdministratorKind.AS2 else cls(kind, long, short)

    return st.builds(build, st.sampled_from(kinds), u16, u32)


rds = _of_kind(RouteDistinguisher, (0, 1, 2, 7))
targets = _of_kind(RouteTarget, (0, 1, 2))


def _networks(width: int, cls: type) -> st.SearchStrategy:
    def build(address: int, bits: int) -> object:
        return cls((address >> (width - bits) << (width - bits) if bits else 0, bits))

    return st.builds(build, st.integers(0, 2**width - 1), st.integers(0, width))


networks4 = _networks(32, IPv4Network)
networks6 = _networks(128, IPv6Network)
networks = networks4 | networks6


@st.composite
def ip_prefixes(draw: st.DrawFn) -> IpPrefix:
    prefix = draw(networks)
    gateways = ipv4 if prefix.version == 4 else ipv6
    gateway = draw(st.none() | gateways.filter(lambda a: not a.is_unspecified))
    return IpPrefix(draw(rds), draw(u32), prefix, draw(labels), gateway, draw(esis))


mac_ips = st.builds(
    MacIpAdvertisement, rds, esis, u32, macs, st.none() | addresses, labels, st.none() | labels
)
evpn_routes = st.one_of(
    mac_ips,
    st.builds(EthernetAutoDiscovery, rds, esis, u32, labels),
    st.builds(InclusiveMulticast, rds, u32, addresses),
    st.builds(EthernetSegment, rds, esis, addresses),
    ip_prefixes(),
    st.builds(UnknownEvpnRoute, st.integers(6, 255), st.binary(max_size=255)),
)


@st.composite
def memberships(draw: st.DrawFn) -> RtMembership:
    bits = draw(st.just(0) | st.integers(32, 96))
    value = draw(st.binary(min_size=12, max_size=12))
    kept = int.from_bytes(value, "big") >> (96 - bits) << (96 - bits) if bits else 0
    raw = kept.to_bytes(12, "big")
    return RtMembership(int.from_bytes(raw[:4], "big"), raw[4:], bits)


nlri = st.one_of(
    evpn_routes,
    st.builds(Unicast, networks),
    st.builds(VpnPrefix, rds, networks, labels),
    memberships(),
    st.builds(VplsBlock, rds, u16, u16, u16, labels),
)

communities = st.one_of(
    targets,
    _of_kind(ext.RouteOrigin, (0, 1, 2)),
    st.builds(ext.MacMobility, u32, st.booleans()),
    st.builds(ext.EsiLabel, labels, st.booleans()),
    st.builds(ext.EsImport, macs),
    st.builds(ext.RouterMac, macs),
    st.builds(ext.Layer2Attributes, u16, u16),
    st.builds(ext.DfElection, st.integers(0, 31), u16, u16),
    st.builds(ext.ArpNd, st.booleans(), st.booleans(), st.booleans()),
    st.just(ext.DefaultGateway()),
    st.builds(ext.Encapsulation, u16),
    st.builds(ext.Layer2Info, u8, u8, u16, u16),
    st.builds(ext.UnknownExtendedCommunity, st.binary(min_size=6, max_size=6).map(lambda b: b"\x07\x07" + b)),
)

asns = st.integers(1, 0xFFFF_FFFF)
segments = st.builds(attr.AsSegment, st.integers(1, 2), st.lists(asns, min_size=1, max_size=4).map(tuple))
pmsi = st.builds(attr.PmsiTunnel.ingress_replication, labels, addresses) | st.builds(
    attr.PmsiTunnel, st.sampled_from((0, 1, 2, 7)), labels, st.binary(max_size=20), u8
)
unknown_attributes = st.builds(attr.UnknownAttribute, st.integers(100, 200), st.binary(max_size=300))


def _tuples(of: st.SearchStrategy, most: int = 4) -> st.SearchStrategy:
    return st.lists(of, max_size=most).map(tuple)


path_attributes = st.builds(
    attr.PathAttributes,
    next_hop=hops,
    origin=st.integers(0, 2),
    as_path=_tuples(segments),
    med=st.none() | u32,
    local_pref=st.none() | u32,
    atomic_aggregate=st.booleans(),
    aggregator=st.none() | st.builds(attr.Aggregator, asns, ipv4),
    communities=_tuples(u32, 80),
    extended_communities=_tuples(communities, 40),
    large_communities=_tuples(st.builds(attr.LargeCommunity, u32, u32, u32)),
    originator_id=st.none() | ipv4,
    cluster_list=_tuples(ipv4),
    pmsi_tunnel=st.none() | pmsi,
    unknown=st.lists(unknown_attributes, max_size=2, unique_by=lambda u: u.type_code).map(
        lambda found: tuple(sorted(found, key=lambda u: u.type_code))
    ),
)
