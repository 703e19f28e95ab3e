"""Labs of a test module: started when a test needs one, shared until one is changed."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import final

import pytest

from testbed.api import Lab
from testbed.experiments.result import give_to_caller, make_folder
from testbed.lab.errors import LabError
from testbed.lab.tap import Tap
from testbed.model.errors import TopologyError

CAPTURES = Path("results/pytest")
"""Where frames go, below pytest's root directory."""

_numbers = count()


@final
@dataclass(frozen=True, slots=True)
class Wanted:
    """The lab that a test asks for; the topology's own mode and reflector unless given."""

    topology: str = "wan"
    mode: str | None = None
    reflector: str | None = None


def wanted(item: pytest.Item) -> Wanted:
    """What the closest marker of a test says. A topology file may stand beside the test."""
    marker = item.get_closest_marker("lab")
    if marker is None:
        return Wanted()
    try:
        found = Wanted(*marker.args, **marker.kwargs)
    except TypeError:
        given = ", ".join(
            [*map(repr, marker.args), *(f"{key}={value!r}" for key, value in marker.kwargs.items())]
        )
        line = f"{item.location[0]}:{(item.location[1] or 0) + 1}"
        pytest.fail(
            f"{line}: mark lab({given}): write lab(topology=..., mode=..., reflector=...)", pytrace=False
        )
    beside = item.path.parent / found.topology
    return Wanted(str(beside), found.mode, found.reflector) if beside.is_file() else found


@final
class Keeper:
    """At most one lab that runs, and names of those that were left running."""

    def __init__(self, target: str, *, keep: bool) -> None:
        self._target, self._keep = target, keep
        self._lab: Lab | None = None
        self._wanted = Wanted()

    def lab(self, wanted: Wanted) -> Lab:
        """A lab as asked for in which nothing has changed. The test fails if there cannot be one."""
        if self._lab and (self._wanted != wanted or self._lab.changed or not self._lab.alive):
            self._end()
        if self._lab is None:
            self._lab = self._start(wanted)
            self._wanted = wanted
        return self._lab

    def _start(self, wanted: Wanted) -> Lab:
        name = f"pytest-{os.getpid()}-{next(_numbers)}"
        with tempfile.TemporaryFile() as words:
            try:
                return Lab.start(
                    wanted.topology,
                    mode=wanted.mode,
                    reflector=wanted.reflector,
                    target=self._target,
                    name=name,
                    detached=self._keep,
                    output=words,
                )
            except (LabError, TopologyError) as error:
                problem = str(error)
            words.seek(0)
            said = words.read().decode(errors="replace")
        pytest.fail("\n".join(filter(None, [problem, said.rstrip()])), pytrace=False)

    def _end(self) -> None:
        if self._lab:
            self._lab.stop()
        self._lab = None

    def close(self) -> list[str]:
        """End the lab, unless it is to be kept: then its name."""
        if self._keep and self._lab:
            return [self._lab.name]
        self._end()
        return []


@contextlib.contextmanager
def captured(lab: Lab, item: pytest.Item) -> Iterator[Path]:
    """Capture all frames of a lab while a test runs; the file."""
    name = re.sub(r"[^\w.-]+", "-", f"{item.path.stem}-{item.name}").strip("-")
    file = item.config.rootpath / CAPTURES / f"{name}.pcapng"
    make_folder(file.parent)
    with Tap(lab.name, file):
        yield file
    give_to_caller(file)
