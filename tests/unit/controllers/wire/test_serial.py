"""Serial number arithmetic of MAC mobility sequences."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controllers.wire.serial import MODULUS, after, latest, newer

numbers = st.one_of(
    st.integers(0, MODULUS - 1), st.sampled_from([0, 1, 2**31 - 1, 2**31, 2**31 + 1, MODULUS - 1])
)


@given(numbers, numbers)
def test_of_two_numbers_exactly_one_is_newer(a: int, b: int) -> None:
    assert newer(a, b) + newer(b, a) == (a != b)
    assert latest(a, b) == latest(b, a)


@given(numbers)
def test_the_next_number_is_newer_across_the_wrap(a: int) -> None:
    assert newer(after(a), a)
    assert after(MODULUS - 1) == 0
    assert newer(0, MODULUS - 1)


@given(numbers, st.integers(1, 2**31 - 1))
def test_newer_within_half_the_space(a: int, step: int) -> None:
    assert newer((a + step) % MODULUS, a)
