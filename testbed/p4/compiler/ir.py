"""The intermediate representation between elaboration and JSON.

Elaboration (see `passes`) evaluates the package, inlines everything and flattens every value to what the
target stores: fields of header and metadata instances. So there are no names, scopes, structs, enums or
generics here: types are `bit<n>`, `int<n>`, `bool` and `varbit<n>`, locals are fields of the metadata
instance `scalars`, and extern calls are calls of the target's primitives. Control flow is still
structured; `Leave` ends the `Scope` of its label, which is what `return` becomes.

Expressions are values (frozen, compared by content) without side effects. Statements and objects are
mutable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, dataclass_transform

from testbed.p4.compiler import types as t
from testbed.p4.compiler.source import NO_SPAN, Span

if TYPE_CHECKING:
    from testbed.p4.compiler import ast

VALID = "$valid$"  # the target's hidden field that tells a header's validity
C = TypeVar("C", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: C) -> C:
    """Class decorator: immutable, compared by content."""
    return dataclass(frozen=True, slots=True)(cls)  # type: ignore[return-value]


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def entity(cls: C) -> C:
    """Class decorator: mutable, compared by identity."""
    return dataclass(slots=True, eq=False)(cls)  # type: ignore[return-value]


# --- storage --------------------------------------------------------------------------------------------


@value
class Layout:
    """A header or metadata type: its name and its fields (name, type), in order."""

    name: str
    fields: tuple[tuple[str, t.Type], ...]

    def index_of(self, name: str) -> int:
        """The position of the field of that name."""
        return next(i for i, (n, _) in enumerate(self.fields) if n == name)

    @property
    def width(self) -> int:
        """Bits in all, varbit fields with their maximum."""
        return sum(width_of(f) for _, f in self.fields)


class HeaderRef:
    """Base of what names a header instance."""

    __slots__ = ()
    layout: Layout


@value
class Header(HeaderRef):
    """A header or metadata instance; `stack` and `index` tell its place if it is an element of a stack."""

    name: str
    layout: Layout = field(compare=False, repr=False)
    stack: str | None = field(default=None, compare=False, repr=False)
    index: int = field(default=0, compare=False, repr=False)


@value
class Stack:
    """A header stack."""

    name: str
    layout: Layout = field(compare=False, repr=False)
    size: int = field(compare=False)

    def element(self, index: int) -> Header:
        """The instance at a constant index, from 0."""
        return Header(f"{self.name}[{index}]", self.layout, self.name, index)


@value
class StackElement(HeaderRef):
    """An element at an index known at run time only."""

    stack: Stack
    index: Expr

    @property
    def layout(self) -> Layout:  # type: ignore[override]
        """The layout of every element."""
        return self.stack.layout


@value
class StackNext(HeaderRef):
    """`stack.next`: where a parser extracts to."""

    stack: Stack

    @property
    def layout(self) -> Layout:  # type: ignore[override]
        """The layout of every element."""
        return self.stack.layout


@value
class StackLast(HeaderRef):
    """`stack.last`: the element extracted last."""

    stack: Stack

    @property
    def layout(self) -> Layout:  # type: ignore[override]
        """The layout of every element."""
        return self.stack.layout


SCALARS = Header("scalars", Layout("scalars_t", ()))
STANDARD_METADATA = "standard_metadata"


# --- expressions ----------------------------------------------------------------------------------------


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

    stack: Stack

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


def width_of(type_: t.Type) -> int:
    """Bits that a value of a type of this representation takes (varbit: at most)."""
    match type_:
        case t.BitsType(width):
            return width
        case t.VarbitType(max_width):
            return max_width
    return 1


def is_signed(type_: t.Type) -> bool:
    """Whether it is an `int<n>`."""
    return isinstance(type_, t.BitsType) and type_.signed


# --- statements -----------------------------------------------------------------------------------------


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
class SetValid(Stmt):
    """`setValid()` or `setInvalid()`."""

    header: HeaderRef
    valid: bool


@entity
class Shift(Stmt):
    """`push_front(count)` or, when `push` is False, `pop_front(count)`."""

    stack: Stack
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


# --- parsers --------------------------------------------------------------------------------------------


@value
class KeyMask:
    """One element of a keyset: matches when `key & mask == value`; mask None compares all bits."""

    value: int
    mask: int | None = None


@entity
class Case:
    """A transition: all elements of `keys` must match; `value_set` replaces them by a value set's name.

    `keys` empty matches always. `target` None accepts.
    """

    keys: list[KeyMask]
    target: str | None
    value_set: str | None = None


@entity
class State:
    """A parser state. `keys` are fields (or fields of `StackLast`), `cases` are tried in order."""

    name: str
    body: list[Stmt]
    keys: list[Field]
    cases: list[Case]
    span: Span = NO_SPAN


@entity
class ValueSet:
    """A parser value set with its element's width in bits."""

    name: str
    width: int
    size: int
    decl: ast.ValueSetDecl
    type: t.Type


