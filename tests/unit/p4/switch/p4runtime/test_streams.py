"""StreamChannel: arbitration, packet-in and packet-out, digests, idle timeouts."""

from __future__ import annotations

import asyncio
import select

import finsy as fy
import pytest
from finsy.proto import p4r, stratum

from testbed.p4.switch.p4runtime import streams
from tests.unit.p4.switch.p4runtime.harness import CPU_PORT, DEADLINE, Harness, RpcFailedError, frame, ports

OK, NOT_FOUND, ALREADY_EXISTS = 0, 5, 6


def dmac(mac: int, action: fy.P4TableAction) -> fy.P4TableEntry:
    return fy.P4TableEntry("dmac", match=fy.Match(dst=mac), action=action)


# -- arbitration ---------------------------------------------------------------------------------------------


async def test_the_highest_election_id_is_primary(bare: Harness) -> None:
    low, high = await bare.stream(), await bare.stream()
    assert (await low.arbitrate(10)).status.code == OK
    update = await high.arbitrate(20)
    assert (update.status.code, update.election_id.low) == (OK, 20)
    update = (await low.receive()).arbitration
    assert (update.status.code, update.election_id.low) == (ALREADY_EXISTS, 20)
    backup = await bare.stream()
    assert (await backup.arbitrate(15)).status.code == ALREADY_EXISTS
    high.close()
    assert (await backup.receive()).arbitration.status.code == OK
    assert (await low.receive()).arbitration.status.code == ALREADY_EXISTS
    backup.close()
    assert (await low.receive()).arbitration.status.code == OK
    assert (await low.arbitrate(30)).election_id.low == 30


async def test_without_election_id_nobody_is_primary(bare: Harness) -> None:
    stream = await bare.stream()
    update = await stream.arbitrate(None)
    assert update.status.code == NOT_FOUND
    assert not update.HasField("election_id")
    failure = await bare.fails(bare.set_pipeline(election_id=p4r.Uint128(low=1)))
    assert failure.code == "PERMISSION_DENIED"


async def test_writers_are_primary(bare: Harness) -> None:
    first = await bare.primary(1)
    await bare.set_pipeline(election_id=p4r.Uint128(low=1))
    entry = dmac(1, fy.Action("drop"))
    for election_id in (None, p4r.Uint128(low=2), p4r.Uint128(high=1, low=1)):
        failure = await bare.fails(bare.write(("INSERT", entry), election_id=election_id))
        assert failure.code == "PERMISSION_DENIED"
    await bare.write(("INSERT", entry), election_id=p4r.Uint128(low=1))
    await bare.primary(2)
    assert (await first.receive()).arbitration.status.code == ALREADY_EXISTS
    failure = await bare.fails(bare.write(("DELETE", entry), election_id=p4r.Uint128(low=1)))
    assert failure.code == "PERMISSION_DENIED"
    await bare.write(("DELETE", entry), election_id=p4r.Uint128(low=2))


async def test_streams_that_have_to_end(bare: Harness) -> None:
    await bare.primary(5)
    stream = await bare.stream()
    await stream.send_arbitration(5)
    failure = await stream.ended()
    assert failure.code == "INVALID_ARGUMENT"
    assert "lection id" in failure.message
    stream = await bare.stream()
    await stream.send_arbitration(6, device_id=99)
    assert (await stream.ended()).code == "NOT_FOUND"
    stream = await bare.primary(7)
    await stream.send_arbitration(7, role="other")
    assert (await stream.ended()).code == "FAILED_PRECONDITION"
    stream = await bare.stream()
    await stream.send(packet=p4r.PacketOut(payload=b"x"))
    assert (await stream.ended()).code == "FAILED_PRECONDITION"


