"""`vmto run` and `vmto compare`: one lab after the other, what is told, exit codes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from testbed.cli.app import run_command
from testbed.cli.completion import scenarios
from testbed.experiments import repeat
from testbed.experiments.result import Compared
from testbed.experiments.spec import RunSpec

PATH = {"nodes": ["acc4", "pe4"], "crossings": 1, "trombone": False, "rtt_ms": 12.5}


def outcome(spec: RunSpec) -> dict[str, Any]:
    """What the program of a lab writes; egress-only gateways fail their expectation."""
    ways = {"ingress": PATH, "egress": PATH}
    setting = {
        "topology": "wan",
        "machine": spec.cast.machine,
        "client": spec.cast.clients[0],
        "origin": "dc1",
        "destination": spec.cast.to,
        "blackout_ms": spec.blackout_ms,
        "announce": spec.announce,
        "reflector": spec.lab.reflector,
        "target": spec.lab.target,
        "versions": {},
    }
    gaps = {"ingress": 1.0, "egress": 1.0}
    move = {"gap_ms": gaps, "lost": 0, "sent": 9, "tcp_survived": True, "timeline": []}
    holds = spec.lab.mode != "evpn-egress"
    check = {"phase": "after", "about": "path", "expected": "no trombone", "seen": "acc4 pe4", "holds": holds}
    found = {"mode": spec.lab.mode, "before": ways, "after": ways, "move": move, "setting": setting}
    found |= {"scenario": "move", "seed": spec.seed, "checks": [check]}
    found |= {"flooded": 0, "updates": 1, "writes": 2, "wan_bytes_per_byte": 3.0}
    Compared.model_validate(found)
    return found


@pytest.fixture
def labs(monkeypatch: pytest.MonkeyPatch) -> list[RunSpec]:
    """The runs whose labs were started."""
    started: list[RunSpec] = []

    class Lab:
        def __init__(self, code: int) -> None:
            self.code = code

        def wait(self) -> int:
            return self.code

    def run_in_lab(_name: str, argv: Sequence[str], **_options: Any) -> Lab:
        spec = RunSpec.model_validate_json(argv[-1])
        started.append(spec)
        if spec.blackout_ms == 13:
            return Lab(1)
        (spec.results / spec.file).write_text(json.dumps(outcome(spec)))
        return Lab(0)

    monkeypatch.setattr(repeat, "run_in_lab", run_in_lab)
    return started


def modes(labs: list[RunSpec]) -> list[str]:
    return [spec.lab.mode.value for spec in labs]


def test_each_mode_in_a_lab_of_its_own(
    labs: list[RunSpec], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["compare", "--results", str(tmp_path), "--mode", "evpn", "--mode", "evpn-vmto"]) == 0
    assert modes(labs) == ["evpn", "evpn-vmto"]
    assert list(json.loads((tmp_path / "compare.json").read_text())["modes"]) == modes(labs)
    said = capsys.readouterr()
    assert f"written to {tmp_path / 'compare.json'}" in said.out
    assert "1 of 2" not in said.out + said.err, "no terminal, no progress"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["silent", "--announce", "rarp"], "--announce means nothing to scenario silent: its moves say"),
        (
            ["evacuate", "--blackout-ms", "5"],
            "--blackout-ms means nothing to scenario evacuate: its moves say",
        ),
        (
            ["link-down", "--blackout-ms", "5"],
            "--blackout-ms means nothing to scenario link-down: nothing moves",
        ),
    ],
)
def test_options_that_would_do_nothing(
    arguments: list[str],
    said: str,
    labs: list[RunSpec],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command(["run", *arguments, "--results", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"vmto: {said}")
    assert not labs


def test_a_mode_that_is_named_twice_is_run_once(labs: list[RunSpec], tmp_path: Path) -> None:
    twice = ["--mode", "evpn", "--mode", "vpls", "--mode", "evpn"]
    assert run_command(["compare", "--results", str(tmp_path), *twice]) == 0
    assert modes(labs) == ["evpn", "vpls"]
    found = json.loads((tmp_path / "compare.json").read_text())["modes"]
    assert found["evpn"]["repeated"] is None


def test_a_run_of_a_scenario(labs: list[RunSpec], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["run", "move", "--results", str(tmp_path), "--to", "dc3", "--seed", "5"]) == 0
    (spec,) = labs
    assert (spec.scenario.name, spec.cast.to, spec.seed, spec.lab.mode) == (
        "move.yaml",
        "dc3",
        5,
        "evpn-vmto",
    )
    assert json.loads((tmp_path / "result.json").read_text())["checks"][0]["holds"]
    assert "holds  after  no trombone" in capsys.readouterr().out


def test_captures_are_kept_where_asked_for(labs: list[RunSpec], tmp_path: Path) -> None:
    old = tmp_path / "evpn.pcapng"
    old.write_bytes(b"of an earlier run")
    command = ["compare", "--results", str(tmp_path), "--mode", "evpn-vmto"]
    assert run_command([*command, "--pcap"]) == 0
    assert [spec.capture for spec in labs] == [tmp_path / "evpn-vmto.pcapng"]
    assert not old.exists(), "it belongs to no result that is here"
    assert run_command(command) == 0
    assert labs[-1].capture is None


def test_repetitions(labs: list[RunSpec], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = ["--mode", "evpn", "--mode", "evpn-vmto"]
    assert run_command(["compare", "--results", str(tmp_path), "--repeat", "3", "--seed", "1", *two]) == 0
    assert [spec.repetition for spec in labs] == [0, 0, 1, 1, 2, 2]
    order = modes(labs)
    assert sorted(order) == ["evpn"] * 3 + ["evpn-vmto"] * 3
    labs.clear()
    assert run_command(["compare", "--results", str(tmp_path), "--repeat", "3", "--seed", "1", *two]) == 0
    assert modes(labs) == order, "the seed says in which order"
    found = json.loads((tmp_path / "compare.json").read_text())["modes"]["evpn"]["repeated"]
    assert (found["runs"], found["seed"], found["wrong_paths"]) == (3, 1, 0)


def test_an_expectation_that_is_not_met_is_a_failure(
    labs: list[RunSpec], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("compare", "run"):
        assert run_command([command, "--results", str(tmp_path), "--mode", "evpn-egress"]) == 1
        assert capsys.readouterr().err == "vmto: evpn-egress: after: no trombone: acc4 pe4\n"
    assert (tmp_path / "compare.json").exists(), "what was measured is kept"
    assert (tmp_path / "result.json").exists()


def test_a_lab_that_fails(labs: list[RunSpec], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("compare", "run"):
        assert run_command([command, "--results", str(tmp_path), "--blackout-ms", "13"]) == 1
        assert "could not be measured" in capsys.readouterr().err
    assert len(labs) == 2
    assert list(tmp_path.iterdir()) == []


def test_mistakes(labs: list[RunSpec], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["compare", "--to", "mars"]) == 2
    assert "vm1 cannot move from dc1 to 'mars'" in capsys.readouterr().err
    assert run_command(["run", "moev"]) == 2
    assert capsys.readouterr().err == "moev:1: no such scenario: did you mean 'move'?\n"
    assert labs == []


def test_names_are_completed() -> None:
    assert scenarios("move") == ["move", "move-back"]
    assert scenarios("x") == []
