"""Calls of the command line to a running lab."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from testbed.cli.progress import Progress
from testbed.lab.errors import LabError


def call(name: str, verb: str, **args: Any) -> Any:
    """Have the lab of a name do something. LabError if it is not up, or refuses."""
    from testbed.lab.control import ControlClient

    with Progress(f"{verb}, lab {name}"), ControlClient(control_socket(name)) as client:
        return client.call(verb, **args)


def control_socket(name: str) -> Path:
    """Where the lab of a name is asked. LabError if it is not up."""
    from testbed.lab.container import find

    if os.geteuid() != 0:
        raise LabError("a lab is its root user's: run with sudo")
    lab = find(name)
    if lab is None:
        raise LabError(f"lab {name!r} is not up: `vmto up --name {name}` starts it")
    return lab.control


def again(*, root: bool = False) -> str:
    """How this program is typed to run it again from here, as root or not."""
    typed = Path(sys.argv[0])
    found = shutil.which("vmto")
    known = found is not None and Path(found).resolve() == typed.resolve()
    program = "vmto" if known or typed.name != "vmto" else os.path.relpath(typed)
    return f"sudo {program}" if root and "SUDO_UID" in os.environ else program


def print_json(found: Any) -> None:
    """As JSON, to be read by programs and people."""
    print(json.dumps(found, indent=2))
