"""A lab's run directory: who it is, whether it lives, and where its control socket is.

`/run/vmto/NAME/` holds `lock` (held by the lab's supervisor for as long as it lives), `state.json` and
`control`. A process is known by its id and its start time, so a recycled id is never mistaken for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self, final

from testbed.lab.errors import LabError

DYING = 10.0
"""Seconds that the kernel may take to end all processes of a killed lab."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


def root() -> Path:
    """Directory of all labs: `$VMTO_RUN`, else `/run/vmto`."""
    return Path(os.environ.get("VMTO_RUN", "/run/vmto"))


def directory(name: str) -> Path:
    """Run directory of one lab. Raises `LabError` for a name that is none."""
    if not _NAME.fullmatch(name):
        raise LabError(f"{name!r} is not a lab's name: use at most 32 of a-z, 0-9 and -, a letter first")
    return root() / name


@final
@dataclass(frozen=True, slots=True)
class Process:
    """A process that cannot be mistaken for a later one with the same id."""

    pid: int
    started: int
    """Clock ticks after boot, field 22 of /proc/PID/stat."""

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has this id now; None if there is none, or only its corpse."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else cls(pid, int(fields[19]))

    @property
    def alive(self) -> bool:
        """Is this very process still running?"""
        return Process.of(self.pid) == self

    @contextlib.contextmanager
    def handle(self) -> Iterator[int | None]:
        """A pidfd of this very process, or None if it is gone."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            yield None
            return
        try:
            yield descriptor if self.alive else None
        finally:
            os.close(descriptor)

    def end(self, timeout: float, number: signal.Signals = signal.SIGKILL) -> bool:
        """Send a signal and wait for the end; False if it is not over after `timeout` seconds."""
        with self.handle() as descriptor:
            if descriptor is None:
                return True
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
            return bool(select.select([descriptor], [], [], timeout)[0])


@final
@dataclass(frozen=True, slots=True)
class Running:
    """A lab that is up."""

    name: str
    supervisor: Process
    """The process outside that started the lab and cleans up after it."""
    init: Process
    """The lab's first process; when it ends, everything in the lab does."""

    @property
    def directory(self) -> Path:
        """Its run directory."""
        return directory(self.name)

    @property
    def control(self) -> Path:
        """Its control socket."""
        return self.directory / "control"

    def write(self) -> None:
        """Tell others."""
        draft = self.directory / "state.json.new"
        draft.write_text(json.dumps(asdict(self)), encoding="utf-8")
        draft.rename(self.directory / "state.json")


def find(name: str) -> Running | None:
    """The lab of this name if it is up: a lab whose supervisor is dead is dying."""
    lab = _read(name)
    return lab if lab and lab.supervisor.alive and lab.init.alive else None


def _read(name: str) -> Running | None:
    """What the run directory says, true or not."""
    try:
        state = json.loads((directory(name) / "state.json").read_text(encoding="utf-8"))
        lab = Running(state["name"], Process(**state["supervisor"]), Process(**state["init"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return lab if lab.name == name else None


def running() -> list[Running]:
    """All labs that are up, by name."""
    try:
        names = sorted(path.name for path in root().iterdir() if _NAME.fullmatch(path.name))
    except OSError:
        return []
    return [lab for lab in map(find, names) if lab]


@contextlib.contextmanager
def claim(name: str) -> Iterator[Path]:
    """Own a lab's name and its empty run directory, until the block ends; what a dead lab left is swept away.

    Raises `LabError` if the lab is up, or the directory cannot be made.
    """
    path = directory(name)
    descriptor = _lock(path, name)
    try:
        if (dead := _read(name)) is not None:
            dead.init.end(DYING)
        for entry in path.iterdir():
            if entry.name != "lock":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            root().rmdir()
        os.close(descriptor)


def _lock(path: Path, name: str) -> int:
    """An exclusive lock on the directory's lock file; tries again where the file was swept away meanwhile."""
    while True:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise LabError(f"{path}: {(error.strerror or '').lower()}: run with sudo") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise LabError(
                f"lab {name!r} is up already: `vmto down --name {name}`, or choose another --name"
            ) from None
        with contextlib.suppress(OSError):
            if os.fstat(descriptor).st_ino == (path / "lock").stat().st_ino:
                return descriptor
        os.close(descriptor)
