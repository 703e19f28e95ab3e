"""Tables and the control flow between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from testbed.p4.switch.model.expression import Expr, FieldRef, HeaderRef

if TYPE_CHECKING:
    from testbed.p4.switch.target import TableOp


class Node(NamedTuple):
    """A place in the control flow: position in `Program.tables`, `.conditionals` or `.calls`."""

    kind: Literal["table", "if", "call"]
    position: int


MatchKind: TypeAlias = Literal["exact", "lpm", "ternary", "range", "valid"]


@dataclass(frozen=True, slots=True)
class KeyField:
    """One field of a table's key. `optional` of P4_16 arrives as ternary.

    The value of a field of an invalid header is 0. `mask`: what the value is ANDed with before matching.
    """

    name: str
    kind: MatchKind
    ref: FieldRef | HeaderRef
    """HeaderRef where kind is valid."""
    width: int
    mask: int | None = None

    @property
    def nbytes(self) -> int:
        """Bytes it takes in `TableOp.key`."""
        return (self.width + 7) // 8


@dataclass(frozen=True, slots=True)
class ActionEntry:
    """An action with its runtime data."""

    action: int
    params: bytes = b""


@dataclass(frozen=True, slots=True)
class Table:
    """A match-action table.

    Lookup, in the order of `match_kind`: exact and lpm find the one entry (longest prefix); ternary and range
    the matching entry of lowest priority number, then of lowest handle. A hit with a direct meter stores the
    colour in `Meter.target` before the action runs; every hit counts in the direct counter.
    """

    name: str
    match_kind: Literal["exact", "lpm", "ternary", "range"]
    key: tuple[KeyField, ...]
    actions: tuple[int, ...]
    max_size: int
    profile: int | None
    """The action profile of an indirect table."""
    counter: int | None
    """The direct counter: position in `Program.counters`."""
    meter: int | None
    """The direct meter: position in `Program.meters`."""
    ageing: bool
    default: ActionEntry | None
    default_const: bool
    """The control plane may not change the default entry (`action_const` or `action_entry_const`)."""
    entries: tuple[TableOp, ...]
    """INSERTs of the `entries` of the program."""
    immutable: bool
    """The table has an `entries` property, be it empty: the control plane may not add or change entries."""
    next_by_action: Mapping[int, Node | None]
    next_hit_miss: tuple[Node | None, Node | None] | None
    """Where to go on a hit and on a miss; overrides `next_by_action`."""
    next_default: Node | None
    """Where a miss goes when there is no default action."""

    def next(self, hit: bool, action: int | None) -> Node | None:
        """The node after this table. `action`: what ran, None if a miss found no default action."""
        if self.next_hit_miss is not None:
            return self.next_hit_miss[0 if hit else 1]
        if action is None:
            return self.next_default
        return self.next_by_action.get(action)


@dataclass(frozen=True, slots=True)
class Conditional:
    """An `if`. None: the end of the pipeline."""

    name: str
    expression: Expr
    true_next: Node | None
    false_next: Node | None


@dataclass(frozen=True, slots=True)
class Call:
    """An action called straight from the control flow."""

    name: str
    action: int
    next: Node | None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Ingress or egress: where it starts. The control flow has no cycle."""

    name: str
    start: Node | None


@dataclass(frozen=True, slots=True)
class Selector:
    """How a group's member is chosen: `algorithm` over `fields`, concatenated without padding."""

    algorithm: str
    fields: tuple[FieldRef, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """An action profile; with a selector it has groups."""

    name: str
    max_size: int
    selector: Selector | None
