"""A check of the measurement itself: no echo is faster than the links on its ways. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import final

from testbed.experiments.observed import Observed, Pair, Span, Ways
from testbed.experiments.result import Check
from testbed.experiments.sessions import Key
from testbed.model.plan import Plan
from testbed.observe.flows import PingResult


@final
@dataclass(frozen=True, slots=True)
class Margin:
    """The fastest echo of a phase, and the delays of its links, ms."""

    where: str
    fastest: float
    links: float

    @property
    def ms(self) -> float:
        """What it took beyond its links; less than nothing cannot be."""
        return self.fastest - self.links


def plausible(plan: Plan, observed: Observed) -> Check:
    """An expectation of every scenario: clocks, delays and paths fit together."""
    margins = [margin for span in observed.spans for margin in _margins(plan, observed, span)]
    least = min(margins, key=lambda margin: margin.ms, default=None)
    seen = "no echo came back by known ways"
    if least is not None:
        seen = f"{least.where}: {least.fastest:.2f} ms, of which the links take {least.links:.2f} ms"
    return Check(
        phase="",
        about="rtt",
        expected="no echo is faster than the links on its ways",
        seen=seen,
        holds=least is None or least.ms >= 0,
    )


def _margins(plan: Plan, observed: Observed, span: Span) -> Iterator[Margin]:
    delays = _delays(plan)
    ways = observed.ways[span.name]
    for key, report in observed.heard.reports.items():
        if not isinstance(report, PingResult):
            continue
        there, back = (key.source, key.destination), (key.destination, key.source)
        fastest = _fastest(report, span)
        links = [_quickest(delays, ways.get(pair)) for pair in (there, back)]
        if fastest is not None and None not in links:
            yield Margin(_where(key, span), fastest, sum(filter(None, links)))


def _where(key: Key, span: Span) -> str:
    return f"{key.source} > {key.destination} in {span.name}"


def _fastest(report: PingResult, span: Span) -> float | None:
    """The shortest round trip of what was sent in a phase, ms."""
    delays = [sample.delay * 1e3 for sample in report.samples if span.start <= sample.sent <= span.end]
    return min(delays, default=None)


def _quickest(delays: dict[Pair, float], ways: Ways | None) -> float | None:
    """What the links take of the quickest way that was seen, ms; None if none was."""
    if ways is None or ways.broken or not ways.whole:
        return None
    return min(sum(delays[pair] for pair in pairwise(way.nodes)) for way in ways.whole)


def _delays(plan: Plan) -> dict[Pair, float]:
    """The delay from one switch to the next, ms; of several cables the shortest."""
    found: dict[Pair, float] = {}
    for cable in plan.cables:
        for a, b in ((cable.a, cable.b), (cable.b, cable.a)):
            pair = (a.node, b.node)
            found[pair] = min(cable.delay_ms, found.get(pair, cable.delay_ms))
    return found
