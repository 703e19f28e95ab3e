"""The tables of a switch without the switch: takes the same writes, refuses what a switch refuses, looks up.

For unit tests and for proofs over all tables; it knows match kinds, not packets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from controllers.dataplane.entity import (
    Action,
    DefaultEntry,
    Entity,
    EntityKey,
    Lpm,
    MatchValue,
    Member,
    MeterConfig,
    Range,
    TableEntry,
    Ternary,
    Update,
    Verb,
)


class RefusedError(Exception):
    """A write that P4Runtime would answer with an error."""


@final
class TableSimulator:
    """The state of one switch, by entity key."""

    def __init__(self) -> None:
        self.entities: dict[EntityKey, Entity] = {}
        self.writes = 0

    def apply(self, updates: Iterable[Update]) -> None:
        """Execute writes in order. RefusedError on the first that a switch would refuse (P4Runtime §9.1)."""
        for verb, entity in updates:
            key = entity.key
            there = key in self.entities or isinstance(entity, DefaultEntry | MeterConfig)
            if verb is Verb.INSERT and there:
                raise RefusedError(f"ALREADY_EXISTS: {key}")
            if verb is not Verb.INSERT and not there:
                raise RefusedError(f"NOT_FOUND: {key}")
            if verb is Verb.DELETE:
                del self.entities[key]
            else:
                self.entities[key] = entity
            self.writes += 1

    def table(self, name: str) -> list[TableEntry]:
        """All entries of one table."""
        return [e for e in self.entities.values() if isinstance(e, TableEntry) and e.table == name]

    def lookup(self, table: str, values: dict[str, int], widths: dict[str, int]) -> TableEntry | None:
        """The entry that a packet with these key values hits, or None.

        `widths` gives the bits of each lpm key. Highest priority wins, then the longest prefix.
        """
        hits = [
            entry
            for entry in self.table(table)
            if all(_matches(match, values[name], widths.get(name, 0)) for name, match in entry.match)
        ]
        return max(hits, key=lambda entry: (entry.priority, _prefix_length(entry)), default=None)

    def default(self, table: str) -> Action | None:
        """The default action that was written, or None: what the program says."""
        found = self.entities.get((table, "default"))
        return found.does if isinstance(found, DefaultEntry) else None


def actions(entry: TableEntry) -> list[Action]:
    """What an entry may do: its action, or one action a member."""
    if isinstance(entry.does, Action):
        return [entry.does]
    return [member.action for member in entry.does if isinstance(member, Member)]


def _matches(match: MatchValue, value: int, width: int) -> bool:
    match match:
        case Lpm(prefix, length):
            return value >> (width - length) == prefix >> (width - length)
        case Ternary(wanted, mask):
            return value & mask == wanted
        case Range(low, high):
            return low <= value <= high
        case exact:
            return value == exact


def _prefix_length(entry: TableEntry) -> int:
    return max((match.length for _name, match in entry.match if isinstance(match, Lpm)), default=0)
