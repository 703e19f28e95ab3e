"""A network of decision cores in virtual time: no sockets, no switches, every message in the caller's hands.

PEs speak to one reflector; each direction of each session is a queue of its own, in order as TCP keeps it,
and the caller decides which queue moves next. Hosts announce themselves and answer probes; where the tables
say that frames from the core are learned from (VPLS), flooded ones are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address
from typing import Any, Final, final

from controllers.bgp.routes import EndOfRibEvent, PeerEvent, Route, RouteEvent
from controllers.intents import Intent, Key, Set, Unset
from controllers.pe.core import Core
from controllers.pe.events import MacLearned, NeighborKind, NeighborSeen, NextHopChanged, RarpSeen, Tick
from controllers.pe.outputs import Announce, Probe, WakeAt, Withdraw
from controllers.pe.walk import Walk, Walker
from controllers.wire.types import EVPN, VPNV4, VPNV6, IpAddress, RouteKey

REFLECTOR: Final = IPv4Address("10.255.0.100")


class Announcement(Enum):
    """How a machine makes itself known at a new place."""

    GARP = "garp"
    RARP = "rarp"
    DATA = "data"
    NONE = "none"


@final
@dataclass(slots=True)
class Machine:
    """A host: one MAC, its addresses, and the circuit it sits on (None: nowhere)."""

    mac: int
    ips: tuple[IpAddress, ...]
    bd: int
    pe: str | None = None
    ac: int = 0


@final
@dataclass(slots=True)
class Node:
    """A PE with its tables and its two queues; withdrawals that can wait do so in `superseded`."""

    core: Core
    tables: dict[Key, Intent] = field(default_factory=dict)
    superseded: dict[RouteKey, Withdraw] = field(default_factory=dict)
    up: deque[Announce | Withdraw] = field(default_factory=deque)
    down: deque[RouteEvent] = field(default_factory=deque)
    received: dict[RouteKey, Route] = field(default_factory=dict)
    outputs: list[Any] = field(default_factory=list)
    wake: float | None = None


Hook = Callable[["Network", str, Any], None]


@final
class Network:
    """PEs, one reflector and machines. `other` carries out outputs that only one kind of core has."""

    def __init__(self, cores: Mapping[str, Core], other: Hook | None = None) -> None:
        self.now = 0.0
        self.nodes = {name: Node(core) for name, core in cores.items()}
        self.machines: list[Machine] = []
        self._other = other
        self._rib: dict[RouteKey, tuple[str, Route]] = {}
        self._frames: deque[tuple[str, Any]] = deque()
        names = {node.core.config.loopback: name for name, node in self.nodes.items()}
        self.walker = Walker(self, lambda _pe, loopback: names[loopback])
        for name, node in self.nodes.items():
            for peer in self.nodes.keys() - {name}:
                self.reach(name, peer, 1)
            self._take(name, node.core.start(self.now))

    def get(self, node: str, key: Hashable) -> object:
        """What stands under a key at a PE."""
        return self.nodes[node].tables.get(key)  # type: ignore[call-overload]

    def walk_frame(self, pe: str, bd: int, mac: int, ip: IpAddress | None = None) -> Walk:
        """Follow a frame to `mac` (with a packet to `ip`) that a host sends into `bd` of `pe`."""
        return self.walker.frame(pe, bd, mac, ip)

    def walk_packet(self, pe: str, vrf: int, ip: IpAddress) -> Walk:
        """Follow an IP packet that is routed in `vrf` of `pe`."""
        return self.walker.packet(pe, vrf, ip)

    # --- events ---------------------------------------------------------------------------------------------

    def send(self, pe: str, event: Any) -> list[Any]:
        """Let a PE handle an event now; returns what it decided."""
        outputs = self.nodes[pe].core.handle(event, self.now)
        self._take(pe, outputs)
        return outputs

    def queue(self, pe: str, event: Any) -> None:
        """Let a frame be on its way to a PE."""
        self._frames.append((pe, event))

    def _take(self, pe: str, outputs: list[Any]) -> None:
        node = self.nodes[pe]
        node.outputs += outputs
        for output in outputs:
            match output:
                case Set(obj):
                    node.tables[obj.key] = obj
                case Unset(key):
                    del node.tables[key]
                case Announce():
                    node.superseded.pop(output.route.key, None)
                    node.up.append(output)
                case Withdraw(superseded=True):
                    node.superseded[output.key] = output
                case Withdraw():
                    node.up.append(output)
                case Probe():
                    self._answer(pe, output)
                case WakeAt(at):
                    node.wake = at
                case _ if self._other is not None:
                    self._other(self, pe, output)

    # --- machines -------------------------------------------------------------------------------------------

    def _answer(self, pe: str, probe: Probe) -> None:
        """A host answers the MAC that asked; its PE sees that, and the asker if it learns from the core."""
        self.flooded(pe, probe.bd, probe.source_mac, probe.source_ip if probe.remote else None, probe.remote)
        for machine in self.machines:
            if machine.pe is None or probe.ip not in machine.ips or probe.mac not in (None, machine.mac):
                continue
            here = machine.pe == pe and machine.bd == probe.bd and (machine.ac in probe.acs or probe.remote)
            if here or (probe.remote and machine.pe != pe):
                target = probe.source_ip or probe.ip
                bd, ac, mac = machine.bd, machine.ac, machine.mac
                self.queue(machine.pe, NeighborSeen(bd, ac, NeighborKind.REPLY, mac, probe.ip, target))
                for arrival in self.walker.flood(machine.pe, bd):
                    if arrival.pe == pe and arrival.pw is not None:
                        seen = NeighborSeen(bd, arrival.pw, NeighborKind.REPLY, mac, probe.ip, target)
                        self.queue(pe, seen)

    def flooded(self, pe: str, bd: int, mac: int, ip: IpAddress | None, remote: bool = True) -> list[str]:
        """Flood a frame from a PE; pseudo-wires it comes out of learn from it. Returns the PEs of those."""
        reached = []
        for arrival in self.walker.flood(pe, bd) if remote else ():
            if arrival.pw is not None:
                reached.append(arrival.pe)
                self.queue(arrival.pe, MacLearned(arrival.bd, arrival.pw, mac))
                if ip is not None:
                    gratuitous = NeighborSeen(arrival.bd, arrival.pw, NeighborKind.GRATUITOUS, mac, ip, ip)
                    self.queue(arrival.pe, gratuitous)
        return reached

    def attach(self, machine: Machine, pe: str, ac: int, how: Announcement = Announcement.GARP) -> None:
        """Put a machine onto a circuit, where it announces itself."""
        if machine not in self.machines:
            self.machines.append(machine)
        self.detach(machine)
        machine.pe, machine.ac = pe, ac
        self.announce(machine, how)

    def detach(self, machine: Machine) -> None:
        """Take a machine off its circuit; what it sent before is still seen there first."""
        while machine.pe is not None and self._frames:
            self.deliver_frame()
        machine.pe = None

    def announce(self, machine: Machine, how: Announcement = Announcement.GARP) -> None:
        """Let a machine make itself known where it is."""
        pe, bd, ac, mac = machine.pe, machine.bd, machine.ac, machine.mac
        if pe is None or how is Announcement.NONE:
            return
        if how is Announcement.RARP:
            self.queue(pe, RarpSeen(bd, ac, mac))
            self.flooded(pe, bd, mac, None)
            return
        self.queue(pe, MacLearned(bd, ac, mac))
        if how is Announcement.GARP:
            for ip in machine.ips:
                self.queue(pe, NeighborSeen(bd, ac, NeighborKind.GRATUITOUS, mac, ip, ip))
                self.flooded(pe, bd, mac, ip)

    # --- queues ---------------------------------------------------------------------------------------------

    def deliver_frame(self) -> bool:
        """Let the oldest frame reach its PE; False if there is none."""
        if not self._frames:
            return False
        pe, event = self._frames.popleft()
        self.send(pe, event)
        return True

    def withdraw_superseded(self, pe: str) -> bool:
        """Let a PE say which routes others have superseded; False if there are none."""
        node = self.nodes[pe]
        waiting = list(node.superseded.values())
        node.superseded.clear()
        node.up.extend(waiting)
        return bool(waiting)

    def deliver_up(self, pe: str) -> bool:
        """Let the oldest message of a PE reach the reflector; False if there is none."""
        queue = self.nodes[pe].up
        if not queue:
            return False
        message = queue.popleft()
        if isinstance(message, Announce):
            key = message.route.key
            self._rib[key] = (pe, message.route)
            self._reflect(pe, RouteEvent(key, message.route.nlri, message.route))
        elif message.key in self._rib:
            _, route = self._rib.pop(message.key)
            self._reflect(pe, RouteEvent(message.key, route.nlri, None))
        return True

    def _reflect(self, origin: str, event: RouteEvent) -> None:
        for name, node in self.nodes.items():
            if name != origin:
                node.down.append(event)

    def deliver_down(self, pe: str) -> bool:
        """Let the oldest message of the reflector reach a PE; False if there is none."""
        queue = self.nodes[pe].down
        if not queue:
            return False
        self._receive(pe, queue.popleft())
        return True

    def _receive(self, pe: str, event: RouteEvent) -> None:
        received = self.nodes[pe].received
        if event.route is not None:
            received[event.key] = event.route
        elif received.pop(event.key, None) is None:
            return
        self.send(pe, event)

    def reset_session(self, pe: str) -> None:
        """Break a session and bring it up again: what was under way is lost, both sides send all."""
        self._break(pe)
        self._resume(pe)

    def outage(self, pe: str, meanwhile: Callable[[], None]) -> None:
        """As `reset_session`, but the PE is told: what it had heard stays in use until the table is back."""
        for up in (True, False):
            self.send(pe, PeerEvent(REFLECTOR, up, "outage"))
        self._break(pe)
        meanwhile()
        self.send(pe, PeerEvent(REFLECTOR, True, "back"))
        self._resume(pe)
        while self.deliver_down(pe):
            pass
        for family in (EVPN, VPNV4, VPNV6):
            self.send(pe, EndOfRibEvent(REFLECTOR, family))

    def _break(self, pe: str) -> None:
        node = self.nodes[pe]
        node.superseded.clear()
        node.up.clear()
        node.down.clear()
        for key in [key for key, (origin, _) in self._rib.items() if origin == pe]:
            _, route = self._rib.pop(key)
            self._reflect(pe, RouteEvent(key, route.nlri, None))
        for key, route in tuple(node.received.items()):
            self._receive(pe, RouteEvent(key, route.nlri, None))

    def _resume(self, pe: str) -> None:
        node = self.nodes[pe]
        node.up.clear()
        node.down.clear()
        node.up.extend(Announce(route) for route in node.core.originated)
        self.refresh(pe)

    def refresh(self, pe: str) -> None:
        """Let the reflector send its whole table to a PE once more (RFC 2918)."""
        self.nodes[pe].down.extend(
            RouteEvent(key, route.nlri, route) for key, (origin, route) in self._rib.items() if origin != pe
        )

    def settle(self, without: str | None = None) -> None:
        """Deliver everything that is under way, but for the routes of a PE and to it."""
        names = [name for name in self.nodes if name != without]
        busy = True
        while busy:
            busy = self.deliver_frame()
            for pe in names:
                busy |= self.deliver_up(pe)
                busy |= self.deliver_down(pe)
            busy = busy or any(self.withdraw_superseded(pe) for pe in names)

    def advance(self, seconds: float) -> None:
        """Let time pass; every timer rings at its time, and what follows is delivered at once."""
        until = self.now + seconds
        while True:
            due = [(node.wake, name) for name, node in self.nodes.items() if node.wake is not None]
            if not due or min(due)[0] > until:
                break
            at, name = min(due)
            self.now = max(self.now, at)
            self.nodes[name].wake = None
            self.send(name, Tick())
            self.settle()
        self.now = until

    def reach(self, pe: str, other: str, metric: int | None) -> None:
        """Let a PE know its distance to another one."""
        self.send(pe, NextHopChanged(self.nodes[other].core.config.loopback, metric))

    def fail(self, pe: str) -> None:
        """Take a PE off the underlay: nobody reaches it any more, and it does nothing any more."""
        self.nodes[pe].wake = None
        for name in self.nodes:
            if name != pe:
                self.reach(name, pe, None)
