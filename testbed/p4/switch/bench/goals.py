"""What the data plane is to reach, by measure: the bench says of each figure whether it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound, in the unit of its measure."""

    bound: float
    at_least: bool = False
    """From below; else from above."""

    def met_by(self, value: float) -> bool:
        """Whether a figure reaches it."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


_READY: Final = {1: Goal(0.3), 12: Goal(3.0)}
"""Seconds, by how many switches start at once."""

GOALS: Final = {
    "peak_to_null": Goal(0.6, at_least=True),
    "peak_to_bmv2": Goal(10, at_least=True),
    "overload_to_peak": Goal(0.9, at_least=True),
    "tcp_to_null": Goal(0.6, at_least=True),
    "latency_p50_at_10": Goal(40),
    "latency_p99_at_10": Goal(150),
    "latency_p50_at_1000": Goal(40),
    "latency_p99_at_1000": Goal(150),
    "entries": Goal(50, at_least=True),
    "lookup_exact_growth": Goal(2),
    "lookup_lpm_growth": Goal(2),
    "lookup_ternary_growth": Goal(10),
    "lookup_range_growth": Goal(10),
    "memory_10k": Goal(60),
    "compiled_cold": Goal(5),
    "compiled_cached": Goal(0.2),
}
"""Growth: how many times slower with 1,000 times the entries; 1,000 would be linear."""


def goal_of(measure: str, switches: int) -> Goal | None:
    """The goal of a figure of this switch; None: there is none."""
    return _READY.get(switches) if measure == "ready" else GOALS.get(measure)
