"""Writing table entries: what is accepted, what is refused and with which code, what packets then see."""

from __future__ import annotations

from typing import Any

import finsy as fy
import pytest
from finsy.proto import p4r

from tests.unit.p4.switch.p4runtime.harness import Harness, frame, ip_frame, ports

MAC = 0x0200000000AA


def dmac(mac: int = MAC, port: int = 3, **more: Any) -> fy.P4TableEntry:
    return fy.P4TableEntry("dmac", match=fy.Match(dst=mac), action=fy.Action("forward", port=port), **more)


def acl(match: dict[str, Any], action: str = "drop", priority: int = 10) -> fy.P4TableEntry:
    match = {"ethernet_valid": 1} | match
    return fy.P4TableEntry("acl", match=fy.Match(**match), action=fy.Action(action), priority=priority)


def counts(size: int = 0, packets: int = 0) -> fy.P4CounterData:
    return fy.P4CounterData(byte_count=size, packet_count=packets)


def meter(cir: int, cburst: int, pir: int, pburst: int) -> fy.P4MeterConfig:
    return fy.P4MeterConfig(cir=cir, cburst=cburst, pir=pir, pburst=pburst)


def raw(switch: Harness, entry: fy.P4TableEntry) -> p4r.Entity:
    return entry.encode(switch.schema)


async def test_entries_take_effect_at_once(switch: Harness) -> None:
    assert switch.target.inject(1, frame(MAC)) == []
    await switch.insert(dmac())
    assert ports(switch.target.inject(1, frame(MAC))) == [3]
    await switch.modify(dmac(port=4))
    assert ports(switch.target.inject(1, frame(MAC))) == [4]
    await switch.delete(dmac())
    assert switch.target.inject(1, frame(MAC)) == []


async def test_presence(switch: Harness) -> None:
    assert await switch.refused("MODIFY", dmac()) == "NOT_FOUND"
    assert await switch.refused("DELETE", dmac()) == "NOT_FOUND"
    await switch.insert(dmac())
    assert await switch.refused("INSERT", dmac(port=7)) == "ALREADY_EXISTS"
    assert ports(switch.target.inject(1, frame(MAC))) == [3]


async def test_freed_places_are_used_again(switch: Harness) -> None:
    for _ in range(3):
        await switch.insert(*(dmac(mac, 5) for mac in range(1000)))
        assert ports(switch.target.inject(1, frame(999))) == [5]
        await switch.delete(*(dmac(mac) for mac in range(1000)))
        assert switch.target.inject(1, frame(999)) == []


async def test_a_full_table(switch: Harness) -> None:
    entries = [
        fy.P4TableEntry("smac", match=fy.Match(src=i, ingress_port=1), action=fy.Action("NoAction"))
        for i in range(65)
    ]
    await switch.insert(*entries[:64])
    assert await switch.refused("INSERT", entries[64]) == "RESOURCE_EXHAUSTED"
    await switch.delete(entries[0])
    await switch.insert(entries[64])


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"\x02\x00\x00\x00\x00\xaa", None),
        (b"\x00\x00\x00\x02\x00\x00\x00\x00\xaa", None),
        (b"\x01\x02\x00\x00\x00\x00\xaa", "INVALID_ARGUMENT"),
        (b"", "INVALID_ARGUMENT"),
    ],
)
async def test_lengths_of_match_values(switch: Harness, value: bytes, code: str | None) -> None:
    entity = raw(switch, dmac())
    entity.table_entry.match[0].exact.value = value
    if code is None:
        await switch.insert(entity)
        assert await switch.read(fy.P4TableEntry("dmac")) == [dmac()]
    else:
        assert await switch.refused("INSERT", entity) == code


async def test_action_parameters(switch: Harness) -> None:
    for change, code in [
        (lambda a: a.params[0].ClearField("value"), "INVALID_ARGUMENT"),
        (lambda a: setattr(a.params[0], "value", b"\x02\x00"), "INVALID_ARGUMENT"),
        (lambda a: setattr(a.params[0], "param_id", 9), "INVALID_ARGUMENT"),
        (lambda a: a.params.add(param_id=1, value=b"\1"), "INVALID_ARGUMENT"),
        (lambda a: a.ClearField("params"), "INVALID_ARGUMENT"),
        (lambda a: setattr(a, "action_id", 1), "INVALID_ARGUMENT"),
    ]:
        entity = raw(switch, dmac())
        change(entity.table_entry.action.action)
        assert await switch.refused("INSERT", entity) == code
    entity = raw(switch, dmac())
    entity.table_entry.action.action.params[0].value = b"\x00\x00\x00\x03"
    await switch.insert(entity)
    assert await switch.read(fy.P4TableEntry("dmac")) == [dmac()]


