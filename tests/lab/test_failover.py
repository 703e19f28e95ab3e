"""VRRP in a VPLS: the gateway's master dies, another PE takes over, and gives it back (RFC 5798 §6.4)."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from testbed.lab import container

pytestmark = [pytest.mark.needs_root, pytest.mark.slow]

PROGRAM = Path(__file__).with_name("failover.py")


def ways(found: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The nodes of both directions."""
    there, back = (found[way]["branches"][0]["nodes"] for way in ("there", "back"))
    return there, back


def test_another_pe_takes_over(run_directory: Path) -> None:
    with tempfile.TemporaryFile() as output:
        lab = container.run_in_lab("failover", [sys.executable, str(PROGRAM)], output=output)
        code = lab.wait(90)
        output.seek(0)
        text = output.read().decode()
    assert code == 0, text
    found = json.loads(text.splitlines()[-1])
    trombone = ["acc4", "pe4", "p4", "p1", "pe1", "p1", "p2", "pe2", "acc2"]
    assert ways(found["before"]) == (trombone, trombone[::-1])
    direct = ["acc4", "pe4", "p4", "p2", "pe2", "acc2"]
    assert ways(found["dead"]) == (direct, direct[::-1]), "the new master is beside the machine"
    assert ways(found["back"]) == (trombone, trombone[::-1]), "the one with the highest priority preempts"
    assert found["session"] == ""
