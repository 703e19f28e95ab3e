"""Links, switches, controllers and the reflector fail: who loses packets, and what tables say meanwhile."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from controllers.runtime.bgp.reflectors import ReflectorKind, is_installed
from testbed.lab import container

pytestmark = [pytest.mark.needs_root, pytest.mark.slow, pytest.mark.alone]

PROGRAM = Path(__file__).with_name("faults.py")


def run(reflector: str) -> dict[str, Any]:
    with tempfile.TemporaryFile() as output:
        lab = container.run_in_lab("faults", [sys.executable, str(PROGRAM), reflector], output=output)
        code = lab.wait(120)
        output.seek(0)
        text = output.read().decode()
    assert code == 0, text
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def nothing_was_lost(found: dict[str, Any], *phases: str) -> None:
    for phase in phases:
        assert found[phase]["sent"] > 0
        assert found[phase]["lost"] == {}, phase


REFLECTOR_PHASES = ("without reflector", "reflector back", "controller back")


def test_everything_fails_once(run_directory: Path) -> None:
    found = run("embedded")
    assert found["mistakes"] == [
        "no link between 'p1' and 'pe4'",
        "no switch 'pe9': use one of acc1, acc2, acc3, acc4, p1, p2, p3, p4, pe1, pe2, pe3, pe4",
        "pe1 is up: kill it first",
        "no switch 'vm1': use one of acc1, acc2, acc3, acc4, p1, p2, p3, p4, pe1, pe2, pe3, pe4",
        "the reflector is there: lose it first",
    ]
    nothing_was_lost(found, "controllers", "mended", *REFLECTOR_PHASES)

    assert ["black-hole", "client", "h1"] in found["cut"], "until the routers had rerouted"
    assert {kind for kind, _, _ in found["cut"]} <= {"black-hole", "loop"}, "routers reroute one by one"
    assert found["around"] == ["acc4", "pe4", "p4", "p2", "p1", "pe1", "acc1"]
    assert found["straight"] == ["acc4", "pe4", "p4", "p1", "pe1", "acc1"]

    assert found["alive"] == [
        ["acc4", "pe4", "p4", "p1", "pe1", "acc1"],
        found["alive"][1],
    ]
    assert found["alive"][1][-1] == "acc1"
    assert {machine for _, *pair in found["revived"] for machine in pair} & {"h2", "db2"} or not found[
        "revived"
    ]
    assert {kind for kind, _, _ in found["moved"]} <= {"black-hole", "trombone", "loop"}
    assert {destination for _, _, destination in found["moved"]} == {"vm1"}

    assert found["now"] == []
    assert found["differences"] == [], "the journal is the truth"


@pytest.mark.parametrize("reflector", ["gobgp", "frr"])
def test_other_reflectors_may_go_and_come_back_too(reflector: str, run_directory: Path) -> None:
    if not is_installed(ReflectorKind(reflector)):
        pytest.skip(f"needs {reflector}")
    found = run(reflector)
    # FRR 8.4 keeps no EVPN routes of a speaker that restarts: whether the others lose them for a moment is a
    # matter of whether it is back within the 50 ms that FRR gathers changes.
    nothing_was_lost(
        found, *(phase for phase in REFLECTOR_PHASES if (reflector, phase) != ("frr", "controller back"))
    )
    assert found["now"] == []
    assert found["differences"] == []
