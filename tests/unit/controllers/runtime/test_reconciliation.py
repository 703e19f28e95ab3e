"""A controller and the embedded switch: either restarts, answers get lost, and the tables are right again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from finsy import P4Client, P4ClientError
from finsy.proto import p4r

from controllers.dataplane.access import AccessRenderer, LearnedMac, VlanFlood, VlanPort
from controllers.dataplane.adoption import learned, neighbors
from controllers.dataplane.entity import Entity, Member, TableEntry, Update, Verb, action, entry
from controllers.dataplane.local import CoreInterface
from controllers.dataplane.lsr import LsrRenderer
from controllers.dataplane.p4runtime import BATCH, Program
from controllers.dataplane.pe import PeRenderer
from controllers.dataplane.plane import Keyed, Plane
from controllers.intents import AttachmentCircuit, BridgeDomain, LocalAc, MacEntry, Neighbor, Remote
from controllers.runtime.access import AccessController
from controllers.runtime.config import AccessPort, AccessSetup
from controllers.runtime.switch import Acknowledged, Observer, Stamp, SwitchConfig, SwitchController
from controllers.underlay.transport import Hop, TransportLabel
from testbed.p4.switch.p4runtime.server import P4RuntimeServer
from tests.unit.p4.switch.p4runtime.harness import CPU_PORT, DEADLINE, DEVICE, make_compiled, make_target

P4SRC = Path(__file__).parents[4] / "p4src"
HOP = Hop(1, 0x0A0000000001, 0x0A0000000002, (16002,))


def label(number: int) -> TransportLabel:
    return TransportLabel(number, (HOP,))


@pytest.fixture(scope="module")
def lsr() -> Program:
    config, p4info = make_compiled(P4SRC / "lsr.p4")
    return Program(p4info, config)


class Switch:
    """An embedded switch that can be killed and started again on the same port."""

    def __init__(self) -> None:
        self.port = 0
        self._server: P4RuntimeServer | None = None

    async def start(self) -> None:
        self._target = make_target("reference")
        self._server = P4RuntimeServer(self._target, device_id=DEVICE, cpu_port=CPU_PORT)
        self.port = await self._server.listen(f"127.0.0.1:{self.port}")

    async def kill(self) -> None:
        if self._server is not None:
            await self._server.stop()
            self._target.close()
            self._server = None

    def inject(self, port: int, frame: bytes) -> None:
        """A frame comes in."""
        self._target.inject(port, frame)

    @property
    def config(self) -> SwitchConfig:
        return SwitchConfig("p1", f"127.0.0.1:{self.port}", DEVICE)


@pytest_asyncio.fixture
async def switch() -> AsyncIterator[Switch]:
    started = Switch()
    await started.start()
    yield started
    await started.kill()


class Decisions:
    """Decides nothing; holds adopted tables if told to."""

    def __init__(self, hold: bool = False) -> None:
        self.hold = hold
        self.asked = asyncio.Event()

    def adopt(self, present: list[Entity]) -> bool:
        self.asked.set()
        return self.hold and bool(present)

    def packet_in(self, metadata: dict[str, int], packet: bytes) -> None: ...

    def digest(self, name: str, samples: list[dict[str, int]]) -> None: ...

    def idle(self, entries: list[TableEntry]) -> None: ...


class Running:
    """A controller of a P router at work; what its switch acknowledged is in `journal`."""

    def __init__(self, switch: Switch, program: Program, *labels: int, hold: bool = False) -> None:
        self.journal: list[Acknowledged] = []
        self.decisions = Decisions(hold)
        self.lost = asyncio.Event()
        self.refused = 0
        observer = Observer(self._stamp, journal=self.journal.append)
        self.switch = SwitchController(switch.config, program, LsrRenderer(), self.decisions, observer)
        for number in labels:
            self.switch.set(label(number))
        self._task = asyncio.create_task(self.switch.run())

    def _stamp(self, stamp: Stamp) -> None:
        if stamp.event == "lost":
            self.lost.set()
        self.refused += stamp.event == "refused"

    async def ready(self) -> None:
        await asyncio.wait_for(self.switch.ready.wait(), DEADLINE)

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def labels(controller: Running) -> set[int]:
    """What the switch holds, asked by another client."""
    session = controller.switch.session
    async with P4Client(session.address, wait_for_ready=False) as client:
        present = await session._read_back(client)
    return {
        dict(e.match)["label"] for e in present if isinstance(e, TableEntry) and e.table == "incoming_label"
    }  # type: ignore[misc]


async def test_a_new_controller_writes_the_difference_only(switch: Switch, lsr: Program) -> None:
    first = Running(switch, lsr, 1, 2, 3)
    await first.ready()
    await first.end()
    second = Running(switch, lsr, 2, 3, 4)
    await second.ready()
    assert await labels(second) == {2, 3, 4}
    assert second.switch.session.writes == 2, "one out, one in; the link they share stays"
    await second.end()


async def test_entries_of_a_kind_that_nobody_here_writes_are_taken_out(switch: Switch, lsr: Program) -> None:
    """Somebody else pointed a label at a member of the selector: no reason for not coming up."""
    first = Running(switch, lsr)
    first.switch.set(CoreInterface(1, 1))
    await first.ready()
    await first.end()
    codec = first.switch.session.codec
    table = codec.tables.id("incoming_label")
    profile = next(p for p in lsr.p4info.action_profiles if table in p.table_ids).preamble.id
    pop = codec.entity(entry("incoming_label", {"label": 7}, (Member(action("pop", port=1, nhlfe_id=1)),)))
    member = p4r.ActionProfileMember(action_profile_id=profile, member_id=1)
    (one,) = pop.table_entry.action.action_profile_action_set.action_profile_actions
    member.action.CopyFrom(one.action)
    pop.table_entry.action.action_profile_member_id = 1
    insert = p4r.Update.INSERT
    async with P4Client(first.switch.session.address, wait_for_ready=False) as stranger:
        for entity in (p4r.Entity(action_profile_member=member), pop):
            update = p4r.Update(type=insert, entity=entity)
            await stranger.request(p4r.WriteRequest(device_id=DEVICE, updates=[update]))
    second = Running(switch, lsr)
    second.switch.set(CoreInterface(2, 2))
    await second.ready()
    assert await labels(second) == set()
    await second.end()


async def test_tables_that_were_adopted_stay_until_they_are_released(switch: Switch, lsr: Program) -> None:
    first = Running(switch, lsr, 1, 2)
    await first.ready()
    await first.end()
    second = Running(switch, lsr, hold=True)
    second.switch.set(label(2))
    await asyncio.wait_for(second.decisions.asked.wait(), DEADLINE)
    second.switch.set(label(3))
    await asyncio.sleep(0)
    assert await labels(second) == {1, 2}
    assert not second.switch.ready.is_set()
    assert second.journal == []
    second.switch.release()
    await second.ready()
    assert await labels(second) == {2, 3}
    (whole,) = second.journal
    assert whole.whole
    assert set(whole.intents) == {label(2).key, label(3).key}
    await second.end()


async def test_a_switch_that_restarts_is_filled_again(switch: Switch, lsr: Program) -> None:
    controller = Running(switch, lsr, 1, 2)
    await controller.ready()
    await switch.kill()
    await asyncio.wait_for(controller.lost.wait(), DEADLINE)
    controller.switch.set(label(3))
    await switch.start()
    await controller.ready()
    assert await labels(controller) == {1, 2, 3}
    await controller.end()


async def test_a_lost_answer_does_no_harm(switch: Switch, lsr: Program, monkeypatch: Any) -> None:
    """The switch takes the writes, the answer is lost with the session; nobody waits for it for ever."""
    controller = Running(switch, lsr, 1)
    await controller.ready()
    ask, lost = P4Client.request, []

    async def request(client: P4Client, message: Any) -> Any:
        answer = await ask(client, message)
        if type(message).__name__ == "WriteRequest" and not lost:
            lost.append(message)
            raise RuntimeError("the answer was lost")
        return answer

    monkeypatch.setattr(P4Client, "request", request)
    writes = controller.switch.session.writes
    controller.switch.set(label(2))
    await asyncio.sleep(0)
    await asyncio.wait_for(controller.switch.session.flushed(), DEADLINE)
    await controller.ready()
    assert lost
    assert await labels(controller) == {1, 2}
    assert controller.switch.session.writes == writes, "it was there already"
    assert set(controller.journal[-1].intents) >= {label(1).key, label(2).key}
    controller.switch.unset(label(1).key)
    await asyncio.sleep(0)
    await asyncio.wait_for(controller.switch.session.flushed(), DEADLINE)
    assert await labels(controller) == {2}
    await controller.end()


async def test_what_is_refused_at_the_end_of_a_large_batch_is_heard_of(switch: Switch, lsr: Program) -> None:
    controller = Running(switch, lsr, 1)
    await controller.ready()
    pop = (Member(action("pop", port=1, nhlfe_id=1)),)
    new = [Update(Verb.INSERT, entry("incoming_label", {"label": n}, pop)) for n in range(1000, 1000 + BATCH)]
    strange = [Update(Verb.MODIFY, entry("incoming_label", {"label": n}, pop)) for n in range(9000, 9500)]
    session = controller.switch.session
    for batch, refused in (([*new[:-1], strange[0]], 1), (strange, len(strange))):
        controller.refused = 0
        session.write(batch)
        await asyncio.wait_for(session.flushed(), DEADLINE)
        assert controller.refused == refused
    await controller.end()


async def test_an_error_that_tells_of_no_update_is_no_answer(
    switch: Switch, lsr: Program, monkeypatch: Any
) -> None:
    """Nobody knows what was done: it is read back."""
    controller = Running(switch, lsr, 1)
    await controller.ready()
    ask, failed = P4Client.request, []

    async def request(client: P4Client, message: Any) -> Any:
        if type(message).__name__ == "WriteRequest" and not failed:
            failed.append(message)
            metadata = grpc.aio.Metadata()
            error = grpc.aio.AioRpcError(grpc.StatusCode.UNKNOWN, metadata, metadata, "Stream removed")
            raise P4ClientError(error, "Write")
        return await ask(client, message)

    monkeypatch.setattr(P4Client, "request", request)
    controller.switch.set(label(2))
    await asyncio.wait_for(controller.lost.wait(), DEADLINE)
    await controller.ready()
    assert await labels(controller) == {1, 2}
    await controller.end()


async def test_the_journal_has_each_batch_once_it_is_answered(switch: Switch, lsr: Program) -> None:
    controller = Running(switch, lsr, 1)
    await controller.ready()
    controller.switch.set(label(2))
    controller.switch.unset(label(1).key)
    assert len(controller.journal) == 1, "not answered yet"
    await asyncio.sleep(0)
    await controller.switch.session.flushed()
    await asyncio.sleep(0)
    assert controller.journal[-1].intents == {label(2).key: label(2), label(1).key: None}
    assert not controller.journal[-1].whole
    await controller.end()


def from_machine(number: int) -> bytes:
    return b"\xff" * 6 + bytes.fromhex("0200000000") + bytes([number]) + b"\x12\x34" + bytes(50)


async def test_a_machine_that_sends_much_is_reported_once(switch: Switch, monkeypatch: Any) -> None:
    config, p4info = make_compiled(P4SRC / "access.p4")
    ports = (AccessPort(1, (10,), tagged=False), AccessPort(2, (10,), tagged=True))
    learner = AccessController(AccessSetup(switch.config, ports), Program(p4info, config), Observer())
    reported: asyncio.Queue[int] = asyncio.Queue()

    def digest(_name: str, samples: list[dict[str, int]]) -> None:
        """Nothing is written, as if the switch were slow."""
        for sample in samples:
            reported.put_nowait(sample["mac"] & 0xFF)

    monkeypatch.setattr(learner, "digest", digest)
    task = asyncio.create_task(learner.switch.run())
    await asyncio.wait_for(learner.switch.ready.wait(), DEADLINE)
    switch.inject(1, from_machine(1))
    assert await asyncio.wait_for(reported.get(), DEADLINE) == 1
    switch.inject(1, from_machine(1))
    switch.inject(1, from_machine(2))
    assert await asyncio.wait_for(reported.get(), DEADLINE) == 2, "reports come in order: 1 is not repeated"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def entities(renderer: PeRenderer | AccessRenderer, intents: Iterable[Keyed]) -> list[Entity]:
    plane = Plane(renderer)
    for intent in intents:
        plane.set(intent)
    return list(plane.desired.values())


def test_hosts_are_found_in_the_tables_of_a_pe() -> None:
    ip, remote = IPv4Address("10.0.10.11"), IPv4Address("10.0.10.12")
    present = entities(
        PeRenderer(),
        [
            BridgeDomain(1, mac_ageing=300.0),
            AttachmentCircuit(4, 2, 10, 1),
            MacEntry(1, 0xA, LocalAc(4)),
            MacEntry(1, 0xB, LocalAc(4), static=True),
            MacEntry(1, 0xC, Remote(IPv4Address("10.255.0.2"), 100)),
            Neighbor(1, ip, 0xA, 4),
            Neighbor(1, remote, 0xC, None),
        ],
    )
    assert list(learned(present)) == [(1, 4, 0xA)]
    assert list(neighbors(present)) == [(1, 4, 0xA, ip, False, True)]


def test_an_access_switch_goes_on_with_the_macs_that_were_learned() -> None:
    ports = (AccessPort(1, (10,), tagged=False), AccessPort(2, (10,), tagged=True))
    setup = AccessSetup(SwitchConfig("acc1", "127.0.0.1:1", 1), ports)
    config, p4info = make_compiled(P4SRC / "access.p4")
    controller = AccessController(setup, Program(p4info, config), Observer())
    before = dict(controller.switch.plane.desired)
    no_carrier, left_the_vlan = LearnedMac(10, 0xB, 2, 300.0), LearnedMac(20, 0xC, 1, 300.0)
    macs = [LearnedMac(10, 0xA, 1, 300.0), no_carrier, left_the_vlan]
    left = entities(AccessRenderer(), [VlanPort(1, 10, False), VlanFlood(10, (1, 2)), *macs])
    controller.carrier(2, False)
    controller.carrier(1, False)
    controller.carrier(1, True)
    assert controller.adopt(left) is False
    assert controller.macs == {(10, 0xA): 1}
    assert before.keys() < controller.switch.plane.desired.keys()
