"""A neighbour whose session broke and that forwards on: its routes are kept (RFC 4724 §4.2)."""

from __future__ import annotations

from typing import Any

import pytest

from controllers.bgp.routes import Route
from controllers.bgp.session import SessionConfig
from controllers.bgp.session_events import Closed, Down, Event, Opened, Received, Send, Start, Stop, Up
from controllers.wire.errors import ErrorCode
from controllers.wire.messages import GracefulRestart, Keepalive, Notification, Open
from controllers.wire.types import EVPN, RT_CONSTRAINT, VPNV4, Family
from controllers.wire.vpn import RtMembership
from tests.unit.controllers.bgp.fabric import REFLECTOR, TARGET, Fabric, mac_route, pe
from tests.unit.controllers.bgp.test_session import OURS, THEIRS, Driven, Session

CLIENT: dict[str, Any] = {"client": True, "restart_time": 30}


def star(families: tuple[Family, ...] = (EVPN,)) -> Fabric:
    """PE 1 forwards on without its controller, PE 2 and PE 3 do not say so."""
    fabric = Fabric()
    fabric.add(REFLECTOR)
    for number, sees in ((1, CLIENT), (2, {"client": True}), (3, {"client": True})):
        fabric.add(pe(number))
        fabric.connect(REFLECTOR, pe(number), families=families, a_sees=sees)
    fabric.settle()
    return fabric


def restart(fabric: Fabric, families: tuple[Family, ...] = (EVPN,)) -> None:
    """PE 1's controller comes back and knows nothing."""
    fabric.add(pe(1))
    fabric.connect(REFLECTOR, pe(1), families=families, a_sees=CLIENT)


def test_a_restart_is_not_noticed_by_others() -> None:
    fabric = star()
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    fabric.settle()
    before = len(fabric.events[pe(2)])
    assert fabric.disconnect(REFLECTOR, pe(1), broken=True) == 30.0
    fabric.settle()
    assert len(fabric.known(pe(2))) == 1
    restart(fabric)
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    fabric.settle()
    assert len(fabric.known(pe(2))) == 1
    assert len(fabric.events[pe(2)]) == before


def test_what_is_not_said_again_is_gone_with_the_end_of_the_table() -> None:
    fabric = star()
    for mac in (1, 2, 3):
        fabric.engines[pe(1)].announce(mac_route(1, mac))
    fabric.settle()
    fabric.disconnect(REFLECTOR, pe(1), broken=True)
    restart(fabric)
    fabric.engines[pe(1)].announce(mac_route(1, 2))
    fabric.engines[pe(1)].announce(mac_route(1, 3, label=77))
    fabric.settle()
    assert set(fabric.known(pe(2))) == {str(mac_route(1, 2).nlri), str(mac_route(1, 3, label=77).nlri)}
    fabric.engines[pe(1)].withdraw(mac_route(1, 2).key)
    fabric.settle()
    assert len(fabric.known(pe(2))) == 1


def test_a_neighbour_that_does_not_come_back_is_forgotten() -> None:
    fabric = star()
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    fabric.settle()
    fabric.disconnect(REFLECTOR, pe(1), broken=True)
    fabric.engines[REFLECTOR].expire(pe(1))
    fabric.settle()
    assert fabric.known(pe(2)) == {}
    restart(fabric)
    fabric.settle()
    assert fabric.known(pe(2)) == {}


@pytest.mark.parametrize(("number", "broken"), [(1, False), (2, True)])
def test_nothing_is_kept_of_one_that_took_leave_or_did_not_ask(number: int, broken: bool) -> None:
    fabric = star()
    fabric.engines[pe(number)].announce(mac_route(number, 1))
    fabric.settle()
    assert fabric.disconnect(REFLECTOR, pe(number), broken=broken) == 0
    fabric.settle()
    assert fabric.known(pe(3)) == {}


def test_a_second_break_before_the_table_was_complete_keeps_what_was_confirmed() -> None:
    fabric = star()
    for mac in (1, 2):
        fabric.engines[pe(1)].announce(mac_route(1, mac))
    fabric.settle()
    fabric.disconnect(REFLECTOR, pe(1), broken=True)
    restart(fabric)
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    neighbor = fabric.sessions[REFLECTOR, pe(1)]
    fabric.flush(pe(1))
    neighbor.stale[EVPN].discard(mac_route(1, 1).key.prefix)
    fabric.disconnect(REFLECTOR, pe(1), broken=True)
    fabric.settle()
    assert set(fabric.known(pe(2))) == {str(mac_route(1, 1).nlri)}


