"""Expressions over integers of any size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.p4.switch.reference.expression import BINARY

INTEGERS = st.integers(-(2**80), 2**80)


@given(INTEGERS, INTEGERS)
def test_arithmetic(a: int, b: int) -> None:
    assert BINARY["+"](a, b) == a + b
    assert BINARY["*"](a, b) == a * b
    assert BINARY["-"](a, b) == a - b
    quotient, rest = BINARY["/"](a, b), BINARY["%"](a, b)
    if b == 0:
        assert (quotient, rest) == (0, 0)
    else:
        assert quotient * b + rest == a
        assert abs(rest) < abs(b)
        assert abs(quotient) * abs(b) <= abs(a)


@given(INTEGERS, st.integers(1, 90))
def test_casts(value: int, width: int) -> None:
    signed = BINARY["two_comp_mod"](value, width)
    assert -(1 << width - 1) <= signed < 1 << (width - 1)
    assert (signed - value) % (1 << width) == 0
    low, high = -(1 << width - 1), (1 << width - 1) - 1
    assert BINARY["sat_cast"](value, width) == max(low, min(value, high))
    assert BINARY["usat_cast"](value, width) == max(0, min(value, (1 << width) - 1))


@pytest.mark.parametrize(("shift", "result"), [(0, 5), (3, 40), (1 << 40, 0), (-1, 0)])
def test_shifts(shift: int, result: int) -> None:
    assert BINARY["<<"](5, shift) == result
