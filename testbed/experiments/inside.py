"""The program of a lab's container: `run SPEC` moves a machine and reports, `up SPEC` serves until ended.

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
from importlib.metadata import version
from platform import python_version, release
from typing import Any

from rich.console import Console

from testbed.experiments import present, result
from testbed.experiments.move import MoveSpec, move
from testbed.experiments.running import RunningLab, Setup
from testbed.experiments.spec import LabSpec, RunSpec
from testbed.experiments.verbs import register
from testbed.lab import rundir
from testbed.lab.container import LAB_NAME, report_ready
from testbed.lab.control import ControlServer
from testbed.lab.errors import LabError
from testbed.model.load import load_plan

WIDTH = 110
VERSIONED = ("vmto-testbed", "finsy", "grpcio", "protobuf", "mininet")


async def run(spec: RunSpec, console: Console) -> None:
    """One move in a lab of its own; prints it and writes result.json."""
    plan = load_plan(spec.lab.topology)
    started = time.monotonic()
    with console.status("the lab comes up ...") if console.is_terminal else _quiet() as _:
        lab = RunningLab(plan, _setup(spec.lab), logs=spec.lab.logs)
        async with lab:
            console.print(
                f"lab {plan.name} is up after {time.monotonic() - started:.1f} s: {_inventory(lab)}"
            )
            origin = lab.lab.vm(spec.machine).plan.at
            move_spec = MoveSpec(
                spec.machine, spec.destination, spec.clients, spec.blackout_ms, spec.announce
            )
            seen = await move(lab, move_spec, console.print)
    first, *others = spec.clients
    setting = result.Setting(
        topology=plan.name,
        machine=spec.machine,
        client=first,
        origin=origin,
        destination=spec.destination,
        blackout_ms=spec.blackout_ms,
        announce=spec.announce.value,
        reflector=spec.lab.reflector.value,
        target=spec.lab.target.value,
        versions=_versions(),
    )
    found = result.Result(
        mode=spec.lab.mode.value,
        before=seen[first].before,
        after=seen[first].after,
        move=seen[first].move,
        others={name: seen[name] for name in others},
        setting=setting,
    )
    path = result.write(found, spec.results)
    present.show(found, plan, console)
    console.print(f"\nwritten to {path}; {time.monotonic() - started:.1f} s in all")
    if not all(sessions.move.tcp_survived for sessions in seen.values()):
        raise LabError("a TCP session did not survive the move")


async def up(spec: LabSpec, _console: Console) -> None:
    """A lab that serves its control socket until SIGTERM."""
    plan = load_plan(spec.topology)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with RunningLab(plan, _setup(spec), logs=spec.logs) as lab:
        server = ControlServer(rundir.directory(os.environ[LAB_NAME]) / "control")
        register(server, lab)
        async with server:
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


class _quiet:  # noqa: N801 - a null context where there is no terminal
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


PROGRAMS: dict[
    str, tuple[type[RunSpec] | type[LabSpec], Callable[[Any, Console], Coroutine[Any, Any, None]]]
] = {
    "run": (RunSpec, run),
    "up": (LabSpec, up),
}


def main(arguments: Sequence[str]) -> int:
    """Entry point."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    name, text = arguments
    model, program = PROGRAMS[name]
    spec = model.model_validate_json(text)
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
