"""`vmto controller NODE`: the controllers of a running lab's switches in a process of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from testbed.cli.calls import call
from testbed.lab.console import enter
from testbed.lab.errors import LabError

STOP_SECONDS = 10.0


def control(name: str, nodes: Sequence[str]) -> int:
    """Take over switches of a lab until Ctrl-C, then give them back. LabError for what the lab refuses."""
    setup = call(name, "status")
    nodes = nodes or list(setup["switches"])
    taken: list[str] = []
    with tempfile.TemporaryDirectory(prefix="vmto-", dir="/run") as folder:
        file = Path(folder) / "config.json"
        try:
            for node in nodes:
                file.write_text(call(name, "controller off", node=node))
                taken.append(node)
            target = setup["setup"]["target"]
            argv = ["controller", *nodes, "--config", str(file), "--target", target]
            return _run(enter(name, [sys.executable, "-m", "testbed.cli.main", *argv]))
        except KeyboardInterrupt:
            return 0
        finally:
            for node in taken:
                _give_back(name, node)


def _run(argv: Sequence[str]) -> int:
    """Run a program in a lab to its end, which Ctrl-C and SIGTERM are passed on for."""
    # nsenter has a child in the lab's process namespace: both must hear of the end.
    process = subprocess.Popen(argv, start_new_session=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return process.wait()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        return 0


def _give_back(name: str, node: str) -> None:
    try:
        call(name, "controller on", node=node)
    except LabError as error:
        print(f"vmto: {error}", file=sys.stderr)
