"""End to end on the real chain: P4 programs, switches, BGP, a live move; and nothing stays behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.api import Vm
from testbed.lab import container
from testbed.lab.eventually import eventually
from testbed.model.load import load_plan
from testbed.resources import topology
from tests.lab.processes import descendants

pytestmark = [pytest.mark.needs_root, pytest.mark.slow]

VMTO = [sys.executable, "-m", "testbed.cli.main"]
LINK_MS = 6.0
"""One way between a client and the machine: one core link of 5 ms and two of 0.5 ms."""


def vmto(*arguments: object, timeout: float = 120, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [*VMTO, *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **options)


def interfaces() -> set[str]:
    return {path.name for path in Path("/sys/class/net").iterdir()}


@pytest.fixture
def nothing_stays(run_directory: Path) -> Iterator[None]:
    plan = load_plan(topology("wan"))
    ours = {port.interface for switch in plan.switches.values() for port in switch.ports}
    ours |= {vm.tap for vm in plan.vms.values()} | {host.name for host in plan.hosts.values()}
    yield
    for lab in container.running():
        container.stop(lab.name)
    assert not ours & interfaces()
    assert not run_directory.exists() or list(run_directory.iterdir()) == []


def run(directory: Path, *options: object) -> dict[str, Any]:
    done = vmto("run", "--results", directory, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads((directory / "result.json").read_text())
    return found


def test_a_machine_moves_and_nothing_trombones(tmp_path: Path, nothing_stays: None) -> None:
    found = run(tmp_path)
    for direction in ("ingress", "egress"):
        before = found["before"][direction]
        assert (before["trombone"], before["crossings"]) == (False, 1)
    after = found["after"]
    assert (after["ingress"]["trombone"], after["egress"]["trombone"]) == (False, False)
    assert after["ingress"]["crossings"] == after["egress"]["crossings"] == 1
    assert after["ingress"]["nodes"][-2:] == ["pe2", "acc2"]
    assert after["egress"]["nodes"][:2] == ["acc2", "pe2"]
    for sessions in (found, *found["others"].values()):
        assert sessions["move"]["tcp_survived"]
        assert 0 < sessions["move"]["lost"] < sessions["move"]["sent"]
    steps = [event["event"] for event in found["move"]["timeline"]]
    for step in ("paused", "resumed", "learned", "advertised", "received", "programmed", "first packet"):
        assert step in steps
    # The silence is the guest's own and what the network needs to notice; both directions are measured.
    for gap in found["move"]["gap_ms"].values():
        assert gap >= found["setting"]["blackout_ms"] - LINK_MS


def test_the_guest_notices_nothing_but_silence(vm: Vm) -> None:
    def inside() -> list[str]:
        return [vm.run(["ip", "-o", what, "show", "eth0"]).stdout for what in ("link", "addr")]

    vm.ping("client")
    before = inside()
    vm.migrate("dc2")
    assert inside() == before
    eventually(lambda: " 0% packet loss" in vm.ping("client"), within=20)
    vm.migrate("dc1")
    eventually(lambda: " 0% packet loss" in vm.ping("h3"), within=20)


def test_two_labs_at_once_and_each_can_die(nothing_stays: None) -> None:
    for name in ("one", "two"):
        assert vmto("up", "--name", name).returncode == 0
    for name in ("one", "two"):
        assert vmto("ping", "client", "vm1", "--name", name).returncode == 0
    dead = container.find("one")
    assert dead is not None
    os.kill(dead.init.pid, signal.SIGKILL)
    eventually(lambda: container.find("one") is None, what="the lab is gone")
    assert vmto("ping", "client", "vm1", "--name", "two").returncode == 0
    assert vmto("up", "--name", "one").returncode == 0
    assert vmto("status", "--name", "one").returncode == 0


def test_a_killed_switch_is_told_and_the_lab_still_goes_down(nothing_stays: None) -> None:
    assert vmto("up").returncode == 0
    lab = container.find("lab")
    assert lab is not None
    inner = json.loads(vmto("status", "--json").stdout)["switches"]["p2"]["pid"]
    subprocess.run(["nsenter", "-t", str(lab.init.pid), "-p", "-m", "kill", "-9", str(inner)], check=True)
    status = vmto("status", "--json")
    assert status.returncode == 1
    assert json.loads(status.stdout)["switches"]["p2"]["alive"] is False
    assert vmto("down").returncode == 0


def probing() -> bool:
    """Does a probe run in the lab of a run?"""
    lab = container.find("run")
    for pid in descendants(lab.init.pid) if lab else ():
        with contextlib.suppress(OSError):
            if b"testbed.observe.probes" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return True
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_interrupted_leaves_nothing(number: int, tmp_path: Path, nothing_stays: None) -> None:
    running = subprocess.Popen(
        [*VMTO, "run", "--results", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert running.stdout is not None
    eventually(probing, within=60, what="machines talk")
    if number == signal.SIGINT:
        os.killpg(running.pid, number)
    else:
        running.kill()
    running.wait(30)
    running.stdout.close()
    eventually(lambda: container.find("run") is None, within=20, what="the lab is gone")
    container.stop("run")


def test_p4runtime_shell_reads_what_the_controller_wrote(nothing_stays: None) -> None:
    if not (Path(sys.prefix).parent / ".venv-shell/bin/python").exists():
        pytest.skip("p4runtime-shell is not installed: `make setup` does it")
    assert vmto("up").returncode == 0
    assert vmto("ping", "client", "vm1").returncode == 0
    words = 'print("ENTRIES", sorted(str(e.action) for e in table_entry["service_label"].read()))\nexit()\n'
    done = vmto("shell", "pe1", input=words)
    line = next(line for line in done.stdout.splitlines() if "ENTRIES" in line)
    # bridge_unicast and enter_vrf, by the ids in p4src/controls/label_disposition.p4.
    assert line.count(str(0x01000501)) == 2
    assert line.count(str(0x01000504)) == 1


def _refused(text: str, line: int, tmp_path: Path) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    done = vmto("up", path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"{path}:{line}: ")
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    return done.stderr


WAN = topology("wan").read_text()


def _line(of: str) -> int:
    return next(number for number, line in enumerate(WAN.splitlines(), start=1) if of in line)


MISTAKES: list[tuple[str, str, str, str]] = [
    ("an unknown key", "delay_ms: 0.5}", "dealy_ms: 0.5}", "delay_ms"),
    ("a VLAN used twice", "vlan: 20", "vlan: 10", "VLAN 10"),
    ("an address outside its subnet", "address: 10.0.10.101", "address: 10.0.99.101", "10.0.10.0/24"),
]


@pytest.mark.parametrize(("what", "good", "bad", "said"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistakes_in_a_topology(
    what: str, good: str, bad: str, said: str, tmp_path: Path, nothing_stays: None
) -> None:
    assert said in _refused(WAN.replace(good, bad, 1), _line(good), tmp_path)


def test_a_name_that_makes_an_interface_too_long(tmp_path: Path, nothing_stays: None) -> None:
    text = WAN.replace("acc4", "access-of-branch")
    line = next(n for n, each in enumerate(text.splitlines(), start=1) if "access-of-branch: {" in each)
    assert "15" in _refused(text, line, tmp_path)


def test_without_privilege(tmp_path: Path, as_nobody: Callable[[list[str]], Any]) -> None:
    done = as_nobody([*VMTO, "up"])
    assert done.returncode == 2
    assert done.stderr.strip().endswith("run with sudo")
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def as_nobody() -> Callable[[list[str]], Any]:
    """Run a command without root, but with our files in reach."""

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--reuid=65534", "--clear-groups", "--"]
        return subprocess.run([*drop, *command], capture_output=True, text=True, check=False, timeout=30)

    return run


def test_a_port_in_use_is_one_line_before_anything_starts(tmp_path: Path) -> None:
    plan = load_plan(topology("wan"))
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = vmto("switch", "--no-p4", "--", "--grpc-server-addr", address)
    assert done.returncode == 2
    assert address in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert plan.name == "wan"
