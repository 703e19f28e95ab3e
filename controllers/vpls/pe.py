"""One VPLS PE: events in, outputs out. Deterministic, without I/O and without a clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, final

from controllers.bgp.routes import EndOfRibEvent, PeerEvent, Route, RouteEvent
from controllers.intents import IpVrf as IpVrfLabel
from controllers.intents import Remote, ServiceLabel
from controllers.pe import events as ev
from controllers.pe.intake import BadRouteError, Intake, Table, service_label
from controllers.pe.ip_paths import IpPath
from controllers.pe.ip_vrf import IpVrf
from controllers.pe.outputs import WakeAt
from controllers.vpls.config import L3vpnConfig, VplsPeConfig
from controllers.vpls.context import Context, DropStale, RefreshHost, VrrpTimer
from controllers.vpls.events import Event, Output, StopVrrp, VrrpSeen
from controllers.vpls.instance import Instance, SitePath
from controllers.vpls.originate import SITE_DOWN, membership_route, prefix_route
from controllers.wire.attributes import DEFAULT_LOCAL_PREF
from controllers.wire.extended import Layer2Info
from controllers.wire.types import RouteKey, RouteTarget
from controllers.wire.vpn import VplsBlock, VpnPrefix


@final
class VplsPe:
    """The decision core of one PE. `start` once, then `handle` each event with the time it happened at."""

    def __init__(self, config: VplsPeConfig) -> None:
        self.config = config
        self._context = Context(config)
        self.vrfs = {vrf.vrf: self._ip_vrf(vrf) for vrf in config.vrfs}
        self.instances = {
            each.bd: Instance(self._context, each, None if each.vrf is None else self.vrfs[each.vrf])
            for each in config.instances
        }
        self._instance_of_ac = {ac.ac: self.instances[i.bd] for i in config.instances for ac in i.acs}
        self._intake = Intake(self._context.effects, self._read)
        self._wake: float | None = None
        self._handlers: Final[dict[type, Callable[[Any], None]]] = {
            RouteEvent: self._intake.route,
            PeerEvent: self._peer_event,
            EndOfRibEvent: self._intake.end_of_rib,
            ev.MacLearned: self._mac_learned,
            ev.RarpSeen: self._mac_learned,
            ev.MacAged: self._mac_aged,
            ev.NeighborSeen: self._neighbor_seen,
            ev.GleanMissed: self._glean_missed,
            ev.AcUp: self._ac_up,
            ev.AcDown: self._ac_down,
            ev.NextHopChanged: self._next_hop_changed,
            ev.Tick: self._tick,
            VrrpSeen: self._vrrp_seen,
            StopVrrp: self._stop_vrrp,
        }

    def _ip_vrf(self, config: L3vpnConfig) -> IpVrf:
        context = self._context
        route = partial(prefix_route, config, self.config.loopback)
        return IpVrf(config.vrf, context.effects, context.metrics, route)

    @property
    def desired(self) -> tuple[object, ...]:
        """The whole desired state, for a switch that starts anew."""
        return tuple(self._context.effects.desired.values())

    @property
    def originated(self) -> tuple[Route, ...]:
        """Every route this PE announces, for a session that starts anew."""
        return tuple(self._context.effects.originated.values())

    def start(self, now: float) -> list[Output]:
        """Bring up what the configuration names."""
        self._context.now = now
        effects, config = self._context.effects, self.config
        targets: set[RouteTarget] = set()
        for instance in config.instances:
            targets.update(instance.import_rts)
        for vrf in config.vrfs:
            targets.update(vrf.import_rts)
        for target in sorted(targets):
            effects.announce(membership_route(config.asn, config.loopback, target))
        for vrf in config.vrfs:
            effects.set(ServiceLabel(vrf.label, IpVrfLabel(vrf.vrf)))
            for prefix in vrf.prefixes:
                self.vrfs[vrf.vrf].connect(prefix, None, None)
        for each in self.instances.values():
            each.start()
        return self._finish()

    def handle(self, event: Event, now: float) -> list[Output]:
        """Decide what follows from one event. Events about what is not configured here lead to nothing."""
        self._context.now = now
        self._handlers[type(event)](event)
        return self._finish()

    def _finish(self) -> list[Output]:
        wake = self._context.agenda.next_time()
        if wake is not None and wake != self._wake:
            self._context.effects.emit(WakeAt(wake))
        self._wake = wake
        return self._context.effects.take()

    # --- routes ---------------------------------------------------------------------------------------------

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
            case VplsBlock(label_base=label):
                service_label(label, nlri)
                info = attributes.find(Layer2Info) or Layer2Info()
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

    def _peer_event(self, event: PeerEvent) -> None:
        if self.config.stale_time > 0:
            self._intake.peer(event)
            self._context.agenda.schedule(DropStale(), self._context.now + self.config.stale_time)

    def _next_hop_changed(self, event: ev.NextHopChanged) -> None:
        self._context.metrics[event.pe] = event.metric
        for instance in self.instances.values():
            instance.next_hop_changed(event.pe)
        for vrf in self.vrfs.values():
            vrf.next_hop_changed(event.pe)

    # --- frames ---------------------------------------------------------------------------------------------

    def _mac_learned(self, event: ev.MacLearned | ev.RarpSeen) -> None:
        instance = self.instances.get(event.bd)
        if instance is not None:
            instance.mac_learned(event.ac, event.mac)

    def _mac_aged(self, event: ev.MacAged) -> None:
        instance = self.instances.get(event.bd)
        if instance is not None:
            instance.macs.forget(event.mac)

    def _neighbor_seen(self, event: ev.NeighborSeen) -> None:
        instance = self.instances.get(event.bd)
        if instance is None:
            return
        if event.kind is ev.NeighborKind.PROBE:
            instance.mac_learned(event.ac, event.mac)
        else:
            instance.neighbor_seen(event.ac, event.mac, event.ip)

    def _glean_missed(self, event: ev.GleanMissed) -> None:
        instance = self.instances.get(event.bd)
        if instance is not None and instance.gateway is not None:
            instance.gateway.hosts.glean(event.ip)

    def _ac_up(self, event: ev.AcUp) -> None:
        instance = self._instance_of_ac.get(event.ac)
        if instance is not None:
            instance.set_ac(event.ac, up=True)

    def _ac_down(self, event: ev.AcDown) -> None:
        instance = self._instance_of_ac.get(event.ac)
        if instance is not None:
            instance.set_ac(event.ac, up=False)

    def _vrrp_seen(self, event: VrrpSeen) -> None:
        instance = self.instances.get(event.bd)
        if instance is not None and instance.gateway is not None:
            instance.gateway.heard(event.advertisement)

    def _stop_vrrp(self, event: StopVrrp) -> None:
        instance = self.instances.get(event.bd)
        if instance is not None and instance.gateway is not None:
            instance.gateway.stop()

    # --- time -----------------------------------------------------------------------------------------------

    def _tick(self, _: ev.Tick) -> None:
        self._wake = None
        for task in self._context.agenda.due(self._context.now):
            match task:
                case RefreshHost(bd, ip):
                    gateway = self.instances[bd].gateway
                    if gateway is not None:
                        gateway.hosts.refresh(ip)
                case VrrpTimer(bd):
                    gateway = self.instances[bd].gateway
                    if gateway is not None:
                        gateway.tick()
                case DropStale():
                    self._intake.drop_stale()
