"""The controller of a PE: events from its switch and from BGP in, decisions out to both."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, final

from controllers.dataplane import frames
from controllers.dataplane.entity import TableEntry
from controllers.dataplane.local import ControllerChannel, CoreInterface, RouterAddress
from controllers.dataplane.p4runtime import Program
from controllers.dataplane.pe import MAC_LEARN_DIGEST, PeRenderer
from controllers.dataplane.plane import Keyed
from controllers.dataplane.reports import PuntReason
from controllers.evpn import events as ev
from controllers.evpn import outputs as out
from controllers.evpn.config import AcConfig, HostRouteCarrier
from controllers.evpn.pe import EvpnPe
from controllers.intents import Set, Unset
from controllers.runtime.bgp import PeerConfig, PeerEvent, RouteEvent, Speaker, SpeakerConfig
from controllers.runtime.bgp.reflectors import ReflectorKind, export_policy, supported_families
from controllers.runtime.config import BgpConfig, PeSetup
from controllers.runtime.switch import Observer, SwitchController
from controllers.underlay.lsdb import LinkState
from controllers.underlay.transport import interfaces, transport_labels, tunnels
from controllers.wire.types import EVPN, RT_CONSTRAINT, VPNV4, VPNV6, Family

log = logging.getLogger(__name__)

_TRANSMIT, _BRIDGE = 0, 2
"""`packet_out.operation`."""

_NEIGHBOR_REASONS: Final = (PuntReason.ARP, PuntReason.ND, PuntReason.RARP)

_WAKE_SLACK: Final = 1e-4
"""Seconds that a timer of the event loop may be early."""


@final
class PeController:
    """One PE: its decision core, its switch, its BGP speaker. It hears of other PEs by BGP alone."""

    def __init__(
        self, setup: PeSetup, bgp: BgpConfig, link_state: LinkState, program: Program, observer: Observer
    ) -> None:
        self.core = EvpnPe(setup.evpn)
        self.switch = SwitchController(setup.switch, program, PeRenderer(), self, observer)
        self.speaker = Speaker(
            _speaker(setup, bgp), on_routes=self._routes, on_peer=self._peer, on_end_of_rib=self._handle
        )
        self.connected = asyncio.Event()
        """Set while the session with the reflector is up."""
        self._acs: dict[int, AcConfig] = {ac.ac: ac for bd in setup.evpn.bds for ac in bd.acs}
        self._down: set[int] = set()
        self._wake: asyncio.TimerHandle | None = None
        self._carry_out: dict[type, Callable[[Any], None]] = {
            Set: lambda output: self.switch.set(output.obj),
            Unset: lambda output: self.switch.unset(output.key),
            out.Announce: self._announce,
            out.Withdraw: self._withdraw,
            out.Probe: self._probe,
            out.Alarm: self._alarm,
            out.Note: self._note,
            out.WakeAt: self._wake_at,
        }
        self.switch.set(ControllerChannel(digests=(MAC_LEARN_DIGEST,)))
        for interface in interfaces(link_state, setup.switch.name):
            self.switch.set(CoreInterface(interface.port, interface.mac))
        for vrf in setup.evpn.vrfs:
            self.switch.set(RouterAddress(vrf.vrf, link_state.by_name[setup.switch.name].loopback))
        self._topology = link_state

    async def start(self) -> None:
        """Bring up what is configured, and BGP. Raises OSError if BGP's address cannot be bound."""
        self.topology(self._topology)
        self._do(self.core.start(_now()))
        await self.speaker.start()

    async def stop(self) -> None:
        """End BGP; the switch forwards on."""
        if self._wake is not None:
            self._wake.cancel()
        await self.speaker.stop()

    def topology(self, link_state: LinkState) -> None:
        """The WAN changed: new tunnels first, then those that cannot be reached any more."""
        name = self.switch.config.name
        paths: list[Keyed] = [*tunnels(link_state, name), *transport_labels(link_state, name)]
        self.switch.replace(("tunnel", "transport-label"), paths)
        for node in link_state.nodes:
            if not node.transit and node.name != name:
                metric = link_state.distances_to(node.name).get(name)
                self._handle(ev.NextHopChanged(node.loopback, metric))

    # -- from the switch (controllers.runtime.switch.Decisions) ----------------------------------------------

    def carrier(self, port: int, up: bool) -> None:
        """Circuits are up at the start; what changes is told."""
        for ac in [ac for ac in self._acs.values() if ac.port == port]:
            if up and ac.ac in self._down:
                self._down.discard(ac.ac)
                self._handle(ev.AcUp(ac.ac))
            elif not up and ac.ac not in self._down:
                self._down.add(ac.ac)
                self._handle(ev.AcDown(ac.ac))

    def digest(self, _name: str, samples: list[dict[str, int]]) -> None:
        """MACs that are new, or came in elsewhere."""
        for sample in samples:
            self._handle(ev.MacLearned(sample["bridge_domain"], sample["attachment"], sample["mac"]))

    def idle(self, entries: list[TableEntry]) -> None:
        """Local MACs that have been silent."""
        for entry in entries:
            match: dict[str, Any] = dict(entry.match)
            if entry.table == "source_mac":
                self._handle(ev.MacAged(match["bridge_domain"], match["mac"]))

    def packet_in(self, metadata: dict[str, int], packet: bytes) -> None:
        """ARP, ND, RARP from circuits, and packets to a neighbour that is not known."""
        bd, ac = metadata["bridge_domain"], metadata["attachment"]
        if metadata["reason"] == PuntReason.GLEAN:
            target = frames.destination(packet)
            if target is not None:
                self._handle(ev.GleanMissed(bd, target))
        elif metadata["reason"] in _NEIGHBOR_REASONS:
            match frames.parse(packet):
                case frames.RarpMessage(mac):
                    self._handle(ev.RarpSeen(bd, ac, mac))
                case frames.NeighborMessage(kind, mac, ip, target, router, override):
                    self._handle(ev.NeighborSeen(bd, ac, kind, mac, ip, target, router, override))

    # -- from BGP ------------------------------------------------------------------------------------------

    def _routes(self, events: Sequence[RouteEvent]) -> None:
        self.switch.stamp("received", routes=len(events), first=str(events[0].nlri))
        for event in events:
            self._handle(event)

    def _peer(self, event: PeerEvent) -> None:
        self.switch.stamp("bgp up" if event.up else "bgp down", peer=str(event.peer), reason=event.reason)
        (self.connected.set if event.up else self.connected.clear)()
        self._handle(event)

    # -- decisions -----------------------------------------------------------------------------------------

    def _handle(self, event: ev.Event) -> None:
        self._do(self.core.handle(event, _now()))

    def _do(self, outputs: Iterable[out.Output]) -> None:
        for output in outputs:
            self._carry_out[type(output)](output)

    def _announce(self, announce: out.Announce) -> None:
        self.switch.stamp("advertised", route=str(announce.route.nlri))
        self.speaker.announce(announce.route)

    def _withdraw(self, withdraw: out.Withdraw) -> None:
        self.switch.stamp("withdrawn", route=str(withdraw.key))
        self.speaker.withdraw(withdraw.key)

    def _probe(self, probe: out.Probe) -> None:
        frame = frames.solicit(probe.ip, probe.source_mac, probe.source_ip, probe.mac)
        if probe.remote:
            self.switch.session.packet_out(frame, {"operation": _BRIDGE, "bridge_domain": probe.bd})
            return
        for ac in (self._acs[number] for number in probe.acs):
            header = {"operation": _TRANSMIT, "port": ac.port}
            vlan = ac.vlan if ac.egress_vlan is None else ac.egress_vlan
            self.switch.session.packet_out(frames.tagged(frame, vlan), header)

    def _alarm(self, alarm: out.Alarm) -> None:
        log.warning("%s: %s%s", self.switch.config.name, "cleared: " if alarm.cleared else "", alarm.text)
        self.switch.stamp("alarm", code=str(alarm.code), text=alarm.text, cleared=alarm.cleared)

    def _note(self, note: out.Note) -> None:
        details = {"bd": note.bd, "mac": note.mac, "ip": note.ip, "detail": note.detail}
        self.switch.stamp(note.step, **{name: value for name, value in details.items() if value})

    def _wake_at(self, wake: out.WakeAt) -> None:
        if self._wake is not None:
            self._wake.cancel()
        self._wake = asyncio.get_running_loop().call_at(wake.at + _WAKE_SLACK, self._tick)

    def _tick(self) -> None:
        self._wake = None
        self._handle(ev.Tick())


def _now() -> float:
    return asyncio.get_running_loop().time()


def families(setup: PeSetup, kind: ReflectorKind) -> tuple[Family, ...]:
    """What a PE exchanges with its reflector, as far as that can carry it."""
    wanted: tuple[Family, ...] = (EVPN, RT_CONSTRAINT)
    if any(vrf.carrier is HostRouteCarrier.VPN for vrf in setup.evpn.vrfs):
        wanted += (VPNV4, VPNV6)
    return tuple(family for family in wanted if family in supported_families(kind))


def _speaker(setup: PeSetup, bgp: BgpConfig) -> SpeakerConfig:
    peer = PeerConfig(
        bgp.reflector,
        bgp.asn,
        bgp.port,
        families(setup, bgp.kind),
        export_policy=export_policy(bgp.kind),
        hold_time=int(bgp.times.hold),
        retry_first=bgp.times.connect_retry,
    )
    loopback = setup.evpn.loopback
    if loopback.version != 4:
        raise ValueError(
            f"{setup.switch.name}: the loopback {loopback} is not IPv4, which a router id is made of"
        )
    return SpeakerConfig(bgp.asn, loopback, loopback, bgp.port, (peer,), listen=False)
