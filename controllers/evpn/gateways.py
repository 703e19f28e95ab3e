"""The gateway side of one bridge domain: own addresses, and what other PEs say of theirs (RFC 7432 §10.1)."""

from __future__ import annotations

from typing import NamedTuple, final

from controllers.evpn.config import BdConfig, GatewayConfig, GatewayMode, VrfConfig
from controllers.evpn.context import Context
from controllers.evpn.mac_paths import MacPath
from controllers.intents import GatewayAddress, GatewayMac, IpNetwork
from controllers.pe.ip_paths import may_be_host
from controllers.pe.ip_vrf import IpVrf
from controllers.pe.outputs import AlarmCode
from controllers.wire.types import IpAddress, mac_to_text


@final
class Routing(NamedTuple):
    """The IP-VRF of a bridge domain."""

    config: VrfConfig
    table: IpVrf


@final
class Gateways:
    """The active gateways of one bridge domain on this PE; `routing` is None where there are none."""

    def __init__(self, context: Context, config: BdConfig, routing: Routing | None) -> None:
        self._context = context
        self._config = config
        self._active: tuple[GatewayConfig, ...] = ()
        if routing is not None:
            everywhere = routing.config.vmto.egress
            self._active = tuple(g for g in config.gateways if g.active or everywhere)
        self.routing = routing if self._active else None
        self._by_version = {
            version: tuple(g for g in self._active if g.address.version == version) for version in (4, 6)
        }
        self._by_ip = {gateway.address.ip: gateway for gateway in config.gateways}
        self._own = frozenset(gateway.address.ip for gateway in self._active)
        self.macs = frozenset(gateway.mac for gateway in self._active)

    @property
    def active(self) -> bool:
        """True if this PE routes for the bridge domain."""
        return self.routing is not None

    def start(self) -> None:
        """Answer for the addresses, route what is sent to them, and say so as the mode demands."""
        if self.routing is None:
            return
        effects, bd, vrf = self._context.effects, self._config.bd, self.routing.table
        subnets: dict[IpNetwork, int | None] = {}
        for gateway in self._active:
            effects.set(GatewayMac(bd, gateway.mac, vrf.number))
            effects.set(GatewayAddress(bd, gateway.address.ip, gateway.mac, vrf.number))
            subnets.setdefault(gateway.address.network, gateway.local_preference)
            if gateway.mode is not GatewayMode.SILENT:
                community = gateway.mode is not GatewayMode.PLAIN
                effects.announce(
                    self._context.originator.gateway(
                        self._config, gateway.mac, gateway.address.ip, community=community
                    )
                )
        for subnet, local_preference in subnets.items():
            vrf.connect(subnet, bd, local_preference)

    def owns(self, ip: IpAddress) -> bool:
        """True for an address of this PE."""
        return ip in self._own

    def reserves(self, ip: IpAddress) -> bool:
        """True for the address of a gateway, be it active on this PE or on another one: no host has it."""
        return ip in self._by_ip

    def covers(self, ip: IpAddress) -> bool:
        """True for what may be a host's address here: in a known subnet, or any if none is known."""
        if not may_be_host(ip):
            return False
        if not self._config.gateways or (ip.version == 6 and ip.is_link_local):
            return True
        return any(ip in gateway.address.network for gateway in self._config.gateways)

    def facing(self, ip: IpAddress) -> GatewayConfig | None:
        """The gateway that speaks to a host: the first in its subnet, else the first of its IP version."""
        gateways = self._by_version.get(ip.version, ())
        if len(gateways) <= 1:
            return gateways[0] if gateways else None
        return next((g for g in gateways if ip in g.address.network), gateways[0])

    def check(self, path: MacPath) -> None:
        """Log another PE's gateway with an address that differs from ours (RFC 7432 §10.1)."""
        ip = path.ip
        if ip is None or self.owns(ip):
            return
        for gateway in self._active:
            if ip in gateway.address.network:
                self._context.effects.alarm(
                    AlarmCode.GATEWAY_MISMATCH,
                    (self._config.bd, path.pe, ip),
                    f"bd {self._config.bd}: {path.pe} is gateway with {ip}, we with {gateway.address.ip}",
                )
                return

    def withdrawn(self, path: MacPath) -> None:
        """Another PE's gateway is not there any more."""
        self._context.effects.clear_alarm(AlarmCode.GATEWAY_MISMATCH, (self._config.bd, path.pe, path.ip))

    def claimed_ip(
        self, ip: IpAddress, mac: int, *, ac: int | None = None, pe: IpAddress | None = None
    ) -> None:
        """Alarm: somebody who is no gateway uses one's address. In `PLAIN` mode peers look like that."""
        if pe is not None and self._by_ip[ip].mode is GatewayMode.PLAIN:
            return
        where = f"on ac {ac}" if pe is None else f"behind {pe}"
        self._context.effects.alarm(
            AlarmCode.GATEWAY_IP_CLAIMED,
            (self._config.bd, mac),
            f"bd {self._config.bd}: {mac_to_text(mac)} {where} claims the gateway's address {ip}",
        )

    def claimed_mac(self, mac: int, where: str) -> None:
        """Alarm: a host uses the MAC of a gateway (bis §10.1.1)."""
        self._context.effects.alarm(
            AlarmCode.GATEWAY_MAC_CLAIMED,
            (self._config.bd, mac),
            f"bd {self._config.bd}: {where} claims the gateway's MAC {mac_to_text(mac)}",
        )
