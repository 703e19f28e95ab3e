"""Whatever dies, nothing of a lab stays."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed.lab import container
from testbed.lab.container import LabProcess
from testbed.lab.control import ControlClient
from testbed.lab.errors import LabError
from testbed.lab.eventually import eventually
from tests.lab.processes import descendants

pytestmark = pytest.mark.needs_root

SCENARIOS = Path(__file__).with_name("scenarios.py")


def network_namespaces() -> dict[int, str]:
    """Of every process on this machine."""
    result = {}
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):
            result[int(path.parts[2])] = str(path.readlink())
    return result


def interfaces() -> str:
    return subprocess.check_output(["ip", "-br", "link"], text=True)


def wait_gone(pids: set[int]) -> None:
    """Wait until the kernel has ended them all (they may be someone else's children)."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        assert select.select([handle], [], [], 10)[0], f"process {pid} lives"
        os.close(handle)


@pytest.mark.parametrize("victim", ["init", "supervisor", "program", "stop"])
def test_nothing_stays(start: Callable[..., LabProcess], run_directory: Path, victim: str) -> None:
    wires = interfaces()
    lab = start("stay")
    lab.wait_ready()
    running = container.find("test")
    assert running
    assert interfaces() == wires, "none of its interfaces is outside"
    everything, all_of_them = descendants(running.supervisor.pid), network_namespaces()
    own = {name for pid, name in all_of_them.items() if pid in everything} - {all_of_them[os.getpid()]}
    assert len(own) >= 4, "the lab's, and one for each guest"
    assert len(everything) >= 12, "supervisor, init, program, seven switches, three guests"
    program = int(Path(f"/proc/{running.init.pid}/task/{running.init.pid}/children").read_text().split()[0])
    match victim:
        case "init":
            os.kill(running.init.pid, signal.SIGKILL)
        case "supervisor":
            os.kill(running.supervisor.pid, signal.SIGKILL)
        case "program":
            os.kill(program, signal.SIGKILL)
        case "stop":
            assert container.stop("test")
    lab.wait(10)
    wait_gone(everything)
    assert container.find("test") is None
    # Others may run labs here, and the kernel gives numbers again: what was there before, and still is.
    assert not [pid for pid, name in network_namespaces().items() if name in own and pid in all_of_them]
    container.stop("test")
    assert list(run_directory.iterdir()) == [] if run_directory.exists() else True


@contextlib.contextmanager
def caller(then: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """Another process that starts a lab (`run_in_lab` with `options`) as `lab`, and then does `then`."""
    given = "".join(f", {name}={value!r}" for name, value in options.items())
    code = (
        "import sys; from testbed.lab.container import run_in_lab;"
        f"lab = run_in_lab('test', [sys.executable, {str(SCENARIOS)!r}, 'stay']{given});" + then
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SCENARIOS.parents[2])},
    ) as process:
        yield process


def test_a_killed_caller_takes_its_lab_along(run_directory: Path) -> None:
    with caller("lab.wait_ready(); print('up', flush=True); lab.wait()") as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        running = container.find("test")
        assert running
        everything = descendants(running.supervisor.pid)
        process.kill()
        process.wait()
        wait_gone(everything)
    assert container.find("test") is None
    assert not run_directory.joinpath("test").exists()


def test_a_killed_switch_is_seen_and_the_lab_lives(start: Callable[..., LabProcess]) -> None:
    start("stay").wait_ready()
    running = container.find("test")
    assert running
    with ControlClient(running.control, timeout=10) as client:
        assert client.call("pids")["switch"] > 0
    switches = [
        pid
        for pid in descendants(running.init.pid)
        if b"standin_switch" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert len(switches) == 7
    os.kill(switches[0], signal.SIGKILL)
    eventually(lambda: switches[0] not in descendants(running.init.pid) or _zombie(switches[0]))
    with ControlClient(running.control, timeout=10) as client:
        assert client.call("pids")["switch"] > 0


def _zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_two_labs_at_once_but_not_of_one_name(start: Callable[..., LabProcess]) -> None:
    for name in ("one", "two"):
        start("stay", name=name)
    labs = [lab for lab in ("one", "two") if eventually(lambda lab=lab: container.find(lab))]
    assert [lab.name for lab in container.running()] == labs
    with pytest.raises(LabError, match="lab 'one' is up already: `vmto down --name one`"):
        start("stay", name="one")


def test_detached_lab_outlives_its_starter(run_directory: Path) -> None:
    with caller("lab.wait_ready()", detached=True) as process:
        assert process.wait(60) == 0
    running = container.find("test")
    assert running
    everything = descendants(running.supervisor.pid)
    assert container.stop("test")
    wait_gone(everything)
    assert not run_directory.joinpath("test").exists()


def test_a_lab_that_nobody_waits_for_does_not_come_up(run_directory: Path) -> None:
    """Whoever starts a lab that is to stay, and is killed before it is ready, would not know of it."""
    with caller("print('started', flush=True); sys.stdin.read()", detached=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        (supervisor,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        process.wait()
    wait_gone({int(supervisor)})
    assert container.find("test") is None
    assert not run_directory.joinpath("test").exists()


def test_up_after_a_crash(start: Callable[..., LabProcess]) -> None:
    lab = start("stay")
    lab.wait_ready()
    os.kill(lab.supervisor_pid, signal.SIGKILL)
    lab.wait(10)
    start("stay").wait_ready()


def test_a_switch_that_cannot_start_is_named(start: Callable[..., LabProcess]) -> None:
    lab = start("broken_switch")
    with pytest.raises(LabError, match=r"switch \w+ ended before it was ready: no such option: -i"):
        lab.wait_ready()
    assert lab.wait(10) == 2


def test_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="a lab needs root for its namespaces: run with sudo"):
        container.run_in_lab("test", ["true"])


def test_without_the_right_to_make_namespaces(run_directory: Path) -> None:
    code = (
        "from testbed.lab.container import run_in_lab; raise SystemExit(run_in_lab('test', ['true']).wait())"
    )
    done = subprocess.run(
        ["setpriv", "--bounding-set", "-sys_admin", sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SCENARIOS.parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "vmto: a lab needs namespaces of its own (unshare: operation not permitted):"
        " run with sudo, in a container privileged\n"
    )
    assert not run_directory.joinpath("test").exists()


def test_a_program_that_does_not_exist(run_directory: Path) -> None:
    lab = container.run_in_lab("test", ["/no/such/program"], output=subprocess.DEVNULL)
    with pytest.raises(LabError, match="ended before it was ready"):
        lab.wait_ready()
    assert lab.wait(10) == 127
