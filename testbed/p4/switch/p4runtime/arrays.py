"""Indexed counters, meters and registers, and the value sets (spec sections 9.3, 9.4, 9.6, 9.7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from testbed.p4.switch.p4runtime.backend import Backend
from testbed.p4.switch.p4runtime.bytestrings import fixed, from_int
from testbed.p4.switch.p4runtime.errors import Code, RpcError, invalid
from testbed.p4.switch.p4runtime.meters import parse_counts, parse_meter_config
from testbed.p4.switch.p4runtime.schema import ArraySchema, Schema
from testbed.p4.switch.p4runtime.stubs import p4d, p4r
from testbed.p4.switch.p4runtime.transaction import Transaction
from testbed.p4.switch.target import (
    CounterOp,
    MeterOp,
    RegisterOp,
    ValueSetMember,
    ValueSetOp,
    Verb,
)

T = TypeVar("T")

READ_CELLS = 4096
"""Cells that are read from the engine at a time."""


def _modify_only(verb: int, what: str) -> None:
    if verb != Verb.MODIFY:
        invalid(f"a {what} can only be modified")


def find(items: dict[int, T], number: int, what: str) -> T:
    """What an id names.

    Raises:
        RpcError: INVALID_ARGUMENT: nothing.
    """
    item = items.get(number)
    if item is None:
        invalid(f"no {what} has id {number}")
    return item


def _cells(array: ArraySchema, entry: p4r.CounterEntry | p4r.MeterEntry | p4r.RegisterEntry) -> range:
    """The cells that a message names: one, or all without an index."""
    if not entry.HasField("index"):
        return range(array.size)
    index = entry.index.index
    if index < 0:
        invalid(f"{array.name}: index {index} is negative")
    if index >= array.size:
        raise RpcError(Code.OUT_OF_RANGE, f"{array.name}: index {index} is not below {array.size}")
    return range(index, index + 1)


def _arrays(items: dict[int, ArraySchema], number: int, what: str) -> list[ArraySchema]:
    """The arrays that a read names: one, or all for id 0."""
    return list(items.values()) if number == 0 else [find(items, number, what)]


class ArrayStore:
    """What controllers wrote to meters and value sets; counters and registers live in the engine."""

    def __init__(self, schema: Schema, target: Backend) -> None:
        self._schema = schema
        self._target = target
        self.meter_configs: dict[int, dict[int, bytes]] = {meter: {} for meter in schema.meters}
        self.value_sets: dict[int, bytes] = {}

    def use(self, target: Backend) -> None:
        """Go on with another engine."""
        self._target = target

    def snapshot(self) -> Iterator[tuple[str, bytes]]:
        """(Kind of entity, message) of everything that was written, and of counts and registers that are not
        0."""
        for meter, configs in self.meter_configs.items():
            for cell, config in configs.items():
                item = p4r.MeterEntry(meter_id=meter)
                item.index.index = cell
                item.config.MergeFromString(config)
                yield "meter_entry", item.SerializeToString()
        for wire in self.value_sets.values():
            yield "value_set_entry", wire
        for wire in self.read_counter(p4r.CounterEntry()):
            counter = p4r.CounterEntry.FromString(wire)
            if counter.data.packet_count or counter.data.byte_count:
                yield "counter_entry", wire
        for wire in self.read_register(p4r.RegisterEntry()):
            if p4r.RegisterEntry.FromString(wire).data.bitstring != b"\0":
                yield "register_entry", wire

    # -- counters --------------------------------------------------------------------------------------------

    def write_counter(self, verb: int, entry: p4r.CounterEntry, txn: Transaction) -> None:
        """Set one cell or all of them."""
        _modify_only(verb, "counter")
        array = find(self._schema.counters, entry.counter_id, "counter")
        cells = _cells(array, entry)
        if entry.HasField("data"):
            packets, size = parse_counts(entry.data)
            txn.ops += [CounterOp(array.position, cell, packets, size) for cell in cells]

    def read_counter(self, entry: p4r.CounterEntry) -> Iterator[bytes]:
        """Cells as serialized CounterEntry messages."""
        for array in _arrays(self._schema.counters, entry.counter_id, "counter"):
            cells = _cells(array, entry) if entry.counter_id else range(array.size)
            for start in range(cells.start, cells.stop, READ_CELLS):
                count = min(READ_CELLS, cells.stop - start)
                for i, (packets, size) in enumerate(self._target.read_counter(array.position, start, count)):
                    item = p4r.CounterEntry(counter_id=array.id)
                    item.index.index = start + i
                    item.data.packet_count, item.data.byte_count = packets, size
                    yield item.SerializeToString()

    # -- meters ----------------------------------------------------------------------------------------------

    def write_meter(self, verb: int, entry: p4r.MeterEntry, txn: Transaction) -> None:
        """Configure one cell or all of them; no config: always green."""
        _modify_only(verb, "meter")
        if entry.HasField("counter_data"):
            raise RpcError(Code.UNIMPLEMENTED, "meters do not count per colour")
        array = find(self._schema.meters, entry.meter_id, "meter")
        config = parse_meter_config(entry.config, array.unit_type) if entry.HasField("config") else None
        wire = entry.config.SerializeToString() if config is not None else None
        configs = self.meter_configs[array.id]
        for cell in _cells(array, entry):
            former = configs.pop(cell, None)
            if wire is not None:
                configs[cell] = wire
            elif former is None:
                continue
            txn.ops.append(MeterOp(array.position, cell, config))
            if former is None:
                txn.on_undo(configs.pop, cell)
            else:
                txn.on_undo(configs.__setitem__, cell, former)

    def read_meter(self, entry: p4r.MeterEntry) -> Iterator[bytes]:
        """Cells as serialized MeterEntry messages; unconfigured ones without a config."""
        if entry.HasField("counter_data"):
            raise RpcError(Code.UNIMPLEMENTED, "meters do not count per colour")
        for array in _arrays(self._schema.meters, entry.meter_id, "meter"):
            configs = self.meter_configs[array.id]
            for cell in _cells(array, entry) if entry.meter_id else range(array.size):
                item = p4r.MeterEntry(meter_id=array.id)
                item.index.index = cell
                if cell in configs:
                    item.config.MergeFromString(configs[cell])
                yield item.SerializeToString()

    # -- registers -------------------------------------------------------------------------------------------

    def write_register(self, verb: int, entry: p4r.RegisterEntry, txn: Transaction) -> None:
        """Set one cell or all of them."""
        _modify_only(verb, "register")
        array = find(self._schema.registers, entry.register_id, "register")
        value = _parse_register(array, entry.data)
        txn.ops += [RegisterOp(array.position, cell, value) for cell in _cells(array, entry)]

    def read_register(self, entry: p4r.RegisterEntry) -> Iterator[bytes]:
        """Cells as serialized RegisterEntry messages."""
        for array in _arrays(self._schema.registers, entry.register_id, "register"):
            cells = _cells(array, entry) if entry.register_id else range(array.size)
            for start in range(cells.start, cells.stop, READ_CELLS):
                count = min(READ_CELLS, cells.stop - start)
                for i, value in enumerate(self._target.read_register(array.position, start, count)):
                    item = p4r.RegisterEntry(register_id=array.id)
                    item.index.index = start + i
                    item.data.bitstring = _register_bytes(array, value)
                    yield item.SerializeToString()

    # -- value sets ------------------------------------------------------------------------------------------

    def write_value_set(self, verb: int, entry: p4r.ValueSetEntry, txn: Transaction) -> None:
        """Replace all members."""
        _modify_only(verb, "value set")
        schema = find(self._schema.value_sets, entry.value_set_id, "value set")
        if len(entry.members) > schema.size:
            raise RpcError(Code.RESOURCE_EXHAUSTED, f"value set {schema.name} takes {schema.size} members")
        members = []
        for member in entry.members:
            parsed = [codec.dont_care for codec in schema.codecs]
            for match in member.match:
                codec = next((c for c in schema.codecs if c.id == match.field_id), None)
                if codec is None:
                    invalid(f"value set {schema.name} has no field {match.field_id}")
                if codec.kind == "range":
                    raise RpcError(Code.UNIMPLEMENTED, "value sets do not match ranges")
                parsed[codec.position] = codec.parse(match)
            complete = [value for value in parsed if value is not None]
            if len(complete) != len(schema.codecs):
                invalid(f"a member of value set {schema.name} lacks an exact field")
            value = b"".join(v[0] for v in complete)
            members.append(ValueSetMember(value, b"".join(v[1] for v in complete)))
        if len(set(members)) != len(members):
            raise RpcError(Code.ALREADY_EXISTS, f"value set {schema.name}: a member is there twice")
        former = self.value_sets.get(schema.id)
        self.value_sets[schema.id] = entry.SerializeToString()
        if former is None:
            txn.on_undo(self.value_sets.pop, schema.id)
        else:
            txn.on_undo(self.value_sets.__setitem__, schema.id, former)
        txn.ops.append(ValueSetOp(schema.position, tuple(members)))

    def read_value_set(self, entry: p4r.ValueSetEntry) -> Iterator[bytes]:
        """Value sets as serialized ValueSetEntry messages."""
        number = entry.value_set_id
        if number:
            find(self._schema.value_sets, number, "value set")
        for value_set in [number] if number else self._schema.value_sets:
            empty = p4r.ValueSetEntry(value_set_id=value_set).SerializeToString()
            yield self.value_sets.get(value_set, empty)


def _parse_register(array: ArraySchema, data: p4d.P4Data) -> int:
    kind = data.WhichOneof("data")
    if kind == "bool" and array.width == 1:
        return int(data.bool)
    if kind not in ("bitstring", "enum_value"):
        invalid(f"register {array.name} holds bit strings, not {kind or 'nothing'}")
    value = data.bitstring if kind == "bitstring" else data.enum_value
    if array.width > 0:
        return int.from_bytes(fixed(value, array.width, array.name))
    number = int.from_bytes(value, signed=True)
    if not value or not -(1 << -array.width - 1) <= number < 1 << (-array.width - 1):
        invalid(f"{array.name}: the value has more than {-array.width} bits")
    return number & ((1 << -array.width) - 1)


def _register_bytes(array: ArraySchema, value: int) -> bytes:
    if array.width > 0:
        return from_int(value)
    if value >> (-array.width - 1):
        value -= 1 << -array.width
    return value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, signed=True)
