"""One EVPN PE: what it hears of beside what any does, and how it reads routes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Never, final

from controllers.bgp.routes import Route
from controllers.evpn import events as ev
from controllers.evpn.config import HostRouteCarrier, PeConfig, VrfConfig
from controllers.evpn.context import Context
from controllers.evpn.gateways import Routing
from controllers.evpn.importer import Facts, Importer
from controllers.evpn.mac_vrf import MacVrf
from controllers.evpn.originate import ETHERNET_TAG
from controllers.evpn.tasks import (
    AskWhereItIs,
    ForgetMoved,
    RefreshBinding,
    RetryDuplicate,
    RetryDuplicateIp,
    Task,
)
from controllers.pe.core import PeCore
from controllers.pe.intake import BadRouteError, Table
from controllers.pe.ip_paths import may_be_host
from controllers.pe.ip_vrf import IpVrf
from controllers.wire.evpn import InclusiveMulticast, IpPrefix, MacIpAdvertisement
from controllers.wire.types import RouteKey
from controllers.wire.vpn import VpnPrefix


@final
class EvpnPe(PeCore[PeConfig, MacVrf, Task, Never]):
    """The decision core of one PE."""

    def __init__(self, config: PeConfig) -> None:
        context = Context(config)
        self._importer = Importer(config)
        self.vrfs = {vrf.vrf: Routing(vrf, _ip_vrf(context, vrf)) for vrf in config.vrfs}
        self.bds = {
            bd.bd: MacVrf(context, bd, None if bd.vrf is None else self.vrfs[bd.vrf]) for bd in config.bds
        }
        super().__init__(context, self.bds.values(), {vrf: each.table for vrf, each in self.vrfs.items()})
        self._in_domain(ev.MacAged, lambda bd, event: bd.mac_aged(event.mac))
        self._in_domain(ev.NeighborSeen, lambda bd, event: bd.bindings.seen(event))
        self._in_domain(ev.GleanMissed, lambda bd, event: bd.bindings.glean(event.ip))
        self._in_domain(ev.ClearDuplicate, lambda bd, event: bd.clear_duplicate(event.mac))
        self._in_domain(ev.AddStaticMac, lambda bd, event: bd.add_static(event.ac, event.mac))
        self._in_domain(ev.RemoveStaticMac, lambda bd, event: bd.remove_static(event.mac))

    def _read(self, key: RouteKey, route: Route) -> Iterable[tuple[Table, Any]]:
        """Read a route for every table that imports it."""
        if self._importer.is_own(route):
            return ()
        facts = self._importer.facts(route.attributes)
        if not facts.bds and not facts.vrfs:
            return ()
        nlri = route.nlri
        if not facts.mpls:
            raise BadRouteError(f"{nlri}: wants a tunnel of another kind than MPLS (RFC 8365 §5.1.3)")
        match nlri:
            case MacIpAdvertisement(ethernet_tag=tag) if tag == ETHERNET_TAG:
                return self._read_mac(key, route, nlri, facts)
            case InclusiveMulticast(ethernet_tag=tag) if tag == ETHERNET_TAG:
                flood = self._importer.flood_path(key, route, nlri)
                return [(self.bds[bd].flooding, flood) for bd in facts.bds]
            case IpPrefix() if nlri.gateway is not None or not nlri.esi.is_zero:
                # RFC 9136 §3.2: an overlay index, and then the label means nothing.
                return ()
            case IpPrefix() | VpnPrefix():
                return [
                    (self.vrfs[vrf].table, self._importer.ip_path(key, route, nlri, facts))
                    for vrf in facts.vrfs
                ]
            case _:
                return ()

    def _read_mac(
        self, key: RouteKey, route: Route, nlri: MacIpAdvertisement, facts: Facts
    ) -> list[tuple[Table, Any]]:
        if nlri.ip is not None and not may_be_host(nlri.ip):
            raise BadRouteError(f"{nlri}: not the address of a host")
        bds = [self.bds[bd] for bd in facts.bds]
        found: list[tuple[Table, Any]] = [
            (bd, self._importer.mac_path(key, route, nlri, facts, bd.config.vrf)) for bd in bds
        ]
        if nlri.ip is None or nlri.label2 is None or facts.gateway or nlri.ip.is_link_local:
            return found
        # RFC 9135 §5.2: an IP-VRF that routes for the bridge domain hears of the host from there.
        routed = {bd.config.vrf for bd in bds if bd.gateways.active}
        for vrf in facts.vrfs:
            if vrf not in routed and self.vrfs[vrf].config.vmto.ingress:
                found.append((self.vrfs[vrf].table, self._importer.ip_path(key, route, nlri, facts)))
        return found

    def _run(self, task: Task) -> None:
        match task:
            case RefreshBinding(bd, ip):
                self.bds[bd].bindings.refresh(ip)
            case ForgetMoved(bd, ip):
                self.bds[bd].bindings.forget_moved(ip)
            case AskWhereItIs():
                self.bds[task.bd].bindings.ask_where_it_is(task)
            case RetryDuplicate(bd, mac):
                self.bds[bd].clear_duplicate(mac)
            case RetryDuplicateIp(bd, ip):
                self.bds[bd].bindings.clear_duplicate(ip)


def _ip_vrf(context: Context, config: VrfConfig) -> IpVrf:
    originator = context.originator
    originates_hosts = config.vmto.ingress and config.carrier is not HostRouteCarrier.TYPE2
    return IpVrf(
        config.vrf,
        context.effects,
        context.metrics,
        partial(originator.prefix, config),
        partial(originator.host, config) if originates_hosts else None,
    )
