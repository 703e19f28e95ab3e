"""Writing entries by name, for tests and small tools that use an engine without P4Runtime.

writer = EntryWriter(target, program)
writer.insert("MyIngress.ipv4_lpm", {"hdr.ipv4.dstAddr": (0x0A000000, 8)}, "MyIngress.forward", port=1)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import TypeAlias

from testbed.p4.switch.model import KeyField, Program, Table
from testbed.p4.switch.target import (
    TO_GROUP,
    TO_MEMBER,
    Bucket,
    DefaultOp,
    GroupOp,
    MemberOp,
    Op,
    TableOp,
    Target,
    Verb,
)

Match: TypeAlias = Mapping[str, int | tuple[int, int]]
"""By field name: value; (value, prefix length); (value, mask); (low, high). Absent: anything."""


class EntryWriter:
    """Inserts entries one by one, giving out handles."""

    def __init__(self, target: Target, program: Program) -> None:
        self._target = target
        self._program = program
        self._handles: dict[int, Iterator[int]] = {
            i: count(len(table.entries)) for i, table in enumerate(program.tables)
        }

    def insert(
        self,
        table: str,
        match: Match,
        action: str,
        *,
        priority: int = 0,
        idle_timeout_us: int = 0,
        **params: int,
    ) -> int:
        """Insert an entry and return its handle. `priority`: the lower number wins."""
        position = self.table(table)
        number, data = self.action(position, action, params)
        op = self._op(position, match, priority)._replace(
            action=number, params=data, idle_timeout_us=idle_timeout_us
        )
        self.apply(op)
        return op.handle

    def insert_member(self, table: str, match: Match, member: int, *, priority: int = 0) -> int:
        """Insert an entry that points at an action profile member."""
        op = self._op(self.table(table), match, priority)._replace(action=TO_MEMBER, ref=member)
        self.apply(op)
        return op.handle

    def insert_group(self, table: str, match: Match, group: int, *, priority: int = 0) -> int:
        """Insert an entry that points at an action profile group."""
        op = self._op(self.table(table), match, priority)._replace(action=TO_GROUP, ref=group)
        self.apply(op)
        return op.handle

    def delete(self, table: str, handle: int) -> None:
        """Delete an entry."""
        self.apply(TableOp(Verb.DELETE, self.table(table), handle))

    def default(self, table: str, action: str, **params: int) -> None:
        """Set the default action of a table."""
        position = self.table(table)
        number, data = self.action(position, action, params)
        self.apply(DefaultOp(position, number, data))

    def member(self, table: str, member: int, action: str, **params: int) -> None:
        """Add a member to the action profile of a table."""
        position = self.table(table)
        number, data = self.action(position, action, params)
        self.apply(MemberOp(Verb.INSERT, self._profile(position), member, number, data))

    def group(self, table: str, group: int, *buckets: Bucket) -> None:
        """Add a group to the action profile of a table."""
        self.apply(GroupOp(Verb.INSERT, self._profile(self.table(table)), group, buckets))

    def apply(self, op: Op) -> None:
        """Do one operation.

        Raises:
            ValueError: the engine refused it.
        """
        (error,) = self._target.apply([op])
        if error is not None:
            raise ValueError(error.message)

    # -- names -----------------------------------------------------------------------------------------------

    def table(self, name: str) -> int:
        """The position of a table, by its full name or the end of it after a dot."""
        return _find(name, [table.name for table in self._program.tables])

    def action(self, table: int, name: str, params: Mapping[str, int]) -> tuple[int, bytes]:
        """The position and packed parameters of an action that a table has."""
        positions = self._program.tables[table].actions
        number = positions[_find(name, [self._program.actions[a].name for a in positions])]
        action = self._program.actions[number]
        if params.keys() != {p.name for p in action.params}:
            raise KeyError(f"{action.name} takes {', '.join(p.name for p in action.params) or 'nothing'}")
        return number, b"".join(params[p.name].to_bytes(p.nbytes) for p in action.params)

    def _profile(self, table: int) -> int:
        profile = self._program.tables[table].profile
        if profile is None:
            raise KeyError(f"table {self._program.tables[table].name} has no action profile")
        return profile

    def _op(self, position: int, match: Match, priority: int) -> TableOp:
        table = self._program.tables[position]
        unknown = match.keys() - {f.name for f in table.key}
        if unknown:
            raise KeyError(f"{table.name} has no key field {', '.join(sorted(unknown))}")
        key, mask, prefix_len = _pack(table, match)
        handle = next(self._handles[position])
        return TableOp(Verb.INSERT, position, handle, key, mask, prefix_len, priority)


def _find(name: str, names: list[str]) -> int:
    if name in names:
        return names.index(name)
    ends = [i for i, full in enumerate(names) if full.endswith("." + name)]
    if len(ends) != 1:
        raise KeyError(f"'{name}' is none or several of: {', '.join(names)}")
    return ends[0]


def _pack(table: Table, match: Match) -> tuple[bytes, bytes, int]:
    keys, masks, prefix_len = b"", b"", 0
    for field in table.key:
        value, mask, length = _match_field(field, match.get(field.name))
        prefix_len += length
        keys += value.to_bytes(field.nbytes)
        masks += mask.to_bytes(field.nbytes)
    exact = all(f.kind in ("exact", "valid") for f in table.key)
    return keys, b"" if exact else masks, prefix_len


def _match_field(field: KeyField, given: int | tuple[int, int] | None) -> tuple[int, int, int]:
    """(value, mask, prefix length), or (low, high, 0)."""
    ones = (1 << field.width) - 1
    if given is None:
        return (0, ones, 0) if field.kind == "range" else (0, 0, 0)
    value, second = given if isinstance(given, tuple) else (given, None)
    match field.kind:
        case "exact" | "valid":
            return value, ones, 0
        case "lpm":
            length = field.width if second is None else second
            mask = ones & ~(ones >> length)
            return value & mask, mask, length
        case "ternary":
            mask = ones if second is None else second
            return value & mask, mask, 0
        case "range":
            return value, value if second is None else second, 0
