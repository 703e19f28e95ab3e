"""Pairs of virtual Ethernet interfaces: one end for the switch, one for the test."""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ETH_P_ALL: Final = 3
SOL_PACKET: Final = 263
PACKET_AUXDATA: Final = 8
PACKET_OUTGOING: Final = 4
TP_STATUS_VLAN_VALID: Final = 1 << 4
_AUXDATA: Final = struct.Struct("IIIHHHH")

GRACE: Final = 0.02
"""Seconds to wait for a frame that should not come; if it comes later the next exchange finds it."""


class Links:
    """A pair for each port, without addresses, so that the kernel sends nothing of its own."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._names = {port: f"cf{os.getpid() % 100000}p{port}" for port in ports}
        self._sockets: dict[int, socket.socket] = {}
        for port, name in self._names.items():
            self._make(name)
            self._sockets[port] = _listen(f"{name}t")
        self._ports = {s.fileno(): port for port, s in self._sockets.items()}
        self._poll = select.poll()
        for fd in self._ports:
            self._poll.register(fd, select.POLLIN)

    @property
    def ports(self) -> Sequence[int]:
        """The ports that have one."""
        return tuple(self._names)

    def interface(self, port: int) -> str:
        """The switch's end."""
        return self._names[port]

    def send(self, port: int, data: bytes) -> None:
        """Put a frame on the link."""
        self._sockets[port].send(data)

    def receive(self, expected: int, deadline: float, grace: float = GRACE) -> list[tuple[int, bytes]]:
        """Frames from the switch: `expected` of them within `deadline` seconds, and any that follow within
        `grace` seconds of each other."""
        found: list[tuple[int, bytes]] = []
        end = time.monotonic() + deadline
        while True:
            missing = len(found) < expected
            wait = end - time.monotonic() if missing else grace
            ready = self._poll.poll(max(wait, 0) * 1000)
            if not ready:
                return found
            for fd, _ in ready:
                port = self._ports[fd]
                data = _receive(self._sockets[port])
                if data is not None:
                    found.append((port, data))

    def close(self) -> None:
        """Remove all of them."""
        for each in self._sockets.values():
            each.close()
        for name in self._names.values():
            subprocess.run(["ip", "link", "del", name], check=False)

    def _make(self, name: str) -> None:
        peer = f"{name}t"
        _ip("link", "add", name, "type", "veth", "peer", "name", peer)
        for end in (name, peer):
            Path(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6").write_text("1")
            _ip("link", "set", end, "up", "promisc", "on", "mtu", "9216")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _listen(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # else all interfaces are heard before bind
    made.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    made.bind((interface, ETH_P_ALL))
    made.setblocking(False)
    return made


def _receive(source: socket.socket) -> bytes | None:
    """A frame with the VLAN tag that the kernel took out of it; None: one that the test sent."""
    data, ancillary, _, address = source.recvmsg(65536, socket.CMSG_SPACE(_AUXDATA.size))
    if address[2] == PACKET_OUTGOING:
        return None
    for _, kind, value in ancillary:
        if kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = _AUXDATA.unpack(value[: _AUXDATA.size])
            if status & TP_STATUS_VLAN_VALID:
                return data[:12] + struct.pack("!HH", tpid or 0x8100, tci) + data[12:]
    return data
