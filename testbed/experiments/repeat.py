"""Runs of a scenario, each in a lab of its own, one after the other; and what many of them say together."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, final

from testbed.experiments.result import Compared, Figure, PathSeen, Repeated
from testbed.experiments.spec import RunSpec
from testbed.experiments.statistics import spread
from testbed.lab.container import run_in_lab

INTERRUPTED: Final = 130
"""Exit code of a program that was told to stop by Ctrl-C."""

Say = Callable[[str], None]


@final
class NotMeasuredError(Exception):
    """A lab did not come up, or its scenario could not be carried out."""


def run_all(
    specs: Sequence[RunSpec], times: int, name: str, env: Mapping[str, str], *, now: Say, tell: Say
) -> dict[str, Compared]:
    """Run each, of different modes, as many times; `name` of the labs, `env` for their programs. By mode.

    `now` is told what is under way, `tell` what came of it, for those who wait for the whole.
    Each round has all modes, in an order drawn from the seed if there are several rounds. NotMeasuredError if
    one cannot be run.
    """
    found: dict[str, list[Compared]] = {spec.lab.mode.value: [] for spec in specs}
    total = times * len(specs)
    with tempfile.TemporaryDirectory(prefix="vmto-runs-") as folder:
        for number, (planned, repetition) in enumerate(_order(specs, times), start=1):
            spec = planned.model_copy(update={"results": Path(folder), "repetition": repetition})
            which = f"{spec.lab.mode} ({number} of {total})" if total > 1 else str(spec.lab.mode)
            now(which)
            started = time.monotonic()
            run = _run(spec, name, env)
            found[spec.lab.mode.value].append(run)
            if total > 1:
                tell(f"{which}, {time.monotonic() - started:.0f} s: {_in_short(run)}")
    return {mode: together(runs) for mode, runs in found.items()}


def _order(specs: Sequence[RunSpec], times: int) -> Iterator[tuple[RunSpec, int]]:
    for repetition in range(times):
        modes = list(specs)
        if times > 1:
            random.Random(f"{specs[0].seed}/{repetition}/order").shuffle(modes)  # noqa: S311 - no secret
        yield from ((spec, repetition) for spec in modes)


def _run(spec: RunSpec, name: str, env: Mapping[str, str]) -> Compared:
    program = [sys.executable, "-m", "testbed.experiments.inside", "scenario", spec.model_dump_json()]
    code = run_in_lab(name, program, env=env, output=None).wait()
    written = spec.results / spec.file
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if code or not written.exists():
        raise NotMeasuredError(f"mode {spec.lab.mode} could not be measured: see the line above")
    return Compared.model_validate_json(written.read_text(encoding="utf-8"))


def _in_short(found: Compared) -> str:
    failed = len(failures(found))
    ways = f"to the machine {_way(found.after.ingress)}, from it {_way(found.after.egress)}"
    return f"{ways}; {failed} of {len(found.checks)} expectations not met" if failed else ways


def _way(path: PathSeen) -> str:
    if not path.nodes:
        return "nothing arrives"
    return "by way of a former gateway" if path.trombone else "direct"


def failures(found: Compared) -> list[str]:
    """What is not as it must be, a line for each."""
    return [
        f"{f'{check.phase}: ' if check.phase else ''}{check.expected}: {check.seen}"
        for check in found.checks
        if not check.holds
    ]


def together(runs: Sequence[Compared]) -> Compared:
    """The first of some runs, with what all of them say. Pure."""
    first = runs[0]
    if len(runs) == 1:
        return first
    wrong = [any(not c.holds and c.about == "path" for c in run.checks) for run in runs]
    repeated = Repeated(
        runs=len(runs),
        seed=first.seed,
        wrong_paths=sum(wrong),
        dead_sessions=sum(
            move.tcp_survived is False
            for run in runs
            for move in (run.move, *(other.move for other in run.others.values()))
        ),
        failed=sum(bool(failures(run)) for run in runs),
        failures=[f"run {n}: {line}" for n, run in enumerate(runs, start=1) for line in failures(run)],
        figures={name: _figure([figure(run) for run in runs]) for name, figure in FIGURES.items()},
    )
    return first.model_copy(update={"repeated": repeated})


def _figure(values: Sequence[float | None]) -> Figure:
    known = [value for value in values if value is not None]
    if not known:
        return Figure(median=None, low=None, high=None, confidence=0.0, values=list(values))
    found = spread(known)
    return Figure(
        median=found.median,
        low=found.low,
        high=found.high,
        confidence=round(found.confidence, 4),
        values=list(values),
    )


def _dip(run: Compared) -> float | None:
    return max((flow.goodput.dip_ms for flow in run.flows if flow.goodput), default=None)


FIGURES: Final[Mapping[str, Callable[[Compared], float | None]]] = {
    "gap_ingress_ms": lambda run: run.move.gap_ms.ingress,
    "gap_egress_ms": lambda run: run.move.gap_ms.egress,
    "lost": lambda run: run.move.lost,
    "rtt_before_ms": lambda run: run.before.ingress.rtt_ms,
    "rtt_after_ms": lambda run: run.after.ingress.rtt_ms,
    "dip_ms": _dip,
    "flooded": lambda run: run.flooded,
    "updates": lambda run: run.updates,
    "writes": lambda run: run.writes,
    "wan_bytes_per_byte": lambda run: run.wan_bytes_per_byte,
}
"""The figures of which a median is given."""
