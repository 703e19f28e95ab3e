"""Which ports had no carrier, and which packets nobody could report."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from testbed.experiments.carriers import IN_FLIGHT, Carriers, unsure
from testbed.model.plan import Endpoint, Plan
from testbed.observe.timeline import Event

HOME = {"vm1": "dc1"}


def slot(plan: Plan, name: str) -> Endpoint:
    return plan.vms["vm1"].slot(name).port


def ends(plan: Plan, a: str, b: str) -> set[Endpoint]:
    return {end for c in plan.cables if {c.a.node, c.b.node} == {a, b} for end in (c.a, c.b)}


def test_nothing_happens(plan: Plan) -> None:
    carriers = Carriers(plan, HOME, [])
    dark = (frozenset({slot(plan, "dc2"), slot(plan, "dc3")}),)
    assert carriers.dark(None) == carriers.dark(0.0) == carriers.dark(1e9) == dark


def test_a_copy_has_a_slot_of_its_own(plan: Plan) -> None:
    events = [Event(1.0, "split", "vm1", {"slot": "dc2"}), Event(9.0, "merged", "vm1")]
    carriers = Carriers(plan, HOME, events)
    assert carriers.dark(5.0) == (frozenset({slot(plan, "dc3")}),)
    assert carriers.dark(20.0) == (frozenset({slot(plan, "dc2"), slot(plan, "dc3")}),)


def test_links_and_switches(plan: Plan) -> None:
    events = [
        Event(1.0, "link down", "p2--p1"),
        Event(5.0, "node down", "pe3"),
        Event(9.0, "link up", "p2--p1"),
        Event(9.0, "node up", "pe3"),
    ]
    carriers = Carriers(plan, HOME, events)
    (cut,) = carriers.dark(3.0)
    assert ends(plan, "p1", "p2") <= cut
    assert not ends(plan, "pe3", "p3") & cut
    (both,) = carriers.dark(7.0)
    assert ends(plan, "p1", "p2") | ends(plan, "pe3", "p3") | ends(plan, "pe3", "acc3") <= both
    assert carriers.dark(20.0) == carriers.dark(0.0)


@given(st.lists(st.sampled_from(["dc1", "dc2", "dc3"]), max_size=6), st.floats(0.0, 20.0))
def test_every_state_a_packet_can_meet_is_among_those_told(plan: Plan, moves: list[str], sent: float) -> None:
    events, true = [], [(0.0, {"dc1"})]
    for number, to in enumerate(moves, start=1):
        events += [Event(number, "unplugged", "vm1"), Event(number + 0.1, "resumed", "vm1", {"slot": to})]
        true += [(number, set()), (number + 0.1, {to})]
    told = Carriers(plan, HOME, events).dark(sent)
    everywhere = {slot(plan, name) for name in ("dc1", "dc2", "dc3")}
    for start, occupied in true[-1:] if sent > len(moves) + 1 else []:
        assert start <= sent
        assert told == (frozenset(everywhere - {slot(plan, name) for name in occupied}),)
    for start, occupied in true:
        if sent <= start <= sent + IN_FLIGHT:
            assert frozenset(everywhere - {slot(plan, name) for name in occupied}) in told


def test_what_nobody_could_report() -> None:
    events = [
        Event(10.0, "controller down", "pe1"),
        Event(12.0, "controller up", "pe1"),
        Event(20.0, "node down", "pe2"),
        Event(30.0, "controller down", "pe3"),
    ]
    away = unsure(events)
    assert [away(t) for t in (9.0, 9.6, 11.0, 12.4, 13.0)] == [False, True, True, True, False]
    assert [away(t) for t in (19.6, 20.4, 21.0, 29.0, 31.0, 1e6)] == [True, True, False, False, True, True]
    assert not away(None)
