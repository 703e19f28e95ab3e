"""EVPN PEs for `controllers.pe.simulation`: one LAN over several sites, and a branch beside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_interface
from typing import Final, final

from controllers.evpn.config import (
    AcConfig,
    BdConfig,
    GatewayConfig,
    GatewayMode,
    HostRouteCarrier,
    Irb,
    Mobility,
    PeConfig,
    Vmto,
    VrfConfig,
    virtual_mac,
)
from controllers.evpn.pe import EvpnPe
from controllers.pe.simulation import Network
from controllers.wire.types import RouteDistinguisher, RouteTarget

STRETCHED_BD: Final = 10
BRANCH_BD: Final = 20
VRF: Final = 1
ASN: Final = 65000


def network(configs: Iterable[PeConfig]) -> Network:
    """A network of EVPN PEs, started."""
    return Network({config.name: EvpnPe(config) for config in configs})


@final
@dataclass(frozen=True, slots=True)
class Lan:
    """The choices of `stretched_lan`."""

    vmto: Vmto = Vmto.BOTH
    mode: GatewayMode = GatewayMode.ANYCAST
    irb: Irb = Irb.SYMMETRIC
    carrier: HostRouteCarrier = HostRouteCarrier.TYPE5
    gateways: tuple[str, ...] = ("10.1.0.1/24",)
    mobility: Mobility = field(default_factory=Mobility)


def stretched_lan(
    sites: Iterable[str], lan: Lan | None = None, *, branch: str | None = None
) -> list[PeConfig]:
    """Configure one bridge domain over all `sites`, whose first is the primary gateway, and a branch beside.

    Circuits 1 and 2 of each PE belong to the LAN. The branch has a LAN of its own, 10.2.0.0/24, and hears of
    the stretched one through the IP-VRF only.
    """
    lan = lan or Lan()
    names = list(sites)
    configs = [_site(name, number, lan, names) for number, name in enumerate(names, 1)]
    if branch is not None:
        configs.append(_branch(branch, len(names) + 1, lan))
    return configs


def _loopback(number: int) -> IPv4Address:
    return IPv4Address(f"10.255.0.{number}")


def _vrf(number: int, lan: Lan) -> VrfConfig:
    targets = (RouteTarget.of_as(ASN, 5000 + VRF),)
    return VrfConfig(
        VRF,
        RouteDistinguisher.of_ipv4(_loopback(number), 5000 + VRF),
        targets,
        targets,
        label=300000 + number,
        irb=lan.irb,
        vmto=lan.vmto,
        carrier=lan.carrier,
    )


def _bd(number: int, bd: int, gateways: tuple[GatewayConfig, ...]) -> BdConfig:
    targets = (RouteTarget.of_as(ASN, bd),)
    return BdConfig(
        bd,
        bd,
        RouteDistinguisher.of_ipv4(_loopback(number), bd),
        targets,
        targets,
        unicast_label=100000 + number,
        flood_label=200000 + number,
        acs=(AcConfig(1, 1, bd), AcConfig(2, 2, bd)),
        vrf=VRF,
        gateways=gateways,
    )


def _site(name: str, number: int, lan: Lan, names: list[str]) -> PeConfig:
    shared = lan.mode is GatewayMode.ANYCAST
    gateways = tuple(
        GatewayConfig(
            ip_interface(address),
            virtual_mac(1, ip_interface(address).version) if shared else 0x02AA00000000 | number,
            lan.mode,
            active=name == names[0],
            local_preference=200 if name == names[0] else 100,
        )
        for address in lan.gateways
    )
    bd = _bd(number, STRETCHED_BD, gateways)
    return PeConfig(name, _loopback(number), ASN, (bd,), (_vrf(number, lan),), lan.mobility)


def _branch(name: str, number: int, lan: Lan) -> PeConfig:
    gateway = GatewayConfig(ip_interface("10.2.0.1/24"), virtual_mac(2), GatewayMode.SILENT)
    bd = _bd(number, BRANCH_BD, (gateway,))
    return PeConfig(name, _loopback(number), ASN, (bd,), (_vrf(number, lan),), lan.mobility)
