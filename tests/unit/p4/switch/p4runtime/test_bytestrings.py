"""Binary strings: canonical forms and what fits (spec section 8.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.p4.switch.p4runtime.bytestrings import Translation, canonical, fixed, from_int
from testbed.p4.switch.p4runtime.errors import RpcError


@given(st.integers(1, 300), st.data())
def test_any_length_is_accepted_and_the_shortest_given_back(width: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, (1 << width) - 1))
    shortest = from_int(number)
    padded = bytes(data.draw(st.integers(0, 5))) + shortest
    packed = fixed(padded, width, "value")
    assert len(packed) == (width + 7) // 8
    assert int.from_bytes(packed) == number
    assert Translation(width, "value").to_device(padded) == packed
    assert canonical(packed) == canonical(padded) == shortest


@given(st.integers(1, 300), st.data())
def test_what_does_not_fit_is_refused(width: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(1 << width, 1 << (width + 20)))
    for parse in (lambda v: fixed(v, width, "value"), Translation(width, "value").to_device):
        for value in (from_int(number), b"\0" + from_int(number), b""):
            with pytest.raises(RpcError):
                parse(value)


@given(st.binary(min_size=1, max_size=40))
def test_canonical_is_canonical(value: bytes) -> None:
    short = canonical(value)
    assert int.from_bytes(short) == int.from_bytes(value)
    assert canonical(short) == short
    assert len(short) == 1 or short[0] != 0


@given(st.integers(0, 511))
def test_sdn_strings_are_decimal_numbers(port: int) -> None:
    translation = Translation(9, "port", text=True)
    assert translation.to_controller(translation.to_device(str(port).encode())) == str(port).encode()
    for bad in (b"", b"eth0", b"-1", b"512", b"9" * 50):
        with pytest.raises(RpcError):
            translation.to_device(bad)