async def test_malformed_updates(switch: Harness) -> None:
    entity = raw(switch, dmac())
    assert await switch.refused("UNSPECIFIED", entity) == "INVALID_ARGUMENT"
    assert await switch.refused("INSERT", p4r.Entity()) == "INVALID_ARGUMENT"
    entity.table_entry.table_id = 0
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
    entity.table_entry.table_id = 0x02ABCDEF
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
    entity = raw(switch, dmac())
    entity.table_entry.ClearField("action")
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
    entity = raw(switch, dmac())
    entity.table_entry.match[0].field_id = 7
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
    entity = raw(switch, dmac())
    entity.table_entry.match.append(entity.table_entry.match[0])
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
    entity = raw(switch, dmac())
    del entity.table_entry.match[0]
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
    entity = raw(switch, dmac())
    entity.table_entry.is_const = True
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
    entity = raw(switch, dmac())
    entity.table_entry.match[0].lpm.value = b"\1"
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
    assert await switch.refused("INSERT", p4r.Entity(extern_entry=p4r.ExternEntry())) == "UNIMPLEMENTED"


async def test_priority_and_ternary(switch: Harness) -> None:
    await switch.insert(
        dmac(0x02AA, 3),
        acl({"src": "10.0.0.0/&255.0.0.0"}, "drop", 10),
        acl({"src": "10.1.0.0/&255.255.0.0"}, "NoAction", 20),
        acl({"protocol": 6}, "drop", 30),
    )
    forwarded = [
        ports(switch.target.inject(1, ip_frame(0, src=src, protocol=protocol)))
        for src, protocol in ((0x0A020000, 17), (0x0A010000, 17), (0x0A010000, 6), (0x0B000000, 17))
    ]
    assert forwarded == [[], [3], [], [3]]
    assert await switch.refused("INSERT", acl({"protocol": 6}, priority=0)) == "INVALID_ARGUMENT"
    assert await switch.refused("INSERT", dmac(1, 1, priority=5)) == "INVALID_ARGUMENT"
    assert await switch.refused("INSERT", acl({"protocol": 6}, "NoAction", 30)) == "ALREADY_EXISTS"
    await switch.insert(acl({"protocol": 6}, "NoAction", 31))
    assert ports(switch.target.inject(1, ip_frame(0, src=0x0B000000, protocol=6))) == [3]


async def test_masks(switch: Harness) -> None:
    entity = raw(switch, acl({"src": "10.0.0.0/&255.0.0.0"}))
    ternary = next(m.ternary for m in entity.table_entry.match if m.HasField("ternary"))
    ternary.value = b"\x0a\x00\x00\x01"
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
    ternary.value, ternary.mask = b"\0", b"\0"
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
    ternary.value, ternary.mask = b"\x0a\x00\x00\x00", b"\x00\xff\x00\x00\x00"
    await switch.insert(entity)


async def test_prefixes(switch: Harness) -> None:
    member = fy.P4ActionProfileMember("next_hops", member_id=1, action=fy.Action("set_dst", mac=0x0B, port=7))
    await switch.insert(member)
    first = fy.P4IndirectAction(member_id=1)
    entry = fy.P4TableEntry("routes", match=fy.Match(dst="10.0.0.0/8"), action=first)
    entity = raw(switch, entry)
    lpm = entity.table_entry.match[0].lpm
    for length, value in ((0, b"\0"), (33, b"\x0a\x00\x00\x00"), (8, b"\x0a\x01\x00\x00"), (-1, b"\0")):
        lpm.prefix_len, lpm.value = length, value
        assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
    await switch.insert(entry, fy.P4TableEntry("routes", action=first))
    ((port, out),) = switch.target.inject(1, ip_frame(0x0A000001))
    assert (port, out[:6]) == (7, (0x0B).to_bytes(6))
    assert {str(e.match) for e in await switch.read(fy.P4TableEntry("routes"))} == {
        "{'dst': (167772160, 8)}",
        "None",
    }


async def test_ranges(switch: Harness) -> None:
    def entry(ttl: str, priority: int = 1) -> fy.P4TableEntry:
        return fy.P4TableEntry("ranges", match=fy.Match(ttl=ttl), action=fy.Action("drop"), priority=priority)

    await switch.insert(dmac(0x02AA, 3), entry("0...9"), entry("200...255"))
    seen = [bool(switch.target.inject(1, ip_frame(1, ttl=ttl))) for ttl in (0, 9, 10, 199, 200, 255)]
    assert seen == [False, False, True, True, False, False]
    entity = raw(switch, entry("0...9", 2))
    entity.table_entry.match[0].range.low = b"\x0a"
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
    entity.table_entry.match[0].range.low, entity.table_entry.match[0].range.high = b"\0", b"\xff"
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"


