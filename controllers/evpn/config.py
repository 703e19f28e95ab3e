"""What a PE is told about itself: frozen values, one object per thing that an operator names.

The model of the lab makes these from a topology; the runtime keeps them as JSON.
Identifiers (`bd`, `ac`, `vrf`) are those of `controllers.intents`. MAC addresses are `int`, times are
seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, final

from controllers.intents import IpNetwork
from controllers.pe.config import AcConfig, IpInterface, Probing, virtual_mac
from controllers.wire.types import IpAddress, RouteDistinguisher, RouteTarget

__all__ = [
    "AcConfig",
    "BdConfig",
    "DuplicateAction",
    "GatewayConfig",
    "GatewayMode",
    "HostRouteCarrier",
    "IpInterface",
    "Irb",
    "Mobility",
    "PeConfig",
    "Probing",
    "StaticMac",
    "Vmto",
    "VrfConfig",
    "virtual_mac",
]


class GatewayMode(StrEnum):
    """How a gateway's MAC relates to those of its peers, and what BGP says about it (RFC 7432 §10.1).

    `ANYCAST`: the same IP and MAC on every PE; advertised, so that a PE of the bridge domain without a
    gateway knows where to send, and without meaning for those who have the same. `COMMUNITY`: a MAC per PE,
    advertised as default gateway, which makes its peers route frames sent to it (MAC aliasing). `PLAIN`: a
    MAC per PE, advertised like any host's (Junos `no-gateway-community`). `SILENT`: a MAC per PE nobody hears
    of (`do-not-advertise`).
    """

    ANYCAST = "anycast"
    COMMUNITY = "per-pe-community"
    PLAIN = "per-pe-plain"
    SILENT = "per-pe-silent"


class Vmto(StrEnum):
    """Virtual machine traffic optimization: which directions avoid the trombone.

    Egress: every gateway configured on this PE is active. Ingress: this PE originates a host route for each
    host that is local, and uses those of others in IP-VRFs that do not have the host's bridge domain.
    """

    OFF = "off"
    EGRESS = "egress"
    INGRESS = "ingress"
    BOTH = "both"

    @property
    def egress(self) -> bool:
        """True where every configured gateway is active."""
        return self in (Vmto.EGRESS, Vmto.BOTH)

    @property
    def ingress(self) -> bool:
        """True where host routes are originated and used."""
        return self in (Vmto.INGRESS, Vmto.BOTH)


class HostRouteCarrier(StrEnum):
    """Which route carries a host's /32 or /128 to IP-VRFs without its bridge domain.

    `TYPE2`: label 2 and the IP-VRF's targets on the MAC/IP route (RFC 9135 §5). `TYPE5`: an IP prefix route
    (RFC 9136 §3). `VPN`: VPNv4 / VPNv6, for PEs that speak L3VPN only (RFC 4364, RFC 4659).
    """

    TYPE2 = "type2"
    TYPE5 = "type5"
    VPN = "vpn"


class Irb(StrEnum):
    """Whether both PEs route (symmetric, RFC 9135 §5) or only the ingress one (asymmetric, RFC 9135 §6)."""

    SYMMETRIC = "symmetric"
    ASYMMETRIC = "asymmetric"


class DuplicateAction(StrEnum):
    """What happens to a MAC found on two sites: keep the last state, or drop its frames (bis §15.3)."""

    FREEZE = "freeze"
    DROP = "drop"


@final
@dataclass(frozen=True, slots=True)
class Mobility:
    """Duplicate detection: `max_moves` within `window` seconds (RFC 7432 §15.1: N = 5, M = 180).

    `retry` seconds after it was found the address is given another chance, at least 3 x `window` (bis §15.3).
    """

    window: float = 180.0
    max_moves: int = 5
    retry: float = 540.0
    action: DuplicateAction = DuplicateAction.FREEZE


@final
@dataclass(frozen=True, slots=True)
class StaticMac:
    """A MAC the operator ties to a circuit: advertised as static (RFC 7432 §15.2)."""

    mac: int
    ac: int


@final
@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """An address of the subnet that this PE may act as gateway for.

    `active`: does so even without egress VMTO. A shared address beside unique ones (Junos
    `virtual-gateway-address`) is two of these. `local_preference` goes with the subnet's summary route.
    """

    address: IpInterface
    mac: int
    mode: GatewayMode = GatewayMode.ANYCAST
    active: bool = True
    local_preference: int | None = None


@final
@dataclass(frozen=True, slots=True)
class BdConfig:
    """A bridge domain and its MAC-VRF: VLAN-based service, so Ethernet tag 0 (RFC 7432 §6.1)."""

    bd: int
    evi: int
    rd: RouteDistinguisher
    import_rts: tuple[RouteTarget, ...]
    export_rts: tuple[RouteTarget, ...]
    unicast_label: int
    flood_label: int
    acs: tuple[AcConfig, ...] = ()
    static_macs: tuple[StaticMac, ...] = ()
    vrf: int | None = None
    gateways: tuple[GatewayConfig, ...] = ()
    flood_unknown: bool = True
    suppress_arp: bool = True
    mac_ageing: float | None = 300.0
    mac_limit: int | None = None


@final
@dataclass(frozen=True, slots=True)
class VrfConfig:
    """An IP-VRF. `prefixes` are announced beside the subnets of active gateways, and lead nowhere else."""

    vrf: int
    rd: RouteDistinguisher
    import_rts: tuple[RouteTarget, ...]
    export_rts: tuple[RouteTarget, ...]
    label: int
    irb: Irb = Irb.SYMMETRIC
    vmto: Vmto = Vmto.OFF
    carrier: HostRouteCarrier = HostRouteCarrier.TYPE5
    prefixes: tuple[IpNetwork, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class PeConfig:
    """One PE. `loopback` is its BGP next hop and where tunnels to it end.

    `probe_mac`: source of probes in a bridge domain without an active gateway here. `stale_time`: how long
    routes outlive the last BGP session, in seconds; 0 drops them at once.
    """

    name: str
    loopback: IpAddress
    asn: int
    bds: tuple[BdConfig, ...] = ()
    vrfs: tuple[VrfConfig, ...] = ()
    mobility: Mobility = field(default_factory=Mobility)
    probing: Probing = field(default_factory=Probing)
    probe_mac: int = 0x020000FFFFFE
    stale_time: float = 600.0
    service: Literal["evpn"] = "evpn"

    @property
    def acs(self) -> tuple[AcConfig, ...]:
        """All attachment circuits."""
        return tuple(ac for bd in self.bds for ac in bd.acs)
