"""What was expected, held against what was seen. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, final

from testbed.experiments.expectation import trombones
from testbed.experiments.observed import Observed, Span, Way, Ways
from testbed.experiments.result import Check
from testbed.experiments.scenario import expectations as want
from testbed.experiments.scenario.expectations import about
from testbed.experiments.scenario.model import Scenario, in_mode
from testbed.experiments.scenario.parts import Cast, Ends
from testbed.model.plan import Plan
from testbed.model.topology import Mode
from testbed.observe.flows import BulkResult
from testbed.observe.samples import Dip

WINDOW: Final = 0.1
"""Seconds of a window of goodput."""

Verdict = tuple[str, str, bool]
"""What was expected, what was seen, whether it holds."""


def judge(scenario: Scenario, plan: Plan, mode: Mode, cast: Cast, observed: Observed) -> list[Check]:
    """Every expectation of a mode, in the order of the file."""
    judges = [
        (phase.expect, _Judge(plan, mode, cast, observed, (observed.span(phase.phase),), phase.phase))
        for phase in scenario.phases
    ]
    judges.append((scenario.expect, _Judge(plan, mode, cast, observed, observed.spans, "")))
    return [
        Check(phase=one.phase, about=about(each), expected=expected, seen=seen, holds=holds)
        for expect, one in judges
        for each in in_mode(mode, expect)
        for expected, seen, holds in one.verdicts(each)
    ]


def dip(observed: Observed, source: str, destination: str, until: float) -> Dip | None:
    """How a bulk session's goodput fell, from the end of the first phase until a moment."""
    report = observed.heard.get("bulk", source, destination)
    if not isinstance(report, BulkResult):
        return None
    first = observed.spans[0]
    return report.goodput.dip((first.start, first.end), (first.end, until), WINDOW)


