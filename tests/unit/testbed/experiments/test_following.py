"""Requests and answers of echoes, brought together from what switches report."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from testbed.experiments.following import REMEMBERED, Echo, Pairs
from testbed.observe.frames import Flow, PacketId
from testbed.observe.paths import Branch, Hop, Trace

REPORTS = 3
"""Switches on each way."""


def packet(sequence: int, kind: int, identifier: int = 7) -> PacketId:
    return PacketId(Flow("10.0.40.10", "10.0.10.11", "icmp", kind, identifier), sequence, 0, 0)


def way(*entered: float, node: str = "acc4") -> Branch:
    hops = tuple(Hop(node, 1, 2, entered=moment) for moment in entered)
    return Branch(hops, "client", "vm1", 1, trombone=False)


class Reports:
    """Whole once each of the switches on the way has reported."""

    def __init__(self) -> None:
        self.count: dict[PacketId, int] = {}

    def trace(self, packet: PacketId) -> Trace:
        whole = self.count.get(packet, 0) >= REPORTS
        return Trace(packet, (way(1.0),) if whole else (), ())


@given(st.randoms(use_true_random=False), st.integers(1, 6))
def test_every_echo_is_told_once_in_whatever_order_reports_come(order: random.Random, echoes: int) -> None:
    reports = Reports()
    pairs = Pairs(7, reports.trace)
    coming = [packet(number, kind) for number in range(echoes) for kind in (8, 0) for _ in range(REPORTS)]
    order.shuffle(coming)
    told = []
    for each in coming:
        reports.count[each] = reports.count.get(each, 0) + 1
        told += [each.sequence] if pairs.reported(each) else []
    assert sorted(told) == list(range(echoes))


def test_other_packets_are_not_echoes_of_this_series() -> None:
    pairs = Pairs(7, lambda packet: Trace(packet, (way(1.0),), ()))
    for other in (packet(1, 8, 8), packet(1, 3), PacketId(Flow("a", "b", "udp", 8, 7), 1, 0, 0)):
        assert pairs.reported(other) is None
    assert pairs.reported(packet(1, 8)) is None
    assert pairs.reported(packet(1, 0)) is not None
    assert pairs.reported(packet(1, 0)) is None, "a copy that comes late"


def test_what_does_not_fit_is_no_way() -> None:
    pairs = Pairs(7, lambda packet: Trace(packet, (way(1.0),), ("seen twice",)))
    assert [pairs.reported(packet(1, kind)) for kind in (8, 0)] == [None, None]


def test_lost_echoes_are_forgotten() -> None:
    pairs = Pairs(7, lambda packet: Trace(packet, (way(1.0),), ()))
    for number in range(10 * REMEMBERED):
        pairs.reported(packet(number, 8))
    assert pairs.reported(packet(0, 0)) is None, "it waited for too long"
    assert pairs.reported(packet(10 * REMEMBERED - 1, 0)) is not None


def test_round_trip_by_the_clock_of_one_switch() -> None:
    assert Echo(way(1.0, 1.005), way(1.006, 1.0134)).rtt_ms == 13.4
    assert Echo(way(1.0), way(1.0134, node="acc2")).rtt_ms is None
