"""The controller of a PE: events from its switch and from BGP in, decisions out to both."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, final

from controllers.dataplane import frames
from controllers.dataplane.adoption import learned, neighbors, routed
from controllers.dataplane.entity import Entity, TableEntry
from controllers.dataplane.local import ControllerChannel, CoreInterface, RouterAddress
from controllers.dataplane.p4runtime import Program
from controllers.dataplane.pe import MAC_LEARN_DIGEST, PeRenderer
from controllers.dataplane.plane import Keyed
from controllers.dataplane.reports import PuntReason
from controllers.evpn.config import HostRouteCarrier
from controllers.evpn.events import AddStaticMac, ClearDuplicate, RemoveStaticMac
from controllers.evpn.pe import EvpnPe
from controllers.intents import Set, Unset
from controllers.pe import events as ev
from controllers.pe import outputs as out
from controllers.pe.config import AcConfig
from controllers.pe.core import Core
from controllers.runtime.bgp import EndOfRibEvent, PeerConfig, PeerEvent, RouteEvent, Speaker, SpeakerConfig
from controllers.runtime.bgp.reflectors import ReflectorKind, export_policy, supported_families
from controllers.runtime.bgp.rules import policy
from controllers.runtime.config import BgpConfig, CoreConfig, PeSetup
from controllers.runtime.lull import Lull
from controllers.runtime.switch import Observer, SwitchController
from controllers.underlay.lsdb import LinkState
from controllers.underlay.transport import interfaces, transport_labels, tunnels
from controllers.vpls import vrrp_packet
from controllers.vpls.config import VplsPeConfig
from controllers.vpls.events import GatewayHeld, SendGratuitous, SendVrrp, TopologyChange, VrrpSeen
from controllers.vpls.pe import VplsPe
from controllers.wire.types import EVPN, RT_CONSTRAINT, VPLS, VPNV4, VPNV6, Family, RouteKey, mac_to_text

log = logging.getLogger(__name__)

_TRANSMIT, _BRIDGE = 0, 2
"""`packet_out.operation`."""

_NEIGHBOR_REASONS: Final = (PuntReason.ARP, PuntReason.ND, PuntReason.RARP)

RESTORE_SETTLE: Final = 4.0
"""Seconds from the End-of-RIB of a reflector until what it did not mention counts as gone: to one that was
away other PEs may come later than this one."""

ADOPTION_SETTLE: Final = 0.5
"""Seconds from the reflector's End-of-RIB until adopted tables are brought to the desired state."""

GATEWAY_SETTLE: Final = 4.5
"""The same where VRRP must find out first who the master is, from three advertisements that do not come (RFC
5798 §6.4.2)."""

ADOPTION_PATIENCE: Final = 20.0
"""Seconds that adopted tables are left alone if there is no End-of-RIB (RFC 4724 §4.1)."""

WITHDRAW_QUIET: Final = 0.05
WITHDRAW_LIMIT: Final = 5.0
"""Seconds of a lull after which superseded routes are withdrawn, and seconds after the first one until they
are in any case: while machines move, all PEs have better things to do than to hear of routes nobody uses."""

_WAKE_SLACK: Final = 1e-4
"""Seconds that a timer of the event loop may be early."""


