"""Evaluation of expressions, with integers of any size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from testbed.p4.switch.model import (
    Binary,
    Bool,
    Const,
    Expr,
    FieldRef,
    HeaderField,
    HeaderRef,
    Local,
    RegisterCell,
    StackItem,
    StackLast,
    StackRef,
    Ternary,
    Unary,
    UnionMember,
    UnionRef,
    UnionStackItem,
    UnionStackRef,
)
from testbed.p4.switch.reference.phv import Phv

MAX_SHIFT: Final = 1 << 16
"""Left shifts beyond the widest field there can be give 0."""


class Evaluator:
    """Evaluates expressions over one packet.

    Results: int for data, bool for bool; for header, stack, union and union stack the position of the object,
    None where an index is out of range.
    """

    def __init__(self, phv: Phv, registers: list[list[int]], locals_: tuple[int, ...] = ()) -> None:
        self.phv = phv
        self._program = phv.program
        self._registers = registers
        self._locals = locals_

    def data(self, expr: Expr) -> int:
        """An integer."""
        return self._evaluate(expr)  # type: ignore[no-any-return]

    def truth(self, expr: Expr) -> bool:
        """A truth value."""
        return self._evaluate(expr)  # type: ignore[no-any-return]

    def header(self, expr: Expr) -> int | None:
        """The position of a header; None: an element that is not there."""
        return self._evaluate(expr)  # type: ignore[no-any-return]

    union = header

    def field(self, expr: Expr) -> FieldRef | None:
        """The field that an lvalue names; None: it is not there."""
        match expr:
            case FieldRef():
                return expr
            case HeaderField(header_expr, field):
                header = self.header(header_expr)
                return None if header is None else FieldRef(header, field)
            case StackLast(stack, field):
                return self._last(stack, field)
            case _:
                raise TypeError(expr)

    def _last(self, stack: int, field: int) -> FieldRef | None:
        count = self.phv.stack_next[stack]
        return FieldRef(self._program.stacks[stack].headers[count - 1], field) if count else None

    def _evaluate(self, expr: Expr) -> Any:
        match expr:
            case Const(value) | Bool(value):
                return value
            case Local(index):
                return self._locals[index]
            case FieldRef():
                return self.phv.get(expr)
            case HeaderField() | StackLast():
                ref = self.field(expr)
                return 0 if ref is None else self.phv.get(ref)
            case HeaderRef(position) | UnionRef(position) | StackRef(position) | UnionStackRef(position):
                return position
            case RegisterCell(register, index_expr):
                cells, index = self._registers[register], self.data(index_expr)
                return cells[index] if 0 <= index < len(cells) else 0
            case StackItem(stack, index_expr):
                return _at(self._program.stacks[stack].headers, self.data(index_expr))
            case UnionStackItem(stack, index_expr):
                return _at(self._program.union_stacks[stack].unions, self.data(index_expr))
            case UnionMember(union_expr, member):
                union = self.union(union_expr)
                return None if union is None else self._program.unions[union].headers[member]
            case Ternary(cond, left, right):
                return self._evaluate(left if self.truth(cond) else right)
            case Unary(op, arg):
                return self._unary(op, arg)
            case Binary(op, left, right):
                return self._binary(op, left, right)

    def _unary(self, op: str, arg: Expr) -> int | bool:
        if op in ("last_stack_index", "size_stack"):
            return self._stack_size(op, arg)
        value = self._evaluate(arg)
        match op:
            case "not":
                return not value
            case "~":
                return ~value  # type: ignore[no-any-return]
            case "d2b":
                return value != 0  # type: ignore[no-any-return]
            case "b2d":
                return int(value)
            case "valid":
                return value is not None and self.phv.valid[value]
            case "valid_union":
                return value is not None and self.phv.union_valid(value)
        raise ValueError(op)

    def _stack_size(self, op: str, arg: Expr) -> int:
        position: int = self._evaluate(arg)
        counts = self.phv.stack_next if isinstance(arg, StackRef) else self.phv.union_stack_next
        return counts[position] - 1 if op == "last_stack_index" else counts[position]

    def _binary(self, op: str, left_expr: Expr, right_expr: Expr) -> int | bool:
        left, right = self._evaluate(left_expr), self._evaluate(right_expr)
        if op in ("==", "!="):
            return self._equal(left_expr, left, right) is (op == "==")
        return BINARY[op](left, right)

    def _equal(self, expr: Expr, left: int | None, right: int | None) -> bool:
        kind = _compound(expr)
        if kind is None:
            return left == right
        if left is None or right is None:
            return False
        return self.phv.equal_headers(left, right) if kind == "header" else self.phv.equal_unions(left, right)


def _compound(expr: Expr) -> str | None:
    """ "header" or "union" for expressions of these kinds."""
    match expr:
        case HeaderRef() | StackItem() | UnionMember():
            return "header"
        case UnionRef() | UnionStackItem():
            return "union"
        case Ternary(_, left, _):
            return _compound(left)
        case _:
            return None


def _at(items: tuple[int, ...], index: int) -> int | None:
    return items[index] if 0 <= index < len(items) else None


def _shift_left(left: int, right: int) -> int:
    return left << right if 0 <= right <= MAX_SHIFT else 0


def _shift_right(left: int, right: int) -> int:
    return left >> right if right >= 0 else 0


def _divide(left: int, right: int) -> int:
    """Quotient truncated towards zero; 0 for a division by zero."""
    if right == 0:
        return 0
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _modulo(left: int, right: int) -> int:
    return left - right * _divide(left, right) if right else 0


def two_comp_mod(value: int, width: int) -> int:
    """The low `width` bits as a signed number."""
    value &= (1 << width) - 1
    return value - (1 << width) if width and value >> (width - 1) else value


def _sat_cast(value: int, width: int) -> int:
    return min(max(value, -(1 << width - 1)), (1 << width - 1) - 1)


def _usat_cast(value: int, width: int) -> int:
    return min(max(value, 0), (1 << width) - 1)


BINARY: Final[Mapping[str, Callable[[Any, Any], int | bool]]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "%": _modulo,
    "<<": _shift_left,
    ">>": _shift_right,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "two_comp_mod": two_comp_mod,
    "sat_cast": _sat_cast,
    "usat_cast": _usat_cast,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}
"""Operators on values; == and != depend on the kind and are in `Evaluator`."""
