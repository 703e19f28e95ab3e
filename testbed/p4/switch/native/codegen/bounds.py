"""How large and how small the value of an expression can be, without a bound on integers."""

from __future__ import annotations

from typing import Final, TypeAlias

from testbed.p4.switch.model import (
    VALID,
    VALID_FIELD,
    Binary,
    Const,
    Expr,
    Field,
    FieldRef,
    HeaderField,
    HeaderRef,
    HeaderType,
    Local,
    Program,
    RegisterCell,
    StackItem,
    StackLast,
    StackRef,
    Ternary,
    Unary,
    UnionMember,
    UnionRef,
    UnionStackItem,
)

Bounds: TypeAlias = tuple[int, int]
"""Lowest and highest value, included."""

MAX_SHIFT: Final = 1 << 16
"""Left shifts by more give 0: no field is that wide."""

BIT: Final[Bounds] = (0, 1)


def header_type(program: Program, expr: Expr) -> HeaderType:
    """The type of an expression of kind header."""
    match expr:
        case HeaderRef(header):
            return program.headers[header].type
        case StackItem(stack, _):
            return program.stacks[stack].type
        case UnionMember(union, member):
            return program.headers[program.unions[_some_union(program, union)].headers[member]].type
        case Ternary(_, left, _):
            return header_type(program, left)
        case _:
            raise TypeError(expr)


def _some_union(program: Program, expr: Expr) -> int:
    match expr:
        case UnionRef(union):
            return union
        case UnionStackItem(stack, _):
            return program.union_stacks[stack].unions[0]
        case _:
            raise TypeError(expr)


def of_field(field: Field) -> Bounds:
    """What a field can hold."""
    if field.signed:
        return -(1 << field.width - 1), (1 << field.width - 1) - 1
    return 0, (1 << field.width) - 1


def union(a: Bounds, b: Bounds) -> Bounds:
    """What is in either."""
    return min(a[0], b[0]), max(a[1], b[1])


def _power(a: Bounds) -> int:
    """Bits of the largest magnitude: -2^n <= value < 2^n."""
    return max(a[1].bit_length(), (~a[0]).bit_length() if a[0] < 0 else 0)


def _bitwise(op: str, a: Bounds, b: Bounds) -> Bounds:
    if op == "&":
        limits = [x[1] for x in (a, b) if x[0] >= 0]
        if limits:
            return 0, min(limits)
    n = max(_power(a), _power(b))
    return (0 if a[0] >= 0 and b[0] >= 0 else -(1 << n)), (1 << n) - 1


def _shift_left(a: Bounds, b: Bounds) -> Bounds:
    by = min(max(b[1], 0), MAX_SHIFT)
    return min(a[0], 0) << by, max(a[1], 0) << by


def _shift_right(a: Bounds, b: Bounds) -> Bounds:
    least = min(max(b[0], 0), MAX_SHIFT) if b[0] == b[1] else 0
    return min(a[0] >> least, 0), max(a[1] >> least, 0)


def _divide(op: str, a: Bounds, b: Bounds) -> Bounds:
    largest = max(abs(a[0]), abs(a[1]))
    if op == "%":
        largest = min(largest, max(abs(b[0]), abs(b[1])))
    return (0 if a[0] >= 0 and (op == "%" or b[0] >= 0) else -largest), largest


def _cast(op: str, a: Bounds, width: int) -> Bounds:
    if op == "usat_cast":
        low, high = 0, (1 << width) - 1
    else:
        low, high = -(1 << width - 1), (1 << width - 1) - 1
    if op == "two_comp_mod":
        return a if low <= a[0] and a[1] <= high else (low, high)
    return min(max(a[0], low), high), min(max(a[1], low), high)


class BoundsOf:
    """Bounds of the expressions of a program, remembered."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[int, tuple[Expr, Bounds]] = {}

    def __call__(self, expr: Expr, params: tuple[int, ...] = ()) -> Bounds:
        """Bounds of an expression of kind data; `params`: widths of the action's runtime data."""
        known = self._known.get(id(expr))
        if known is not None:
            return known[1]
        result = self._compute(expr, params)
        self._known[id(expr)] = expr, result  # keeping the expression keeps its id from being used again
        return result

    def _compute(self, expr: Expr, params: tuple[int, ...]) -> Bounds:
        program = self._program
        match expr:
            case Const(value):
                return value, value
            case Local(index):
                return 0, (1 << params[index]) - 1
            case FieldRef():
                return of_field(program.field(expr))
            case HeaderField(header, field):
                fields = header_type(program, header).fields
                return of_field(VALID_FIELD if field == VALID else fields[field])
            case StackLast(stack, field):
                return union((0, 0), of_field(program.stacks[stack].type.fields[field]))
            case RegisterCell(register, _):
                return 0, (1 << program.registers[register].width) - 1
            case Ternary(_, left, right):
                return union(self(left, params), self(right, params))
            case Unary(op, arg):
                return self._unary(op, arg, params)
            case Binary(op, left, right):
                return self._binary(op, left, right, params)
            case _:
                raise TypeError(expr)

    def _unary(self, op: str, arg: Expr, params: tuple[int, ...]) -> Bounds:
        if op == "b2d":
            return BIT
        if op == "~":
            low, high = self(arg, params)
            return ~high, ~low
        stacks = self._program.stacks if isinstance(arg, StackRef) else self._program.union_stacks
        size = len(stacks[arg.stack].headers if isinstance(arg, StackRef) else stacks[arg.stack].unions)  # type: ignore[union-attr]
        return (-1, size - 1) if op == "last_stack_index" else (0, size)

    def _binary(self, op: str, left: Expr, right: Expr, params: tuple[int, ...]) -> Bounds:
        a, b = self(left, params), self(right, params)
        match op:
            case "+":
                return a[0] + b[0], a[1] + b[1]
            case "-":
                return a[0] - b[1], a[1] - b[0]
            case "*":
                products = [x * y for x in a for y in b]
                return min(products), max(products)
            case "/" | "%":
                return _divide(op, a, b)
            case "<<":
                return _shift_left(a, b)
            case ">>":
                return _shift_right(a, b)
            case "&" | "|" | "^":
                return _bitwise(op, a, b)
            case "two_comp_mod" | "usat_cast" | "sat_cast":
                return _cast(op, a, b[0])
            case _:
                raise TypeError(op)
