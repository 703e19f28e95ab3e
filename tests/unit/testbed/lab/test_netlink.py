"""Netlink attributes: what is written can be read, and lies about lengths end the reading."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.lab.netlink import Netlink, NetlinkError, attribute, attributes


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=50))))
def test_attributes_round_trip(pairs: list[tuple[int, bytes]]) -> None:
    data = b"".join(attribute(kind, value) for kind, value in pairs)
    assert len(data) % 4 == 0
    assert list(attributes(data)) == pairs


@given(st.binary())
def test_any_bytes_end(data: bytes) -> None:
    assert sum(len(value) for _, value in attributes(data)) <= len(data)


def test_loopback_is_there_and_nonsense_is_not() -> None:
    with Netlink() as kernel:
        assert kernel.index("lo") == 1
        with pytest.raises(NetlinkError, match="no-such-link: No such device"):
            kernel.index("no-such-link")
