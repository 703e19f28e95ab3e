"""Tables that are broken by hand: each proof notices what it can see, and tells where."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from testbed.lab import container

pytestmark = [pytest.mark.needs_root, pytest.mark.slow, pytest.mark.alone]

PROGRAM = Path(__file__).with_name("injuries.py")
STRAIGHT = "acc4 pe4 p4 p2 pe2 acc2"


@pytest.fixture
def found(run_directory: Path) -> dict[str, Any]:
    with tempfile.TemporaryFile() as output:
        code = container.run_in_lab("injuries", [sys.executable, str(PROGRAM)], output=output).wait(120)
        output.seek(0)
        text = output.read().decode()
    assert code == 0, text
    result: dict[str, Any] = json.loads(text.splitlines()[-1])
    return result


def test_every_proof_notices(found: dict[str, Any]) -> None:
    sound = found["sound"]
    assert (sound["tables"], sound["held"], sound["ways"]) == ([], [], [STRAIGHT])
    assert sound["compared"] == sound["agreeing"] == 10

    # What controllers wrote is wrong: the static check says so, and packets go that way by both methods.
    for name, wrong, way in (
        ("no host route", ["trombone", "client", "vm1"], "acc4 pe4 p4 p1 pe1 p1 p2 pe2 acc2"),
        ("wrong next hop", ["trombone", "client", "h2"], "acc4 pe4 p4 p3 pe3 p3 p2 pe2 acc2"),
    ):
        seen = found[name]
        assert (seen["tables"], seen["held"], seen["ways"]) == ([wrong], [], [way]), name
        assert seen["compared"] == seen["agreeing"] == 10, name
    hole = found["black hole"]
    assert hole["tables"] == [["black-hole", "client", "h2"]]
    assert hole["answered"] == 0
    assert [way.startswith("acc4 pe4 ") for way in hole["ways"]] == [True]
    assert hole["compared"] == hole["agreeing"] == 5

    # What no controller wrote is in no journal: the switch itself has to be asked.
    hidden = found["tables that no controller wrote"]
    assert hidden["tables"] == []
    assert hidden["held"]
    assert all(line.startswith("p2: lacks TableEntry(table='incoming_label'") for line in hidden["held"])
    assert hidden["answered"] == 0

    # Packets arrive, and one switch says nothing of them: captures know better.
    silent = found["a switch that keeps silent"]
    assert silent["answered"] == 5
    assert silent["compared"] == 10
    assert silent["agreeing"] == 0
    assert "not entering p2:" in silent["differences"][0]
