"""Received routes, read for the tables they belong to: route targets matched, communities understood."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, final

from controllers.bgp.routes import Route
from controllers.evpn.config import PeConfig
from controllers.evpn.flooding import FloodPath
from controllers.evpn.mac_paths import MacPath
from controllers.intents import IpNetwork, Remote
from controllers.pe.intake import BadRouteError, service_label
from controllers.pe.ip_paths import IpPath, host_prefix
from controllers.wire.attributes import DEFAULT_LOCAL_PREF, PathAttributes
from controllers.wire.evpn import InclusiveMulticast, IpPrefix, MacIpAdvertisement
from controllers.wire.extended import (
    ArpNd,
    DefaultGateway,
    Encapsulation,
    ExtendedCommunity,
    MacMobility,
    TunnelType,
)
from controllers.wire.types import IpAddress, RouteKey, RouteTarget
from controllers.wire.vpn import VpnPrefix

CACHE_SIZE = 65536


class Facts(NamedTuple):
    """What the extended communities of a route say."""

    bds: tuple[int, ...]
    vrfs: tuple[int, ...]
    sequence: int
    sticky: bool
    gateway: bool
    flags: ArpNd | None
    tunnels: frozenset[int]

    @property
    def mpls(self) -> bool:
        """True if the route may be reached by MPLS, as it is where no tunnel is named (RFC 8365 §5.1.3)."""
        return not self.tunnels or TunnelType.MPLS in self.tunnels


@final
class Importer:
    """Which bridge domains and IP-VRFs import a route (RFC 4364 §4.3.1), and what it means there."""

    def __init__(self, config: PeConfig) -> None:
        self._loopback = config.loopback
        self._bds_of: dict[RouteTarget, tuple[int, ...]] = {}
        self._vrfs_of: dict[RouteTarget, tuple[int, ...]] = {}
        for bd in config.bds:
            for target in bd.import_rts:
                self._bds_of[target] = (*self._bds_of.get(target, ()), bd.bd)
        for vrf in config.vrfs:
            for target in vrf.import_rts:
                self._vrfs_of[target] = (*self._vrfs_of.get(target, ()), vrf.vrf)
        self._facts: dict[tuple[ExtendedCommunity, ...], Facts] = {}

    def facts(self, attributes: PathAttributes) -> Facts:
        """Read the extended communities, most often from memory: few combinations, many routes."""
        communities = attributes.extended_communities
        facts = self._facts.get(communities)
        if facts is None:
            if len(self._facts) >= CACHE_SIZE:
                self._facts.clear()
            facts = self._facts[communities] = self._read(communities)
        return facts

    def _read(self, communities: Iterable[ExtendedCommunity]) -> Facts:
        bds: list[int] = []
        vrfs: list[int] = []
        tunnels: set[int] = set()
        sequence, sticky, gateway, flags = 0, False, False, None
        for community in communities:
            match community:
                case RouteTarget():
                    bds += self._bds_of.get(community, ())
                    vrfs += self._vrfs_of.get(community, ())
                case MacMobility():
                    sequence, sticky = community.sequence, community.sticky
                case DefaultGateway():
                    gateway = True
                case ArpNd():
                    flags = community
                case Encapsulation():
                    tunnels.add(community.tunnel_type)
                case _:
                    pass
        unique_bds, unique_vrfs = tuple(dict.fromkeys(bds)), tuple(dict.fromkeys(vrfs))
        return Facts(unique_bds, unique_vrfs, sequence, sticky, gateway, flags, frozenset(tunnels))

    def is_own(self, route: Route) -> bool:
        """True for a route of this PE that a reflector sent back."""
        return route.next_hop == self._loopback

    def mac_path(
        self, key: RouteKey, route: Route, nlri: MacIpAdvertisement, facts: Facts, vrf: int | None
    ) -> MacPath:
        """Read a MAC/IP advertisement for a MAC-VRF whose gateway is in `vrf`. Raises BadRouteError.

        Label 2 counts only if the IP-VRF imports the route too (RFC 9135 §5.2).
        """
        if nlri.mac == 0 or nlri.mac >> 40 & 1:
            raise BadRouteError(f"{nlri}: not the MAC of a station")
        if facts.gateway and not nlri.esi.is_zero:
            raise BadRouteError(f"{nlri}: a default gateway on a segment (RFC 7432 §10.1 wants ESI 0)")
        attributes, flags = route.attributes, facts.flags
        return MacPath(
            key,
            _next_hop(route),
            nlri.mac,
            nlri.ip,
            service_label(nlri.label, nlri),
            None if nlri.label2 is None or vrf not in facts.vrfs else service_label(nlri.label2, nlri),
            nlri.esi,
            facts.sequence,
            facts.sticky,
            facts.gateway,
            DEFAULT_LOCAL_PREF if attributes.local_pref is None else attributes.local_pref,
            facts.gateway or (flags is not None and flags.router),
            flags is None or flags.override,
            flags is not None and flags.immutable,
        )

    def flood_path(self, key: RouteKey, route: Route, nlri: InclusiveMulticast) -> FloodPath:
        """Read where to send copies of BUM frames (RFC 7432 §11.2). Raises BadRouteError."""
        tunnel = route.attributes.pmsi_tunnel
        if tunnel is None or tunnel.endpoint is None:
            raise BadRouteError(f"{nlri}: no ingress replication in its PMSI tunnel attribute")
        return FloodPath(key, Remote(tunnel.endpoint, service_label(tunnel.label, nlri)))

    def ip_path(
        self, key: RouteKey, route: Route, nlri: MacIpAdvertisement | IpPrefix | VpnPrefix, facts: Facts
    ) -> IpPath:
        """Read a route for an IP-VRF. Raises BadRouteError."""
        attributes = route.attributes
        prefix: IpNetwork
        if isinstance(nlri, MacIpAdvertisement):
            if nlri.ip is None or nlri.label2 is None:
                raise BadRouteError(f"{nlri}: names no host of an IP-VRF")
            prefix, label = host_prefix(nlri.ip), nlri.label2
        else:
            prefix, label = nlri.prefix, nlri.label
        return IpPath(
            key=key,
            prefix=prefix,
            via=Remote(_next_hop(route), service_label(label, nlri)),
            evpn=not isinstance(nlri, VpnPrefix),
            sequence=facts.sequence,
            local_pref=DEFAULT_LOCAL_PREF if attributes.local_pref is None else attributes.local_pref,
            as_path_length=attributes.as_path_length if attributes.as_path else 0,
        )


def _next_hop(route: Route) -> IpAddress:
    if route.next_hop is None:
        raise BadRouteError(f"{route.nlri}: no next hop")
    return route.next_hop
