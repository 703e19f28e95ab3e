"""A lab in the background, and all that can be asked of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.lab import container
from testbed.lab.eventually import eventually
from testbed.observe.pcapng import read

pytestmark = [pytest.mark.needs_root, pytest.mark.slow]

VMTO = [sys.executable, "-m", "testbed.cli.main"]


def vmto(*arguments: object, timeout: float = 90) -> subprocess.CompletedProcess[str]:
    command = [*VMTO, *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def asked(*arguments: object) -> Any:
    done = vmto(*arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def lab(run_directory: Path) -> Iterator[None]:
    done = vmto("up", "wan", "--mode", "evpn-vmto")
    assert done.returncode == 0, done.stderr
    yield
    assert vmto("down").returncode == 0
    assert container.running() == []


def vm1_at(pe: str) -> list[dict[str, Any]]:
    return [row for row in asked("show", "evpn", "database", pe) if row["ip"] == "10.0.10.11"]


def test_everything_that_can_be_asked(lab: None, tmp_path: Path) -> None:
    eventually(lambda: asked("trace", "client", "vm1")["answered"], within=10)
    there = asked("trace", "client", "vm1")["there"]
    assert there["branches"][0]["nodes"] == ["acc4", "pe4", "p4", "p1", "pe1", "acc1"]
    (before,) = vm1_at("pe3")
    assert (before["source"], before["sequence"], before["active"]) == ("pe1", 0, True)

    assert vmto("migrate", "vm1", "dc2", "--blackout-ms", 20).returncode == 0
    eventually(lambda: vm1_at("pe3")[0]["source"] == "pe2", within=10)
    found = asked("trace", "h3", "vm1")
    assert found["there"]["branches"][0]["nodes"] == ["acc3", "pe3", "p3", "p2", "pe2", "acc2"]
    assert not found["back"]["branches"][0]["trombone"]
    (after,) = vm1_at("pe3")
    assert (after["source"], after["sequence"], after["active"]) == ("pe2", 1, True)

    assert {row["pe"] for row in asked("show", "bgp", "summary") if row["up"]} == {"pe1", "pe2", "pe3", "pe4"}
    assert any("10.0.10.11" in row["network"] for row in asked("show", "bgp", "l2vpn", "evpn", "pe4"))
    mac = next(row for row in asked("show", "mac-table", "pe2") if row["mac"] == after["mac"])
    assert (mac["kind"], mac["via"]) == ("local", "pe2-eth2.10")
    assert after["mac"] in [row["mac"] for row in asked("show", "mac-table", "acc2")]
    route = next(row for row in asked("show", "route", "pe4") if row["prefix"] == "10.0.10.11/32")
    assert route["via"].startswith("pe2, label ")
    assert {row["action"].split()[0] for row in asked("show", "labels", "p1")} == {"pop", "swap"}
    entries = asked("show", "tables", "pe4")
    assert any(row["match"].get("prefix") == "10.0.10.11/32" for row in entries)
    assert sum(row.get("packets", 0) for row in entries) > 0
    for what in ("bgp l2vpn evpn", "bgp rt-constraint", "evpn database", "mac-table", "route", "labels"):
        done = vmto("show", *what.split())
        assert done.returncode == 0
        assert "--- pe4" in done.stdout.splitlines()
        done = vmto("show", *what.split(), "pe1")
        assert done.returncode == 0
        assert len(done.stdout.splitlines()) > 3

    script, file = tmp_path / "script", tmp_path / "link.pcapng"
    script.write_text("where\n")
    assert "vm1: dc2" in vmto("cli", "--script", script).stderr, "where Mininet's words go"
    done = vmto("capture", "pe4--p4", file, "--seconds", 0.5)
    assert done.returncode == 0, done.stderr
    assert f"{len(list(read(file.read_bytes())))} frames in {file}" in done.stdout

    another_process_controls("pe2")
    found = asked("check")
    assert (found["violations"], found["differences"]) == ([], [])

    for mistake, words in (
        (("show", "evpn", "database", "p1"), "no PE 'p1': use one of pe1"),
        (("show", "tables", "pe9"), "no switch 'pe9': use one of pe1"),
        (("trace", "client", "client"), "client cannot be traced to itself"),
        (("trace", "client", "nobody"), "no machine 'nobody': use one of"),
        (("capture", "pe4--pe1", file), "no link 'pe4--pe1': use one of"),
        (("capture", "all", tmp_path / "none" / "x"), "nothing can be captured: "),
        (("controller", "vm1"), "no switch 'vm1': use one of acc1"),
    ):
        done = vmto(*mistake)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert words in line


def another_process_controls(pe: str) -> None:
    """Its controller moves to a process of its own, which moves a machine, and back; nothing is lost."""
    process = subprocess.Popen([*VMTO, "controller", pe], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        assert vmto("ping", "client", "vm1", "--count", 3).returncode == 0
        assert vmto("migrate", "vm1", "dc1", "--blackout-ms", 20).returncode == 0
        eventually(lambda: vm1_at("pe3")[0]["source"] == "pe1", within=10)
    finally:
        process.terminate()
        assert process.wait(30) == 0
        process.stdout.close()
    assert vmto("migrate", "vm1", "dc2", "--blackout-ms", 20).returncode == 0
    eventually(lambda: vm1_at("pe3")[0]["source"] == pe, within=10)
    assert vmto("ping", "client", "vm1", "--count", 3).returncode == 0


def test_this_machine_can_run_labs() -> None:
    done = vmto("doctor")
    assert done.returncode == 0, done.stdout
