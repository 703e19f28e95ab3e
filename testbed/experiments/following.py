"""Echoes between two machines of a running lab, one after the other, each with the ways that it took."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Any, final

from testbed.experiments.running import RunningLab
from testbed.lab.control import Emit
from testbed.lab.machines import Guest
from testbed.observe.flows import PingFlow
from testbed.observe.frames import Flow, PacketId
from testbed.observe.paths import Branch, Trace

INTERVAL = 0.2
"""Seconds from echo to echo."""

REMEMBERED = 64
"""Echoes: parts of them may not be reported yet. Lost ones are pushed out by later ones."""

REQUEST, ANSWER = 8, 0
"""ICMP types of echoes (RFC 792)."""

_identifiers = cycle(range(20_000, 60_000))


@final
@dataclass(frozen=True, slots=True)
class Echo:
    """A request and its answer, both seen at every switch that they passed."""

    there: Branch
    back: Branch

    @property
    def rtt_ms(self) -> float | None:
        """From entering the sender's switch to entering it again, by that switch's own clock."""
        left, returned = self.there.hops[0], self.back.hops[-1]
        return round((returned.entered - left.entered) * 1e3, 3) if left.node == returned.node else None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        ways = {
            name: {"nodes": list(way.nodes), "crossings": way.crossings, "trombone": way.trombone}
            for name, way in (("there", self.there), ("back", self.back))
        }
        return {"rtt_ms": self.rtt_ms, **ways}


@final
class Pairs:
    """Brings requests and answers of one series of echoes together. Pure."""

    def __init__(self, identifier: int, trace: Callable[[PacketId], Trace]) -> None:
        """`identifier` of the echoes; `trace` tells what is known of a packet by now."""
        self._identifier = identifier
        self._trace = trace
        self._known: dict[int, dict[int, PacketId] | None] = {}
        """By sequence: request and answer as far as they were seen; None once told."""

    def reported(self, packet: PacketId) -> Echo | None:
        """Something of a packet was reported: the echo if it is whole now, and was not before."""
        kind = self._kind(packet.flow)
        if kind is None:
            return None
        echo = self._known.setdefault(packet.sequence, {})
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        if echo is None:
            return None
        echo[kind] = packet
        there, back = (self._whole(echo.get(each)) for each in (REQUEST, ANSWER))
        if there is None or back is None:
            return None
        self._known[packet.sequence] = None
        return Echo(there, back)

    def _kind(self, flow: Flow) -> int | None:
        mine = flow.protocol == "icmp" and flow.destination_port == self._identifier
        return flow.source_port if mine and flow.source_port in (REQUEST, ANSWER) else None

    def _whole(self, packet: PacketId | None) -> Branch | None:
        if packet is None:
            return None
        trace = self._trace(packet)
        return None if trace.inconsistencies else trace.delivered


async def follow(lab: RunningLab, source: Guest, destination: Guest, emit: Emit) -> None:
    """Send echoes and tell of each that comes back, until cancelled."""
    identifier = next(_identifiers)
    pairs = Pairs(identifier, lab.postcards.trace)
    flow = PingFlow(source, str(destination.plan.address.ip), interval=INTERVAL, identifier=identifier)
    seen: asyncio.Queue[PacketId] = asyncio.Queue()
    watches = await lab.watch_pings([(source, destination)])
    end = lab.postcards.listen(lambda packet, _: seen.put_nowait(packet))
    try:
        await flow.start()
        while True:
            echo = pairs.reported(await seen.get())
            if echo:
                await emit(echo.as_json())
    finally:
        end()
        lab.unwatch(watches)
        await flow.kill()
