"""Linux namespaces and the switches of the kernel that Python's library has no call for."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x40000

_PR_SET_PDEATHSIG = 1
_SIOCETHTOOL = 0x8946
_OFFLOADS = {"rx": 0x15, "tx": 0x17, "sg": 0x19, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """Leave the shared namespaces named by `flags` for new ones."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    """Mount a file system."""
    arguments = (source.encode(), target.encode(), kind.encode(), flags, data.encode())
    _check(_libc.mount(*arguments), f"mount {target}")


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this process a signal when the thread that started it ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "prctl")


@contextmanager
def network_of(pid: int) -> Iterator[None]:
    """Run a block of this thread in the network namespace of a process.

    Sockets opened inside stay in that namespace. Nothing in the block may await.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        away = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.setns(away, CLONE_NEWNET), f"enter network of {pid}")
        finally:
            os.close(away)
        try:
            yield
        finally:
            _check(_libc.setns(home, CLONE_NEWNET), "return to own network")
    finally:
        os.close(home)


def disable_offloads(*interfaces: str) -> None:
    """Frames on a wire are as long as they look and have whole checksums: switch off what makes super-frames.

    Like `ethtool -K IFACE rx off tx off sg off tso off gso off gro off`, in this thread's namespace.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        for interface in interfaces:
            for command in _OFFLOADS.values():
                value = ctypes.create_string_buffer(struct.pack("=II", command, 0), 8)
                request = struct.pack("16sQ16x", interface.encode(), ctypes.addressof(value))
                fcntl.ioctl(control, _SIOCETHTOOL, request)


def sysctl(name: str, value: object) -> None:
    """Set a kernel parameter of this thread's network namespace, for example `net.ipv4.ip_forward`."""
    Path("/proc/sys", *name.split(".")).write_text(f"{value}\n", encoding="ascii")
