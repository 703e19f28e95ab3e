"""One live migration while clients talk to the machine: paths before and after, and what sessions saw."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

from testbed.experiments import flooding
from testbed.experiments.counters import tally
from testbed.experiments.proof import Slots, Witness
from testbed.experiments.result import Directions, Event, Gaps, Move, PathSeen, Proof, Series, Sessions
from testbed.experiments.running import RunningLab
from testbed.experiments.series import series
from testbed.lab.errors import LabError
from testbed.lab.machines import Guest, VirtualMachine
from testbed.model.topology import Announce
from testbed.observe.flows import PingFlow, PingResult, TcpFlow, TcpResult, UdpFlow, UdpResult
from testbed.observe.frames import PROBE
from testbed.observe.paths import Branch, Trace
from testbed.observe.postcards import between
from testbed.observe.probes import RECORD
from testbed.observe.samples import Sample

SETTLE = 0.5
"""Seconds that sessions run before anything is measured."""

WINDOW = 1.0
"""Seconds in which the paths of a phase are seen."""

RECOVERY = 1.5
"""Seconds after the machine is back before the paths after the move are looked at."""

PING_INTERVAL = 0.05
UDP_RATE = 250.0
"""Datagrams per second and direction: gaps are measured to 4 ms."""

UDP_SIZE = 512
"""Bytes of payload of a datagram."""

UDP_PORT, TCP_PORT = 7000, 8000

STEPS = (
    "paused",
    "unplugged",
    "resumed",
    "announced",
    "learned",
    "advertised",
    "received",
    "withdrawn",
    "programmed",
    "first packet",
)
"""Events of the timeline that tell the story of a move."""


@final
@dataclass(frozen=True, slots=True)
class MoveSpec:
    """Which machine goes where, who talks to it, and how."""

    machine: str
    destination: str
    clients: tuple[str, ...]
    blackout_ms: float
    announce: Announce


@final
@dataclass(frozen=True, slots=True)
class Cost:
    """What the move and the traffic after it cost the network."""

    flooded: int
    """Copies of echoes to the machine that PEs sent to where it is not."""
    updates: int
    """UPDATE messages that PEs sent from the pause to the end."""
    writes: int
    """P4Runtime updates that switches took from the pause to the end."""
    wan_bytes_per_byte: float
    """Bytes on WAN links for each byte of payload that arrived, after the move."""


@final
@dataclass(frozen=True, slots=True)
class Moved:
    """All that was found out: what each client saw, what it cost, and whether the captures say so too."""

    sessions: dict[str, Sessions]
    cost: Cost
    proof: Proof


@final
class _Client:
    """All sessions between one client and the machine."""

    def __init__(self, client: Guest, vm: VirtualMachine, number: int) -> None:
        self.client, self.vm = client, vm
        address, back = str(vm.plan.address.ip), str(client.plan.address.ip)
        port = UDP_PORT + 2 * number
        self.ping = PingFlow(client, address, interval=PING_INTERVAL, identifier=number)
        datagrams = partial(UdpFlow, rate=UDP_RATE, size=UDP_SIZE)
        self.ingress = datagrams(client, vm, address, port, number=2 * number)
        self.egress = datagrams(vm, client, back, port + 1, number=2 * number + 1)
        self.tcp = TcpFlow(client, vm, address, TCP_PORT + number, bulk=False)

    async def start(self) -> None:
        await asyncio.gather(*(flow.start() for flow in (self.ping, self.ingress, self.egress, self.tcp)))

    async def stop(self) -> _Seen:
        ping, ingress, egress, tcp = await asyncio.gather(
            self.ping.stop(), self.ingress.stop(), self.egress.stop(), self.tcp.stop()
        )
        return _Seen(self.client.name, ping, ingress, egress, tcp)

    async def kill(self) -> None:
        flows = (self.ping, self.ingress, self.egress, self.tcp)
        await asyncio.gather(*(flow.kill() for flow in flows))


@final
@dataclass(frozen=True, slots=True)
class _Seen:
    """What one client's sessions reported."""

    client: str
    ping: PingResult
    ingress: UdpResult
    egress: UdpResult
    tcp: TcpResult

    def payload(self, start: float, end: float) -> int:
        """Bytes of payload that arrived in a span; echoes, requests and answers count both ways."""

        def arrived(samples: Sequence[Sample]) -> int:
            return sum(start <= sample.received < end for sample in samples)

        datagrams = arrived(self.ingress.samples) + arrived(self.egress.samples)
        echoes, answers = arrived(self.ping.samples), arrived(self.tcp.samples)
        return datagrams * UDP_SIZE + 2 * (echoes * PROBE.size + answers * RECORD.size)


