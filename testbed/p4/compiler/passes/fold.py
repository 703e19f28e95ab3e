"""Constructors of IR expressions that fold constants and identities, with P4's arithmetic (section 8)."""

from __future__ import annotations

from testbed.p4.compiler import ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes.narrow import expect

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


def wrap(number: int, type_: t.Type) -> int:
    """`number` as a value of the type: modulo its width, two's complement when signed."""
    if type_ == t.BOOL:
        return int(bool(number))
    if not isinstance(type_, t.BitsType):
        return number
    number &= (1 << type_.width) - 1
    if type_.signed and number >> (type_.width - 1) & 1 if type_.width else False:
        number -= 1 << type_.width
    return number


def const(number: int, type_: t.Type) -> ir.Const:
    """A constant, wrapped to the type."""
    return ir.Const(wrap(number, type_), type_)


def boolean(truth: bool) -> ir.Const:
    """`true` or `false`."""
    return ir.TRUE if truth else ir.FALSE


def saturate(number: int, type_: t.Type) -> int:
    """The value of the type nearest to `number`."""
    if not isinstance(type_, t.BitsType):
        return number
    low = -(1 << (type_.width - 1)) if type_.signed else 0
    high = (1 << (type_.width - 1)) - 1 if type_.signed else (1 << type_.width) - 1
    return min(max(number, low), high)


def unary(op: str, operand: ir.Expr) -> ir.Expr:
    """`-x`, `+x`, `~x` or `!x`."""
    if op == "+":
        return operand
    if isinstance(operand, ir.Const):
        number = {"-": -operand.value, "~": ~operand.value, "!": 1 - operand.value}[op]
        return const(number, operand.type)
    if op == "!" and isinstance(operand, ir.Unary) and operand.op == "!":
        return operand.operand
    return ir.Unary(op, operand, operand.type)


def binary(op: str, left: ir.Expr, right: ir.Expr) -> ir.Expr:
    """Any binary operator but `++` (see `concat`); operands are already of the types that it needs."""
    if op in ("&&", "||"):
        return _logical(op, left, right)
    type_: t.Type = t.BOOL if op in COMPARISONS else left.type
    if isinstance(left, ir.Const) and isinstance(right, ir.Const):
        number = _evaluate(op, left.value, right.value, type_)
        if number is not None:
            return const(number, type_)
    if op in ("<<", ">>") and isinstance(right, ir.Const):
        if right.value == 0:
            return left
        if (
            isinstance(left.type, t.BitsType)
            and right.value >= left.type.width
            and not (op == ">>" and left.type.signed)
        ):
            return const(0, left.type)
    return ir.Binary(op, left, right, type_)


def _logical(op: str, left: ir.Expr, right: ir.Expr) -> ir.Expr:
    decisive = ir.FALSE if op == "&&" else ir.TRUE
    if isinstance(left, ir.Const):
        return left if left == decisive else right
    if isinstance(right, ir.Const) and right != decisive:
        return left
    return ir.Binary(op, left, right, t.BOOL)


def _evaluate(op: str, a: int, b: int, type_: t.Type) -> int | None:
    match op:
        case "+" | "-" | "*":
            return {"+": a + b, "-": a - b, "*": a * b}[op]
        case "|+|" | "|-|":
            return saturate(a + b if op == "|+|" else a - b, type_)
        case "/" | "%":
            return None if b == 0 else (a // b if op == "/" else a % b)
        case "<<" | ">>":
            return None if b < 0 or b > 1 << 16 else (a << b if op == "<<" else a >> b)
        case "&" | "|" | "^":
            return {"&": a & b, "|": a | b, "^": a ^ b}[op]
    return int({"==": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op])


def ternary(cond: ir.Expr, then: ir.Expr, otherwise: ir.Expr) -> ir.Expr:
    """`cond ? then : otherwise`, for operands without side effects."""
    if isinstance(cond, ir.Const):
        return then if cond.value else otherwise
    if then == otherwise:
        return then
    if then == ir.TRUE and otherwise == ir.FALSE:
        return cond
    return ir.Ternary(cond, then, otherwise, then.type)


def cast(operand: ir.Expr, type_: t.Type) -> ir.Expr:
    """A conversion between bool, bit, int and, of constants, infinite-precision int."""
    if operand.type == type_:
        return operand
    if isinstance(operand, ir.Const):
        return const(operand.value, type_)
    return ir.Cast(operand, type_)


def slice_(base: ir.Expr, high: int, low: int) -> ir.Expr:
    """`base[high:low]`, an unsigned value."""
    type_ = t.bits(high - low + 1)
    if base.type == type_:
        return base
    if isinstance(base, ir.Const):
        return const(base.value >> low, type_)
    shifted = base if low == 0 else ir.Binary(">>", base, ir.Const(low, t.INT), base.type)
    return cast(shifted, type_)


def concat(left: ir.Expr, right: ir.Expr) -> ir.Expr:
    """`left ++ right`, signed if `left` is."""
    low = ir.width_of(right.type)
    type_ = t.bits(ir.width_of(left.type) + low, signed=ir.is_signed(left.type))
    if isinstance(left, ir.Const) and isinstance(right, ir.Const):
        return const(left.value << low | wrap(right.value, t.bits(low)), type_)
    high_part = binary("<<", cast(left, type_), ir.Const(low, t.INT))
    low_part = cast(cast(right, t.bits(low)), t.bits(type_.width))
    return binary("|", high_part, cast(low_part, type_))


def replace_slice(base: ir.Expr, high: int, low: int, new: ir.Expr) -> ir.Expr:
    """`base` after the assignment `base[high:low] = new`."""
    raw = t.bits(expect(base.type, t.BitsType).width)
    mask = ((1 << (high - low + 1)) - 1) << low
    kept = binary("&", cast(base, raw), const(~mask, raw))
    placed = binary("<<", cast(cast(new, t.bits(high - low + 1)), raw), ir.Const(low, t.INT))
    return cast(binary("|", kept, placed), base.type)


def conjunction(terms: list[ir.Expr]) -> ir.Expr:
    """All of them; true for none."""
    result: ir.Expr = ir.TRUE
    for term in terms:
        result = binary("&&", result, term)
    return result
