"""VPLS PEs for `controllers.pe.simulation`: one LAN over several sites, and a branch beside."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, ip_address, ip_interface, ip_network
from typing import Any, Final

from controllers.pe.config import AcConfig, virtual_mac
from controllers.pe.events import MacLearned
from controllers.pe.simulation import Network
from controllers.vpls.config import L3vpnConfig, VplsConfig, VplsPeConfig, VrrpConfig
from controllers.vpls.events import SendGratuitous, SendVrrp, VrrpSeen
from controllers.vpls.pe import VplsPe
from controllers.wire.types import RouteDistinguisher, RouteTarget

BD: Final = 10
VRF: Final = 1
ASN: Final = 65000
VRID: Final = 1
VIRTUAL: Final = ip_address("10.1.0.1")


def network(configs: Iterable[VplsPeConfig]) -> Network:
    """A network of VPLS PEs, started."""
    return Network({config.name: VplsPe(config) for config in configs}, carry_out)


def carry_out(net: Network, pe: str, output: Any) -> None:
    """Let VRRP and gratuitous ARP reach those they flood to."""
    match output:
        case SendVrrp(bd, advertisement):
            mac = virtual_mac(advertisement.vrid, advertisement.source.version)
            for name in net.flooded(pe, bd, mac, None):
                net.queue(name, VrrpSeen(bd, advertisement))
        case SendGratuitous(bd, ip, mac):
            net.flooded(pe, bd, mac, ip)
        case MacLearned():
            pass


def stretched_lan(sites: Iterable[str], *, branch: str | None = None) -> list[VplsPeConfig]:
    """Configure one VPLS over all `sites`, the first of which has the highest VRRP priority.

    Circuits 1 and 2 of each PE belong to the LAN. The branch announces 10.2.0.0/24 into the IP-VRF.
    """
    names = list(sites)
    configs = [_site(name, number) for number, name in enumerate(names, 1)]
    if branch is not None:
        number = len(names) + 1
        vrf = _vrf(number, prefixes=("10.2.0.0/24",))
        configs.append(VplsPeConfig(branch, _loopback(number), ASN, vrfs=(vrf,)))
    return configs


def _loopback(number: int) -> IPv4Address:
    return IPv4Address(f"10.255.0.{number}")


def _vrf(number: int, prefixes: tuple[str, ...] = ()) -> L3vpnConfig:
    targets = (RouteTarget.of_as(ASN, 5000 + VRF),)
    rd = RouteDistinguisher.of_ipv4(_loopback(number), 5000 + VRF)
    networks = tuple(ip_network(prefix) for prefix in prefixes)
    return L3vpnConfig(VRF, rd, targets, targets, 300000 + number, networks)


def _site(name: str, number: int) -> VplsPeConfig:
    targets = (RouteTarget.of_as(ASN, BD),)
    gateway = VrrpConfig(
        VRID,
        VIRTUAL,
        ip_interface(f"10.1.0.{number + 1}/24"),
        0x02AA00000000 | number,
        priority=200 if number == 1 else 110 - number,
    )
    instance = VplsConfig(
        BD,
        RouteDistinguisher.of_ipv4(_loopback(number), BD),
        targets,
        targets,
        ve_id=number,
        label_base=10000 * number,
        acs=(AcConfig(1, 1, BD), AcConfig(2, 2, BD)),
        vrf=VRF,
        gateways=(gateway,),
    )
    return VplsPeConfig(name, _loopback(number), ASN, (instance,), (_vrf(number),))
