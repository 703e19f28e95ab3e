"""The program of a lab's container: `run SPEC` moves a machine and reports, `mode SPEC` does so for a
comparison, `up SPEC` serves until ended.

SPEC is a `RunSpec` or a `LabSpec` as JSON. Exit code 1: the experiment failed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from importlib.metadata import version
from platform import python_version, release
from typing import Any

from rich.console import Console

from controllers.runtime.bgp.collector import calm_collector
from testbed.experiments import expectation, present, result
from testbed.experiments.move import Cost, MoveSpec, move
from testbed.experiments.running import RunningLab, Setup
from testbed.experiments.spec import LabSpec, RunSpec
from testbed.experiments.verbs import serving
from testbed.lab import rundir
from testbed.lab.container import LAB_NAME, report_ready
from testbed.lab.errors import LabError
from testbed.model.load import load_plan
from testbed.model.plan import Plan

WIDTH = 110
VERSIONED = ("vmto-testbed", "finsy", "grpcio", "protobuf", "mininet")


async def run(spec: RunSpec, console: Console) -> None:
    """One move in a lab of its own; prints it and writes result.json."""
    plan = load_plan(spec.lab.topology)
    started = time.monotonic()
    with console.status("the lab comes up ...") if console.is_terminal else nullcontext():
        found, _cost = await _measure(spec, plan, console.print)
    path = result.write(found, spec.results)
    present.show(found, plan, console)
    console.print(f"\nwritten to {path}; {time.monotonic() - started:.1f} s in all")
    problems = expectation.failures(found)
    if problems:
        raise LabError(problems[0])


async def mode(spec: RunSpec, _console: Console) -> None:
    """The same for a comparison: prints nothing, and writes MODE.json with what the mode costs."""
    found, cost = await _measure(spec, load_plan(spec.lab.topology), lambda _line: None)
    result.write(result.Compared(**found.model_dump(), **asdict(cost)), spec.results, f"{found.mode}.json")


async def _measure(spec: RunSpec, plan: Plan, say: Callable[[str], None]) -> tuple[result.Result, Cost]:
    """A lab, the move in it, and the end of the lab."""
    started = time.monotonic()
    async with RunningLab(plan, _setup(spec.lab), logs=spec.lab.logs) as lab:
        say(f"lab {plan.name} is up after {time.monotonic() - started:.1f} s: {_inventory(lab)}")
        origin = lab.lab.vm(spec.machine).plan.at
        move_spec = MoveSpec(spec.machine, spec.destination, spec.clients, spec.blackout_ms, spec.announce)
        moved = await move(lab, move_spec, say)
    setting = result.Setting(
        topology=plan.name,
        machine=spec.machine,
        client=spec.clients[0],
        origin=origin,
        destination=spec.destination,
        blackout_ms=spec.blackout_ms,
        announce=spec.announce.value,
        reflector=spec.lab.reflector.value,
        target=spec.lab.target.value,
        versions=_versions(),
    )
    first, *others = spec.clients
    found = result.Result(
        mode=spec.lab.mode.value,
        before=moved.sessions[first].before,
        after=moved.sessions[first].after,
        move=moved.sessions[first].move,
        others={name: moved.sessions[name] for name in others},
        setting=setting,
        proof=moved.proof,
    )
    return found, moved.cost


async def up(spec: LabSpec, _console: Console) -> None:
    """A lab that serves its control socket until SIGTERM."""
    plan = load_plan(spec.topology)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    control = rundir.directory(os.environ[LAB_NAME]) / "control"
    async with RunningLab(plan, _setup(spec), logs=spec.logs) as lab, serving(control, lab):
        # As machines do that have just booted; experiments begin with whoever speaks first.
        lab.lab.greet()
        report_ready()
        await ended.wait()


def _console() -> Console:
    """Paths need room: where no terminal sets the width, lines are as long as they have to be."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def _setup(spec: LabSpec) -> Setup:
    return Setup(spec.mode, spec.reflector, spec.target)


def _inventory(lab: RunningLab) -> str:
    roles = [str(switch.role) for switch in lab.plan.switches.values()]
    parts = [f"{roles.count(role)} {name}" for role, name in (("pe", "PE"), ("p", "P"), ("access", "access"))]
    machines = f"{len(lab.plan.hosts)} hosts, {len(lab.plan.vms)} moving"
    setup = lab.setup
    return f"{', '.join(parts)} switches ({setup.target}), {machines}, reflector {setup.reflector}"


def _versions() -> dict[str, str]:
    return {name: version(name) for name in VERSIONED} | {"python": python_version(), "kernel": release()}


PROGRAMS: dict[
    str, tuple[type[RunSpec] | type[LabSpec], Callable[[Any, Console], Coroutine[Any, Any, None]]]
] = {
    "run": (RunSpec, run),
    "mode": (RunSpec, mode),
    "up": (LabSpec, up),
}


def main(arguments: Sequence[str]) -> int:
    """Entry point."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    name, text = arguments
    model, program = PROGRAMS[name]
    spec = model.model_validate_json(text)
    calm_collector()
    try:
        asyncio.run(program(spec, _console()))
    except LabError as error:
        report_ready(str(error))
        print(f"vmto: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
