"""Entities <-> P4Runtime messages, by the names and widths of one P4Info.

Byte strings are canonical: the shortest that holds the value (P4Runtime §8.3).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, final

from finsy.proto import p4i, p4r
from msgspec import Struct

from controllers.dataplane.entity import (
    Action,
    CloneSession,
    DefaultEntry,
    Digest,
    Entity,
    Lpm,
    MatchValue,
    Member,
    MeterConfig,
    MulticastGroup,
    Range,
    TableEntry,
    Ternary,
    Update,
)

ACTIONS: Final = 4096
"""Messages of actions that are remembered: many entries do the same, such as to forward to one next hop."""


class SchemaError(Exception):
    """A name that this P4Info does not have, or a value that does not fit."""


@final
class _Field(Struct, frozen=True):
    id: int
    name: str
    width: int
    optional: bool


def _bytes(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def _int(value: bytes) -> int:
    return int.from_bytes(value, "big")


class _Names:
    """Objects of one kind by name and by alias; the alias is what entities carry."""

    def __init__(self, kind: str, objects: Iterable[Any]) -> None:
        self.kind = kind
        self.id_of: dict[str, int] = {}
        self.name_of: dict[int, str] = {}
        for each in objects:
            self.id_of[each.preamble.name] = self.id_of[each.preamble.alias] = each.preamble.id
            self.name_of[each.preamble.id] = each.preamble.alias

    def id(self, name: str) -> int:
        try:
            return self.id_of[name]
        except KeyError:
            raise SchemaError(f"no {self.kind} '{name}' in the P4 program") from None


@final
class Codec:
    """Translates for one program. Raises SchemaError for names and values that the program does not know."""

    def __init__(self, p4info: p4i.P4Info) -> None:
        self.tables = _Names("table", p4info.tables)
        self.actions = _Names("action", p4info.actions)
        self.digests = _Names("digest", p4info.digests)
        self.meters = _Names("meter", p4info.meters)
        self._keys = {
            table.preamble.id: {
                f.name: _Field(f.id, f.name, f.bitwidth, f.match_type == p4i.MatchField.OPTIONAL)
                for f in table.match_fields
            }
            for table in p4info.tables
        }
        self._local_actions = {
            table.preamble.id: {
                self.actions.name_of[ref.id].rpartition(".")[2]: ref.id for ref in table.action_refs
            }
            for table in p4info.tables
        }
        self._constant = {table.preamble.id for table in p4info.tables if table.is_const_table}
        self._params = {
            action.preamble.id: {p.name: (p.id, p.bitwidth) for p in action.params}
            for action in p4info.actions
        }
        self._action = lru_cache(maxsize=ACTIONS)(self._make_action)
        self._headers = {
            header.preamble.name: [(field.id, field.name, field.bitwidth) for field in header.metadata]
            for header in p4info.controller_packet_metadata
        }
        structs = p4info.type_info.structs
        self._digest_members = {
            digest.preamble.id: [member.name for member in structs[digest.type_spec.struct.name].members]
            for digest in p4info.digests
            if digest.type_spec.HasField("struct")
        }

    # -- to the switch -------------------------------------------------------------------------------------

    def write_request(self, updates: Iterable[Update]) -> p4r.WriteRequest:
        """Writes as one message, with neither device nor election id."""
        request = p4r.WriteRequest()
        for verb, entity in updates:
            message = request.updates.add()
            message.type = p4r.Update.Type.ValueType(verb)
            self._fill(message.entity, entity)
        return request

    def entity(self, entity: Entity) -> p4r.Entity:
        """One entity as a message."""
        message = p4r.Entity()
        self._fill(message, entity)
        return message

    # Messages are filled in place: one that is handed to the constructor of another one is copied.

    def _fill(self, message: p4r.Entity, entity: Entity) -> None:
        match entity:
            case TableEntry():
                self._fill_table_entry(message.table_entry, entity)
            case DefaultEntry(table, does):
                table_id = self.tables.id(table)
                default = message.table_entry
                default.table_id, default.is_default_action = table_id, True
                default.action.action.CopyFrom(self._action(table_id, does))
            case MulticastGroup(group, replicas):
                multicast = message.packet_replication_engine_entry.multicast_group_entry
                multicast.multicast_group_id = group
                _fill_replicas(multicast.replicas, replicas)
            case CloneSession(session, replicas, truncate):
                clone = message.packet_replication_engine_entry.clone_session_entry
                clone.session_id, clone.packet_length_bytes = session, truncate
                _fill_replicas(clone.replicas, replicas)
            case Digest(name, size, timeout, ack):
                digest = message.digest_entry
                digest.digest_id = self.digests.id(name)
                digest.config.max_timeout_ns, digest.config.max_list_size = timeout, size
                digest.config.ack_timeout_ns = ack
            case MeterConfig(meter, index, cir, cburst, pir, pburst):
                cell = message.meter_entry
                cell.meter_id, cell.index.index = self.meters.id(meter), index
                cell.config.cir, cell.config.cburst = cir, cburst
                cell.config.pir, cell.config.pburst = pir, pburst

    def _fill_table_entry(self, message: p4r.TableEntry, entry: TableEntry) -> None:
        table_id = message.table_id = self.tables.id(entry.table)
        fields = self._keys[table_id]
        for name, value in entry.match:
            field = fields.get(name)
            if field is None:
                raise SchemaError(f"table '{entry.table}' has no key '{name}'")
            _fill_field(message.match.add(), field, value)
        if isinstance(entry.does, Action):
            message.action.action.CopyFrom(self._action(table_id, entry.does))
        else:
            members = message.action.action_profile_action_set
            members.SetInParent()
            for member in entry.does:
                added = members.action_profile_actions.add(weight=member.weight)
                added.action.CopyFrom(self._action(table_id, member.action))
                if member.watch_port:
                    added.watch_port = _bytes(member.watch_port)
        if entry.priority:
            message.priority = entry.priority
        if entry.idle_timeout_ns:
            message.idle_timeout_ns = entry.idle_timeout_ns

    def _make_action(self, table_id: int, action: Action) -> p4r.Action:
        action_id = self._local_actions[table_id].get(action.name)
        if action_id is None:
            raise SchemaError(f"table '{self.tables.name_of[table_id]}' has no action '{action.name}'")
        known = self._params[action_id]
        if len(action.params) != len(known):
            raise SchemaError(f"action '{action.name}' takes {sorted(known)}, not {dict(action.params)}")
        params = []
        for name, value in action.params:
            if name not in known:
                raise SchemaError(f"action '{action.name}' has no parameter '{name}'")
            param_id, width = known[name]
            if value < 0 or value.bit_length() > width:
                raise SchemaError(f"action '{action.name}': {name}={value} does not fit in {width} bits")
            params.append(p4r.Action.Param(param_id=param_id, value=_bytes(value)))
        return p4r.Action(action_id=action_id, params=params)

    def packet_out(self, payload: bytes, metadata: dict[str, int]) -> p4r.StreamMessageRequest:
        """A packet for the switch; fields of the header that `metadata` leaves out are 0."""
        fields = [
            p4r.PacketMetadata(metadata_id=field_id, value=_bytes(metadata.get(name, 0)))
            for field_id, name, _width in self._headers["packet_out"]
        ]
        return p4r.StreamMessageRequest(packet=p4r.PacketOut(payload=payload, metadata=fields))

    # -- from the switch -----------------------------------------------------------------------------------

    def read(self, message: p4r.Entity) -> Entity | None:
        """What a switch reported, in the form that was written; None for kinds that nobody here writes."""
        match message.WhichOneof("entity"):
            case "table_entry":
                constant = message.table_entry.table_id in self._constant
                return None if constant else self.read_table_entry(message.table_entry)
            case "packet_replication_engine_entry":
                entry = message.packet_replication_engine_entry
                if entry.WhichOneof("type") == "multicast_group_entry":
                    group = entry.multicast_group_entry
                    return MulticastGroup(group.multicast_group_id, _read_replicas(group.replicas))
                session = entry.clone_session_entry
                return CloneSession(
                    session.session_id, _read_replicas(session.replicas), session.packet_length_bytes
                )
            case "digest_entry":
                digest = message.digest_entry
                config = digest.config
                return Digest(
                    self.digests.name_of[digest.digest_id],
                    config.max_list_size,
                    config.max_timeout_ns,
                    config.ack_timeout_ns,
                )
            case _:
                return None

    def packet_in(self, message: p4r.PacketIn) -> tuple[dict[str, int], bytes]:
        """Metadata by field name, and the packet."""
        values = {each.metadata_id: _int(each.value) for each in message.metadata}
        names = self._headers["packet_in"]
        return {name: values.get(field_id, 0) for field_id, name, _width in names}, message.payload

    def digest_list(self, message: p4r.DigestList) -> tuple[str, list[dict[str, int]]]:
        """The digest's name and its samples, each by member name."""
        members = self._digest_members[message.digest_id]
        samples = [
            dict(zip(members, (_int(field.bitstring) for field in data.struct.members), strict=True))
            for data in message.data
        ]
        return self.digests.name_of[message.digest_id], samples

    def read_table_entry(self, message: p4r.TableEntry) -> TableEntry | DefaultEntry:
        """An entry as a switch reported it, the program's own among them.

        An idle notification names the key alone: such an entry does nothing, as one without members. Nor
        does one that points at a member or a group, which nobody here writes: it is never what is wanted.
        """
        table = self.tables.name_of[message.table_id]
        if message.is_default_action:
            return DefaultEntry(table, self._read_action(message.action.action))
        names = {field.id: field.name for field in self._keys[message.table_id].values()}
        values = {names[m.field_id]: _read_match(m) for m in message.match}
        does: Action | tuple[Member, ...]
        kind = message.action.WhichOneof("type")
        if kind == "action_profile_action_set":
            does = tuple(
                Member(self._read_action(each.action), each.weight, _int(each.watch_port))
                for each in message.action.action_profile_action_set.action_profile_actions
            )
        else:
            does = self._read_action(message.action.action) if kind == "action" else ()
        return TableEntry(
            table, tuple(sorted(values.items())), does, message.priority, message.idle_timeout_ns
        )

    def _read_action(self, message: p4r.Action) -> Action:
        values = {param.param_id: _int(param.value) for param in message.params}
        known = self._params[message.action_id]
        params = tuple(sorted((name, values[param_id]) for name, (param_id, _width) in known.items()))
        return Action(self.actions.name_of[message.action_id].rpartition(".")[2], params)


