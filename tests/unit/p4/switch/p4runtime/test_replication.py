"""Multicast groups and clone sessions."""

from __future__ import annotations

import finsy as fy
from finsy.proto import p4r

from tests.unit.p4.switch.p4runtime.harness import CPU_PORT, Harness, frame, ip_frame, ports

MAC = 0xFFFFFFFFFFFF


def group(number: int, *replicas: tuple[int, int]) -> fy.P4MulticastGroupEntry:
    return fy.P4MulticastGroupEntry(number, replicas=list(replicas))


def session(number: int, *replicas: tuple[int, int], length: int = 0) -> fy.P4CloneSessionEntry:
    return fy.P4CloneSessionEntry(number, replicas=list(replicas), packet_length_bytes=length)


async def test_multicast(switch: Harness) -> None:
    flood = fy.P4TableEntry("dmac", match=fy.Match(dst=MAC), action=fy.Action("flood", group=7))
    await switch.insert(flood)
    assert switch.target.inject(1, frame(MAC)) == []
    await switch.insert(group(7, (2, 0), (3, 0), (3, 1)))
    assert sorted(ports(switch.target.inject(1, frame(MAC)))) == [2, 3, 3]
    await switch.modify(group(7, (4, 0)))
    assert ports(switch.target.inject(1, frame(MAC))) == [4]
    assert await switch.read(fy.P4MulticastGroupEntry()) == [fy.P4MulticastGroupEntry(7, replicas=(4,))]
    await switch.delete(group(7))
    assert switch.target.inject(1, frame(MAC)) == []


async def test_clones(switch: Harness) -> None:
    await switch.insert(
        fy.P4TableEntry("dmac", match=fy.Match(dst=0x02AA), action=fy.Action("forward", port=3)),
        fy.P4TableEntry(
            "acl",
            match=fy.Match(protocol=6, ethernet_valid=1),
            action=fy.Action("mirror", session=9),
            priority=1,
        ),
    )
    sent = ip_frame(1, protocol=6)
    assert ports(switch.target.inject(1, sent)) == [3]
    await switch.insert(session(9, (5, 0), (6, 0), length=20))
    leaving = dict(switch.target.inject(1, sent))
    assert leaving[3] == sent
    assert leaving[5] == leaving[6] == sent[:12] + b"\xcc\xcc" + sent[14:20]
    await switch.modify(session(9, (5, 0)))
    assert dict(switch.target.inject(1, sent))[5] == sent[:12] + b"\xcc\xcc" + sent[14:]
    assert await switch.read(fy.P4CloneSessionEntry()) == [fy.P4CloneSessionEntry(9, replicas=(5,))]
    await switch.delete(session(9))
    assert ports(switch.target.inject(1, sent)) == [3]


async def test_faulty_replicas(switch: Harness) -> None:
    for number in (0, 65536):
        assert await switch.refused("INSERT", group(number, (1, 0))) == "INVALID_ARGUMENT"
    for number in (0, 32768):
        assert await switch.refused("INSERT", session(number, (1, 0))) == "INVALID_ARGUMENT"
    assert await switch.refused("INSERT", group(1, (1, 0), (1, 0))) == "INVALID_ARGUMENT"
    assert await switch.refused("INSERT", group(1, (512, 0))) == "INVALID_ARGUMENT"
    assert await switch.refused("INSERT", group(1, (1, 65536))) == "INVALID_ARGUMENT"
    assert await switch.refused("MODIFY", group(1, (1, 0))) == "NOT_FOUND"
    assert await switch.refused("DELETE", session(1)) == "NOT_FOUND"
    await switch.insert(group(1, (1, 0)), session(1, (1, 0)))
    assert await switch.refused("INSERT", group(1, (1, 0))) == "ALREADY_EXISTS"
    assert await switch.refused("INSERT", session(1, (1, 0))) == "ALREADY_EXISTS"
    entity = session(2, (1, 0)).encode(switch.schema)
    entity.packet_replication_engine_entry.clone_session_entry.class_of_service = 3
    assert await switch.refused("INSERT", entity) == "UNIMPLEMENTED"
    entity = group(2, (1, 0)).encode(switch.schema)
    replica = entity.packet_replication_engine_entry.multicast_group_entry.replicas[0]
    replica.backup_replicas.add(port=b"\x02", instance=1)
    assert await switch.refused("INSERT", entity) == "UNIMPLEMENTED"
    assert await switch.refused("INSERT", _empty()) == "INVALID_ARGUMENT"


def _empty() -> p4r.Entity:
    entity = p4r.Entity()
    entity.packet_replication_engine_entry.SetInParent()
    return entity


async def test_the_reserved_number_of_the_cpu_port(switch: Harness) -> None:
    await switch.insert(
        fy.P4TableEntry("dmac", match=fy.Match(dst=MAC), action=fy.Action("flood", group=1)),
        group(1, (0xFFFFFFFD, 0)),
    )
    assert ports(switch.target.inject(1, frame(MAC))) == [CPU_PORT]


async def test_ports_are_read_back_in_their_shortest_form(switch: Harness) -> None:
    entity = p4r.Entity()
    written = entity.packet_replication_engine_entry.multicast_group_entry
    written.multicast_group_id = 1
    for port in (b"\x00\x04", b"\x01\x00", b"\x00"):
        written.replicas.add(port=port, instance=1)
    await switch.insert(entity)
    (found,) = await switch.read_raw(entity)
    replicas = found.packet_replication_engine_entry.multicast_group_entry.replicas
    assert [replica.port for replica in replicas] == [b"\x04", b"\x01\x00", b"\x00"]
    written.multicast_group_id = 2
    written.replicas[0].port = b""
    assert await switch.refused("INSERT", entity) == "INVALID_ARGUMENT"
