"""The proof: captures on all links, an independent method, must show the paths that switches reported.

Postcards come from the switches and could all be wrong in the same way; captures are taken by the kernel at
the ports and know nothing of P4. Every watched packet of an experiment is compared hop by hop.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import final

from testbed.experiments.result import Proof
from testbed.experiments.running import RunningLab
from testbed.lab import rundir
from testbed.lab.container import LAB_NAME
from testbed.lab.eventually import NotInTime, eventually_async
from testbed.lab.machines import Guest
from testbed.model.plan import Endpoint, Plan
from testbed.observe.frames import Flow, PacketId
from testbed.observe.paths import NOT_SENT_ON, Trace, assemble, differences
from testbed.observe.pcapng import Captured
from testbed.observe.recording import Recording
from testbed.observe.sightings import traces

SNAP = 128
"""Bytes of each frame: tags, labels and what identifies the packet."""

LATE_SECONDS = 3.0
"""How long reports of switches may still be under way when the captures have ended."""

NAMED = 10
"""Differences that are written down; all are counted."""

ICMP = 1

DarkPorts = Callable[[float | None, float | None], Sequence[Collection[Endpoint]]]


def capture_file() -> Path:
    """Where the captures of this lab's experiment are, until the lab ends."""
    return rundir.directory(os.environ[LAB_NAME]) / "proof.pcapng"


@final
class Witness:
    """Captures at all ports of a lab while an experiment runs, for the echoes between some machines."""

    def __init__(self, lab: RunningLab, pairs: Iterable[tuple[Guest, Guest]]) -> None:
        self._lab = lab
        self._pairs = frozenset(
            ends
            for one, other in pairs
            for ends in ((_address(one), _address(other)), (_address(other), _address(one)))
        )
        ports = [port.interface for switch in lab.plan.switches.values() for port in switch.ports]
        self._recording = Recording(capture_file(), ports, snap=SNAP)
        self._captured: dict[PacketId, Trace] = {}

    async def start(self) -> None:
        """From now on all is captured."""
        await self._recording.start()

    async def stop(self) -> None:
        """The captures end; `sent` and `proof` tell what is in them."""
        await self._recording.stop()
        frames = echoes(self._recording.frames(), self._pairs)
        self._captured = traces(self._lab.plan, frames, self._watched)

    async def kill(self) -> None:
        """They end at once, and are of no use."""
        await self._recording.kill()

    async def proof(
        self,
        dark: DarkPorts,
        unsure: Callable[[float | None], bool] = lambda _sent: False,
    ) -> Proof:
        """Compare every packet, once what switches reported has had time to arrive.

        `dark`: ports without carrier, by the times at which a packet was sent and last seen; of several sets
        any may be true. `unsure`: packets that are not compared, because a switch had nobody to report to.
        """
        if self._recording.lost:
            return Proof(compared=0, agreeing=0, differences=[f"captures lost {self._recording.lost} frames"])
        found: list[Proof] = []
        left_out = {packet for packet, trace in self._captured.items() if unsure(_sent(trace))}
        captured = {packet: trace for packet, trace in self._captured.items() if packet not in left_out}

        def agrees() -> bool:
            found.append(compare(self._lab.plan, self._reported(left_out), captured, dark))
            return not found[-1].differences

        with contextlib.suppress(NotInTime):
            await eventually_async(agrees, within=LATE_SECONDS, every=0.3)
        return found[-1].model_copy(update={"left_out": len(left_out)})

    def sent(
        self, source: Guest, destination: Guest, start: float, end: float
    ) -> list[tuple[float, PacketId]]:
        """The echoes from one machine to another that were sent in a span, with the time of each.

        By the kernel's clock: what switches report may arrive late on a busy machine.
        """
        ends = _address(source), _address(destination)
        times = {
            packet: _sent(trace)
            for packet, trace in self._captured.items()
            if (packet.flow.source, packet.flow.destination) == ends
        }
        return sorted((t, packet) for packet, t in times.items() if t is not None and start <= t <= end)

    def _reported(self, left_out: Collection[PacketId]) -> dict[PacketId, Trace]:
        postcards = self._lab.postcards
        packets = [packet for packet in postcards.packets(self._watched) if packet not in left_out]
        return {packet: postcards.trace(packet) for packet in packets}

    def _watched(self, flow: Flow) -> bool:
        return flow.protocol == "icmp" and (flow.source, flow.destination) in self._pairs


def compare(
    plan: Plan,
    reported: Mapping[PacketId, Trace],
    captured: Mapping[PacketId, Trace],
    dark: DarkPorts,
) -> Proof:
    """Packet by packet; one that only one method has seen is a difference. Pure."""
    agreeing, problems = 0, []
    packets = sorted(reported.keys() | captured.keys())
    for packet in packets:
        nothing = Trace(packet, (), ())
        wires = captured.get(packet, nothing)
        switches = _with_silent_ends(plan, reported.get(packet, nothing), wires)
        unclear = [f"cannot be true: {text}" for text in (*switches.inconsistencies, *wires.inconsistencies)]
        # First as if no port were dark: a packet that a switch dropped ends alike on both sides.
        readings = (differences(switches, wires, each) for each in ((), *dark(_sent(wires), _seen(wires))))
        best = next((reading for reading in readings if not reading), differences(switches, wires))
        if unclear or best:
            problems += [f"{packet}: {text}" for text in (*unclear, *best)]
        else:
            agreeing += 1
    return Proof(compared=len(packets), agreeing=agreeing, differences=problems[:NAMED])


def _with_silent_ends(plan: Plan, reported: Trace, captured: Trace) -> Trace:
    """The reports, ended where nothing was reported and, as the captures show, nothing was sent.

    A switch that would send a frame back to where it came from says nothing of it: so an access switch that
    has heard of a move does, as long as its PE has not.
    """
    if not reported.inconsistencies:
        return reported
    hops = {hop for branch in reported.branches for hop in branch.hops}
    entered = {(hop.node, hop.ingress) for hop in hops}
    silent = {
        hop
        for branch in captured.branches
        for hop in branch.hops
        if hop.drop == NOT_SENT_ON and (hop.node, hop.ingress) not in entered
    }
    return assemble(plan, reported.packet, hops | silent) if silent else reported


def echoes(frames: Iterable[Captured], pairs: Iterable[tuple[str, str]]) -> Iterator[Captured]:
    """The frames that may carry ICMP between these addresses: a quick look, before any is taken apart."""
    ends = [IPv4Address(one).packed + IPv4Address(other).packed for one, other in pairs]
    for frame in frames:
        at = max(frame.data.find(each) for each in ends)
        # RFC 791 §3.1: protocol, checksum, source, destination.
        if at >= 3 and frame.data[at - 3] == ICMP:
            yield frame


def _sent(trace: Trace) -> float | None:
    """When its first frame was captured, if any was."""
    return min((hop.entered for branch in trace.branches for hop in branch.hops), default=None)


def _seen(trace: Trace) -> float | None:
    """When its last frame was captured at a switch's entry, if any was."""
    return max((hop.entered for branch in trace.branches for hop in branch.hops), default=None)


def _address(machine: Guest) -> str:
    return str(machine.plan.address.ip)
