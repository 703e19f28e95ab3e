"""An IP-VRF: connected subnets, hosts of its bridge domains, and what other PEs advertise.

For each prefix one target is chosen and one `IpRoute` kept. A host that is local may also be originated, for
exactly as long as it is local (ingress VMTO): one that is known from other PEs only never is, because that is
what would lead its traffic back through here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, final

from msgspec import Struct

from controllers.bgp.routes import Route
from controllers.intents import Drop, Glean, IpNetwork, IpRoute, IpTarget
from controllers.pe.ip_paths import IpPath, best_path, host_prefix
from controllers.pe.outputs import Effects
from controllers.wire.serial import newer
from controllers.wire.types import EVPN, IpAddress, RouteKey


class HostRank(IntEnum):
    """How a bridge domain knows a host.

    `LOCAL`: it is here. `REMOTE`: a PE advertised its MAC and address. `MOVED`: it was here, its MAC is
    elsewhere now, and nobody advertised the address yet.
    """

    LOCAL = 0
    REMOTE = 1
    MOVED = 2


@final
class Host(Struct, frozen=True):
    """What a bridge domain of this PE says about one address. `sequence` is that of the MAC."""

    target: IpTarget
    rank: HostRank
    sequence: int


@final
@dataclass(slots=True)
class _Entry:
    prefix: IpNetwork
    connected: IpTarget | None = None
    host: Host | None = None
    paths: dict[RouteKey, IpPath] = field(default_factory=dict)
    best: IpPath | None = None
    """Of `paths`, where they have a say."""
    originated: RouteKey | None = None


@final
class IpVrf:
    """The decisions of one IP-VRF.

    `metrics` holds the distance to each PE, None for one that cannot be reached. `host_route` makes the route
    of a local host from prefix and sequence; None where hosts are not originated. `prefix_route` makes that
    of a prefix, from prefix and local preference.
    """

    def __init__(
        self,
        number: int,
        effects: Effects[Any],
        metrics: Mapping[IpAddress, int | None],
        prefix_route: Callable[[IpNetwork, int | None], Route],
        host_route: Callable[[IpNetwork, int], Route] | None = None,
    ) -> None:
        self.number = number
        self._effects = effects
        self._metrics = metrics
        self._prefix_route = prefix_route
        self._host_route = host_route
        self._entries: dict[IpNetwork, _Entry] = {}
        self._paths: dict[RouteKey, IpPath] = {}
        self._arrivals = 0

    def connect(self, prefix: IpNetwork, bd: int | None, local_pref: int | None) -> None:
        """Announce a prefix that ends here: the subnet of `bd`, whose unknown hosts are asked for, or of
        none.

        Again with another preference: announce it with that.
        """
        entry = self._entry(prefix)
        entry.connected = Drop() if bd is None else Glean(bd)
        self._decide(entry)
        self._effects.announce(self._prefix_route(prefix, local_pref))

    def disconnect(self, prefix: IpNetwork) -> None:
        """Take a connected prefix back."""
        entry = self._entries.get(prefix)
        if entry is not None and entry.connected is not None:
            entry.connected = None
            self._effects.withdraw(self._prefix_route(prefix, None).key)
            self._decide(entry)

    def set_host(self, ip: IpAddress, host: Host | None) -> None:
        """Take over what a bridge domain knows about an address, None for nothing any more."""
        prefix = host_prefix(ip)
        if host is None and prefix not in self._entries:
            return
        entry = self._entry(prefix)
        former = entry.host
        if former == host:
            return
        entry.host = host
        self._decide(entry)
        self._originate(entry, former)

    # RFC 9136 §4.4.1, RFC 4364 §4.3.1: the host route is originated only while the host is local; the new
    # place announces before the old one withdraws, because the old one learns of the move from that
    # announcement. Of EVPN's routes all choose the newer one anyway; VPN routes carry no sequence to tell by.
    def _originate(self, entry: _Entry, former: Host | None) -> None:
        host = entry.host
        if host is not None and host.rank is HostRank.LOCAL and self._host_route is not None:
            entry.originated = self._effects.announce(self._host_route(entry.prefix, host.sequence))
        elif entry.originated is not None:
            moved = host is not None and former is not None and newer(host.sequence, former.sequence)
            superseded = moved and entry.originated.family == EVPN
            self._effects.withdraw(entry.originated, superseded=superseded)
            entry.originated = None

    def received(self, path: IpPath) -> None:
        """Take in a new path, or one in place of that of the same key."""
        self._arrivals += 1
        path.arrived = self._arrivals
        self._paths[path.key] = path
        entry = self._entry(path.prefix)
        entry.paths[path.key] = path
        self._decide(entry)

    def withdrawn(self, key: RouteKey) -> None:
        """Drop the path of this key."""
        path = self._paths.pop(key)
        entry = self._entries[path.prefix]
        del entry.paths[key]
        if path is entry.best or not entry.paths:
            self._decide(entry)

    def next_hop_changed(self, pe: IpAddress) -> None:
        """Choose anew wherever a path through `pe` takes part."""
        entries = {
            path.prefix: self._entries[path.prefix] for path in self._paths.values() if path.via.pe == pe
        }
        for entry in entries.values():
            self._decide(entry)

    def _entry(self, prefix: IpNetwork) -> _Entry:
        entry = self._entries.get(prefix)
        if entry is None:
            entry = self._entries[prefix] = _Entry(prefix)
        return entry

    def _decide(self, entry: _Entry) -> None:
        target = self._choose(entry)
        if target is not None:
            self._effects.set(IpRoute(self.number, entry.prefix, target))
            return
        self._effects.unset(("IpRoute", self.number, entry.prefix))
        if not entry.paths and entry.host is None:
            del self._entries[entry.prefix]

    def _choose(self, entry: _Entry) -> IpTarget | None:
        entry.best = None
        if entry.connected is not None:
            return entry.connected
        host = entry.host
        if host is not None and host.rank is HostRank.LOCAL:
            return host.target
        path = entry.best = best_path(entry.paths.values(), self._metrics)
        if host is None or path is None:
            return host.target if host is not None else path.via if path is not None else None
        # The bridge domain's own knowledge wins over a prefix route, unless the host has moved since.
        if path.evpn and (host.rank is HostRank.MOVED or newer(path.sequence, host.sequence)):
            return path.via
        return host.target
