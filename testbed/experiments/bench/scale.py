"""Many hosts: real PE controllers and a real reflector over TCP, with tables that only count what is written.

Answers how long PEs take until all know all hosts, what a route costs in memory, and whether a change writes
what it changes and nothing else.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast, final

from controllers.dataplane.codec import Codec
from controllers.dataplane.entity import Update
from controllers.dataplane.p4runtime import Session
from controllers.dataplane.reports import PuntReason
from controllers.dataplane.simulator import TableSimulator
from controllers.runtime.fabric import Fabric
from controllers.runtime.pe import PeController
from controllers.runtime.switch import Observer
from controllers.wire.types import EVPN
from testbed.experiments.bench.fabric import bench_plan
from testbed.experiments.bench.racks import announcement
from testbed.experiments.programs import programs
from testbed.lab import rundir
from testbed.lab.container import LAB_NAME
from testbed.lab.errors import LabError
from testbed.lab.fabric_config import fabric_config
from testbed.lab.network import prepare_namespace
from testbed.lab.switches import Target
from testbed.model.topology import Mode, Reflector

PATIENCE: Final = 300.0
"""Seconds until a table that is not complete is given up."""

AT_ONCE: Final = 100
"""Hosts of a PE that announce themselves in one turn of the event loop."""

ROUTES: Final = 3
"""Of a host: its MAC, its MAC with its address, and the prefix of its address."""

_AC: Final = 1
_QUIET: Final = 0.5
"""Seconds without a route or a write after which nothing more is to come."""


@final
@dataclass(frozen=True, slots=True)
class ScaleResult:
    """`seconds` from the first announcement to the last write in the last PE; `writes` by verb till then.

    `entries` are in all tables in the end: with as many inserts, none was written twice. `moved`, `repeated`:
    writes by verb in all PEs when one host moves, and when all that BGP knows is sent again.
    """

    reflector: str
    pes: int
    hosts: int
    routes: int
    seconds: float
    bytes_per_route: float
    reflector_bytes_per_route: float
    writes: dict[str, int]
    entries: int
    moved: dict[str, int]
    repeated: dict[str, int]


@final
class _Tables:
    """In place of a P4Runtime session: encodes what is written, and keeps it."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.simulator = TableSimulator()
        self.verbs: Counter[str] = Counter()

    def write(self, updates: Collection[Update], then: Callable[[], None]) -> None:
        """See `Session.write`."""
        self._codec.write_request(updates)
        self.simulator.apply(updates)
        self.verbs.update(update.verb.name for update in updates)
        then()

    def packet_out(self, payload: bytes, metadata: dict[str, int]) -> None:
        """See `Session.packet_out`."""


@final
class _Scale:
    """The controllers of all PEs, and what their tables hold."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.tables: list[_Tables] = []
        for pe in fabric.pes.values():
            tables = _Tables(pe.switch.session.codec)
            pe.switch.session = cast(Session, tables)
            self.tables.append(tables)

    def start(self) -> None:
        """Begin as with switches that hold nothing yet."""
        for pe in self.fabric.pes.values():
            pe.start()
            pe.switch.on_ready([])

    def verbs(self) -> Counter[str]:
        """Writes so far, in all PEs."""
        return sum((tables.verbs for tables in self.tables), Counter())

    @property
    def entries(self) -> int:
        """Table entries in all PEs now."""
        return sum(len(tables.simulator.entities) for tables in self.tables)

    async def quiet(self) -> None:
        """Wait until no PE has heard or written anything for a while."""
        last: Any = None
        while (now := (self.verbs(), [s.counters.updates_in for s in self._sessions()])) != last:
            last = now
            await asyncio.sleep(_QUIET)

    def _sessions(self) -> list[Any]:
        return [status for pe in self.fabric.pes.values() for status in pe.speaker.peers()]

    async def until(self, what: str, met: Callable[[], bool]) -> None:
        """Wait until it is so. LabError after a while."""
        deadline = time.monotonic() + PATIENCE
        while not met():
            if time.monotonic() > deadline:
                raise LabError(f"not within {PATIENCE:.0f} s: {what}")
            await asyncio.sleep(0.01)

    async def changes(self, cause: Callable[[], object]) -> dict[str, int]:
        """What is written because of something."""
        await self.quiet()
        before = self.verbs()
        cause()
        await self.quiet()
        return dict(self.verbs() - before)


def _appears(pe: PeController, number: int) -> None:
    header = {"reason": PuntReason.ARP, "bridge_domain": 1, "attachment": _AC}
    pe.packet_in(header, announcement(number))


async def bench_scale(*, pes: int, hosts: int, reflector: Reflector) -> ScaleResult:
    """Measure, inside a container. `hosts` are those of each PE. LabError if tables stay incomplete."""
    plan = bench_plan(pes)
    prepare_namespace(plan)
    config = fabric_config(plan, Mode.EVPN_VMTO, reflector)
    directory = rundir.directory(os.environ[LAB_NAME])
    fabric = Fabric(config, programs(Target.EMBEDDED), Observer(), directory)
    reflecting = fabric.reflector
    assert reflecting is not None  # noqa: S101 - all PEs are controlled here
    scale = _Scale(fabric)
    await reflecting.start()
    try:
        scale.start()
        await scale.until("sessions", lambda: all(pe.connected.is_set() for pe in fabric.pes.values()))
        await scale.quiet()
        gc.collect()
        memory, reflector_memory = _resident(os.getpid()), _resident(reflecting.pid)
        base = min(pe.speaker.rib.count(EVPN) for pe in fabric.pes.values())
        before, present = scale.verbs(), scale.entries
        routes = pes * hosts * ROUTES
        start = time.monotonic()
        for first in range(1, hosts + 1, AT_ONCE):
            for index, pe in enumerate(fabric.pes.values()):
                for number in range(first, min(first + AT_ONCE, hosts + 1)):
                    _appears(pe, index * hosts + number)
            await asyncio.sleep(0)
        await scale.until(
            "all routes at all PEs",
            lambda: all(pe.speaker.rib.count(EVPN) >= base + routes for pe in fabric.pes.values()),
        )
        seconds = time.monotonic() - start
        writes, entries = dict(scale.verbs() - before), scale.entries - present
        gc.collect()
        grown, reflector_grown = _resident(os.getpid()) - memory, _resident(reflecting.pid) - reflector_memory
        last = list(fabric.pes.values())[-1]
        moved = await scale.changes(lambda: _appears(last, 1))
        repeated = await scale.changes(
            lambda: [pe.speaker.request_refresh(config.bgp.reflector, EVPN) for pe in fabric.pes.values()]
        )
        return ScaleResult(
            reflector=reflector.value,
            pes=pes,
            hosts=hosts,
            routes=routes,
            seconds=seconds,
            bytes_per_route=grown / (routes * pes),
            reflector_bytes_per_route=reflector_grown / routes,
            writes=writes,
            entries=entries,
            moved=moved,
            repeated=repeated,
        )
    finally:
        for pe in fabric.pes.values():
            await pe.stop()
        await reflecting.stop()


def _resident(pid: int | None) -> int:
    """Bytes of memory that a process holds; 0 where /proc does not say."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
