"""From sightings of one packet at single switches to its whole path. Pure.

A sighting says: this packet came into a node by one port and left by another. The topology says which port
is at the other end of a cable. Chaining the two gives the path; what does not chain is reported, not hidden.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

from testbed.model.plan import Endpoint, Plan, PortKind
from testbed.model.topology import Role
from testbed.observe.frames import PacketId

NOT_SENT_ON = "not seen leaving"
"""Why a hop ends where a capture shows a frame going into a switch, and nothing coming out."""


@final
@dataclass(frozen=True, slots=True)
class Hop:
    """One visit of a packet to a switch."""

    node: str
    ingress: int
    egress: int | None
    """None: it ended here."""
    labels: tuple[int, ...] = ()
    """The label stack it left with, outermost first."""
    ttl: int = 0
    """The innermost IP header's, as it left."""
    drop: str = ""
    """Why it ended here."""
    entered: float = 0.0
    """When it came in, by the node's own clock, s. Copies that the node made share it; visits do not."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, empty ones left out."""
        result: dict[str, Any] = {"node": self.node, "in": self.ingress, "out": self.egress}
        if self.labels:
            result["labels"] = list(self.labels)
        return result | ({"drop": self.drop} if self.drop else {})


@final
@dataclass(frozen=True, slots=True)
class Branch:
    """One way that a packet, or a copy of it, took from where it entered the network."""

    hops: tuple[Hop, ...]
    sender: str
    """The machine it came from."""
    receiver: str | None
    """The machine at the port it left by at last (of a slot: which may be unplugged); None if it did not."""
    crossings: int
    """How often it entered the core at one PE and left it at another."""
    trombone: bool
    """It visited a PE that is neither the sender's site's nor the receiver's."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """The switches in order, from the sender's to the receiver's."""
        return tuple(hop.node for hop in self.hops)

    @property
    def delivered(self) -> bool:
        """Did it reach a machine?"""
        return self.receiver is not None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "nodes": list(self.nodes),
            "crossings": self.crossings,
            "trombone": self.trombone,
            "sender": self.sender,
            "receiver": self.receiver,
            "hops": [hop.as_json() for hop in self.hops],
        }


@final
@dataclass(frozen=True, slots=True)
class Trace:
    """All that was seen of one packet."""

    packet: PacketId
    branches: tuple[Branch, ...]
    inconsistencies: tuple[str, ...]
    """What cannot be true, or was not seen; empty if every sighting fits into the branches."""
    destination: str | None = None
    """The machine with the packet's destination address, if one has it."""

    def to(self, receiver: str) -> Branch | None:
        """The branch that ended at a machine; the first, if copies did."""
        return next((branch for branch in self.branches if branch.receiver == receiver), None)

    @property
    def delivered(self) -> Branch | None:
        """The branch that reached the destination, if exactly one did; of a broadcast, any machine."""
        wanted = [b for b in self.branches if b.delivered and self.destination in (None, b.receiver)]
        return wanted[0] if len(wanted) == 1 else None

    @property
    def flooded(self) -> bool:
        """Was it copied on its way?"""
        return len(self.branches) > 1

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "packet": str(self.packet),
            "destination": self.destination,
            "branches": [branch.as_json() for branch in self.branches],
            "inconsistencies": list(self.inconsistencies),
        }


def assemble(plan: Plan, packet: PacketId, hops: Iterable[Hop]) -> Trace:
    """The trace of one packet from all sightings of it, in any order."""
    return _Assembly(plan, sorted(hops, key=lambda hop: hop.entered)).trace(packet)


