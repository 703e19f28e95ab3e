"""A scenario, run in a lab: flows go, things are done, and what is seen is kept for who judges it."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, final

from testbed.experiments import flooding
from testbed.experiments.acting import Acting
from testbed.experiments.carriers import Carriers, unsure
from testbed.experiments.counters import tally
from testbed.experiments.invariants import check
from testbed.experiments.observed import Broken, Observed, Pair, Span, Way, Ways
from testbed.experiments.operator import owners
from testbed.experiments.proof import Witness
from testbed.experiments.result import Proof
from testbed.experiments.running import RunningLab
from testbed.experiments.scenario import expectations as want
from testbed.experiments.scenario.model import Phase, Scenario, in_mode
from testbed.experiments.scenario.parts import Cast
from testbed.experiments.sessions import Heard, Key, Sessions
from testbed.lab.errors import LabError
from testbed.model.topology import Defaults
from testbed.observe.flows import PingResult
from testbed.observe.paths import Branch, Trace
from testbed.observe.programs import ProgramError

SETTLE: Final = 0.5
"""Seconds that flows run before anything is looked at or done."""

DRAIN: Final = 0.1
"""Seconds from the end of a phase to the next action: what was sent in the phase arrives."""

RECOVERY: Final = 1.5
"""Seconds after actions before a phase begins, unless the scenario says otherwise."""


@final
@dataclass(frozen=True, slots=True)
class Setting:
    """A scenario with all that it leaves open."""

    scenario: Scenario
    cast: Cast
    defaults: Defaults
    """Of moves."""
    seed: str
    """What moments and orders are drawn from."""


async def play(lab: RunningLab, setting: Setting, say: Callable[[str], None]) -> tuple[Observed, Proof]:
    """Run it from the beginning to the end. LabError if it cannot be run."""
    return await _Play(lab, setting, say).run()


@final
class _Play:
    def __init__(self, lab: RunningLab, setting: Setting, say: Callable[[str], None]) -> None:
        self.lab, self.setting, self.say = lab, setting, say
        cast = setting.cast
        self.sessions = Sessions(lab.lab, cast, setting.scenario.flows)
        keys = self.sessions.keys
        self.pings = [(key.source, key.destination) for key in keys if key.kind == "ping"]
        self.directions: list[Pair] = [
            way for one, other in self.pings for way in ((one, other), (other, one))
        ]
        ends = [(lab.lab.machine(one), lab.lab.machine(other)) for one, other in self.pings]
        self.witness = Witness(lab, ends)
        self.acting = Acting(lab, cast, setting.defaults, random.Random(setting.seed))  # noqa: S311
        self.spans: list[Span] = []

    async def run(self) -> tuple[Observed, Proof]:
        """All of it."""
        began = time.monotonic()
        at = {name: vm.slot.name if vm.slot else None for name, vm in self.lab.lab.vms.items()}
        await self._meet()
        try:
            await self.witness.start()
            await self.sessions.start()
            await asyncio.sleep(SETTLE)
            await self._timeline()
            heard = await self.sessions.stop()
            await self.witness.stop()
        except ProgramError as error:
            await self._end()
            raise LabError(str(error)) from None
        except BaseException:
            await self._end()
            raise
        events = [event for event in self.lab.timeline.events if event.t >= began]
        proof = await self.witness.proof(Carriers(self.lab.plan, at, events).dark, unsure(events))
        ways = {span.name: self._ways(span, heard) for span in self.spans}
        self._first_packets()
        observed = Observed(
            spans=tuple(self.spans),
            ways=ways,
            heard=heard,
            events=[event for event in self.lab.timeline.events if event.t >= began],
            copies={span.name: self._copies(span) for span in self.spans},
            violations=self._violations(),
        )
        return observed, proof

    async def _meet(self) -> None:
        """Everyone who talks reaches the other; from then on switches report echoes."""
        lab = self.lab.lab
        for source, destination in dict.fromkeys((key.source, key.destination) for key in self.sessions.keys):
            await self.lab.reachable(lab.machine(source), lab.machine(destination))
        await self.lab.watch_pings((lab.machine(one), lab.machine(other)) for one, other in self.pings)

    async def _end(self) -> None:
        await asyncio.gather(self.witness.kill(), self.sessions.kill())

    async def _timeline(self) -> None:
        since, acted = time.monotonic(), False
        for step in self.setting.scenario.timeline:
            if not isinstance(step, Phase):
                if self.spans and not acted:
                    await asyncio.sleep(DRAIN)
                self.say(step.in_words(self.setting.cast.one))
                await self.acting.carry_out(step)
                acted = True
                continue
            settle = step.settle_s if step.settle_s is not None else RECOVERY if acted else 0.0
            await asyncio.sleep(settle)
            await self._observe(step, since)
            since, acted = self.spans[-1].end, False

    async def _observe(self, phase: Phase, since: float) -> None:
        """Look on for a while; note what only now can be known."""
        start, before = time.monotonic(), tally(self.lab.plan, self.lab.fabric)
        await asyncio.sleep(phase.observe_s)
        lab = self.lab.lab
        self.spans.append(
            Span(
                name=phase.phase,
                since=since,
                start=start,
                end=time.monotonic(),
                slots={name: vm.slot.name if vm.slot else None for name, vm in lab.vms.items()},
                owners={name: owners(self.lab, lab.machine(name)) for name in self._owned(phase)},
                before=before,
                after=tally(self.lab.plan, self.lab.fabric),
            )
        )

    def _owned(self, phase: Phase) -> Iterable[str]:
        """Machines of which somebody wants to know where they are."""
        scenario, mode = self.setting.scenario, self.lab.setup.mode
        expected = (*in_mode(mode, phase.expect), *in_mode(mode, scenario.expect))
        return {self.setting.cast.one(e.owner) for e in expected if isinstance(e, want.OwnerExpected)}

    # -- afterwards ----------------------------------------------------------------------------------------

    def _ways(self, span: Span, heard: Heard) -> dict[Pair, Ways]:
        """The paths of a phase. Packets belong to it by the kernel's clock: reports may come late."""
        found = {}
        for source, destination in self.directions:
            ping = heard.reports.get(Key("ping", source, destination)) or heard.reports.get(
                Key("ping", destination, source)
            )
            rtt = ping.rtt_ms(span.start, span.end) if isinstance(ping, PingResult) else None
            ends = self.lab.lab.machine(source), self.lab.lab.machine(destination)
            packets = self.witness.sent(*ends, span.start, span.end - (rtt or 0.0) / 1e3)
            traces = [self.lab.postcards.trace(packet) for _, packet in packets]
            found[source, destination] = ways_of(traces, rtt)
        return found

    def _copies(self, span: Span) -> int:
        """Copies of echo requests of a phase, and of what was done before it."""
        lab = self.lab.lab
        return sum(
            flooding.copies(self.lab.plan, self.lab.postcards.trace(packet))
            for one, other in self.pings
            for _, packet in self.witness.sent(lab.machine(one), lab.machine(other), span.since, span.end)
        )

    def _first_packets(self) -> None:
        """Note when the first packet of each direction that came through after the last move was sent."""
        lab, timeline = self.lab.lab, self.lab.timeline
        back = {event.node: event.t for event in timeline.events if event.event == "resumed"}
        for source, destination in self.directions:
            moved = [back[name] for name in (source, destination) if name in back]
            if not moved:
                continue
            for t, packet in self.witness.sent(
                lab.machine(source), lab.machine(destination), max(moved), math.inf
            ):
                branch = self.lab.postcards.trace(packet).delivered
                if branch is not None:
                    timeline.stamp("first packet", branch.nodes[0], t, flow=f"{source} to {destination}")
                    break

    def _violations(self) -> tuple[Broken, ...]:
        """What all tables said of every pair of machines, after every change of one of them."""
        found = check(self.lab.journal, self.lab.plan, self.spans[0].start, self.spans[-1].end)
        return tuple(
            Broken(each.kind.value, each.source, each.destination, each.start, each.end, each.version)
            for each in found
        )


def ways_of(traces: Iterable[Trace], rtt_ms: float | None) -> Ways:
    """The paths of some packets, those that were seen whole by how many took them. Pure."""
    ways: Counter[tuple[str, ...]] = Counter()
    branches: dict[tuple[str, ...], Branch] = {}
    broken, last = 0, ""
    for trace in traces:
        branch = trace.delivered
        if branch is None or trace.inconsistencies:
            broken, last = broken + 1, _in_short(trace)
        else:
            ways[branch.nodes] += 1
            branches[branch.nodes] = branch
    whole = tuple(
        Way(nodes, branches[nodes].crossings, branches[nodes].trombone, packets)
        for nodes, packets in ways.most_common()
    )
    return Ways(whole, broken, last, rtt_ms)


def _in_short(trace: Trace) -> str:
    """Where a packet was lost."""
    ways = [
        " ".join(branch.nodes) + (f" ({drop})" if (drop := branch.hops[-1].drop) else "")
        for branch in trace.branches
    ]
    return "; ".join([*ways, *trace.inconsistencies]) or "nothing was reported"
