"""What a conformance case is: a program, what the controller writes, packets in, and what has to come out.

Cases are data. They name no engine and no compiler, so that the same ones run on every pair of them,
p4c and simple_switch_grpc included. What they expect is taken from the P4_16 and P4Runtime specifications
and, for v1model, from what simple_switch documents; each case says in a sentence which rule it holds to.

Entities are finsy's, short names for them are below. Packets are hexadecimal, blanks where they help; in what
has to come out `*` is any digit. Packets have at least 14 bytes, as Linux sends no shorter ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import finsy as fy

CPU_PORT: Final = 510
PORTS: Final = tuple(range(8))
"""The ports that exist; packets to any other are lost."""

Entity: TypeAlias = Any
"""One of finsy's entities."""

Frames: TypeAlias = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest message with one sample."""

    name: str
    data: Any


@dataclass(frozen=True, slots=True)
class PacketIn:
    """A packet to the controller: its payload and, where the program has one, its header."""

    payload: str
    metadata: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Send:
    """A packet in, everything that comes out for it: nothing else does.

    Frames out are compared in any order. `now`: the clock of the switch in microseconds, for cases that only
    run where the clock can be told.
    """

    port: int
    data: str
    out: Mapping[int, Frames] = field(default_factory=dict)
    digests: Sequence[Digest] = ()
    packet_ins: Sequence[PacketIn] = ()
    now: int | None = None
    times: int = 1
    """How often it is sent, each time with the same result."""


@dataclass(frozen=True, slots=True)
class SendOut:
    """A packet-out of the controller."""

    payload: str
    metadata: Mapping[str, int] = field(default_factory=dict)
    out: Mapping[int, Frames] = field(default_factory=dict)
    packet_ins: Sequence[PacketIn] = ()


@dataclass(frozen=True, slots=True)
class Write:
    """Updates; `verb` is of P4Runtime's `Update.Type`. `fails`: the canonical code of the first refused."""

    verb: str
    entities: tuple[Entity, ...]
    fails: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """An entity to read, and the values that attributes of the only answer have to have."""

    entity: Entity
    expected: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class IdleTimeout:
    """An idle timeout notification for entries of a table arrives."""

    table: str
    match: Mapping[str, Any]


Step: TypeAlias = Send | SendOut | Write | Read | IdleTimeout


@dataclass(frozen=True, slots=True)
class Case:
    """One thing a program has to do."""

    name: str
    rule: str
    """The rule it holds to, and where it is written."""
    setup: tuple[Entity, ...] = ()
    steps: tuple[Step, ...] = ()
    not_on_bmv2: str = ""
    """Why simple_switch_grpc cannot run it."""
    in_memory_only: str = ""
    """Why it cannot run on interfaces."""


# -- short names ----------------------------------------------------------------------------------------


def insert(*entities: Entity) -> Write:
    """INSERT entities."""
    return Write("INSERT", entities)


def modify(*entities: Entity) -> Write:
    """MODIFY entities."""
    return Write("MODIFY", entities)


def delete(*entities: Entity) -> Write:
    """DELETE entities."""
    return Write("DELETE", entities)


def act(name: str, **params: int) -> fy.P4TableAction:
    """An action with its parameters."""
    return fy.P4TableAction(name, **params)


def entry(
    table: str, match: Mapping[str, Any], action: Entity, *, priority: int = 0, **more: Any
) -> fy.P4TableEntry:
    """A table entry. `action`: of `act`, `one_shot`, `to_member` or `to_group`."""
    return fy.P4TableEntry(table, match=fy.P4TableMatch(match), action=action, priority=priority, **more)


def default(table: str, action: fy.P4TableAction) -> fy.P4TableEntry:
    """The default action of a table, to MODIFY."""
    return fy.P4TableEntry(table, action=action, is_default_action=True)


def member(profile: str, number: int, action: fy.P4TableAction) -> fy.P4ActionProfileMember:
    """A member of an action profile."""
    return fy.P4ActionProfileMember(profile, member_id=number, action=action)


def group(profile: str, number: int, *members: tuple[int, int | tuple[int, int]]) -> fy.P4ActionProfileGroup:
    """A group: (member, weight) or (member, (weight, watch port)) of each."""
    return fy.P4ActionProfileGroup(
        profile,
        group_id=number,
        max_size=16,
        members=[fy.P4Member(member_id, weight=weight) for member_id, weight in members],
    )


def to_member(number: int) -> fy.P4IndirectAction:
    """What an entry has as its action to point at a member."""
    return fy.P4IndirectAction(member_id=number)


def to_group(number: int) -> fy.P4IndirectAction:
    """What an entry has as its action to point at a group."""
    return fy.P4IndirectAction(group_id=number)


def one_shot(*actions: tuple[int | tuple[int, int], fy.P4TableAction]) -> fy.P4IndirectAction:
    """A group made with its entry: (weight, action) or ((weight, watch port), action) of each."""
    return fy.P4IndirectAction(actions)


def multicast(number: int, *replicas: int | tuple[int, int]) -> fy.P4MulticastGroupEntry:
    """A multicast group: port or (port, instance) of each replica."""
    return fy.P4MulticastGroupEntry(number, replicas=replicas)


def session(number: int, *replicas: int | tuple[int, int], truncate: int = 0) -> fy.P4CloneSessionEntry:
    """A clone session: port or (port, instance) of each replica."""
    return fy.P4CloneSessionEntry(number, replicas=replicas, packet_length_bytes=truncate)
