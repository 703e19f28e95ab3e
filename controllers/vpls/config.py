"""What a VPLS PE is told about itself: frozen values. MAC addresses are `int`, times are seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, final

from controllers.intents import IpNetwork
from controllers.pe.config import AcConfig, IpInterface, Probing, link_local, virtual_mac
from controllers.wire.types import IpAddress, RouteDistinguisher, RouteTarget


@final
@dataclass(frozen=True, slots=True)
class VrrpConfig:
    """A router of a virtual gateway (RFC 5798 §5.2, §6.1).

    `own`: this PE's address in the subnet, with `own_mac`; `virtual`: what hosts have as gateway. `interval`
    in seconds. Whoever is master announces the subnet with local preference 200, the others with 100.
    """

    vrid: int
    virtual: IpAddress
    own: IpInterface
    own_mac: int
    priority: int = 100
    interval: float = 1.0
    preempt: bool = True

    def __post_init__(self) -> None:
        """ValueError for what no advertisement can carry: 12 bits of 10 ms; priority 0 says good-bye."""
        if not (1 <= self.vrid <= 255 and 1 <= self.priority <= 255 and 0.01 <= self.interval <= 40.95):
            raise ValueError(
                f"VRRP: VRID {self.vrid} and priority {self.priority} must be 1 to 255, "
                f"the interval {self.interval:g} 0.01 to 40.95 s"
            )

    @property
    def mac(self) -> int:
        """The virtual router's (§7.3)."""
        return virtual_mac(self.vrid, self.virtual.version)

    @property
    def source(self) -> IpAddress:
        """Where this PE's advertisements come from: for IPv6 a link-local address (§5.1.2.2)."""
        return self.own.ip if self.own.version == 4 else link_local(self.own_mac)

    @property
    def addresses(self) -> tuple[IpAddress, ...]:
        """The virtual router's; for IPv6 its link-local one comes first (§5.2.9)."""
        return (self.virtual,) if self.virtual.version == 4 else (link_local(self.mac), self.virtual)


@final
@dataclass(frozen=True, slots=True)
class VplsConfig:
    """One VPLS instance (RFC 4761).

    `ve_id` numbers the site; PEs with the same one are attached to one site, of which the one with the
    highest `preference` forwards (§3.5). Label `label_base + VE id - block_offset` is what the PE of that VE
    sends with, and `control_word` asks it for one. The pseudo-wire to it is attachment `first_pw + VE id`.
    `gateways`: one for IPv4, one for IPv6, or none.
    """

    bd: int
    rd: RouteDistinguisher
    import_rts: tuple[RouteTarget, ...]
    export_rts: tuple[RouteTarget, ...]
    ve_id: int
    label_base: int
    block_offset: int = 0
    block_size: int = 32
    first_pw: int = 0x4000
    acs: tuple[AcConfig, ...] = ()
    preference: int = 100
    mtu: int = 1500
    control_word: bool = False
    vrf: int | None = None
    gateways: tuple[VrrpConfig, ...] = ()
    mac_ageing: float | None = 300.0
    mac_limit: int | None = None


@final
@dataclass(frozen=True, slots=True)
class L3vpnConfig:
    """An IP-VRF whose routes are VPN-IP (RFC 4364)."""

    vrf: int
    rd: RouteDistinguisher
    import_rts: tuple[RouteTarget, ...]
    export_rts: tuple[RouteTarget, ...]
    label: int
    prefixes: tuple[IpNetwork, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class VplsPeConfig:
    """One PE. `loopback` is its BGP next hop; `stale_time` as for an EVPN PE."""

    name: str
    loopback: IpAddress
    asn: int
    instances: tuple[VplsConfig, ...] = ()
    vrfs: tuple[L3vpnConfig, ...] = ()
    probing: Probing = field(default_factory=Probing)
    stale_time: float = 600.0
    service: Literal["vpls"] = "vpls"

    @property
    def acs(self) -> tuple[AcConfig, ...]:
        """All attachment circuits."""
        return tuple(ac for instance in self.instances for ac in instance.acs)