async def test_roles(bare: Harness) -> None:
    await bare.primary(1)
    await bare.set_pipeline(election_id=p4r.Uint128(low=1))
    config = stratum.P4RoleConfig(exclusive_p4_ids=[bare.schema.tables["dmac"].id], receives_packet_ins=False)
    stream = await bare.stream()
    update = p4r.MasterArbitrationUpdate(device_id=1, election_id=p4r.Uint128(low=1))
    update.role.name = "l2"
    update.role.config.Pack(config)
    await stream.send(arbitration=update)
    assert (await stream.receive()).arbitration.status.code == OK
    mine, other = dmac(1, fy.Action("drop")), fy.P4TableEntry("ranges", action=fy.Action("drop"), priority=1)
    as_l2 = {"role": "l2", "election_id": p4r.Uint128(low=1)}
    await bare.write(("INSERT", mine), **as_l2)
    assert (await bare.fails(bare.write(("INSERT", other), **as_l2))).codes == ["PERMISSION_DENIED"]
    assert (await bare.fails(bare.set_pipeline(**as_l2))).code == "PERMISSION_DENIED"
    failure = await bare.fails(bare.write(("INSERT", mine), role="nobody", election_id=p4r.Uint128(low=1)))
    assert failure.code == "NOT_FOUND"
    everything = p4r.Entity(table_entry=p4r.TableEntry())
    assert len(await bare.read_raw(everything, role="l2")) == 1
    assert len(await bare.read_raw(everything)) == 3
    fixed = bare.schema.tables["fixed_table"].id
    for others in (
        p4r.Entity(table_entry=p4r.TableEntry(table_id=fixed)),
        p4r.Entity(counter_entry=p4r.CounterEntry()),
        p4r.Entity(meter_entry=p4r.MeterEntry()),
        p4r.Entity(register_entry=p4r.RegisterEntry()),
        p4r.Entity(value_set_entry=p4r.ValueSetEntry()),
    ):
        assert await bare.read_raw(others, role="l2") == []
        assert await bare.read_raw(others)
    update.role.config.type_url = "type.googleapis.com/unknown"
    await stream.send(arbitration=update)
    assert (await stream.ended()).code == "INVALID_ARGUMENT"


# -- packets -------------------------------------------------------------------------------------------------


async def test_packet_in(switch: Harness) -> None:
    stream = await switch.primary()
    backup = await switch.stream()
    await backup.arbitrate(0)
    await switch.write(("INSERT", dmac(1, fy.Action("to_cpu", reason=5))), election_id=p4r.Uint128(low=1))
    ((port, sent),) = switch.target.inject(300, frame(1))
    assert port == CPU_PORT
    packet = (await stream.receive()).packet
    assert packet.payload == frame(1) == sent[2:]
    assert [(m.metadata_id, m.value) for m in packet.metadata] == [(1, b"\x01\x2c"), (2, b"\x05")]


async def test_packet_out(switch: Harness) -> None:
    stream = await switch.primary()
    metadata = [
        p4r.PacketMetadata(metadata_id=1, value=b"\xfe\x01"[1:]),
        p4r.PacketMetadata(metadata_id=2, value=b"\0"),
    ]
    await stream.send(packet=p4r.PacketOut(payload=frame(1), metadata=metadata))
    metadata[0].value = b"\x01\xfe"  # the CPU port: comes back
    await stream.send(packet=p4r.PacketOut(payload=bytes(2) + frame(9), metadata=metadata))
    assert (await stream.receive()).packet.payload == frame(9)
    for change in (
        lambda m: m.pop(),
        lambda m: m.append(m[0]),
        lambda m: m.append(p4r.PacketMetadata(metadata_id=7)),
    ):
        faulty = list(metadata)
        change(faulty)
        await stream.send(packet=p4r.PacketOut(payload=b"x", metadata=faulty))
        error = (await stream.receive()).error
        assert (error.canonical_code, error.packet_out.packet_out.payload) == (3, b"x")
    metadata[0].value = b"\x02\x00"
    await stream.send(packet=p4r.PacketOut(payload=b"x", metadata=metadata))
    assert (await stream.receive()).error.canonical_code == 3
    backup = await switch.stream()
    await backup.arbitrate(0)
    await backup.send(packet=p4r.PacketOut(payload=b"x"))
    assert (await backup.receive()).error.canonical_code == 7


