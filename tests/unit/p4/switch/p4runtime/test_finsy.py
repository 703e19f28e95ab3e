"""A controller written with finsy, as it is meant to be used."""

from __future__ import annotations

import asyncio
from pathlib import Path

import finsy as fy

from tests.unit.p4.switch.p4runtime.harness import DEADLINE, DEVICE, Harness, frame, ports


async def test_a_learning_controller(bare: Harness, tmp_path: Path) -> None:
    """Sets the pipeline, enables digests, learns addresses, answers packet-ins, sees idle entries."""
    info_file, blob_file = tmp_path / "p4info.txt", tmp_path / "program.json"
    info_file.write_text(str(bare.info))
    blob_file.write_bytes(bare.device_config)
    learned: asyncio.Queue[int] = asyncio.Queue()
    punted: asyncio.Queue[fy.P4PacketIn] = asyncio.Queue()
    ready = asyncio.Event()

    async def on_ready(switch: fy.Switch) -> None:
        await switch.delete_all()
        await switch.write(
            [
                +fy.P4DigestEntry("learned_t", max_list_size=1, max_timeout_ns=0, ack_timeout_ns=10**9),
                +fy.P4MulticastGroupEntry(1, replicas=[1, 2, 3]),
                +fy.P4TableEntry("dmac", match=fy.Match(dst=0xFF), action=fy.Action("flood", group=1)),
                +fy.P4TableEntry("dmac", match=fy.Match(dst=0xCC), action=fy.Action("to_cpu", reason=3)),
            ]
        )
        switch.create_task(learn(switch))
        switch.create_task(punt(switch))
        ready.set()

    async def learn(switch: fy.Switch) -> None:
        async for digest in switch.read_digests("learned_t"):
            for sample in digest:
                learn_entry = fy.P4TableEntry(
                    "smac",
                    match=fy.Match(src=sample["mac"], ingress_port=sample["port"]),
                    action=fy.Action("NoAction"),
                )
                forward = fy.P4TableEntry(
                    "dmac",
                    match=fy.Match(dst=sample["mac"]),
                    action=fy.Action("forward", port=sample["port"]),
                )
                await switch.write([+learn_entry, +forward])
                learned.put_nowait(sample["mac"])
            await switch.write([digest.ack()])

    async def punt(switch: fy.Switch) -> None:
        async for packet in switch.read_packets():
            punted.put_nowait(packet)

    options = fy.SwitchOptions(
        p4info=info_file, p4blob=blob_file, device_id=DEVICE, ready_handler=on_ready, fail_fast=True
    )
    async with fy.Switch("s1", bare.address, options) as switch:
        await asyncio.wait_for(ready.wait(), DEADLINE)
        assert sorted(ports(bare.target.inject(1, frame(0xFF, src=0xA)))) == [1, 2, 3]
        assert await asyncio.wait_for(learned.get(), DEADLINE) == 0xA
        assert ports(bare.target.inject(2, frame(0xA, src=0xB))) == [1]
        assert await asyncio.wait_for(learned.get(), DEADLINE) == 0xB
        assert ports(bare.target.inject(1, frame(0xB, src=0xA))) == [2]
        bare.target.inject(1, frame(0xCC, src=0xA))
        packet = await asyncio.wait_for(punted.get(), DEADLINE)
        assert (packet["port"], packet["reason"], packet.payload) == (1, 3, frame(0xCC, src=0xA))
        await switch.write([fy.P4PacketOut(frame(0xB), port=2, pad=0)])
        assert len([entry async for entry in switch.read(fy.P4TableEntry())]) == 8
        await switch.delete_all()
        assert len([entry async for entry in switch.read(fy.P4TableEntry())]) == 2


async def test_backup_takes_over(bare: Harness) -> None:
    await bare.set_pipeline()
    seen: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()

    def note(switch: fy.Switch, *_: object) -> None:
        seen.put_nowait((switch.name, switch.is_primary))

    def client(name: str, election_id: int) -> fy.Switch:
        made = fy.Switch(
            name, bare.address, fy.SwitchOptions(device_id=DEVICE, initial_election_id=election_id)
        )
        for event in ("channel_up", "become_primary", "become_backup"):
            made.ee.add_listener(event, note)
        return made

    async with client("second", 5):
        assert await asyncio.wait_for(seen.get(), DEADLINE) == ("second", True)
        async with client("first", 10):
            both = {await asyncio.wait_for(seen.get(), DEADLINE) for _ in range(2)}
            assert both == {("first", True), ("second", False)}
        assert await asyncio.wait_for(seen.get(), DEADLINE) == ("second", True)
