"""The pairs of compiler and switch that cases run on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from testbed.p4.switch.native.engine import NativeTarget
from testbed.p4.switch.reference.target import ReferenceTarget
from tests.conformance.case import PORTS
from tests.conformance.links import Links
from tests.conformance.switches import InMemorySwitch, ProcessSwitch, Switch, bmv2, our_switch
from tests.conformance.toolchains import has_bmv2, has_p4c


@dataclass(frozen=True, slots=True)
class Combination:
    """A compiler and a switch."""

    compiler: str
    switch: str

    @property
    def in_memory(self) -> bool:
        """Whether frames go without interfaces."""
        return self.switch in ("reference", "native")

    def missing(self) -> str:
        """Why it cannot run here; empty if it can."""
        if self.compiler == "p4c" and not has_p4c():
            return "p4c-bm2-ss is not on PATH"
        if self.switch == "bmv2" and not has_bmv2():
            return "simple_switch_grpc is not on PATH"
        if not self.in_memory and os.geteuid() != 0:
            return "interfaces need root"
        return ""


COMBINATIONS = [
    Combination(compiler, switch)
    for compiler in ("ours", "p4c")
    for switch in ("reference", "native", "process", "bmv2")
]


def _marks(combination: Combination) -> list[pytest.MarkDecorator]:
    marks = []
    if combination.compiler == "p4c" or combination.switch == "bmv2":
        marks.append(pytest.mark.needs_bmv2)
    if not combination.in_memory:
        marks.append(pytest.mark.needs_root)
    return marks


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(each, id=f"{each.compiler}-{each.switch}", marks=_marks(each)) for each in COMBINATIONS
    ],
)
def combination(request: pytest.FixtureRequest) -> Combination:
    """One that can run here."""
    chosen: Combination = request.param
    if reason := chosen.missing():
        pytest.skip(reason)
    return chosen


@pytest.fixture(scope="session")
def links() -> Iterator[Links]:
    """Interfaces for the ports."""
    made = Links(PORTS)
    yield made
    made.close()


@pytest.fixture(scope="session")
def switch(combination: Combination, request: pytest.FixtureRequest) -> Iterator[Switch]:
    """The switch of the combination, without a program."""
    made = _MAKERS[combination.switch](request)
    yield made
    made.close()


_MAKERS: dict[str, Callable[[pytest.FixtureRequest], Any]] = {
    "reference": lambda _: InMemorySwitch(ReferenceTarget),
    "native": lambda _: InMemorySwitch(NativeTarget),
    "process": lambda request: ProcessSwitch(our_switch(), request.getfixturevalue("links"), restart=False),
    "bmv2": lambda request: ProcessSwitch(bmv2(), request.getfixturevalue("links"), restart=True),
}