async def test_a_client_that_does_not_read(switch: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages for it are dropped and counted; nobody else notices."""
    monkeypatch.setattr(streams, "MAX_MESSAGES", 50)
    stream = await switch.primary()
    await switch.write(("INSERT", dmac(1, fy.Action("to_cpu", reason=5))), election_id=p4r.Uint128(low=1))
    big = frame(1, payload=bytes(1400))
    for _ in range(200):
        for _ in range(10):
            switch.target.inject(1, big)
        await asyncio.sleep(0)
    assert len(await switch.read(fy.P4TableEntry("dmac"))) == 1
    received = 0
    with pytest.raises((asyncio.TimeoutError, RpcFailedError)):
        while True:
            await asyncio.wait_for(stream.receive(), 0.2)
            received += 1
    assert 0 < received < 2000
    stream.close()
    replacement = await switch.primary(9)
    switch.target.inject(1, frame(1))
    assert (await replacement.receive()).packet.payload == frame(1)


# -- digests -------------------------------------------------------------------------------------------------


def digest(max_list_size: int = 1, max_timeout_ns: int = 0, ack_timeout_ns: int = 0) -> fy.P4DigestEntry:
    return fy.P4DigestEntry(
        "learned_t", max_list_size=max_list_size, max_timeout_ns=max_timeout_ns, ack_timeout_ns=ack_timeout_ns
    )


async def primary_write(switch: Harness, verb: str, entity: object) -> None:
    await switch.write((verb, entity), election_id=p4r.Uint128(low=1))


def macs(digest_list: p4r.DigestList) -> list[int]:
    return [int.from_bytes(data.struct.members[0].bitstring) for data in digest_list.data]


async def test_digests_are_off_until_enabled(switch: Harness) -> None:
    stream = await switch.primary()
    switch.target.inject(1, frame(1, src=1))
    await primary_write(switch, "INSERT", digest())
    switch.target.inject(300, frame(1, src=2))
    found = (await stream.receive()).digest
    assert macs(found) == [2]
    assert found.data[0].struct.members[1].bitstring == b"\x01\x2c"
    assert found.timestamp > 10**18
    assert await switch.read(fy.P4DigestEntry("learned_t")) == [digest()]
    await primary_write(switch, "DELETE", digest())
    switch.target.inject(1, frame(1, src=3))
    await primary_write(switch, "INSERT", digest())
    switch.target.inject(1, frame(1, src=4))
    assert macs((await stream.receive()).digest) == [4]


async def test_a_packet_comes_before_the_digest_of_it(switch: Harness) -> None:
    """Who hears all of a new host at once need not act twice."""
    stream = await switch.primary()
    await primary_write(switch, "INSERT", digest())
    await primary_write(switch, "INSERT", dmac(1, fy.Action("to_cpu", reason=5)))
    switch.target.inject(1, frame(1, src=7))
    assert (await stream.receive()).packet.payload == frame(1, src=7)
    assert macs((await stream.receive()).digest) == [7]


async def test_lists_fill_up_or_grow_old(switch: Harness) -> None:
    stream = await switch.primary()
    await primary_write(switch, "INSERT", digest(max_list_size=3, max_timeout_ns=20_000_000))
    for src in (1, 2, 1, 1, 3, 4):
        switch.target.inject(1, frame(1, src=src))
    assert macs((await stream.receive()).digest) == [1, 2, 3]
    assert macs((await stream.receive()).digest) == [4]


async def test_samples_that_come_together_go_together(switch: Harness) -> None:
    stream = await switch.primary()
    await primary_write(switch, "INSERT", digest(max_list_size=3, max_timeout_ns=1))
    for src in (1, 2, 3, 4):
        switch.target.inject(1, frame(1, src=src))
    heard: list[int] = []
    while len(heard) < 4:
        found = macs((await stream.receive()).digest)
        assert len(found) <= 3
        heard += found
    assert heard == [1, 2, 3, 4]


async def test_acknowledged_samples_are_not_repeated_before(switch: Harness) -> None:
    stream = await switch.primary()
    await primary_write(switch, "INSERT", digest(ack_timeout_ns=60_000_000_000))
    for src in (1, 1, 1, 2):
        switch.target.inject(1, frame(1, src=src))
    first, second = (await stream.receive()).digest, (await stream.receive()).digest
    assert (macs(first), macs(second)) == ([1], [2])
    await stream.send(digest_ack=p4r.DigestListAck(digest_id=first.digest_id, list_id=first.list_id))
    await stream.send(digest_ack=p4r.DigestListAck(digest_id=1, list_id=1))
    assert (await stream.receive()).error.canonical_code == 3  # the ack before it has been seen, too
    for src in (2, 1):
        switch.target.inject(1, frame(1, src=src))
    assert macs((await stream.receive()).digest) == [1]


async def test_without_ack_samples_come_again_after_the_timeout(switch: Harness) -> None:
    stream = await switch.primary()
    await primary_write(switch, "INSERT", digest(ack_timeout_ns=30_000_000))
    switch.target.inject(1, frame(1, src=1))
    assert macs((await stream.receive()).digest) == [1]

    async def keep_sending() -> None:
        while True:
            switch.target.inject(1, frame(1, src=1))
            await asyncio.sleep(0.005)

    sender = asyncio.create_task(keep_sending())
    assert macs((await stream.receive()).digest) == [1]
    sender.cancel()


async def test_a_digest_that_is_enabled_again_reports_again(switch: Harness) -> None:
    stream = await switch.primary()
    config = digest(max_list_size=2, max_timeout_ns=60_000_000_000, ack_timeout_ns=60_000_000_000)
    for _ in range(2):
        await primary_write(switch, "INSERT", config)
        for src in (1, 2, 3):
            switch.target.inject(1, frame(1, src=src))
        assert macs((await stream.receive()).digest) == [1, 2], "3 waits for a list to fill"
        await primary_write(switch, "DELETE", config)


async def test_digest_configuration(switch: Harness) -> None:
    assert await switch.refused("MODIFY", digest()) == "NOT_FOUND"
    assert await switch.refused("DELETE", digest()) == "NOT_FOUND"
    await switch.insert(digest())
    assert await switch.refused("INSERT", digest()) == "ALREADY_EXISTS"
    await switch.modify(digest(7))
    assert await switch.read(fy.P4DigestEntry("learned_t")) == [digest(7)]
    assert await switch.refused("MODIFY", digest(-1)) == "INVALID_ARGUMENT"
    unknown = p4r.Entity(digest_entry=p4r.DigestEntry(digest_id=1))
    assert await switch.refused("INSERT", unknown) == "INVALID_ARGUMENT"


# -- idle timeouts -------------------------------------------------------------------------------------------


async def test_idle_timeouts(switch: Harness) -> None:
    stream = await switch.primary()
    entry = fy.P4TableEntry(
        "smac",
        match=fy.Match(src=5, ingress_port=1),
        action=fy.Action("NoAction"),
        idle_timeout_ns=1,
        metadata=b"note",
    )
    lasting = fy.P4TableEntry("smac", match=fy.Match(src=6, ingress_port=1), action=fy.Action("NoAction"))
    await switch.write(("INSERT", entry), ("INSERT", lasting), election_id=p4r.Uint128(low=1))
    await asyncio.sleep(0.002)
    switch.sweep()
    notice = (await stream.receive()).idle_timeout_notification
    (idle,) = notice.table_entry
    assert notice.timestamp > 10**18
    assert idle.match[0].exact.value == b"\x05"
    assert (idle.metadata, idle.idle_timeout_ns) == (b"note", 1)
    assert ports(switch.target.inject(1, frame(1, src=5))) == []


async def test_an_entry_in_the_place_of_an_idle_one_is_not_idle(switch: Harness) -> None:
    """The server is busy while the engine finds an entry idle; before it hears of that, others replace it."""

    def smac(src: int, idle_timeout_ns: int) -> fy.P4TableEntry:
        match, does = fy.Match(src=src, ingress_port=1), fy.Action("NoAction")
        return fy.P4TableEntry("smac", match=match, action=does, idle_timeout_ns=idle_timeout_ns)

    stream = await switch.primary()
    idle = [smac(src, 1) for src in (1, 2, 3)]
    for entry in idle:
        await primary_write(switch, "INSERT", entry)
    switch.server.service.stop()
    await asyncio.sleep(0.002)
    switch.sweep()
    assert await asyncio.to_thread(select.select, [switch.target.fileno()], [], [], DEADLINE)
    await asyncio.sleep(0.01)
    for entry in idle[:2]:
        await primary_write(switch, "DELETE", entry)
    for entry in (smac(8, 0), smac(9, 10**12)):
        await primary_write(switch, "INSERT", entry)
    switch.server.service.start()
    notice = (await stream.receive()).idle_timeout_notification
    assert [entry.match[0].exact.value for entry in notice.table_entry] == [b"\x03"]
