"""What names stand for during elaboration: values, storage, objects and the environment that holds them.

The value of a scalar expression is an `ir.Expr`, of a header an `ir.HeaderRef`, of a stack an `ir.Stack`; the
classes here are the rest. Storage is the same: a `StructValue` of fields is a variable of a struct type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from testbed.p4.compiler import ast, ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes import effects
from testbed.p4.compiler.passes.narrow import expect


@dataclass(frozen=True, slots=True)
class StructValue:
    """A struct or, with the fields `0`, `1` ..., a tuple."""

    type: t.Type
    fields: dict[str, Value]


@dataclass(frozen=True, slots=True)
class HeaderLiteral:
    """A header made by an expression: valid with these fields (by flat name), or `{#}`."""

    layout: ir.Layout
    fields: dict[str, ir.Expr]
    valid: bool


@dataclass(frozen=True, slots=True)
class StackLiteral:
    """A stack made by an expression."""

    elements: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    text: str


@dataclass(frozen=True, slots=True)
class Packet:
    """The `packet_in` or `packet_out` parameter."""


@dataclass(frozen=True, slots=True)
class SliceTarget:
    """Bits `high` to `low` of a field, as a target of assignments."""

    base: ir.Field
    high: int
    low: int


Union = ir.Union | ir.UnionStack | ir.UnionNext | ir.UnionLast
Value = ir.Expr | ir.HeaderRef | ir.Stack | Union | StructValue | HeaderLiteral | StackLiteral | Text | Packet
Leaf = ir.Expr | ir.Storage
Target = Value | SliceTarget  # of the values, those that are storage


@dataclass(slots=True, eq=False)
class Instance:
    """A parser or control instance. `name` prefixes the names of what is inside; `env` holds its objects."""

    decl: ast.ParserDecl | ast.ControlDecl
    name: str
    env: Env
    applied: Env | None = None  # the environment of its first application
    orders: dict[int, int] = field(default_factory=dict)  # of actions and tables, by id() of the declaration


@dataclass(slots=True, eq=False)
class ActionClosure:
    """An action and where its free names mean something; `name` is the control plane's."""

    decl: ast.ActionDecl
    env: Env
    name: str
    order: int = 0  # of declaration among the actions and tables of the program; 0 for global actions


@dataclass(slots=True, eq=False)
class TableSlot:
    """A declared table of an instance, elaborated when first applied."""

    decl: ast.TableDecl
    env: Env
    name: str
    order: int
    table: ir.Table | None = None


Object = Instance | ir.ExternObject


@dataclass(frozen=True, slots=True)
class Copied:
    """An inout argument whose value was taken to `variable` before later arguments changed it."""

    target: Target
    variable: Value


Argument = Target | Object | Copied
Binding = Value | Instance | ActionClosure | TableSlot | ir.ExternObject | ir.ValueSet


class Env:
    """Bindings of declarations, in nested scopes, and of type parameters.

    The call that applies a type, as in `Inner.apply(x)`, is bound to the instance that it makes.
    """

    __slots__ = ("bindings", "parent", "prefix", "types")

    def __init__(self, parent: Env | None = None, prefix: str | None = None) -> None:
        self.parent = parent
        self.bindings: dict[ast.Declaration | ast.Call, Binding] = {}
        self.types: dict[t.TypeVar, t.Type] = dict(parent.types) if parent is not None else {}
        self.prefix: str = prefix if prefix is not None else (parent.prefix if parent is not None else "")

    def find(self, decl: ast.Declaration | ast.Call | None) -> Binding | None:
        """What the declaration stands for here, or None."""
        if decl is None:
            return None
        env: Env | None = self
        while env is not None:
            found = env.bindings.get(decl)
            if found is not None:
                return found
            env = env.parent
        return None

    def bind(self, decl: ast.Declaration | ast.Call, binding: Binding) -> None:
        """Give the declaration a meaning in this scope."""
        self.bindings[decl] = binding

    def type_of(self, node: ast.Expression) -> t.Type:
        """The type of an expression, type parameters replaced."""
        return t.substitute(node.type, self.types) if self.types else node.type

    def resolve(self, type_: t.Type) -> t.Type:
        """A type with type parameters replaced."""
        return t.substitute(type_, self.types) if self.types else type_


@dataclass(slots=True)
class CopyOut:
    """What to assign to whom when a call ends."""

    target: Target
    source: Value


class LoopLabels(NamedTuple):
    """The scopes that `break` and `continue` leave."""

    end: str
    iteration: str


@dataclass(slots=True)
class Frame:
    """One call being inlined: what `return` does, and what `exit` has to copy out first."""

    caller: Frame | None = None
    label: str = ""
    result: Value | None = None
    in_action: bool = False
    copy_outs: list[CopyOut] = field(default_factory=list)
    loops: list[LoopLabels] = field(default_factory=list)

    def pending(self) -> bool:
        """Whether the end of this call or of one around it copies something."""
        return bool(self.copy_outs) or (self.caller is not None and self.caller.pending())


def leaves(value: Argument) -> Iterator[Leaf]:
    """The parts of a value that the target knows."""
    match value:
        case StructValue(fields=fields):
            for part in fields.values():
                yield from leaves(part)
        case HeaderLiteral(fields=parts):
            yield from parts.values()
        case StackLiteral(elements):
            for part in elements:
                yield from leaves(part)
        case SliceTarget(base=base):
            yield base
        case Copied(target=target):
            yield from leaves(target)
        case ir.Expr() | ir.HeaderRef() | ir.Stack() | ir.Union() | ir.UnionStack():
            yield value


def map_leaves(value: Value, change: Callable[[Leaf], Leaf]) -> Value:
    """The value with every leaf replaced."""
    match value:
        case StructValue(type_, fields):
            return StructValue(type_, {n: map_leaves(v, change) for n, v in fields.items()})
        case HeaderLiteral(layout, parts, valid):
            return HeaderLiteral(layout, {n: expect(change(v), ir.Expr) for n, v in parts.items()}, valid)
        case StackLiteral(elements):
            return StackLiteral(tuple(map_leaves(v, change) for v in elements))
        case ir.Expr() | ir.HeaderRef() | ir.Stack() | ir.Union() | ir.UnionStack():
            return change(value)
    return value


def reads(value: Argument) -> Iterator[effects.Place]:
    """The places that a value depends on."""
    for leaf in leaves(value):
        yield from effects.reads(leaf)


def places(target: Argument) -> Iterator[effects.Place]:
    """The places that an assignment to a target changes."""
    for leaf in leaves(target):
        match leaf:
            case ir.Field(header, name):
                yield effects.place_of(header, name)
            case ir.HeaderRef() | ir.Stack() | ir.Union() | ir.UnionStack():
                yield effects.place_of(leaf)


def is_next(value: object) -> bool:
    """Whether this is the element of a stack that comes next, which can be extracted to only."""
    return isinstance(value, ir.StackNext) or (
        isinstance(value, ir.UnionStackMember) and isinstance(value.element, ir.UnionNext)
    )


def headers_of(leaf: object) -> list[ir.HeaderRef]:
    """The headers that a stored value has."""
    match leaf:
        case ir.HeaderRef():
            return [leaf]
        case ir.Stack(size=size):
            return [leaf.element(i) for i in range(size)]
        case ir.Union(members=members):
            return [header for _, header in members]
        case ir.UnionStack(elements=elements):
            return [header for union in elements for _, header in union.members]
    return []
