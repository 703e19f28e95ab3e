"""Arithmetic at compile time (P4_16 specification 1.2.5, section 8): pure functions on Python integers.

`bit<n>` values are 0 .. 2^n - 1, `int<n>` values -2^(n-1) .. 2^(n-1) - 1, `int` values have no limits.
Operands have the type of the operation; where it is not defined a FoldError says so.
"""

from __future__ import annotations

from collections.abc import Callable

from testbed.p4.compiler.types import BitsType, Type

MAX_SHIFT = 1 << 16
"""Larger left shifts of `int` are refused: they would only fill the memory."""


class FoldError(Exception):
    """The operation has no value at compile time."""


def wrap(value: int, to: Type) -> int:
    """`value` reduced to what `to` can hold: modulo 2^n, two's complement if signed; `int` keeps all."""
    if not isinstance(to, BitsType):
        return value
    if to.width == 0:
        return 0
    value &= (1 << to.width) - 1
    if to.signed and value >> (to.width - 1):
        value -= 1 << to.width
    return value


def saturate(value: int, to: BitsType) -> int:
    """`value` brought to the nearest one that `to` can hold."""
    low, high = limits(to)
    return min(max(value, low), high)


def limits(of: BitsType) -> tuple[int, int]:
    """The least and the greatest value of a type."""
    if of.width == 0:
        return 0, 0
    if of.signed:
        return -(1 << (of.width - 1)), (1 << (of.width - 1)) - 1
    return 0, (1 << of.width) - 1


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise FoldError("division by zero")
    if left < 0 or right < 0:
        raise FoldError("division is not defined on negative numbers")
    return left // right


def _modulo(left: int, right: int) -> int:
    if right == 0:
        raise FoldError("modulo by zero")
    if left < 0 or right < 0:
        raise FoldError("modulo is not defined on negative numbers")
    return left % right


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "%": _modulo,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
}

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def binary(op: str, left: int, right: int, of: Type) -> int:
    """`left op right`, all three of type `of`, for arithmetic, bitwise and saturating operators.

    Raises:
        FoldError: division by zero or of negative numbers, saturation without a width.
    """
    if op in ("|+|", "|-|"):
        if not isinstance(of, BitsType):
            raise FoldError("saturating arithmetic needs operands with a width")
        return saturate(left + right if op == "|+|" else left - right, of)
    return wrap(_ARITHMETIC[op](left, right), of)


def compare(op: str, left: int, right: int) -> bool:
    """`left op right` for the order operators."""
    return _COMPARE[op](left, right)


def shift(op: str, value: int, amount: int, of: Type) -> int:
    """`value << amount` or `value >> amount` of type `of`; right shifts of signed values keep the sign.

    Raises:
        FoldError: a negative or absurdly large amount.
    """
    if amount < 0:
        raise FoldError("shift by a negative amount")
    if isinstance(of, BitsType):
        amount = min(amount, of.width)
    if op == ">>":
        return value >> amount
    if amount > MAX_SHIFT:
        raise FoldError(f"shift by more than {MAX_SHIFT}")
    return wrap(value << amount, of)


def unary(op: str, value: int, of: Type) -> int:
    """`-value`, `+value` or `~value` of type `of`.

    Raises:
        FoldError: `~` of a number without a width.
    """
    if op == "~":
        if not isinstance(of, BitsType):
            raise FoldError("~ needs an operand with a width")
        return wrap(~value, of)
    return wrap(-value, of) if op == "-" else value


def concat(left: int, left_type: BitsType, right: int, right_type: BitsType) -> int:
    """`left ++ right`, which has the sign of the left operand's type."""
    unsigned = (left << right_type.width) | (right & ((1 << right_type.width) - 1))
    return wrap(unsigned, BitsType(left_type.width + right_type.width, left_type.signed))


def bit_slice(value: int, high: int, low: int) -> int:
    """`value[high:low]`, unsigned."""
    return (value >> low) & ((1 << (high - low + 1)) - 1)
