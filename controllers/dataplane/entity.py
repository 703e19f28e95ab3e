"""P4Runtime entities as plain values, named as in P4Info, so that a desired state can be compared and sorted.

An entity has a `key`, which P4Runtime uses to tell it from others, and content. Two entities with equal keys
and different content are a MODIFY.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, TypeAlias, final

from msgspec import Struct


class Lpm(NamedTuple):
    """A prefix: value (int, host bits zero) and length in bits."""

    value: int
    length: int


class Ternary(NamedTuple):
    """A value under a mask, both int; bits outside the mask are zero."""

    value: int
    mask: int


class Range(NamedTuple):
    """From low to high, both included."""

    low: int
    high: int


MatchValue: TypeAlias = int | Lpm | Ternary | Range
"""A plain int is exact, or optional with a value. What matches everything is left out (P4Runtime §9.1.1)."""

Match: TypeAlias = tuple[tuple[str, MatchValue], ...]
"""Sorted by name, so that equal means equal; `entry` and `action` see to it."""
Params: TypeAlias = tuple[tuple[str, int], ...]


@final
class Action(Struct, frozen=True):
    """An action of its table, by its own name (without the control), with its arguments as int."""

    name: str
    params: Params = ()


@final
class Member(Struct, frozen=True):
    """One member of a one-shot selector; left out while `watch_port` is down (0: always live)."""

    action: Action
    weight: int = 1
    watch_port: int = 0


@final
class TableEntry(Struct, frozen=True):
    """An entry; `does` is one action, or the members of a one-shot action selector."""

    table: str
    match: Match
    does: Action | tuple[Member, ...]
    priority: int = 0
    idle_timeout_ns: int = 0

    @property
    def key(self) -> EntityKey:
        """Table, match and priority."""
        return (self.table, self.match, self.priority)


@final
class DefaultEntry(Struct, frozen=True):
    """The default action of a table. It cannot be deleted, only set back to what the program says."""

    table: str
    does: Action

    @property
    def key(self) -> EntityKey:
        """Table alone."""
        return (self.table, "default")


@final
class MulticastGroup(Struct, frozen=True):
    """A group of the packet replication engine: (egress port, egress_rid) of each copy, sorted."""

    group: int
    replicas: tuple[tuple[int, int], ...]

    @property
    def key(self) -> EntityKey:
        """The group id."""
        return ("multicast", self.group)


@final
class CloneSession(Struct, frozen=True):
    """A clone session: the same replicas as a multicast group; `truncate` in bytes, 0: whole packets."""

    session: int
    replicas: tuple[tuple[int, int], ...]
    truncate: int = 0

    @property
    def key(self) -> EntityKey:
        """The session id."""
        return ("clone", self.session)


@final
class Digest(Struct, frozen=True):
    """How a digest is delivered: list size, and times in ns."""

    name: str
    max_list_size: int = 1
    max_timeout_ns: int = 0
    ack_timeout_ns: int = 0

    @property
    def key(self) -> EntityKey:
        """The digest's name."""
        return ("digest", self.name)


@final
class MeterConfig(Struct, frozen=True):
    """One cell of an indexed meter: rates per second and bursts, in bytes or packets as declared."""

    meter: str
    index: int
    cir: int
    cburst: int
    pir: int
    pburst: int

    @property
    def key(self) -> EntityKey:
        """Meter and index."""
        return ("meter", self.meter, self.index)


Entity: TypeAlias = TableEntry | DefaultEntry | MulticastGroup | CloneSession | Digest | MeterConfig
EntityKey: TypeAlias = tuple[object, ...]


def action(name: str, **params: int) -> Action:
    """An action; parameters in any order."""
    return Action(name, tuple(sorted(params.items())))


def entry(
    table: str,
    match: dict[str, MatchValue],
    does: Action | tuple[Member, ...],
    priority: int = 0,
    idle_timeout_ns: int = 0,
) -> TableEntry:
    """A table entry; keys in any order."""
    return TableEntry(table, tuple(sorted(match.items())), does, priority, idle_timeout_ns)


class Verb(IntEnum):
    """P4Runtime's Update.Type."""

    INSERT = 1
    MODIFY = 2
    DELETE = 3


class Update(NamedTuple):
    """One write."""

    verb: Verb
    entity: Entity
