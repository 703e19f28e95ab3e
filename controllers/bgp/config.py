"""What a speaker and its neighbours are told before they start: values only."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, final

from controllers.bgp.policy import Policy
from controllers.wire.types import EVPN, Family, IpAddress

BGP_PORT: Final = 179


@final
@dataclass(frozen=True, slots=True)
class PeerConfig:
    """A neighbour. Times in seconds.

    `passive` waits for the neighbour to connect. `client` makes it a route reflector client (RFC 4456).
    `max_routes` limits what it may announce over all families; the session ends if it sends more (RFC
    4486). `next_hop_self` puts our own address in as next hop; None: only towards another AS and only for
    plain IP routes. A labelled route keeps the next hop that its label belongs to, since labels are not
    rewritten here (RFC 4364 §10 c). `restart_time` is how long the neighbour may keep our routes when the
    session breaks, because forwarding goes on (RFC 4724); 0: it shall not, but if it asks we keep its routes;
    None: neither.
    """

    address: IpAddress
    asn: int
    port: int = BGP_PORT
    families: tuple[Family, ...] = (EVPN,)
    passive: bool = False
    client: bool = False
    hold_time: int = 90
    retry_first: float = 1.0
    retry_limit: float = 60.0
    import_policy: Policy | None = None
    export_policy: Policy | None = None
    max_routes: int | None = None
    next_hop_self: bool | None = None
    restart_time: int | None = None


@final
@dataclass(frozen=True, slots=True)
class SpeakerConfig:
    """A BGP speaker. It listens on `address` and `port`, and connects from `address`.

    `cluster_id` (its router id if None) names the cluster of its clients (RFC 4456 §7). `listen` False:
    only connect.
    """

    local_as: int
    router_id: IPv4Address
    address: IpAddress
    port: int = BGP_PORT
    peers: tuple[PeerConfig, ...] = ()
    cluster_id: IPv4Address | None = None
    listen: bool = True

    @property
    def cluster(self) -> IPv4Address:
        """The cluster id in use."""
        return self.router_id if self.cluster_id is None else self.cluster_id
