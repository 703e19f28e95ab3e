"""The benchmark measures packets that arrive."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testbed.p4.compiler.compile import compile_program
from testbed.p4.switch.bench.cases import Case, l3_case, pe_case
from testbed.p4.switch.bench.lookups import LOOKUPS, Lookup, lookups
from testbed.p4.switch.bench.memory import insert_all
from testbed.p4.switch.bench.null import SOURCE
from testbed.p4.switch.model import parse_program
from testbed.p4.switch.native import NativeTarget

PE = Path(__file__).parents[5] / "p4src" / "pe.p4"


@pytest.mark.parametrize("case", [l3_case(), pe_case(PE)], ids=lambda case: case.name)
def test_the_frame_crosses_the_program(case: Case) -> None:
    program = parse_program(json.dumps(compile_program(case.source).json), case.name)
    target = NativeTarget()
    try:
        target.load(program)
        insert_all(target, program, case.entries)
        frame = case.frame(64)
        (sent,) = (data for port, data in target.inject(0, frame) if port == 1)
        assert sent != frame
        took, left = target.measure(0, [frame], 100)
        assert took > 0
        assert left == 100
    finally:
        target.close()


def test_the_null_forwarder_changes_nothing() -> None:
    target = NativeTarget()
    try:
        target.load_source(SOURCE.read_text(), "null")
        assert target.inject(0, b"frame") == [(1, b"frame")]
        assert target.inject(3, b"") == [(2, b"")]
    finally:
        target.close()


@pytest.mark.parametrize("lookup", LOOKUPS, ids=lambda lookup: lookup.kind)
def test_lookups_hit(lookup: Lookup) -> None:
    (figure,) = lookups((lookup,), (16,))
    assert figure[1] > 0
