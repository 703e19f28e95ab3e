"""One PE: events in, outputs out. Deterministic, without I/O and without a clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, final

from controllers.bgp.routes import EndOfRibEvent, PeerEvent, Route, RouteEvent
from controllers.evpn import events as ev
from controllers.evpn.config import BdConfig, HostRouteCarrier, PeConfig, VrfConfig
from controllers.evpn.context import Context
from controllers.evpn.gateways import Routing
from controllers.evpn.importer import Facts, Importer
from controllers.evpn.mac_vrf import MacVrf
from controllers.evpn.originate import ETHERNET_TAG, Originator
from controllers.evpn.tasks import (
    DropStale,
    ForgetMoved,
    RefreshBinding,
    RetryDuplicate,
    RetryDuplicateIp,
    Task,
)
from controllers.intents import IpVrf as IpVrfLabel
from controllers.intents import ServiceLabel
from controllers.pe.intake import Intake, Table
from controllers.pe.ip_vrf import IpVrf
from controllers.pe.outputs import Output, WakeAt
from controllers.wire.evpn import InclusiveMulticast, IpPrefix, MacIpAdvertisement
from controllers.wire.types import RouteKey
from controllers.wire.vpn import VpnPrefix


@final
class EvpnPe:
    """The decision core of one PE. `start` once, then `handle` each event with the time it happened at."""

    def __init__(self, config: PeConfig) -> None:
        self.config = config
        self._context = Context(config, Originator(config))
        self._importer = Importer(config)
        self.vrfs = {vrf.vrf: Routing(vrf, self._ip_vrf(vrf)) for vrf in config.vrfs}
        self.bds = {
            bd.bd: MacVrf(self._context, bd, None if bd.vrf is None else self.vrfs[bd.vrf])
            for bd in config.bds
        }
        self._bd_of_ac = {ac.ac: self.bds[bd.bd] for bd in config.bds for ac in bd.acs}
        self._intake = Intake(self._context.effects, self._read)
        self._wake: float | None = None
        self._handlers: Final[dict[type, Callable[[Any], None]]] = {
            RouteEvent: self._intake.route,
            PeerEvent: self._peer_event,
            EndOfRibEvent: self._intake.end_of_rib,
            ev.MacLearned: self._mac_learned,
            ev.MacAged: self._mac_aged,
            ev.NeighborSeen: self._neighbor_seen,
            ev.RarpSeen: self._mac_learned,
            ev.GleanMissed: self._glean_missed,
            ev.AcUp: self._ac_up,
            ev.AcDown: self._ac_down,
            ev.NextHopChanged: self._next_hop_changed,
            ev.Tick: self._tick,
            ev.ClearDuplicate: self._clear_duplicate,
            ev.AddStaticMac: self._add_static,
            ev.RemoveStaticMac: self._remove_static,
        }

    def _ip_vrf(self, config: VrfConfig) -> IpVrf:
        context, originator = self._context, self._context.originator
        originates_hosts = config.vmto.ingress and config.carrier is not HostRouteCarrier.TYPE2
        return IpVrf(
            config.vrf,
            context.effects,
            context.metrics,
            partial(originator.prefix, config),
            partial(originator.host, config) if originates_hosts else None,
        )

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
        tables: tuple[BdConfig | VrfConfig, ...] = (*self.config.bds, *self.config.vrfs)
        for target in sorted({target for table in tables for target in table.import_rts}):
            self._context.effects.announce(self._context.originator.membership(self.config.asn, target))
        for config, table in self.vrfs.values():
            self._context.effects.set(ServiceLabel(config.label, IpVrfLabel(config.vrf)))
            for prefix in config.prefixes:
                table.connect(prefix, None, None)
        for bd in self.bds.values():
            bd.start()
        return self._finish()

    def handle(self, event: ev.Event, now: float) -> list[Output]:
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
        """Read a route for every table that imports it."""
        if self._importer.is_own(route):
            return ()
        facts = self._importer.facts(route.attributes)
        if not facts.bds and not facts.vrfs:
            return ()
        nlri = route.nlri
        match nlri:
            case MacIpAdvertisement(ethernet_tag=tag) if tag == ETHERNET_TAG:
                return self._read_mac(key, route, nlri, facts)
            case InclusiveMulticast(ethernet_tag=tag) if tag == ETHERNET_TAG:
                flood = self._importer.flood_path(key, route, nlri)
                return [(self.bds[bd].flooding, flood) for bd in facts.bds]
            case IpPrefix(gateway=None) | VpnPrefix():
                return [
                    (self.vrfs[vrf].table, self._importer.ip_path(key, route, nlri, facts))
                    for vrf in facts.vrfs
                ]
            case _:
                return ()

    def _read_mac(
        self, key: RouteKey, route: Route, nlri: MacIpAdvertisement, facts: Facts
    ) -> list[tuple[Table, Any]]:
        bds = [self.bds[bd] for bd in facts.bds]
        found: list[tuple[Table, Any]] = [
            (bd, self._importer.mac_path(key, route, nlri, facts, bd.config.vrf)) for bd in bds
        ]
        if nlri.ip is None or nlri.label2 is None or not facts.vrfs or facts.gateway:
            return found
        # RFC 9135 §5.2: an IP-VRF that routes for the bridge domain hears of the host from there.
        routed = {bd.config.vrf for bd in bds if bd.gateways.active}
        for vrf in facts.vrfs:
            if vrf not in routed and self.vrfs[vrf].config.vmto.ingress:
                found.append((self.vrfs[vrf].table, self._importer.ip_path(key, route, nlri, facts)))
        return found

    def _peer_event(self, event: PeerEvent) -> None:
        stale_time = self.config.stale_time
        if stale_time > 0:
            self._intake.peer(event)
            self._context.agenda.schedule(DropStale(), self._context.now + stale_time)

    def _next_hop_changed(self, event: ev.NextHopChanged) -> None:
        self._context.metrics[event.pe] = event.metric
        for bd in self.bds.values():
            bd.next_hop_changed(event.pe)
        for vrf in self.vrfs.values():
            vrf.table.next_hop_changed(event.pe)

    # --- circuits and hosts ---------------------------------------------------------------------------------

    def _mac_learned(self, event: ev.MacLearned | ev.RarpSeen) -> None:
        bd = self.bds.get(event.bd)
        if bd is not None:
            bd.mac_learned(event.ac, event.mac)

    def _mac_aged(self, event: ev.MacAged) -> None:
        bd = self.bds.get(event.bd)
        if bd is not None:
            bd.mac_aged(event.mac)

    def _neighbor_seen(self, event: ev.NeighborSeen) -> None:
        bd = self.bds.get(event.bd)
        if bd is not None:
            bd.bindings.seen(event)

    def _glean_missed(self, event: ev.GleanMissed) -> None:
        bd = self.bds.get(event.bd)
        if bd is not None:
            bd.bindings.glean(event.ip)

    def _ac_up(self, event: ev.AcUp) -> None:
        bd = self._bd_of_ac.get(event.ac)
        if bd is not None:
            bd.set_ac(event.ac, up=True)

    def _ac_down(self, event: ev.AcDown) -> None:
        bd = self._bd_of_ac.get(event.ac)
        if bd is not None:
            bd.set_ac(event.ac, up=False)

    # --- time and the operator ------------------------------------------------------------------------------

    def _tick(self, _: ev.Tick) -> None:
        self._wake = None
        for task in self._context.agenda.due(self._context.now):
            self._run(task)

    def _run(self, task: Task) -> None:
        match task:
            case RefreshBinding(bd, ip):
                self.bds[bd].bindings.refresh(ip)
            case ForgetMoved(bd, ip):
                self.bds[bd].bindings.forget_moved(ip)
            case RetryDuplicate(bd, mac):
                self.bds[bd].clear_duplicate(mac)
            case RetryDuplicateIp(bd, ip):
                self.bds[bd].bindings.clear_duplicate(ip)
            case DropStale():
                self._intake.drop_stale()

    def _clear_duplicate(self, event: ev.ClearDuplicate) -> None:
        bd = self.bds.get(event.bd)
        if bd is not None:
            bd.clear_duplicate(event.mac)

    def _add_static(self, event: ev.AddStaticMac) -> None:
        bd = self.bds.get(event.bd)
        if bd is not None:
            bd.add_static(event.ac, event.mac)

    def _remove_static(self, event: ev.RemoveStaticMac) -> None:
        bd = self.bds.get(event.bd)
        if bd is not None:
            bd.remove_static(event.mac)
