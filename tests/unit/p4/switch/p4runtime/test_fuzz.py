"""Whatever arrives, the server answers and goes on: random messages, messages bent at random, garbage."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

import finsy as fy
import grpc
import pytest
from finsy.proto import p4r
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testbed.p4.switch.model import parse_program
from testbed.p4.switch.p4runtime.arbitration import FULL_ACCESS
from testbed.p4.switch.p4runtime.device import Device
from testbed.p4.switch.p4runtime.errors import BatchError, RpcError
from testbed.p4.switch.p4runtime.packet_io import packet_out
from testbed.p4.switch.p4runtime.schema import Schema, bind
from testbed.p4.switch.p4runtime.wire import ENTITY_TAGS, read_responses
from testbed.p4.switch.reference import ReferenceTarget
from testbed.p4.switch.target import TargetOptions
from tests.unit.p4.switch.p4runtime.harness import CPU_PORT, Harness, frame, ip_frame

VALUES = st.one_of(st.sampled_from([b"", b"\0", b"\1", b"\x01\xfe"]), st.binary(max_size=8))
SMALL = st.integers(0, 5)


class _Never:
    """A timer that never rings."""

    def cancel(self) -> None: ...


@pytest.fixture(scope="module")
def schema(compiled: Any) -> Schema:
    device_config, info = compiled
    return bind(info, parse_program(device_config))


def make_device(schema: Schema) -> tuple[Device, ReferenceTarget]:
    target = ReferenceTarget(TargetOptions(cpu_port=CPU_PORT))
    target.load(schema.program)
    device = Device(
        schema, target, cpu_port=CPU_PORT, send_digest=lambda *_: True, call_later=lambda *_: _Never()
    )
    return device, target


@st.composite
def table_entries(draw: st.DrawFn, schema: Schema) -> p4r.TableEntry:
    """Entries that are about right."""
    table = draw(st.sampled_from(list(schema.tables.values())))
    entry = p4r.TableEntry(table_id=table.id)
    for codec in table.codecs:
        if draw(st.integers(0, 9)) == 0:
            continue
        match = entry.match.add(field_id=codec.id if draw(st.integers(0, 19)) else draw(SMALL))
        value = draw(VALUES)
        kind = codec.kind if draw(st.integers(0, 19)) else draw(st.sampled_from(["exact", "lpm", "ternary"]))
        if kind == "lpm":
            match.lpm.value, match.lpm.prefix_len = value, draw(st.integers(-1, 33))
        elif kind == "ternary":
            match.ternary.value, match.ternary.mask = (
                value,
                draw(st.sampled_from([value, b"\xff\xff", b"\xff" * 4])),
            )
        elif kind == "range":
            match.range.low, match.range.high = value, draw(VALUES)
        else:
            getattr(match, kind).value = value
    if table.needs_priority or not draw(st.integers(0, 19)):
        entry.priority = draw(st.sampled_from([1, 2, 0, -1, 2**31 - 1]))
    kind = draw(st.integers(0, 5))
    if kind == 0:
        entry.action.action_profile_member_id = draw(SMALL)
    elif kind == 1:
        entry.action.action_profile_group_id = draw(SMALL)
    elif kind == 2:
        for _ in range(draw(st.integers(0, 3))):
            item = entry.action.action_profile_action_set.action_profile_actions.add(weight=draw(SMALL))
            _fill_action(draw, schema, item.action)
    elif kind < 5:
        _fill_action(draw, schema, entry.action.action, list(table.actions))
    entry.is_default_action = not draw(st.integers(0, 15))
    if not draw(st.integers(0, 5)):
        entry.counter_data.packet_count = draw(st.integers(-1, 3))
    if not draw(st.integers(0, 5)):
        entry.meter_config.cir = draw(st.integers(-1, 3))
        entry.meter_config.pir = draw(st.integers(-1, 3))
    if not draw(st.integers(0, 9)):
        entry.idle_timeout_ns = draw(st.sampled_from([1, -1, 2**63 - 1]))
    return entry


def _fill_action(draw: st.DrawFn, schema: Schema, action: p4r.Action, ids: list[int] | None = None) -> None:
    known = {a.preamble.id: a for a in schema.info.actions}
    action.action_id = draw(st.sampled_from(ids or list(known)))
    for param in known[action.action_id].params:
        if draw(st.integers(0, 15)):
            action.params.add(param_id=param.id, value=draw(VALUES))


@st.composite
def updates(draw: st.DrawFn, schema: Schema) -> p4r.Update:
    """Updates of every kind that are about right."""
    update = p4r.Update(type=draw(st.sampled_from([1, 1, 1, 2, 2, 3, 3, 0])))
    entity = update.entity
    kind = draw(st.integers(0, 9))
    info = schema.info
    if kind < 4:
        entity.table_entry.CopyFrom(draw(table_entries(schema)))
    elif kind == 4:
        member = entity.action_profile_member
        member.action_profile_id = draw(st.sampled_from([*schema.profiles, 0, 1]))
        member.member_id = draw(SMALL)
        _fill_action(draw, schema, member.action)
    elif kind == 5:
        group = entity.action_profile_group
        group.action_profile_id, group.group_id = draw(st.sampled_from([*schema.profiles, 0])), draw(SMALL)
        for _ in range(draw(st.integers(0, 3))):
            group.members.add(member_id=draw(SMALL), weight=draw(SMALL), watch_port=draw(VALUES))
    elif kind == 6:
        entry = entity.packet_replication_engine_entry
        target = draw(st.sampled_from([entry.multicast_group_entry, entry.clone_session_entry]))
        name = "multicast_group_id" if target is entry.multicast_group_entry else "session_id"
        setattr(target, name, draw(st.sampled_from([0, 1, 2, 2**32 - 1])))
        for _ in range(draw(st.integers(0, 3))):
            target.replicas.add(port=draw(VALUES), instance=draw(st.integers(0, 70000)))
    elif kind == 7:
        entry = draw(st.sampled_from([entity.counter_entry, entity.meter_entry, entity.register_entry]))
        ids = [x.preamble.id for x in (*info.counters, *info.meters, *info.registers)]
        name = {0: "counter_id", 1: "meter_id", 2: "register_id"}[draw(st.integers(0, 2))]
        if hasattr(entry, name):
            setattr(entry, name, draw(st.sampled_from([*ids, 0])))
        if draw(st.booleans()):
            entry.index.index = draw(st.integers(-1, 20))
        if hasattr(entry, "config"):
            entry.config.cir = draw(st.integers(-1, 3))
        elif entry is entity.register_entry:
            entry.data.bitstring = draw(VALUES)
        else:
            entry.data.packet_count = draw(st.integers(-1, 2**63 - 1))
    elif kind == 8:
        entry = entity.value_set_entry
        entry.value_set_id = draw(st.sampled_from([*schema.value_sets, 0]))
        for _ in range(draw(st.integers(0, 5))):
            entry.members.add().match.add(field_id=draw(st.integers(1, 2))).exact.value = draw(VALUES)
    else:
        entity.digest_entry.digest_id = draw(st.sampled_from([*schema.digests, 0]))
        entity.digest_entry.config.max_list_size = draw(st.integers(-1, 5))
        entity.digest_entry.config.ack_timeout_ns = draw(st.sampled_from([0, 10**9, -1]))
    return update


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_writes_keep_server_and_engine_consistent(schema: Schema, data: st.DataObject) -> None:
    """After any batches, a fresh device that is written what was read back reads back the same."""
    device, target = make_device(schema)
    for _ in range(data.draw(st.integers(1, 4))):
        batch = data.draw(st.lists(updates(schema), max_size=6))
        atomicity = data.draw(st.integers(0, 2))
        before = _everything(device)
        try:
            device.write(batch, atomicity, FULL_ACCESS)
        except BatchError as error:
            if atomicity != 0:
                assert _everything(device) == before, error.message
        target.inject(1, frame(1))
        target.inject(1, ip_frame(1))
    snapshot = device.snapshot()
    written = sorted(update.SerializeToString() for update in snapshot)
    copy, other = make_device(schema)
    copy.write(snapshot, 2, FULL_ACCESS)
    assert sorted(update.SerializeToString() for update in copy.snapshot()) == written
    target.close()
    other.close()


def _everything(device: Device) -> list[bytes]:
    entities = []
    for kind in ENTITY_TAGS.keys() - {"counter_entry", "direct_counter_entry", "direct_meter_entry"}:
        entity = p4r.Entity()
        getattr(entity, kind).SetInParent()
        entities.append(entity)
    defaults = p4r.Entity(table_entry=p4r.TableEntry(is_default_action=True))
    return sorted(body for _, body in device.read([*entities, defaults], FULL_ACCESS))


def _scalars(field: Any) -> st.SearchStrategy[Any]:
    if field.type == field.TYPE_BYTES:
        return st.binary(max_size=5)
    if field.cpp_type == field.CPPTYPE_STRING:
        return st.text(max_size=4)
    if field.cpp_type == field.CPPTYPE_BOOL:
        return st.booleans()
    return (
        st.integers(0, 7)
        if field.cpp_type == field.CPPTYPE_ENUM
        else st.sampled_from([0, 1, 2, 3, 2**31 - 1])
    )


def random_message(draw: Any, message: Any, depth: int = 0) -> Any:
    """Any message of a type."""
    for field in message.DESCRIPTOR.fields:
        if depth > 4 or draw(st.integers(0, 2)):
            continue
        count = draw(st.integers(0, 2)) if field.is_repeated else 1
        for _ in range(count):
            if field.message_type is not None:
                if field.message_type.GetOptions().map_entry:
                    continue
                child = getattr(message, field.name)
                random_message(draw, child.add() if field.is_repeated else child, depth + 1)
                if not field.is_repeated:
                    child.SetInParent()
                continue
            value = draw(_scalars(field))
            if field.is_repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)
    return message


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_random_messages(schema: Schema, data: st.DataObject) -> None:
    device, target = make_device(schema)
    request = random_message(data.draw, p4r.WriteRequest())
    with suppress(RpcError):
        device.write(request.updates, data.draw(st.integers(0, 2)), FULL_ACCESS)
    read = random_message(data.draw, p4r.ReadRequest())
    with suppress(RpcError):
        for response in read_responses(device.read(read.entities, FULL_ACCESS)):
            p4r.ReadResponse.FromString(response)
    with suppress(RpcError):
        packet_out(schema.packet_out, random_message(data.draw, p4r.PacketOut()))
    target.close()


async def test_garbage_on_the_port(switch: Harness) -> None:
    """Bytes that are no HTTP/2, and HTTP/2 whose messages are no protobuf."""
    host, port = switch.address.split(":")
    for garbage in (
        b"GET / HTTP/1.0\r\n\r\n",
        b"\0" * 5000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 999,
    ):
        with socket.create_connection((host, int(port))) as sock:
            sock.sendall(garbage)
    raw = {}
    for name in ("Write", "SetForwardingPipelineConfig", "GetForwardingPipelineConfig", "Capabilities"):
        raw[name] = switch.channel.unary_unary(f"/p4.v1.P4Runtime/{name}")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await raw[name](b"\xff\xff\xff")
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.aio.AioRpcError):
        await switch.channel.unary_unary("/p4.v1.P4Runtime/Nothing")(b"")
    with pytest.raises(grpc.aio.AioRpcError):
        async for _ in switch.channel.unary_stream("/p4.v1.P4Runtime/Read")(b"\xff"):
            pass
    call = switch.channel.stream_stream("/p4.v1.P4Runtime/StreamChannel")()
    await call.write(b"\xff\xff")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert len(await switch.read(fy.P4TableEntry())) == 2


async def test_clients_that_vanish(switch: Harness) -> None:
    for _ in range(5):
        streams = [await switch.stream() for _ in range(10)]
        for i, stream in enumerate(streams):
            await stream.send_arbitration(i + 1)
        for stream in streams:
            stream.close()
    for _ in range(100):
        if not switch.server.service._outboxes:
            break
        await asyncio.sleep(0.01)
    assert not switch.server.service._outboxes
    await switch.primary(1)
