"""Our PEs behind each reflector a lab can name: what one announces, the other hears, unchanged."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controllers.bgp.policy import Statement
from controllers.runtime.bgp import Route
from controllers.wire.attributes import PathAttributes
from controllers.wire.evpn import EthernetAutoDiscovery, IpPrefix, MacIpAdvertisement
from controllers.wire.extended import ArpNd, DfElection, Layer2Attributes, MacMobility
from controllers.wire.types import EVPN, RT_CONSTRAINT, VPLS, VPNV4, VPNV6, RouteDistinguisher, RouteTarget
from controllers.wire.vpn import RtMembership
from tests.interop.bgp.conftest import Lab
from tests.interop.bgp.lab import (
    EVPN_ROUTES,
    RD,
    REFLECTOR,
    TARGET,
    VPLS_ROUTE,
    VPNV4_ROUTE,
    VPNV6_ROUTE,
    Pe,
    attributes,
    eventually,
    pe,
    plain,
)

pytestmark = pytest.mark.needs_root


def heard(*routes: Route) -> dict[object, tuple[object, PathAttributes]]:
    return {route.key: (route.nlri, plain(route.attributes)) for route in routes}


def table(found: Pe) -> dict[object, tuple[object, PathAttributes]]:
    return {key: (route.nlri, plain(route.attributes)) for key, route in found.table.items()}


def as_passed_on(kind: str, route: Route) -> Route:
    """What is known to be lost on the way. Through our own reflector: nothing.

    gobgpd 3.10 drops routes with communities it does not know; `export_policy` leaves those out. FRR 8.4
    sends label 0 in auto-discovery routes per EVI and forgets the gateway of a prefix route.
    """
    if kind == "gobgp":
        left_out = Statement(remove_kinds=(Layer2Attributes, DfElection, ArpNd))
        return replace(route, attributes=left_out.change(route.attributes))
    if kind == "frr" and isinstance(route.nlri, EthernetAutoDiscovery):
        return replace(route, nlri=replace(route.nlri, label=0))
    if kind == "frr" and isinstance(route.nlri, IpPrefix):
        return replace(route, nlri=replace(route.nlri, gateway=None))
    return route


async def test_every_evpn_route_arrives_intact(lab: Lab, kind: str) -> None:
    await lab.reflector(kind)
    one, two = await lab.pe(1), await lab.pe(2)
    one.speaker.announce(*EVPN_ROUTES.values())
    await two.until(lambda p: len(p.table) == len(EVPN_ROUTES), "all routes arrive")
    assert table(two) == heard(*(as_passed_on(kind, route) for route in EVPN_ROUTES.values()))
    for route in two.table.values():
        assert route.attributes.originator_id == pe(1)
        assert route.attributes.cluster_list == (REFLECTOR,)
        assert route.peer == REFLECTOR
    assert one.table == {}, "nobody hears of his own routes"


async def test_changes_and_withdrawals_arrive(lab: Lab, kind: str) -> None:
    await lab.reflector(kind)
    one, two = await lab.pe(1), await lab.pe(2)
    route = EVPN_ROUTES["2 MAC and IPv4, two labels"]
    one.speaker.announce(*EVPN_ROUTES.values())
    await two.until(lambda p: len(p.table) == len(EVPN_ROUTES), "all routes arrive")
    moved = replace(route, attributes=attributes(MacMobility(8)))
    one.speaker.announce(moved)
    await two.until(lambda p: p.table[route.key].attributes.find(MacMobility) == MacMobility(8), "the change")
    one.speaker.withdraw(*(r.key for r in EVPN_ROUTES.values()))
    await two.until(lambda p: not p.table, "all routes leave")


async def test_a_machine_moves(lab: Lab, kind: str) -> None:
    """Both routes exist for a moment, under their PEs' distinguishers; then only the new one."""
    await lab.reflector(kind, clients=3)
    one, two, three = await lab.pe(1), await lab.pe(2), await lab.pe(3)
    old = EVPN_ROUTES["2 MAC only"]
    nlri = MacIpAdvertisement(
        RouteDistinguisher.of_ipv4(pe(2), 100),
        old.nlri.esi,
        0,
        0x020000000001,
        None,
        101,  # type: ignore[union-attr]
    )
    new = Route(nlri, replace(attributes(MacMobility(0)), next_hop=pe(2)))
    one.speaker.announce(old)
    await three.until(lambda p: old.key in p.table, "the old place")
    await two.until(lambda p: old.key in p.table, "the old place")
    two.speaker.announce(new)
    await one.until(lambda p: new.key in p.table, "the new place")
    one.speaker.withdraw(old.key)
    await three.until(lambda p: p.table.keys() == {new.key}, "only the new place")
    assert three.table[new.key].next_hop == pe(2)


