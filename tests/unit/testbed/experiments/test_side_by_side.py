"""Schemas, files and tables of a comparison."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from rich.console import Console

from testbed.experiments import result, side_by_side
from testbed.experiments.modes import modes
from testbed.experiments.repeat import failures, together
from testbed.experiments.result import Compared, Comparison
from testbed.model.plan import Plan
from testbed.model.topology import Mode, Reflector


def comparison(compared: Callable[..., Compared]) -> Comparison:
    return Comparison(
        modes={
            "evpn": compared("evpn", ingress=True, egress=True),
            "evpn-vmto": compared("evpn-vmto", changed={"proof": None}),
        }
    )


def test_the_file_is_what_its_schema_says(compared: Callable[..., Compared], tmp_path: Path) -> None:
    path = result.write(comparison(compared), tmp_path / "deep", "compare.json")
    written = json.loads(path.read_text())
    assert set(written["modes"]) == {"evpn", "evpn-vmto"}
    assert Comparison.model_validate(written) == comparison(compared)
    assert list(path.parent.iterdir()) == [path]
    described = result.comparison_schema()["$defs"]["Compared"]["properties"]  # type: ignore[index]
    only_here = {"flooded", "updates", "writes", "wan_bytes_per_byte"}
    assert set(described) == set(result.schema()["properties"]) | only_here  # type: ignore[call-overload]
    assert set(written["modes"]["evpn"]) == set(described)


def test_the_table_shows_every_mode(compared: Callable[..., Compared], plan: Plan) -> None:
    text = StringIO()
    side_by_side.show(comparison(compared), plan, Console(file=text, width=120))
    lines = text.getvalue().splitlines()
    assert ["evpn", "evpn-vmto"] in [line.split() for line in lines]
    assert any(line.split() == ["trombone", "to", "the", "machine,", "after", "yes", "no"] for line in lines)
    assert any(
        line.split() == ["echoes", "on", "which", "captures", "agree", "10", "of", "10", "-"]
        for line in lines
    )
    assert len([line for line in lines if "acc4 pe4 p4 p2 pe2 acc2" in line]) == 8


def test_medians_of_many_runs(compared: Callable[..., Compared], plan: Plan) -> None:
    runs = [compared("evpn", changed={"seed": 3, "updates": count}) for count in (4, 5, 9)]
    text = StringIO()
    side_by_side.show(Comparison(modes={"evpn": together(runs)}), plan, Console(file=text, width=120))
    lines = [line.split() for line in text.getvalue().splitlines()]
    assert "Median of 3 runs, seed 3, and its 75% confidence interval" in text.getvalue()
    assert ["updates", "5.0", "(4.0-9.0)"] in lines
    assert ["dip_ms", "-"] in lines
    assert ["sessions", "that", "died", "0"] in lines


def test_what_failed_is_told_with_what_was_seen(compared: Callable[..., Compared]) -> None:
    met = {"phase": "after", "about": "path", "expected": "no trombone", "seen": "a b", "holds": True}
    broken = met | {"holds": False, "phase": ""}
    assert failures(compared(changed={"checks": [met]})) == []
    assert failures(compared(changed={"checks": [met, broken]})) == ["no trombone: a b"]
    assert failures(compared(changed={"checks": [broken | {"phase": "x"}]})) == ["x: no trombone: a b"]


def test_modes_that_can_be_run(plan: Plan) -> None:
    assert modes(plan) == tuple(Mode)
    assert modes(plan, Reflector.FRR) == (Mode.EVPN, Mode.EVPN_EGRESS, Mode.EVPN_VMTO)
