"""A program of p4src in an engine, without Mininet: entries by name, packets in, packets out.

Tests talk to `PipelineUnderTest`. Frames are scapy packets or bytes; expected frames are compared byte by
byte, and a difference is shown as headers. Ports are bmv2 port numbers.
"""

from __future__ import annotations

import difflib
import json
import select
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from scapy.fields import BitField, ByteField, ShortField
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from testbed.p4.compiler.compile import compile_program
from testbed.p4.compiler.result import CompiledProgram
from testbed.p4.switch.entries import EntryWriter, Match
from testbed.p4.switch.model import Program, parse_program
from testbed.p4.switch.target import (
    NO_PORT,
    Bucket,
    CloneOp,
    DigestOp,
    DigestSample,
    IdleTimeout,
    MeterConfig,
    MeterOp,
    MulticastOp,
    Replica,
    Target,
    TargetOptions,
)

P4SRC = Path(__file__).parents[3] / "p4src"
CPU_PORT = 510
DOWN_PORT = 500
PUNT_SESSION, POSTCARD_SESSION = 1, 2

Frame: TypeAlias = Packet | bytes
Engine: TypeAlias = Callable[[TargetOptions], Target]


class PacketIn(Packet):
    """What stands in front of a packet to the controller (p4src/common/controller.p4)."""

    name = "packet_in"
    fields_desc: ClassVar[list[Any]] = [
        ByteField("reason", 0),
        ByteField("drop_reason", 0),
        ShortField("watch", 0),
        ShortField("ingress_port", 0),
        ShortField("egress_port", 0),
        ShortField("attachment", 0),
        ShortField("bridge_domain", 0),
        BitField("ingress_timestamp", 0, 48),
        BitField("egress_timestamp", 0, 48),
    ]

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """The packet itself."""
        return Raw


class PacketOut(Packet):
    """What the controller puts in front of a packet."""

    name = "packet_out"
    fields_desc: ClassVar[list[Any]] = [
        ByteField("operation", 0),
        ShortField("port", 0),
        ShortField("bridge_domain", 0),
        ShortField("attachment", 0),
        BitField("target", 0, 24),
    ]


class Label(Packet):
    """A label stack entry (RFC 3032 §2.1)."""

    name = "label"
    fields_desc: ClassVar[list[Any]] = [
        BitField("label", 0, 20),
        BitField("tc", 0, 3),
        BitField("bos", 0, 1),
        ByteField("ttl", 64),
    ]

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """A label until the bottom, then what the first nibble says."""
        if not self.bos:
            return Label
        if payload[:4] == bytes(4):
            return ControlWord
        return {4: IP, 6: IPv6}.get(payload[0] >> 4, Ether) if payload else Raw


class ControlWord(Packet):
    """RFC 4448 §4.6."""

    name = "control_word"
    fields_desc: ClassVar[list[Any]] = [ShortField("reserved", 0), ShortField("sequence", 0)]

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """The frame behind it."""
        return Ether


def link(dst: str, src: str) -> Packet:
    """The header of a core link."""
    return Ether(dst=dst, src=src, type=0x8847)


@dataclass(frozen=True)
class Sent:
    """A frame that left the switch."""

    port: int
    data: bytes

    def __str__(self) -> str:
        return f"port {self.port}, {len(self.data)} bytes\n{describe(self.data, self.port == CPU_PORT)}"


def describe(data: bytes, to_controller: bool = False) -> str:
    """A frame as text, one line a field."""
    if to_controller:
        header = PacketIn(data)
        rest = bytes(header.payload)
        header.remove_payload()
        return f"{header.show(dump=True)}{describe(rest)}"
    frame = Ether(data)
    if data[12:14] == b"\x88\x47" and frame.payload:
        labels = Label(bytes(frame.payload))
        frame.remove_payload()
        return f"{frame.show(dump=True)}{labels.show(dump=True)}{data.hex(' ', 2)}\n"
    return f"{frame.show(dump=True)}{data.hex(' ', 2)}\n"


@cache
def compiled(name: str) -> CompiledProgram:
    """p4src/NAME.p4, compiled once."""
    return compile_program(P4SRC / f"{name}.p4")


@cache
def loadable(name: str) -> Program:
    """The same as an engine takes it."""
    return parse_program(json.dumps(compiled(name).json), name)


