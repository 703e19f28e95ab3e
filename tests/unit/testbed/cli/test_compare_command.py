"""`vmto compare`: one lab after the other, exit codes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from testbed.cli.app import run_command
from testbed.experiments import compare
from testbed.experiments.result import Result
from testbed.experiments.spec import RunSpec

PATH = {"nodes": ["acc4", "pe4"], "crossings": 1, "trombone": False, "rtt_ms": 12.5}


def outcome(spec: RunSpec, trombone: bool) -> dict[str, Any]:
    """What the program of a lab writes."""
    ways = {"ingress": PATH, "egress": PATH}
    setting = {
        "topology": "wan",
        "machine": spec.machine,
        "client": spec.clients[0],
        "origin": "dc1",
        "destination": spec.destination,
        "blackout_ms": spec.blackout_ms,
        "announce": spec.announce,
        "reflector": spec.lab.reflector,
        "target": spec.lab.target,
        "versions": {},
    }
    gaps = {"ingress": 1.0, "egress": 1.0}
    move = {"gap_ms": gaps, "lost": 0, "sent": 9, "tcp_survived": True, "timeline": []}
    after = {way: PATH | {"trombone": trombone} for way in ways}
    found = {"mode": spec.lab.mode, "before": ways, "after": after, "move": move, "setting": setting}
    Result.model_validate(found)
    return found | {"flooded": 0, "updates": 1, "writes": 2, "wan_bytes_per_byte": 3.0}


@pytest.fixture
def labs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modes of the labs that were started; in all of them packets trombone, unless there are none."""
    started: list[str] = []

    class Lab:
        def __init__(self, code: int) -> None:
            self.code = code

        def wait(self) -> int:
            return self.code

    def run_in_lab(_name: str, argv: Sequence[str], **_options: Any) -> Lab:
        spec = RunSpec.model_validate_json(argv[-1])
        started.append(spec.lab.mode)
        if spec.blackout_ms == 13:
            return Lab(1)
        found = outcome(spec, trombone=spec.lab.mode == "evpn")
        (spec.results / f"{spec.lab.mode}.json").write_text(json.dumps(found))
        return Lab(0)

    monkeypatch.setattr(compare, "run_in_lab", run_in_lab)
    return started


def test_each_mode_in_a_lab_of_its_own(
    labs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["compare", "--results", str(tmp_path), "--mode", "evpn", "--mode", "evpn-vmto"]) == 0
    assert labs == ["evpn", "evpn-vmto"]
    assert list(json.loads((tmp_path / "compare.json").read_text())["modes"]) == labs
    said = capsys.readouterr().out
    assert "evpn (1 of 2) ..." in said
    assert f"written to {tmp_path / 'compare.json'}" in said


def test_another_truth_is_a_failure(
    labs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["compare", "--results", str(tmp_path), "--mode", "evpn-egress"]) == 1
    assert capsys.readouterr().err == (
        "vmto: evpn-egress: packets to the machine do not trombone after the move\n"
    )
    assert (tmp_path / "compare.json").exists(), "what was measured is kept"


def test_a_lab_that_fails(labs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["compare", "--results", str(tmp_path), "--blackout-ms", "13"]) == 1
    assert len(labs) == 1
    assert "could not be measured" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_mistake(labs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["compare", "--to", "mars"]) == 2
    assert "vm1 cannot move from dc1 to 'mars'" in capsys.readouterr().err
    assert labs == []
