"""The same move in every mode, each in a lab of its own, one after the other."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, final

from testbed.experiments.expectation import broken, truth
from testbed.experiments.result import Compared, Comparison, PathSeen
from testbed.experiments.spec import RunSpec
from testbed.lab.container import run_in_lab
from testbed.model.plan import Plan
from testbed.model.topology import Mode

FILE: Final = "compare.json"

INTERRUPTED: Final = 130
"""Exit code of a program that was told to stop by Ctrl-C."""


@final
class NotMeasuredError(Exception):
    """A mode's lab did not come up, or its experiment could not be carried out."""


Say = Callable[[str], None]


def compare(specs: Mapping[Mode, RunSpec], name: str, env: Mapping[str, str], say: Say) -> Comparison:
    """Run each; `name` of the labs, `env` for their programs. NotMeasuredError if one cannot be."""
    found: dict[str, Compared] = {}
    with tempfile.TemporaryDirectory(prefix="vmto-compare-") as folder:
        for number, (mode, spec) in enumerate(specs.items(), start=1):
            say(f"{mode} ({number} of {len(specs)}) ...")
            started = time.monotonic()
            found[mode] = _run(spec.model_copy(update={"results": Path(folder)}), name, env)
            say(f"  {time.monotonic() - started:.0f} s: {_in_short(found[mode])}")
    return Comparison(modes=found)


def _run(spec: RunSpec, name: str, env: Mapping[str, str]) -> Compared:
    program = [sys.executable, "-m", "testbed.experiments.inside", "mode", spec.model_dump_json()]
    code = run_in_lab(name, program, env=env, output=None).wait()
    written = spec.results / f"{spec.lab.mode}.json"
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if code or not written.exists():
        raise NotMeasuredError(f"mode {spec.lab.mode} could not be measured: see the line above")
    return Compared.model_validate_json(written.read_text(encoding="utf-8"))


def _in_short(found: Compared) -> str:
    return f"to the machine {_way(found.after.ingress)}, from it {_way(found.after.egress)}"


def _way(path: PathSeen) -> str:
    return "by way of a former gateway" if path.trombone else "direct"


def problems(found: Comparison, plan: Plan) -> list[str]:
    """What is not as it must be, a line for each."""
    lines = []
    for name, mode in found.modes.items():
        setting = mode.setting
        expected = truth(plan, Mode(name), setting.machine, setting.client, setting.destination)
        lines += [f"{name}: {problem}" for problem in broken(expected, mode)]
    return lines
