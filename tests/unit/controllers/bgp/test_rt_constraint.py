"""RT constraint: who is sent what it asks for, and by whom (RFC 4684)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controllers.bgp.routes import Route
from controllers.wire.attributes import PathAttributes
from controllers.wire.types import EVPN, RT_CONSTRAINT, RouteTarget
from controllers.wire.vpn import RtMembership
from tests.unit.controllers.bgp.fabric import REFLECTOR, Fabric, mac_route, pe

RED, BLUE = RouteTarget.parse("65000:1"), RouteTarget.parse("65000:2")


def member(target: RouteTarget, number: int) -> Route:
    return Route(RtMembership.of(65000, target), PathAttributes(next_hop=pe(number)))


def test_routes_wait_until_they_are_asked_for() -> None:
    """RFC 4684 §3.2 and §4."""
    fabric = Fabric()
    fabric.star(3, (EVPN, RT_CONSTRAINT))
    fabric.engines[REFLECTOR].announce(Route(RtMembership.everything(), PathAttributes(next_hop=REFLECTOR)))
    fabric.settle()
    fabric.engines[pe(1)].announce(mac_route(1, 1, target=RED))
    fabric.engines[pe(1)].announce(mac_route(1, 2, target=BLUE))
    fabric.settle()
    assert len(fabric.known(REFLECTOR)) == 2
    assert fabric.known(pe(2)) == {}
    fabric.engines[pe(2)].announce(member(RED, 2))
    fabric.settle()
    assert [r.nlri.mac for r in fabric.known(pe(2)).values()] == [1]  # type: ignore[union-attr]
    assert fabric.known(pe(3)) == {}
    fabric.engines[pe(1)].announce(mac_route(1, 2, target=RED))
    fabric.settle()
    assert len(fabric.known(pe(2))) == 2, "a route whose target changes comes in"
    fabric.engines[pe(1)].announce(mac_route(1, 1, target=BLUE))
    fabric.settle()
    assert [r.nlri.mac for r in fabric.known(pe(2)).values()] == [2], "or goes"  # type: ignore[union-attr]
    fabric.engines[pe(2)].withdraw(member(RED, 2).key)
    fabric.settle()
    assert fabric.known(pe(2)) == {}


@pytest.mark.parametrize("becomes", [None, BLUE], ids=["withdrawn", "another target"])
def test_what_goes_together_with_the_wish_for_it_is_withdrawn(becomes: RouteTarget | None) -> None:
    """Both reach the reflector before it flushes. Else the PE has the route as soon as it wants it again."""
    fabric = Fabric()
    fabric.star(2, (EVPN, RT_CONSTRAINT))
    fabric.engines[REFLECTOR].announce(Route(RtMembership.everything(), PathAttributes(next_hop=REFLECTOR)))
    fabric.engines[pe(2)].announce(member(RED, 2))
    fabric.engines[pe(1)].announce(mac_route(1, 1, target=RED))
    fabric.settle()
    assert len(fabric.known(pe(2))) == 1
    if becomes is None:
        fabric.engines[pe(1)].withdraw(mac_route(1, 1).key)
    else:
        fabric.engines[pe(1)].announce(mac_route(1, 1, target=becomes))
    fabric.engines[pe(2)].withdraw(member(RED, 2).key)
    for number in (1, 2):
        fabric.flush(pe(number))
        fabric.deliver(REFLECTOR, pe(number))
    fabric.settle()
    assert fabric.known(pe(2)) == {}


def test_a_wish_that_comes_back_in_a_loop_is_no_wish() -> None:
    """It replaces the one before and is discarded (RFC 4456 §8): nothing is sent for it any more."""
    fabric = Fabric()
    fabric.star(2, (EVPN, RT_CONSTRAINT))
    fabric.engines[REFLECTOR].announce(Route(RtMembership.everything(), PathAttributes(next_hop=REFLECTOR)))
    wish = member(RED, 2)
    fabric.engines[pe(2)].announce(wish)
    fabric.engines[pe(1)].announce(mac_route(1, 1, target=RED))
    fabric.settle()
    assert len(fabric.known(pe(2))) == 1
    looped = replace(wish.attributes, cluster_list=(REFLECTOR,))
    fabric.engines[pe(2)].announce(replace(wish, attributes=looped))
    fabric.settle()
    assert fabric.known(pe(2)) == {}


def test_two_clients_with_one_target_hear_of_each_other_through_a_reflector_without_default() -> None:
    """The best membership may be one's own: a reflector must still send it to its client (RFC 4684 §3.2)."""
    fabric = Fabric()
    fabric.star(2, (EVPN, RT_CONSTRAINT))
    for number in (1, 2):
        fabric.engines[pe(number)].announce(member(RED, number))
        fabric.engines[pe(number)].announce(mac_route(number, number, target=RED))
    fabric.settle()
    assert len(fabric.known(pe(1))) == len(fabric.known(pe(2))) == 2


@pytest.mark.parametrize("left", [1, 2])
def test_two_reflectors_with_clients_of_one_target_tell_each_other(left: int) -> None:
    """The better path is the other's: its own client's is what a reflector tells it (RFC 4684 §3.2)."""
    fabric = Fabric()
    second, families = pe(101), (EVPN, RT_CONSTRAINT)
    fabric.add(REFLECTOR)
    fabric.add(second)
    fabric.connect(REFLECTOR, second, families=families)
    for reflector, number in ((REFLECTOR, 1), (second, 2)):
        fabric.add(pe(number))
        fabric.connect(reflector, pe(number), families=families, a_sees={"client": True})
        fabric.engines[pe(number)].announce(member(RED, number))
        fabric.engines[pe(number)].announce(mac_route(number, number, target=RED))
    fabric.settle()
    assert [len(fabric.known(address)) for address in fabric.engines] == [2, 2, 2, 2]
    fabric.engines[pe(left)].withdraw(member(RED, left).key)
    fabric.settle()
    assert len(fabric.known(pe(3 - left))) == 2
    assert len(fabric.known(pe(left))) == 1, "only its own"
    fabric.engines[pe(3 - left)].withdraw(member(RED, 3 - left).key)
    fabric.settle()
    assert all(fabric.known(address, RT_CONSTRAINT) == {} for address in fabric.engines)