@final
class PeController:
    """One PE: its decision core, its switch, its BGP speaker. It hears of other PEs by BGP alone."""

    def __init__(
        self, setup: PeSetup, bgp: BgpConfig, link_state: LinkState, program: Program, observer: Observer
    ) -> None:
        self.core = _core(setup.core)
        renderer = PeRenderer(watch_ports=program.watch_ports)
        self.switch = SwitchController(setup.switch, program, renderer, self, observer)
        self.speaker = Speaker(
            _speaker(setup, bgp), on_routes=self._routes, on_peer=self._peer, on_end_of_rib=self._end_of_rib
        )
        self.connected = asyncio.Event()
        """Set while the session with the reflector is up."""
        self._acs: dict[int, AcConfig] = {ac.ac: ac for ac in setup.core.acs}
        self._down: set[int] = set()
        self._wake: asyncio.TimerHandle | None = None
        self._release: asyncio.TimerHandle | None = None
        self._superseded: dict[RouteKey, None] = {}
        self._lull = Lull(self._withdraw_superseded, quiet=WITHDRAW_QUIET, limit=WITHDRAW_LIMIT)
        self._completing: dict[Family, asyncio.TimerHandle] = {}
        self._awaited = set(families(setup, bgp.kind)) - {RT_CONSTRAINT}
        """Families whose End-of-RIB is to come."""
        self._speaking: asyncio.Task[None] | None = None
        self._carry_out: dict[type, Callable[[Any], None]] = {
            Set: lambda output: self.switch.set(output.obj),
            Unset: lambda output: self.switch.unset(output.key),
            out.Announce: self._announce,
            out.Withdraw: self._withdraw,
            out.Probe: self._probe,
            out.Alarm: self._alarm,
            out.Note: self._note,
            out.WakeAt: self._wake_at,
            SendVrrp: self._send_vrrp,
            SendGratuitous: self._send_gratuitous,
        }
        self.switch.set(ControllerChannel((MAC_LEARN_DIGEST,), program.digest_list))
        for interface in interfaces(link_state, setup.switch.name):
            self.switch.set(CoreInterface(interface.port, interface.mac))
        for vrf in setup.core.vrfs:
            self.switch.set(RouterAddress(vrf.vrf, link_state.by_name[setup.switch.name].loopback))
        self._topology = link_state

    def start(self) -> None:
        """Bring up what is configured. BGP follows once the switch has told what it holds."""
        self.topology(self._topology)
        self._do(self.core.start(_now()))

    async def stop(self) -> None:
        """End BGP with a word to the neighbours; the switch forwards on."""
        self._end()
        await self.speaker.stop()

    def abort(self) -> None:
        """End as a process does that is killed: neighbours find their connections broken (RFC 4724 §4.2)."""
        self._end()
        self.speaker.abort()

    def _end(self) -> None:
        self._lull.cancel()
        for timer in (self._wake, self._release, self._speaking, *self._completing.values()):
            if timer is not None:
                timer.cancel()

    def topology(self, link_state: LinkState) -> None:
        """The WAN changed: new tunnels first, then those that cannot be reached any more."""
        name = self.switch.config.name
        paths: list[Keyed] = [*tunnels(link_state, name), *transport_labels(link_state, name)]
        self.switch.replace(("tunnel", "transport-label"), paths)
        for node in link_state.nodes:
            if not node.transit and node.name != name:
                metric = link_state.distances_to(node.name).get(name)
                self._handle(ev.NextHopChanged(node.loopback, metric))

    def order(self, order: AddStaticMac | RemoveStaticMac | ClearDuplicate | TopologyChange) -> None:
        """What an operator or a spanning tree says; nothing follows where there is no such thing."""
        self._do(self.core.handle(order, _now()))

    # -- from the switch (controllers.runtime.switch.Decisions) ----------------------------------------------

    def adopt(self, present: list[Entity]) -> bool:
        """Go on with what an earlier controller learned and held, and leave all else until BGP is heard.

        What is behind a circuit that went down meanwhile is not there any more.
        """
        for host in learned(present):
            if host.attachment not in self._down:
                self._handle(ev.MacLearned(host.bd, host.attachment, host.mac))
        for bd, ac, mac, ip, router, override in neighbors(present):
            if ac not in self._down:
                kind = ev.NeighborKind.REPLY
                self._handle(ev.NeighborSeen(bd, ac, kind, mac, ip, ip, router, override))
        for bd, mac in routed(present):
            self._handle(GatewayHeld(bd, mac))
        left_behind = any(isinstance(entity, TableEntry) for entity in present)
        self._speaking = asyncio.ensure_future(self.speaker.start(resumed=left_behind))
        if left_behind:
            self._release_after(ADOPTION_PATIENCE)
        return left_behind

    def _release_after(self, seconds: float) -> None:
        if self._release is not None:
            self._release.cancel()
        self._release = asyncio.get_running_loop().call_later(seconds, self.switch.release)

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
        """ARP, ND, RARP and VRRP from circuits and pseudo-wires, packets to a neighbour that is not known."""
        bd, ac = metadata["bridge_domain"], metadata["attachment"]
        if metadata["reason"] == PuntReason.GLEAN:
            target = frames.destination(packet)
            if target is not None:
                self._handle(ev.GleanMissed(bd, target))
        elif metadata["reason"] == PuntReason.VRRP:
            advertisement = vrrp_packet.parse(frames.customers(packet))
            if advertisement is not None:
                self._handle(VrrpSeen(bd, advertisement))
        elif metadata["reason"] in _NEIGHBOR_REASONS:
            match frames.parse(frames.customers(packet)):
                case frames.RarpMessage(mac):
                    self._handle(ev.RarpSeen(bd, ac, mac))
                case frames.NeighborMessage(kind, mac, ip, target, router, override):
                    self._handle(ev.NeighborSeen(bd, ac, kind, mac, ip, target, router, override))

    # -- from BGP ------------------------------------------------------------------------------------------

    def _routes(self, events: Sequence[RouteEvent]) -> None:
        self.switch.stamp("received", routes=len(events), first=events[0].nlri)
        now = _now()
        for event in events:
            self._do(self.core.handle(event, now))
        # At once: while the switch works on this, the next PE on this event loop reads what it was sent.
        self.switch.commit()

    def _peer(self, event: PeerEvent) -> None:
        self.switch.stamp("bgp up" if event.up else "bgp down", peer=str(event.peer), reason=event.reason)
        (self.connected.set if event.up else self.connected.clear)()
        while self._completing:
            self._completing.popitem()[1].cancel()
        self._handle(event)

    def _end_of_rib(self, event: EndOfRibEvent) -> None:
        loop = asyncio.get_running_loop()
        self._completing[event.family] = loop.call_later(RESTORE_SETTLE, self._handle, event)
        if event.family in self._awaited:
            self._awaited.discard(event.family)
            if not self._awaited:
                vrrp = isinstance(self.core, VplsPe)
                self._release_after(GATEWAY_SETTLE if vrrp else ADOPTION_SETTLE)

    # -- decisions -----------------------------------------------------------------------------------------

    def _handle(self, event: ev.Event | VrrpSeen | GatewayHeld) -> None:
        self._do(self.core.handle(event, _now()))

    def _do(self, outputs: Iterable[object]) -> None:
        for output in outputs:
            self._carry_out[type(output)](output)

    def _announce(self, announce: out.Announce) -> None:
        self.switch.stamp("advertised", route=announce.route.nlri)
        if self._superseded:
            self._superseded.pop(announce.route.key, None)
        self.speaker.announce(announce.route)

    def _withdraw(self, withdraw: out.Withdraw) -> None:
        if withdraw.superseded:
            self._superseded[withdraw.key] = None
            self._lull.touch()
        else:
            self._withdraw_now(withdraw.key)

    def _withdraw_superseded(self) -> None:
        keys, self._superseded = self._superseded, {}
        for key in keys:
            self._withdraw_now(key)

    def _withdraw_now(self, key: RouteKey) -> None:
        known = self.speaker.rib.paths(key)
        self.switch.stamp("withdrawn", route=known[0].nlri if known else str(key))
        self.speaker.withdraw(key)

    def _probe(self, probe: out.Probe) -> None:
        frame = frames.solicit(probe.ip, probe.source_mac, probe.source_ip, probe.mac)
        if probe.remote:
            self._bridge(probe.bd, frame)
            return
        for ac in (self._acs[number] for number in probe.acs):
            header = {"operation": _TRANSMIT, "port": ac.port}
            vlan = ac.vlan if ac.egress_vlan is None else ac.egress_vlan
            self.switch.session.packet_out(frames.tagged(frame, vlan), header)

    def _send_vrrp(self, send: SendVrrp) -> None:
        self._bridge(send.bd, vrrp_packet.frame(send.advertisement))

    def _send_gratuitous(self, send: SendGratuitous) -> None:
        self._bridge(send.bd, frames.announcement(send.ip, send.mac))

    def _bridge(self, bd: int, frame: bytes) -> None:
        self.switch.session.packet_out(frame, {"operation": _BRIDGE, "bridge_domain": bd})

    def _alarm(self, alarm: out.Alarm) -> None:
        log.warning("%s: %s%s", self.switch.config.name, "cleared: " if alarm.cleared else "", alarm.text)
        self.switch.stamp("alarm", code=str(alarm.code), text=alarm.text, cleared=alarm.cleared)

    def _note(self, note: out.Note) -> None:
        mac = None if note.mac is None else mac_to_text(note.mac)
        details = {"bd": note.bd, "mac": mac, "ip": note.ip, "detail": note.detail}
        self.switch.stamp(note.step, **{name: value for name, value in details.items() if value})

    def _wake_at(self, wake: out.WakeAt) -> None:
        if self._wake is not None:
            self._wake.cancel()
        self._wake = asyncio.get_running_loop().call_at(wake.at + _WAKE_SLACK, self._tick)

    def _tick(self) -> None:
        self._wake = None
        self._handle(ev.Tick())


