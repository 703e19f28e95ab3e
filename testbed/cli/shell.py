"""p4runtime-shell, in an environment of its own (docs/decisions/0003), on a switch of a running lab."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from testbed.lab.container import find
from testbed.lab.errors import LabError

BACKUP_ELECTION_ID = "0,0"
"""Below the controller's: the shell reads, and leaves the tables to the controller."""


def p4runtime_shell(lab: str, status: dict[str, Any], node: str, arguments: Sequence[str]) -> int:
    """Run it to its end; its exit code. LabError if there is no such switch, or no shell."""
    if node not in status["switches"]:
        raise LabError(f"no switch {node!r}: use one of {', '.join(status['switches'])}")
    running = find(lab)
    if running is None:
        raise LabError(f"lab {lab!r} is not up")
    python = _environment() / "bin" / "python"
    if not python.exists():
        raise LabError("p4runtime-shell is not installed: `make setup` does it")
    address, device = status["switches"][node]["grpc"], str(status["switches"][node]["device_id"])
    command = [str(python), "-m", "p4runtime_sh", "--grpc-addr", address, "--device-id", device]
    if "--election-id" not in arguments:
        command += ["--election-id", BACKUP_ELECTION_ID]
    enter = ["nsenter", "--target", str(running.init.pid), "--net", "--"]
    return subprocess.run([*enter, *command, *arguments], check=False).returncode


def _environment() -> Path:
    """`.venv-shell` beside the environment that this runs in."""
    return Path(sys.prefix).parent / ".venv-shell"
