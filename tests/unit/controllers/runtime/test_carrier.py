"""What the kernel says of links is read whatever it says."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

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


def test_an_interface_that_left_a_bridge_is_still_there() -> None:
    assert list(_links(message(DELETED, link("pe1-eth1", LOWER_UP, BRIDGE)))) == []


@given(st.binary(max_size=200), st.sampled_from((NEW, DELETED, DONE)), st.integers(0, 400))
def test_noise_is_no_error(noise: bytes, kind: int, length: int) -> None:
    for data in (noise, message(kind, noise), struct.pack("=IHHII", length, kind, 0, 1, 0) + noise):
        assert all(isinstance(name, str) for name, _ in _links(data))
        assert _done(data) in (True, False)
