"""Containment: a lab is one process tree in namespaces of its own, and nothing of it can outlive it.

    caller --(lifeline pipe)--> supervisor --(parent death signal)--> init (pid 1 of the lab) --> the lab

The supervisor makes a network, a process-id and a mount namespace and starts init in them. When init ends,
for whatever reason, the kernel ends every process of the lab and with the last one its interfaces go. Init
ends when the lab's program ends and when the supervisor dies. The supervisor ends init when its caller dies
(it sees the lifeline close), unless the lab was started detached.

This module is its own small program (`python -m testbed.lab.container`), so it imports little.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, final

from testbed.lab import namespaces, rundir
from testbed.lab.errors import LabError
from testbed.lab.rundir import Process, Running, find, running

__all__ = ["LabProcess", "find", "report_ready", "run_in_lab", "running", "stop"]

READY_FD = "VMTO_READY_FD"
LAB_NAME = "VMTO_LAB"
GRACE = 5.0
"""Seconds a lab has to end by itself."""

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]


@final
class LabProcess:
    """A lab that this process started. Ends with this process unless detached."""

    def __init__(
        self, name: str, supervisor: subprocess.Popen[bytes], ready: int, lifeline: int | None
    ) -> None:
        self.name = name
        self._supervisor = supervisor
        self._ready = ready
        self._lifeline = lifeline

    def wait_ready(self, timeout: float = 300.0) -> None:
        """Wait until the lab calls `report_ready`. Raises `LabError` if it ends before, or takes too long."""
        readable, _, _ = select.select([self._ready], [], [], timeout)
        if not readable:
            raise LabError(f"lab {self.name!r} is not ready after {timeout:g} s")
        message = os.read(self._ready, 4096).decode(errors="replace").strip()
        if message != "ready":
            raise LabError(message or f"lab {self.name!r} ended before it was ready")

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the lab; its exit code (128 + number if a signal ended it)."""
        try:
            return self._supervisor.wait(timeout)
        finally:
            if self._supervisor.returncode is not None:
                self._close()

    def stop(self) -> int:
        """End the lab and all that is in it; its exit code."""
        if self._supervisor.poll() is None:
            self._supervisor.terminate()
        return self.wait()

    @property
    def supervisor_pid(self) -> int:
        """Process id of the supervisor."""
        return self._supervisor.pid

    def _close(self) -> None:
        for descriptor in (self._ready, self._lifeline):
            if descriptor is not None:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._ready, self._lifeline = -1, None


def run_in_lab(
    name: str,
    argv: Sequence[str],
    *,
    detached: bool = False,
    env: Mapping[str, str] | None = None,
    output: IO[bytes] | int | None = None,
) -> LabProcess:
    """Start `argv` as the program of a new lab.

    `output` takes its standard output and error (as in `subprocess`); a detached lab gets /dev/null for
    input. Inside, `$VMTO_LAB` is the lab's name. Raises `LabError` without root or if the lab is up already.
    """
    if os.geteuid() != 0:
        raise LabError("a lab needs root for its namespaces: run with sudo")
    rundir.directory(name)
    if find(name):
        raise LabError(f"lab {name!r} is up already: `vmto down --name {name}`, or choose another --name")
    ready, ready_end = os.pipe()
    lifeline, lifeline_end = (-1, None) if detached else os.pipe()
    inherited = [ready_end] if detached else [ready_end, lifeline]
    environment = {**os.environ, **(env or {})}
    paths = [str(_PACKAGE_ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    command = [sys.executable, "-m", "testbed.lab.container", name, str(ready_end), str(lifeline), *argv]
    try:
        supervisor = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if detached else None,
            stdout=output,
            stderr=output,
            env=environment,
            pass_fds=inherited,
            start_new_session=detached,
        )
    except BaseException:
        os.close(ready)
        if lifeline_end is not None:
            os.close(lifeline_end)
        raise
    finally:
        for descriptor in inherited:
            os.close(descriptor)
    return LabProcess(name, supervisor, ready, lifeline_end)


def stop(name: str, timeout: float = 2 * GRACE) -> bool:
    """End a lab by name, gently first; False if it was not up. Sweeps away what a dead lab left."""
    lab = find(name)
    if lab and not lab.supervisor.end(timeout, signal.SIGTERM):
        lab.supervisor.end(GRACE)
    if rundir.directory(name).exists():
        with contextlib.suppress(LabError), rundir.claim(name):
            pass
    return lab is not None


def report_ready(problem: str = "") -> None:
    """Called by the lab's program once it can be used, or with the one line that says why it cannot.

    LabError if whoever started the lab was killed meanwhile: nobody would know of a lab that stays up.
    """
    descriptor = os.environ.pop(READY_FD, None)
    if descriptor is not None:
        try:
            os.write(int(descriptor), (problem or "ready").encode()[:4096])
        except BrokenPipeError:
            raise LabError("nobody waits for this lab any more") from None
        finally:
            os.close(int(descriptor))


# The supervisor, outside of the lab's namespaces.


def supervise(name: str, ready: int, lifeline: int, argv: Sequence[str]) -> int:
    """Own the lab's name, start init, and wait for the end of it, of the caller, or of patience."""
    for descriptor in (ready, lifeline):
        if descriptor >= 0:
            os.set_inheritable(descriptor, False)
    with rundir.claim(name):
        wake, wake_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake_end)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the lab gets its own from the terminal
        namespaces.unshare(namespaces.CLONE_NEWNET | namespaces.CLONE_NEWPID | namespaces.CLONE_NEWNS)
        tie, tie_end = os.pipe()
        init = os.fork()
        if init == 0:
            os.close(tie_end)
            _init(name, ready, tie, argv)
        os.close(tie)
        os.close(ready)
        identity, own = Process.of(init), Process.of(os.getpid())
        if identity and own:
            Running(name, own, identity).write()
        os.write(tie_end, b"!")
        return _watch(init, wake, lifeline)