# --- tables and actions ---------------------------------------------------------------------------------


@entity
class ActionParam:
    """A parameter of an action that the control plane sets; `p4_type` is the declared one."""

    name: str
    type: t.Type
    p4_type: t.Type
    decl: ast.Parameter


@entity
class Action:
    """An action as the target runs it; `decl` is None for those made from statements of a control."""

    name: str
    params: list[ActionParam]
    body: list[Stmt]
    decl: ast.ActionDecl | None = None
    span: Span = NO_SPAN
    hidden: bool = False
    order: int = 0


@entity
class ActionUse:
    """An action in a table's list; `annotations` are those of the list."""

    action: Action
    annotations: list[ast.Annotation] = field(default_factory=list)
    default_only: bool = False
    table_only: bool = False


@entity
class Key:
    """A table key; `target` is a field or a header's validity. `name` is the control plane's."""

    name: str
    target: Field | IsValid
    match_kind: str
    p4_type: t.Type
    annotations: list[ast.Annotation] = field(default_factory=list)


@value
class KeySet:
    """One key of an entry: `low` and `high` are a range, or value and mask; `kind` says which."""

    kind: str  # "value", "mask", "range" or "any"
    low: int = 0
    high: int = 0


@entity
class Entry:
    """An entry of a table from the program; the lower `priority` wins."""

    keys: list[KeySet]
    use: int
    args: list[int]
    priority: int
    span: Span


@entity
class Table:
    """A table of the target; `decl` is None for those made to run an action."""

    name: str
    keys: list[Key] = field(default_factory=list)
    uses: list[ActionUse] = field(default_factory=list)
    default: int = 0  # position in `uses`
    default_args: list[int] = field(default_factory=list)
    const_default: bool = False
    entries: list[Entry] | None = None
    size: int = 1024
    timeout: bool = False
    profile: ActionProfile | None = None
    counter: CounterArray | None = None
    meter: MeterArray | None = None
    decl: ast.TableDecl | None = None
    span: Span = NO_SPAN
    hidden: bool = False
    order: int = 0  # of declaration


# --- extern objects -------------------------------------------------------------------------------------


@entity
class ExternObject:
    """Base: an extern instance under its control plane name; `owner` carries its annotations."""

    name: str
    owner: ast.Declaration
    span: Span


@entity
class CounterArray(ExternObject):
    """A counter (packets, bytes or both by `unit`); `table` is set for direct ones in use."""

    unit: str
    size: int
    direct: bool
    table: Table | None = None


@entity
class MeterArray(ExternObject):
    """A meter; `result` is the field that a direct one writes."""

    unit: str
    size: int
    direct: bool
    table: Table | None = None
    result: Field | None = None


@entity
class RegisterArray(ExternObject):
    """A register array; `p4_type` is the declared element type."""

    size: int
    type: t.Type
    p4_type: t.Type


@entity
class ActionProfile(ExternObject):
    """An action profile or, with `algorithm`, a selector. `inputs` are the selector keys of its tables."""

    size: int
    algorithm: str | None
    pipeline: str
    inputs: list[Field] | None = None
    tables: list[Table] = field(default_factory=list)


@entity
class Digest:
    """A learn list: `fields` are copied to when the digest is made."""

    name: str
    type: t.Type
    fields: list[Field]
    span: Span


@entity
class Calculation:
    """A named hash over fields, constants and headers, for checksums and `hash()`."""

    name: str
    algorithm: str
    inputs: list[Expr | HeaderRef]
    payload: bool
    span: Span


# --- the whole ------------------------------------------------------------------------------------------


@entity
class Pipeline:
    """Ingress or egress: structured code."""

    name: str
    body: list[Stmt]
    span: Span


@entity
class Program:
    """Everything that the JSON and P4Info are made from, in order of appearance."""

    path: str
    layouts: dict[str, Layout] = field(default_factory=dict)
    headers: list[tuple[Header, bool]] = field(default_factory=list)  # with: is metadata
    stacks: list[Stack] = field(default_factory=list)
    scalars: dict[str, t.Type] = field(default_factory=dict)
    errors: list[tuple[str, int]] = field(default_factory=list)
    enums: list[tuple[str, list[tuple[str, int]]]] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    value_sets: list[ValueSet] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    deparser: list[HeaderRef] = field(default_factory=list)
    deparser_span: Span = NO_SPAN
    checksums: list[Checksum] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    called: list[Action] = field(
        default_factory=list
    )  # by controls directly; their code is where they are called
    externs: list[ExternObject] = field(default_factory=list)
    digests: list[Digest] = field(default_factory=list)
    calculations: list[Calculation] = field(default_factory=list)
    field_lists: dict[int, list[Field]] = field(default_factory=dict)  # by the number in @field_list
    main: ast.InstanceDecl | None = None
