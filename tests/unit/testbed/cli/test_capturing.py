"""`vmto capture`: what it says when its time is over, and when its lab is gone."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from testbed.cli.capturing import capture
from testbed.lab import tap
from testbed.lab.errors import LabError

CAPTURES = """
import sys
print("ready", flush=True)
sys.stdin.read()
print('{"frames": 3, "lost": 0}')
"""
DIES = """
import os, signal
print("ready", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What captures in the lab."""
    monkeypatch.setattr(tap, "enter", lambda _lab, _argv: [sys.executable, "-c", request.param])


@pytest.mark.parametrize("program", [CAPTURES], indirect=True)
@pytest.mark.usefixtures("program")
def test_until_the_time_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    capture("mine", [], Path("x.pcapng"), 0.1, 64)
    assert capsys.readouterr().out == "3 frames in x.pcapng\n"


@pytest.mark.parametrize("seconds", [None, 30.0])
@pytest.mark.parametrize("program", [DIES], indirect=True)
@pytest.mark.usefixtures("program")
def test_a_lab_that_ends_ends_the_capture(seconds: float | None) -> None:
    began = time.monotonic()
    with pytest.raises(LabError, match="lab 'mine' ended before the capture: what passed until then is in x"):
        capture("mine", [], Path("x.pcapng"), seconds, 64)
    assert time.monotonic() - began < 10
