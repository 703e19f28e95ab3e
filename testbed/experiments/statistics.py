"""The median of few runs, and how far it can be trusted. Pure.

The interval is one of order statistics: between the k-th lowest and the k-th highest value. It assumes
nothing of how the values are distributed, only that runs are independent.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Final, final

CONFIDENCE: Final = 0.95


@final
@dataclass(frozen=True, slots=True)
class Spread:
    """A median with its confidence interval."""

    median: float
    low: float
    high: float
    confidence: float
    """The probability at least that the interval has the true median in it. Fewer than six values cannot
    give 95 %; then it is that of the lowest and the highest."""


def spread(values: Sequence[float], confidence: float = CONFIDENCE) -> Spread:
    """The narrowest symmetric interval that is good enough. ValueError without values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    count = len(ordered)
    rank = max((k for k in range(1, count // 2 + 1) if coverage(count, k) >= confidence), default=1)
    return Spread(statistics.median(ordered), ordered[rank - 1], ordered[count - rank], coverage(count, rank))


def coverage(count: int, rank: int) -> float:
    """How probable it is that the true median lies between the `rank`-th lowest and highest of `count`.

    It does not if fewer than `rank` values fell on one side of it, of which each has the chance of a coin.
    """
    return max(0.0, 1.0 - 2.0 * sum(comb(count, i) for i in range(rank)) / 2.0**count)
