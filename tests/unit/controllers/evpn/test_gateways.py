"""Gateways, IRB, host routes and proxy: RFC 7432 §10, RFC 9135, RFC 9136, RFC 9161."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

import pytest
from msgspec.structs import replace

from controllers.bgp.routes import Route, RouteEvent
from controllers.evpn.config import GatewayConfig, GatewayMode, HostRouteCarrier, Irb, Vmto, virtual_mac
from controllers.evpn.events import GleanMissed, MacAged, NeighborKind, NextHopChanged
from controllers.evpn.originate import Originator
from controllers.evpn.pe import EvpnPe
from controllers.evpn.simulation import STRETCHED_BD, VRF, Lan
from controllers.intents import (
    Adjacent,
    FloodList,
    GatewayAddress,
    GatewayMac,
    Glean,
    IpRoute,
    LocalAc,
    MacEntry,
    Neighbor,
    Remote,
    ServiceLabel,
    Set,
)
from controllers.pe.outputs import Alarm, AlarmCode, Announce, Probe, Withdraw
from controllers.wire.evpn import InclusiveMulticast, IpPrefix, MacIpAdvertisement
from controllers.wire.extended import ArpNd, DefaultGateway, MacMobility
from controllers.wire.types import RouteTarget
from controllers.wire.vpn import RtMembership, VpnPrefix

HOST = 0x020000000010
IP = "10.1.0.10"
ADDRESS = ip_address(IP)
GATEWAY_IP = ip_address("10.1.0.1")
SUBNET = ip_network("10.1.0.0/24")
PE1, PE3 = ip_address("10.255.0.1"), ip_address("10.255.0.3")
VRF_RT, BD_RT = RouteTarget.of_as(65000, 5001), RouteTarget.of_as(65000, 10)

Make = Callable[..., Any]


def own(bench: Any, kind: type) -> list[Any]:
    return [route for route in bench.routes.values() if isinstance(route.nlri, kind)]


def cleared(outputs: list[Any]) -> list[AlarmCode]:
    return [o.code for o in outputs if isinstance(o, Alarm) and o.cleared]


def gateway_route(bench: Any, pe: str, mac: int, ip: str = "10.1.0.1", *, community: bool = True) -> Route:
    config = bench.configs[pe]
    return Originator(config).gateway(config.bds[0], mac, ip_address(ip), community=community)


def route_via(bench: Any, prefix: object) -> object:
    route = bench.table("IpRoute", VRF, prefix)
    return route.via if isinstance(route, IpRoute) else None


class TestStart:
    def test_what_an_active_gateway_brings(self, bench: Any) -> None:
        mac = virtual_mac(1)
        assert bench.table("GatewayMac", STRETCHED_BD, mac) == GatewayMac(STRETCHED_BD, mac, VRF)
        assert bench.table("GatewayAddress", STRETCHED_BD, GATEWAY_IP) == GatewayAddress(
            STRETCHED_BD, GATEWAY_IP, mac, VRF
        )
        assert route_via(bench, SUBNET) == Glean(STRETCHED_BD)
        assert sorted(k[1] for k in bench.tables if k[0] == "ServiceLabel") == [100002, 200002, 300002]
        (summary,) = own(bench, IpPrefix)
        assert summary.nlri.prefix == SUBNET
        assert summary.attributes.local_pref == 100
        (multicast,) = own(bench, InclusiveMulticast)
        assert multicast.attributes.pmsi_tunnel is not None
        assert multicast.attributes.pmsi_tunnel.label == 200002

    def test_what_is_asked_for(self, bench: Any) -> None:
        asked = {r.nlri.community for r in own(bench, RtMembership)}
        assert asked == {BD_RT, VRF_RT}

    def test_without_an_active_gateway_nothing_is_routed(self, make_bench: Make) -> None:
        bench = make_bench(Lan(Vmto.OFF))
        assert not [key for key in bench.tables if key[0] in ("GatewayMac", "GatewayAddress", "IpRoute")]
        assert own(bench, IpPrefix) == []
        bench.arp(HOST, IP)
        (with_ip,) = [r for r in own(bench, MacIpAdvertisement) if r.nlri.ip]
        assert with_ip.nlri.label2 is None
        assert with_ip.attributes.route_targets == {BD_RT}

    @pytest.mark.parametrize(
        ("mode", "advertised", "community"),
        [
            (GatewayMode.ANYCAST, 1, True),
            (GatewayMode.COMMUNITY, 1, True),
            (GatewayMode.PLAIN, 1, False),
            (GatewayMode.SILENT, 0, False),
        ],
    )
    def test_modes(self, make_bench: Make, mode: GatewayMode, advertised: int, community: bool) -> None:
        routes = own(make_bench(Lan(mode=mode)), MacIpAdvertisement)
        assert len(routes) == advertised
        for route in routes:
            assert (route.attributes.find(DefaultGateway) is not None) == community
            assert route.attributes.find(MacMobility) is None
            assert route.nlri.ip == GATEWAY_IP

    def test_a_shared_address_beside_unique_ones(self, make_bench: Make) -> None:
        gateways = (
            GatewayConfig(ip_interface("10.1.0.1/24"), virtual_mac(1), GatewayMode.ANYCAST),
            GatewayConfig(ip_interface("10.1.0.252/24"), 0x02AA00000002, GatewayMode.COMMUNITY),
        )
        bench = make_bench(bd={"gateways": gateways})
        assert len([k for k in bench.tables if k[0] == "GatewayMac"]) == 2
        assert len(own(bench, IpPrefix)) == 1
        assert len(own(bench, MacIpAdvertisement)) == 2

    def test_automatic_macs(self) -> None:
        assert virtual_mac(10) == 0x00005E00010A
        assert virtual_mac(10, 6) == 0x00005E00020A
        with pytest.raises(ValueError, match="1 to 255"):
            virtual_mac(256)


class TestOtherGateways:
    OTHER = 0x02AA00000003

    def test_a_gateway_routes_what_is_sent_to_another_ones_mac(self, make_bench: Make) -> None:
        bench = make_bench(Lan(mode=GatewayMode.COMMUNITY))
        route = gateway_route(bench, "pe3", self.OTHER)
        bench.receive(route)
        assert bench.table("GatewayMac", STRETCHED_BD, self.OTHER) == GatewayMac(
            STRETCHED_BD, self.OTHER, VRF
        )
        assert bench.table("MacEntry", STRETCHED_BD, self.OTHER) is None
        bench.withdraw(route)
        assert bench.table("GatewayMac", STRETCHED_BD, self.OTHER) is None

    def test_a_bridge_sends_to_the_gateway_and_answers_for_it(self, make_bench: Make) -> None:
        bench = make_bench(Lan(Vmto.OFF))
        bench.receive(gateway_route(bench, "pe1", virtual_mac(1)))
        assert bench.table("MacEntry", STRETCHED_BD, virtual_mac(1)) == MacEntry(
            STRETCHED_BD, virtual_mac(1), Remote(PE1, 100001), static=True
        )
        assert bench.table("Neighbor", STRETCHED_BD, GATEWAY_IP).mac == virtual_mac(1)

    def test_a_bridge_answers_for_an_ipv6_gateway_as_for_a_router(self, make_bench: Make) -> None:
        """Else hosts would drop it (RFC 4861 §7.2.5); even if the flags got lost on the way, as in gobgpd."""
        bench = make_bench(Lan(Vmto.OFF, gateways=("10.1.0.1/24", "2001:db8:1::1/64")))
        address = ip_address("2001:db8:1::1")
        route = gateway_route(bench, "pe1", virtual_mac(1, 6), str(address))
        assert route.attributes.find(ArpNd) == ArpNd(router=True, override=True)
        lost = tuple(c for c in route.attributes.extended_communities if not isinstance(c, ArpNd))
        for attributes in (route.attributes, replace(route.attributes, extended_communities=lost)):
            bench.receive(replace(route, attributes=attributes))
            answer = bench.table("Neighbor", STRETCHED_BD, address)
            assert (answer.mac, answer.router, answer.override) == (virtual_mac(1, 6), True, True)

    def test_the_same_gateway_elsewhere_means_nothing(self, bench: Any, alarms_in: Any) -> None:
        outputs = bench.receive(gateway_route(bench, "pe3", virtual_mac(1)))
        assert outputs == []

    def test_an_address_that_differs_is_logged(self, bench: Any, alarms_in: Any) -> None:
        route = gateway_route(bench, "pe3", self.OTHER, "10.1.0.254")
        assert alarms_in(bench.receive(route)) == [AlarmCode.GATEWAY_MISMATCH]
        assert cleared(bench.withdraw(route)) == [AlarmCode.GATEWAY_MISMATCH]
        assert alarms_in(bench.receive(route)) == [AlarmCode.GATEWAY_MISMATCH]
        no_gateway = gateway_route(bench, "pe3", self.OTHER, "10.1.0.254", community=False)
        assert cleared(bench.receive(no_gateway)) == [AlarmCode.GATEWAY_MISMATCH]

    def test_plain_gateways_are_bridged_to(self, make_bench: Make, alarms_in: Any) -> None:
        bench = make_bench(Lan(mode=GatewayMode.PLAIN))
        outputs = bench.receive(gateway_route(bench, "pe3", self.OTHER, community=False))
        assert alarms_in(outputs) == []
        assert bench.table("MacEntry", STRETCHED_BD, self.OTHER).via == Remote(PE3, 100003)


class TestSpoofing:
    def test_a_host_with_the_gateways_mac(self, bench: Any, alarms_in: Any) -> None:
        assert alarms_in(bench.frame(virtual_mac(1))) == [AlarmCode.GATEWAY_MAC_CLAIMED]
        assert bench.frame(virtual_mac(1)) == [], "the alarm is raised once"
        assert bench.table("MacEntry", STRETCHED_BD, virtual_mac(1)) is None

    def test_a_host_with_the_gateways_address(self, bench: Any, alarms_in: Any) -> None:
        assert alarms_in(bench.arp(HOST, "10.1.0.1")) == [AlarmCode.GATEWAY_IP_CLAIMED]
        assert list(bench.own(HOST)) == [None], "its MAC is a host's like any other"

    def test_a_claim_is_forgotten_with_who_made_it(self, bench: Any, alarms_in: Any) -> None:
        for _ in range(2):
            assert alarms_in(bench.arp(HOST, "10.1.0.1")) == [AlarmCode.GATEWAY_IP_CLAIMED]
            assert cleared(bench.send(MacAged(STRETCHED_BD, HOST))) == [AlarmCode.GATEWAY_IP_CLAIMED]
            assert alarms_in(bench.remote("pe3", HOST, "10.1.0.1")) == [AlarmCode.GATEWAY_IP_CLAIMED]
            assert cleared(bench.remote_gone("pe3", HOST, "10.1.0.1")) == [AlarmCode.GATEWAY_IP_CLAIMED]

    def test_claims_of_macs_over_the_limit_leave_nothing(self, make_bench: Make, alarms_in: Any) -> None:
        bench = make_bench(bd={"mac_limit": 1})
        bench.frame(HOST)
        assert alarms_in(bench.arp(HOST + 1, "10.1.0.1")) == [AlarmCode.MAC_LIMIT]
        assert alarms_in(bench.arp(HOST + 2, "10.1.0.1")) == []

    def test_a_host_here_with_the_gateways_address_is_no_plain_peer(
        self, make_bench: Make, alarms_in: Any
    ) -> None:
        bench = make_bench(Lan(mode=GatewayMode.PLAIN))
        assert alarms_in(bench.arp(HOST, "10.1.0.1")) == [AlarmCode.GATEWAY_IP_CLAIMED]

    def test_a_remote_host_with_the_gateways_mac_or_address(self, bench: Any, alarms_in: Any) -> None:
        assert alarms_in(bench.remote("pe3", virtual_mac(1))) == [AlarmCode.GATEWAY_MAC_CLAIMED]
        assert alarms_in(bench.remote("pe3", HOST, "10.1.0.1")) == [AlarmCode.GATEWAY_IP_CLAIMED]
        assert bench.table("GatewayMac", STRETCHED_BD, virtual_mac(1)) is not None
        assert bench.table("Neighbor", STRETCHED_BD, GATEWAY_IP) is None

    def test_a_host_whose_mac_turns_out_to_be_a_gateways(self, bench: Any, alarms_in: Any) -> None:
        bench.arp(HOST, IP)
        assert alarms_in(bench.receive(gateway_route(bench, "pe3", HOST))) == [AlarmCode.GATEWAY_MAC_CLAIMED]
        assert bench.own(HOST) == {}
        assert alarms_in(bench.frame(HOST)) == []
        assert bench.own(HOST) == {}

    def test_the_address_of_a_gateway_elsewhere(self, make_bench: Make, alarms_in: Any) -> None:
        bench = make_bench(Lan(Vmto.OFF))
        bench.receive(gateway_route(bench, "pe1", virtual_mac(1)))
        assert alarms_in(bench.arp(HOST, "10.1.0.1")) == [AlarmCode.DUPLICATE_IP]
        assert bench.table("Neighbor", STRETCHED_BD, GATEWAY_IP).mac == virtual_mac(1)

    def test_the_address_of_a_gateway_that_is_not_heard_of(self, make_bench: Make, alarms_in: Any) -> None:
        bench = make_bench(Lan(Vmto.OFF, GatewayMode.SILENT))
        assert alarms_in(bench.arp(HOST, "10.1.0.1")) == [AlarmCode.GATEWAY_IP_CLAIMED]
        assert list(bench.own(HOST)) == [None]
        assert bench.table("Neighbor", STRETCHED_BD, GATEWAY_IP) is None

    def test_a_gateway_that_is_heard_of_late_has_its_address(self, make_bench: Make, alarms_in: Any) -> None:
        """Neither its address nor a sequence tells: default gateways come first (bis §7.13.1)."""
        bench = make_bench(bd={"gateways": ()})
        bench.arp(HOST, "10.1.0.1")
        bench.receive(gateway_route(bench, "pe3", virtual_mac(1)))
        assert bench.table("Neighbor", STRETCHED_BD, GATEWAY_IP).mac == virtual_mac(1)
        assert list(bench.own(HOST)) == [None]
        assert alarms_in(bench.arp(HOST, "10.1.0.1", kind=NeighborKind.REPLY)) == [AlarmCode.DUPLICATE_IP]
        assert list(bench.own(HOST)) == [None]


class TestRouting:
    def test_symmetric_irb_sends_ip_to_the_ip_vrf(self, bench: Any) -> None:
        bench.remote("pe3", HOST, IP)
        assert route_via(bench, ip_network(IP)) == Remote(PE3, 300003)

    def test_asymmetric_irb_follows_the_mac(self, make_bench: Make) -> None:
        bench = make_bench(Lan(irb=Irb.ASYMMETRIC, vmto=Vmto.EGRESS))
        bench.remote("pe3", HOST, IP)
        adjacent = Adjacent(STRETCHED_BD, HOST, virtual_mac(1), Remote(PE3, 100003))
        assert route_via(bench, ip_network(IP)) == adjacent
        bench.remote("pe1", HOST, sequence=1)
        assert route_via(bench, ip_network(IP)) == Adjacent(
            STRETCHED_BD, HOST, virtual_mac(1), Remote(PE1, 100001)
        )

    def test_label_2_counts_only_with_the_targets_of_the_ip_vrf(self, bench: Any) -> None:
        config = bench.configs["pe3"]
        route = bench.route("pe3", HOST, IP)
        foreign = Route(route.nlri, Originator(config).mac(config.bds[0], HOST, 0, sticky=False).attributes)
        bench.receive(foreign)
        assert route_via(bench, ip_network(IP)) == Adjacent(
            STRETCHED_BD, HOST, virtual_mac(1), Remote(PE3, 100003)
        )

    def test_the_host_route_is_where_the_host_is(self, bench: Any) -> None:
        bench.arp(HOST, IP)
        assert route_via(bench, ip_network(IP)) == Adjacent(STRETCHED_BD, HOST, virtual_mac(1), LocalAc(1))
        assert str(ip_network(IP)) in [str(r.nlri.prefix) for r in own(bench, IpPrefix)]
        bench.remote("pe3", HOST, IP, sequence=1)
        assert [str(r.nlri.prefix) for r in own(bench, IpPrefix)] == [str(SUBNET)]

    def test_the_host_route_carries_the_sequence(self, bench: Any) -> None:
        bench.remote("pe3", HOST, IP, sequence=4)
        bench.arp(HOST, IP)
        (route,) = [r for r in own(bench, IpPrefix) if r.nlri.prefix.prefixlen == 32]
        assert route.attributes.find(MacMobility) == MacMobility(5)

    @pytest.mark.parametrize("carrier", list(HostRouteCarrier))
    def test_carriers(self, make_bench: Make, carrier: HostRouteCarrier) -> None:
        bench = make_bench(Lan(irb=Irb.ASYMMETRIC, carrier=carrier))
        bench.arp(HOST, IP)
        with_label2 = [r for r in own(bench, MacIpAdvertisement) if r.nlri.label2 == 300002]
        prefixes = [r for r in own(bench, IpPrefix) if r.nlri.prefix.prefixlen == 32]
        vpn = own(bench, VpnPrefix)
        assert (len(with_label2), len(prefixes), len(vpn)) == {
            HostRouteCarrier.TYPE2: (1, 0, 0),
            HostRouteCarrier.TYPE5: (0, 1, 0),
            HostRouteCarrier.VPN: (0, 0, 1),
        }[carrier]
        for route in with_label2:
            assert route.attributes.route_targets == {BD_RT, VRF_RT}
        for route in (*prefixes, *vpn):
            assert route.attributes.route_targets == {VRF_RT}

    def test_no_host_routes_without_ingress_optimization(self, make_bench: Make) -> None:
        bench = make_bench(Lan(Vmto.EGRESS))
        bench.arp(HOST, IP)
        assert [r.nlri.prefix for r in own(bench, IpPrefix)] == [SUBNET]

    def test_prefixes_by_preference_distance_and_address(self, bench: Any) -> None:
        prefix = ip_network("198.51.100.0/24")

        def receive(pe: str, local_pref: int = 100) -> None:
            config = bench.configs[pe]
            bench.receive(Originator(config).prefix(config.vrfs[0], prefix, local_pref))

        receive("pe3")
        receive("pe1")
        assert route_via(bench, prefix) == Remote(PE1, 300001)
        bench.send(NextHopChanged(PE1, 20))
        assert route_via(bench, prefix) == Remote(PE3, 300003)
        receive("pe1", 200)
        assert route_via(bench, prefix) == Remote(PE1, 300001)
        bench.send(NextHopChanged(PE1, None))
        assert route_via(bench, prefix) == Remote(PE3, 300003)
        bench.send(NextHopChanged(PE1, 5))
        assert route_via(bench, prefix) == Remote(PE1, 300001)

    def test_the_newest_vpn_host_route_wins(self, bench: Any) -> None:
        host = ip_network("198.51.100.7/32")
        routes = {}
        for pe in ("pe1", "pe3"):
            config = bench.configs[pe]
            attributes = Originator(config).prefix(config.vrfs[0], host, None).attributes
            routes[pe] = Route(VpnPrefix(config.vrfs[0].rd, host, config.vrfs[0].label), attributes)
        bench.receive(routes["pe1"])
        bench.receive(routes["pe3"])
        assert route_via(bench, host) == Remote(PE3, 300003)
        bench.withdraw(routes["pe3"])
        assert route_via(bench, host) == Remote(PE1, 300001)

    def test_a_pe_that_cannot_be_reached_is_not_used(self, bench: Any) -> None:
        config = bench.configs["pe3"]
        bench.receive(Originator(config).multicast(config.bds[0]))
        bench.remote("pe3", HOST, IP, sequence=1)
        bench.remote("pe1", HOST, IP)
        bench.send(NextHopChanged(PE3, None))
        assert bench.table("MacEntry", STRETCHED_BD, HOST).via == Remote(PE1, 100001)
        assert route_via(bench, ip_network(IP)) == Remote(PE1, 300001)
        assert bench.table("FloodList", STRETCHED_BD) == FloodList(STRETCHED_BD, (1, 2))
        bench.send(NextHopChanged(PE3, 10))
        assert bench.table("MacEntry", STRETCHED_BD, HOST).via == Remote(PE3, 100003)
        assert bench.table("FloodList", STRETCHED_BD) == FloodList(
            STRETCHED_BD, (1, 2), (Remote(PE3, 200003),)
        )

    def test_make_before_break(self, bench: Any) -> None:
        bench.arp(HOST, IP)
        outputs = bench.remote("pe3", HOST, IP, sequence=1)
        kinds = [type(o) for o in outputs if isinstance(o, Set | Withdraw)]
        assert kinds == sorted(kinds, key=lambda kind: kind is Withdraw)
        written = [type(o.obj) for o in outputs if isinstance(o, Set)]
        assert sorted(t.__name__ for t in written) == ["IpRoute", "MacEntry", "Neighbor"], "one write each"
        outputs = bench.arp(HOST, IP)
        said = [type(o) for o in outputs if isinstance(o, Set | Announce)]
        assert said == sorted(said, key=lambda kind: kind is Announce)


class TestProxy:
    def test_the_owner_answers_itself_on_its_own_circuit(self, bench: Any) -> None:
        bench.arp(HOST, IP, ac=2)
        assert bench.table("Neighbor", STRETCHED_BD, ADDRESS) == Neighbor(STRETCHED_BD, ADDRESS, HOST, 2)

    def test_neighbour_flags(self, bench: Any) -> None:
        bench.arp(HOST, "fe80::10", router=True, override=False)
        route = next(r for r in own(bench, MacIpAdvertisement) if r.nlri.ip == ip_address("fe80::10"))
        assert route.attributes.find(ArpNd) == ArpNd(router=True, override=False)
        neighbor = bench.table("Neighbor", STRETCHED_BD, ip_address("fe80::10"))
        assert (neighbor.router, neighbor.override) == (True, False)
        assert route_via(bench, ip_network("fe80::10")) is None, "link-local addresses are not routed"

    def test_a_link_local_address_names_no_ip_vrf(self, bench: Any) -> None:
        bench.arp(HOST, "fe80::10")
        route = next(r for r in own(bench, MacIpAdvertisement) if r.nlri.ip == ip_address("fe80::10"))
        assert route.nlri.label2 is None
        assert route.attributes.route_targets == {BD_RT}

    def test_a_branch_does_not_route_to_a_link_local_address(self, bench: Any) -> None:
        """Even if another PE offers to."""
        branch = EvpnPe(bench.configs["branch"])
        branch.start(0.0)
        branch.handle(NextHopChanged(PE3, 1), 0.0)
        offered = bench.route("pe3", HOST, IP)
        for address in (ADDRESS, ip_address("fe80::10")):
            route = Route(replace(offered.nlri, ip=address), offered.attributes)
            branch.handle(RouteEvent(route.key, route.nlri, route), 0.0)
        hosts = [i.prefix for i in branch.desired if isinstance(i, IpRoute) and i.via == Remote(PE3, 300003)]
        assert hosts == [ip_network(IP)]

    def test_an_immutable_binding_stays(self, bench: Any, alarms_in: Any) -> None:
        route = bench.route("pe3", 0x020000000077, IP)
        communities = (*route.attributes.extended_communities, ArpNd(immutable=True))
        attributes = type(route.attributes)(
            next_hop=route.attributes.next_hop, extended_communities=communities
        )
        for _ in range(2):
            bench.receive(Route(route.nlri, attributes))
            assert alarms_in(bench.arp(HOST, IP)) == [AlarmCode.DUPLICATE_IP]
            assert bench.table("Neighbor", STRETCHED_BD, ADDRESS).mac == 0x020000000077
            assert cleared(bench.withdraw(route)) == [AlarmCode.DUPLICATE_IP]

    def test_ipv6_gateway_and_host(self, make_bench: Make) -> None:
        bench = make_bench(Lan(gateways=("10.1.0.1/24", "2001:db8:1::1/64")))
        bench.arp(HOST, "2001:db8:1::10")
        prefix = ip_network("2001:db8:1::10/128")
        assert route_via(bench, prefix) == Adjacent(STRETCHED_BD, HOST, virtual_mac(1, 6), LocalAc(1))
        assert prefix in [r.nlri.prefix for r in own(bench, IpPrefix)]

    def test_an_unknown_address_is_asked_for_not_too_often(self, bench: Any, probes_in: Any) -> None:
        asked = bench.send(GleanMissed(STRETCHED_BD, ADDRESS))
        assert asked == [Probe(STRETCHED_BD, ADDRESS, None, (1, 2), virtual_mac(1), GATEWAY_IP, remote=True)]
        assert bench.send(GleanMissed(STRETCHED_BD, ADDRESS)) == []
        bench.advance(1.0)
        assert len(bench.send(GleanMissed(STRETCHED_BD, ADDRESS))) == 1
        bench.arp(HOST, IP)
        bench.advance(1.0)
        assert bench.send(GleanMissed(STRETCHED_BD, ADDRESS)) == []
        assert bench.send(GleanMissed(STRETCHED_BD, GATEWAY_IP)) == []
        assert bench.send(GleanMissed(STRETCHED_BD, ip_address("192.0.2.1"))) == []

    def test_labels_mean_what_they_were_given_for(self, bench: Any) -> None:
        targets = {k[1]: v.target for k, v in bench.tables.items() if isinstance(v, ServiceLabel)}
        assert {label: type(target).__name__ for label, target in targets.items()} == {
            100002: "BdUnicast",
            200002: "BdFlood",
            300002: "IpVrf",
        }
