"""Paths from captured frames: the method that trusts no switch. Pure.

What a switch received and sent on its ports, seen from outside on the wires and by the kernel's clock, gives
the same hops that postcards give, found another way. Both must agree.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

from testbed.model.plan import Endpoint, Plan
from testbed.model.topology import Role
from testbed.observe.frames import Flow, Frame, PacketId, dissect
from testbed.observe.paths import NOT_SENT_ON, Hop, Trace, assemble
from testbed.observe.pcapng import Captured


@final
@dataclass(frozen=True, slots=True)
class _Passage:
    """A frame at a port of a switch."""

    t: float
    port: int
    frame: Frame


@final
class _Visits:
    """What one switch received and sent of one packet."""

    def __init__(self) -> None:
        self.received: list[_Passage] = []
        self.sent: list[_Passage] = []

    def hops(self, node: str, *, transit: bool) -> list[Hop]:
        """Each frame sent belongs to the last received before it, whose bottom label a P router keeps."""
        self.received.sort(key=lambda passage: passage.t)
        hops, answered = [], set()
        for out in sorted(self.sent, key=lambda passage: passage.t):
            candidates = self.received[: bisect_right(self.received, out.t, key=lambda passage: passage.t)]
            if transit and out.frame.labels:
                candidates = [c for c in candidates if c.frame.labels[-1:] == out.frame.labels[-1:]]
            if candidates:
                cause = candidates[-1]
                answered.add(id(cause))
                hops.append(Hop(node, cause.port, out.port, out.frame.labels, out.frame.ttl, "", cause.t))
        for cause in self.received:
            if id(cause) not in answered:
                frame = cause.frame
                hops.append(Hop(node, cause.port, None, frame.labels, frame.ttl, NOT_SENT_ON, cause.t))
        return hops


def traces(
    plan: Plan, captured: Iterable[Captured], matches: Callable[[Flow], bool] = lambda _flow: True
) -> dict[PacketId, Trace]:
    """The trace of every packet of matching flows that was captured at ports of switches."""
    ports = {port.interface: port.endpoint for switch in plan.switches.values() for port in switch.ports}
    visits: defaultdict[PacketId, defaultdict[str, _Visits]] = defaultdict(lambda: defaultdict(_Visits))
    for item in captured:
        endpoint = ports.get(item.interface)
        frame = dissect(item.data) if endpoint else None
        if endpoint and frame and matches(frame.packet.flow):
            visit = visits[frame.packet][endpoint.node]
            _note(visit, endpoint, item, frame)
    return {packet: assemble(plan, packet, _all_hops(plan, nodes)) for packet, nodes in visits.items()}


def _note(visit: _Visits, endpoint: Endpoint, item: Captured, frame: Frame) -> None:
    passages = visit.sent if item.outgoing else visit.received
    passages.append(_Passage(item.t, endpoint.port, frame))


def _all_hops(plan: Plan, nodes: dict[str, _Visits]) -> list[Hop]:
    return [
        hop
        for node, visit in nodes.items()
        for hop in visit.hops(node, transit=plan.switches[node].role is Role.P)
    ]
