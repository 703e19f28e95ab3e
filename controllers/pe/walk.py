"""Follow a frame through the desired state of several PEs as it would follow their tables.

Shows loops, black holes and trombones without a packet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from typing import Final, final

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
    PseudoWireEnd,
    Remote,
    ServiceLabel,
    ViaPseudoWire,
)
from controllers.wire.types import IpAddress

MAX_HOPS: Final = 16
"""PEs a walk may visit before it counts as a loop: more than any path that is right."""


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
@dataclass(frozen=True, slots=True)
class Arrival:
    """A copy of a flooded frame at another PE: the circuits it leaves by, the pseudo-wire it came from."""

    pe: str
    bd: int
    acs: tuple[int, ...]
    pw: int | None


@final
class Walker:
    """Walks tables: for each PE by name the intents by key. `names`: PEs by loopback."""

    def __init__(self, tables: Mapping[str, Mapping[Key, Intent]], names: Mapping[IpAddress, str]) -> None:
        self._tables = tables
        self._names = names

    def frame(self, pe: str, bd: int, mac: int, ip: IpAddress | None = None) -> Walk:
        """Follow a frame to `mac` (with a packet to `ip`) that a host sends into `bd` of `pe`."""
        return self._frame(pe, bd, mac, ip, (pe,))

    def packet(self, pe: str, vrf: int, ip: IpAddress) -> Walk:
        """Follow an IP packet that is routed in `vrf` of `pe`."""
        return self._packet(pe, vrf, ip, (pe,))

    def flood(self, pe: str, bd: int) -> Iterator[Arrival]:
        """Follow a broadcast frame that a host sends into `bd` of `pe` to the other PEs."""
        for remote in self._flood_list(pe, bd).remotes:
            name = self._names[remote.pe]
            match self._label(name, remote.label):
                case BdFlood(there) | BdUnicast(there):
                    yield Arrival(name, there, self._flood_list(name, there).acs, None)
                case PseudoWireEnd(there, pw):
                    yield Arrival(name, there, self._flood_list(name, there).acs, pw)
                case _:
                    pass

    def acs(self, pe: str, bd: int) -> tuple[int, ...]:
        """The circuits of `pe` that a flooded frame of `bd` leaves by."""
        return self._flood_list(pe, bd).acs

    def _flood_list(self, pe: str, bd: int) -> FloodList:
        flood = self._tables[pe].get(("FloodList", bd))
        return flood if isinstance(flood, FloodList) else FloodList(bd)

    def _label(self, pe: str, label: int) -> object:
        entry = self._tables[pe].get(("ServiceLabel", label))
        return entry.target if isinstance(entry, ServiceLabel) else None

    def _frame(self, pe: str, bd: int, mac: int, ip: IpAddress | None, visited: tuple[str, ...]) -> Walk:
        tables = self._tables[pe]
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
            case ViaPseudoWire(_, remote):
                return self._tunnel(remote, mac, ip, visited)
            case _:
                return Walk(Fate.DROPPED, visited)

    def _packet(self, pe: str, vrf: int, ip: IpAddress, visited: tuple[str, ...]) -> Walk:
        route = self._lookup(pe, vrf, ip)
        match None if route is None else route.via:
            case Adjacent(via=LocalAc(ac)):
                return Walk(Fate.DELIVERED, visited, ac)
            case (
                Adjacent(dst_mac=mac, via=Remote() as remote)
                | Adjacent(dst_mac=mac, via=ViaPseudoWire(remote=remote))
            ):
                return self._tunnel(remote, mac, ip, visited)
            case Remote() as remote:
                return self._tunnel(remote, None, ip, visited)
            case Glean():
                return Walk(Fate.GLEANED, visited)
            case _:
                return Walk(Fate.DROPPED, visited)

    def _lookup(self, pe: str, vrf: int, ip: IpAddress) -> IpRoute | None:
        network = IPv4Network if ip.version == 4 else IPv6Network
        for length in range(ip.max_prefixlen, -1, -1):
            route = self._tables[pe].get(("IpRoute", vrf, network((int(ip), length), strict=False)))
            if isinstance(route, IpRoute):
                return route
        return None

    def _tunnel(
        self, remote: Remote, mac: int | None, ip: IpAddress | None, visited: tuple[str, ...]
    ) -> Walk:
        pe = self._names[remote.pe]
        visited = (*visited, pe)
        if len(visited) > MAX_HOPS:
            return Walk(Fate.LOOPED, visited)
        match self._label(pe, remote.label):
            case BdUnicast(bd) | BdFlood(bd) | PseudoWireEnd(bd) if mac is not None:
                return self._frame(pe, bd, mac, ip, visited)
            case IpVrf(vrf) if ip is not None:
                return self._packet(pe, vrf, ip, visited)
            case _:
                return Walk(Fate.DROPPED, visited)
