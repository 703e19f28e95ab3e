"""What is under way is told on a terminal, and nowhere else."""

from __future__ import annotations

import io
import threading

import pytest

from testbed.cli.progress import CLEAR, Progress


class Terminal(io.StringIO):
    """One that remembers, and lets a test wait for the first word."""

    def __init__(self) -> None:
        super().__init__()
        self.spoken = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        written = super().write(text)
        self.spoken.set()
        return written


def test_a_line_that_goes_away(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    with Progress("starting", terminal, delay=0) as progress:
        assert terminal.spoken.wait(10)
        progress.now("evpn (1 of 2)")
        progress.tell("evpn, 20 s: direct")
        progress.result("a figure")
    said = terminal.getvalue()
    assert said.startswith(f"{CLEAR}starting: 0 s")
    assert "evpn, 20 s: direct\n" in said
    assert not said.rpartition(CLEAR)[2].strip().endswith("s"), "nothing is left of the last one"
    assert capsys.readouterr().out == "a figure\n"


def test_what_is_quick_says_nothing() -> None:
    terminal = Terminal()
    with Progress("starting", terminal, delay=60):
        pass
    assert terminal.getvalue() == ""


def test_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    with Progress("starting", stream, delay=0) as progress:
        progress.tell("evpn, 20 s: direct")
        progress.result("a figure")
    assert stream.getvalue() == ""
    assert capsys.readouterr().out == "a figure\n"
