"""Follow a frame from a machine through access switches, PEs and the core to where it leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

from controllers.dataplane.access import LearnedMac, VlanFlood, VlanPort
from controllers.intents import AttachmentCircuit, BridgeDomain, GatewayMac
from controllers.pe.walk import Fate, Tables, Walk, Walker
from controllers.wire.types import IpAddress
from testbed.experiments.invariants.transport import Core
from testbed.model.plan import Endpoint, Plan, PortKind

MAX_BRIDGES: Final = 6
"""Access switches a frame may pass before it counts as a loop: two are right."""


@final
@dataclass(frozen=True, slots=True)
class End:
    """Where one copy of a frame ended, and the PEs it visited; `port` is where it left to a machine."""

    fate: Fate
    pes: tuple[str, ...]
    port: Endpoint | None = None


@final
@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame on its way: destination, the PEs and the number of access switches so far."""

    vlan: int
    mac: int
    ip: IpAddress
    pes: tuple[str, ...] = ()
    bridges: int = 0


@final
class LabWalker:
    """Walks the intents of all switches, and the cables between them."""

    def __init__(self, plan: Plan, tables: Tables) -> None:
        self._plan = plan
        self._get = tables.get
        self._core = Core(plan, tables)
        self._walker = Walker(tables, self._core.tunnel)

    def send(self, port: Endpoint, vlan: int, mac: int, ip: IpAddress) -> Iterator[End]:
        """The ends of a frame that a machine sends into a port: one, or one of each copy."""
        return self._bridge(port, _Frame(vlan, mac, ip))

    def _bridge(self, at: Endpoint, frame: _Frame) -> Iterator[End]:
        """A frame comes into an access switch."""
        if frame.bridges == MAX_BRIDGES:
            yield End(Fate.LOOPED, frame.pes)
            return
        frame = _Frame(frame.vlan, frame.mac, frame.ip, frame.pes, frame.bridges + 1)
        if isinstance(self._get(at.node, ("vlan-port", at.port, frame.vlan)), VlanPort):
            for number in self._ports(at, frame):
                if isinstance(self._get(at.node, ("vlan-port", number, frame.vlan)), VlanPort):
                    yield from self._leave(Endpoint(at.node, number), frame)

    def _ports(self, at: Endpoint, frame: _Frame) -> list[int]:
        learned = self._get(at.node, ("learned-mac", frame.vlan, frame.mac))
        if isinstance(learned, LearnedMac):
            return [learned.port] if learned.port != at.port else []
        flood = self._get(at.node, ("vlan-flood", frame.vlan))
        return [port for port in flood.ports if port != at.port] if isinstance(flood, VlanFlood) else []

    def _leave(self, out: Endpoint, frame: _Frame) -> Iterator[End]:
        """A frame leaves an access switch, or a PE towards one."""
        if self._plan.port(out).kind in (PortKind.HOST, PortKind.SLOT):
            yield End(Fate.DELIVERED, frame.pes, out)
            return
        far = self._core.cross(out)
        if far is None:
            yield End(Fate.DROPPED, frame.pes)
            return
        circuit = self._get(far.node, circuit_at(far.port, frame.vlan))
        if isinstance(circuit, AttachmentCircuit):
            yield from self._enter(far.node, circuit, frame)
        else:
            yield from self._bridge(far, frame)

    def _enter(self, pe: str, circuit: AttachmentCircuit, frame: _Frame) -> Iterator[End]:
        """A frame comes into a PE."""
        if circuit.shut:
            yield End(Fate.DROPPED, (*frame.pes, pe))
            return
        walk = self._walker.frame(pe, circuit.bd, frame.mac, frame.ip)
        if walk.fate is Fate.FLOODED and walk.bd is not None:
            yield from self._flood(walk.pes, walk.bd, circuit.ac, frame)
        else:
            yield from self._ended(walk, frame)

    def _ended(self, walk: Walk, frame: _Frame, before: tuple[str, ...] = ()) -> Iterator[End]:
        pes = (*frame.pes, *before, *walk.pes)
        if walk.fate is Fate.DELIVERED and walk.ac is not None and walk.mac is not None:
            yield from self._out(walk.pes[-1], walk.ac, walk.mac, pes, frame)
        elif walk.fate is Fate.FLOODED and walk.bd is not None:
            # Came from the core: to circuits only.
            for ac in self._walker.acs(walk.pes[-1], walk.bd):
                yield from self._out(walk.pes[-1], ac, frame.mac, pes, frame, flooded=True)
        else:
            yield End(walk.fate, pes)

    def _flood(self, pes: tuple[str, ...], bd: int, came_in: int, frame: _Frame) -> Iterator[End]:
        """A frame to an unknown MAC: it came from a circuit if it has not been at another PE."""
        pe = pes[-1]
        domain = self._get(pe, ("BridgeDomain", bd))
        if isinstance(domain, BridgeDomain) and not domain.flood_unknown:
            yield End(Fate.DROPPED, (*frame.pes, *pes))
            return
        for ac in self._walker.acs(pe, bd):
            if len(pes) > 1 or ac != came_in:
                yield from self._out(pe, ac, frame.mac, (*frame.pes, *pes), frame, flooded=True)
        if len(pes) > 1:
            return
        for arrival in self._walker.flood(pe, bd):
            gateway = self._get(arrival.pe, ("GatewayMac", arrival.bd, frame.mac))
            if isinstance(gateway, GatewayMac):
                walk = self._walker.packet(arrival.pe, gateway.vrf, frame.ip)
                yield from self._ended(walk, frame, pes)
                continue
            for ac in arrival.acs:
                way = (*frame.pes, pe, arrival.pe)
                yield from self._out(arrival.pe, ac, frame.mac, way, frame, flooded=True)

    def _out(
        self, pe: str, ac: int, mac: int, pes: tuple[str, ...], frame: _Frame, *, flooded: bool = False
    ) -> Iterator[End]:
        """A frame leaves a PE by a circuit."""
        circuit = self._get(pe, ("AttachmentCircuit", ac))
        if not isinstance(circuit, AttachmentCircuit) or circuit.shut or (flooded and circuit.blocked):
            yield End(Fate.DROPPED, pes)
            return
        vlan = circuit.egress_vlan if circuit.egress_vlan is not None else circuit.vlan or 0
        yield from self._leave(Endpoint(pe, circuit.port), _Frame(vlan, mac, frame.ip, pes, frame.bridges))


def circuit_at(port: int, vlan: int) -> tuple[str, int, int]:
    """The key under which the circuit of a port and VLAN is found."""
    return ("circuit at", port, vlan)
