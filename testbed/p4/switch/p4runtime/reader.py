"""Reads: one entity or, by wildcard, all of a kind (spec section 13.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from testbed.p4.switch.p4runtime.arbitration import RoleConfig
from testbed.p4.switch.p4runtime.arrays import find
from testbed.p4.switch.p4runtime.errors import Code, RpcError, batch_error, invalid
from testbed.p4.switch.p4runtime.profiles import ProfileStore
from testbed.p4.switch.p4runtime.stubs import p4r
from testbed.p4.switch.p4runtime.tables import Record, TableStore
from testbed.p4.switch.p4runtime.wire import (
    COUNTER_DATA,
    ENTITY_TAGS,
    METER_CONFIG,
    TIME_SINCE_LAST_HIT,
    counter_data,
    message_field,
    varint,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from testbed.p4.switch.p4runtime.device import Device


class Reader:
    """One read request. Entries come as serialized messages, which is how the stores keep them."""

    def __init__(self, device: Device) -> None:
        self._device = device
        arrays = device.arrays
        self._readers: dict[str, Callable[[Any], Iterator[bytes] | list[bytes]]] = {
            "table_entry": self._tables,
            "action_profile_member": self._members,
            "action_profile_group": self._groups,
            "meter_entry": arrays.read_meter,
            "direct_meter_entry": self._direct_meters,
            "counter_entry": arrays.read_counter,
            "direct_counter_entry": self._direct_counters,
            "packet_replication_engine_entry": device.replication.read,
            "value_set_entry": arrays.read_value_set,
            "register_entry": arrays.read_register,
            "digest_entry": device.digests.read,
        }

    def read(self, entities: Sequence[p4r.Entity], role: RoleConfig) -> Iterator[tuple[bytes, bytes]]:
        """(Entity tag, serialized entry) of everything asked for that belongs to the role.

        Raises:
            BatchError: after everything else was read, if some requests could not be answered.
        """
        errors: list[RpcError | None] = []
        for entity in entities:
            kind = entity.WhichOneof("entity")
            try:
                if kind is None:
                    invalid("the request has no entity")
                reader = self._readers.get(kind)
                if reader is None:
                    raise RpcError(Code.UNIMPLEMENTED, f"this switch has no {kind}")
                tag = ENTITY_TAGS[kind]
                request = getattr(entity, kind)
                for item in reader(request):
                    if role.ids is None or role.allows(object_id(kind, request.FromString(item))):
                        yield tag, item
            except RpcError as error:
                errors.append(error)
            else:
                errors.append(None)
        if any(errors):
            raise batch_error(errors)

    # -- tables ----------------------------------------------------------------------------------------------

    def _stores(self, table_id: int) -> list[TableStore]:
        """One table, or for 0 all of them."""
        return [self._device.table(table_id)] if table_id else list(self._device.tables.values())

    def _tables(self, entry: p4r.TableEntry) -> Iterator[bytes]:
        if not entry.table_id and (entry.match or entry.priority or entry.HasField("action")):
            invalid("a read of all tables has no other filter")
        for store in self._stores(entry.table_id):
            if entry.is_default_action:
                yield store.default_entry()
                continue
            extras = self._extras(store, entry)
            for record in store.select(entry):
                yield record[1] if extras is None else record[1] + extras(record[0])

    def _extras(self, store: TableStore, entry: p4r.TableEntry) -> Callable[[int], bytes] | None:
        """What is to be added to each entry: counter, meter, time since the last hit, as requested."""
        parts: list[Callable[[int], bytes]] = []
        model = store.schema.model
        if entry.HasField("meter_config") and model.meter is not None:
            configs = store.meter_configs
            parts.append(lambda h: message_field(METER_CONFIG, configs[h]) if h in configs else b"")
        if entry.HasField("meter_counter_data"):
            raise RpcError(Code.UNIMPLEMENTED, "meters do not count per colour")
        if entry.HasField("counter_data") and model.counter is not None:
            counts = self._device.backend.read_counter(model.counter, 0, store.handles)
            parts.append(lambda h: message_field(COUNTER_DATA, counter_data(*counts[h])))
        if entry.HasField("time_since_last_hit"):
            if not store.schema.ageing:
                if entry.table_id:
                    invalid(f"table {store.schema.name} does not support idle timeouts")
            else:
                ages = self._device.backend.ages(store.schema.position, 0, store.handles)
                parts.append(lambda h: message_field(TIME_SINCE_LAST_HIT, b"\x08" + varint(ages[h] * 1000)))
        if not parts:
            return None
        return lambda handle: b"".join(part(handle) for part in parts)

    def _direct(self, entry: p4r.TableEntry, kind: str) -> Iterator[tuple[TableStore, list[Record]]]:
        """The tables with a direct resource, and the entries of each that are asked for."""
        for store in self._stores(entry.table_id):
            model = store.schema.model
            if (model.counter if kind == "counter" else model.meter) is None:
                if entry.table_id:
                    invalid(f"table {store.schema.name} has no direct {kind}")
                continue
            named = entry.match or entry.is_default_action
            yield store, [store.find(entry)] if named else list(store.entries.values())

    def _direct_counters(self, request: p4r.DirectCounterEntry) -> Iterator[bytes]:
        for store, records in self._direct(request.table_entry, "counter"):
            counter = store.schema.model.counter or 0
            counts = self._device.backend.read_counter(counter, 0, store.handles)
            for handle, wire in records:
                yield message_field(b"\x0a", wire) + message_field(b"\x12", counter_data(*counts[handle]))

    def _direct_meters(self, request: p4r.DirectMeterEntry) -> Iterator[bytes]:
        if request.HasField("counter_data"):
            raise RpcError(Code.UNIMPLEMENTED, "meters do not count per colour")
        for store, records in self._direct(request.table_entry, "meter"):
            for handle, wire in records:
                config = store.meter_configs.get(handle)
                item = message_field(b"\x0a", wire)
                yield item if config is None else item + message_field(b"\x12", config)

    # -- action profiles -------------------------------------------------------------------------------------

    def _profiles(self, number: int) -> list[ProfileStore]:
        profiles = self._device.profiles
        return [find(profiles, number, "action profile")] if number else list(profiles.values())

    def _members(self, member: p4r.ActionProfileMember) -> Iterator[bytes]:
        for store in self._profiles(member.action_profile_id):
            yield from store.read(store.members, member.member_id if member.action_profile_id else 0)

    def _groups(self, group: p4r.ActionProfileGroup) -> Iterator[bytes]:
        for store in self._profiles(group.action_profile_id):
            yield from store.read(store.groups, group.group_id if group.action_profile_id else 0)


_ID_FIELDS: Final = {
    "table_entry": "table_id",
    "action_profile_member": "action_profile_id",
    "action_profile_group": "action_profile_id",
    "meter_entry": "meter_id",
    "counter_entry": "counter_id",
    "value_set_entry": "value_set_id",
    "register_entry": "register_id",
    "digest_entry": "digest_id",
}


def object_id(kind: str, item: Message) -> int:
    """The P4 object an entity belongs to; 0 for the replication engine's."""
    if kind in ("direct_counter_entry", "direct_meter_entry"):
        return int(item.table_entry.table_id)  # type: ignore[attr-defined]
    name = _ID_FIELDS.get(kind)
    return 0 if name is None else int(getattr(item, name))
