"""A capture in a lab that runs elsewhere, taken from outside of it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self, final

from testbed.lab.console import enter
from testbed.lab.errors import LabError


@final
class Tap:
    """Frames of a running lab, from the beginning of the block to its end, into a pcapng file."""

    def __init__(self, lab: str, file: Path, interfaces: Sequence[str] = (), *, snap: int = 2048) -> None:
        """Without `interfaces` all but lo; `snap` bytes are kept of each frame."""
        self.file = file
        self.frames = 0
        """How many there are; known at the end."""
        self.lost = 0
        """Frames for which the kernel had no room; known at the end."""
        self.whole = False
        """It went on until the end of the block, not only until the lab ended; known at the end."""
        argv = [sys.executable, "-m", "testbed.observe.capture", str(file), *interfaces, "--snap", str(snap)]
        self._argv = enter(lab, argv)

    def __enter__(self) -> Self:
        """LabError if nothing can be captured."""
        # In a session of its own: Ctrl-C ends the block, and the block ends the capture.
        self._program = subprocess.Popen(
            self._argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if self._program.stdout is None or self._program.stdout.readline() != "ready\n":
            _out, err = self._program.communicate()
            reason = (err.strip().splitlines() or ["no reason given"])[-1]
            raise LabError(f"nothing can be captured: {reason}")
        return self

    def wait(self, seconds: float | None) -> None:
        """Until the time is over, if there is one, or the lab is gone."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._program.wait(seconds)

    def __exit__(self, *_: object) -> None:
        out, _err = self._program.communicate()
        self.whole = self._program.returncode == 0
        if self.whole:
            report = json.loads(out)
            self.frames, self.lost = int(report["frames"]), int(report["lost"])
