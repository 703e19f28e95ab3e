"""What `Target.apply` does to the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from testbed.p4.switch.reference.state import CloneSession, MeterCell, State
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


def perform(state: State, op: Op, now: int) -> None:
    """Do one operation at time `now` (us)."""
    _HANDLERS[type(op)](state, op, now)


def _table(state: State, op: TableOp, now: int) -> None:
    table = state.tables[op.table]
    if op.verb == Verb.MODIFY:
        table.modify(op, now)
        return
    if op.verb == Verb.INSERT:
        table.insert(op, now)
    else:
        del table.entries[op.handle]
    description = table.table
    if description.counter is not None:
        state.counters[description.counter].pop(op.handle, None)
    if description.meter is not None:
        state.meters[description.meter].pop(op.handle, None)


def _default(state: State, op: DefaultOp, _now: int) -> None:
    state.tables[op.table].default = None if op.action is None else op


def _member(state: State, op: MemberOp, _now: int) -> None:
    members = state.profiles[op.profile].members
    if op.verb == Verb.DELETE:
        del members[op.member]
    else:
        members[op.member] = op


def _group(state: State, op: GroupOp, _now: int) -> None:
    groups = state.profiles[op.profile].groups
    if op.verb == Verb.DELETE:
        del groups[op.group]
    else:
        groups[op.group] = op.buckets


def _multicast(state: State, op: MulticastOp, _now: int) -> None:
    if op.replicas is None:
        state.multicast.pop(op.group, None)
    else:
        state.multicast[op.group] = op.replicas


def _clone(state: State, op: CloneOp, _now: int) -> None:
    if op.replicas is None:
        state.clones.pop(op.session, None)
    else:
        state.clones[op.session] = CloneSession(op.replicas, op.truncate)


def _counter(state: State, op: CounterOp, _now: int) -> None:
    state.counters[op.counter][op.cell] = [op.packets, op.bytes]


def _meter(state: State, op: MeterOp, now: int) -> None:
    if op.config is None:
        state.meters[op.meter].pop(op.cell, None)
    else:
        state.meters[op.meter][op.cell] = MeterCell(op.config, state.program.meters[op.meter].rates, now)


def _register(state: State, op: RegisterOp, _now: int) -> None:
    width = state.program.registers[op.register].width
    state.registers[op.register][op.cell] = op.value & ((1 << width) - 1)


def _value_set(state: State, op: ValueSetOp, _now: int) -> None:
    state.value_sets[op.value_set] = op.members


def _digest(state: State, op: DigestOp, _now: int) -> None:
    if op.enabled:
        state.digests[op.digest] = (op.hold, set())
    else:
        state.digests.pop(op.digest, None)


_HANDLERS: Final[dict[type, Callable[[State, Any, int], None]]] = {
    TableOp: _table,
    DefaultOp: _default,
    MemberOp: _member,
    GroupOp: _group,
    MulticastOp: _multicast,
    CloneOp: _clone,
    CounterOp: _counter,
    MeterOp: _meter,
    RegisterOp: _register,
    ValueSetOp: _value_set,
    DigestOp: _digest,
}
