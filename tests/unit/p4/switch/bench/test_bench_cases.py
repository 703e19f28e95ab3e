"""The benchmark measures packets that arrive."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from testbed.p4.compiler.compile import compile_program
from testbed.p4.switch.bench.cases import Case, l3_case, pe_case
from testbed.p4.switch.bench.chain import BMV2, NULL, OURS
from testbed.p4.switch.bench.dataplane import Bench, Row
from testbed.p4.switch.bench.lookups import LOOKUPS, Lookup, lookups
from testbed.p4.switch.bench.memory import compile_times, insert_all
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
def test_lookups_hit_with_few_and_with_many_entries(lookup: Lookup) -> None:
    few, many, growth = lookups((lookup,), (16, 8192))
    assert [few[3], many[3]] == ["16 entries", "8192 entries"]
    assert growth[0] == f"lookup_{lookup.kind}_growth"
    assert growth[1] == pytest.approx(many[1] / few[1])


def test_every_step_from_source_to_native_code_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    measures = [measure for measure, *_ in compile_times(l3_case())]
    assert measures == ["p4c", "native", "compiled_cold", "compiled_cached", "native"]
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path)
    assert not list(tmp_path.iterdir())


def _row(measure: str, value: float, *, switch: str = OURS, switches: int = 1) -> Row:
    return Row(measure, switch, "l3", 64, switches, value, "")


def test_a_row_says_whether_its_goal_is_met() -> None:
    assert str(_row("latency_p50_at_10", 40).goal) == "<= 40"
    assert _row("latency_p50_at_10", 40).met is True
    assert _row("latency_p50_at_10", 40.1).met is False
    assert str(_row("peak_to_null", 0.6).goal) == ">= 0.6"
    assert _row("peak_to_null", 0.59).met is False
    assert _row("ready", 0.4).met is False
    assert _row("ready", 0.4, switches=12).met is True


def test_only_figures_of_this_switch_have_goals() -> None:
    assert _row("latency_p50_at_10", 90, switch=NULL).met is None
    assert _row("peak", 500).met is None


def test_ratios_are_those_of_the_same_frames_and_chain() -> None:
    rows: list[Row] = []
    bench = Bench(1, rows.append)
    bench.row("peak", NULL, "l3", 500, "kpps", frame_bytes=64)
    bench.row("peak", NULL, "l3", 90, "kpps", frame_bytes=64, switches=5)
    bench.row("peak", OURS, "l3", 400, "kpps", frame_bytes=64)
    bench.row("peak", BMV2, "l3", 20, "kpps", frame_bytes=64)
    bench.row("peak", BMV2, "l3", 20, "kpps", frame_bytes=1500)
    ratios = {row.measure: row.value for row in rows if row.unit == "ratio"}
    assert ratios == {"peak_to_null": 0.8, "peak_to_bmv2": 20}