async def test_default_entries(switch: Harness) -> None:
    def default(**action: Any) -> fy.P4TableEntry:
        return fy.P4TableEntry(
            "dmac", is_default_action=True, action=fy.Action("forward", **action) if action else None
        )

    assert await switch.refused("INSERT", default(port=1)) == "INVALID_ARGUMENT"
    assert await switch.refused("DELETE", default(port=1)) == "INVALID_ARGUMENT"
    await switch.modify(default(port=9))
    assert ports(switch.target.inject(1, frame(MAC))) == [9]
    await switch.modify(default())
    assert switch.target.inject(1, frame(MAC)) == []
    const = fy.P4TableEntry("smac", is_default_action=True, action=fy.Action("NoAction"))
    assert await switch.refused("MODIFY", const) == "PERMISSION_DENIED"


async def test_action_scopes_and_constant_tables(switch: Harness) -> None:
    entry = fy.P4TableEntry("smac", match=fy.Match(src=1, ingress_port=1), action=fy.Action("learn"))
    assert await switch.refused("INSERT", entry) == "PERMISSION_DENIED"
    fixed = fy.P4TableEntry("fixed_table", match=fy.Match(type=0x88CC), action=fy.Action("NoAction"))
    for verb in ("INSERT", "MODIFY", "DELETE"):
        assert await switch.refused(verb, fixed) == "PERMISSION_DENIED"


async def test_modify_without_action_keeps_it(switch: Harness) -> None:
    await switch.insert(dmac())
    await switch.modify(fy.P4TableEntry("dmac", match=fy.Match(dst=MAC), metadata=b"note"))
    assert ports(switch.target.inject(1, frame(MAC))) == [3]
    (entry,) = await switch.read(fy.P4TableEntry("dmac"))
    assert (entry.metadata, entry.action) == (b"note", fy.Action("forward", port=3))


async def test_idle_timeouts_need_the_table_to_support_them(switch: Harness) -> None:
    assert await switch.refused("INSERT", dmac(idle_timeout_ns=10)) == "INVALID_ARGUMENT"
    entry = fy.P4TableEntry("smac", match=fy.Match(src=1, ingress_port=1), action=fy.Action("NoAction"))
    entity = raw(switch, entry)
    entity.table_entry.idle_timeout_ns = -1
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
    entity.table_entry.idle_timeout_ns = 5_000_000_000
    await switch.insert(entity)
    (found,) = await switch.read(fy.P4TableEntry("smac"))
    assert found.idle_timeout_ns == 5_000_000_000


# -- batches -------------------------------------------------------------------------------------------------


async def test_one_error_per_update(switch: Harness) -> None:
    await switch.insert(dmac(1))
    failure = await switch.fails(
        switch.write(("INSERT", dmac(2)), ("INSERT", dmac(1)), ("DELETE", dmac(9)), ("INSERT", dmac(3)))
    )
    assert failure.code == "UNKNOWN"
    assert failure.codes == ["OK", "ALREADY_EXISTS", "NOT_FOUND", "OK"]
    assert failure.updates[1].message
    assert len(await switch.read(fy.P4TableEntry("dmac"))) == 3


@pytest.mark.parametrize("atomicity", ["ROLLBACK_ON_ERROR", "DATAPLANE_ATOMIC"])
async def test_all_or_nothing(switch: Harness, atomicity: str) -> None:
    await switch.insert(dmac(1, 3), dmac(2, 3))
    changes = [("MODIFY", dmac(1, 4)), ("DELETE", dmac(2)), ("INSERT", dmac(3))]
    faulty = [*changes, ("INSERT", dmac(1)), ("INSERT", dmac(4))]
    failure = await switch.fails(switch.write(*faulty, atomicity=atomicity))
    assert failure.codes == ["ABORTED", "ABORTED", "ABORTED", "ALREADY_EXISTS", "ABORTED"]
    assert sorted(await switch.read(fy.P4TableEntry("dmac")), key=str) == [dmac(1, 3), dmac(2, 3)]
    assert [ports(switch.target.inject(1, frame(mac))) for mac in (1, 2, 3)] == [[3], [3], []]
    await switch.write(*changes, atomicity=atomicity)
    assert [ports(switch.target.inject(1, frame(mac))) for mac in (1, 2, 3)] == [[4], [], [3]]
    await switch.insert(dmac(2, 8))
    assert ports(switch.target.inject(1, frame(2))) == [8]


async def test_many_errors_fit_the_metadata_a_client_takes(switch: Harness) -> None:
    await switch.insert(dmac(7))
    failure = await switch.fails(switch.write(*[("INSERT", dmac(7))] * 999, ("INSERT", dmac(8))))
    assert failure.code == "UNKNOWN"
    assert failure.message.startswith("999 of 1000 failed: #0 ALREADY_EXISTS")
    assert len(failure.updates) > 100
    assert set(failure.codes) == {"ALREADY_EXISTS"}
    assert len(await switch.read(fy.P4TableEntry("dmac"))) == 2


