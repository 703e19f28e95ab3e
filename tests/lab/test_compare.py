"""The comparison, end to end: what each mode does to the traffic of a machine that moved."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from testbed.lab import container

pytestmark = [pytest.mark.needs_root, pytest.mark.slow, pytest.mark.alone]

VMTO = [sys.executable, "-m", "testbed.cli.main"]
AFTER = {
    "vpls": (True, True),
    "evpn": (True, True),
    "evpn-egress": (True, False),
    "evpn-vmto": (False, False),
}


def vmto(*arguments: object, timeout: float = 280) -> subprocess.CompletedProcess[str]:
    command = [*VMTO, *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def test_every_mode_shows_its_truth(run_directory: Path, tmp_path: Path) -> None:
    done = vmto("compare", "--results", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert container.running() == []
    modes: dict[str, Any] = json.loads((tmp_path / "compare.json").read_text())["modes"]
    assert {"evpn", "evpn-egress", "evpn-vmto"} <= set(modes)
    for name, found in modes.items():
        after = found["after"]
        assert (after["ingress"]["trombone"], after["egress"]["trombone"]) == AFTER[name], name
        assert not (found["before"]["ingress"]["trombone"] or found["before"]["egress"]["trombone"]), name
        assert found["mode"] == name
        assert found["move"]["tcp_survived"], name
        assert found["flooded"] == 0 or name == "vpls", name
        assert found["writes"] > 0, name
        proof = found["proof"]
        assert proof["compared"] == proof["agreeing"] > 100, proof["differences"]
    cost = {name: found["wan_bytes_per_byte"] for name, found in modes.items()}
    assert cost["evpn"] > cost["evpn-egress"] > cost["evpn-vmto"] > 3, "three links at least, and headers"


def test_a_mode_that_is_none(run_directory: Path, tmp_path: Path) -> None:
    done = vmto("compare", "--mode", "otv", "--results", tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
