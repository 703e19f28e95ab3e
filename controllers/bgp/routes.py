"""What the speaker exchanges with the rest of the process: routes, and what became of them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import final

from msgspec import Struct

from controllers.wire.attributes import PathAttributes
from controllers.wire.nlri import Nlri, key_of
from controllers.wire.types import Family, IpAddress, RouteKey


@final
class Route(Struct, frozen=True):
    """A route as received, or as one wants it announced.

    `peer` is the address of the neighbour it came from and `peer_id` that neighbour's BGP identifier;
    both are None for a route originated here.
    """

    nlri: Nlri
    attributes: PathAttributes
    peer: IpAddress | None = None
    peer_id: IPv4Address | None = None

    @property
    def key(self) -> RouteKey:
        """What identifies the route in a RIB; give it to `withdraw`."""
        return key_of(self.nlri)

    @property
    def family(self) -> Family:
        """The route's address family."""
        return self.key.family

    @property
    def next_hop(self) -> IPv4Address | IPv6Address | None:
        """The BGP next hop: the PE to send to."""
        return self.attributes.next_hop

    @property
    def originator(self) -> IPv4Address | None:
        """BGP identifier of the router that brought the route into the AS (RFC 4456 §8), if it is known."""
        return self.attributes.originator_id or self.peer_id

    def __str__(self) -> str:
        return f"{self.nlri} via {self.next_hop}"


@final
class RouteEvent(Struct, frozen=True):
    """The best path of one NLRI changed. `route` is the new one, or None when none is left.

    Only routes of neighbours are reported: what this speaker originates itself its owner knows.
    """

    key: RouteKey
    nlri: Nlri
    route: Route | None


@final
class PeerEvent(Struct, frozen=True):
    """A session came up or went down, and why (one line for a person to read)."""

    peer: IpAddress
    up: bool
    reason: str


@final
class EndOfRibEvent(Struct, frozen=True):
    """A neighbour has sent its whole table of one family (RFC 4724 §2)."""

    peer: IpAddress
    family: Family
