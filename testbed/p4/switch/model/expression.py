"""Expressions, resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

VALID: Final = -1
"""`FieldRef.field` of the hidden one-bit field `$valid$`."""


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field of a header; `field` VALID is the header's validity as a bit<1>."""

    header: int
    field: int


@dataclass(frozen=True, slots=True)
class HeaderRef:
    """A header instance."""

    header: int


@dataclass(frozen=True, slots=True)
class StackRef:
    """A header stack."""

    stack: int


@dataclass(frozen=True, slots=True)
class UnionRef:
    """A header union."""

    union: int


@dataclass(frozen=True, slots=True)
class UnionStackRef:
    """A stack of header unions."""

    stack: int


@dataclass(frozen=True, slots=True)
class StackLast:
    """`stack.last.field`; 0 where the stack is empty."""

    stack: int
    field: int


@dataclass(frozen=True, slots=True)
class Const:
    """An integer of any size and sign."""

    value: int


@dataclass(frozen=True, slots=True)
class Bool:
    """A truth value."""

    value: bool


@dataclass(frozen=True, slots=True)
class Local:
    """Runtime data number `index` of the action."""

    index: int


@dataclass(frozen=True, slots=True)
class RegisterCell:
    """`register[index]`."""

    register: int
    index: Expr


@dataclass(frozen=True, slots=True)
class Unary:
    """`not ~ d2b b2d valid valid_union last_stack_index size_stack` of `arg`."""

    op: str
    arg: Expr


@dataclass(frozen=True, slots=True)
class Binary:
    """`left op right` without a bound on the size of integers.

    Operators: `+ - * / % << >> & | ^ two_comp_mod usat_cast sat_cast` (integers), `and or`, and
    `== != < <= > >=`, where == and != also compare truth values, headers and unions. Left operand 0 stands
    for a missing one (unary minus). Division by zero gives 0.
    """

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Ternary:
    """`cond ? left : right`."""

    cond: Expr
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class HeaderField:
    """Field number `field` of a header that is itself computed (`stack[i].f`)."""

    header: Expr
    field: int


@dataclass(frozen=True, slots=True)
class UnionMember:
    """Member number `member` of a union that is itself computed (`unions[i].m`)."""

    union: Expr
    member: int


@dataclass(frozen=True, slots=True)
class StackItem:
    """`stack[index]`, a header. Out of range: a header that is invalid, reads 0 and ignores writes."""

    stack: int
    index: Expr


@dataclass(frozen=True, slots=True)
class UnionStackItem:
    """`union_stack[index]`, a union. Out of range as in `StackItem`."""

    stack: int
    index: Expr


Expr: TypeAlias = (
    FieldRef
    | HeaderRef
    | StackRef
    | UnionRef
    | UnionStackRef
    | StackLast
    | Const
    | Bool
    | Local
    | RegisterCell
    | Unary
    | Binary
    | Ternary
    | HeaderField
    | UnionMember
    | StackItem
    | UnionStackItem
)

Kind: TypeAlias = Literal["data", "bool", "header", "stack", "union", "union_stack"]
"""What an expression evaluates to."""
