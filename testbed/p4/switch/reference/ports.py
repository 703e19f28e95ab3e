"""Network interfaces for the reference engine: one thread, packet sockets, no hurry."""

from __future__ import annotations

import heapq
import os
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final, final

from testbed.p4.switch.target import PortConfig, TargetError

ETH_P_ALL: Final = 3
SOL_PACKET: Final = 263
PACKET_ADD_MEMBERSHIP: Final = 1
PACKET_IGNORE_OUTGOING: Final = 23
PACKET_MR_PROMISC: Final = 1
MAX_FRAME: Final = 65536
SWEEP_S: Final = 1.0
CARRIER_S: Final = 0.05
MAX_DELAYED: Final = 65536


@dataclass
class _Port:
    config: PortConfig
    sock: socket.socket | None
    free_at: float = 0.0
    """When the rate limit lets the next frame go (monotonic seconds)."""


@final
class PortSet:
    """The ports of one switch. Callbacks run on the set's thread."""

    def __init__(
        self,
        receive: Callable[[int, bytes], None],
        link: Callable[[int, bool], None],
        sweep: Callable[[], None],
    ) -> None:
        self._receive = receive
        self._link = link
        self._sweep = sweep
        self._ports: dict[int, _Port] = {}
        self._delayed: list[tuple[float, int, int, bytes]] = []
        self._order = count()
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._stop = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, if it does not run."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="reference-ports", daemon=True)
            self._thread.start()

    def add(self, config: PortConfig) -> None:
        """See `Target.add_port`."""
        with self._lock:
            if config.port in self._ports:
                raise TargetError(
                    f"port {config.port} is taken by {self._ports[config.port].config.interface}"
                )
            port = _Port(config, _open(config.interface))
            self._ports[config.port] = port
            self._watch(config.port, port)
        self._link(config.port, _carrier(config.interface))
        self.start()

    def remove(self, number: int) -> None:
        """See `Target.remove_port`."""
        with self._lock:
            port = self._ports.pop(number, None)
            if port is not None:
                self._unwatch(port)

    def send(self, number: int, frame: bytes) -> bool:
        """Send a frame now, or when its delay and rate allow it. False: there is no such port."""
        port = self._ports.get(number)
        if port is None or port.sock is None:
            return False
        config, now = port.config, time.monotonic()
        if not config.delay_ms and not config.rate_mbps:
            return _transmit(port.sock, frame)
        if len(self._delayed) >= MAX_DELAYED:
            return False
        start = max(now, port.free_at)
        if config.rate_mbps:
            port.free_at = start + len(frame) * 8 / (config.rate_mbps * 1e6)
            start = port.free_at
        with self._lock:
            heapq.heappush(self._delayed, (start + config.delay_ms / 1e3, next(self._order), number, frame))
        os.eventfd_write(self._wake, 1)
        return True

    def close(self) -> None:
        """Stop the thread and close the sockets."""
        self._stop = True
        os.eventfd_write(self._wake, 1)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        for number in list(self._ports):
            self.remove(number)
        self._selector.close()
        os.close(self._wake)

    # -- the thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        sweep_at = carrier_at = time.monotonic()
        while not self._stop:
            now = time.monotonic()
            if now >= sweep_at:
                self._sweep()
                sweep_at = now + SWEEP_S
            if now >= carrier_at:
                self._check_carriers()
                carrier_at = now + CARRIER_S
            wait = min(sweep_at, carrier_at, self._delayed[0][0] if self._delayed else carrier_at) - now
            for key, _ in self._selector.select(max(0.0, wait)):
                if key.fd == self._wake:
                    os.eventfd_read(self._wake)
                else:
                    self._read(key.data, key.fileobj)  # type: ignore[arg-type]
            self._release_delayed()

    def _read(self, number: int, sock: socket.socket) -> None:
        try:
            frame = sock.recv(MAX_FRAME)
        except BlockingIOError:
            return
        except OSError:
            with self._lock:
                port = self._ports.get(number)
                if port is not None:
                    self._unwatch(port)
            self._link(number, False)
            return
        self._receive(number, frame)

    def _release_delayed(self) -> None:
        now = time.monotonic()
        while self._delayed and self._delayed[0][0] <= now:
            with self._lock:
                _, _, number, frame = heapq.heappop(self._delayed)
            port = self._ports.get(number)
            if port is not None and port.sock is not None:
                _transmit(port.sock, frame)

    def _check_carriers(self) -> None:
        """Report links that changed; take up interfaces that came back."""
        for number, port in list(self._ports.items()):
            up = _carrier(port.config.interface)
            if up and port.sock is None:
                try:
                    port.sock = _open(port.config.interface)
                except TargetError:
                    continue
                self._watch(number, port)
            self._link(number, up)

    def _watch(self, number: int, port: _Port) -> None:
        if port.sock is not None:
            self._selector.register(port.sock, selectors.EVENT_READ, number)

    def _unwatch(self, port: _Port) -> None:
        if port.sock is not None:
            self._selector.unregister(port.sock)
            port.sock.close()
            port.sock = None


def _open(interface: str) -> socket.socket:
    try:
        index = socket.if_nametoindex(interface)
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sock.bind((interface, ETH_P_ALL))
        sock.setsockopt(
            SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b"")
        )
    except PermissionError:
        raise TargetError(f"interface {interface}: not permitted (packet sockets need CAP_NET_RAW)") from None
    except OSError as error:
        raise TargetError(f"interface {interface}: {error.strerror or error}") from None
    return sock


def _transmit(sock: socket.socket, frame: bytes) -> bool:
    try:
        sock.send(frame)
    except OSError:
        return False
    return True


def _carrier(interface: str) -> bool:
    try:
        return Path(f"/sys/class/net/{interface}/carrier").read_text() == "1\n"
    except OSError:
        return False
