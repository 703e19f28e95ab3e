"""Expressions: values without side effects."""

from __future__ import annotations

from dataclasses import field

from testbed.p4.compiler import types as t
from testbed.p4.compiler.ir.base import value
from testbed.p4.compiler.ir.storage import HeaderRef, Stack, UnionStack


class Expr:
    """Base of expressions."""

    __slots__ = ()
    type: t.Type


@value
class Const(Expr):
    """A number; of BOOL it is 0 or 1, of `t.INT` it has no width yet."""

    value: int
    type: t.Type


@value
class Field(Expr):
    """A field of an instance: an lvalue. Locals are fields of `SCALARS`."""

    header: HeaderRef
    name: str
    type: t.Type = field(compare=False)


@value
class Param(Expr):
    """An action parameter that the control plane sets."""

    index: int
    name: str
    type: t.Type


@value
class Unary(Expr):
    """`op` is `-`, `~` or `!`."""

    op: str
    operand: Expr
    type: t.Type


@value
class Binary(Expr):
    """`op` as in P4, without `++`; the type is the result's."""

    op: str
    left: Expr
    right: Expr
    type: t.Type


@value
class Ternary(Expr):
    """`cond ? then : otherwise`."""

    cond: Expr
    then: Expr
    otherwise: Expr
    type: t.Type


@value
class Cast(Expr):
    """Between bit, int and bool; `type` is the target."""

    operand: Expr
    type: t.Type


@value
class IsValid(Expr):
    """Validity of a header, a bool."""

    header: HeaderRef

    @property
    def type(self) -> t.Type:  # type: ignore[override]
        """Always bool."""
        return t.BOOL


@value
class LastIndex(Expr):
    """`stack.lastIndex`, bit<32>."""

    stack: Stack | UnionStack

    @property
    def type(self) -> t.Type:  # type: ignore[override]
        """Always bit<32>."""
        return t.bits(32)


@value
class Lookahead(Expr):
    """Bits of the packet, from `offset` bits after the cursor; only as a whole right side."""

    offset: int
    type: t.Type


TRUE = Const(1, t.BOOL)
FALSE = Const(0, t.BOOL)
