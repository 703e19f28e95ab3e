"""What was seen in one run of a scenario, before anything is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

from testbed.experiments.counters import Tally
from testbed.experiments.sessions import Heard
from testbed.observe.timeline import Event

Pair = tuple[str, str]
"""Sender and receiver."""


@final
@dataclass(frozen=True, slots=True)
class Way:
    """A path that packets took, as all switches on it reported them."""

    nodes: tuple[str, ...]
    crossings: int
    trombone: bool
    packets: int


@final
@dataclass(frozen=True, slots=True)
class Ways:
    """All that was seen of a direction in a phase."""

    whole: tuple[Way, ...]
    """Those that arrived, the most used one first."""
    broken: int
    """Packets of which no whole path was seen."""
    last: str = ""
    """What was seen of the last of these."""
    rtt_ms: float | None = None
    """Median round-trip time; None if no echo came back."""


@final
@dataclass(frozen=True, slots=True)
class Span:
    """A phase while it is run. Times are seconds of CLOCK_MONOTONIC."""

    name: str
    since: float
    """The end of the phase before, or when the flows had started."""
    start: float
    end: float
    slots: Mapping[str, str | None]
    """Where each machine that moves is at its end."""
    owners: Mapping[str, Mapping[str, str]]
    """By machine and PE: the PE to which it sends frames for the machine."""
    before: Tally
    """At its start."""
    after: Tally
    """At its end."""


@final
@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant of the tables that did not hold for packets of a pair. Seconds of CLOCK_MONOTONIC."""

    kind: str
    source: str
    destination: str
    start: float
    end: float
    version: int = 4
    """IP version of the packets."""


@final
@dataclass(frozen=True, slots=True)
class Observed:
    """One run."""

    spans: tuple[Span, ...]
    ways: Mapping[str, Mapping[Pair, Ways]]
    """By phase."""
    heard: Heard
    events: Sequence[Event]
    """The timeline of the lab, in the order of time."""
    copies: Mapping[str, int]
    """Copies of unicast that PEs made in vain, by phase."""
    violations: Sequence[Broken] = field(default_factory=tuple)
    """Broken invariants of the tables."""

    @property
    def whole(self) -> tuple[float, float]:
        """From the beginning of the first phase to the end of the last."""
        return self.spans[0].start, self.spans[-1].end

    def span(self, name: str) -> Span:
        """A phase by name."""
        return next(span for span in self.spans if span.name == name)
