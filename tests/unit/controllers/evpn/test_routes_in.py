"""Import: targets, routes that make no sense, and what happens when BGP goes silent."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from controllers.bgp.routes import EndOfRibEvent, PeerEvent, Route, RouteEvent
from controllers.evpn.events import NextHopChanged
from controllers.evpn.originate import Originator
from controllers.evpn.pe import EvpnPe
from controllers.evpn.simulation import STRETCHED_BD, VRF, stretched_lan
from controllers.intents import Remote
from controllers.pe.outputs import AlarmCode
from controllers.wire.attributes import PathAttributes, PmsiTunnel
from controllers.wire.evpn import InclusiveMulticast, IpPrefix, MacIpAdvertisement
from controllers.wire.extended import ArpNd, DefaultGateway, Encapsulation, MacMobility, TunnelType
from controllers.wire.types import EVPN, VPNV4, Esi, RouteTarget
from controllers.wire.vpn import VpnPrefix

HOST = 0x020000000010
IP = "10.1.0.10"
REFLECTOR = ip_address("10.255.0.100")
PE3 = ip_address("10.255.0.3")


def via(bench: Any) -> object:
    entry = bench.table("MacEntry", STRETCHED_BD, HOST)
    return None if entry is None else entry.via


class TestImport:
    def test_foreign_targets_are_ignored(self, bench: Any) -> None:
        route = bench.route("pe3", HOST, IP)
        attributes = replace(route.attributes, extended_communities=(RouteTarget.of_as(65000, 999),))
        assert bench.receive(replace(route, attributes=attributes)) == []

    def test_a_route_that_loses_its_target_is_gone(self, bench: Any) -> None:
        route = bench.route("pe3", HOST, IP)
        bench.receive(route)
        attributes = replace(route.attributes, extended_communities=(RouteTarget.of_as(65000, 999),))
        bench.receive(replace(route, attributes=attributes))
        assert via(bench) is None
        assert bench.table("Neighbor", STRETCHED_BD, ip_address(IP)) is None

    def test_own_routes_that_come_back_are_ignored(self, bench: Any) -> None:
        bench.arp(HOST, IP)
        for route in list(bench.routes.values()):
            assert bench.receive(route) == []

    def test_withdrawals_of_what_never_came(self, bench: Any) -> None:
        assert bench.remote_gone("pe3", HOST, IP) == []

    def test_other_ethernet_tags_and_overlay_indexes_are_not_for_us(self, bench: Any) -> None:
        route = bench.route("pe3", HOST, IP)
        assert bench.receive(replace(route, nlri=replace(route.nlri, ethernet_tag=7))) == []
        config = bench.configs["pe3"]
        prefix = Originator(config).prefix(config.vrfs[0], ip_network("198.51.100.0/24"), None)
        assert isinstance(prefix.nlri, IpPrefix)
        for index in ({"gateway": ip_address("10.1.0.9")}, {"esi": Esi(bytes(9) + b"\x01")}):
            assert bench.receive(replace(prefix, nlri=replace(prefix.nlri, **index))) == []

    def test_a_next_hop_without_a_way_to_it_is_none(self, bench: Any) -> None:
        """RFC 4271 §9.1.2.1: whatever sequence a route has that nobody can follow, another one counts."""
        bench.remote("pe3", HOST, IP)
        stray = bench.route("pe4", HOST, IP, 7)
        elsewhere = replace(stray.attributes, next_hop=ip_address("192.0.2.1"))
        bench.receive(replace(stray, attributes=elsewhere))
        assert via(bench) == Remote(PE3, 100003)
        bench.receive(stray)
        assert via(bench) == Remote(ip_address("10.255.0.4"), 100004)

    @pytest.mark.parametrize("ip", ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "ff02::1"])
    def test_what_no_host_can_have(self, bench: Any, alarms_in: Any, ip: str) -> None:
        before = dict(bench.tables)
        assert alarms_in(bench.remote("pe3", HOST, ip)) == [AlarmCode.BAD_ROUTE]
        assert bench.tables == before
        branch = EvpnPe(bench.configs["branch"])
        branch.start(0.0)
        route = bench.route("pe3", HOST, ip)
        outputs = branch.handle(RouteEvent(route.key, route.nlri, route), 0.0)
        assert alarms_in(outputs) == [AlarmCode.BAD_ROUTE]

    @pytest.mark.parametrize("label", [0, 3, 15])
    def test_reserved_labels(self, bench: Any, alarms_in: Any, label: int) -> None:
        route = bench.route("pe3", HOST, IP)
        bench.receive(route)
        bad = replace(route, nlri=replace(route.nlri, label=label))
        assert alarms_in(bench.receive(bad)) == [AlarmCode.BAD_ROUTE]
        assert via(bench) is None, "treated as withdrawn"
        outputs = bench.receive(route)
        assert via(bench) == Remote(PE3, 100003)
        assert alarms_in(outputs) == []

    def test_a_gateway_on_a_segment(self, bench: Any, alarms_in: Any) -> None:
        config = bench.configs["pe3"]
        route = Originator(config).gateway(config.bds[0], HOST, ip_address("10.1.0.1"), community=True)
        assert isinstance(route.nlri, MacIpAdvertisement)
        nlri = replace(route.nlri, esi=Esi.parse("00:11:22:33:44:55:66:77:88:99"))
        assert alarms_in(bench.receive(replace(route, nlri=nlri))) == [AlarmCode.BAD_ROUTE]

    def test_multicast_without_ingress_replication(self, bench: Any, alarms_in: Any) -> None:
        config = bench.configs["pe3"]
        route = Originator(config).multicast(config.bds[0])
        attributes = replace(route.attributes, pmsi_tunnel=PmsiTunnel(2, 16, b""))
        assert alarms_in(bench.receive(replace(route, attributes=attributes))) == [AlarmCode.BAD_ROUTE]

    @pytest.mark.parametrize(
        ("tunnels", "taken"),
        [
            ([], True),
            ([TunnelType.MPLS], True),
            ([TunnelType.VXLAN, TunnelType.MPLS], True),
            ([TunnelType.VXLAN], False),
            ([TunnelType.VXLAN, TunnelType.GENEVE], False),
        ],
    )
    def test_a_label_of_another_tunnel_is_none(
        self, bench: Any, alarms_in: Any, tunnels: list[int], taken: bool
    ) -> None:
        """RFC 8365 §5.1.3: a VXLAN network identifier is no MPLS label, although it stands in its place."""
        route = bench.route("pe3", HOST, IP)
        named = (*route.attributes.extended_communities, *map(Encapsulation, tunnels))
        attributes = replace(route.attributes, extended_communities=named)
        outputs = bench.receive(replace(route, attributes=attributes))
        assert via(bench) == (Remote(PE3, 100003) if taken else None)
        assert alarms_in(outputs) == ([] if taken else [AlarmCode.BAD_ROUTE])


class TestSilence:
    def up(self, bench: Any, *, up: bool) -> None:
        bench.send(PeerEvent(REFLECTOR, up, "test"))

    def test_routes_outlive_the_session_until_the_table_is_there_again(self, bench: Any) -> None:
        self.up(bench, up=True)
        bench.remote("pe3", HOST, IP)
        bench.remote("pe3", HOST)
        self.up(bench, up=False)
        assert bench.remote_gone("pe3", HOST, IP) == []
        assert bench.remote_gone("pe3", HOST) == []
        assert via(bench) == Remote(PE3, 100003)
        self.up(bench, up=True)
        bench.remote("pe3", HOST)
        bench.send(EndOfRibEvent(REFLECTOR, VPNV4))
        assert bench.table("Neighbor", STRETCHED_BD, ip_address(IP)) is not None
        bench.send(EndOfRibEvent(REFLECTOR, EVPN))
        assert bench.table("Neighbor", STRETCHED_BD, ip_address(IP)) is None
        assert via(bench) == Remote(PE3, 100003)

    def test_not_for_ever(self, bench: Any) -> None:
        self.up(bench, up=True)
        bench.remote("pe3", HOST)
        self.up(bench, up=False)
        bench.remote_gone("pe3", HOST)
        bench.advance(601.0)
        assert via(bench) is None

    def test_with_another_session_up_a_withdrawal_is_one(self, bench: Any) -> None:
        self.up(bench, up=True)
        bench.send(PeerEvent(ip_address("10.255.0.101"), up=True, reason="test"))
        bench.remote("pe3", HOST)
        self.up(bench, up=False)
        bench.remote_gone("pe3", HOST)
        assert via(bench) is None

    def test_it_can_be_switched_off(self, make_bench: Any) -> None:
        bench = make_bench(stale_time=0.0)
        self.up(bench, up=True)
        bench.remote("pe3", HOST)
        self.up(bench, up=False)
        bench.remote_gone("pe3", HOST)
        assert via(bench) is None


CONFIGS = stretched_lan(["pe1", "pe2", "pe3"], branch="branch")
_bd, _vrf = CONFIGS[2].bds[0], CONFIGS[2].vrfs[0]
labels = st.sampled_from([0, 15, 16, 100003, 0xFFFFF])
macs = st.sampled_from([0, HOST, 0x01005E000001, 0x00005E000101, 0xFFFFFFFFFFFF])
ips = st.sampled_from(
    [None, *map(ip_address, (IP, "10.1.0.1", "0.0.0.0", "224.0.0.1", "fe80::1", "2001:db8::1"))]
)
prefixes = st.sampled_from(
    [ip_network(p) for p in ("0.0.0.0/0", "10.1.0.0/24", "10.1.0.10/32", "::/0", "ff00::/8")]
)
esis = st.sampled_from([Esi(bytes(10)), Esi(bytes(range(10)))])
communities = st.lists(
    st.sampled_from(
        [
            *_bd.export_rts,
            *_vrf.export_rts,
            MacMobility(0xFFFFFFFF),
            MacMobility(1, sticky=True),
            DefaultGateway(),
            ArpNd(immutable=True),
        ]
    ),
    unique=True,
).map(tuple)
nlris = st.one_of(
    st.builds(
        MacIpAdvertisement,
        st.just(_bd.rd),
        esis,
        st.sampled_from([0, 1]),
        macs,
        ips,
        labels,
        st.one_of(st.none(), labels),
    ),
    st.builds(IpPrefix, st.just(_vrf.rd), st.just(0), prefixes, labels),
    st.builds(VpnPrefix, st.just(_vrf.rd), prefixes, labels),
    st.builds(InclusiveMulticast, st.just(_bd.rd), st.just(0), st.just(PE3)),
)
tunnels = st.sampled_from([None, PmsiTunnel(6, 200003, PE3.packed), PmsiTunnel(0, 0)])
attributes = st.builds(
    PathAttributes,
    next_hop=st.sampled_from([None, PE3, ip_address("2001:db8::3"), ip_address("10.255.0.2")]),
    local_pref=st.sampled_from([None, 100]),
    extended_communities=communities,
    pmsi_tunnel=tunnels,
)


@given(st.lists(st.tuples(nlris, attributes, st.booleans()), max_size=12))
def test_no_route_that_decodes_upsets_the_core(drawn: list[tuple[Any, PathAttributes, bool]]) -> None:
    """Whatever another PE may send, in any order: no exception, and once withdrawn nothing of it is left."""
    core = EvpnPe(CONFIGS[1])
    core.handle(NextHopChanged(PE3, 1), 0.0)
    core.start(0.0)
    before = set(core.desired)
    keys = {}
    for nlri, path, gone in drawn:
        route = Route(nlri, path)
        keys[route.key] = nlri
        core.handle(RouteEvent(route.key, nlri, None if gone else route), 1.0)
    for key, nlri in keys.items():
        core.handle(RouteEvent(key, nlri, None), 2.0)
    assert set(core.desired) == before
    assert all(bd.records() == [] and bd.bindings.all() == [] for bd in core.bds.values())
    assert VRF in core.vrfs
