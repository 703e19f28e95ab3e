"""One VPLS PE: what it hears of beside what any does, and how it reads routes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, final

from controllers.bgp.routes import Route
from controllers.intents import Remote
from controllers.pe import events as ev
from controllers.pe.core import PeCore
from controllers.pe.intake import BadRouteError, Table, service_label
from controllers.pe.ip_paths import IpPath
from controllers.pe.ip_vrf import IpVrf
from controllers.vpls.config import L3vpnConfig, VplsPeConfig
from controllers.vpls.context import Context, RefreshHost, Task, VrrpTimer
from controllers.vpls.events import (
    GatewayHeld,
    SendGratuitous,
    SendVrrp,
    StopVrrp,
    TopologyChange,
    VrrpSeen,
)
from controllers.vpls.instance import Instance, SitePath
from controllers.vpls.originate import ENCAPSULATION_VPLS, SITE_DOWN, prefix_route
from controllers.wire.attributes import DEFAULT_LOCAL_PREF
from controllers.wire.extended import Layer2Info
from controllers.wire.types import LABEL_MAX, RouteKey
from controllers.wire.vpn import VplsBlock, VpnPrefix


@final
class VplsPe(PeCore[VplsPeConfig, Instance, Task, SendVrrp | SendGratuitous]):
    """The decision core of one PE."""

    def __init__(self, config: VplsPeConfig) -> None:
        context = Context(config)
        self.vrfs = {vrf.vrf: _ip_vrf(context, vrf) for vrf in config.vrfs}
        self.instances = {
            each.bd: Instance(context, each, None if each.vrf is None else self.vrfs[each.vrf])
            for each in config.instances
        }
        super().__init__(context, self.instances.values(), self.vrfs)
        self._in_domain(ev.MacAged, lambda instance, event: instance.macs.forget(event.mac))
        self._in_domain(ev.NeighborSeen, lambda instance, event: instance.neighbor_seen(event))
        self._in_domain(ev.GleanMissed, lambda instance, event: instance.glean(event.ip))
        self._in_domain(VrrpSeen, lambda instance, event: instance.vrrp_seen(event.advertisement))
        self._in_domain(GatewayHeld, lambda instance, event: instance.gateway_held(event.mac))
        self._in_domain(TopologyChange, lambda instance, _: instance.macs.flush_all())
        self._in_domain(StopVrrp, lambda instance, _: instance.stop_vrrp())

    def _read(self, key: RouteKey, route: Route) -> Iterable[tuple[Table, Any]]:
        """Read a route for every table that imports it (RFC 4761 §3.1, RFC 4364 §4.3.1)."""
        pe, attributes, nlri = route.next_hop, route.attributes, route.nlri
        if pe == self.config.loopback:
            return ()
        if pe is None:
            raise BadRouteError(f"{nlri}: no next hop")
        targets = attributes.route_targets
        local_pref = DEFAULT_LOCAL_PREF if attributes.local_pref is None else attributes.local_pref
        match nlri:
            case VplsBlock():
                info = attributes.find(Layer2Info) or Layer2Info()
                _check_block(nlri, info)
                path = SitePath(
                    key, pe, nlri, info.preference or local_pref, bool(info.control_flags & SITE_DOWN)
                )
                importers = [i for i in self.config.instances if not targets.isdisjoint(i.import_rts)]
                return [(self.instances[instance.bd], path) for instance in importers]
            case VpnPrefix(prefix=prefix, label=label):
                via = Remote(pe, service_label(label, nlri))
                length = attributes.as_path_length if attributes.as_path else 0
                return [
                    (self.vrfs[vrf.vrf], IpPath(key, prefix, via, False, 0, local_pref, length))
                    for vrf in self.config.vrfs
                    if not targets.isdisjoint(vrf.import_rts)
                ]
            case _:
                return ()

    def _run(self, task: Task) -> None:
        gateways = self.instances[task.bd].gateways
        match task:
            case RefreshHost(_, ip):
                gateways[ip.version].hosts.refresh(ip)
            case VrrpTimer(_, version):
                gateways[version].tick()


def _check_block(block: VplsBlock, info: Layer2Info) -> None:
    """Refuse labels that cannot carry a pseudo-wire, and sites of other services. Raises BadRouteError."""
    service_label(block.label_base, block)
    if block.label_base + block.block_size - 1 > LABEL_MAX:
        raise BadRouteError(f"{block}: labels from {block.label_base} on do not fit into 20 bits")
    if info.encapsulation != ENCAPSULATION_VPLS:
        # RFC 4761 §3.2.4; layer-2 VPNs have NLRI of the same form.
        raise BadRouteError(f"{block}: encapsulation {info.encapsulation} is not that of a VPLS")


def _ip_vrf(context: Context, config: L3vpnConfig) -> IpVrf:
    route = partial(prefix_route, config, context.config.loopback)
    return IpVrf(config.vrf, context.effects, context.metrics, route)