def _core(config: CoreConfig) -> Core:
    return VplsPe(config) if isinstance(config, VplsPeConfig) else EvpnPe(config)


def _now() -> float:
    return asyncio.get_running_loop().time()


def families(setup: PeSetup, kind: ReflectorKind) -> tuple[Family, ...]:
    """What a PE exchanges with its reflector, as far as that can carry it."""
    wanted: tuple[Family, ...]
    if isinstance(setup.core, VplsPeConfig):
        wanted = (VPLS, RT_CONSTRAINT, VPNV4, VPNV6)
    else:
        wanted = (EVPN, RT_CONSTRAINT)
        if any(vrf.carrier is HostRouteCarrier.VPN for vrf in setup.core.vrfs):
            wanted += (VPNV4, VPNV6)
    return tuple(family for family in wanted if family in supported_families(kind))


def _speaker(setup: PeSetup, bgp: BgpConfig) -> SpeakerConfig:
    peer = PeerConfig(
        bgp.reflector,
        bgp.asn,
        bgp.port,
        families(setup, bgp.kind),
        import_policy=policy(setup.import_policy),
        export_policy=export_policy(bgp.kind, setup.export_policy),
        hold_time=int(bgp.times.hold),
        retry_first=bgp.times.connect_retry,
        retry_limit=bgp.times.connect_retry_limit,
        restart_time=bgp.times.restart,
    )
    loopback = setup.core.loopback
    if loopback.version != 4:
        raise ValueError(
            f"{setup.switch.name}: the loopback {loopback} is not IPv4, which a router id is made of"
        )
    return SpeakerConfig(bgp.asn, loopback, loopback, bgp.port, (peer,), listen=False)
