"""Our bytes against a codec that nobody here wrote: os-ken's packet library, in both directions."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.wire import extended as ext
from controllers.wire.attributes import AsSegment, PathAttributes, PmsiTunnel
from controllers.wire.evpn import (
    EthernetAutoDiscovery,
    EthernetSegment,
    EvpnRoute,
    InclusiveMulticast,
    IpPrefix,
    MacIpAdvertisement,
)
from controllers.wire.messages import Capabilities, Open
from controllers.wire.nlri import Nlri, decode_nlri, encode_nlri, family_of
from controllers.wire.types import EVPN, RT_CONSTRAINT, VPNV4, VPNV6, Esi, RouteDistinguisher, RouteTarget
from controllers.wire.update import AttributeSet, decode_update, encode_announcements, encode_withdrawals
from controllers.wire.vpn import VpnPrefix
from tests.unit.controllers.wire import strategies as any_

bgp = pytest.importorskip("os_ken.lib.packet.bgp", reason="os-ken is not installed: pip install os-ken")

rds = any_.rds.filter(lambda rd: rd.kind < 2 or (rd.kind == 2 and rd.administrator > 0x1_0000))
"""Without type 2 for a short AS number: os-ken writes that back as type 0, and takes 65536 for short, too."""

esis = st.builds(lambda value: Esi(b"\0" + value), st.binary(min_size=9, max_size=9))
per_evi = st.integers(0, 0xFFFF_FFFE)
hosts = st.one_of(any_.ipv4, any_.ipv6)


@st.composite
def prefixes(draw: st.DrawFn) -> IpPrefix:
    """Prefixes with a gateway: os-ken has no absent one. Routes without segment write it as zeros."""
    prefix = draw(any_.networks)
    gateway = draw(any_.ipv4 if prefix.version == 4 else any_.ipv6)
    zero = int(gateway) == 0
    return IpPrefix(
        draw(rds), draw(any_.u32), prefix, draw(any_.labels), None if zero else gateway, draw(esis)
    )


routes = st.one_of(
    st.builds(EthernetAutoDiscovery, rds, esis, per_evi, any_.labels),
    st.builds(MacIpAdvertisement, rds, esis, any_.u32, any_.macs, st.none() | hosts, any_.labels),
    st.builds(
        MacIpAdvertisement, rds, esis, any_.u32, any_.macs, st.none() | hosts, any_.labels, any_.labels
    ),
    st.builds(InclusiveMulticast, rds, any_.u32, hosts),
    st.builds(EthernetSegment, rds, esis, hosts),
    prefixes(),
)


@settings(max_examples=40)
@given(routes)
def test_evpn_routes(route: EvpnRoute) -> None:
    raw = encode_nlri(route)
    theirs, rest = bgp.EvpnNLRI.parser(raw)
    assert not rest
    assert theirs.type == route.route_type
    assert bytes(theirs.serialize()).hex() == raw.hex()


def test_a_mac_route_means_the_same_to_both() -> None:
    theirs = bgp.EvpnMacIPAdvertisementNLRI(
        route_dist="10.255.0.1:100",
        ethernet_tag_id=7,
        mac_addr="02:00:00:00:00:01",
        ip_addr="10.1.2.3",
        esi=bgp.EvpnArbitraryEsi(b"\1\2\3\4\5\6\7\x08\x09"),
        mpls_labels=[100, 200],
    )
    assert decode_nlri(EVPN, bytes(theirs.serialize())) == MacIpAdvertisement(
        RouteDistinguisher.parse("10.255.0.1:100"),
        Esi.parse("00:01:02:03:04:05:06:07:08:09"),
        7,
        0x020000000001,
        ip_address("10.1.2.3"),
        100,
        200,
    )


ATTRIBUTES = PathAttributes(
    next_hop=ip_address("10.255.0.1"),
    as_path=(AsSegment(2, (65001, 4_200_000_000)),),
    med=7,
    local_pref=200,
    communities=(0xFFFF_FF01, 65000 << 16 | 1),
    extended_communities=(
        RouteTarget.parse("65000:100"),
        RouteTarget.parse("10.255.0.1:100"),
        RouteTarget.parse("70000:100"),
        ext.MacMobility(0xFFFF_FFFF, sticky=True),
        ext.EsiLabel(77, single_active=True),
        ext.EsImport(0x020000000001),
        ext.Encapsulation(10),
    ),
    originator_id=ip_address("10.255.0.1"),
    cluster_list=(ip_address("10.255.0.100"), ip_address("10.255.0.101")),
    pmsi_tunnel=PmsiTunnel.ingress_replication(300, ip_address("10.255.0.1")),
)


def test_a_whole_update_is_read_as_it_was_meant() -> None:
    route = InclusiveMulticast(RouteDistinguisher.parse("65000:1"), 0, ip_address("10.255.0.1"))
    (message,) = encode_announcements(AttributeSet.of(EVPN, ATTRIBUTES), [encode_nlri(route)])
    theirs, _, rest = bgp.BGPMessage.parser(message)
    assert not rest
    found = {type(attribute).__name__: attribute for attribute in theirs.path_attributes}
    assert found["BGPPathAttributeMpReachNLRI"].next_hop == "10.255.0.1"
    assert found["BGPPathAttributeAsPath"].value == [[65001, 4_200_000_000]]
    assert found["BGPPathAttributeLocalPref"].value == 200
    assert found["BGPPathAttributeMultiExitDisc"].value == 7
    assert found["BGPPathAttributeCommunities"].communities == [0xFFFF_FF01, 65000 << 16 | 1]
    assert found["BGPPathAttributeOriginatorId"].value == "10.255.0.1"
    assert found["BGPPathAttributeClusterList"].value == ["10.255.0.100", "10.255.0.101"]
    tunnel = found["BGPPathAttributePmsiTunnel"]
    assert (tunnel.tunnel_type, tunnel.mpls_label) == (6, 300)
    assert tunnel.tunnel_id.tunnel_endpoint_ip == "10.255.0.1"
    names = [type(c).__name__ for c in found["BGPPathAttributeExtendedCommunities"].communities]
    assert names == [
        "BGPTwoOctetAsSpecificExtendedCommunity",
        "BGPIPv4AddressSpecificExtendedCommunity",
        "BGPFourOctetAsSpecificExtendedCommunity",
        "BGPEvpnMacMobilityExtendedCommunity",
        "BGPEvpnEsiLabelExtendedCommunity",
        "BGPEvpnEsImportRTExtendedCommunity",
        "BGPEncapsulationExtendedCommunity",
    ]
    assert found["BGPPathAttributeExtendedCommunities"].communities[3].sequence_number == 0xFFFF_FFFF
    assert found["BGPPathAttributeExtendedCommunities"].communities[4].mpls_label == 77


@pytest.mark.parametrize(
    "route",
    [
        InclusiveMulticast(RouteDistinguisher.parse("65000:1"), 0, ip_address("10.255.0.1")),
        VpnPrefix(RouteDistinguisher.parse("65000:1"), ip_network("10.1.2.3/32"), 77),
    ],
    ids=["evpn", "vpnv4"],
)
def test_what_they_send_again_is_what_we_sent(route: Nlri) -> None:
    family = family_of(route)
    raw = encode_nlri(route)
    (message,) = encode_announcements(AttributeSet.of(family, ATTRIBUTES), [raw])
    theirs, _, _ = bgp.BGPMessage.parser(message)
    again = decode_update(bytes(theirs.serialize())[19:], internal=True)
    assert not again.faults
    ((attributes, found),) = again.announced
    assert attributes.typed == ATTRIBUTES
    assert [nlri for _, nlri in found] == [raw]


@settings(max_examples=40)
@given(rds, any_.networks, any_.labels)
def test_vpn_prefixes(rd: RouteDistinguisher, prefix: object, label: int) -> None:
    route = VpnPrefix(rd, prefix, label)  # type: ignore[arg-type]
    cls = bgp.LabelledVPNIPAddrPrefix if family_of(route) == VPNV4 else bgp.LabelledVPNIP6AddrPrefix
    assert family_of(route) in (VPNV4, VPNV6)
    theirs, rest = cls.parser(encode_nlri(route))
    assert not rest
    assert theirs.label_list == [label]
    assert ip_network(theirs.prefix) == route.prefix
    assert theirs.route_dist == str(rd).replace("L", "")


def test_withdrawals() -> None:
    route = MacIpAdvertisement(
        RouteDistinguisher.parse("65000:1"), Esi(bytes(10)), 0, 0x020000000001, None, 100
    )
    (message,) = encode_withdrawals(EVPN, [encode_nlri(route)])
    theirs, _, _ = bgp.BGPMessage.parser(message)
    (attribute,) = theirs.path_attributes
    (withdrawn,) = attribute.withdrawn_routes
    assert withdrawn.mac_addr == "02:00:00:00:00:01"


def test_open() -> None:
    offered = Capabilities((EVPN, VPNV4, RT_CONSTRAINT), extended_message=True, four_octet_as=65000)
    theirs, _, _ = bgp.BGPMessage.parser(Open(65000, 90, ip_address("10.255.0.1"), offered).to_bytes())
    assert (theirs.my_as, theirs.hold_time, theirs.bgp_identifier) == (65000, 90, "10.255.0.1")
    families = [
        (cap.afi, cap.safi)
        for cap in theirs.opt_param
        if isinstance(cap, bgp.BGPOptParamCapabilityMultiprotocol)
    ]
    assert families == [tuple(EVPN), tuple(VPNV4), tuple(RT_CONSTRAINT)]
