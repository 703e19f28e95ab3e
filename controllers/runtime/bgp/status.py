"""What `show` commands read of a speaker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import final

from msgspec import Struct

from controllers.bgp.engine import Engine
from controllers.bgp.neighbor import Counters
from controllers.bgp.paths import to_route
from controllers.bgp.routes import Route
from controllers.bgp.session import State
from controllers.wire.types import Family, IpAddress, RouteKey


@final
class PeerStatus(Struct, frozen=True):
    """A neighbour at one moment. `since` is the time in seconds that it has been up or down.

    `reason` is what last changed that, in a line for a person to read.
    """

    address: IpAddress
    asn: int
    state: State
    since: float
    reason: str
    router_id: IPv4Address | None
    received: Mapping[Family, int]
    counters: Counters

    @property
    def up(self) -> bool:
        """True if routes can be exchanged."""
        return self.state is State.ESTABLISHED


@final
class RibView:
    """The tables of a speaker, decoded as they are read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self, family: Family) -> int:
        """How many NLRI of a family have a path."""
        return len(self._engine.tables[family])

    def best(self, family: Family) -> Iterator[Route]:
        """The best path of every NLRI (loc-RIB)."""
        return (to_route(path) for _, path in self._engine.tables[family])

    def paths(self, key: RouteKey) -> list[Route]:
        """All paths to one NLRI that policy let in, the best one first."""
        return [to_route(path) for path in self._engine.tables[key.family].paths(key.prefix)]

    def received(self, peer: IpAddress, family: Family) -> Iterator[Route]:
        """What a neighbour has sent, before policy (adj-RIB-in); nothing while it is down."""
        neighbor = self._engine.neighbors.get(peer)
        table = {} if neighbor is None else neighbor.received.get(family, {})
        return (to_route(path) for path in table.values())

    def sent(self, peer: IpAddress, family: Family) -> Iterator[Route]:
        """What a neighbour has been sent, as it was sent (adj-RIB-out); nothing while it is down."""
        neighbor = self._engine.neighbors.get(peer)
        return iter(()) if neighbor is None else self._engine.sent(neighbor, family)
