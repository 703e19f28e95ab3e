"""What samples of a flow say: silence, loss, order, delay. Pure.

Times are seconds of CLOCK_MONOTONIC.
"""

from __future__ import annotations

import base64
import binascii
import statistics
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
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

    def stalled_ms(self, start: float, end: float) -> float:
        """Longest run of empty bins in a span, ms."""
        longest = run = 0
        for n in range(*self._range(start, end)):
            run = 0 if self.bins.get(n) else run + 1
            longest = max(longest, run)
        return longest * self.width * 1e3

    def series(self, start: float, end: float) -> list[tuple[float, float]]:
        """(start of the bin in s, Mbit/s) for every bin of a span."""
        scale = 8 / self.width / 1e6
        return [(n * self.width, self.bins.get(n, 0) * scale) for n in range(*self._range(start, end))]

    def _range(self, start: float, end: float) -> tuple[int, int]:
        return round(start / self.width), round(end / self.width)
