"""The objects of a program: parser states, tables, actions, extern objects, and all of them together."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from testbed.p4.compiler import types as t
from testbed.p4.compiler.ir.base import entity, value
from testbed.p4.compiler.ir.expressions import Expr, Field, IsValid
from testbed.p4.compiler.ir.statements import Checksum, Stmt
from testbed.p4.compiler.ir.storage import Header, HeaderRef, Layout, Stack, Union, UnionStack
from testbed.p4.compiler.source import NO_SPAN, Span

if TYPE_CHECKING:
    from testbed.p4.compiler import ast

# --- parsers ---------------------------------------------------------------------------------------------


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


# --- tables and actions ----------------------------------------------------------------------------------


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
    order: int = 0  # of declaration; 0 for global actions


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


# --- extern objects --------------------------------------------------------------------------------------


@entity
class ExternObject:
    """Base: an extern instance under its control plane name; `owner` carries its annotations."""

    name: str
    owner: ast.Declaration
    span: Span
    order: int = field(default=0, init=False)  # of declaration, as that of tables


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


# --- the whole -------------------------------------------------------------------------------------------


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
    unions: list[Union] = field(default_factory=list)
    union_stacks: list[UnionStack] = field(default_factory=list)
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
    starts: dict[str, int] = field(default_factory=dict)  # of each block, among `order` of what is in it
    called: list[tuple[str, Action]] = field(
        default_factory=list
    )  # by controls of a block directly; their code is where they are called
    externs: list[ExternObject] = field(default_factory=list)
    digests: list[Digest] = field(default_factory=list)
    calculations: list[Calculation] = field(default_factory=list)
    field_lists: dict[int, list[Field]] = field(default_factory=dict)  # by the number in @field_list
    calls_functions: bool = False  # in controls, of v1model or core, static_assert() aside
    main: ast.InstanceDecl | None = None
