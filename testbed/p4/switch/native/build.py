"""Compiling the runtime and programs, with a cache by content.

What is compiled once is found again by a hash of everything that went in: sources, compiler, flags, processor
(the code is made for this one). Files appear in the cache by rename, so that several processes may build at
once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from testbed.p4.switch.target import TargetError

RUNTIME: Final = Path(__file__).parent / "runtime"

CFLAGS: Final = (
    "-std=gnu11",
    "-O2",
    "-march=native",
    "-fPIC",
    "-fno-semantic-interposition",
    "-fno-strict-aliasing",
    "-D_GNU_SOURCE",
    "-pthread",
)
"""What everything is compiled with; the environment's VMTO_SWITCH_CFLAGS are added."""

PROGRAM_FLAGS: Final = ("-w",)
"""Generated code is not read by people: no warnings about what it does not use."""


def extra_flags() -> tuple[str, ...]:
    """Flags from the environment, for sanitizers and debuggers."""
    return tuple(shlex.split(os.environ.get("VMTO_SWITCH_CFLAGS", "")))


def compiler() -> list[str]:
    """The C compiler, as a command: $CC, else cc, gcc or clang.

    Raises:
        TargetError: there is none.
    """
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    for name in ("cc", "gcc", "clang"):
        if (path := shutil.which(name)) is not None:
            return [path]
    raise TargetError("no C compiler: install gcc, or set CC to yours")


def cache_directory() -> Path:
    """Where compiled programs are kept ($XDG_CACHE_HOME/vmto/switch)."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    directory = Path(root) / "vmto" / "switch"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        directory = Path(tempfile.gettempdir()) / f"vmto-switch-{os.getuid()}"
        directory.mkdir(mode=0o700, exist_ok=True)
        if directory.stat().st_uid != os.getuid():
            raise TargetError(f"'{directory}' belongs to somebody else") from None
    return directory


@cache
def _processor() -> bytes:
    """What -march=native depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_bytes().splitlines()
    except OSError:
        return b""
    wanted = (b"model name", b"flags", b"Features", b"CPU part", b"CPU implementer")
    return b"\n".join(dict.fromkeys(line for line in lines if line.startswith(wanted)))


def _tools() -> bytes:
    """The compiler as a part of the hash: its file tells more than its version and costs no process."""
    command = compiler()
    path = shutil.which(command[0])
    if path is None:
        raise TargetError(f"the C compiler '{command[0]}' does not exist: install gcc, or set CC to yours")
    stat = Path(path).resolve().stat()
    return repr((command, path, stat.st_size, stat.st_mtime_ns, CFLAGS, extra_flags())).encode()


def digest(parts: Iterable[bytes]) -> str:
    """A hash of some byte strings, to name a file by."""
    h = hashlib.sha256()
    for part in parts:
        h.update(len(part).to_bytes(8, "big"))
        h.update(part)
    return h.hexdigest()[:32]


@cache
def _sources() -> tuple[tuple[str, bytes], ...]:
    return tuple((p.name, p.read_bytes()) for p in sorted(RUNTIME.iterdir()) if p.suffix in (".c", ".h"))


def runtime_key() -> str:
    """The hash of the runtime as it would be built now."""
    return digest(
        [_tools(), _processor(), *(part for name, text in _sources() for part in (name.encode(), text))]
    )


def _run(command: Sequence[str], what: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = [line for line in result.stderr.splitlines() if "error" in line] or result.stderr.splitlines()
        reason = lines[0] if lines else f"exit code {result.returncode}"
        raise TargetError(f"cannot compile {what}: {reason}")


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Only one process builds `target` at a time: switches that start together need the same program."""
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_runtime() -> Path:
    """The runtime's shared library."""
    target = cache_directory() / f"libvs-{runtime_key()}.so"
    if target.exists():
        return target
    with _alone(target), tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        if target.exists():
            return target
        work = Path(scratch)
        names = [name for name, _ in _sources() if name.endswith(".c")]
        for name, text in _sources():
            (work / name).write_bytes(text)
        command = [*compiler(), *CFLAGS, *extra_flags()]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            jobs = [
                pool.submit(_run, [*command, "-c", str(work / n), "-o", str(work / f"{n}.o")], "the switch")
                for n in names
            ]
            for job in jobs:
                job.result()
        objects = [str(work / f"{n}.o") for n in names]
        out = work / "out.so"
        _run([*command, "-shared", f"-Wl,-soname,{target.name}", *objects, "-o", str(out)], "the switch")
        out.rename(target)
    return target


@cache
def _generator() -> bytes:
    """What the generated code depends on beside the program: the generator."""
    return b"".join(p.read_bytes() for p in sorted((RUNTIME.parent / "codegen").glob("*.py")))


def program_path(program: bytes) -> Path:
    """Where the library of a program is, or will be; `program`: a text or a hash that stands for it."""
    parts = [runtime_key().encode(), _generator(), repr(PROGRAM_FLAGS).encode(), program]
    return cache_directory() / f"program-{digest(parts)}.so"


def build_program(target: Path, source: str, what: str) -> None:
    """Compile generated C into `target`, linked to the runtime beside it."""
    runtime = build_runtime()
    with _alone(target), tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        if target.exists():
            return
        work = Path(scratch)
        (work / "program.c").write_text(source)
        out = work / "out.so"
        _run(
            [
                *compiler(), *CFLAGS, *extra_flags(), *PROGRAM_FLAGS, f"-I{RUNTIME}", "-shared",
                str(work / "program.c"), str(runtime), "-Wl,-rpath,$ORIGIN", "-o", str(out),
            ],
            what,
        )  # fmt: skip
        out.rename(target)
        if os.environ.get("VMTO_SWITCH_KEEP_C"):
            target.with_suffix(".c").write_text(source)
