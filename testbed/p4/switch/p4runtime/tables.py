"""The entries of one table, as controllers wrote them (spec section 9.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from testbed.p4.switch.p4runtime.backend import Backend
from testbed.p4.switch.p4runtime.codecs import ActionCodec
from testbed.p4.switch.p4runtime.errors import Code, RpcError, invalid, not_found
from testbed.p4.switch.p4runtime.meters import parse_counts, parse_meter_config
from testbed.p4.switch.p4runtime.profiles import ProfileStore
from testbed.p4.switch.p4runtime.schema import TableSchema
from testbed.p4.switch.p4runtime.stubs import p4r
from testbed.p4.switch.p4runtime.transaction import Transaction
from testbed.p4.switch.p4runtime.wire import COUNTER_DATA, IS_CONST, METER_CONFIG, counter_data, message_field
from testbed.p4.switch.target import (
    MAX_PRIORITY,
    TO_GROUP,
    TO_MEMBER,
    CounterOp,
    DefaultOp,
    MeterOp,
    TableOp,
    Verb,
)

ENTRIES_ONLY: Final = 1
DEFAULT_ONLY: Final = 2
"""`p4.config.v1.ActionRef.Scope`."""

NO_DEFAULT_RESOURCES: Final = "the default entry has no direct counter or meter here"

Record: TypeAlias = tuple[int, bytes]
"""An entry: its handle in the engine, and the `TableEntry` to read back (without direct resources)."""

Chosen: TypeAlias = tuple[int, bytes, int]
"""What an entry does: `TableOp.action`, `.params` and `.ref`."""


class TableStore:
    """One table."""

    def __init__(self, schema: TableSchema, profile: ProfileStore | None) -> None:
        self.schema = schema
        self.entries: dict[bytes, Record] = {}
        self.default_wire: bytes | None = None
        """The default entry as it was written; None: as the program says."""
        self.meter_configs: dict[int, bytes] = {}
        """`MeterConfig`s of the direct meter, by handle."""
        self.key_of: dict[int, bytes] = {}
        """Of tables whose entries may age: the key of each handle."""
        self._profile = profile
        self._refs: dict[int, Chosen] = {}
        """Of tables with an action profile: the member or group of each handle."""
        self._free: list[int] = []
        self._next = 0
        for op in schema.model.entries:
            self._add_constant(op)

    # -- writing ---------------------------------------------------------------------------------------------

    def write(self, verb: int, entry: p4r.TableEntry, txn: Transaction) -> None:
        """INSERT, MODIFY or DELETE an entry, or MODIFY the default one.

        Raises:
            RpcError: with the code that the specification has for it; nothing changed.
        """
        if entry.is_const:
            invalid("is_const is for the server to set")
        if entry.is_default_action:
            self._write_default(verb, entry, txn)
        elif verb == Verb.INSERT:
            self._insert(entry, txn)
        elif verb == Verb.MODIFY:
            self._modify(entry, txn)
        else:
            self._delete(entry, txn)

    def _insert(self, entry: p4r.TableEntry, txn: Transaction) -> None:
        schema = self.schema
        if schema.const_entries:
            raise RpcError(Code.PERMISSION_DENIED, f"table {schema.name} is constant")
        if not schema.codecs:
            invalid(f"table {schema.name} has no key, so it takes no entries")
        key, mask, prefix_len, priority, stored = self._parse_key(entry)
        entries = self.entries
        if stored in entries:
            raise RpcError(Code.ALREADY_EXISTS, f"table {schema.name} has this entry")
        if len(entries) >= schema.size:
            raise RpcError(Code.RESOURCE_EXHAUSTED, f"table {schema.name} is full ({schema.size})")
        self._check_resources(entry)
        if not entry.HasField("action"):
            invalid("an entry needs an action")
        chosen = self._choose(entry.action, txn)
        handle = self._free.pop() if self._free else self._take_handle()
        txn.on_undo(self._undo_insert, stored, handle)
        txn.ops.append(
            TableOp(
                1,
                schema.position,
                handle,
                key,
                mask,
                prefix_len,
                MAX_PRIORITY - priority if schema.needs_priority else 0,
                *chosen,
                _idle_us(entry) if schema.ageing else 0,
            )
        )
        self._write_resources(entry, handle, txn)
        entries[stored] = (handle, entry.SerializeToString())
        if schema.ageing:
            self.key_of[handle] = stored
        if self._profile is not None:
            self._refs[handle] = chosen
            self._profile.refer(chosen, 1)

    def _modify(self, entry: p4r.TableEntry, txn: Transaction) -> None:
        schema = self.schema
        stored = self._parse_key(entry)[4]
        record = self._find(stored)
        handle = record[0]
        self._check_resources(entry)
        has_action = entry.HasField("action")
        if schema.const_entries:
            if has_action:
                raise RpcError(Code.PERMISSION_DENIED, f"table {schema.name} is constant")
            self._write_resources(entry, handle, txn)
            return
        if has_action:
            chosen = self._choose(entry.action, txn)
            former = self._refs.get(handle)
            if self._profile is not None:
                self._swap_ref(handle, former, chosen)
                txn.on_undo(self._swap_ref, handle, chosen, former)
        else:
            former = None
            entry.action.CopyFrom(p4r.TableEntry.FromString(record[1]).action)
            chosen = self._refs.get(handle) or self._choose(entry.action, txn)
        idle_us = _idle_us(entry) if schema.ageing else 0
        txn.ops.append(TableOp(2, schema.position, handle, b"", b"", 0, 0, *chosen, idle_us))
        self._write_resources(entry, handle, txn)
        self.entries[stored] = (handle, entry.SerializeToString())
        txn.on_undo(self.entries.__setitem__, stored, record)
        if former is not None and self._profile is not None:
            self._profile.drop_one_shot(former[2], txn)

    def _delete(self, entry: p4r.TableEntry, txn: Transaction) -> None:
        schema = self.schema
        stored = self._parse_key(entry)[4]
        record = self._find(stored)
        if schema.const_entries:
            raise RpcError(Code.PERMISSION_DENIED, f"table {schema.name} is constant")
        handle = record[0]
        config, former = self.meter_configs.pop(handle, None), self._refs.pop(handle, None)
        del self.entries[stored]
        self.key_of.pop(handle, None)
        self._free.append(handle)
        if former is not None and self._profile is not None:
            self._profile.refer(former, -1)
        txn.on_undo(self._undo_delete, stored, record, config, former)
        txn.ops.append(TableOp(Verb.DELETE, schema.position, handle))
        if former is not None and self._profile is not None:
            self._profile.drop_one_shot(former[2], txn)

    def _write_default(self, verb: int, entry: p4r.TableEntry, txn: Transaction) -> None:
        schema = self.schema
        if verb != Verb.MODIFY:
            invalid("the default entry is always there: it can only be modified")
        if entry.match or entry.priority:
            invalid("the default entry has neither match fields nor a priority")
        if entry.idle_timeout_ns or entry.HasField("time_since_last_hit"):
            invalid("the default entry has no idle timeout")
        if schema.const_default:
            raise RpcError(Code.PERMISSION_DENIED, f"the default action of table {schema.name} is constant")
        if entry.HasField("counter_data") or entry.HasField("meter_config"):
            raise RpcError(Code.UNIMPLEMENTED, NO_DEFAULT_RESOURCES)
        former = self.default_wire
        if entry.HasField("action"):
            if schema.profile is not None:
                invalid(f"the default entry of table {schema.name} is its NoAction")
            chosen = self._choose(entry.action, txn, default=True)
            txn.ops.append(DefaultOp(schema.position, *chosen))
            self.default_wire = entry.SerializeToString()
        else:
            txn.ops.append(DefaultOp(schema.position, None))
            self.default_wire = None
        txn.on_undo(setattr, self, "default_wire", former)

    # -- pieces of an entry ----------------------------------------------------------------------------------

    def _parse_key(self, entry: p4r.TableEntry) -> tuple[bytes, bytes, int, int, bytes]:
        """Key, mask, prefix length, priority, and the string that names the entry in `entries`."""
        schema = self.schema
        key, mask, prefix_len = schema.parse_key(entry.match)
        priority = entry.priority
        if schema.needs_priority:
            if priority <= 0:
                invalid(f"table {schema.name}: entries need a priority above 0")
            return key, mask, prefix_len, priority, key + mask + priority.to_bytes(4)
        if priority:
            invalid(f"table {schema.name}: entries have no priority")
        return key, mask, prefix_len, 0, key + mask

    def find(self, entry: p4r.TableEntry) -> Record:
        """The entry that a message's key names, for its direct counter or meter."""
        if entry.is_default_action:
            raise RpcError(Code.UNIMPLEMENTED, NO_DEFAULT_RESOURCES)
        return self._find(self._parse_key(entry)[-1])

    def _find(self, stored: bytes) -> Record:
        record = self.entries.get(stored)
        if record is None:
            not_found(f"table {self.schema.name} has no such entry")
        return record

    def _choose(self, action: p4r.TableAction, txn: Transaction, *, default: bool = False) -> Chosen:
        """What a `TableAction` asks for, checked against the table."""
        schema = self.schema
        kind = action.WhichOneof("type")
        if kind == "action":
            if schema.profile is not None:
                invalid(f"table {schema.name} has an action profile: its entries name members or groups")
            codec = schema.action(action.action.action_id)
            _check_scope(codec, default=default)
            return codec.position, codec.parse(action.action), 0
        if self._profile is None:
            invalid(f"table {schema.name} has no action profile: its entries name an action")
        if kind == "action_profile_member_id":
            self._profile.check_member(action.action_profile_member_id)
            return TO_MEMBER, b"", action.action_profile_member_id
        if kind == "action_profile_group_id":
            self._profile.check_group(action.action_profile_group_id)
            return TO_GROUP, b"", action.action_profile_group_id
        if kind == "action_profile_action_set":
            return TO_GROUP, b"", self._profile.add_one_shot(action.action_profile_action_set, txn)
        raise RpcError(Code.INVALID_ARGUMENT, "an entry needs an action")

    def _check_resources(self, entry: p4r.TableEntry) -> None:
        model = self.schema.model
        if entry.HasField("counter_data"):
            if model.counter is None:
                invalid(f"table {self.schema.name} has no direct counter")
            parse_counts(entry.counter_data)
        if entry.HasField("meter_config"):
            if model.meter is None:
                invalid(f"table {self.schema.name} has no direct meter")
            parse_meter_config(entry.meter_config)
        if entry.HasField("meter_counter_data"):
            raise RpcError(Code.UNIMPLEMENTED, "meters do not count per colour")
        if entry.HasField("time_since_last_hit"):
            invalid("time_since_last_hit cannot be written")
        if entry.idle_timeout_ns:
            if not self.schema.ageing:
                invalid(f"table {self.schema.name} does not support idle timeouts")
            if entry.idle_timeout_ns < 0:
                invalid("an idle timeout cannot be negative")

    def _write_resources(self, entry: p4r.TableEntry, handle: int, txn: Transaction) -> None:
        """Direct counter and meter: an absent meter_config resets the meter, absent counter_data changes
        nothing. They are taken out of the entry, as they are not read back with it."""
        model = self.schema.model
        if model.counter is not None and entry.HasField("counter_data"):
            txn.ops.append(CounterOp(model.counter, handle, *parse_counts(entry.counter_data)))
            entry.ClearField("counter_data")
        if model.meter is not None:
            config = entry.meter_config if entry.HasField("meter_config") else None
            self.set_meter(handle, config, txn)
            entry.ClearField("meter_config")

    def set_meter(self, handle: int, config: p4r.MeterConfig | None, txn: Transaction) -> None:
        """Configure the direct meter of an entry; None: back to green."""
        meter = self.schema.model.meter
        former = self.meter_configs.get(handle)
        if meter is None or (config is None and former is None):
            return
        txn.on_undo(self._restore_meter, handle, former)
        if config is None:
            del self.meter_configs[handle]
            txn.ops.append(MeterOp(meter, handle, None))
        else:
            self.meter_configs[handle] = config.SerializeToString()
            txn.ops.append(MeterOp(meter, handle, parse_meter_config(config)))

    # -- handles and undoing ---------------------------------------------------------------------------------

    def _take_handle(self) -> int:
        handle = self._next
        self._next += 1
        return handle

    @property
    def handles(self) -> int:
        """Handles ever given out: all of them are below this."""
        return self._next

    def _undo_insert(self, stored: bytes, handle: int) -> None:
        self.entries.pop(stored, None)
        self.key_of.pop(handle, None)
        former = self._refs.pop(handle, None)
        if former is not None and self._profile is not None:
            self._profile.refer(former, -1)
        self._free.append(handle)

    def _undo_delete(
        self, stored: bytes, record: Record, config: bytes | None, former: Chosen | None
    ) -> None:
        self.entries[stored] = record
        handle = record[0]
        self._free.remove(handle)
        if self.schema.ageing:
            self.key_of[handle] = stored
        if config is not None:
            self.meter_configs[handle] = config
        if former is not None and self._profile is not None:
            self._refs[handle] = former
            self._profile.refer(former, 1)

    def _swap_ref(self, handle: int, former: Chosen | None, chosen: Chosen | None) -> None:
        """Let a handle refer to another member or group (tables with an action profile)."""
        if self._profile is None:
            return
        if former is not None:
            self._profile.refer(former, -1)
            self._refs.pop(handle, None)
        if chosen is not None:
            self._profile.refer(chosen, 1)
            self._refs[handle] = chosen

    def _restore_meter(self, handle: int, former: bytes | None) -> None:
        if former is None:
            self.meter_configs.pop(handle, None)
        else:
            self.meter_configs[handle] = former

    def _add_constant(self, op: TableOp) -> None:
        """Take over an entry of the program."""
        schema = self.schema
        entry = p4r.TableEntry(table_id=schema.id)
        schema.unparse_key(op.key, op.mask, op.prefix_len, entry)
        stored = op.key + op.mask
        if schema.needs_priority:
            entry.priority = MAX_PRIORITY - op.priority
            stored += entry.priority.to_bytes(4)
        codec = schema.action_at(op.action)
        if codec is not None:
            codec.unparse(op.params, entry.action.action)
        wire = entry.SerializeToString() + (IS_CONST if schema.const_entries else b"")
        self.entries[stored] = (self._take_handle(), wire)

    # -- reading ---------------------------------------------------------------------------------------------

    def select(self, entry: p4r.TableEntry) -> Iterator[Record]:
        """The entries that a read request asks for (wildcards and filters of spec section 9.1.7)."""
        if entry.match:
            record = self.entries.get(self._read_key(entry))
            records = [] if record is None else [record]
        else:
            records = list(self.entries.values())
        action_id = entry.action.action.action_id
        if not (action_id or entry.priority or entry.metadata or entry.controller_metadata):
            yield from records
            return
        for record in records:
            stored = p4r.TableEntry.FromString(record[1])
            if (
                (not action_id or stored.action.action.action_id == action_id)
                and (not entry.priority or stored.priority == entry.priority)
                and (not entry.metadata or stored.metadata == entry.metadata)
                and (not entry.controller_metadata or stored.controller_metadata == entry.controller_metadata)
            ):
                yield record

    def _read_key(self, entry: p4r.TableEntry) -> bytes:
        return self._parse_key(entry)[-1]

    def key_entry(self, handle: int) -> p4r.TableEntry | None:
        """The entry of a handle without its action, as idle notifications name it."""
        stored = self.key_of.get(handle)
        record = None if stored is None else self.entries.get(stored)
        if record is None:
            return None
        entry = p4r.TableEntry.FromString(record[1])
        entry.ClearField("action")
        return entry

    def snapshot(self, target: Backend) -> Iterator[tuple[Verb, bytes]]:
        """What was written, with direct resources, as INSERTs (of the default entry: as a MODIFY)."""
        model = self.schema.model
        counts = [] if model.counter is None else target.read_counter(model.counter, 0, self.handles)
        if not self.schema.const_entries:
            for handle, wire in self.entries.values():
                if handle in self.meter_configs:
                    wire += message_field(METER_CONFIG, self.meter_configs[handle])  # noqa: PLW2901
                if counts and any(counts[handle]):
                    wire += message_field(COUNTER_DATA, counter_data(*counts[handle]))  # noqa: PLW2901
                yield Verb.INSERT, wire
        if self.default_wire is not None:
            yield Verb.MODIFY, self.default_wire

    def default_entry(self) -> bytes:
        """The default entry, as written or as the program has it."""
        if self.default_wire is not None:
            return self.default_wire
        entry = p4r.TableEntry(table_id=self.schema.id, is_default_action=True)
        default = self.schema.model.default
        codec = None if default is None else self.schema.action_at(default.action)
        if codec is not None and default is not None:
            codec.unparse(default.params, entry.action.action)
        return entry.SerializeToString()


def _idle_us(entry: p4r.TableEntry) -> int:
    """The idle timeout in microseconds: 0 only if there is none."""
    return -(-int(entry.idle_timeout_ns) // 1000)


def _check_scope(codec: ActionCodec, *, default: bool) -> None:
    if codec.scope == (ENTRIES_ONLY if default else DEFAULT_ONLY):
        where = "the default action" if default else "an entry"
        raise RpcError(Code.PERMISSION_DENIED, f"action {codec.name} cannot be used in {where}")
