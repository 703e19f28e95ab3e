"""Delay cables for switches that have no delay line of their own, on kernels without netem."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from testbed.lab.errors import LabError

_SOURCE = Path(__file__).with_name("delay_cable.c")


@final
@dataclass(frozen=True, slots=True)
class DelayCable:
    """Two interfaces of this namespace and the one-way delay between them, ms."""

    a: str
    b: str
    delay_ms: float


def start(cables: Sequence[DelayCable]) -> subprocess.Popen[bytes] | None:
    """One process that carries all cables; None if there are none. Returns once it runs."""
    if not cables:
        return None
    arguments = [word for c in cables for word in (c.a, c.b, str(round(c.delay_ms * 1000)))]
    process = subprocess.Popen(
        [str(binary()), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    if process.stdout is None or process.stdout.readline() != b"ready\n":
        _, problem = process.communicate()
        raise LabError(problem.decode(errors="replace").strip() or "the delay cables did not start")
    return process


def binary() -> Path:
    """The program, compiled once for each version of its source."""
    source = _SOURCE.read_bytes()
    path = _cache() / f"delay_cable-{hashlib.sha256(source).hexdigest()[:16]}"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent)
    os.close(descriptor)
    try:
        command = [os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-o", draft, str(_SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"{_SOURCE.name} does not compile: {done.stderr.strip().splitlines()[0]}")
        Path(draft).rename(path)
    except FileNotFoundError:
        raise LabError("no C compiler for the delay cables: apt install gcc libc6-dev") from None
    finally:
        Path(draft).unlink(missing_ok=True)
    return path


def _cache() -> Path:
    """Where compiled programs are kept: `$VMTO_CACHE`, else ~/.cache/vmto."""
    return Path(os.environ.get("VMTO_CACHE") or Path.home() / ".cache" / "vmto")
