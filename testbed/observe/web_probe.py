"""The HTTP probe: a GET at an interval, each on a connection of its own, and the answer to one.

As little of HTTP/1.1 (RFC 9112) as that takes: `GET /SIZE`, answered by as many bytes, then the connection is
closed. A connection that the network does not let through is tried on by TCP, and may answer late. Imports
little, to start fast.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Callable

FIRST = b"G"
"""The first byte of a request."""

_END = b"\r\n\r\n"
_LONGEST = 1 << 16


def respond(request: bytes) -> bytes:
    """The whole response to a request, which ends with an empty line."""
    words = request.split(b"\r\n", 1)[0].split()
    size = words[1].lstrip(b"/") if len(words) == 3 else b""
    if words[:1] != [b"GET"] or not size.isdigit() or int(size) > _LONGEST:
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close" + _END
    body = bytes(int(size))
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close%b%b" % (len(body), _END, body)


def whole(answer: bytes) -> bool:
    """Is this a whole answer of 200?"""
    head, end, body = answer.partition(_END)
    lines = head.split(b"\r\n")
    lengths = [line.split(b":")[1].strip() for line in lines if line.lower().startswith(b"content-length:")]
    good = bool(end) and lines[0].split()[1:2] == [b"200"]
    return good and lengths == [str(len(body)).encode()]


class _Get:
    """One request under way."""

    def __init__(self, sequence: int, wire: socket.socket) -> None:
        self.sequence, self.wire = sequence, wire
        self.sent = time.monotonic_ns()
        self.asked = False
        self.answer = bytearray()


class Getter:
    """Sends GETs and waits for their answers; `done(sequence, sent, received)` is told of each, ns."""

    def __init__(self, address: str, port: int, size: int, done: Callable[[int, int, int], None]) -> None:
        self._to = (address, port)
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._request = b"GET /%d HTTP/1.1\r\nHost: %b\r\nConnection: close%b" % (
            size,
            address.encode(),
            _END,
        )
        self._done = done
        self._gets: dict[int, _Get] = {}
        self.poller = select.poll()
        self.failed = 0
        """Requests whose connection broke, or that were answered otherwise."""

    def get(self, sequence: int) -> None:
        """Begin another one. Where too many wait for answers already, it fails."""
        try:
            wire = socket.socket(self._family, socket.SOCK_STREAM)
        except OSError:
            self.failed += 1
            return
        wire.setblocking(False)
        get = _Get(sequence, wire)
        refused = wire.connect_ex(self._to)
        if refused not in (0, errno.EINPROGRESS):
            self.failed += 1
            wire.close()
            return
        self._gets[wire.fileno()] = get
        self.poller.register(wire, select.POLLOUT)

    def serve(self, descriptor: int) -> None:
        """A connection can be written to or read from."""
        get = self._gets[descriptor]
        try:
            if not get.asked:
                get.wire.sendall(self._request)
                get.asked = True
                self.poller.modify(descriptor, select.POLLIN)
                return
            data = get.wire.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            self._end(descriptor, get, good=False)
            return
        get.answer += data
        if not data:
            self._end(descriptor, get, good=whole(bytes(get.answer)))

    def _end(self, descriptor: int, get: _Get, *, good: bool) -> None:
        if good:
            self._done(get.sequence, get.sent, time.monotonic_ns())
        self.failed += not good
        self.poller.unregister(descriptor)
        del self._gets[descriptor]
        get.wire.close()


def run(getter: Getter, tick: Callable[[], float | None], stop: int, linger: float) -> None:
    """GETs by `tick`, which returns seconds to the next, until `stop` is closed; answers `linger` s on."""
    getter.poller.register(stop, select.POLLIN)
    end: float | None = None
    while end is None or time.monotonic() < end:
        wait = tick() if end is None else end - time.monotonic()
        for descriptor, _ in getter.poller.poll(None if wait is None else max(0.0, wait * 1e3)):
            if descriptor != stop:
                getter.serve(descriptor)
            elif not os.read(stop, 4096):
                getter.poller.unregister(stop)
                end = time.monotonic() + linger