class _Assembly:
    """Walks from every port where machines are, and uses each sighting once."""

    def __init__(self, plan: Plan, hops: Sequence[Hop]) -> None:
        self.plan = plan
        self.inconsistencies: list[str] = []
        self.entries: dict[Endpoint, list[Hop]] = {}
        for hop in hops:
            problem = self._problem(hop)
            if problem:
                self.inconsistencies.append(problem)
            else:
                self.entries.setdefault(Endpoint(hop.node, hop.ingress), []).append(hop)

    def _problem(self, hop: Hop) -> str:
        switch = self.plan.switches.get(hop.node)
        if switch is None:
            return f"seen at {hop.node}, which is not in the lab"
        for port in (hop.ingress, hop.egress):
            if port is not None and not 1 <= port <= len(switch.ports):
                return f"seen at {hop.node}:{port}, a port that does not exist"
        return ""

    def trace(self, packet: PacketId) -> Trace:
        branches: list[Branch] = []
        for endpoint in [e for e in self.entries if self._machine(e)]:
            for hop in self.entries.pop(endpoint):
                branches += [self._branch(hops) for hops in self._walk((hop,))]
        for endpoint, hops in sorted(self.entries.items()):
            if hops:
                before = self.plan.far_end(endpoint)
                self.inconsistencies.append(f"seen entering {endpoint}, but not leaving {before}")
        destination = self.plan.machine_at(packet.flow.destination)
        return Trace(packet, tuple(branches), tuple(self.inconsistencies), destination)

    def _machine(self, endpoint: Endpoint) -> str | None:
        """The machine at a port, if one is."""
        port = self.plan.port(endpoint)
        return port.peer if port.kind in (PortKind.HOST, PortKind.SLOT) else None

    def _walk(self, start: tuple[Hop, ...]) -> Iterator[tuple[Hop, ...]]:
        """All complete ways on from a way begun; depth is bounded by the number of sightings."""
        stack = [start]
        while stack:
            way = stack.pop()
            last = way[-1]
            if last.egress is None or self._machine(Endpoint(last.node, last.egress)):
                yield way
                continue
            left = Endpoint(last.node, last.egress)
            entered = self.plan.far_end(left)
            copies = self._visit(last, entered) if entered else []
            if not copies:
                self.inconsistencies.append(f"seen leaving {left}, but not entering {entered}")
                yield way
            stack.extend((*way, hop) for hop in reversed(copies))

    def _visit(self, before: Hop, entered: Endpoint) -> list[Hop]:
        """Take what was seen of the next visit to a node: one sighting for each copy that it made.

        Copies for several PEs may share cables; what a P router forwards keeps its bottom label (RFC 3032).
        """
        seen = self.entries.get(entered, [])
        transit = self.plan.switches[entered.node].role is Role.P
        fitting = [h for h in seen if not (transit and h.labels) or h.labels[-1:] == before.labels[-1:]]
        visit = [hop for hop in fitting if hop.entered == fitting[0].entered]
        if visit:
            self.entries[entered] = [hop for hop in seen if hop not in visit]
        return visit

    def _branch(self, hops: tuple[Hop, ...]) -> Branch:
        first, last = hops[0], hops[-1]
        sender = self._machine(Endpoint(first.node, first.ingress)) or ""
        receiver = None if last.egress is None else self._machine(Endpoint(last.node, last.egress))
        return Branch(hops, sender, receiver, crossings(self.plan, hops), self._trombone(hops))

    def _trombone(self, hops: tuple[Hop, ...]) -> bool:
        ends = {self.plan.switches[hop.node].site for hop in (hops[0], hops[-1])}
        switches = [self.plan.switches[hop.node] for hop in hops]
        return any(switch.role is Role.PE and switch.site not in ends for switch in switches)


def crossings(plan: Plan, hops: Sequence[Hop]) -> int:
    """How often a way enters the core at one PE and leaves it at another."""
    count, entered = 0, None
    for hop in hops:
        if plan.switches[hop.node].role is not Role.PE:
            continue
        kinds = [
            plan.port(Endpoint(hop.node, port)).kind if port is not None else None
            for port in (hop.ingress, hop.egress)
        ]
        if kinds[0] is PortKind.CORE and entered not in (None, hop.node):
            count += 1
        entered = hop.node if kinds[1] is PortKind.CORE else None
    return count


def differences(reported: Trace, captured: Trace, dark: Collection[Endpoint] = ()) -> tuple[str, ...]:
    """In what a packet's postcards and its captures differ: ways, hop by hop, and labels. Empty if nothing.

    `dark` are ports that had no carrier, such as the slot that a machine has just left: what a switch
    reports as sent there was on no wire, so ways that end there are left out on both sides.
    """
    ways = [_ways(trace, dark) for trace in (reported, captured)]
    result = [f"only in postcards: {_text(way)}" for way in sorted(ways[0].keys() - ways[1].keys(), key=str)]
    result += [f"only in captures: {_text(way)}" for way in sorted(ways[1].keys() - ways[0].keys(), key=str)]
    at = [{_place(hop): hop.labels for branch in way.values() for hop in branch.hops} for way in ways]
    for place in sorted(at[0].keys() & at[1].keys(), key=str):
        if at[0][place] != at[1][place]:
            where = f"labels out of {place[0]}:{place[2]} differ"
            result.append(f"{where}: {at[0][place]} and {at[1][place]}")
    return tuple(result)


def _ways(trace: Trace, dark: Collection[Endpoint]) -> dict[tuple[_Place, ...], Branch]:
    """The branches by the places they passed, without those that ended in the dark."""
    ways = {}
    for branch in trace.branches:
        last = branch.hops[-1]
        end = None if last.egress is None else Endpoint(last.node, last.egress)
        if not dark or not (end in dark or last.drop == NOT_SENT_ON):
            ways[tuple(map(_place, branch.hops))] = branch
    return ways


_Place = tuple[str, int, int | None]


def _place(hop: Hop) -> _Place:
    return hop.node, hop.ingress, hop.egress


def _text(way: Sequence[_Place]) -> str:
    return " ".join(f"{ingress}:{node}:{'x' if egress is None else egress}" for node, ingress, egress in way)
