"""Addresses of hosts on one core: what is learned, refused, asked for and forgotten (RFC 9161, RFC 9721)."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from msgspec.structs import replace

from controllers.bgp.routes import Route
from controllers.evpn.events import AcDown, ClearDuplicate, GleanMissed, NeighborKind, NextHopChanged
from controllers.evpn.simulation import STRETCHED_BD, VRF
from controllers.intents import Neighbor, Remote
from controllers.pe.outputs import Alarm, AlarmCode
from controllers.wire.evpn import MacIpAdvertisement
from controllers.wire.extended import ArpNd

HOST = 0x020000000010
OTHER = 0x020000000011
STRANGER = 0x020000000012
PE1, PE3 = ip_address("10.255.0.1"), ip_address("10.255.0.3")
IP = "10.1.0.10"
IP6 = "fe80::10"


def own(bench: Any, ip: str) -> Any:
    """The route of an address that PE 2 originates."""
    for route in bench.routes.values():
        if isinstance(route.nlri, MacIpAdvertisement) and route.nlri.ip == ip_address(ip):
            return route
    return None


class TestFlags:
    """RFC 9047 §2: whether a host is a router, which only its advertisements say."""

    def flags(self, bench: Any) -> list[ArpNd]:
        """As this PE answers for the host, and as it advertises it."""
        answer = bench.table("Neighbor", STRETCHED_BD, ip_address(IP6))
        assert isinstance(answer, Neighbor)
        return [ArpNd(router=answer.router, override=answer.override), own(bench, IP6).attributes.find(ArpNd)]

    def test_an_advertisement_after_a_solicitation_tells(self, bench: Any) -> None:
        bench.arp(HOST, IP6, kind=NeighborKind.REQUEST)
        assert self.flags(bench) == [ArpNd(router=False, override=True)] * 2
        bench.arp(HOST, IP6, kind=NeighborKind.REPLY, router=True)
        assert self.flags(bench) == [ArpNd(router=True, override=True)] * 2
        assert bench.arp(HOST, IP6, kind=NeighborKind.REPLY, router=True) == []

    def test_a_solicitation_tells_nothing(self, bench: Any) -> None:
        bench.arp(HOST, IP6, router=True)
        for ac in (1, 2):
            bench.arp(HOST, IP6, ac=ac, kind=NeighborKind.REQUEST)
            assert self.flags(bench) == [ArpNd(router=True, override=True)] * 2

    def test_a_router_that_has_moved_is_one_still(self, bench: Any) -> None:
        route = bench.route("pe3", HOST, IP6)
        flags = (ArpNd(router=True, override=False), *route.attributes.extended_communities)
        communities = tuple(c for c in flags if c != ArpNd(router=False, override=True))
        bench.receive(Route(route.nlri, replace(route.attributes, extended_communities=communities)))
        bench.arp(HOST, IP6, kind=NeighborKind.REQUEST)
        assert self.flags(bench) == [ArpNd(router=True, override=False)] * 2

    def test_another_host_with_the_address_is_none_until_it_says_so(self, bench: Any) -> None:
        bench.arp(HOST, IP6, router=True)
        bench.arp(OTHER, IP6, kind=NeighborKind.REQUEST)
        assert self.flags(bench) == [ArpNd(router=False, override=True)] * 2


class TestDuplicates:
    """RFC 9161 §3.7, and for addresses what bis §15.3 has for MACs."""

    def flap(self, bench: Any) -> None:
        """The address shows up at PE 3 and here by turns, with another MAC, until it is a duplicate."""
        for sequence in range(1, 10, 2):
            bench.remote("pe3", OTHER, IP, sequence)
            bench.arp(HOST, IP)
        assert own(bench, IP) is None

    def test_the_operator_clears(self, bench: Any) -> None:
        self.flap(bench)
        outputs = bench.send(ClearDuplicate(STRETCHED_BD))
        assert [o.code for o in outputs if isinstance(o, Alarm) and o.cleared] == [AlarmCode.DUPLICATE_IP]
        bench.arp(HOST, IP)
        assert own(bench, IP).nlri.mac == HOST

    def test_an_address_that_nobody_has_is_no_duplicate(self, bench: Any) -> None:
        self.flap(bench)
        outputs = bench.remote_gone("pe3", OTHER, IP)
        assert [o.code for o in outputs if isinstance(o, Alarm) and o.cleared] == [AlarmCode.DUPLICATE_IP]
        bench.arp(HOST, IP)
        assert own(bench, IP).nlri.mac == HOST
        assert not [o for o in bench.advance(3600.0) if isinstance(o, Alarm)]

    def test_an_address_of_a_duplicate_mac_stays_where_that_does(self, bench: Any) -> None:
        """RFC 7432 §15.1: no route for the MAC is processed, with an address or without."""
        for sequence in range(1, 10, 2):
            bench.remote("pe3", HOST, IP, sequence)
            bench.frame(HOST)
        bench.remote("pe1", HOST, sequence=1000)
        for ip in (IP, "10.1.0.11"):
            bench.remote("pe1", HOST, ip, 1000)
        places = [bench.table("IpRoute", VRF, ip_network(ip)) for ip in (IP, "10.1.0.11")]
        assert [place and place.via for place in places] == [Remote(PE3, 300003), None]
        bench.send(ClearDuplicate(STRETCHED_BD))
        places = [bench.table("IpRoute", VRF, ip_network(ip)) for ip in (IP, "10.1.0.11")]
        assert [place.via for place in places] == [Remote(PE1, 300001)] * 2

    def test_a_mac_that_is_not_taken_moves_no_address(self, make_bench: Any, alarms_in: Any) -> None:
        bench = make_bench(bd={"mac_limit": 1})
        bench.frame(STRANGER)
        bench.remote("pe3", OTHER, IP)
        outputs = [output for _ in range(10) for output in bench.arp(HOST, IP)]
        assert alarms_in(outputs) == [AlarmCode.MAC_LIMIT]
        bench.arp(STRANGER, IP)
        assert own(bench, IP).nlri.mac == STRANGER


class TestReachability:
    def test_a_pe_that_cannot_be_reached_takes_no_address(self, bench: Any, probes_in: Any) -> None:
        bench.arp(HOST, IP)
        pe3 = bench.configs["pe3"].loopback
        bench.send(NextHopChanged(pe3, None))
        assert probes_in(bench.remote("pe3", OTHER, IP, 5)) == []
        assert bench.table("Neighbor", STRETCHED_BD, ip_address(IP)).mac == HOST
        assert own(bench, IP).nlri.mac == HOST
        (probe,) = probes_in(bench.send(NextHopChanged(pe3, 10)))
        assert (probe.ip, probe.mac, probe.acs) == (ip_address(IP), HOST, (1,))
        assert bench.table("Neighbor", STRETCHED_BD, ip_address(IP)).mac == OTHER
        assert own(bench, IP) is None


class TestNothingIsLeft:
    def test_of_a_mac_that_did_not_answer_and_went(self, bench: Any) -> None:
        bench.remote("pe3", HOST, IP)
        bench.frame(HOST)
        bench.remote_gone("pe3", HOST, IP)
        bench.send(AcDown(1))
        bench.advance(60.0)
        assert bench.core.bds[STRETCHED_BD].bindings.all() == []
        assert bench.core.bds[STRETCHED_BD].records() == []

    def test_of_a_mac_that_went_where_nobody_has_it_any_more(self, bench: Any) -> None:
        bench.arp(HOST, IP)
        bench.remote("pe3", HOST, sequence=1)
        bench.remote("pe4", OTHER, IP)
        bench.remote_gone("pe3", HOST)
        bench.remote_gone("pe4", OTHER, IP)
        assert bench.core.bds[STRETCHED_BD].bindings.all() == []
        assert bench.core.bds[STRETCHED_BD].records() == []
        assert len(bench.send(GleanMissed(STRETCHED_BD, ip_address(IP)))) == 1
