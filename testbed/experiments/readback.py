"""The entities that a switch holds, read from the switch itself over P4Runtime, by the program's names."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any, final

from finsy import P4Client, P4ClientError
from finsy.proto import p4i, p4r

from controllers.dataplane.codec import Codec
from controllers.dataplane.entity import (
    Action,
    CloneSession,
    Entity,
    Lpm,
    MatchValue,
    MulticastGroup,
    Range,
    TableEntry,
    Ternary,
)
from controllers.dataplane.p4runtime import Session
from controllers.wire.types import mac_to_text
from testbed.lab.errors import LabError

Row = dict[str, Any]


async def read_tables(session: Session) -> list[Row]:
    """All entries with their counters, multicast groups and clone sessions. LabError if it cannot be read."""
    rows = Rows(session.program.p4info)
    found = [row for each in await _read(session) if (row := rows.row(each)) is not None]
    return sorted(found, key=lambda row: (row["table"], str(row["match"])))


async def read_entities(session: Session) -> list[Entity]:
    """All that a controller writes, as it writes it. LabError if it cannot be read."""
    # One by one: simple_switch_grpc reads no wildcard of these.
    digests = (
        p4r.Entity(digest_entry=p4r.DigestEntry(digest_id=each.preamble.id))
        for each in session.program.p4info.digests
    )
    messages = await _read(session, *digests)
    return [entity for each in messages if (entity := session.codec.read(each)) is not None]


async def _read(session: Session, *more: p4r.Entity) -> list[p4r.Entity]:
    """Read as a client of its own: a read needs no mastership (P4Runtime §5)."""
    replication = p4r.PacketReplicationEngineEntry
    kinds = [
        p4r.Entity(table_entry=p4r.TableEntry(counter_data=p4r.CounterData())),
        p4r.Entity(
            packet_replication_engine_entry=replication(multicast_group_entry=p4r.MulticastGroupEntry())
        ),
        p4r.Entity(packet_replication_engine_entry=replication(clone_session_entry=p4r.CloneSessionEntry())),
        *more,
    ]
    found: list[p4r.Entity] = []
    client = P4Client(session.address, wait_for_ready=False)
    try:
        await client.open()
        for kind in kinds:
            request = p4r.ReadRequest(device_id=session.device_id, entities=[kind])
            async for answer in client.request_iter(request):
                found += answer.entities
    except P4ClientError as error:
        raise LabError(f"{session.name} cannot be read: {error.code.name}: {error.message}") from None
    finally:
        await client.close()
    return found


@final
class Rows:
    """Entities of one program as rows; values are written as what they are by their widths."""

    def __init__(self, p4info: p4i.P4Info) -> None:
        self._codec = Codec(p4info)
        self._keys = {
            table.preamble.alias: {field.name: field.bitwidth for field in table.match_fields}
            for table in p4info.tables
        }
        self._params = {
            action.preamble.alias.rpartition(".")[2]: {param.name: param.bitwidth for param in action.params}
            for action in p4info.actions
        }

    def row(self, message: p4r.Entity) -> Row | None:
        """One entity; None for kinds that are not shown."""
        entry = message.WhichOneof("entity") == "table_entry"
        match self._codec.read_table_entry(message.table_entry) if entry else self._codec.read(message):
            case TableEntry(table, match, does, priority):
                counted = message.table_entry.counter_data
                return {
                    "table": table,
                    "match": {name: _match(value, self._keys[table][name]) for name, value in match},
                    "priority": priority,
                    **self._does(does),
                    "packets": counted.packet_count,
                    "bytes": counted.byte_count,
                }
            case MulticastGroup(group, replicas):
                return {
                    "table": "multicast group",
                    "match": {"group": group},
                    "replicas": _replicas(replicas),
                }
            case CloneSession(number, replicas):
                return {
                    "table": "clone session",
                    "match": {"session": number},
                    "replicas": _replicas(replicas),
                }
        return None

    def _does(self, does: Action | tuple[Any, ...]) -> Row:
        if isinstance(does, Action):
            return {"action": does.name, "params": self._values(does)}
        members = [
            {"action": m.action.name, "params": self._values(m.action), "weight": m.weight} for m in does
        ]
        return {"action": "selector", "members": members}

    def _values(self, action: Action) -> Mapping[str, int | str]:
        widths = self._params[action.name]
        return {name: _text(value, name, widths[name]) for name, value in action.params}


def _match(value: MatchValue, width: int) -> int | str:
    match value:
        case Lpm(number, length):
            return f"{_text(number, '', width)}/{length}"
        case Ternary(number, mask):
            whole = mask == (1 << width) - 1
            return (
                _text(number, "", width) if whole else f"{_text(number, '', width)}&{_text(mask, '', width)}"
            )
        case Range(low, high):
            return f"{low}-{high}"
    return _text(value, "", width)


def _text(value: int, name: str, width: int) -> int | str:
    if width == 48:
        return mac_to_text(value)
    if width == 32 and not name.endswith("index"):
        return str(IPv4Address(value))
    if width == 128:
        return str(IPv6Address(value))
    return value


def _replicas(replicas: tuple[tuple[int, int], ...]) -> list[Row]:
    return [{"port": port, "instance": instance} for port, instance in replicas]
