"""Every case on every pair of compiler and switch: all have to give the same packets."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from tests.conformance.case import Case
from tests.conformance.conftest import Combination
from tests.conformance.runner import run
from tests.conformance.switches import Switch
from tests.conformance.toolchains import COMPILERS, NOT_BY_P4C


def _cases() -> list[tuple[str, Case]]:
    """(program, case) of all modules in cases/; a module is named as its program."""
    names = sorted(path.stem for path in (Path(__file__).parent / "cases").glob("*.py"))
    return [(name, case) for name in names for case in import_module(f"tests.conformance.cases.{name}").CASES]


@pytest.mark.parametrize(
    ("program", "case"),
    [pytest.param(program, case, id=f"{program}-{case.name}") for program, case in _cases()],
)
def test_case(program: str, case: Case, combination: Combination, switch: Switch) -> None:
    """The steps of the case give what it says."""
    if combination.switch == "bmv2" and case.not_on_bmv2:
        pytest.skip(case.not_on_bmv2)
    if not combination.in_memory and case.in_memory_only:
        pytest.skip(case.in_memory_only)
    if combination.compiler == "p4c" and program in NOT_BY_P4C:
        pytest.skip(NOT_BY_P4C[program])
    switch.start(COMPILERS[combination.compiler](program))
    run(case, switch)