async def move(lab: RunningLab, spec: MoveSpec, say: Callable[[str], None]) -> Moved:
    """Run it; sessions are in the order of `spec.clients`. LabError if it cannot be run."""
    vm = lab.lab.vm(spec.machine)
    clients = [lab.lab.machine(name) for name in spec.clients]
    for client in clients:
        await lab.reachable(client, vm)
    await lab.watch_pings((client, vm) for client in clients)
    witness = Witness(lab, [(client, vm) for client in clients])
    sessions = [_Client(client, vm, number) for number, client in enumerate(clients)]
    watched = time.monotonic()
    try:
        await witness.start()
        await asyncio.gather(*(each.start() for each in sessions))
        await asyncio.sleep(SETTLE)
        before = time.monotonic()
        await asyncio.sleep(WINDOW)
        say(f"{vm.name} leaves {vm.slot.name if vm.slot else '?'} for {spec.destination}")
        counted = tally(lab.plan, lab.fabric)
        moved = await vm.migrate(spec.destination, blackout_ms=spec.blackout_ms, announce=spec.announce)
        await asyncio.sleep(RECOVERY)
        after, recovered = time.monotonic(), tally(lab.plan, lab.fabric)
        await asyncio.sleep(WINDOW)
        end, ended = time.monotonic(), tally(lab.plan, lab.fabric)
        seen = await asyncio.gather(*(each.stop() for each in sessions))
        await witness.stop()
    except BaseException:
        await asyncio.gather(witness.kill(), *(each.kill() for each in sessions))
        raise
    proof = await witness.proof(Slots.of(vm, moved).dark)
    found = {}
    for report in seen:
        client = lab.lab.machine(report.client)
        seen_by = _Seer(lab, witness)
        phases = [
            seen_by.directions(client, vm, report.ping, span)
            for span in ((before, moved.paused), (after, end))
        ]
        seen_by.first_packets(client, vm, moved.plugged)
        timeline = _story(lab, moved.paused, after)
        samples = series(
            report.ping, report.ingress, report.egress, paused=moved.paused, plugged=moved.plugged
        )
        outcome = _outcome(report, (before, end), moved.plugged, timeline, samples)
        found[report.client] = Sessions(before=phases[0], after=phases[1], move=outcome)
    due_to_move = ended - counted
    payload = sum(report.payload(after, end) for report in seen)
    cost = Cost(
        flooded=_flooded(lab, clients, vm, watched),
        updates=due_to_move.updates,
        writes=due_to_move.writes,
        wan_bytes_per_byte=round((ended - recovered).wan_bytes / max(1, payload), 3),
    )
    return Moved(found, cost, proof)


def _flooded(lab: RunningLab, clients: Iterable[Guest], vm: Guest, since: float) -> int:
    addresses = [str(client.plan.address.ip) for client in clients]
    return sum(
        flooding.copies(lab.plan, trace)
        for address in addresses
        for trace in lab.postcards.traces(between(address, str(vm.plan.address.ip), "icmp"), since)
    )


@final
@dataclass(frozen=True, slots=True)
class _Seer:
    """The paths that switches reported, of packets whose times the captures know."""

    lab: RunningLab
    witness: Witness

    def directions(self, client: Guest, vm: Guest, ping: PingResult, span: tuple[float, float]) -> Directions:
        """Both paths of a span; LabError if no echo came back in it."""
        rtt = ping.rtt_ms(*span)
        if rtt is None:
            raise LabError(f"no echo came back to {client.name}: {vm.name} was lost")
        return Directions(ingress=self._path(client, vm, span, rtt), egress=self._path(vm, client, span, rtt))

    def _path(self, source: Guest, destination: Guest, span: tuple[float, float], rtt_ms: float) -> PathSeen:
        """The path that the packets of a span took; LabError unless all took the same one."""
        ways: Counter[tuple[str, ...]] = Counter()
        branches: dict[tuple[str, ...], Branch] = {}
        last: Trace | None = None
        for _, packet in self.witness.sent(source, destination, span[0], span[1] - rtt_ms / 1e3):
            trace = self.lab.postcards.trace(packet)
            branch, last = trace.delivered, trace
            if branch is not None and not trace.inconsistencies:
                ways[branch.nodes] += 1
                branches[branch.nodes] = branch
        what = f"packets from {source.name} to {destination.name}"
        if not ways:
            seen = "none was reported" if last is None else f"the last one: {json.dumps(last.as_json())}"
            raise LabError(f"no whole path of {what} was seen; {seen}")
        if len(ways) > 1:
            raise LabError(f"{what} took {len(ways)} paths: {'; '.join(' '.join(way) for way in ways)}")
        (nodes,) = ways
        branch = branches[nodes]
        return PathSeen(
            nodes=list(nodes),
            crossings=branch.crossings,
            trombone=branch.trombone,
            rtt_ms=round(rtt_ms, 3),
        )

    def first_packets(self, client: Guest, vm: Guest, resumed: float) -> None:
        """Note when the first packet of each direction that came through after the move was sent."""
        for source, destination in ((client, vm), (vm, client)):
            for t, packet in self.witness.sent(source, destination, resumed, math.inf):
                branch = self.lab.postcards.trace(packet).delivered
                if branch is not None:
                    name = f"{source.name} to {destination.name}"
                    self.lab.timeline.stamp("first packet", branch.nodes[0], t, flow=name)
                    break


def _outcome(
    seen: _Seen, span: tuple[float, float], resumed: float, timeline: list[Event], samples: Series
) -> Move:
    ingress, egress = seen.ingress.stats(*span), seen.egress.stats(*span)
    return Move(
        gap_ms=Gaps(ingress=round(ingress.gap_ms, 3), egress=round(egress.gap_ms, 3)),
        lost=ingress.lost + egress.lost,
        sent=ingress.sent + egress.sent,
        tcp_survived=seen.tcp.survived(resumed),
        timeline=timeline,
        series=samples,
    )


def _story(lab: RunningLab, paused: float, until: float) -> list[Event]:
    """The steps of the move."""
    return [
        Event(t_ms=round((event.t - paused) * 1e3, 3), event=event.event, node=event.node)
        for event in lab.timeline.between(paused, until)
        if event.event in STEPS
    ]
