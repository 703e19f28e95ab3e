"""Who owns a lab's name, and who is still alive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.lab import rundir
from testbed.lab.errors import LabError
from testbed.lab.rundir import Process, Running


@pytest.fixture(autouse=True)
def own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VMTO_RUN", str(tmp_path / "run"))
    return tmp_path / "run"


def this_process() -> Process:
    process = Process.of(os.getpid())
    assert process
    return process


def test_claim_makes_and_removes_the_directory(own_root: Path) -> None:
    with rundir.claim("wan") as path:
        assert path == own_root / "wan"
        Running("wan", this_process(), this_process()).write()
        assert rundir.find("wan")
        assert [lab.name for lab in rundir.running()] == ["wan"]
        with pytest.raises(LabError, match="'wan' is up already"), rundir.claim("wan"):
            pass
    assert not own_root.exists()
    assert rundir.find("wan") is None
    assert rundir.running() == []


def test_what_a_dead_lab_left_is_swept_away(own_root: Path) -> None:
    left = own_root / "wan"
    (left / "logs").mkdir(parents=True)
    (left / "logs" / "x").write_text("x")
    (left / "control").write_text("")
    (left / "state.json").write_text("{}")
    assert rundir.find("wan") is None
    with rundir.claim("wan") as path:
        assert [entry.name for entry in path.iterdir()] == ["lock"]


def test_a_recycled_process_id_is_not_the_same_process() -> None:
    impostor = Process(os.getpid(), this_process().started - 1)
    assert not impostor.alive
    assert impostor.end(0), "nothing is sent to it"
    with impostor.handle() as handle:
        assert handle is None


def test_a_signal_reaches_the_process() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        process = Process.of(child.pid)
        assert process
        assert process.end(5)
        assert child.wait() == -signal.SIGKILL
        assert not process.alive


@pytest.mark.parametrize("name", ["", "../etc", "A", "a b", "x" * 33])
def test_names_are_checked(name: str) -> None:
    with pytest.raises(LabError, match="is not a lab's name"):
        rundir.directory(name)