class PipelineUnderTest:
    """One switch."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.program = loadable(name)
        self.target = engine(TargetOptions(cpu_port=CPU_PORT))
        self.target.load(self.program)
        self.write = EntryWriter(self.target, self.program)
        self._members = defaultdict[str, "count[int]"](lambda: count(1))
        for session in (PUNT_SESSION, POSTCARD_SESSION):
            self.write.apply(CloneOp(session, (Replica(CPU_PORT),)))
        for position, _ in enumerate(self.program.learn_lists):
            self.write.apply(DigestOp(position, True))

    # -- what a controller writes ----------------------------------------------------------------------------

    def add(
        self, table: str, match: Match, action: str, *, priority: int = 0, idle_us: int = 0, **params: int
    ) -> int:
        """An entry; its handle. `priority`: the lower wins; `idle_us`: told when unused for so long."""
        return self.write.insert(table, match, action, priority=priority, idle_timeout_us=idle_us, **params)

    def select(self, table: str, match: Match, action: str, *members: dict[str, int], down: int = 0) -> None:
        """An entry of a table with a selector: a group of members, the first `down` of them not live."""
        self.target.set_port(DOWN_PORT, False)
        numbers = self._members[table]
        buckets = []
        for position, params in enumerate(members):
            number = next(numbers)
            self.write.member(table, number, action, **params)
            buckets.append(Bucket(number, watch_port=DOWN_PORT if position < down else NO_PORT))
        group = next(numbers)
        self.write.group(table, group, *buckets)
        self.write.insert_group(table, match, group)

    def limit(self, meter: str, index: int, rate: int) -> None:
        """Both rates and both bursts of a cell of a meter."""
        names = [each.name.rpartition(".")[2] for each in self.program.meters]
        self.write.apply(MeterOp(names.index(meter), index, MeterConfig(rate, rate, rate, rate)))

    def multicast(self, group: int, *copies: tuple[int, int]) -> None:
        """A multicast group: (port, instance) of each copy."""
        self.write.apply(MulticastOp(group, tuple(Replica(port, rid) for port, rid in copies)))

    # -- packets ---------------------------------------------------------------------------------------------

    def send(self, port: int, frame: Frame, *, now: int | None = None) -> list[Sent]:
        """What leaves for one frame in, packets to the controller included."""
        return [Sent(*out) for out in self.target.inject(port, bytes(frame), now=now)]

    def frames(self, port: int, frame: Frame) -> list[Sent]:
        """What leaves for one frame in, but for the controller."""
        return [sent for sent in self.send(port, frame) if sent.port != CPU_PORT]

    def reports(self, port: int, frame: Frame, *, now: int | None = None) -> list[PacketIn]:
        """What the controller gets for one frame in."""
        return [PacketIn(sent.data) for sent in self.send(port, frame, now=now) if sent.port == CPU_PORT]

    def report(self, sent: Sent) -> PacketIn:
        """A frame to the controller, its header taken apart."""
        assert sent.port == CPU_PORT, f"not to the controller: {sent}"
        return PacketIn(sent.data)

    def expect(self, port: int, frame: Frame, *expected: tuple[int, Frame]) -> None:
        """Exactly these frames leave, in any order; packets to the controller aside."""
        got = Counter(self.frames(port, frame))
        want = Counter(Sent(to, bytes(out)) for to, out in expected)
        assert got == want, "\n" + _difference(want - got, got - want)

    def packet_out(self, frame: Frame, **header: Any) -> list[Sent]:
        """What leaves for a packet of the controller."""
        return self.send(CPU_PORT, bytes(PacketOut(**header)) + bytes(frame))

    def check_times(self, card: PacketIn, now: int, *, left: bool = True) -> None:
        """The times of a packet-in: `now` as it came, and as it left if it did."""
        assert card.ingress_timestamp == now
        assert not left or card.egress_timestamp == now

    # -- what it noticed -------------------------------------------------------------------------------------

    def learned(self) -> list[tuple[int, int, str]]:
        """The digests since last asked: bridge domain, attachment, MAC."""
        samples = [event.data for event in self.target.events() if isinstance(event, DigestSample)]
        return [(int.from_bytes(d[:2]), int.from_bytes(d[2:4]), d[4:10].hex(":")) for d in samples]

    def idle(self) -> list[int]:
        """The handles of entries that were not hit for their idle timeout, once there are some."""
        sweep = getattr(self.target, "sweep", None)
        deadline = time.monotonic() + 5
        while True:
            if sweep is not None:  # it looks only when it is told to, and that may be too soon
                sweep()
            if select.select([self.target.fileno()], [], [], 0.01)[0]:
                found = [event.handle for event in self.target.events() if isinstance(event, IdleTimeout)]
                if found:
                    return found
            assert time.monotonic() < deadline, "nothing is idle"

    def drops(self) -> dict[str, int]:
        """Packets dropped so far, by reason and by where: {"ingress NO_ROUTE": 1}."""
        return {
            f"{where} {reason}": packets
            for where in ("ingress", "egress")
            for reason, number in self._reasons().items()
            if (packets := self._cell(f"{where}_drops", number)[0])
        }

    def hits(self, table: str, handle: int) -> tuple[int, int]:
        """Packets and bytes of an entry's direct counter."""
        return self._cell(f"{table}_counter", handle)

    def close(self) -> None:
        """Free the engine."""
        self.target.close()

    def _reasons(self) -> dict[str, int]:
        return drop_reasons()

    def _cell(self, name: str, index: int) -> tuple[int, int]:
        names = [counter.name.rpartition(".")[2] for counter in self.program.counters]
        ((packets, size),) = self.target.read_counter(names.index(name), index, 1)
        return packets, size


@cache
def drop_reasons() -> dict[str, int]:
    """The members of DropReason, from the source."""
    text = (P4SRC / "common" / "names.p4").read_text()
    body = text.split("enum bit<8> DropReason {")[1].split("}")[0]
    pairs = (line.split("//")[0].strip(" ,").split("=") for line in body.splitlines() if "=" in line)
    return {name.strip(): int(number) for name, number in pairs}


def _difference(missing: Counter[Sent], extra: Counter[Sent]) -> str:
    """What should have left and did not, against what left and should not have."""
    wanted, got = sorted(missing.elements(), key=_order), sorted(extra.elements(), key=_order)
    lines: list[str] = []
    for index in range(max(len(wanted), len(got))):
        left = str(wanted[index]).splitlines() if index < len(wanted) else []
        right = str(got[index]).splitlines() if index < len(got) else []
        lines += difflib.unified_diff(left, right, "expected", "sent", lineterm="", n=99)
    return "\n".join(lines)


def _order(sent: Sent) -> tuple[int, bytes]:
    return sent.port, sent.data
