"""What the kernel says of links is read whatever it says."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.runtime import carrier
from controllers.runtime.carrier import _done, _links

NEW, DELETED, DONE = 16, 17, 3
LOWER_UP = 1 << 16
BRIDGE = 7
"""AF_BRIDGE."""


def message(kind: int, body: bytes) -> bytes:
    data = struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body
    return data + bytes(-len(data) % 4)


def link(name: str, flags: int, family: int = 0) -> bytes:
    text = name.encode() + b"\0"
    attribute = struct.pack("=HH", 4 + len(text), 3) + text
    return struct.pack("=BxHiII", family, 1, 7, flags, 0) + attribute + bytes(-len(attribute) % 4)


def test_links_and_the_end_of_a_dump() -> None:
    data = message(NEW, link("pe1-eth1", LOWER_UP)) + message(NEW, link("pe1-eth2", 0))
    data += message(DELETED, link("pe1-eth3", LOWER_UP))
    assert list(_links(data)) == [("pe1-eth1", True), ("pe1-eth2", False), ("pe1-eth3", False)]
    assert not _done(data)
    assert _done(data + message(DONE, bytes(4)))


class Kernel:
    """A netlink socket that hands out what it is told to, an error where that is None."""

    def __init__(self, *data: bytes | None) -> None:
        self.data = list(data)
        self.asked = 0
        self._pair = socket.socketpair()

    def __call__(self, *_: int) -> Kernel:
        return self

    def recv(self, _: int) -> bytes:
        if not self.data:
            raise BlockingIOError
        first = self.data.pop(0)
        if first is None:
            raise OSError(errno.ENOBUFS, "no room")
        return first

    def send(self, _: bytes) -> None:
        self.asked += 1

    def fileno(self) -> int:
        return self._pair[0].fileno()

    def close(self) -> None:
        for end in self._pair:
            end.close()

    def setsockopt(self, *_: int) -> None:
        """No matter."""

    def bind(self, _: object) -> None:
        """No matter."""

    def setblocking(self, _: bool) -> None:
        """No matter."""


UP = {name: message(NEW, link(name, LOWER_UP)) for name in ("eth1", "eth2")}
END = message(DONE, bytes(4))


@pytest.mark.parametrize(
    ("said", "asked", "told"),
    [
        pytest.param([UP["eth1"] + END], 1, [("eth1", True), ("eth2", False)], id="one is not there"),
        pytest.param(
            [UP["eth1"] + UP["eth2"] + END, None, UP["eth2"], END],
            2,
            [("eth1", True), ("eth2", True), ("eth1", False)],
            id="one was deleted, and the message lost",
        ),
        pytest.param(
            [UP["eth1"], None, UP["eth2"] + END, UP["eth2"] + END],
            2,
            [("eth1", True), ("eth2", True), ("eth1", False)],
            id="lost while the first answer came in",
        ),
    ],
)
def test_what_an_overrun_hides_is_found_out(
    monkeypatch: pytest.MonkeyPatch, said: list[bytes | None], asked: int, told: list[tuple[str, bool]]
) -> None:
    kernel = Kernel(*said)
    changes: list[tuple[str, bool]] = []

    async def watch() -> None:
        monkeypatch.setattr(carrier.socket, "socket", kernel)
        one = carrier.CarrierWatch({"eth1": None, "eth2": None}, lambda *change: changes.append(change))
        one._readable()
        one.close()

    asyncio.run(watch())
    assert (kernel.asked, changes) == (asked, told)


def test_an_interface_that_left_a_bridge_is_still_there() -> None:
    assert list(_links(message(DELETED, link("pe1-eth1", LOWER_UP, BRIDGE)))) == []


@given(st.binary(max_size=200), st.sampled_from((NEW, DELETED, DONE)), st.integers(0, 400))
def test_noise_is_no_error(noise: bytes, kind: int, length: int) -> None:
    for data in (noise, message(kind, noise), struct.pack("=IHHII", length, kind, 0, 1, 0) + noise):
        assert all(isinstance(name, str) for name, _ in _links(data))
        assert _done(data) in (True, False)
