"""What samples of a flow say: silence, loss, order, delay. Pure.

Times are seconds of CLOCK_MONOTONIC.
"""

from __future__ import annotations

import base64
import binascii
import statistics
import struct
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Any, NamedTuple, final

_TRIPLE = struct.Struct("<3q")


@final
class Sample(NamedTuple):
    """One datagram, echo or answer that arrived."""

    sequence: int
    sent: float
    received: float

    @property
    def delay(self) -> float:
        """Seconds under way: one way for datagrams, both ways for echoes and answers."""
        return self.received - self.sent


def decode(text: str) -> tuple[Sample, ...]:
    """Samples of a probe's report. Raises `ValueError` for anything else."""
    try:
        data = base64.b64decode(text, validate=True)
        return tuple(Sample(n, sent / 1e9, received / 1e9) for n, sent, received in _TRIPLE.iter_unpack(data))
    except (binascii.Error, struct.error) as error:
        raise ValueError(f"not samples: {error}") from None


@final
@dataclass(frozen=True, slots=True)
class Silence:
    """A span in which nothing arrived."""

    start: float
    end: float

    @property
    def ms(self) -> float:
        """Its length, ms."""
        return (self.end - self.start) * 1e3


def longest_silence(samples: Iterable[Sample], start: float, end: float) -> Silence:
    """The longest span between `start` and `end` without an arrival.

    Spans that reach over an edge are cut there: a flow that never came back was silent until `end`.
    """
    arrivals = sorted(sample.received for sample in samples if start < sample.received < end)
    moments = [start, *arrivals, end]
    spans = [Silence(one, two) for one, two in pairwise(moments)]
    return max(spans, key=lambda span: span.ms)


@final
@dataclass(frozen=True, slots=True)
class FlowStats:
    """A flow as its receiver saw it."""

    sent: int
    received: int
    """Different ones."""
    lost: int
    duplicated: int
    reordered: int
    """Arrivals after one with a higher sequence."""
    gap_ms: float
    """Longest silence."""
    gap_start: float
    delay_ms: float | None
    """Median time under way; None if nothing arrived."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "sent": self.sent,
            "received": self.received,
            "lost": self.lost,
            "duplicated": self.duplicated,
            "reordered": self.reordered,
            "gap_ms": round(self.gap_ms, 3),
            "delay_ms": None if self.delay_ms is None else round(self.delay_ms, 3),
        }


def stats(samples: Sequence[Sample], sent: int, start: float, end: float) -> FlowStats:
    """Loss and order of a whole flow; its longest silence between `start` and `end`."""
    distinct = {sample.sequence for sample in samples}
    highest, reordered = -1, 0
    for sample in samples:
        reordered += sample.sequence < highest
        highest = max(highest, sample.sequence)
    silence = longest_silence(samples, start, end)
    return FlowStats(
        sent=sent,
        received=len(distinct),
        lost=sent - len(distinct),
        duplicated=len(samples) - len(distinct),
        reordered=reordered,
        gap_ms=silence.ms,
        gap_start=silence.start,
        delay_ms=median_delay_ms(samples),
    )


def median_delay_ms(samples: Iterable[Sample], start: float = 0.0, end: float = float("inf")) -> float | None:
    """Median time under way of what was sent in a span, ms; None if nothing of it arrived."""
    delays = [sample.delay for sample in samples if start <= sample.sent <= end]
    return statistics.median(delays) * 1e3 if delays else None


def lost_between(samples: Iterable[Sample], sent: int, start: float, end: float) -> int:
    """How many of those sent in a span did not arrive, of a flow that sent `sent` in all, at a steady rate.

    Nobody has noted when those that are missing were sent: it follows from when their neighbours were. Where
    fewer than two arrived all are taken to have been sent in the span.
    """
    times = {sample.sequence: sample.sent for sample in samples}
    inside = sum(start <= t < end for t in times.values())
    if len(times) < 2:
        return sent - inside
    arrived = sorted(times.items())
    return max(0, _sent_before(arrived, sent, end) - _sent_before(arrived, sent, start) - inside)


def _sent_before(arrived: Sequence[tuple[int, float]], sent: int, moment: float) -> int:
    """How many were sent before a moment, by sequence and time of at least two that arrived."""
    after = bisect_left(arrived, moment, key=lambda each: each[1])
    # The two beside it; at an end of the flow the first and the last, for the rate of all of it.
    near = arrived[after - 1 : after + 1] if 0 < after < len(arrived) else (arrived[0], arrived[-1])
    (low, left), (high, right) = near
    sequence = low + (high - low) * (moment - left) / (right - left)
    return min(sent, max(0, ceil(sequence - 1e-6)))


@final
@dataclass(frozen=True, slots=True)
class Dip:
    """How far goodput fell, and for how long."""

    median: float
    """Bytes per second before: the median of the windows."""
    lowest: float
    """Bytes per second in the worst window after."""
    ms: float
    """The longest time below half of the median, ms."""


@final
@dataclass(frozen=True, slots=True)
class Goodput:
    """Bytes a receiver counted, in bins of equal width."""

    width: float
    """Seconds."""
    bins: dict[int, int]
    """Bytes by number of the bin: bin n is the time from n * width on."""

    def mbps(self, start: float, end: float) -> float:
        """Mean rate over the whole bins of a span, Mbit/s."""
        first, last = self._range(start, end)
        total = sum(self.bins.get(n, 0) for n in range(first, last))
        return total * 8 / ((last - first) * self.width) / 1e6 if last > first else 0.0

    def total(self, start: float, end: float) -> int:
        """Bytes in the whole bins of a span."""
        return sum(self.bins.get(n, 0) for n in range(*self._range(start, end)))

    def longest_stall(self, start: float, end: float) -> Silence:
        """The longest run of empty bins in a span."""
        longest, began = Silence(start, start), None
        first, last = self._range(start, end)
        for n in range(first, last + 1):
            if n < last and not self.bins.get(n):
                began = n if began is None else began
            elif began is not None:
                stall = Silence(began * self.width, n * self.width)
                longest, began = max(longest, stall, key=lambda each: each.ms), None
        return longest

    def rates(self, start: float, end: float, window: float) -> list[float]:
        """Bytes per second in every whole window (seconds) of a span."""
        first, last = self._range(start, end)
        width = max(1, round(window / self.width))
        totals = [sum(self.bins.get(n + i, 0) for i in range(width)) for n in range(first, last, width)]
        return [total / (width * self.width) for total in totals[: (last - first) // width]]

    def dip(self, before: tuple[float, float], span: tuple[float, float], window: float) -> Dip | None:
        """What a span has less than the one before; None if there was nothing before, or no whole window."""
        usual, rates = self.rates(*before, window), self.rates(*span, window)
        median = statistics.median(usual) if usual else 0.0
        if not median or not rates:
            return None
        longest = run = 0
        for rate in rates:
            run = run + 1 if rate < median / 2 else 0
            longest = max(longest, run)
        return Dip(median, min(rates), longest * window * 1e3)

    def _range(self, start: float, end: float) -> tuple[int, int]:
        return round(start / self.width), round(end / self.width)
