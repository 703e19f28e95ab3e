"""p4c and simple_switch_grpc, where they are: the move that VMTO is for, and faults that it must survive."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.lab import container

MISSING = [name for name in ("p4c-bm2-ss", "simple_switch_grpc") if shutil.which(name) is None]

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.needs_bmv2,
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.skipif(bool(MISSING), reason=f"not on PATH: {' and '.join(MISSING)}"),
]

SCENARIO = """
name: real-switch
clients: [client, h3]
flows:
  - {ping: $clients > vm1, interval_ms: 50}
  - {udp: client <> vm1, rate: 40}
  - {tcp: client > vm1, interval_ms: 50}
timeline:
  - phase: before
    observe_s: 0.5
    expect: {all: [{path: $clients <> vm1, crossings: 1, trombone: no}]}
  - {migrate: vm1, to: dc2, blackout_ms: 50}
  - phase: after
    observe_s: 0.5
    expect: {all: [{path: $clients <> vm1, via: [acc2], crossings: 1, trombone: no}, {owner: vm1, pe: pe2}]}
  # Under traffic: every way out of p3, of several and of one; and a cable without delay.
  - {link-down: [p3, p2]}
  - {link-down: [p3, p4]}
  - {link-down: [acc3, pe3]}
  - {wait_s: 0.5}
  - {link-up: [acc3, pe3]}
  - {link-up: [p3, p4]}
  - {link-up: [p3, p2]}
  - phase: mended
    settle_s: 2
    observe_s: 0.5
    expect: {all: [{path: $clients <> vm1, via: [acc2], crossings: 1, trombone: no}]}
expect:
  all:
    - {session: client > vm1}
"""


def test_a_move_and_cut_links(run_directory: Path, tmp_path: Path) -> None:
    """Judged by paths alone: rates are those of the switch's build."""
    scenario = tmp_path / "real-switch.yaml"
    scenario.write_text(SCENARIO)
    arguments = ("run", scenario, "--mode", "evpn-vmto", "--target", "bmv2", "--results", tmp_path)
    command = [sys.executable, "-m", "testbed.cli.main", *(str(each) for each in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert container.running() == []
    proof = json.loads((tmp_path / "result.json").read_text())["proof"]
    assert proof["compared"] == proof["agreeing"] > 20, proof["differences"]