# -- direct resources ----------------------------------------------------------------------------------------


async def test_direct_counters(switch: Harness) -> None:
    await switch.insert(dmac())
    for _ in range(3):
        switch.target.inject(1, frame(MAC))
    size = len(frame(MAC))

    async def count() -> fy.P4CounterData:
        (entry,) = await switch.read(fy.P4DirectCounterEntry("l2_counter", table_entry=dmac()))
        assert entry.data is not None
        return entry.data

    assert await count() == fy.P4CounterData(packet_count=3, byte_count=3 * size)
    await switch.modify(fy.P4DirectCounterEntry("l2_counter", table_entry=dmac(), data=counts(5, 6)))
    switch.target.inject(1, frame(MAC))
    assert await count() == fy.P4CounterData(byte_count=5 + size, packet_count=7)
    await switch.modify(dmac(port=4))
    assert (await count()).packet_count == 7
    await switch.delete(dmac())
    await switch.insert(dmac())
    assert await count() == fy.P4CounterData()
    stranger = fy.P4DirectCounterEntry("l2_counter", table_entry=dmac(9), data=counts(1, 1))
    assert await switch.refused("MODIFY", stranger) == "NOT_FOUND"
    assert await switch.refused("INSERT", stranger) == "INVALID_ARGUMENT"
    no_counter = fy.P4TableEntry("ranges", action=fy.Action("drop"), priority=1, counter_data=counts(1, 1))
    assert await switch.refused("INSERT", no_counter) == "INVALID_ARGUMENT"


async def test_initial_counts(switch: Harness) -> None:
    await switch.insert(dmac(counter_data=fy.P4CounterData(byte_count=100, packet_count=10)))
    (entry,) = await switch.read(fy.P4TableEntry("dmac", counter_data=fy.P4CounterData()))
    assert entry.counter_data == fy.P4CounterData(byte_count=100, packet_count=10)
    (entry,) = await switch.read(fy.P4TableEntry("dmac"))
    assert entry.counter_data is None


async def test_direct_resources_of_the_default_entry(switch: Harness) -> None:
    """There are none; those of all other entries are no answer."""
    await switch.insert(dmac())
    default = fy.P4TableEntry("dmac", is_default_action=True)
    counter = fy.P4DirectCounterEntry("l2_counter", table_entry=default)
    for entity in (counter, fy.P4DirectMeterEntry(table_entry=default)):
        assert (await switch.fails(switch.read(entity))).codes == ["UNIMPLEMENTED"]
        assert await switch.refused("MODIFY", entity) == "UNIMPLEMENTED"


async def test_negative_counts(switch: Harness) -> None:
    for bad in (counts(-1, 1), counts(1, -1)):
        assert await switch.refused("INSERT", dmac(counter_data=bad)) == "INVALID_ARGUMENT"
    await switch.insert(dmac())
    for bad in (counts(-1, 1), counts(1, -1)):
        assert await switch.refused("MODIFY", dmac(port=4, counter_data=bad)) == "INVALID_ARGUMENT"
        direct = fy.P4DirectCounterEntry("l2_counter", table_entry=dmac(), data=bad)
        assert await switch.refused("MODIFY", direct) == "INVALID_ARGUMENT"
    assert ports(switch.target.inject(1, frame(MAC))) == [3]


async def test_direct_meters(switch: Harness) -> None:
    config = meter(1, 2, 3, 4)
    metered = fy.P4TableEntry(
        "dmac", match=fy.Match(dst=MAC), action=fy.Action("forward_metered", port=3), meter_config=config
    )
    await switch.insert(metered)
    (entry,) = await switch.read(fy.P4TableEntry("dmac", meter_config=meter(0, 0, 0, 0)))
    assert entry.meter_config == config
    (direct,) = await switch.read(fy.P4DirectMeterEntry(table_entry=fy.P4TableEntry("dmac")))
    assert direct.config == config
    await switch.modify(fy.P4DirectMeterEntry(table_entry=dmac(), config=meter(5, 5, 5, 5)))
    (direct,) = await switch.read(fy.P4DirectMeterEntry(table_entry=dmac()))
    assert direct.config.cir == 5
    await switch.modify(dmac())
    (direct,) = await switch.read(fy.P4DirectMeterEntry(table_entry=dmac()))
    assert direct.config is None
    bad = fy.P4DirectMeterEntry(table_entry=dmac(), config=meter(5, 5, 4, 5))
    assert await switch.refused("MODIFY", bad) == "INVALID_ARGUMENT"
