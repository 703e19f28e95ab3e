"""The same tests on the real thing: p4c and simple_switch_grpc, over interfaces and P4Runtime.

Nothing tells when a switch is done with a frame. So a frame that is malformed follows it in: once that one
is counted, ingress is done with both. Then a marker goes out of every port, and after those one to the
controller: queues keep their order, and what came back by then is what the frame gave.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import Any, Final, final

import pytest
from finsy.proto import p4i, p4r
from scapy.layers.l2 import Ether

from controllers.dataplane.codec import Codec
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
    TableEntry,
    Ternary,
    action,
    entry,
)
from controllers.dataplane.p4runtime import Program
from testbed.experiments.programs import programs
from testbed.lab.switches import Target
from testbed.p4.switch.entries import Match
from tests.conformance.client import DEADLINE
from tests.conformance.links import Links
from tests.conformance.switches import ProcessSwitch, bmv2
from tests.conformance.toolchains import Loadable
from tests.unit.p4src.harness import (
    CPU_PORT,
    DOWN_PORT,
    POSTCARD_SESSION,
    PUNT_SESSION,
    Frame,
    PacketIn,
    PacketOut,
    PipelineUnderTest,
    Sent,
)

PORTS: Final = tuple(range(1, 10))
MARKER: Final = bytes(Ether(dst="02:00:00:00:ff:fe", src="02:00:00:00:ff:ff", type=0x88B6)) + b"marker"
ETHERNET: Final = 14
ROUNDS: Final = 2
"""Copies for the controller come round through egress once more."""
TERNARY: Final = (p4i.MatchField.TERNARY, p4i.MatchField.RANGE, p4i.MatchField.OPTIONAL)


def missing() -> str:
    """Why there is no real switch here; empty if there is one."""
    absent = [name for name in ("p4c-bm2-ss", "simple_switch_grpc") if shutil.which(name) is None]
    if absent:
        return f"{' and '.join(absent)} not on PATH"
    return "" if os.geteuid() == 0 else "interfaces need root"


@cache
def compiled() -> dict[str, Program]:
    """All programs, by p4c."""
    return programs(Target.BMV2)


@cache
def links() -> Links:
    """Interfaces for all tests of this process, until `close_links`."""
    return Links(PORTS)


def close_links() -> None:
    """Remove the interfaces, if there are any."""
    if links.cache_info().currsize:
        links().close()
        links.cache_clear()


@final
class RealSwitch(PipelineUnderTest):
    """A simple_switch_grpc process."""

    def __init__(self, name: str) -> None:
        program = compiled()[name]
        self._codec = Codec(program.p4info)
        self._info = program.p4info
        self._switch = ProcessSwitch(bmv2(), links(), restart=False)
        self._client = self._switch.client
        self._switch.start(Loadable(program.p4info, program.config))
        self._entries: dict[int, Entity] = {}
        self._handles = count(1)
        self._markers = count(1)
        self._digests: list[p4r.DigestList] = []
        self.write = self  # type: ignore[assignment]
        self._groups: set[int] = set()
        self._follower = MARKER[:12] + (b"\x08\x00" if name == "access" else b"\x88\x47")
        self._followed = 0
        setup = [CloneSession(session, ((CPU_PORT, 0),)) for session in (PUNT_SESSION, POSTCARD_SESSION)]
        self._write("INSERT", *setup, *(Digest(each.preamble.name) for each in self._info.digests))

    # -- what a controller writes ----------------------------------------------------------------------------

    def add(
        self, table: str, match: Match, action: str, *, priority: int = 0, idle_us: int = 0, **params: int
    ) -> int:
        """See `PipelineUnderTest`."""
        return self._insert(table, match, _action(action, params), priority, idle_us)

    def select(self, table: str, match: Match, action: str, *members: dict[str, int], down: int = 0) -> None:
        """See `PipelineUnderTest`."""
        if down == len(members):
            pytest.skip("simple_switch_grpc divides by zero where no member of a group is live")
        does = tuple(
            Member(_action(action, params), 1, DOWN_PORT if position < down else 0)
            for position, params in enumerate(members)
        )
        self._insert(table, match, does, 0)

    def multicast(self, group: int, *copies: tuple[int, int]) -> None:
        """See `PipelineUnderTest`."""
        self._write("MODIFY" if group in self._groups else "INSERT", MulticastGroup(group, copies))
        self._groups.add(group)

    def delete(self, table: str, handle: int) -> None:
        """See `EntryWriter`."""
        self._write("DELETE", self._entries.pop(handle))

    def default(self, table: str, name: str, **params: int) -> None:
        """See `EntryWriter`."""
        self._write("MODIFY", DefaultEntry(table, _action(name, params)))

    def limit(self, meter: str, index: int, rate: int) -> None:
        """See `PipelineUnderTest`."""
        self._write("MODIFY", MeterConfig(meter, index, rate, rate, rate, rate))

    def _insert(
        self, table: str, match: Match, does: Action | tuple[Member, ...], priority: int, idle_us: int = 0
    ) -> int:
        fields = self._table(table).match_fields
        kinds = {field.name: field.match_type for field in fields}
        wins = 1000 - priority if any(kind in TERNARY for kind in kinds.values()) else 0
        values = {name: _value(kinds[name], each) for name, each in match.items()}
        made = entry(table, values, does, wins, idle_timeout_ns=1000 * idle_us)
        self._write("INSERT", made)
        handle = next(self._handles)
        self._entries[handle] = made
        return handle

    def _write(self, verb: str, *entities: Entity) -> None:
        self._client.write(verb, *(_Encoded(self._codec.entity(each)) for each in entities))

    # -- packets ---------------------------------------------------------------------------------------------

    def send(self, port: int, frame: Frame, *, now: int | None = None) -> list[Sent]:
        """See `PipelineUnderTest`; the clock is the switch's own."""
        data = bytes(frame)
        payload = bytes(PacketOut(data).payload) if port == CPU_PORT else data
        if len(payload) <= ETHERNET:
            pytest.skip("the kernel sends no frame that is nothing but a header, or less")
        if port == CPU_PORT:
            self._client.packet_out(payload, **PacketOut(data).fields)
        else:
            self._let_in(port, data)
        left = [sent for _ in range(ROUNDS) for sent in self._gather()]
        return sorted(left, key=lambda sent: sent.port)

    def _let_in(self, port: int, data: bytes) -> None:
        malformed = self._reasons()["MALFORMED"]
        follower = self._follower + bytes(2 if len(data) == ETHERNET + 1 else 1)
        before = self._read_cell("ingress_drops", malformed)[1]
        links().send(port, data)
        links().send(port, follower)
        self._followed += 1
        counted = {len(follower), len(follower) + len(data)}
        end = time.monotonic() + DEADLINE
        while self._read_cell("ingress_drops", malformed)[1] - before not in counted:
            assert time.monotonic() < end, "the frame did not arrive"

    def _gather(self) -> Iterator[Sent]:
        marker = MARKER + next(self._markers).to_bytes(4)
        for port in PORTS:
            self._packet_out(marker, port)
        awaited = set(PORTS)
        while awaited:
            arrived = links().receive(1, DEADLINE, grace=0)
            assert arrived, f"no marker out of {sorted(awaited)}"
            for port, data in arrived:
                if data == marker:
                    awaited.discard(port)
                else:
                    yield Sent(port, data)
        self._packet_out(marker, CPU_PORT)
        while True:
            message = self._client.message()
            assert message is not None, "the marker for the controller did not come back"
            if message.WhichOneof("update") == "digest":
                self._digests.append(message.digest)
                continue
            assert message.WhichOneof("update") == "packet", message
            if message.packet.payload == marker:
                return
            yield Sent(CPU_PORT, self._packet_in(message.packet))

    def _packet_out(self, payload: bytes, port: int) -> None:
        fields = {"operation": 0, "port": port, "bridge_domain": 0, "attachment": 0, "target": 0}
        self._client.packet_out(payload, **fields)

    def _packet_in(self, message: p4r.PacketIn) -> bytes:
        metadata, payload = self._codec.packet_in(message)
        return bytes(PacketIn(**metadata)) + payload

    def check_times(self, card: PacketIn, now: int, *, left: bool = True) -> None:
        """See `PipelineUnderTest`."""
        assert card.ingress_timestamp > 0
        assert not left or card.egress_timestamp >= card.ingress_timestamp

    # -- what it noticed -------------------------------------------------------------------------------------

    def learned(self) -> list[tuple[int, int, str]]:
        """See `PipelineUnderTest`: digests come by way of a thread of their own."""
        while (message := self._client.message(within=0.1)) is not None:
            assert message.WhichOneof("update") == "digest", message
            self._digests.append(message.digest)
        found, self._digests = self._digests, []
        samples = [sample for each in found for sample in self._codec.digest_list(each)[1]]
        return [(s["bridge_domain"], s["attachment"], s["mac"].to_bytes(6).hex(":")) for s in samples]

    def idle(self) -> list[int]:
        """See `PipelineUnderTest`."""
        message = self._client.message()
        assert message is not None, "nothing is idle"
        told = message.idle_timeout_notification.table_entry
        idle = [self._codec.read(p4r.Entity(table_entry=each)) for each in told]
        keys = {each.key for each in idle if isinstance(each, TableEntry)}
        return [h for h, made in self._entries.items() if isinstance(made, TableEntry) and made.key in keys]

    def hits(self, table: str, handle: int) -> tuple[int, int]:
        """See `PipelineUnderTest`."""
        wanted = self._codec.entity(self._entries[handle]).table_entry
        wanted.ClearField("action")
        request = p4r.Entity(direct_counter_entry=p4r.DirectCounterEntry(table_entry=wanted))
        (answer,) = self._client.read_message(request)
        data = answer.direct_counter_entry.data
        return data.packet_count, data.byte_count

    def _cell(self, name: str, index: int) -> tuple[int, int]:
        packets, size = self._read_cell(name, index)
        followed = (name, index) == ("ingress_drops", self._reasons()["MALFORMED"])
        return packets - self._followed if followed else packets, size

    def _read_cell(self, name: str, index: int) -> tuple[int, int]:
        (number,) = (each.preamble.id for each in self._info.counters if each.preamble.alias == name)
        request = p4r.CounterEntry(counter_id=number, index=p4r.Index(index=index))
        (answer,) = self._client.read_message(p4r.Entity(counter_entry=request))
        return answer.counter_entry.data.packet_count, answer.counter_entry.data.byte_count

    def close(self) -> None:
        """End the process."""
        self._switch.close()

    def _table(self, name: str) -> Any:
        return next(each for each in self._info.tables if each.preamble.alias == name)


@final
class _Encoded:
    """A message in the place of an entity that has to be encoded."""

    def __init__(self, message: p4r.Entity) -> None:
        self._message = message

    def encode(self, _schema: Any) -> p4r.Entity:
        """The message."""
        return self._message


def _action(name: str, params: dict[str, int]) -> Action:
    return action(name, **params)


def _value(kind: int, given: int | tuple[int, int]) -> MatchValue:
    if isinstance(given, int):
        return given
    if kind == p4i.MatchField.LPM:
        return Lpm(*given)
    return Ternary(given[0] & given[1], given[1])