def _fill_field(message: p4r.FieldMatch, field: _Field, value: MatchValue) -> None:
    message.field_id = field.id
    if isinstance(value, int):
        if value < 0 or value.bit_length() > field.width:
            raise SchemaError(f"key '{field.name}': {value} does not fit in {field.width} bits")
        (message.optional if field.optional else message.exact).value = _bytes(value)
    elif isinstance(value, Lpm):
        message.lpm.value, message.lpm.prefix_len = _bytes(value.value), value.length
    elif isinstance(value, Ternary):
        message.ternary.value, message.ternary.mask = _bytes(value.value), _bytes(value.mask)
    else:
        message.range.low, message.range.high = _bytes(value.low), _bytes(value.high)


def _read_match(message: p4r.FieldMatch) -> MatchValue:
    match message.WhichOneof("field_match_type"):
        case "lpm":
            return Lpm(_int(message.lpm.value), message.lpm.prefix_len)
        case "ternary":
            return Ternary(_int(message.ternary.value), _int(message.ternary.mask))
        case "range":
            return Range(_int(message.range.low), _int(message.range.high))
        case "optional":
            return _int(message.optional.value)
        case _:
            return _int(message.exact.value)


def _fill_replicas(messages: Any, replicas: Iterable[tuple[int, int]]) -> None:
    for port, rid in replicas:
        messages.add(egress_port=port, instance=rid)


def _read_replicas(messages: Iterable[p4r.Replica]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted((m.egress_port or _int(m.port), m.instance) for m in messages))
