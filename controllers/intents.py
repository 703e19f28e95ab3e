"""What the data plane shall look like: the language between decisions and tables.

The decision cores (`controllers.evpn`, `controllers.vpls`) describe a desired state as a set of frozen
objects, each with a `key` that says which thing it describes. They emit deltas: `Set(obj)` replaces whatever
stood under `obj.key`, `Unset(key)` removes it. `controllers.dataplane` maps every object on its own to table
entries and orders the writes: what a delta points at is written before what points at it, removals come last
(make before break).

Conventions: MAC addresses are `int`; IP addresses and prefixes are `ipaddress` objects; labels are 20-bit
`int`; `bd`, `ac`, `pw` and `vrf` are small integers that mean something on this PE only. No object names a
next-hop id, a group id or an output port towards the core: those indirections belong to the data plane, which
shares one next hop among all objects with an equal `Remote`, one segment entry among all with an equal
`RemoteSegment`.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Final, TypeAlias, final

from msgspec import Struct

from controllers.wire.types import Esi, IpAddress

IpNetwork: TypeAlias = IPv4Network | IPv6Network
Key: TypeAlias = tuple[object, ...]
"""Identity of an object: its class name, then the fields that tell it from others of its class."""


# --- where a frame or packet goes ---------------------------------------------------------------------------


@final
class LocalAc(Struct, frozen=True):
    """Out of an attachment circuit of this PE."""

    ac: int


@final
class Remote(Struct, frozen=True):
    """To another PE: push the service `label` that it advertised, then its transport stack."""

    pe: IpAddress
    label: int


@final
class RemoteSegment(Struct, frozen=True):
    """To any PE of a remote Ethernet segment, through its `EthernetSegment` (RFC 7432 §8.4).

    `bd` is part of it: the alias label of a PE differs per bridge domain.
    """

    esi: Esi
    bd: int


@final
class ViaPseudoWire(Struct, frozen=True):
    """Into a pseudo-wire of the VPLS instance (RFC 4761): as `Remote`, and learned from there.

    `pw` is one of the numbers that attachment circuits have, and no circuit's.
    """

    pw: int
    remote: Remote


@final
class Drop(Struct, frozen=True):
    """Discard. As the target of a `MacEntry`: discard frames from and to that MAC."""


MacTarget: TypeAlias = LocalAc | Remote | RemoteSegment | ViaPseudoWire | Drop


@final
class Adjacent(Struct, frozen=True):
    """Routed, then bridged: rewrite the MACs and TTL, and leave as a frame of `bd` towards `via`.

    A local host has `via = LocalAc`. A host behind another PE reached through the MAC-VRF (asymmetric IRB,
    RFC 9135 §6; or a PE that has no gateway of its own) has `via = Remote` with that PE's label for the
    bridge domain.
    """

    bd: int
    dst_mac: int
    src_mac: int
    via: LocalAc | Remote | RemoteSegment | ViaPseudoWire


@final
class Glean(Struct, frozen=True):
    """The subnet of `bd`, no host known at this address: hand to the controller, which asks (ARP / ND)."""

    bd: int


IpTarget: TypeAlias = Adjacent | Remote | Glean | Drop
"""`Remote` carries IP right under the label: IP-VRF to IP-VRF over MPLS (RFC 9135 §5, RFC 9136 §4.4)."""


# --- layer 2 ------------------------------------------------------------------------------------------------


@final
class BridgeDomain(Struct, frozen=True):
    """One bridge domain, `bd` in 1..4095.

    `flood_unknown`: unknown unicast goes to the `FloodList`, else it is dropped. `suppress_arp`: a broadcast
    ARP request or neighbour solicitation for a `Neighbor` is answered and not flooded (RFC 9161 §3.3);
    anything else, gratuitous announcements included, is flooded. `learn_from_core`: digests for frames from
    pseudo-wires (VPLS learns in the data plane, EVPN never does). `mac_ageing` in seconds, None for never:
    applies to local, non-static entries, reported back as an event and not removed by the switch.
    """

    bd: int
    flood_unknown: bool = True
    suppress_arp: bool = True
    learn_from_core: bool = False
    mac_ageing: float | None = None

    @property
    def key(self) -> Key:
        """Identity."""
        return ("BridgeDomain", self.bd)


@final
class AttachmentCircuit(Struct, frozen=True):
    """A (port, VLAN) of this PE that belongs to a bridge domain.

    `vlan` None is untagged. `egress_vlan` is the tag put on frames that leave, None for the same as `vlan`.
    Frames never go from one circuit of a `split_horizon_group` to another one of it; group 0 is none.
    `blocked` stops BUM frames towards the circuit (non-designated forwarder), `shut` stops everything both
    ways (VPLS standby).
    """

    ac: int
    port: int
    vlan: int | None
    bd: int
    egress_vlan: int | None = None
    split_horizon_group: int = 0
    blocked: bool = False
    shut: bool = False

    @property
    def key(self) -> Key:
        """Identity."""
        return ("AttachmentCircuit", self.ac)


@final
class MacEntry(Struct, frozen=True):
    """Where frames to `mac` go in `bd`.

    A frame from `mac` that enters elsewhere than `via` is reported as learned, unless `static`.
    """

    bd: int
    mac: int
    via: MacTarget
    static: bool = False

    @property
    def key(self) -> Key:
        """Identity."""
        return ("MacEntry", self.bd, self.mac)


@final
class FloodList(Struct, frozen=True):
    """Who gets a copy of a BUM frame of `bd`: ingress replication (RFC 7432 §11.2), sorted.

    A frame that came from the core goes to `acs` only, never to `remotes`.
    """

    bd: int
    acs: tuple[int, ...] = ()
    remotes: tuple[Remote, ...] = ()

    @property
    def key(self) -> Key:
        """Identity."""
        return ("FloodList", self.bd)


@final
class EthernetSegment(Struct, frozen=True):
    """A remote segment as seen from `bd`: load-share over `active`, else over `backup` (RFC 7432 §8.4)."""

    esi: Esi
    bd: int
    active: tuple[Remote, ...]
    backup: tuple[Remote, ...] = ()

    @property
    def key(self) -> Key:
        """Identity."""
        return ("EthernetSegment", self.esi, self.bd)


# --- what an incoming service label means -------------------------------------------------------------------


@final
class BdUnicast(Struct, frozen=True):
    """Look up the MAC in `bd`; an unknown one floods to the attachment circuits."""

    bd: int


@final
class BdFlood(Struct, frozen=True):
    """Copy to the attachment circuits of `bd` (and to the gateway, if the frame is for it)."""

    bd: int


@final
class IpVrf(Struct, frozen=True):
    """Route the IP packet under the label in `vrf`."""

    vrf: int


@final
class PseudoWireEnd(Struct, frozen=True):
    """A frame out of pseudo-wire `pw`: learn its source from there, then bridge in `bd`."""

    bd: int
    pw: int


LabelTarget: TypeAlias = BdUnicast | BdFlood | IpVrf | PseudoWireEnd


@final
class ServiceLabel(Struct, frozen=True):
    """What to do with a packet whose bottom label is `label`."""

    label: int
    target: LabelTarget

    @property
    def key(self) -> Key:
        """Identity."""
        return ("ServiceLabel", self.label)


# --- the gateway and layer 3 --------------------------------------------------------------------------------


@final
class GatewayMac(Struct, frozen=True):
    """Frames of `bd` to `mac` are routed in `vrf`: own, anycast, VRRP, other gateways' (RFC 7432 §10.1)."""

    bd: int
    mac: int
    vrf: int

    @property
    def key(self) -> Key:
        """Identity."""
        return ("GatewayMac", self.bd, self.mac)


