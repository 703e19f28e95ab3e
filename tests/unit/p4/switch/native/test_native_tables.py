"""Match tables against a search by hand, while entries come, change and go."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest

from testbed.p4.switch.native import NativeTarget
from testbed.p4.switch.target import TableOp, Verb
from tests.unit.p4.switch.native.programs import FORWARD, table_program

KEYS = [
    (("exact", 48),),
    (("exact", 9), ("exact", 12), ("exact", 128)),
    (("exact", 200), ("exact", 3)),
    (("lpm", 32),),
    (("lpm", 7),),
    (("lpm", 128),),
    (("exact", 12), ("lpm", 32)),
    (("lpm", 150), ("exact", 70)),
    (("ternary", 32), ("ternary", 9)),
    (("ternary", 130), ("lpm", 32), ("exact", 8)),
    (("range", 16), ("ternary", 16)),
    (("range", 70), ("range", 130), ("exact", 4)),
]


@dataclass
class Entry:
    """An entry as the model keeps it: one (value, mask or high end) for each field."""

    handle: int
    fields: tuple[tuple[int, int], ...]
    prefix_len: int
    priority: int
    port: int


def matches(key: tuple[tuple[str, int], ...], entry: Entry, values: list[int]) -> bool:
    """Whether an entry matches."""
    for (kind, _), (a, b), value in zip(key, entry.fields, values, strict=True):
        if not (a <= value <= b if kind == "range" else value & b == a):
            return False
    return True


def expected(key: tuple[tuple[str, int], ...], entries: dict[int, Entry], values: list[int]) -> int | None:
    """The port of the entry that wins."""
    hits = [e for e in entries.values() if matches(key, e, values)]
    if not hits:
        return None
    if {kind for kind, _ in key} & {"ternary", "range"}:
        return min(hits, key=lambda e: (e.priority, e.handle)).port
    return max(hits, key=lambda e: e.prefix_len).port


def pack(key: tuple[tuple[str, int], ...], values: list[int]) -> bytes:
    """Values, each padded to whole bytes."""
    return b"".join(v.to_bytes((w + 7) // 8) for (_, w), v in zip(key, values, strict=True))


def packet(key: tuple[tuple[str, int], ...], values: list[int]) -> bytes:
    """The header with these values."""
    total = bits = 0
    for (_, width), value in zip(key, values, strict=True):
        total, bits = total << width | value, bits + width
    padding = -bits % 8
    return (total << padding).to_bytes((bits + padding) // 8)


def random_value(rng: Random, width: int) -> int:
    """Often one of few, so that entries meet."""
    value = rng.getrandbits(width) if rng.random() < 0.2 else rng.choice([0, 1, 2, 3]) << rng.randrange(width)
    return value & ((1 << width) - 1)


def random_entry(rng: Random, key: tuple[tuple[str, int], ...], handle: int) -> Entry:
    """An entry."""
    kinds = {kind for kind, _ in key}
    fields, prefix_len = [], 0
    for kind, width in key:
        full = (1 << width) - 1
        value, other = random_value(rng, width), full
        if kind == "lpm":
            prefix_len = rng.choice([0, width, rng.randint(0, width)])
            other = full ^ ((1 << width - prefix_len) - 1)
        elif kind == "ternary":
            other = rng.choice([0, full, full << width // 2 & full, full >> width // 2])
        elif kind == "range":
            other = rng.randint(value, min(full, value * 4))
        fields.append((value if kind == "range" else value & other, other))
    priority = rng.randrange(3) if kinds & {"ternary", "range"} else 0
    return Entry(handle, tuple(fields), prefix_len, priority, rng.randrange(500))


def insert(key: tuple[tuple[str, int], ...], e: Entry) -> TableOp:
    """The operation."""
    low, high = ([f[i] for f in e.fields] for i in (0, 1))
    only_exact = {kind for kind, _ in key} == {"exact"}
    mask = b"" if only_exact else pack(key, high)
    return TableOp(
        Verb.INSERT, 0, e.handle, pack(key, low), mask, e.prefix_len, e.priority, FORWARD, e.port.to_bytes(2)
    )


@pytest.mark.parametrize("key", KEYS, ids=lambda key: "-".join(f"{kind}{width}" for kind, width in key))
def test_lookup_is_what_a_search_by_hand_finds(
    target: NativeTarget, key: tuple[tuple[str, int], ...]
) -> None:
    rng = Random(repr(key))
    target.load(table_program(*key))
    entries: dict[int, Entry] = {}
    known: set[tuple[object, ...]] = set()
    free = list(range(120))
    for _ in range(5):
        batch: list[TableOp] = []
        for _ in range(60):
            roll = rng.random()
            if entries and roll < 0.25:
                e = entries.pop(rng.choice(list(entries)))
                known.discard((e.fields, e.prefix_len, e.priority))
                free.append(e.handle)
                batch.append(TableOp(Verb.DELETE, 0, e.handle))
            elif entries and roll < 0.4:
                e = entries[rng.choice(list(entries))]
                e.port = rng.randrange(500)
                batch.append(insert(key, e)._replace(verb=Verb.MODIFY))
            elif free:
                e = random_entry(rng, key, free.pop(rng.randrange(len(free))))
                if (e.fields, e.prefix_len, e.priority) in known:
                    free.append(e.handle)
                    continue
                known.add((e.fields, e.prefix_len, e.priority))
                entries[e.handle] = e
                batch.append(insert(key, e))
        assert not any(target.apply(batch, atomic=rng.random() < 0.5))
        for _ in range(60):
            values = [random_value(rng, width) for _, width in key]
            if entries and rng.random() < 0.5:
                values = [a for a, _ in rng.choice(list(entries.values())).fields]
            sent = target.inject(0, packet(key, values))
            port = expected(key, entries, values)
            assert [p for p, _ in sent] == ([] if port is None else [port])


def test_direct_counters_survive_modify_and_start_afresh(target: NativeTarget) -> None:
    key = (("exact", 16),)
    target.load(table_program(*key))
    entry = Entry(3, ((7, 0xFFFF),), 0, 0, 9)
    target.apply([insert(key, entry)])
    target.inject(0, packet(key, [7]))
    target.inject(0, packet(key, [7]) + bytes(8))
    assert target.read_counter(0, 2, 3) == [(0, 0), (2, 12), (0, 0)]
    target.apply([insert(key, entry)._replace(verb=Verb.MODIFY)])
    assert target.read_counter(0, 3, 1) == [(2, 12)]
    target.apply([TableOp(Verb.DELETE, 0, 3), insert(key, entry)])
    assert target.read_counter(0, 3, 1) == [(0, 0)]


def test_many_entries(target: NativeTarget) -> None:
    key = (("lpm", 32),)
    target.load(table_program(*key))
    rng = Random(1)
    prefixes = {(rng.getrandbits(24) << 8, 24) for _ in range(20_000)}
    ops = [
        TableOp(1, 0, i, v.to_bytes(4), b"\xff\xff\xff\0", n, 0, FORWARD, (i % 500).to_bytes(2))
        for i, (v, n) in enumerate(prefixes)
    ]
    assert not any(target.apply(ops))
    for op in rng.sample(ops, 200):
        assert target.inject(0, op.key[:3] + b"\x05")[0][0] == op.handle % 500
    assert not any(target.apply([TableOp(Verb.DELETE, 0, op.handle) for op in ops]))
    assert target.inject(0, ops[0].key) == []
