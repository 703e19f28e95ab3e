"""Compile-time arithmetic, by property, against independent definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.p4.compiler import types as t
from testbed.p4.compiler.check import folding
from testbed.p4.compiler.check.conversions import fold_cast

bits_types = st.builds(lambda w, s: t.bits(w, signed=s), st.integers(1, 130), st.booleans())
numbers = st.integers(-(1 << 140), 1 << 140)


def bitstring(value: int, width: int) -> str:
    """Two's complement digits."""
    return format(value % (1 << width), f"0{width}b")


def value_of(digits: str, of: t.BitsType) -> int:
    unsigned = int(digits, 2)
    return unsigned - (1 << len(digits)) if of.signed and digits[0] == "1" else unsigned


@given(numbers, bits_types)
def test_wrap_keeps_the_low_bits_and_stays_in_range(value: int, of: t.BitsType) -> None:
    wrapped = folding.wrap(value, of)
    low, high = folding.limits(of)
    assert low <= wrapped <= high
    assert bitstring(wrapped, of.width) == bitstring(value, of.width)
    assert folding.wrap(wrapped, of) == wrapped


@given(bits_types.flatmap(lambda of: st.tuples(st.just(of), *[st.integers(*folding.limits(of))] * 2)))
def test_arithmetic_is_modular_and_saturation_stops_at_the_limits(case: tuple[t.BitsType, int, int]) -> None:
    of, a, b = case
    for op, exact in (("+", a + b), ("-", a - b), ("*", a * b)):
        assert bitstring(folding.binary(op, a, b, of), of.width) == bitstring(exact, of.width)
        assert folding.binary(op, a, b, t.INT) == exact
    low, high = folding.limits(of)
    assert folding.binary("|+|", a, b, of) == sorted((low, a + b, high))[1]
    assert folding.binary("|-|", a, b, of) == sorted((low, a - b, high))[1]


@given(bits_types.flatmap(lambda of: st.tuples(st.just(of), *[st.integers(*folding.limits(of))] * 2)))
def test_bitwise_operators_work_digit_by_digit(case: tuple[t.BitsType, int, int]) -> None:
    of, a, b = case
    x, y = bitstring(a, of.width), bitstring(b, of.width)
    rules = {"&": lambda p, q: p & q, "|": lambda p, q: p | q, "^": lambda p, q: p ^ q}
    for op, rule in rules.items():
        digits = "".join(str(rule(int(p), int(q))) for p, q in zip(x, y, strict=True))
        assert folding.binary(op, a, b, of) == value_of(digits, of)
    inverted = "".join("10"[int(p)] for p in x)
    assert folding.unary("~", a, of) == value_of(inverted, of)


@given(
    bits_types.flatmap(lambda of: st.tuples(st.just(of), st.integers(*folding.limits(of)))),
    st.integers(0, 200),
)
def test_shifts_move_digits_and_keep_the_sign(case: tuple[t.BitsType, int], amount: int) -> None:
    of, value = case
    digits = bitstring(value, of.width)
    fill = digits[0] if of.signed else "0"
    left = (digits + "0" * amount)[-of.width :]
    right = (fill * amount + digits)[: of.width]
    assert folding.shift("<<", value, amount, of) == value_of(left, of)
    assert folding.shift(">>", value, amount, of) == value_of(right, of)


@given(
    bits_types.flatmap(lambda of: st.tuples(st.just(of), st.integers(*folding.limits(of)))),
    bits_types.flatmap(lambda of: st.tuples(st.just(of), st.integers(*folding.limits(of)))),
)
def test_concatenation_joins_digits_and_slices_take_them_apart(
    one: tuple[t.BitsType, int], other: tuple[t.BitsType, int]
) -> None:
    (left_type, left), (right_type, right) = one, other
    joined = folding.concat(left, left_type, right, right_type)
    digits = bitstring(left, left_type.width) + bitstring(right, right_type.width)
    width = left_type.width + right_type.width
    assert bitstring(joined, width) == digits
    assert folding.bit_slice(joined, right_type.width - 1, 0) == int(bitstring(right, right_type.width), 2)
    assert folding.bit_slice(joined, width - 1, right_type.width) == int(bitstring(left, left_type.width), 2)


@given(st.integers(0, 1 << 64), st.integers(1, 1 << 64))
def test_division_and_modulo_of_natural_numbers(a: int, b: int) -> None:
    quotient, rest = folding.binary("/", a, b, t.INT), folding.binary("%", a, b, t.INT)
    assert quotient * b + rest == a
    assert 0 <= rest < b


@pytest.mark.parametrize(
    ("op", "left", "right"), [("/", 1, 0), ("%", 1, 0), ("/", -1, 2), ("%", 1, -2), ("|+|", 1, 1)]
)
def test_undefined_operations(op: str, left: int, right: int) -> None:
    with pytest.raises(folding.FoldError):
        folding.binary(op, left, right, t.INT)


def test_shifts_by_absurd_amounts() -> None:
    with pytest.raises(folding.FoldError):
        folding.shift("<<", 1, 1 << 40, t.INT)
    with pytest.raises(folding.FoldError):
        folding.shift(">>", 1, -1, t.INT)
    assert folding.shift("<<", 1, 1 << 40, t.bits(8)) == 0


def test_casts_between_bool_and_bits() -> None:
    assert fold_cast(True, t.BOOL, t.bits(1)) == 1
    assert fold_cast(1, t.bits(1), t.BOOL) is True
    assert fold_cast(-1, t.bits(8, signed=True), t.bits(8)) == 255
    assert fold_cast(255, t.bits(8), t.bits(8, signed=True)) == -1
    assert fold_cast(None, t.bits(8), t.bits(4)) is None
