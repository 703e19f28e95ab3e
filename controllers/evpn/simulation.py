"""A network of decision cores in virtual time: no sockets, no switches, every message in the caller's hands.

PEs speak to one reflector; each direction of each session is a queue of its own, in order as TCP keeps it,
and the caller decides which queue moves next. Hosts answer probes. `walk_frame` and `walk_packet` follow the
desired state of the PEs as a frame would follow their tables, which shows loops, black holes and trombones
without a packet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_interface
from typing import final

from controllers.bgp.routes import Route, RouteEvent
from controllers.evpn.config import (
    AcConfig,
    BdConfig,
    GatewayConfig,
    GatewayMode,
    HostRouteCarrier,
    Irb,
    Mobility,
    PeConfig,
    Vmto,
    VrfConfig,
    virtual_mac,
)
from controllers.evpn.events import (
    Event,
    MacLearned,
    NeighborKind,
    NeighborSeen,
    NextHopChanged,
    RarpSeen,
    Tick,
)
from controllers.evpn.pe import EvpnPe
from controllers.intents import (
    Adjacent,
    BdFlood,
    BdUnicast,
    FloodList,
    GatewayMac,
    Glean,
    Intent,
    IpRoute,
    IpVrf,
    Key,
    LocalAc,
    MacEntry,
    Remote,
    ServiceLabel,
    Set,
    Unset,
)
from controllers.pe.outputs import Announce, Output, Probe, WakeAt, Withdraw
from controllers.wire.types import IpAddress, RouteDistinguisher, RouteKey, RouteTarget

MAX_HOPS = 16
"""PEs a walk may visit before it counts as a loop: a few more than any path that is right."""


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


class Fate(Enum):
    """How a walk ended."""

    DELIVERED = "delivered"
    FLOODED = "flooded"
    GLEANED = "gleaned"
    DROPPED = "dropped"
    LOOPED = "looped"


@final
@dataclass(frozen=True, slots=True)
class Walk:
    """The PEs a frame visits, and where it ends: `ac` where it was delivered."""

    fate: Fate
    pes: tuple[str, ...]
    ac: int | None = None


@final
@dataclass(slots=True)
class Node:
    """A PE with its tables and its two queues."""

    core: EvpnPe
    tables: dict[Key, Intent] = field(default_factory=dict)
    up: deque[Announce | Withdraw] = field(default_factory=deque)
    down: deque[RouteEvent] = field(default_factory=deque)
    received: dict[RouteKey, Route] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    wake: float | None = None


@final
class Network:
    """PEs, one reflector and machines."""

    def __init__(self, configs: Iterable[PeConfig]) -> None:
        self.now = 0.0
        self.nodes = {config.name: Node(EvpnPe(config)) for config in configs}
        self.machines: list[Machine] = []
        self._by_loopback = {node.core.config.loopback: name for name, node in self.nodes.items()}
        self._rib: dict[RouteKey, tuple[str, Route]] = {}
        self._frames: deque[tuple[str, Event]] = deque()
        for name, node in self.nodes.items():
            self._take(name, node.core.start(self.now))

    # --- events ---------------------------------------------------------------------------------------------

    def send(self, pe: str, event: Event) -> list[Output]:
        """Let a PE handle an event now; returns what it decided."""
        outputs = self.nodes[pe].core.handle(event, self.now)
        self._take(pe, outputs)
        return outputs

    def _take(self, pe: str, outputs: list[Output]) -> None:
        node = self.nodes[pe]
        node.outputs += outputs
        for output in outputs:
            match output:
                case Set(obj):
                    node.tables[obj.key] = obj
                case Unset(key):
                    del node.tables[key]
                case Announce() | Withdraw():
                    node.up.append(output)
                case Probe():
                    self._answer(pe, output)
                case WakeAt(at):
                    node.wake = at
                case _:
                    pass

    # A host answers to the MAC that asked; its PE sees the answer come in.
    def _answer(self, pe: str, probe: Probe) -> None:
        for machine in self.machines:
            if machine.pe is None or probe.ip not in machine.ips or probe.mac not in (None, machine.mac):
                continue
            here = machine.pe == pe and machine.bd == probe.bd and machine.ac in probe.acs
            if here or (probe.remote and machine.pe != pe):
                seen = NeighborSeen(
                    machine.bd,
                    machine.ac,
                    NeighborKind.REPLY,
                    machine.mac,
                    probe.ip,
                    probe.source_ip or probe.ip,
                )
                self._frames.append((machine.pe, seen))

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
            self._frames.append((pe, RarpSeen(bd, ac, mac)))
            return
        self._frames.append((pe, MacLearned(bd, ac, mac)))
        if how is Announcement.GARP:
            for ip in machine.ips:
                self._frames.append((pe, NeighborSeen(bd, ac, NeighborKind.GRATUITOUS, mac, ip, ip)))

    # --- queues ---------------------------------------------------------------------------------------------

    def deliver_frame(self) -> bool:
        """Let the oldest frame reach its PE; False if there is none."""
        if not self._frames:
            return False
        pe, event = self._frames.popleft()
        self.send(pe, event)
        return True

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
        node = self.nodes[pe]
        node.up.clear()
        node.down.clear()
        for key in [key for key, (origin, _) in self._rib.items() if origin == pe]:
            _, route = self._rib.pop(key)
            self._reflect(pe, RouteEvent(key, route.nlri, None))
        node.up.extend(Announce(route) for route in node.core.originated)
        for key, route in tuple(node.received.items()):
            self._receive(pe, RouteEvent(key, route.nlri, None))
        self.refresh(pe)

    def refresh(self, pe: str) -> None:
        """Let the reflector send its whole table to a PE once more (RFC 2918)."""
        self.nodes[pe].down.extend(
            RouteEvent(key, route.nlri, route) for key, (origin, route) in self._rib.items() if origin != pe
        )

    def settle(self, *, frames: bool = True) -> None:
        """Deliver everything that is under way."""
        busy = True
        while busy:
            busy = frames and self.deliver_frame()
            for pe in self.nodes:
                busy |= self.deliver_up(pe)
                busy |= self.deliver_down(pe)

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

    def fail(self, pe: str) -> None:
        """Take a PE off the underlay: nobody reaches it any more."""
        loopback = self.nodes[pe].core.config.loopback
        for name in self.nodes:
            if name != pe:
                self.send(name, NextHopChanged(loopback, None))

    # --- walking the tables ---------------------------------------------------------------------------------

    def walk_frame(self, pe: str, bd: int, mac: int, ip: IpAddress | None = None) -> Walk:
        """Follow a frame to `mac` (with a packet to `ip`) that a host sends into `bd` of `pe`."""
        return self._frame(pe, bd, mac, ip, (pe,))

    def walk_packet(self, pe: str, vrf: int, ip: IpAddress) -> Walk:
        """Follow an IP packet that is routed in `vrf` of `pe`."""
        return self._packet(pe, vrf, ip, (pe,))

    def _frame(self, pe: str, bd: int, mac: int, ip: IpAddress | None, visited: tuple[str, ...]) -> Walk:
        tables = self.nodes[pe].tables
        gateway = tables.get(("GatewayMac", bd, mac))
        if isinstance(gateway, GatewayMac) and ip is not None:
            return self._packet(pe, gateway.vrf, ip, visited)
        entry = tables.get(("MacEntry", bd, mac))
        if not isinstance(entry, MacEntry):
            return Walk(Fate.FLOODED, visited)
        match entry.via:
            case LocalAc(ac):
                return Walk(Fate.DELIVERED, visited, ac)
            case Remote() as remote:
                return self._tunnel(remote, mac, ip, visited)
            case _:
                return Walk(Fate.DROPPED, visited)

    def _packet(self, pe: str, vrf: int, ip: IpAddress, visited: tuple[str, ...]) -> Walk:
        route = self._lookup(pe, vrf, ip)
        match None if route is None else route.via:
            case Adjacent(via=LocalAc(ac)):
                return Walk(Fate.DELIVERED, visited, ac)
            case Adjacent(dst_mac=mac, via=Remote() as remote):
                return self._tunnel(remote, mac, ip, visited)
            case Remote() as remote:
                return self._tunnel(remote, None, ip, visited)
            case Glean():
                return Walk(Fate.GLEANED, visited)
            case _:
                return Walk(Fate.DROPPED, visited)

    def _lookup(self, pe: str, vrf: int, ip: IpAddress) -> IpRoute | None:
        tables = self.nodes[pe].tables
        network = IPv4Network if ip.version == 4 else IPv6Network
        for length in range(ip.max_prefixlen, -1, -1):
            route = tables.get(("IpRoute", vrf, network((ip, length), strict=False)))
            if isinstance(route, IpRoute):
                return route
        return None

    def _tunnel(
        self, remote: Remote, mac: int | None, ip: IpAddress | None, visited: tuple[str, ...]
    ) -> Walk:
        pe = self._by_loopback[remote.pe]
        visited = (*visited, pe)
        if len(visited) > MAX_HOPS:
            return Walk(Fate.LOOPED, visited)
        label = self.nodes[pe].tables.get(("ServiceLabel", remote.label))
        match label.target if isinstance(label, ServiceLabel) else None:
            case BdUnicast(bd) | BdFlood(bd) if mac is not None:
                return self._frame(pe, bd, mac, ip, visited)
            case IpVrf(vrf) if ip is not None:
                return self._packet(pe, vrf, ip, visited)
            case _:
                return Walk(Fate.DROPPED, visited)

    def flood(self, pe: str, bd: int) -> set[tuple[str, int]]:
        """Every (PE, circuit) that a broadcast from a host on `pe` reaches, that of the host included."""
        reached = {(pe, ac) for ac in self._flood_list(pe, bd).acs}
        for remote in self._flood_list(pe, bd).remotes:
            name = self._by_loopback[remote.pe]
            label = self.nodes[name].tables.get(("ServiceLabel", remote.label))
            if isinstance(label, ServiceLabel) and isinstance(label.target, BdFlood):
                reached |= {(name, ac) for ac in self._flood_list(name, label.target.bd).acs}
        return reached

    def _flood_list(self, pe: str, bd: int) -> FloodList:
        flood = self.nodes[pe].tables.get(("FloodList", bd))
        return flood if isinstance(flood, FloodList) else FloodList(bd)


STRETCHED_BD = 10
BRANCH_BD = 20
VRF = 1
ASN = 65000


@final
@dataclass(frozen=True, slots=True)
class Lan:
    """The choices of `stretched_lan`."""

    vmto: Vmto = Vmto.BOTH
    mode: GatewayMode = GatewayMode.ANYCAST
    irb: Irb = Irb.SYMMETRIC
    carrier: HostRouteCarrier = HostRouteCarrier.TYPE5
    gateways: tuple[str, ...] = ("10.1.0.1/24",)
    mobility: Mobility = field(default_factory=Mobility)


def stretched_lan(
    sites: Iterable[str], lan: Lan | None = None, *, branch: str | None = None
) -> list[PeConfig]:
    """Configure one bridge domain over all `sites`, whose first is the primary gateway, and a branch beside.

    Circuits 1 and 2 of each PE belong to the LAN. The branch has a LAN of its own, 10.2.0.0/24, and hears of
    the stretched one through the IP-VRF only.
    """
    lan = lan or Lan()
    names = list(sites)
    configs = [_site(name, number, lan, names) for number, name in enumerate(names, 1)]
    if branch is not None:
        configs.append(_branch(branch, len(names) + 1, lan))
    return configs


def _loopback(number: int) -> IPv4Address:
    return IPv4Address(f"10.255.0.{number}")


def _vrf(number: int, lan: Lan) -> VrfConfig:
    targets = (RouteTarget.of_as(ASN, 5000 + VRF),)
    return VrfConfig(
        VRF,
        RouteDistinguisher.of_ipv4(_loopback(number), 5000 + VRF),
        targets,
        targets,
        label=300000 + number,
        irb=lan.irb,
        vmto=lan.vmto,
        carrier=lan.carrier,
    )


def _bd(number: int, bd: int, gateways: tuple[GatewayConfig, ...]) -> BdConfig:
    targets = (RouteTarget.of_as(ASN, bd),)
    return BdConfig(
        bd,
        bd,
        RouteDistinguisher.of_ipv4(_loopback(number), bd),
        targets,
        targets,
        unicast_label=100000 + number,
        flood_label=200000 + number,
        acs=(AcConfig(1, 1, bd), AcConfig(2, 2, bd)),
        vrf=VRF,
        gateways=gateways,
    )


def _site(name: str, number: int, lan: Lan, names: list[str]) -> PeConfig:
    shared = lan.mode is GatewayMode.ANYCAST
    gateways = tuple(
        GatewayConfig(
            ip_interface(address),
            virtual_mac(1, ip_interface(address).version) if shared else 0x02AA00000000 | number,
            lan.mode,
            active=name == names[0],
            local_preference=200 if name == names[0] else 100,
        )
        for address in lan.gateways
    )
    bd = _bd(number, STRETCHED_BD, gateways)
    return PeConfig(name, _loopback(number), ASN, (bd,), (_vrf(number, lan),), lan.mobility)


def _branch(name: str, number: int, lan: Lan) -> PeConfig:
    gateway = GatewayConfig(ip_interface("10.2.0.1/24"), virtual_mac(2), GatewayMode.SILENT)
    bd = _bd(number, BRANCH_BD, (gateway,))
    return PeConfig(name, _loopback(number), ASN, (bd,), (_vrf(number, lan),), lan.mobility)