@final
@dataclass(frozen=True, slots=True)
class _Judge:
    """Of one phase, or of all of them."""

    plan: Plan
    mode: Mode
    cast: Cast
    observed: Observed
    spans: tuple[Span, ...]
    phase: str

    @property
    def start(self) -> float:
        """From where on gaps, losses and steps are counted."""
        return self.spans[0].since

    @property
    def end(self) -> float:
        return self.spans[-1].end

    def verdicts(self, expected: object) -> Iterator[Verdict]:
        match expected:
            case want.PathExpected(path=ends):
                for span in self.spans:
                    for source, destination in self.cast.pairs(ends):
                        yield from self._path(expected, span, source, destination)
            case want.GapExpected(gap=ends, at_most_ms=most):
                for source, destination in self.cast.pairs(ends):
                    yield self._gap(source, destination, most)
            case want.LossExpected(loss=ends, at_most=most):
                for source, destination in self.cast.pairs(ends):
                    yield self._loss(source, destination, most)
            case want.SessionExpected(session=ends, lives=lives):
                for source, destination in _once(self.cast, ends):
                    yield self._session(source, destination, lives)
            case want.DipExpected(dip=ends, at_most_ms=most):
                for source, destination in self.cast.pairs(ends):
                    yield self._dip(source, destination, most)
            case want.FloodExpected(flooded=most, at_least=least):
                copies = sum(self.observed.copies[span.name] for span in self.spans)
                wanted = f"{least} to {most}" if least else f"at most {most}"
                yield f"{wanted} copies of unicast in vain", str(copies), least <= copies <= most
            case want.OwnerExpected(owner=machine, pe=pe):
                yield self._owner(self.cast.one(machine), pe)
            case want.AlarmExpected(alarm=code, raised=raised):
                yield self._alarm(code, raised)
            case want.StepExpected(step=step, node=node, happens=happens):
                yield self._step(step, None if node is None else self.cast.one(node), happens)
            case want.InvariantExpected():
                yield self._invariants(expected)

    def _path(
        self, expected: want.PathExpected, span: Span, source: str, destination: str
    ) -> Iterator[Verdict]:
        what = f"{source} > {destination}" + ("" if self.phase else f" in {span.name}")
        ways = self.observed.ways[span.name].get((source, destination), Ways((), 0))
        trombone = expected.trombone
        if trombone == "by-mode":
            trombone = trombones(self.plan, self.mode, source, destination, span.slots)
        wishes = list(_wishes(expected, trombone))
        if not ways.whole:
            seen = f"no whole path: {ways.last or 'nothing was reported'}"
            yield f"{what}: {', '.join(text for text, _ in wishes)}", seen, False
            return
        for text, fits in wishes:
            bad = [way for way in ways.whole if not fits(way)]
            shown = (bad or list(ways.whole))[0]
            yield f"{what}: {text}", " ".join(shown.nodes), not bad

    def _gap(self, source: str, destination: str, most: float) -> Verdict:
        silence = self.observed.heard.silence(source, destination, self.start, self.end)
        what = f"{source} > {destination}: silent for {most:g} ms at most"
        return what, f"{silence.ms:.0f} ms" if silence else "no flow", bool(silence and silence.ms <= most)

    def _loss(self, source: str, destination: str, most: int) -> Verdict:
        lost = self.observed.heard.lost(source, destination, self.start, self.end)
        return (
            f"{source} > {destination}: {most} lost at most",
            f"{lost} lost",
            lost is not None and lost <= most,
        )

    def _session(self, source: str, destination: str, lives: bool) -> Verdict:
        found = self.observed.heard.ailing(source, destination, self.spans[-1].start)
        wrong = [f"{kind} {problem}" for kind, problem in found.items() if problem]
        what = f"the session of {source} with {destination} {'lives' if lives else 'does not live'}"
        return (
            what,
            ", ".join(wrong) or ("lives" if found else "no session"),
            (not wrong) is lives and bool(found),
        )

    def _dip(self, source: str, destination: str, most: float) -> Verdict:
        found = dip(self.observed, source, destination, self.end)
        what = f"{source} > {destination}: goodput below half for {most:g} ms at most"
        seen = f"{found.ms:.0f} ms, {found.lowest:.0f} of {found.median:.0f} bytes/s" if found else "no bytes"
        return what, seen, found is not None and found.ms <= most

    def _owner(self, machine: str, pe: str | None) -> Verdict:
        span = self.spans[-1]
        found = span.owners.get(machine, {})
        right = (pe,) if pe is not None else self._pes_at(machine, span)
        wrong = [f"{name}: {owner}" for name, owner in found.items() if owner not in right]
        what = f"all PEs send frames for {machine} to {' or '.join(right)}"
        return what, ", ".join(wrong) or ", ".join(sorted(set(found.values()))), bool(found) and not wrong

    def _pes_at(self, machine: str, span: Span) -> tuple[str, ...]:
        """The PEs of the site where a machine is."""
        if machine in self.plan.hosts:
            return self.plan.sites[self.plan.hosts[machine].site].pes
        vm = self.plan.vms[machine]
        return self.plan.sites[vm.slot(span.slots.get(machine) or vm.at).site].pes

    def _alarm(self, code: str, raised: bool) -> Verdict:
        found = [
            event
            for event in self.observed.events
            if event.event == "alarm"
            and self.start <= event.t <= self.end
            and event.details.get("code") == code
            and not event.details.get("cleared")
        ]
        what = f"the alarm {code} is {'' if raised else 'not '}raised"
        return (
            what,
            f"{found[0].node}: {found[0].details['text']}" if found else "it is not",
            bool(found) is raised,
        )

    def _step(self, step: str, node: str | None, happens: bool) -> Verdict:
        found = [
            event
            for event in self.observed.events
            if event.event == step and self.start <= event.t <= self.end and node in (None, event.node)
        ]
        where = f" at {node}" if node else ""
        seen = f"at {', '.join(dict.fromkeys(event.node for event in found))}" if found else "it does not"
        return f"'{step}' {'happens' if happens else 'does not happen'}{where}", seen, bool(found) is happens

    def _invariants(self, expected: want.InvariantExpected) -> Verdict:
        kinds = None if expected.broken == "any" else expected.broken
        found = [
            each
            for each in self.observed.violations
            if (kinds is None or each.kind in kinds) and each.start < self.end and each.end > self.start
        ]
        worst = max(found, key=lambda each: each.end - each.start, default=None)
        names = "invariant" if kinds is None else " or ".join(kinds)
        what = f"no {names} broken for more than {expected.at_most_ms:g} ms"
        if worst is None:
            return what, "none", True
        ms = (worst.end - worst.start) * 1e3
        family = " (IPv6)" if worst.version == 6 else ""
        seen = f"{worst.kind} from {worst.source} to {worst.destination}{family} for {ms:.0f} ms"
        return what, seen, ms <= expected.at_most_ms


def _wishes(
    expected: want.PathExpected, trombone: bool | None
) -> Iterator[tuple[str, Callable[[Way], bool]]]:
    """What a path must be, in words and as a question."""
    if expected.nodes is not None:
        nodes = expected.nodes
        yield f"path {' '.join(nodes)}", lambda way: way.nodes == nodes
    if expected.via:
        yield f"by way of {', '.join(expected.via)}", lambda way: set(expected.via) <= set(way.nodes)
    if expected.avoids:
        yield (
            f"not by way of {', '.join(expected.avoids)}",
            lambda way: not set(expected.avoids) & set(way.nodes),
        )
    if expected.crossings is not None:
        yield f"{expected.crossings} WAN crossings", lambda way: way.crossings == expected.crossings
    if trombone is not None:
        yield "a trombone" if trombone else "no trombone", lambda way: way.trombone is trombone


def _once(cast: Cast, ends: Ends) -> Iterable[tuple[str, str]]:
    """Pairs in one direction only."""
    return cast.pairs(Ends(ends.source, ends.destination))
