"""Which target a prefix gets, and what is originated."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any, Never

import pytest

from controllers.bgp.routes import Route
from controllers.intents import Adjacent, Drop, Glean, IpNetwork, IpRoute, LocalAc, Remote
from controllers.pe.ip_paths import IpPath
from controllers.pe.ip_vrf import Host, HostRank, IpVrf
from controllers.pe.outputs import Effects
from controllers.wire.attributes import PathAttributes
from controllers.wire.types import EVPN, IpAddress, RouteDistinguisher, RouteKey
from controllers.wire.vpn import VpnPrefix

HOST = ip_address("10.1.0.10")
PREFIX = ip_network("10.1.0.10/32")
SUBNET = ip_network("10.1.0.0/24")
PE1, PE2 = ip_address("10.255.0.1"), ip_address("10.255.0.2")
LOCAL = Adjacent(10, 2, 1, LocalAc(1))
FAR = Adjacent(10, 2, 1, Remote(PE1, 100))


class Bench:
    def __init__(self, *, hosts: bool = True) -> None:
        self.effects: Effects[Never] = Effects()
        self.metrics: dict[IpAddress, int | None] = {PE1: 1, PE2: 1}
        self.vrf = IpVrf(1, self.effects, self.metrics, self.route, self.route if hosts else None)

    def route(self, prefix: IpNetwork, number: int | None) -> Route:
        attributes = PathAttributes(next_hop=PE2, local_pref=number)
        return Route(VpnPrefix(RouteDistinguisher.of_as(1, 1), prefix, 300), attributes)

    def path(
        self, pe: IpAddress, prefix: IpNetwork = PREFIX, sequence: int = 0, *, evpn: bool = True
    ) -> IpPath:
        path = IpPath(RouteKey(EVPN, pe.packed), prefix, Remote(pe, 300), evpn, sequence, 100, 0)
        self.vrf.received(path)
        return path

    def via(self, prefix: IpNetwork = PREFIX) -> Any:
        route = self.effects.desired.get(("IpRoute", 1, prefix))
        return route.via if isinstance(route, IpRoute) else None

    @property
    def originated(self) -> list[IpNetwork]:
        return [r.nlri.prefix for r in self.effects.originated.values() if isinstance(r.nlri, VpnPrefix)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_local_host_wins_and_is_originated(bench: Bench) -> None:
    bench.path(PE1, sequence=9)
    bench.vrf.set_host(HOST, Host(LOCAL, HostRank.LOCAL, 0))
    assert bench.via() == LOCAL
    assert bench.originated == [PREFIX]
    bench.vrf.set_host(HOST, None)
    assert bench.via() == Remote(PE1, 300)
    assert bench.originated == []


def test_hosts_are_originated_only_if_asked_for() -> None:
    bench = Bench(hosts=False)
    bench.vrf.set_host(HOST, Host(LOCAL, HostRank.LOCAL, 0))
    assert bench.originated == []


def test_a_remote_host_is_not_originated(bench: Bench) -> None:
    for rank in (HostRank.REMOTE, HostRank.MOVED):
        bench.vrf.set_host(HOST, Host(FAR, rank, 1))
        assert bench.originated == []


def test_the_bridge_domain_knows_better_unless_the_host_moved_since(bench: Bench) -> None:
    bench.vrf.set_host(HOST, Host(FAR, HostRank.REMOTE, 1))
    bench.path(PE2, sequence=1)
    assert bench.via() == FAR
    bench.path(PE2, sequence=2)
    assert bench.via() == Remote(PE2, 300)


def test_a_host_that_moved_away_goes_by_any_route_of_its_new_place(bench: Bench) -> None:
    bench.vrf.set_host(HOST, Host(FAR, HostRank.MOVED, 0))
    assert bench.via() == FAR
    bench.path(PE2)
    assert bench.via() == Remote(PE2, 300)


def test_evpn_before_vpn_and_the_latest_sequence(bench: Bench) -> None:
    bench.path(PE2, evpn=False)
    bench.path(PE1)
    assert bench.via() == Remote(PE1, 300)
    bench.path(PE2, sequence=1)
    assert bench.via() == Remote(PE2, 300)


def test_connected_prefixes(bench: Bench) -> None:
    bench.path(PE1, SUBNET)
    bench.vrf.connect(SUBNET, 10, 200)
    assert bench.via(SUBNET) == Glean(10)
    bench.vrf.connect(SUBNET, None, 100)
    assert bench.via(SUBNET) == Drop()
    assert len(bench.originated) == 1


def test_a_pe_that_cannot_be_reached(bench: Bench) -> None:
    bench.path(PE1)
    bench.metrics[PE1] = None
    bench.vrf.next_hop_changed(PE1)
    assert bench.via() is None
    bench.metrics[PE1] = 1
    bench.vrf.next_hop_changed(PE1)
    assert bench.via() == Remote(PE1, 300)
    bench.vrf.withdrawn(RouteKey(EVPN, PE1.packed))
    assert bench.via() is None
    assert bench.effects.desired == {}
