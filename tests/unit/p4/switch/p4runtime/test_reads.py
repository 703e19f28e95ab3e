"""Reading back: wildcards, filters, chunks, read-write symmetry."""

from __future__ import annotations

import finsy as fy
from finsy.proto import p4r
from hypothesis import given
from hypothesis import strategies as st

from testbed.p4.switch.p4runtime.wire import CHUNK, counter_data, read_responses, varint
from tests.unit.p4.switch.p4runtime.harness import DEVICE, Harness, frame


def dmac(mac: int, port: int = 3, action: str = "forward", **more: object) -> fy.P4TableEntry:
    return fy.P4TableEntry("dmac", match=fy.Match(dst=mac), action=fy.Action(action, port=port), **more)


def acl(priority: int, **more: object) -> fy.P4TableEntry:
    return fy.P4TableEntry(
        "acl",
        match=fy.Match(src=(0x0A000000, 0xFF000000), ethernet_valid=1),
        action=fy.Action("drop"),
        priority=priority,
        **more,
    )


def macs(entries: list[fy.P4TableEntry]) -> list[int]:
    return [entry.match["dst"] for entry in entries]


async def test_wildcards_and_filters(switch: Harness) -> None:
    written = [dmac(1), dmac(2, action="forward_metered"), dmac(3, metadata=b"m"), acl(5), acl(6)]
    await switch.insert(*written)
    everything = await switch.read(fy.P4TableEntry())
    assert [e for e in everything if not e.is_const] == written
    assert sorted(e.match["type"] for e in everything if e.is_const) == [0x88CC, 0x8942]
    assert await switch.read(fy.P4TableEntry("dmac")) == written[:3]
    assert macs(await switch.read(fy.P4TableEntry("dmac", match=fy.Match(dst=2)))) == [2]
    assert await switch.read(fy.P4TableEntry("dmac", match=fy.Match(dst=9))) == []
    assert macs(await switch.read(fy.P4TableEntry("dmac", metadata=b"m"))) == [3]
    assert await switch.read(fy.P4TableEntry("acl", priority=6)) == [acl(6)]
    query = p4r.Entity(table_entry=p4r.TableEntry(table_id=switch.schema.tables["dmac"].id))
    query.table_entry.action.action.action_id = switch.schema.actions["forward_metered"].id
    (entity,) = await switch.read_raw(query)
    assert fy.P4TableEntry.decode(entity, switch.schema) == written[1]


async def test_default_entries(switch: Harness) -> None:
    (entry,) = await switch.read(fy.P4TableEntry("dmac", is_default_action=True))
    assert (entry.is_default_action, entry.action) == (True, fy.Action("drop"))
    written = fy.P4TableEntry("dmac", is_default_action=True, action=fy.Action("forward", port=2))
    await switch.modify(written)
    assert await switch.read(fy.P4TableEntry("dmac", is_default_action=True)) == [written]
    everywhere = p4r.Entity(table_entry=p4r.TableEntry(is_default_action=True))
    defaults = await switch.read_raw(everywhere)
    assert {entity.table_entry.table_id for entity in defaults} == {t.id for t in switch.schema.tables}
    assert all(entity.table_entry.is_default_action for entity in defaults)


async def test_errors(switch: Harness) -> None:
    failure = await switch.fails(switch.read_raw(p4r.Entity()))
    assert (failure.code, failure.codes) == ("UNKNOWN", ["INVALID_ARGUMENT"])
    stranger = p4r.Entity(table_entry=p4r.TableEntry(table_id=0x02ABCDEF))
    failure = await switch.fails(switch.read_raw(fy.P4TableEntry().encode(switch.schema), stranger))
    assert failure.codes == ["OK", "INVALID_ARGUMENT"]
    request = p4r.Entity(table_entry=p4r.TableEntry(priority=3))
    assert (await switch.fails(switch.read_raw(request))).codes == ["INVALID_ARGUMENT"]


async def test_many_entries_come_in_chunks(switch: Harness) -> None:
    for start in range(0, 1000, 250):
        await switch.insert(*(dmac(mac, metadata=bytes(1000)) for mac in range(start, start + 250)))
    sizes, found = [], []
    request = p4r.ReadRequest(device_id=DEVICE, entities=[fy.P4TableEntry("dmac").encode(switch.schema)])
    async for response in switch.stub.Read(request):
        sizes.append(response.ByteSize())
        found += [fy.P4TableEntry.decode(entity, switch.schema) for entity in response.entities]
    assert len(sizes) > 1
    assert max(sizes) < CHUNK + 2000
    assert macs(found) == list(range(1000))


async def test_time_since_last_hit(switch: Harness) -> None:
    entry = fy.P4TableEntry("smac", match=fy.Match(src=5, ingress_port=1), action=fy.Action("NoAction"))
    await switch.insert(entry)
    switch.target.inject(1, frame(1, src=5))
    query = entry.encode(switch.schema)
    query.table_entry.time_since_last_hit.SetInParent()
    (found,) = await switch.read_raw(query)
    assert 0 <= found.table_entry.time_since_last_hit.elapsed_ns < 5_000_000_000
    (found,) = await switch.read_raw(entry.encode(switch.schema))
    assert not found.table_entry.HasField("time_since_last_hit")
    query = dmac(1).encode(switch.schema)
    query.table_entry.time_since_last_hit.SetInParent()
    assert (await switch.fails(switch.read_raw(query))).codes == ["INVALID_ARGUMENT"]


async def test_reads_need_no_stream_but_a_pipeline(bare: Harness) -> None:
    failure = await bare.fails(bare.read_raw(p4r.Entity(table_entry=p4r.TableEntry())))
    assert failure.code == "FAILED_PRECONDITION"
    await bare.set_pipeline()
    assert len(await bare.read(fy.P4TableEntry())) == 2


# -- the wire ------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=300), max_size=60), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_responses_made_of_bytes_are_messages(notes: list[bytes], packets: int, size: int) -> None:
    entries = [p4r.TableEntry(table_id=i + 1, metadata=note) for i, note in enumerate(notes)]
    responses = read_responses((b"\x12", entry.SerializeToString()) for entry in entries)
    read = [e.table_entry for data in responses for e in p4r.ReadResponse.FromString(data).entities]
    assert read == entries
    data = p4r.CounterData.FromString(counter_data(packets, size))
    assert (data.packet_count, data.byte_count) == (packets, size)


@given(st.integers(0, 2**64 - 1))
def test_varints(value: int) -> None:
    assert p4r.Uint128.FromString(b"\x08" + varint(value)).high == value
