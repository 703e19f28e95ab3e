"""Every scenario that comes along holds what it promises, in every mode that it is for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from testbed.experiments.scenario.expectations import DipExpected, GapExpected, LossExpected
from testbed.experiments.scenario.load import find, load, names
from testbed.experiments.scenario.model import Phase, Scenario
from testbed.lab import container
from testbed.model.topology import Mode

pytestmark = [pytest.mark.needs_root, pytest.mark.slow]

VMTO = [sys.executable, "-m", "testbed.cli.main"]


def vmto(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*VMTO, *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def measures(scenario: Scenario) -> bool:
    """Does it bound a gap, a loss or a dip?"""
    phases = [step for step in scenario.timeline if isinstance(step, Phase)]
    expected = [each for place in (scenario, *phases) for some in place.expect.values() for each in some]
    return any(isinstance(each, GapExpected | LossExpected | DipExpected) for each in expected)


def promises() -> list[Any]:
    """All scenarios in all their modes; `move` is what the comparison shows.

    CI shall take minutes: it runs each scenario in one mode, `pytest -m every_mode tests/lab` in the others.
    """
    scenarios = {name: load(find(name))[0] for name in names() if name != "move"}
    found = []
    for number, (name, each) in enumerate(scenarios.items()):
        modes = each.modes or tuple(Mode)
        for place, mode in enumerate(modes):
            marks = [] if place == number % len(modes) else [pytest.mark.every_mode]
            marks += [pytest.mark.alone] if measures(each) else []
            found.append(pytest.param(name, mode, marks=marks))
    return found


@pytest.mark.parametrize(("name", "mode"), promises())
def test_it_holds(name: str, mode: Mode, run_directory: Path, tmp_path: Path) -> None:
    done = vmto("run", name, "--mode", mode, "--results", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert container.running() == []
    found = json.loads((tmp_path / "result.json").read_text())
    assert (found["scenario"], found["mode"]) == (name, mode)
    assert found["checks"]
    assert all(check["holds"] for check in found["checks"])
    assert found["proof"]["agreeing"] > 20


def test_a_scenario_can_fail(run_directory: Path, tmp_path: Path) -> None:
    """A gateway on every PE does not spare packets to the machine the trombone; and nobody is on strike."""
    mine = tmp_path / "exercise.yaml"
    mine.write_text(
        "name: exercise\n"
        "flows:\n"
        "  - {ping: client > vm1, interval_ms: 25}\n"
        "  - {bulk: client > vm1, mbps: 2}\n"
        "  - {http: client > vm1}\n"
        "timeline:\n"
        "  - {phase: before, observe_s: 0.4}\n"
        "  - {migrate: vm1, to: dc2, blackout_ms: 50}\n"
        "  - phase: after\n"
        "    settle_s: 0.8\n"
        "    observe_s: 0.4\n"
        "    expect:\n"
        "      evpn-egress:\n"
        "        - {path: vm1 > client, trombone: no}\n"
        "        - {path: client > vm1, trombone: no}\n"
        "        - {session: client > vm1}\n"
        "        - {alarm: duplicate-mac}\n"
        "      evpn: [{path: client > vm1, nodes: [acc1]}]\n"
    )
    done = vmto("run", mine, "--mode", "evpn-egress", "--results", tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.splitlines() == [
        "vmto: evpn-egress: after: client > vm1: no trombone: acc4 pe4 p4 p1 pe1 p1 p2 pe2 acc2",
        "vmto: evpn-egress: after: the alarm duplicate-mac is raised: it is not",
    ]
    found = json.loads((tmp_path / "result.json").read_text())
    assert [check["holds"] for check in found["checks"]] == [True, False, True, False, True, True]
    (goodput,) = [flow["goodput"] for flow in found["flows"] if flow["kind"] == "bulk"]
    assert goodput["lowest"] < goodput["median"]
