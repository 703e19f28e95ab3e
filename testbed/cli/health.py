"""`vmto doctor`: what a lab needs of a machine, one line each, and what to do where it is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

APT = "apt-get install"
SECONDS = 20.0


@final
@dataclass(frozen=True, slots=True)
class Check:
    """One thing; `needed` says whether labs cannot run without it."""

    what: str
    good: bool
    remedy: str
    needed: bool = True
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def report(found: Sequence[Check]) -> str:
    """A line for each check."""
    width = max(len(check.what) for check in found)
    return "\n".join(_line(check, width) for check in found)


def _line(check: Check, width: int) -> str:
    mark = "ok  " if check.good else "BAD " if check.needed else "--  "
    words = check.detail if check.good else f"{check.remedy}{'' if check.needed else ' (optional)'}"
    return f"{mark}{check.what.ljust(width)}  {words}".rstrip()


def checks() -> Iterator[Check]:
    """Look at this machine. Changes nothing: what is tried is tried in namespaces that end at once."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("Python 3.11 or later", sys.version_info >= (3, 11), "install python3.11", detail=version)
    root = os.geteuid() == 0
    yield Check("root", root, "run with sudo: labs are made of namespaces")
    yield from _programs()
    if root:
        yield from _kernel()
    yield from _optional()
    processors = os.cpu_count() or 1
    yield Check(
        "two processors",
        processors >= 2,
        "times will be uneven with one",
        needed=False,
        detail=f"{processors} here",
    )


PROGRAMS = (
    ("C compiler", "gcc", "gcc libc6-dev"),
    ("mnexec", "mnexec", "mininet"),
    ("iproute2", "tc", "iproute2"),
    ("ping", "ping", "iputils-ping"),
    ("nsenter", "nsenter", "util-linux"),
)

OPTIONAL = (
    ("gobgpd (--reflector gobgp)", "gobgpd", f"{APT} gobgpd"),
    ("FRR bgpd (--reflector frr)", "/usr/lib/frr/bgpd", f"{APT} frr"),
    ("p4c (--target bmv2)", "p4c-bm2-ss", "see the installation notes of p4c"),
    ("simple_switch_grpc (--target bmv2)", "simple_switch_grpc", "see the installation notes of bmv2"),
)


def _programs() -> Iterator[Check]:
    for what, name, packages in PROGRAMS:
        path = shutil.which(name)
        yield Check(what, path is not None, f"{APT} {packages}", detail=path or "")


def _optional() -> Iterator[Check]:
    for what, name, remedy in OPTIONAL:
        path = shutil.which(name)
        yield Check(what, path is not None, remedy, needed=False, detail=path or "")


NAMESPACES = ("unshare", "--net", "--pid", "--mount", "--fork")
VETH = "ip link add va type veth peer name vb"
REDIRECT = (
    f"{VETH} && tc qdisc add dev va ingress && tc filter add dev va parent ffff: protocol all u32 "
    "match u32 0 0 action mirred egress redirect dev vb"
)
BIND = "import socket; s = socket.create_server(('127.0.0.1', 179)); s.close()"

KERNEL: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "namespaces of network, process ids, mounts",
        ("true",),
        "run with sudo; in a container, start that one privileged",
    ),
    ("veth pairs", ("sh", "-c", VETH), "modprobe veth"),
    ("tc mirred: cables that are re-plugged", ("sh", "-c", REDIRECT), "modprobe act_mirred cls_u32"),
    (
        "packet sockets",
        (sys.executable, "-c", "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"),
        "modprobe af_packet",
    ),
    (
        "BGP's port in a lab of its own",
        ("sh", "-c", f'ip link set lo up && "{sys.executable}" -c "{BIND}"'),
        "let root bind ports below 1024",
    ),
)


def _kernel() -> Iterator[Check]:
    for what, command, remedy in KERNEL:
        problem = tried([*NAMESPACES, *command])
        yield Check(what, not problem, f"{remedy} ({problem})" if problem else remedy)


def tried(argv: Sequence[str]) -> str:
    """Run a command; empty if it did well, else its last words."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return "" if done.returncode == 0 else words[-1]
