"""Mininet's own command on a topology: switches, controllers and machines by `mn --custom`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.needs_root, pytest.mark.slow]

ROOT = Path(__file__).parents[2]


def mn(run_directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    runner = Path(sys.executable).with_name("mn")
    command = [sys.executable, str(runner), "--custom", "topologies/mn_lab.py", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.alone
def test_everyone_reaches_everyone(run_directory: Path) -> None:
    """Mininet sends one echo to each as soon as controllers are there, and none may be lost."""
    done = mn(run_directory, "--topo", "vmto,wan", "--test", "pingall")
    assert "0% dropped (30/30 received)" in done.stdout + done.stderr
    assert done.returncode == 0
    assert not run_directory.exists() or list(run_directory.iterdir()) == []


def test_a_bad_topology_is_one_line(run_directory: Path) -> None:
    done = mn(run_directory, "--topo", "vmto,absent.yaml")
    assert done.returncode == 2
    assert "absent.yaml:1: cannot be read" in done.stderr