def test_what_a_restarted_client_asked_for_is_remembered_too() -> None:
    """With RT constraint it gets its table at once, and End-of-RIB after it."""
    families = (EVPN, RT_CONSTRAINT)
    fabric = star(families)
    membership = RtMembership.of(65000, TARGET)
    for number in (1, 2):
        route = mac_route(number, number)
        fabric.engines[pe(number)].announce(route)
        fabric.engines[pe(number)].announce(Route(membership, route.attributes))
    fabric.settle()
    assert len(fabric.known(pe(1))) == 2
    fabric.disconnect(REFLECTOR, pe(1), broken=True)
    restart(fabric, families)
    fabric.flush(REFLECTOR)
    fabric.deliver(pe(1), REFLECTOR)
    assert len(fabric.known(pe(1))) == 1, "in the first messages already"


def driven(ours: int | None, theirs: int | None) -> tuple[Driven, Up]:
    """An established session between speakers with these restart times."""
    config = SessionConfig(65000, OURS, 65000, (EVPN, VPNV4), restart_time=ours)
    remote = SessionConfig(65000, THEIRS, 65000, (EVPN,), restart_time=theirs)
    session = Driven(Session(config))

    events = (Start(), Opened(1, True), Received(1, remote.open()), Received(1, Keepalive()))
    (up,) = [action for action in session.give(*events) if isinstance(action, Up)]
    return session, up


@pytest.mark.parametrize(
    ("ours", "theirs", "time", "keeps"),
    [(0, 30, 30, (EVPN,)), (30, 0, 0, ()), (None, 30, 0, ()), (0, None, 0, ())],
)
def test_both_must_offer_it(
    ours: int | None, theirs: int | None, time: int, keeps: tuple[Family, ...]
) -> None:
    _, up = driven(ours, theirs)
    assert (up.negotiated.restart_time, up.negotiated.keeps, up.negotiated.preserved) == (time, keeps, keeps)


@pytest.mark.parametrize("resumed", [True, False])
def test_what_an_open_says_of_a_restart(resumed: bool) -> None:
    """RFC 4724 §4.1: only the first session of a process follows a restart, and only where there was
    something to resume is forwarding state preserved; a session that merely broke leaves it as it is."""
    session = Driven(Session(SessionConfig(65000, OURS, 65000, (EVPN,), restart_time=30)))
    theirs = SessionConfig(65000, THEIRS, 65000, (EVPN,)).open()

    def offered(*events: Event) -> GracefulRestart | None:
        (message,) = [a.message for a in session.give(*events) if isinstance(a, Send)]
        assert isinstance(message, Open)
        return message.capabilities.graceful_restart

    first = GracefulRestart(30, ((EVPN, resumed),), restarted=resumed)
    assert offered(Start(resumed), Opened(1, True)) == first
    assert offered(Closed(1, "refused"), Opened(2, True)) == first, "that was no session yet"
    session.give(Received(2, theirs), Received(2, Keepalive()))
    assert offered(Closed(2, "lost"), Opened(3, True)) == GracefulRestart(30, ((EVPN, True),))


def test_only_a_connection_that_is_lost_is_broken() -> None:
    for event, broken in (
        (Closed(1, "gone"), True),
        (Received(1, Notification(ErrorCode.CEASE, 2)), False),
        (Stop(), False),
    ):
        session, _ = driven(0, 30)
        (down,) = [action for action in session.give(event) if isinstance(action, Down)]
        assert down.broken is broken


def test_the_end_of_a_table_is_not_marked_before_the_neighbour_has_said_what_it_wants() -> None:
    """Else a reflector would drop what a restarted PE is about to say (RFC 4684 §6)."""
    families = (EVPN, RT_CONSTRAINT)
    fabric = star(families)
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    membership = RtMembership.of(65000, TARGET)
    for number in (1, 2):
        fabric.engines[pe(number)].announce(Route(membership, mac_route(number, number).attributes))
    everything = Route(RtMembership.everything(), mac_route(100, 100).attributes)
    fabric.engines[REFLECTOR].announce(everything)
    fabric.settle()
    fabric.events[pe(2)].clear()
    fabric.disconnect(REFLECTOR, pe(1), broken=True)
    restart(fabric, families)
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    fabric.engines[pe(1)].announce(Route(membership, mac_route(1, 1).attributes))
    # The PE speaks before it has heard what the reflector wants.
    fabric.flush(pe(1))
    while fabric.queues[REFLECTOR, pe(1)]:
        fabric.deliver(REFLECTOR, pe(1))
    fabric.settle()
    assert len(fabric.known(pe(2))) == 1
    assert [event for event in fabric.events[pe(2)] if event.key.family == EVPN] == []