async def test_vpn_routes(lab: Lab, kind: str) -> None:
    families = (EVPN, VPNV4, VPNV6)
    await lab.reflector(kind, families=families)
    one, two = await lab.pe(1, families), await lab.pe(2, families)
    one.speaker.announce(VPNV4_ROUTE, VPNV6_ROUTE)
    await two.until(lambda p: len(p.table) == 2, "both routes arrive")
    assert table(two) == heard(VPNV4_ROUTE, VPNV6_ROUTE)
    one.speaker.withdraw(VPNV4_ROUTE.key, VPNV6_ROUTE.key)
    await two.until(lambda p: not p.table, "both leave")


async def test_vpls_routes(lab: Lab, kind: str) -> None:
    if kind == "frr":
        pytest.skip("FRR has no VPLS")
    await lab.reflector(kind, families=(VPLS,))
    one, two = await lab.pe(1, (VPLS,)), await lab.pe(2, (VPLS,))
    one.speaker.announce(VPLS_ROUTE)
    await two.until(lambda p: bool(p.table), "the block arrives")
    assert table(two) == heard(VPLS_ROUTE)


def member(number: int, target: RouteTarget) -> Route:
    return Route(RtMembership.of(65000, target), PathAttributes(next_hop=pe(number)))


async def test_rt_constraint(lab: Lab, kind: str) -> None:
    """Routes reach those who asked for their target, and no one else."""
    if kind == "frr":
        pytest.skip("FRR has no RT constraint")
    families = (EVPN, RT_CONSTRAINT)
    other = RouteTarget.parse("65000:999")
    await lab.reflector(kind, clients=3, families=families)
    one, two, three = [await lab.pe(number, families) for number in (1, 2, 3)]
    two.speaker.announce(member(2, TARGET))
    three.speaker.announce(member(3, other))
    route = EVPN_ROUTES["3 ingress replication"]
    stranger = Route(IpPrefix(RD, 0, EVPN_ROUTES["5 IPv4"].nlri.prefix, 1), attributes(other))  # type: ignore[union-attr]
    one.speaker.announce(route, stranger)
    await two.until(lambda p: {route.key, stranger.key} <= p.table.keys(), "what it asked for")
    await three.until(lambda p: stranger.key in p.table, "what it asked for")
    assert route.key not in three.table
    three.speaker.announce(member(3, TARGET))
    await three.until(lambda p: route.key in p.table, "what it asks for later")


async def test_route_refresh(lab: Lab, kind: str) -> None:
    """Asked again, the reflector sends everything again (RFC 2918)."""
    await lab.reflector(kind)
    one, two = await lab.pe(1), await lab.pe(2)
    one.speaker.announce(*EVPN_ROUTES.values())
    await two.until(lambda p: len(p.table) == len(EVPN_ROUTES), "all routes arrive")

    def announced() -> int:
        return two.speaker.peers()[0].counters.announced_in

    before = announced()
    assert two.speaker.request_refresh(REFLECTOR, EVPN)
    await eventually(lambda: announced() >= before + len(EVPN_ROUTES), "all routes once more")


async def test_sessions_come_back(lab: Lab, kind: str) -> None:
    """A reset restores every route but those withdrawn while there was no session."""
    await lab.reflector(kind)
    one, two = await lab.pe(1), await lab.pe(2)
    one.speaker.announce(*EVPN_ROUTES.values())
    await two.until(lambda p: len(p.table) == len(EVPN_ROUTES), "all routes arrive")
    (gone, *kept) = EVPN_ROUTES.values()
    one.speaker.reset_peer(REFLECTOR)
    one.speaker.withdraw(gone.key)
    await two.until(lambda p: p.table.keys() == {route.key for route in kept}, "all but one come back", 30)
    one.speaker.announce(gone)
    await two.until(lambda p: len(p.table) == len(EVPN_ROUTES), "it is announced again", 30)
    two.speaker.reset_peer(REFLECTOR)
    # Where all speakers share a process a session may be back before anybody was told that its routes went.
    await two.until(lambda p: [event.up for event in p.peers] == [True, False, True], "another session", 30)
    await two.until(lambda p: len(p.table) == len(EVPN_ROUTES), "and all routes with it", 30)


@pytest.mark.parametrize("preserved", [True, False], ids=["switch forwards on", "switch came up empty"])
async def test_a_controller_that_dies_and_comes_back(lab: Lab, kind: str, preserved: bool) -> None:
    """RFC 4724 §4: what it says again was never gone, if its switch kept it; all else is gone then.

    FRR 8.4 keeps no EVPN routes: they go and come.
    """
    await lab.reflector(kind)
    one, two = await lab.pe(1, restart_time=60), await lab.pe(2, restart_time=60)
    one.speaker.announce(*EVPN_ROUTES.values())
    await two.until(lambda p: len(p.table) == len(EVPN_ROUTES), "all routes arrive")
    said_again = {route.key: route for name, route in EVPN_ROUTES.items() if name.startswith("2")}
    one.speaker.abort()
    again = await lab.pe(1, restart_time=60, resumed=preserved)
    again.speaker.announce(*said_again.values())
    await two.until(lambda p: p.table.keys() == said_again.keys(), "only what is said again")
    if preserved and kind != "frr":
        assert not two.lost & said_again.keys()
