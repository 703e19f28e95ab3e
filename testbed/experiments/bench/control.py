"""The control plane benchmark: reflection, moves and scale, ours beside gobgpd and FRR in one run."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

from controllers.runtime.bench.probe import BenchError
from controllers.runtime.bench.reflection import RateResult, reflection_latency, reflection_rate
from controllers.runtime.bgp.reflectors import ReflectorKind
from testbed.experiments.bench.parts import Part
from testbed.lab.container import run_in_lab
from testbed.lab.errors import LabError

RATES: Final = (10_000, 50_000)
"""Routes of the two floods whose rates are compared: reflection is to be linear."""

RECEIVERS: Final = 2
SAMPLES: Final = 300
TOO_SLOW: Final = 5_000
"""Routes/s at the smaller size below which a reflector is spared the larger one."""

PES: Final = 8
MOVE_WRITES: Final = 5 + 5 + 2 * (PES - 2)
"""Table writes of one move. At the new PE: the source MAC and the routed next hop are new; the MAC, the host
route and the neighbour change. At the old PE the same the other way round. At each other PE the MAC and the
host route change."""


@final
@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `goal` is a bound from above, or from below where `at_least`; None where there is none.

    `load` is the load average of the machine when it was measured.
    """

    measure: str
    reflector: str
    value: float
    unit: str
    goal: float | None = None
    at_least: bool = False
    note: str = ""
    load: float = field(default_factory=lambda: os.getloadavg()[0])

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal


@final
@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: moves one by one, machines that move at once, hosts of each PE."""

    moves: int = 100
    machines: int = 1000
    hosts: int = 10_000


def bench_control(
    kinds: Sequence[ReflectorKind], parts: Sequence[Part], sizes: Sizes, report: Callable[[Row], None]
) -> list[str]:
    """Measure and report row by row; what could not be measured, a line each."""
    failures = []
    for kind in kinds:
        for part in parts:
            measure = {Part.REFLECTION: _reflection, Part.MOVES: _moves, Part.SCALE: _scale}[part]
            try:
                for row in measure(kind, sizes):
                    report(row)
            except (BenchError, LabError) as error:
                failures.append(f"{part} by {kind.value}: {error}")
    return failures


def _reflection(kind: ReflectorKind, _sizes: Sizes) -> Iterator[Row]:
    """Rates with attributes shared and distinct, and the way of one route."""
    for distinct in (False, True):
        what = f"reflection, {'distinct' if distinct else 'shared'} attributes"
        found: list[RateResult] = []
        for routes in RATES:
            if found and found[0].routes_per_second < TOO_SLOW:
                continue
            rate = asyncio.run(reflection_rate(kind, routes, RECEIVERS, distinct=distinct))
            found.append(rate)
            note = f"{routes:,} routes, {rate.cpu_s:.2f} s of processor"
            yield Row(what, kind.value, rate.routes_per_second, "routes/s", 15_000, at_least=True, note=note)
        if len(found) == len(RATES):
            per_cpu = [rate.routes / max(rate.cpu_s, 0.01) for rate in found]
            note = "rate per processor second, large to small"
            yield Row(what, kind.value, per_cpu[1] / per_cpu[0], "ratio", note=note)
    latency = asyncio.run(reflection_latency(kind, SAMPLES))
    for percent, goal in ((50, 5.0), (99, 20.0)):
        name = f"one route in to out, p{percent}"
        yield Row(name, kind.value, latency.percentile_ms(percent), "ms", goal)


def _moves(kind: ReflectorKind, sizes: Sizes) -> Iterator[Row]:
    """Moves in a lab, stamped by packets."""
    request = {"pes": PES, "moves": sizes.moves, "machines": sizes.machines}
    found = _in_container("moves", kind, request)
    samples = found["samples_ms"]
    note = f"{PES} PEs, {len(samples)} moves, links without delay"
    for percent, goal in ((50, 10.0), (99, 50.0)):
        value = samples[max(1, -(-len(samples) * percent // 100)) - 1]
        yield Row(f"move, first frame to last PE, p{percent}", kind.value, value, "ms", goal, note=note)
    yield Row("table writes a move", kind.value, found["writes_a_move"], "writes", MOVE_WRITES)
    if sizes.machines:
        name = "all machines of a rack at once"
        yield Row(name, kind.value, found["rack_ms"], "ms", 1000.0, note=f"{sizes.machines:,} machines")


def _scale(kind: ReflectorKind, sizes: Sizes) -> Iterator[Row]:
    """Convergence of many hosts, memory, and writes."""
    found = _in_container("scale", kind, {"pes": PES, "hosts": sizes.hosts})
    note = f"{PES} PEs x {sizes.hosts:,} MAC/IP, {found['routes']:,} routes"
    name = kind.value
    yield Row("converge", name, found["seconds"], "s", note=note)
    yield Row("events decided", name, found["routes"] * PES / found["seconds"], "routes/s", note="all PEs")
    yield Row("memory of a route in a PE", name, found["bytes_per_route"], "bytes", note="tables included")
    yield Row("memory of a route in the reflector", name, found["reflector_bytes_per_route"], "bytes")
    writes = sum(found["writes"].values())
    yield Row(
        "writes beyond new entries", name, writes - found["entries"], "writes", 0, note=f"of {writes:,}"
    )
    yield Row("writes when one host moves", name, sum(found["moved"].values()), "writes", MOVE_WRITES)
    yield Row("writes when all is sent again", name, sum(found["repeated"].values()), "writes", 0)


def _in_container(what: str, kind: ReflectorKind, request: dict[str, Any]) -> Any:
    """Run one part in a container of its own; its result. LabError if it has none."""
    with tempfile.TemporaryDirectory(prefix="vmto-bench-") as directory:
        file = Path(directory) / "result.json"
        text = json.dumps({**request, "reflector": kind.value})
        program = [sys.executable, "-m", "testbed.experiments.bench.inside", what, text, str(file)]
        code = run_in_lab(f"bench-{what}", program, env={"GRPC_VERBOSITY": "NONE"}).wait()
        if code or not file.exists():
            raise LabError(f"the bench ended with exit code {code}")
        return json.loads(file.read_text())
