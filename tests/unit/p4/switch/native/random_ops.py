"""Random entries, groups and packets for a program of `random_programs`."""

from __future__ import annotations

from random import Random

from testbed.p4.switch.model import Program, Table
from testbed.p4.switch.target import (
    NO_PORT,
    TO_GROUP,
    TO_MEMBER,
    Bucket,
    CloneOp,
    DefaultOp,
    DigestOp,
    GroupOp,
    MemberOp,
    MeterConfig,
    MeterOp,
    MulticastOp,
    Op,
    Replica,
    TableOp,
    ValueSetMember,
    ValueSetOp,
)
from tests.unit.p4.switch.native.random_programs import GROUPS, SESSIONS


def _params(rng: Random, program: Program, action: int) -> bytes:
    return b"".join(_value(rng, p.width) for p in program.actions[action].params)


def _value(rng: Random, width: int) -> bytes:
    """A value, often a small one, so that packets match it."""
    value = rng.getrandbits(width) if rng.random() < 0.4 else rng.randrange(min(4, 1 << width))
    return value.to_bytes((width + 7) // 8)


def _match(rng: Random, table: Table) -> tuple[bytes, bytes, int]:
    key, mask, prefix_len = b"", b"", 0
    for f in table.key:
        width = f.width
        full = (1 << width) - 1
        value, m = int.from_bytes(_value(rng, width)), full
        if f.kind == "lpm":
            length = rng.choice([0, 1, width // 2, width - 1, width])
            m = full ^ ((1 << width - length) - 1)
            prefix_len = length
            value &= m
        elif f.kind == "ternary":
            m = rng.choice([0, 1, full, rng.getrandbits(width)])
            value &= m
        elif f.kind == "range":
            m = rng.randint(value, full)
        key += value.to_bytes(f.nbytes)
        mask += m.to_bytes(f.nbytes)
    return key, mask, prefix_len


def random_ops(program: Program, seed: int) -> list[Op]:
    """Entries for all tables, members and groups, sessions, groups, meters, value sets, digests."""
    rng = Random(seed)
    ops: list[Op] = [DigestOp(0, True)]
    ops += [
        MulticastOp(g, tuple(Replica(rng.randrange(5), rng.randrange(9)) for _ in range(g))) for g in GROUPS
    ]
    ops += [
        CloneOp(
            s, tuple(Replica(rng.randrange(5), rng.randrange(9)) for _ in range(s)), rng.choice([0, 0, 40])
        )
        for s in SESSIONS[:2]
    ]
    ops += [MeterOp(0, i, MeterConfig(1_000_000, 100, 2_000_000, 300)) for i in range(3)]
    members = tuple(ValueSetMember(rng.getrandbits(16).to_bytes(2), b"\0\x03") for _ in range(2))
    ops.append(ValueSetOp(0, members))
    for position, table in enumerate(program.tables):
        if table.profile is not None:
            ops += _profile_ops(rng, program, table, table.profile)
        ops += _entries(rng, program, position, table)
    return ops


def _profile_ops(rng: Random, program: Program, table: Table, profile: int) -> list[Op]:
    ops: list[Op] = []
    for member in range(3):
        action = rng.choice(table.actions)
        ops.append(MemberOp(1, profile, member, action, _params(rng, program, action)))
    for group in range(2):
        buckets = tuple(
            Bucket(rng.randrange(3), rng.randint(1, 3), rng.choice([NO_PORT, 1, 2]))
            for _ in range(rng.randrange(4))
        )
        ops.append(GroupOp(1, profile, group, buckets))
    return ops


def _entries(rng: Random, program: Program, position: int, table: Table) -> list[Op]:
    ops: list[Op] = []
    seen = set()
    for _ in range(rng.randrange(12) if table.key else 0):
        key, mask, prefix_len = _match(rng, table)
        priority = rng.randrange(4) if table.match_kind in ("ternary", "range") else 0
        if (key, mask, priority) in seen:
            continue
        seen.add((key, mask, priority))
        action, params, ref = rng.choice(table.actions), b"", 0
        if table.profile is not None:
            action, ref = rng.choice([(TO_MEMBER, rng.randrange(3)), (TO_GROUP, rng.randrange(2))])
        else:
            params = _params(rng, program, action)
        if table.match_kind == "exact":
            mask = b""
        ops.append(TableOp(1, position, len(seen) - 1, key, mask, prefix_len, priority, action, params, ref))
    if not table.default_const and table.profile is None and rng.random() < 0.4:
        action = rng.choice(table.actions)
        ops.append(DefaultOp(position, action, _params(rng, program, action)))
    return ops


def random_packet(rng: Random) -> bytes:
    """A frame of any length, with few ones among many zeros, so that selects and tables match."""
    length = rng.choice([0, 5, 13, 14, 15, 30, 60, 100, 200, 400])
    dense = rng.getrandbits(8 * length or 1).to_bytes(length or 1)[:length]
    return bytes(b & rng.choice([0, 0, 1, 3, 255]) for b in dense)
