"""Postcards: what every switch reports of watched packets; kept by packet, and made into paths."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

from testbed.model.plan import Plan
from testbed.observe.frames import Flow, PacketId, dissect
from testbed.observe.paths import Hop, Trace, assemble


@final
@dataclass(frozen=True, slots=True)
class Postcard:
    """One switch's report of one packet that left it, or ended in it."""

    node: str
    ingress_port: int
    egress_port: int | None
    """None: dropped."""
    drop_reason: str
    ingress_ts_us: int
    """When it came in, by the switch's own clock; copies of one packet share it."""
    egress_ts_us: int
    packet: bytes
    """As sent, labels and all; as received if it was dropped."""
    received_at: float
    """CLOCK_MONOTONIC, when the report arrived, s."""

    def hop(self, labels: tuple[int, ...], ttl: int) -> Hop:
        """As a sighting."""
        entered = self.ingress_ts_us / 1e6
        return Hop(self.node, self.ingress_port, self.egress_port, labels, ttl, self.drop_reason, entered)


@final
@dataclass(slots=True)
class _Seen:
    """All sightings of one packet so far."""

    first: float
    hops: list[Hop]


@final
class PostcardStore:
    """The postcards of the last packets, by packet. Bounded: the oldest packets are forgotten first."""

    def __init__(self, plan: Plan, capacity: int = 100_000) -> None:
        self._plan = plan
        self._capacity = capacity
        self._seen: OrderedDict[PacketId, _Seen] = OrderedDict()
        self._listeners: list[Callable[[PacketId, Postcard], None]] = []
        self.forgotten = 0
        """Packets that are no longer there because of the bound."""
        self.unreadable = 0
        """Postcards whose packet could not be taken apart."""

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, postcard: Postcard) -> PacketId | None:
        """Keep a postcard; the packet it is of, or None if that cannot be told."""
        frame = dissect(postcard.packet)
        if frame is None:
            self.unreadable += 1
            return None
        seen = self._seen.get(frame.packet)
        if seen is None:
            seen = self._seen[frame.packet] = _Seen(postcard.received_at, [])
            if len(self._seen) > self._capacity:
                self._seen.popitem(last=False)
                self.forgotten += 1
        seen.hops.append(postcard.hop(frame.labels, frame.ttl))
        for listener in tuple(self._listeners):
            listener(frame.packet, postcard)
        return frame.packet

    def listen(self, listener: Callable[[PacketId, Postcard], None]) -> Callable[[], None]:
        """Call `listener` for every postcard from now on; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def clear(self) -> None:
        """Forget all packets."""
        self._seen.clear()

    def packets(self, matches: Callable[[Flow], bool], since: float = 0.0) -> Iterator[PacketId]:
        """Packets of matching flows, first reported at or after `since`, oldest first."""
        for packet, seen in self._seen.items():
            if seen.first >= since and matches(packet.flow):
                yield packet

    def first_seen(self, packet: PacketId) -> float:
        """When the first postcard of a packet arrived, CLOCK_MONOTONIC, s."""
        return self._seen[packet].first

    def trace(self, packet: PacketId) -> Trace:
        """What is known of a packet's way by now."""
        seen = self._seen.get(packet)
        return assemble(self._plan, packet, seen.hops if seen else ())

    def traces(self, matches: Callable[[Flow], bool], since: float = 0.0) -> Iterator[Trace]:
        """Traces of matching packets, oldest first."""
        return map(self.trace, self.packets(matches, since))

    async def delivered(
        self, matches: Callable[[Flow], bool], *, since: float | None = None, within: float = 2.0
    ) -> Trace:
        """The first complete trace of a packet of a matching flow, reported from `since` (now) on.

        Raises `TimeoutError` if there is none in time.
        """
        since = time.monotonic() if since is None else since
        fresh: asyncio.Queue[PacketId] = asyncio.Queue()

        def listen(packet: PacketId, _postcard: Postcard) -> None:
            if matches(packet.flow) and self.first_seen(packet) >= since:
                fresh.put_nowait(packet)

        end = self.listen(listen)
        try:
            for packet in tuple(self.packets(matches, since)):
                fresh.put_nowait(packet)
            async with asyncio.timeout(within):
                while True:
                    trace = self.trace(await fresh.get())
                    if trace.delivered and not trace.inconsistencies:
                        return trace
        finally:
            end()


def between(source: str, destination: str, protocol: str | None = None) -> Callable[[Flow], bool]:
    """Matches flows from one address to another, of one protocol or any but ARP."""

    def matches(flow: Flow) -> bool:
        if protocol is not None and flow.protocol != protocol:
            return False
        return (flow.source, flow.destination) == (source, destination) and "arp" not in flow.protocol

    return matches
