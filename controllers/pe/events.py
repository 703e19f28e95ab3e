"""What happens to a PE: everything the decision core is ever told. The clock comes with each call.

What BGP has to say comes as its own `RouteEvent`, `PeerEvent` and `EndOfRibEvent`.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias, final

from msgspec import Struct

from controllers.bgp.routes import EndOfRibEvent, PeerEvent, RouteEvent
from controllers.wire.types import IpAddress


class NeighborKind(Enum):
    """What an ARP or ND message was, as far as it says where its sender is.

    ARP request and NS; ARP reply and solicited NA; GARP of either opcode and unsolicited NA; ARP probe
    (sender address zero, RFC 5227) and NS of duplicate address detection, which claim nothing yet.
    """

    REQUEST = "request"
    REPLY = "reply"
    GRATUITOUS = "gratuitous"
    PROBE = "probe"


@final
class AcUp(Struct, frozen=True):
    """An attachment circuit can carry frames. All are taken to be up at the start."""

    ac: int


@final
class AcDown(Struct, frozen=True):
    """An attachment circuit is gone, and with it every host behind it."""

    ac: int


@final
class MacLearned(Struct, frozen=True):
    """A frame of an unknown source, or of a known one elsewhere, came in (digest)."""

    bd: int
    ac: int
    mac: int


@final
class MacAged(Struct, frozen=True):
    """No frame from a local MAC for the ageing time of its bridge domain."""

    bd: int
    mac: int


@final
class NeighborSeen(Struct, frozen=True):
    """An ARP or ND message from a local circuit; `router`, `override` are flags of an NA (RFC 4861 §4.4)."""

    bd: int
    ac: int
    kind: NeighborKind
    mac: int
    ip: IpAddress
    target: IpAddress
    router: bool = False
    override: bool = True


@final
class RarpSeen(Struct, frozen=True):
    """A RARP request, which announces a MAC and no address (as QEMU and VMware do after a migration)."""

    bd: int
    ac: int
    mac: int


@final
class GleanMissed(Struct, frozen=True):
    """A routed packet for an address of a connected subnet of which no host is known."""

    bd: int
    ip: IpAddress


@final
class NextHopChanged(Struct, frozen=True):
    """The underlay's distance to another PE, None when it cannot be reached.

    Paths through a PE are used only while there is one.
    """

    pe: IpAddress
    metric: int | None


@final
class Tick(Struct, frozen=True):
    """The time asked for by `WakeAt` has come."""


Event: TypeAlias = (
    AcUp
    | AcDown
    | MacLearned
    | MacAged
    | NeighborSeen
    | RarpSeen
    | GleanMissed
    | RouteEvent
    | PeerEvent
    | EndOfRibEvent
    | NextHopChanged
    | Tick
)
"""What either core is told; each adds its own."""
