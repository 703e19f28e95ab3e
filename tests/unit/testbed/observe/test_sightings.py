"""Paths from captures agree with paths from postcards of the same packets."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from testbed.model import Endpoint, load_plan
from testbed.model.plan import PortKind
from testbed.observe.frames import dissect
from testbed.observe.paths import NOT_SENT_ON, differences
from testbed.observe.pcapng import Captured
from testbed.observe.postcards import Postcard, PostcardStore, between
from testbed.observe.sightings import traces
from testbed.observe.stamp import PROBE, PROBE_MAGIC

PLAN = load_plan(Path(__file__).parents[4] / "topologies" / "wan.yaml")
WAYS = [
    ["client", "acc4", "pe4", "p4", "p1", "pe1", "acc1", "vm1"],
    ["client", "acc4", "pe4", "p4", "p2", "pe2", "acc2", "vm1"],
    ["client", "acc4", "pe4", "p4", "p1", "pe1", "p1", "p2", "pe2", "acc2", "vm1"],
]


def probe(sequence: int) -> bytes:
    packet = IP(src="10.0.40.10", dst="10.0.10.11", id=sequence) / UDP(sport=7, dport=7)
    return bytes(packet / Raw(PROBE.pack(PROBE_MAGIC, 0, sequence, 0)))


def wrapped(sequence: int, labels: list[int]) -> bytes:
    """A probe with labels and an L3 service label at the bottom, or in plain Ethernet."""
    header = bytes(Ether(src="02:00:00:00:00:01", dst="0a:00:00:00:00:01", type=0x8847 if labels else 0x0800))
    stack = b"".join(
        (label << 12 | (0x100 if i == len(labels) - 1 else 0) | 60).to_bytes(4, "big")
        for i, label in enumerate(labels)
    )
    return header + stack + probe(sequence)


def observed(sequence: int, way: list[str], start: float) -> tuple[list[Postcard], list[Captured]]:
    """What switches and wires would report of one probe; 1 ms from port to port."""
    cards, frames = [], []
    for i in range(1, len(way) - 1):
        node, at = way[i], start + i * 0.002
        ports = [p for p in PLAN.switches[node].ports if p.peer in (way[i - 1], way[i + 1])]
        ingress = next(p for p in ports if p.peer == way[i - 1])
        egress = next(p for p in ports if p.peer == way[i + 1])
        pes = [name for name in way[i + 1 :] if name.startswith("pe")]
        before = [name for name in way[i:] if name.startswith("pe")]
        data = wrapped(sequence, [16001, 100_000 + int(pes[0][2:])] if egress.kind is PortKind.CORE else [])
        came = wrapped(
            sequence, [16001, 100_000 + int(before[0][2:])] if ingress.kind is PortKind.CORE else []
        )
        stamp = int(at * 1e6)
        cards.append(Postcard(node, ingress.number, egress.number, "", stamp, stamp + 100, data, at))
        frames.append(Captured(ingress.interface, False, at, came, len(came)))
        frames.append(Captured(egress.interface, True, at + 0.001, data, len(data)))
    return cards, frames


@given(st.lists(st.sampled_from(WAYS), min_size=1, max_size=5), st.randoms())
def test_both_methods_agree_packet_by_packet(ways: list[list[str]], random: object) -> None:
    store, captured = PostcardStore(PLAN), []
    cards: list[Postcard] = []
    for sequence, way in enumerate(ways):
        some_cards, some_frames = observed(sequence, way, start=sequence * 0.003)
        cards += some_cards
        captured += some_frames
    random.shuffle(cards)  # type: ignore[attr-defined]
    random.shuffle(captured)  # type: ignore[attr-defined]
    for card in cards:
        store.add(card)
    seen = traces(PLAN, captured)
    assert len(seen) == len(ways)
    for packet, trace in seen.items():
        assert trace.inconsistencies == ()
        assert trace.delivered
        assert trace.delivered.nodes == tuple(ways[packet.sequence][1:-1])
        assert differences(store.trace(packet), trace) == ()


def test_a_frame_that_is_not_sent_on_ends_there() -> None:
    _, frames = observed(0, WAYS[1], 0.0)
    (trace,) = traces(PLAN, frames[:7]).values()
    (branch,) = trace.branches
    assert (branch.delivered, branch.hops[-1].node, branch.hops[-1].drop) == (False, "p2", NOT_SENT_ON)


def test_a_port_without_carrier_is_no_difference() -> None:
    cards, frames = observed(0, WAYS[0], 0.0)
    store = PostcardStore(PLAN)
    for card in cards:
        store.add(card)
    ((packet, captured),) = traces(PLAN, frames[:-1]).items()
    reported, slot = store.trace(packet), PLAN.vms["vm1"].slot("dc1").port
    assert [text.split(":")[0] for text in differences(reported, captured)] == [
        "only in postcards",
        "only in captures",
    ]
    assert differences(reported, captured, dark=[slot]) == ()


def test_other_flows_and_interfaces_are_left_out() -> None:
    _, frames = observed(0, WAYS[0], 0.0)
    assert traces(PLAN, frames, between("10.0.40.10", "10.0.10.12")) == {}
    assert len(traces(PLAN, frames, between("10.0.40.10", "10.0.10.11", "udp"))) == 1
    strange = Captured("tap-vm1", False, 0.0, frames[0].data, 60)
    assert traces(PLAN, [strange]) == {}


async def test_waiting_for_a_delivered_packet() -> None:
    store = PostcardStore(PLAN)
    cards, _ = observed(3, WAYS[0], 1.0)
    for card in cards:
        store.add(card)
    trace = await store.delivered(between("10.0.40.10", "10.0.10.11"), since=0.0)
    assert trace.delivered
    assert trace.packet.sequence == 3


def test_the_store_is_bounded() -> None:
    store = PostcardStore(PLAN, capacity=2)
    for sequence in range(4):
        for card in observed(sequence, WAYS[0], 0.0)[0]:
            store.add(card)
    assert (len(store), store.forgotten) == (2, 2)
    assert store.add(Postcard("pe1", 1, 2, "", 0, 0, b"junk", 0.0)) is None
    assert store.unreadable == 1
    frame = dissect(wrapped(0, []))
    assert frame
    assert store.trace(frame.packet).branches == ()
    assert PLAN.far_end(Endpoint("pe1", 1)) is not None