@final
class ProbeMac(Struct, frozen=True):
    """Frames of `bd` to `mac` answer a PE without gateway: ARP and ND end here, the rest is dropped.

    Bridged on as to an unknown MAC, such an answer would tell other sites that its sender is at this one.
    """

    bd: int
    mac: int

    @property
    def key(self) -> Key:
        """Identity."""
        return ("ProbeMac", self.bd, self.mac)


@final
class GatewayAddress(Struct, frozen=True):
    """An address of this PE in `bd`: answer ARP / ND with `mac`, answer ICMP echo."""

    bd: int
    ip: IpAddress
    mac: int
    vrf: int

    @property
    def key(self) -> Key:
        """Identity."""
        return ("GatewayAddress", self.bd, self.ip)


@final
class Neighbor(Struct, frozen=True):
    """Proxy ARP / ND entry (RFC 9161 §3): answer broadcast requests for `ip` with `mac`.

    Not on `owner_ac`, where the owner itself answers. `router` and `override` are the flags of the
    advertisement for IPv6 (RFC 9047 §2).
    """

    bd: int
    ip: IpAddress
    mac: int
    owner_ac: int | None = None
    router: bool = False
    override: bool = True

    @property
    def key(self) -> Key:
        """Identity."""
        return ("Neighbor", self.bd, self.ip)


@final
class IpRoute(Struct, frozen=True):
    """Longest-prefix entry of an IP-VRF."""

    vrf: int
    prefix: IpNetwork
    via: IpTarget

    @property
    def key(self) -> Key:
        """Identity."""
        return ("IpRoute", self.vrf, self.prefix)


Intent: TypeAlias = (
    BridgeDomain
    | AttachmentCircuit
    | MacEntry
    | FloodList
    | EthernetSegment
    | ServiceLabel
    | GatewayMac
    | ProbeMac
    | GatewayAddress
    | Neighbor
    | IpRoute
)

WRITE_ORDER: Final = (
    "BridgeDomain",
    "AttachmentCircuit",
    "EthernetSegment",
    "FloodList",
    "ServiceLabel",
    "MacEntry",
    "Neighbor",
    "GatewayAddress",
    "IpRoute",
    "GatewayMac",
    "ProbeMac",
)
"""Class names, what is pointed at first: write in this order, remove in the reverse one."""


@final
class Set(Struct, frozen=True):
    """From now on `obj` stands under its key."""

    obj: Intent


@final
class Unset(Struct, frozen=True):
    """From now on nothing stands under `key`."""

    key: Key


Delta: TypeAlias = Set | Unset