def _watch(init: int, wake: int, lifeline: int) -> int:
    """Wait for init's end; end it, gently then by force, when told to or when the caller is gone."""
    handle = os.pidfd_open(init)
    watched = [handle, wake] + ([lifeline] if lifeline >= 0 else [])
    patience: float | None = None
    while True:
        readable, _, _ = select.select(watched, [], [], patience)
        if handle in readable:
            return os.waitstatus_to_exitcode(os.waitpid(init, 0)[1]) % 256
        if not readable or lifeline in readable:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            watched = [handle]
        elif wake in readable:
            os.read(wake, 64)
            signal.pidfd_send_signal(handle, signal.SIGTERM)
            patience = GRACE


# Init, the first process inside.


def _init(name: str, ready: int, tie: int, argv: Sequence[str]) -> None:
    """Set up the namespaces, start the lab's program, reap what it orphans, end with it. Never returns."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        namespaces.die_with_parent(signal.SIGKILL)
        if os.read(tie, 1) != b"!":  # the supervisor died before the line above took hold
            os._exit(1)
        os.close(tie)
        _mount_own()
        code = _run(name, ready, argv)
    except OSError as error:
        print(f"vmto: the lab's namespaces cannot be set up: {error}", file=sys.stderr)
    finally:
        os._exit(code)


def _mount_own() -> None:
    """Own /proc and /sys, so that process ids and interfaces seen there are the lab's."""
    if not _make_private("/"):
        _enter_own_root()
    flags = namespaces.MS_NOSUID | namespaces.MS_NODEV | namespaces.MS_NOEXEC
    for source, target in (("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/run/netns")):
        if Path(target).is_dir():
            namespaces.mount(source, target, source, flags)


def _make_private(target: str) -> bool:
    """Let what is mounted below `target` show nowhere else; False if nothing is mounted there itself."""
    try:
        namespaces.mount("none", target, "none", namespaces.MS_REC | namespaces.MS_PRIVATE)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):
            raise
        return False
    return True


def _enter_own_root() -> None:
    """In a chroot the root may be a plain directory, below which mnexec cannot make its own mounts private.

    So the root becomes a mount: a copy of it, on /proc, because that is a mount of which the parent cannot be
    shared with others any more. It is the root from here on.
    """
    if not _make_private("/proc"):
        raise OSError(errno.EINVAL, "/proc is not mounted in this chroot: mount it")
    home = Path.cwd()
    namespaces.mount("/", "/proc", "none", namespaces.MS_BIND | namespaces.MS_REC)
    _make_private("/proc")
    os.chroot("/proc")
    os.chdir(home)


def _run(name: str, ready: int, argv: Sequence[str]) -> int:
    """Run the lab's program; pass on SIGTERM; reap orphans; its exit code."""
    os.set_inheritable(ready, True)
    environment = {**os.environ, LAB_NAME: name, READY_FD: str(ready)}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.execvpe(argv[0], list(argv), environment)  # noqa: S606
        except OSError as error:
            print(f"vmto: {argv[0]}: {error.strerror}", file=sys.stderr)
        finally:
            os._exit(127)
    os.close(ready)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def main(arguments: Sequence[str]) -> int:
    """Entry point of the supervisor: NAME READY_FD LIFELINE_FD PROGRAM [ARGUMENT ...]."""
    name, ready, lifeline, *argv = arguments
    try:
        return supervise(name, int(ready), int(lifeline), argv)
    except LabError as error:
        problem = str(error)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        problem = f"a lab needs namespaces of its own ({reason}): run with sudo, in a container privileged"
    if int(lifeline) >= 0:
        print(f"vmto: {problem}", file=sys.stderr)
    with contextlib.suppress(OSError):
        os.write(int(ready), problem.encode())
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
