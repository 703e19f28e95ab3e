"""What the program of a lab's container does: see `inside`, which loads this."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from controllers.runtime.collector import run_calmly
from testbed.experiments.measure import measure
from testbed.experiments.running import RunningLab, Setup
from testbed.experiments.spec import LabSpec, RunSpec
from testbed.experiments.verbs import serving
from testbed.lab import rundir
from testbed.lab.container import LAB_NAME, report_ready
from testbed.lab.errors import LabError
from testbed.model.load import load_plan


async def up(spec: LabSpec) -> None:
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


def _setup(spec: LabSpec) -> Setup:
    return Setup(spec.mode, spec.reflector, spec.target)


PROGRAMS: dict[str, tuple[type[RunSpec] | type[LabSpec], Callable[[Any], Coroutine[Any, Any, None]]]] = {
    "scenario": (RunSpec, measure),
    "up": (LabSpec, up),
}


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments of `inside` say; the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    name, text = arguments
    model, program = PROGRAMS[name]
    spec = model.model_validate_json(text)
    try:
        run_calmly(program(spec))
    except LabError as error:
        report_ready(str(error))
        print(f"vmto: {error}", file=sys.stderr)
        return 1
    return 0
