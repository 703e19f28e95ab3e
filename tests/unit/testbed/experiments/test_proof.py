"""Reports and captures, packet by packet: what agrees, what does not, and what no switch can report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from testbed.experiments.carriers import IN_FLIGHT, Carriers
from testbed.experiments.proof import compare, echoes
from testbed.model.plan import Endpoint, Plan
from testbed.observe.paths import NOT_SENT_ON, Hop, Trace
from testbed.observe.pcapng import Captured
from testbed.observe.timeline import Event

Way = Callable[..., list[Hop]]
Assemble = Callable[..., Trace]
BEFORE = ("client", "acc4", "pe4", "p4", "p1", "pe1", "acc1", "vm1@dc1")
AFTER = ("client", "acc4", "pe4", "p4", "p2", "pe2", "acc2", "vm1@dc2")


def no_slot(_sent: float | None, _seen: float | None) -> Sequence[frozenset[Endpoint]]:
    return ()


def keyed(*traces: Trace) -> dict[object, Trace]:
    return {trace.packet: trace for trace in traces}


def test_the_same_ways_agree(plan: Plan, way: Way, trace: Assemble) -> None:
    traces = [trace(*way(*BEFORE), sequence=1), trace(*way(*AFTER), sequence=2)]
    found = compare(plan, keyed(*traces), keyed(*traces), no_slot)
    assert (found.compared, found.agreeing, found.differences) == (2, 2, [])


def test_another_way_is_a_difference(plan: Plan, way: Way, trace: Assemble) -> None:
    reported, captured = trace(*way(*BEFORE)), trace(*way(*AFTER))
    found = compare(plan, keyed(reported), keyed(captured), no_slot)
    assert (found.compared, found.agreeing) == (1, 0)
    assert "only in postcards" in found.differences[0]
    assert "only in captures" in found.differences[1]


def test_what_one_method_has_not_seen_is_a_difference(plan: Plan, way: Way, trace: Assemble) -> None:
    seen = keyed(trace(*way(*BEFORE)))
    for reported, captured in ((seen, {}), ({}, seen)):
        found = compare(plan, reported, captured, no_slot)
        assert (found.compared, found.agreeing) == (1, 0)


def test_a_hop_that_nobody_reported_is_a_difference(plan: Plan, way: Way, trace: Assemble) -> None:
    hops = way(*BEFORE)
    found = compare(plan, keyed(trace(*hops[:2], *hops[3:])), keyed(trace(*hops)), no_slot)
    assert found.agreeing == 0
    assert "cannot be true" in found.differences[0]


def test_a_frame_turned_back_ends_silently(plan: Plan, way: Way, trace: Assemble) -> None:
    hops = way(*BEFORE)
    last = hops[-1]
    ended = Hop(last.node, last.ingress, None, (), 60, NOT_SENT_ON, last.entered)
    found = compare(plan, keyed(trace(*hops[:-1])), keyed(trace(*hops[:-1], ended)), no_slot)
    assert found.agreeing == 1


def test_slots_without_carrier(plan: Plan, way: Way, trace: Assemble) -> None:
    port = {slot.name: slot.port for slot in plan.vms["vm1"].slots}
    moved = [Event(10.0, "unplugged", "vm1"), Event(10.1, "resumed", "vm1", {"slot": "dc2"})]
    slots = Carriers(plan, {"vm1": "dc1"}, moved)
    assert slots.dark(9.0) == (frozenset((port["dc2"], port["dc3"])),)
    assert slots.dark(11.0) == (frozenset((port["dc1"], port["dc3"])),)
    assert len(slots.dark(10.0)) == len(slots.dark(None)) == 3

    into_the_dark = trace(*way(*BEFORE, at=10.05))
    hops = way(*BEFORE, at=10.05)
    last = hops[-1]
    captured = trace(*hops[:-1], Hop(last.node, last.ingress, None, (), 60, NOT_SENT_ON, last.entered))
    assert compare(plan, keyed(into_the_dark), keyed(captured), slots.dark).agreeing == 1
    early = trace(*way(*BEFORE, at=9.9 - IN_FLIGHT))
    hops = way(*BEFORE, at=9.9 - IN_FLIGHT)
    captured = trace(*hops[:-1], Hop(last.node, last.ingress, None, (), 60, NOT_SENT_ON, hops[-1].entered))
    assert compare(plan, keyed(early), keyed(captured), slots.dark).agreeing == 0
    # It waited in a slow switch, and came to the slot when the machine had gone.
    late = trace(*hops[:-1], replace(last, entered=10.05))
    captured = trace(*hops[:-1], Hop(last.node, last.ingress, None, (), 60, NOT_SENT_ON, 10.05))
    assert compare(plan, keyed(late), keyed(captured), slots.dark).agreeing == 1


def test_the_quick_look_finds_echoes_beneath_tags_and_labels() -> None:
    echo = IP(src="10.0.40.10", dst="10.0.10.11") / ICMP()
    labels = bytes.fromhex("03e83040800013ff")
    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    frames = {
        "plain": bytes(link / echo),
        "tagged": bytes(link / Dot1Q(vlan=10) / echo),
        "labelled": bytes(link)[:12] + b"\x88\x47" + labels + bytes(echo),
        "udp": bytes(link / IP(src="10.0.40.10", dst="10.0.10.11") / UDP()),
        "others": bytes(link / IP(src="10.0.40.10", dst="10.0.10.12") / ICMP()),
        "way back": bytes(link / IP(src="10.0.10.11", dst="10.0.40.10") / ICMP()),
        "addresses at the start": IPv4Address("10.0.40.10").packed + IPv4Address("10.0.10.11").packed,
    }
    captured = [Captured(name, False, 0.0, data, len(data)) for name, data in frames.items()]
    found = echoes(captured, [("10.0.40.10", "10.0.10.11")])
    assert [frame.interface for frame in found] == ["plain", "tagged", "labelled"]
