"""The life of a packet in simple_switch: parser, ingress, replication, egress, deparser."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from testbed.p4.switch.model import MAX_GENERATIONS, FieldRef, Program
from testbed.p4.switch.reference.actions import ActionRunner, AssertionFailedError, compute
from testbed.p4.switch.reference.control import Control
from testbed.p4.switch.reference.expression import Evaluator
from testbed.p4.switch.reference.hashing import Random
from testbed.p4.switch.reference.packet import InstanceType, Packet
from testbed.p4.switch.reference.parser import PacketParser
from testbed.p4.switch.reference.phv import Phv
from testbed.p4.switch.reference.state import CloneSession, State
from testbed.p4.switch.target import Replica

T = TypeVar("T")

MAX_PASSES: Final = 1 << 16
"""Passes through ingress or egress that one frame and all that comes of it may make."""


class SimpleSwitch:
    """Runs frames through one program.

    Where bmv2 has queues and threads between ingress and egress there is one order here: what a pass of
    ingress makes goes through egress before the next frame enters ingress.
    """

    def __init__(
        self,
        state: State,
        *,
        seed: int,
        drop_port: int,
        priorities: int,
        up: dict[int, bool],
        learn: Callable[[int, bytes], None],
        drop: Callable[[str], None],
        log: Callable[[str], None],
    ) -> None:
        self._state = state
        self._program: Program = state.program
        self._drop_port = drop_port
        self._priorities = priorities
        self._random = Random(seed)
        self._runner = ActionRunner(state, self._random, drop_port, log)
        self._control = Control(state, self._runner, self._random, up)
        self._learn = learn
        self._drop = drop
        self._passes = 0
        self._fields = {f.id: f.fields for f in self._program.field_lists}
        self._learn_lists = {f.id: i for i, f in enumerate(self._program.learn_lists)}

    def process(self, port: int, frame: bytes, now: int) -> list[tuple[int, bytes]]:
        """A frame that arrives on `port` at `now` (us): what leaves, and where."""
        self._runner.now = now
        packet = Packet(Phv(self._program), frame, port, len(frame), len(frame))
        self._set(packet, "standard_metadata.ingress_port", port)
        self._set(packet, "standard_metadata.packet_length", len(frame))
        self._set(packet, "standard_metadata.instance_type", InstanceType.NORMAL)
        self._set(packet, "intrinsic_metadata.ingress_global_timestamp", now)
        self._passes = 0
        incoming, leaving = deque([packet]), list[tuple[int, bytes]]()
        while incoming:
            queued = deque(self._guard(self._ingress, incoming.popleft(), incoming))
            while queued:
                leaving += self._guard(self._egress, queued.popleft(), incoming, queued)
        return leaving

    def _guard(self, stage: Callable[..., list[T]], packet: Packet, *queues: deque[Packet]) -> list[T]:
        """Run a stage; a packet that fails an assertion, or has too many ancestors or kin, is dropped."""
        self._passes += 1
        if packet.generation > MAX_GENERATIONS or self._passes > MAX_PASSES:
            self._drop("drop_loop")
            return []
        try:
            return stage(packet, *queues)
        except AssertionFailedError:
            self._drop("drop_assert")
            return []

    # -- ingress ---------------------------------------------------------------------------------------------

    def _ingress(self, packet: Packet, incoming: deque[Packet]) -> list[Packet]:
        """Parse, run ingress, and give what goes on to egress."""
        frame = packet.data
        self._parse(packet)
        self._set(packet, "standard_metadata.parser_error", packet.parser_error)
        self._set(packet, "standard_metadata.checksum_error", int(packet.checksum_error))
        self._control.apply(self._program.ingress, packet)
        packet.exited = False

        queued = self._clone_ingress(packet, frame)
        if packet.requests.digest:
            self._generate_digest(packet)
        if packet.requests.resubmit:
            incoming.append(self._resubmit(packet, frame))
            return queued
        group = self._get(packet, "intrinsic_metadata.mcast_grp")
        port = self._get(packet, "standard_metadata.egress_spec")
        if not group and port == self._drop_port:
            self._drop("drop_ingress")
            return queued
        if self._get(packet, "intrinsic_metadata.priority") >= self._priorities:
            self._drop("drop_priority")
            return queued
        if group:
            self._set(packet, "standard_metadata.instance_type", InstanceType.REPLICATION)
            return queued + self._replicate(packet, self._state.multicast.get(group, ()), None)
        self._set(packet, "standard_metadata.instance_type", InstanceType.NORMAL)
        return [*queued, self._enqueue(packet, port)]

    def _parse(self, packet: Packet) -> None:
        PacketParser(packet, self._state, self._runner).parse()
        evaluator = Evaluator(packet.phv, self._state.registers)
        packet.checksum_error = False
        for checksum in self._program.checksums:
            if not checksum.verify or not packet.phv.valid[checksum.target.header]:
                continue
            if checksum.cond is None or evaluator.truth(checksum.cond):
                expected = compute(self._state, checksum.calculation, packet, self._random)
                packet.checksum_error |= expected != packet.phv.bits(checksum.target)

    def _clone_ingress(self, packet: Packet, frame: bytes) -> list[Packet]:
        """Clones of the frame as it came: parsed again, metadata 0 but for the field list."""
        session, fields = self._take_clone_request(packet)
        if session is None:
            return []
        clone = self._fresh(packet, frame, packet.ingress_length)
        clone.length = len(frame)
        self._set(clone, "standard_metadata.ingress_port", packet.ingress_port)
        self._parse(clone)
        self._inherit(clone, packet, fields, InstanceType.INGRESS_CLONE)
        return self._replicate(clone, session.replicas, session.truncate or None)

    def _resubmit(self, packet: Packet, frame: bytes) -> Packet:
        """The frame as it came, to enter ingress again."""
        fields = self._fields.get(packet.requests.resubmit, ())
        again = self._fresh(packet, frame, packet.ingress_length)
        self._inherit(again, packet, fields, InstanceType.RESUBMIT)
        self._set(again, "standard_metadata.packet_length", len(frame))
        return again

    def _generate_digest(self, packet: Packet) -> None:
        position = self._learn_lists.get(packet.requests.digest)
        if position is None:
            return
        fields = self._program.learn_lists[position].fields
        sample = b"".join(packet.phv.bits(ref).to_bytes(self._program.field(ref).nbytes) for ref in fields)
        self._learn(position, sample)

    def _take_clone_request(self, packet: Packet) -> tuple[CloneSession | None, tuple[FieldRef, ...]]:
        """The session and field list of the last clone call, if there was one and the session exists."""
        requests = packet.requests
        session = None if requests.clone_session is None else self._state.clones.get(requests.clone_session)
        fields = self._fields.get(requests.clone_fields, ())
        requests.clone_session, requests.clone_fields = None, 0
        return session, fields

    # -- replication -----------------------------------------------------------------------------------------

    def _fresh(self, packet: Packet, frame: bytes, ingress_length: int) -> Packet:
        """A descendant of `packet` with empty headers and all of `frame` to parse."""
        return Packet(
            Phv(self._program), frame, packet.ingress_port, ingress_length, len(frame), packet.generation + 1
        )

    def _inherit(
        self, copy: Packet, original: Packet, fields: tuple[FieldRef, ...], kind: InstanceType
    ) -> None:
        """Metadata of a clone or resubmitted packet: 0, but for a field list."""
        copy.phv.reset_metadata()
        copy.phv.copy_fields(fields, original.phv)
        self._set(copy, "standard_metadata.instance_type", kind)

    def _replicate(
        self, packet: Packet, replicas: tuple[Replica, ...], truncated: int | None
    ) -> list[Packet]:
        """One copy per replica, headers and metadata the same but for egress_rid.

        A `truncate` of the original does not count for copies.
        """
        copies = []
        for replica in replicas:
            copy = Packet(
                packet.phv.copy(),
                packet.data,
                packet.ingress_port,
                packet.ingress_length,
                packet.length,
                packet.generation,
                truncated=truncated,
            )
            self._set(copy, "intrinsic_metadata.egress_rid", replica.rid)
            copies.append(self._enqueue(copy, replica.port))
        return copies

    def _enqueue(self, packet: Packet, port: int) -> Packet:
        packet.egress_port = port
        self._set(packet, "queueing_metadata.enq_timestamp", self._runner.now)
        self._set(packet, "queueing_metadata.enq_qdepth", 0)
        return packet

    # -- egress ----------------------------------------------------------------------------------------------

    def _egress(
        self, packet: Packet, incoming: deque[Packet], queued: deque[Packet]
    ) -> list[tuple[int, bytes]]:
        """Run egress and deparse: the frame that leaves, if one does."""
        now = self._runner.now
        self._set(packet, "intrinsic_metadata.egress_global_timestamp", now)
        self._set(packet, "queueing_metadata.deq_timedelta", 0)
        self._set(packet, "queueing_metadata.deq_qdepth", 0)
        self._set(packet, "standard_metadata.egress_port", packet.egress_port)
        self._set(packet, "standard_metadata.egress_spec", self._drop_port + 1)
        self._set(packet, "standard_metadata.packet_length", packet.length)
        self._control.apply(self._program.egress, packet)

        queued.extend(self._clone_egress(packet))
        if self._get(packet, "standard_metadata.egress_spec") == self._drop_port:
            self._drop("drop_egress")
            return []
        self._deparse(packet)
        if packet.requests.recirculate:
            incoming.append(self._recirculate(packet))
            return []
        return [(packet.egress_port, packet.visible)]

    def _clone_egress(self, packet: Packet) -> list[Packet]:
        """Clones of the packet as egress left it, metadata 0 but for the field list."""
        session, fields = self._take_clone_request(packet)
        if session is None:
            return []
        clone = Packet(
            packet.phv.copy(),
            packet.data,
            packet.ingress_port,
            packet.ingress_length,
            packet.length,
            packet.generation + 1,
        )
        self._inherit(clone, packet, fields, InstanceType.EGRESS_CLONE)
        return self._replicate(clone, session.replicas, session.truncate or None)

    def _deparse(self, packet: Packet) -> None:
        evaluator = Evaluator(packet.phv, self._state.registers)
        for checksum in self._program.checksums:
            if checksum.update and (checksum.cond is None or evaluator.truth(checksum.cond)):
                result = compute(self._state, checksum.calculation, packet, self._random)
                packet.phv.set(checksum.target, result)
        for primitive in self._program.deparser.primitives:
            self._runner.run_one(packet, primitive)
        headers = [packet.phv.header_bytes(h) for h in self._program.deparser.order if packet.phv.valid[h]]
        packet.data = b"".join(headers) + packet.data

    def _recirculate(self, packet: Packet) -> Packet:
        """The deparsed frame, to enter ingress as a new packet."""
        fields = self._fields.get(packet.requests.recirculate, ())
        again = self._fresh(packet, packet.data, len(packet.data))
        self._inherit(again, packet, fields, InstanceType.RECIRC)
        self._set(again, "standard_metadata.packet_length", len(packet.data))
        return again

    # -- metadata --------------------------------------------------------------------------------------------

    def _get(self, packet: Packet, name: str) -> int:
        ref = self._program.intrinsic(name)
        return 0 if ref is None else packet.phv.get(ref)

    def _set(self, packet: Packet, name: str, value: int) -> None:
        ref = self._program.intrinsic(name)
        if ref is not None:
            packet.phv.set(ref, value)
