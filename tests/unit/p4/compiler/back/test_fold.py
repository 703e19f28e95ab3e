"""Folding follows P4's arithmetic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from testbed.p4.compiler import ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes import fold

TYPES = st.builds(lambda w, s: t.bits(w, signed=s), st.integers(2, 70), st.booleans())
NUMBERS = st.integers(-(1 << 72), 1 << 72)
X = ir.Field(ir.SCALARS, "x", t.bits(8))


def value(expr: ir.Expr) -> int:
    assert isinstance(expr, ir.Const)
    return expr.value


@given(NUMBERS, TYPES)
def test_wrapped_numbers_are_congruent_and_in_range(number: int, type_: t.BitsType) -> None:
    wrapped = fold.wrap(number, type_)
    assert (wrapped - number) % (1 << type_.width) == 0
    low = -(1 << (type_.width - 1)) if type_.signed else 0
    assert low <= wrapped < low + (1 << type_.width)


@given(NUMBERS, NUMBERS, TYPES, st.sampled_from("+-*&|^"))
def test_binary_operators_compute_modulo_the_width(a: int, b: int, type_: t.BitsType, op: str) -> None:
    left, right = fold.const(a, type_), fold.const(b, type_)
    plain = {"+": a + b, "-": a - b, "*": a * b, "&": a & b, "|": a | b, "^": a ^ b}[op]
    assert value(fold.binary(op, left, right)) == fold.wrap(plain, type_)


@given(NUMBERS, NUMBERS, TYPES)
def test_saturating_operators_stop_at_the_ends(a: int, b: int, type_: t.BitsType) -> None:
    left, right = fold.const(a, type_), fold.const(b, type_)
    total = value(fold.binary("|+|", left, right))
    assert total == fold.saturate(left.value + right.value, type_)
    assert total == fold.wrap(total, type_)


@given(NUMBERS, TYPES, st.data())
def test_a_slice_is_what_replacing_it_changes(number: int, type_: t.BitsType, data: st.DataObject) -> None:
    low = data.draw(st.integers(0, type_.width - 1))
    high = data.draw(st.integers(low, type_.width - 1))
    base, new = fold.const(number, type_), fold.const(data.draw(NUMBERS), t.bits(high - low + 1))
    changed = fold.replace_slice(base, high, low, new)
    assert changed.type == type_
    assert fold.slice_(changed, high, low) == new
    outside = ~(((1 << (high - low + 1)) - 1) << low)
    assert (value(changed) ^ base.value) & outside & ((1 << type_.width) - 1) == 0


@given(NUMBERS, NUMBERS, TYPES, TYPES)
def test_concatenation_puts_the_left_above_the_right(
    a: int, b: int, left: t.BitsType, right: t.BitsType
) -> None:
    joined = fold.concat(fold.const(a, left), fold.const(b, right))
    assert joined.type == t.bits(left.width + right.width, signed=left.signed)
    assert fold.slice_(joined, left.width + right.width - 1, right.width) == fold.const(a, t.bits(left.width))
    assert fold.slice_(joined, right.width - 1, 0) == fold.const(b, t.bits(right.width))


def test_division_by_zero_is_left_alone() -> None:
    division = fold.binary("/", fold.const(1, t.bits(8)), fold.const(0, t.bits(8)))
    assert isinstance(division, ir.Binary)


def test_logic_short_circuits_on_constants() -> None:
    cond = ir.IsValid(ir.Header("h", ir.Layout("h_t", ())))
    assert fold.binary("&&", ir.FALSE, cond) == ir.FALSE
    assert fold.binary("&&", cond, ir.TRUE) == cond
    assert fold.binary("||", ir.TRUE, cond) == ir.TRUE
    assert fold.unary("!", fold.unary("!", cond)) == cond


def test_shifts_out_of_the_width_are_zero_for_unsigned_values() -> None:
    assert fold.binary("<<", X, ir.Const(8, t.INT)) == fold.const(0, t.bits(8))
    assert fold.binary(">>", X, ir.Const(0, t.INT)) == X


def test_ternary_with_equal_branches_needs_no_condition() -> None:
    cond = ir.IsValid(ir.Header("h", ir.Layout("h_t", ())))
    assert fold.ternary(cond, X, X) == X
    assert fold.ternary(cond, ir.TRUE, ir.FALSE) == cond
