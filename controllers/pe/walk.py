"""Follow a frame through the desired state of several PEs as it would follow their tables.

Shows loops, black holes and trombones without a packet.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Protocol, final

from msgspec import Struct

from controllers.intents import (
    Adjacent,
    BdFlood,
    BdUnicast,
    EthernetSegment,
    FloodList,
    GatewayMac,
    Glean,
    IpNetwork,
    IpRoute,
    IpVrf,
    LocalAc,
    MacEntry,
    PseudoWireEnd,
    Remote,
    RemoteSegment,
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
class Walk(Struct, frozen=True):
    """The PEs a frame visits, and where it ends: out of `ac` to `mac` if delivered, in `bd` if flooded."""

    fate: Fate
    pes: tuple[str, ...]
    ac: int | None = None
    mac: int | None = None
    bd: int | None = None


@final
class Arrival(Struct, frozen=True):
    """A copy of a flooded frame at another PE: the circuits it leaves by, the pseudo-wire it came from."""

    pe: str
    bd: int
    acs: tuple[int, ...]
    pw: int | None


class Tables(Protocol):
    """The intents of all switches: `Fabric.get("pe1", key)`."""

    def get(self, node: str, key: Hashable) -> object:
        """What stands under a key; None for nothing."""


Transport = Callable[[str, IpAddress], "str | Fate"]
"""Where a tunnel from a PE to a loopback ends, or what becomes of the packet on the way there."""


@final
class Walker:
    """Walks the intents of PEs, and between them by `transport`."""

    def __init__(self, tables: Tables, transport: Transport) -> None:
        self._get = tables.get
        self._transport = transport

    def frame(self, pe: str, bd: int, mac: int, ip: IpAddress | None = None) -> Walk:
        """Follow a frame to `mac` (with a packet to `ip`) that a host sends into `bd` of `pe`."""
        return self._frame(pe, bd, mac, ip, (pe,))

    def packet(self, pe: str, vrf: int, ip: IpAddress) -> Walk:
        """Follow an IP packet that is routed in `vrf` of `pe`."""
        return self._packet(pe, vrf, ip, (pe,))

    def flood(self, pe: str, bd: int) -> Iterator[Arrival]:
        """Follow a broadcast frame that a host sends into `bd` of `pe` to the other PEs."""
        for remote in self._flood_list(pe, bd).remotes:
            name = self._transport(pe, remote.pe)
            if isinstance(name, Fate):
                continue
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
        flood = self._get(pe, ("FloodList", bd))
        return flood if isinstance(flood, FloodList) else FloodList(bd)

    def _label(self, pe: str, label: int) -> object:
        entry = self._get(pe, ("ServiceLabel", label))
        return entry.target if isinstance(entry, ServiceLabel) else None

    def _frame(self, pe: str, bd: int, mac: int, ip: IpAddress | None, visited: tuple[str, ...]) -> Walk:
        gateway = self._get(pe, ("GatewayMac", bd, mac))
        if isinstance(gateway, GatewayMac) and ip is not None:
            return self._packet(pe, gateway.vrf, ip, visited)
        entry = self._get(pe, ("MacEntry", bd, mac))
        if not isinstance(entry, MacEntry):
            return Walk(Fate.FLOODED, visited, bd=bd)
        match entry.via:
            case LocalAc(ac):
                return Walk(Fate.DELIVERED, visited, ac, mac)
            case (Remote() as remote) | ViaPseudoWire(remote=remote):
                return self._tunnel(remote, mac, ip, visited)
            case RemoteSegment() as segment:
                return self._segment(segment, mac, ip, visited)
            case _:
                return Walk(Fate.DROPPED, visited)

    def _packet(self, pe: str, vrf: int, ip: IpAddress, visited: tuple[str, ...]) -> Walk:
        route = self._lookup(pe, vrf, ip)
        match None if route is None else route.via:
            case Adjacent(dst_mac=mac, via=LocalAc(ac)):
                return Walk(Fate.DELIVERED, visited, ac, mac)
            case (
                Adjacent(dst_mac=mac, via=Remote() as remote)
                | Adjacent(dst_mac=mac, via=ViaPseudoWire(remote=remote))
            ):
                return self._tunnel(remote, mac, ip, visited)
            case Adjacent(dst_mac=mac, via=RemoteSegment() as segment):
                return self._segment(segment, mac, ip, visited)
            case Remote() as remote:
                return self._tunnel(remote, None, ip, visited)
            case Glean():
                return Walk(Fate.GLEANED, visited)
            case _:
                return Walk(Fate.DROPPED, visited)

    def _lookup(self, pe: str, vrf: int, ip: IpAddress) -> IpRoute | None:
        for prefix in _prefixes(ip):
            route = self._get(pe, ("IpRoute", vrf, prefix))
            if isinstance(route, IpRoute):
                return route
        return None

    def _segment(
        self, segment: RemoteSegment, mac: int, ip: IpAddress | None, visited: tuple[str, ...]
    ) -> Walk:
        """Flows are shared out over the PEs of a segment: the walk that fails stands for all."""
        found = self._get(visited[-1], ("EthernetSegment", segment.esi, segment.bd))
        members = (found.active or found.backup) if isinstance(found, EthernetSegment) else ()
        walks = [self._tunnel(remote, mac, ip, visited) for remote in members]
        wrong = [walk for walk in walks if walk.fate is not Fate.DELIVERED]
        return (wrong or walks or [Walk(Fate.DROPPED, visited)])[0]

    def _tunnel(
        self, remote: Remote, mac: int | None, ip: IpAddress | None, visited: tuple[str, ...]
    ) -> Walk:
        pe = self._transport(visited[-1], remote.pe)
        if isinstance(pe, Fate):
            return Walk(pe, visited)
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


@lru_cache(maxsize=4096)
def _prefixes(ip: IpAddress) -> tuple[IpNetwork, ...]:
    """All prefixes that hold an address, the longest first."""
    network = IPv4Network if ip.version == 4 else IPv6Network
    return tuple(network((int(ip), length), strict=False) for length in range(ip.max_prefixlen, -1, -1))
