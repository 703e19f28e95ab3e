"""A VPLS site of two PEs: one is active and master of the gateway; when it dies, the other is both."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

from testbed.lab import container
from testbed.resources import topology

pytestmark = [pytest.mark.needs_root, pytest.mark.slow]

PROGRAM = Path(__file__).with_name("failover.py")


@pytest.fixture
def two_at_dc1(tmp_path: Path) -> Path:
    """The lab `wan` with a second PE between acc1 and p1."""
    text = yaml.safe_load(topology("wan").read_text())
    text["nodes"]["pe5"] = {"role": "pe", "site": "dc1"}
    text["links"] += [{"ends": ["pe5", "p1"], "delay_ms": 0.5}, {"ends": ["acc1", "pe5"]}]
    text["segments"] = {"es1": {"access": "acc1", "redundancy": "single-active"}}
    file = tmp_path / "two.yaml"
    file.write_text(yaml.safe_dump(text))
    return file


def both(*nodes: str) -> list[list[str]]:
    """A way there, and the same back."""
    return [[*nodes], [*reversed(nodes)]]


def test_the_standby_pe_takes_over(run_directory: Path, two_at_dc1: Path) -> None:
    with tempfile.TemporaryFile() as output:
        program = [sys.executable, str(PROGRAM), str(two_at_dc1)]
        code = container.run_in_lab("failover", program, output=output).wait(90)
        output.seek(0)
        text = output.read().decode()
    assert code == 0, text
    found = json.loads(text.splitlines()[-1])
    for phase, pe in (("before", "pe1"), ("dead", "pe5"), ("back", "pe1")):
        assert found[phase]["h1"] == both("acc4", "pe4", "p4", "p1", pe, "acc1"), phase
        trombone = both("acc4", "pe4", "p4", "p1", pe, "p1", "p2", "pe2", "acc2")
        assert found[phase]["vm1"] == trombone, phase
    assert found["session"] == "", "it outlives both"
