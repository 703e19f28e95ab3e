"""Statements of actions, controls and parser states."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from testbed.p4.compiler.ir.base import entity, value
from testbed.p4.compiler.ir.expressions import Expr, Field
from testbed.p4.compiler.ir.storage import HeaderRef, Stack, UnionStack
from testbed.p4.compiler.source import Span

if TYPE_CHECKING:
    from testbed.p4.compiler.ir.program import Table


@entity
class Stmt:
    """Base of statements; the span is that of the source statement it comes from."""

    span: Span


@entity
class Assign(Stmt):
    """`target = source`, of equal types."""

    target: Field
    source: Expr


@entity
class AssignHeader(Stmt):
    """Copy a header with its validity."""

    target: HeaderRef
    source: HeaderRef


@entity
class AssignStack(Stmt):
    """Copy a header stack."""

    target: Stack
    source: Stack


@entity
class AssignUnionStack(Stmt):
    """Copy a stack of header unions."""

    target: UnionStack
    source: UnionStack


@entity
class SetValid(Stmt):
    """`setValid()` or `setInvalid()`."""

    header: HeaderRef
    valid: bool


@entity
class Shift(Stmt):
    """`push_front(count)` or, when `push` is False, `pop_front(count)`."""

    stack: Stack | UnionStack
    push: bool
    count: int


@value
class ObjectRef:
    """An extern object as an argument: `kind` is the target's name for it, as `counter_array`."""

    kind: str
    name: str


Operand = Expr | HeaderRef | Stack | ObjectRef | str | tuple[Expr, ...]


@entity
class Primitive(Stmt):
    """A call of a primitive of the target; `writes` tells which arguments it changes."""

    op: str
    args: list[Operand]
    writes: tuple[int, ...] = ()


@entity
class If(Stmt):
    """A conditional."""

    cond: Expr
    then: list[Stmt]
    otherwise: list[Stmt]


@entity
class Scope(Stmt):
    """Statements that `Leave(label)` ends; `action` names the action that a control calls directly."""

    label: str
    body: list[Stmt]
    action: str | None = None


@entity
class Leave(Stmt):
    """Jump behind the scope of that label."""

    label: str


@entity
class Exit(Stmt):
    """End of the pipeline for this packet."""


@entity
class Apply(Stmt):
    """Apply a table, then go on by hit or miss, or by the action that ran.

    `cases` maps positions in the table's action list to bodies; it excludes `hit` and `miss`. Actions without
    a case do `default`.
    """

    table: Table
    hit: list[Stmt] = field(default_factory=list)
    miss: list[Stmt] = field(default_factory=list)
    cases: list[tuple[list[int], list[Stmt]]] = field(default_factory=list)
    default: list[Stmt] = field(default_factory=list)


@entity
class Extract(Stmt):
    """Extract to a header or to `stack.next`; `varbit_width` in bits for headers with a varbit field."""

    header: HeaderRef
    varbit_width: Expr | None = None


@entity
class Advance(Stmt):
    """Skip that many bits of the packet."""

    width: Expr


@entity
class Verify(Stmt):
    """Set the parser error and end parsing unless the condition holds."""

    cond: Expr
    error: Expr


@entity
class Enter(Stmt):
    """Go to the parser state `entry`; what follows this statement becomes the state `resume`."""

    entry: str
    resume: str


@entity
class Emit(Stmt):
    """Append a header to the packet if it is valid."""

    header: HeaderRef


@entity
class Checksum(Stmt):
    """Update (or verify) `target` with a checksum of `inputs` under a condition."""

    update: bool
    cond: Expr
    inputs: list[Expr | HeaderRef]
    target: Field
    algorithm: str
    payload: bool
