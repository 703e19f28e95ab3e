"""Mininet's command line, attached to a lab that runs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.lab import console
from testbed.lab.container import LabProcess
from testbed.lab.errors import LabError

pytestmark = pytest.mark.needs_root

SCRIPT = """
nodes
net
client ping -c1 -W1 vm1
where
migrate vm1 dc2 20 garp
where
net
client ping -c1 -W1 vm1
migrate vm1 dc7
migrate h1 dc1
migrate vm1
pe1 ip -br link show pe1-eth1
"""


def test_commands_in_a_running_lab(start: Callable[..., LabProcess], tmp_path: Path) -> None:
    start("stay").wait_ready()
    script = tmp_path / "script"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [*console.command("test"), str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "acc1 acc2 acc3 client h1 p1 pe1 pe2 pe3 vm1" in said
    assert "vm1 eth0:acc1-eth3" in said
    assert said.count("1 received") == 2, said
    assert "vm1: dc1\n" in said
    assert "vm1: dc2\n" in said
    assert "vm1 has no slot 'dc7': use one of dc1, dc2" in said
    assert "no virtual machine 'h1': use one of vm1" in said
    assert "usage: migrate vm slot" in said
    assert "pe1-eth1@" in said


def test_no_lab(run_directory: Path) -> None:
    with pytest.raises(LabError, match="lab 'test' is not up"):
        console.command("test")
