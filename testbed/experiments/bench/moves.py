"""Moves in a lab of PEs, from the guest's first frame to frames from all PEs, stamped where they arrive."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from controllers.intents import MacEntry
from testbed.experiments.bench.fabric import bench_plan, connect_racks
from testbed.experiments.bench.racks import sender
from testbed.experiments.running import RunningLab, Setup
from testbed.lab.errors import LabError
from testbed.lab.eventually import NotInTime, eventually_async
from testbed.lab.switches import Target
from testbed.model.topology import Mode, Reflector

SETTLE = 0.05
"""Seconds between two moves: what the old place still does about the last one is over by then."""

KNOWN_SECONDS = 120.0
"""Seconds until all PEs have to know all machines."""

QUIET = 0.5
"""Seconds without a table write after which a lab counts as settled."""


@final
@dataclass(frozen=True, slots=True)
class MoveResult:
    """Moves one by one (`samples_ms`, ascending), and one of a whole rack at once (`rack_ms`)."""

    reflector: str
    pes: int
    samples_ms: tuple[float, ...]
    machines: int
    rack_ms: float
    writes_a_move: float
    """Table writes in all PEs for one move."""


@final
class _Machines:
    """The racks' process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, interfaces: Sequence[str]) -> _Machines:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "testbed.experiments.bench.racks",
            *interfaces,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        machines = cls(process)
        await machines._answer()
        return machines

    async def ask(self, verb: str, **details: Any) -> Any:
        """One request, one answer."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe, as asked for
        self._process.stdin.write(json.dumps({"do": verb, **details}).encode() + b"\n")
        return await self._answer()

    async def _answer(self) -> Any:
        assert self._process.stdout is not None  # noqa: S101 - a pipe, as asked for
        line = await self._process.stdout.readline()
        if not line:
            raise LabError("the machines of the bench ended")
        return json.loads(line)

    async def move(self, numbers: Sequence[int], to: int) -> float:
        """Move machines; ms until the last frame that was awaited. LabError if one did not come."""
        found = await self.ask("move", numbers=numbers, to=to)
        if None in found["last"] or found["began"] is None:
            raise LabError(f"{found['missing']} of {len(numbers)} machines by PE not found in rack {to + 1}")
        return float(max(found["last"]) - found["began"]) / 1e6


async def bench_moves(*, pes: int, moves: int, machines: int, reflector: Reflector) -> MoveResult:
    """Measure, inside a container. `machines` are moved at once in the end. LabError if one gets lost."""
    plan = bench_plan(pes)
    interfaces = connect_racks(plan)
    async with RunningLab(plan, Setup(Mode.EVPN_VMTO, reflector, Target.EMBEDDED)) as lab:
        racks = await _Machines.start(interfaces)
        single = range(1, moves + 1)
        crowd = range(moves + 1, moves + 1 + machines)
        await racks.ask("greet", machines=[(sender(rack), rack) for rack in range(pes)])
        await racks.ask("greet", machines=[(number, 0) for number in (*single, *crowd)])
        await _known(lab, pes + moves + machines)
        await _quiet(lab)
        before = _writes(lab)
        samples = []
        for number in single:
            samples.append(await racks.move([number], 1 + number % (pes - 1)))
            await asyncio.sleep(SETTLE)
        await _quiet(lab)
        writes = _writes(lab) - before
        together = await racks.move(list(crowd), 1) if machines else 0.0
        return MoveResult(
            reflector.value, pes, tuple(sorted(samples)), machines, together, writes / max(1, moves)
        )


def _writes(lab: RunningLab) -> int:
    return sum(each.switch.session.writes for each in lab.fabric.controllers.values())


async def _known(lab: RunningLab, machines: int) -> None:
    """Wait until every PE knows so many machines: a reflector may pause for longer than a lab is quiet."""

    def all_know() -> bool:
        tables = (pe.switch.plane.intents.values() for pe in lab.fabric.pes.values())
        return all(sum(isinstance(each, MacEntry) for each in table) >= machines for table in tables)

    what = f"{machines} machines known to all PEs"
    try:
        await eventually_async(all_know, within=KNOWN_SECONDS, every=QUIET, what=what)
    except NotInTime as error:
        raise LabError(str(error)) from None


async def _quiet(lab: RunningLab) -> None:
    """Wait until the controllers have written nothing for a while."""
    last = -1
    while (now := _writes(lab)) != last:
        last = now
        await asyncio.sleep(QUIET)
