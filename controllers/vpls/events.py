"""What happens to a VPLS PE beside what happens to any, and what it says beside what any says."""

from __future__ import annotations

from typing import final

from msgspec import Struct

from controllers.vpls.vrrp import Advertisement
from controllers.wire.types import IpAddress


@final
class VrrpSeen(Struct, frozen=True):
    """A VRRP advertisement came in from a circuit or a pseudo-wire of a bridge domain."""

    bd: int
    advertisement: Advertisement


@final
class GatewayHeld(Struct, frozen=True):
    """The switch was found to route for `mac`: the virtual one if an earlier controller of it was master."""

    bd: int
    mac: int


@final
class StopVrrp(Struct, frozen=True):
    """Operator: this PE is no gateway of a bridge domain any more, and says so to the others."""

    bd: int


@final
class TopologyChange(Struct, frozen=True):
    """The spanning tree of a bridge domain changed: what frames taught may be wrong (IEEE 802.1D §17.11)."""

    bd: int


@final
class SendVrrp(Struct, frozen=True):
    """Flood an advertisement into a bridge domain; `vrrp_packet.frame` writes it."""

    bd: int
    advertisement: Advertisement


@final
class SendGratuitous(Struct, frozen=True):
    """Flood a gratuitous ARP for `ip` at `mac` into a bridge domain (RFC 5798 §6.4.2)."""

    bd: int
    ip: IpAddress
    mac: int
