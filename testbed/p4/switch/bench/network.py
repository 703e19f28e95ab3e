"""The benchmark's network: a namespace of its own, veth pairs, frames in and frames counted."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from testbed.p4.switch.native.build import cache_directory, compiler, digest

_CLONE_NEWNET: Final = 0x40000000
_SOURCE: Final = Path(__file__).parent / "traffic.c"
_TICK: Final = os.sysconf("SC_CLK_TCK")


def enter_namespace() -> None:
    """Give this thread, and what it starts, a network of its own, which is gone when they are."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        raise PermissionError(ctypes.get_errno(), "the benchmark needs root, for a network namespace")
    ip("link", "set", "lo", "up")


def ip(*arguments: str) -> None:
    """The ip command."""
    subprocess.run(["ip", *arguments], check=True, stdout=subprocess.DEVNULL)


def ip_quietly(*arguments: str) -> None:
    """The ip command, where it does not matter whether it can."""
    subprocess.run(["ip", *arguments], check=False, capture_output=True)


def veth(name: str, peer: str) -> None:
    """Two interfaces joined, up, with an MTU of 2,000 bytes, without IPv6."""
    ip("link", "add", name, "type", "veth", "peer", "name", peer)
    for interface in (name, peer):
        Path(f"/proc/sys/net/ipv6/conf/{interface}/disable_ipv6").write_text("1")
        ip("link", "set", interface, "mtu", "2000", "up")  # room for tags and labels


def received(interface: str) -> int:
    """Frames an interface has received."""
    for line in Path("/proc/thread-self/net/dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == interface:
            return int(numbers.split()[1])
    raise LookupError(interface)


def cpu_seconds(pids: Sequence[int]) -> float:
    """Processor time of some processes so far, the kernel's work for them included."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICK


def resident_mb(pid: int) -> float:
    """Resident memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) / 1024


def traffic_tool() -> str:
    """The generator, compiled once."""
    source = _SOURCE.read_bytes()
    target = cache_directory() / f"traffic-{digest([source, repr(compiler()).encode()])}"
    if not target.exists():
        scratch = target.with_suffix(f".{os.getpid()}")
        command = [*compiler(), "-O2", "-D_GNU_SOURCE", str(_SOURCE), "-o", str(scratch)]
        subprocess.run(command, check=True)
        scratch.rename(target)
    return str(target)


def _pin(pid: int) -> None:
    """Keep a generator on one core, so that the switch can have the others."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(pid, cores[:1])


@dataclass(frozen=True)
class Rate:
    """What came through."""

    offered: float
    """Frames per second sent."""
    carried: float
    """Frames per second received."""
    cpu: float
    """Processors the switch had."""


class Route:
    """From one interface to another, through switches that are processes."""

    def __init__(self, tx: str, rx: str, pids: Sequence[int]) -> None:
        self._tx = tx
        self._rx = rx
        self._pids = pids

    def rate(self, frame: bytes, pps: float, seconds: float) -> Rate:
        """Send `pps` frames a second (0: all that goes) and count, after a short while."""
        warm = 0.3
        arguments = ["send", self._tx, frame.hex(), str(len(frame)), str(pps), str(seconds + warm + 0.2)]
        sender = subprocess.Popen([traffic_tool(), *arguments], stdout=subprocess.PIPE, text=True)
        _pin(sender.pid)
        time.sleep(warm)
        before, cpu, start = received(self._rx), cpu_seconds(self._pids), time.perf_counter()
        time.sleep(seconds)
        after, used, took = received(self._rx), cpu_seconds(self._pids), time.perf_counter() - start
        sent, ns = (int(x) for x in sender.communicate()[0].split())
        return Rate(sent / ns * 1e9, (after - before) / took, (used - cpu) / took)

    def latency(self, frame: bytes, pps: float, count: int) -> list[float]:
        """Microseconds that frames took, ascending; lost ones are left out."""
        arguments = ["latency", self._tx, self._rx, frame.hex(), str(len(frame)), str(pps), str(count)]
        tool = subprocess.Popen([traffic_tool(), *arguments], stdout=subprocess.PIPE, text=True)
        _pin(tool.pid)
        lines = tool.communicate()[0].split()
        return sorted(int(line) / 1000 for line in lines if int(line) >= 0)


def python(*arguments: str) -> subprocess.Popen[str]:
    """A Python process of ours."""
    return subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
