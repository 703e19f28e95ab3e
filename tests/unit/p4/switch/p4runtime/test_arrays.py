"""Indexed counters, meters and registers, and value sets."""

from __future__ import annotations

import finsy as fy
from finsy.proto import p4d, p4r
from hypothesis import given
from hypothesis import strategies as st

from testbed.p4.switch.p4runtime.arrays import _parse_register, _register_bytes
from testbed.p4.switch.p4runtime.schema import ArraySchema
from tests.unit.p4.switch.p4runtime.harness import Harness, frame, ip_frame, ports


async def test_counters(switch: Harness) -> None:
    switch.target.inject(2, frame(1))
    (entry,) = await switch.read(fy.P4CounterEntry("port_counter", index=2))
    assert entry.data == fy.P4CounterData(byte_count=len(frame(1)), packet_count=1)
    everything = await switch.read(fy.P4CounterEntry("port_counter"))
    assert [e.index for e in everything] == list(range(8))
    await switch.modify(
        fy.P4CounterEntry("port_counter", data=fy.P4CounterData(byte_count=7, packet_count=8))
    )
    assert {e.packet_count for e in await switch.read(fy.P4CounterEntry())} == {8}
    data = fy.P4CounterData()
    assert (
        await switch.refused("INSERT", fy.P4CounterEntry("port_counter", index=1, data=data))
        == "INVALID_ARGUMENT"
    )
    assert (
        await switch.refused("MODIFY", fy.P4CounterEntry("port_counter", index=8, data=data))
        == "OUT_OF_RANGE"
    )
    entity = fy.P4CounterEntry("port_counter", index=1, data=data).encode(switch.schema)
    entity.counter_entry.index.index = -1
    assert await switch.refused("MODIFY", entity) == "INVALID_ARGUMENT"
    entity.counter_entry.counter_id = 0x12ABCDEF
    assert await switch.refused("MODIFY", entity) == "INVALID_ARGUMENT"


async def test_meters(switch: Harness) -> None:
    config = fy.P4MeterConfig(cir=1, cburst=2, pir=3, pburst=4)
    await switch.modify(fy.P4MeterEntry("port_meter", index=3, config=config))
    (entry,) = await switch.read(fy.P4MeterEntry("port_meter", index=3))
    assert entry.config == config
    configured = [e.index for e in await switch.read(fy.P4MeterEntry("port_meter")) if e.config is not None]
    assert configured == [3]
    await switch.modify(fy.P4MeterEntry("port_meter", config=config))
    assert all(e.config == config for e in await switch.read(fy.P4MeterEntry()))
    await switch.modify(fy.P4MeterEntry("port_meter"))
    assert all(e.config is None for e in await switch.read(fy.P4MeterEntry()))
    negative = fy.P4MeterEntry(
        "port_meter", index=3, config=fy.P4MeterConfig(cir=-1, cburst=2, pir=3, pburst=4)
    )
    assert await switch.refused("MODIFY", negative) == "INVALID_ARGUMENT"
    assert await switch.refused("DELETE", fy.P4MeterEntry("port_meter")) == "INVALID_ARGUMENT"


async def test_registers(switch: Harness) -> None:
    for _ in range(5):
        switch.target.inject(1, frame(1))
    (entry,) = await switch.read(fy.P4RegisterEntry("seen", index=3))
    assert entry.data == 5
    await switch.modify(fy.P4RegisterEntry("seen", index=3, data=100))
    switch.target.inject(1, frame(1))
    assert [e.data for e in await switch.read(fy.P4RegisterEntry("seen"))] == [0, 0, 0, 101] + [0] * 12
    await switch.modify(fy.P4RegisterEntry("seen", data=2))
    assert {e.data for e in await switch.read(fy.P4RegisterEntry())} == {2}
    assert await switch.refused("INSERT", fy.P4RegisterEntry("seen", index=1, data=1)) == "INVALID_ARGUMENT"
    assert await switch.refused("MODIFY", fy.P4RegisterEntry("seen", index=16, data=1)) == "OUT_OF_RANGE"
    entity = fy.P4RegisterEntry("seen", index=1, data=1).encode(switch.schema)
    entity.register_entry.data.bitstring = b"\1\0\0\0\0"
    assert await switch.refused("MODIFY", entity) == "INVALID_ARGUMENT"
    entity.register_entry.ClearField("data")
    assert await switch.refused("MODIFY", entity) == "INVALID_ARGUMENT"


@given(st.integers(2, 70), st.data())
def test_signed_registers(width: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(-(1 << width - 1), (1 << width - 1) - 1))
    array = ArraySchema(1, "r", 0, 1, width=-width)
    size = data.draw(st.integers(width // 8 + 1, width // 8 + 3))
    stored = _parse_register(array, p4d.P4Data(bitstring=number.to_bytes(size, signed=True)))
    assert 0 <= stored < 1 << width
    back = _register_bytes(array, stored)
    assert int.from_bytes(back, signed=True) == number
    assert len(back) == next(n for n in range(1, 20) if -(1 << 8 * n - 1) <= number < 1 << (8 * n - 1))


async def test_value_sets(switch: Harness) -> None:
    await switch.insert(
        fy.P4TableEntry("dmac", match=fy.Match(dst=0x02AA), action=fy.Action("forward", port=3)),
        fy.P4TableEntry("ranges", match=fy.Match(ttl="5...5"), action=fy.Action("drop"), priority=1),
    )
    other = ip_frame(1, ttl=5)[:12] + b"\x9a\xbc" + ip_frame(1, ttl=5)[14:]

    def members(*types: int) -> fy.P4ValueSetEntry:
        matches = [
            fy.P4ValueSetMember({switch.schema.value_sets["ip_types"].match[1].name: t}) for t in types
        ]
        return fy.P4ValueSetEntry("ip_types", members=matches)

    assert ports(switch.target.inject(1, other)) == [3]
    await switch.modify(_value_set(switch, 0x9ABC, 0x1111))
    assert switch.target.inject(1, other) == []
    (found,) = await switch.read_raw(_value_set(switch))
    assert [m.match[0].exact.value for m in found.value_set_entry.members] == [b"\x9a\xbc", b"\x11\x11"]
    assert await switch.refused("MODIFY", _value_set(switch, 1, 1)) == "ALREADY_EXISTS"
    assert await switch.refused("MODIFY", _value_set(switch, 1, 2, 3, 4, 5)) == "RESOURCE_EXHAUSTED"
    assert await switch.refused("INSERT", _value_set(switch, 1)) == "INVALID_ARGUMENT"
    await switch.modify(_value_set(switch))
    assert ports(switch.target.inject(1, other)) == [3]


def _value_set(switch: Harness, *types: int) -> p4r.Entity:
    entity = p4r.Entity()
    entry = entity.value_set_entry
    entry.value_set_id = switch.info.value_sets[0].preamble.id
    for ethertype in types:
        match = entry.members.add().match.add(field_id=1)
        match.exact.value = ethertype.to_bytes(2)
    return entity
