"""Parser, deparser, value sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from testbed.p4.switch.model.actions import Primitive
from testbed.p4.switch.model.expression import Expr, FieldRef, HeaderRef, StackLast


@dataclass(frozen=True, slots=True)
class Lookahead:
    """`width` bits of the packet, `offset` bits ahead of what was extracted."""

    offset: int
    width: int


@dataclass(frozen=True, slots=True)
class StackNext:
    """The next free element of a header stack, as target of an extract."""

    stack: int


@dataclass(frozen=True, slots=True)
class UnionStackNext:
    """Member `member` of the next free element of a union stack, as target of an extract."""

    stack: int
    member: int


@dataclass(frozen=True, slots=True)
class UnionStackLast:
    """Field of member `member` of the last element of a union stack, in a select key."""

    stack: int
    member: int
    field: int


@dataclass(frozen=True, slots=True)
class Extract:
    """`packet.extract(target)`; `length`: of the varbit field, in bits, None for a fixed header."""

    target: HeaderRef | StackNext | UnionStackNext
    length: Expr | None = None
    max_bytes: int = 0
    """Of the whole header with its varbit field; 0: not checked."""


@dataclass(frozen=True, slots=True)
class Set:
    """Assign to a field, possibly from a lookahead."""

    target: FieldRef
    value: Expr | Lookahead


@dataclass(frozen=True, slots=True)
class Verify:
    """Leave the parser with error number `error` unless `cond` holds."""

    cond: Expr
    error: Expr


@dataclass(frozen=True, slots=True)
class Advance:
    """Skip `bits` of the packet (a multiple of 8, else error.ParserInvalidArgument)."""

    bits: Expr


ParserOp: TypeAlias = Extract | Set | Verify | Advance | Primitive


class Transition(NamedTuple):
    """One case of a select: by value, or (`value_set` not None) by value set.

    The key parts are packed as in `target`, each padded to whole bytes. `mask` None: all bits count. `next`
    None: accept.
    """

    value: bytes
    mask: bytes | None
    value_set: int | None
    next: int | None


@dataclass(frozen=True, slots=True)
class ParseState:
    """A parser state. Cases are tried in order; `default` None: accept."""

    name: str
    ops: tuple[ParserOp, ...]
    key: tuple[FieldRef | StackLast | UnionStackLast | Lookahead, ...]
    key_widths: tuple[int, ...]
    transitions: tuple[Transition, ...]
    default: int | None


@dataclass(frozen=True, slots=True)
class Parser:
    """The parser. `start` None: it accepts at once."""

    name: str
    states: tuple[ParseState, ...]
    start: int | None


@dataclass(frozen=True, slots=True)
class ValueSet:
    """A parser value set: `width` bits, the sum of the parts of the keys it is used with, `parts`."""

    name: str
    width: int
    parts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Deparser:
    """The deparser: primitives run first, then the valid headers of `order` are emitted."""

    name: str
    order: tuple[int, ...]
    primitives: tuple[Primitive, ...] = ()
