"""Operations as the byte records that ops.c reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final

from testbed.p4.switch.model import Program
from testbed.p4.switch.target import (
    CloneOp,
    CounterOp,
    DefaultOp,
    DigestOp,
    GroupOp,
    MemberOp,
    MeterOp,
    MulticastOp,
    Op,
    RegisterOp,
    TableOp,
    ValueSetOp,
    Verb,
)

_RECORD: Final = Struct("=IBBHIIIiIIIIQ")
_REPLICA: Final = Struct("=II")
_BUCKET: Final = Struct("=IIi")
_CELL: Final = Struct("=QQ")
_METER: Final = Struct("=QQQQ")

_TABLE, _DEFAULT, _MEMBER, _GROUP, _MULTICAST, _CLONE, _COUNTER, _METER_OP, _REGISTER, _VALUE_SET, _DIGEST = (
    range(1, 12)
)
_NO_ACTION: Final = -3
_U64: Final = (1 << 64) - 1
_PADDING: Final = [b"\0" * (-n % 8) for n in range(8)]


def _record(
    kind: int,
    verb: int,
    position: int,
    *,
    cell: int = 0,
    action: int = 0,
    ref: int = 0,
    data: bytes = b"",
    number: int = 0,
) -> bytes:
    size = _RECORD.size + len(data)
    head = _RECORD.pack(
        size + -size % 8, kind, verb, 0, position, cell, 0, action, ref, 0, 0, len(data), number
    )
    return head + data + _PADDING[size % 8]


class Packer:
    """Packs operations for one program."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def pack(self, ops: Sequence[Op]) -> bytes:
        """All of them, one record after the other."""
        table, others = self._table, _PACKERS
        return b"".join([table(op) if type(op) is TableOp else others[type(op)](self, op) for op in ops])

    @staticmethod
    def _table(op: TableOp) -> bytes:
        (verb, table, handle, key, mask, prefix, priority, action, params, ref, idle) = op
        n, m, d = len(key), len(mask), len(params)
        bytes_ = key + mask
        bytes_ += _PADDING[(n + m) % 8] + params
        size = 48 + len(bytes_)
        head = _RECORD.pack(
            size + -size % 8, _TABLE, verb, prefix, table, handle, priority, action, ref, n, m, d, idle
        )
        return head + bytes_ + _PADDING[size % 8]

    def _default(self, op: DefaultOp) -> bytes:
        table, action, params, ref = op
        if action is None:
            default = self._program.tables[table].default
            action, params, ref = (
                (_NO_ACTION, b"", 0) if default is None else (default.action, default.params, 0)
            )
        return _record(_DEFAULT, Verb.MODIFY, table, action=action, ref=ref, data=params)

    def _member(self, op: MemberOp) -> bytes:
        return _record(_MEMBER, op.verb, op.profile, cell=op.member, action=op.action, data=op.params)

    def _group(self, op: GroupOp) -> bytes:
        data = b"".join(_BUCKET.pack(*bucket) for bucket in op.buckets)
        return _record(_GROUP, op.verb, op.profile, cell=op.group, data=data)

    def _multicast(self, op: MulticastOp) -> bytes:
        if op.replicas is None:
            return _record(_MULTICAST, Verb.DELETE, op.group)
        return _record(
            _MULTICAST, Verb.MODIFY, op.group, data=b"".join(_REPLICA.pack(*r) for r in op.replicas)
        )

    def _clone(self, op: CloneOp) -> bytes:
        if op.replicas is None:
            return _record(_CLONE, Verb.DELETE, op.session)
        data = b"".join(_REPLICA.pack(*r) for r in op.replicas)
        return _record(_CLONE, Verb.MODIFY, op.session, data=data, number=op.truncate)

    def _counter(self, op: CounterOp) -> bytes:
        return _record(_COUNTER, Verb.MODIFY, op.counter, cell=op.cell, data=_CELL.pack(op.packets, op.bytes))

    def _meter(self, op: MeterOp) -> bytes:
        if op.config is None:
            return _record(_METER_OP, Verb.DELETE, op.meter, cell=op.cell)
        return _record(_METER_OP, Verb.MODIFY, op.meter, cell=op.cell, data=_METER.pack(*op.config))

    def _register(self, op: RegisterOp) -> bytes:
        width = self._program.registers[op.register].width
        value = (op.value & ((1 << width) - 1)).to_bytes((width + 63) // 64 * 8, "little")
        return _record(_REGISTER, Verb.MODIFY, op.register, cell=op.cell, data=value)

    def _value_set(self, op: ValueSetOp) -> bytes:
        """Values and masks, each part of the key padded to whole bytes as in `vs_in_value_set`."""
        size = max((len(member.value) for member in op.members), default=0)
        data = b"".join(m.value + (m.mask or b"\xff" * size) for m in op.members)
        return _record(_VALUE_SET, Verb.MODIFY, op.value_set, cell=size, data=data)

    def _digest(self, op: DigestOp) -> bytes:
        mode = 0 if not op.enabled else 2 if op.hold else 1
        return _record(_DIGEST, Verb.MODIFY, op.digest, cell=mode)


_PACKERS: Final[dict[type, Callable[..., bytes]]] = {
    TableOp: lambda packer, op: packer._table(op),
    DefaultOp: Packer._default,
    MemberOp: Packer._member,
    GroupOp: Packer._group,
    MulticastOp: Packer._multicast,
    CloneOp: Packer._clone,
    CounterOp: Packer._counter,
    MeterOp: Packer._meter,
    RegisterOp: Packer._register,
    ValueSetOp: Packer._value_set,
    DigestOp: Packer._digest,
}
