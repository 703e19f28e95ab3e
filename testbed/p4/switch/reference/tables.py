"""Match tables: what entries there are, and which one a packet hits."""

from __future__ import annotations

from dataclasses import dataclass

from testbed.p4.switch.model import HeaderRef, KeyField, Table
from testbed.p4.switch.reference.phv import Phv
from testbed.p4.switch.target import DefaultOp, TableOp


@dataclass
class Entry:
    """An entry as it was written, and when it was hit last (us)."""

    op: TableOp
    matches: tuple[tuple[int, int], ...]
    """Per key field (value, mask), or (low, high) of a range."""
    last_hit: int
    last_notified: int = 0
    """When its idleness was reported last."""


class TableState:
    """The entries of one table, by handle."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.entries: dict[int, Entry] = {}
        self.default: DefaultOp | None = None
        """What replaced the program's default action."""

    def insert(self, op: TableOp, now: int) -> None:
        """Add an entry."""
        self.entries[op.handle] = Entry(op, _matches(self.table.key, op), now)

    def modify(self, op: TableOp, now: int) -> None:
        """Give an entry another action and idle timeout."""
        entry = self.entries[op.handle]
        entry.op = entry.op._replace(
            action=op.action, params=op.params, ref=op.ref, idle_timeout_us=op.idle_timeout_us
        )
        entry.last_hit = now

    def lookup(self, phv: Phv) -> Entry | None:
        """The entry that the packet's headers hit: longest prefix, lowest priority number, lowest handle."""
        key = [field_value(phv, f) for f in self.table.key]
        hits = [e for e in self.entries.values() if self._hit(e, key)]
        return min(
            hits, key=lambda e: (-e.op.prefix_len * self._by_prefix, e.op.priority, e.op.handle), default=None
        )

    @property
    def _by_prefix(self) -> bool:
        return self.table.match_kind == "lpm"

    def _hit(self, entry: Entry, key: list[int]) -> bool:
        for value, (match, mask), field in zip(key, entry.matches, self.table.key, strict=True):
            hit = match <= value <= mask if field.kind == "range" else value & mask == match
            if not hit:
                return False
        return bool(self.table.key)


def field_value(phv: Phv, field: KeyField) -> int:
    """What a key field compares: 0 if its header is not valid."""
    if isinstance(field.ref, HeaderRef):
        return int(phv.valid[field.ref.header])
    value = phv.bits(field.ref) if phv.valid[field.ref.header] or field.ref.field < 0 else 0
    return value if field.mask is None else value & field.mask


def _matches(key: tuple[KeyField, ...], op: TableOp) -> tuple[tuple[int, int], ...]:
    matches, offset = [], 0
    for field in key:
        end = offset + field.nbytes
        value = int.from_bytes(op.key[offset:end])
        mask = int.from_bytes(op.mask[offset:end]) if op.mask else (1 << field.width) - 1
        matches.append((value, mask))
        offset = end
    return tuple(matches)
