"""A VPLS instance: pseudo-wires signalled by BGP, one site of several PEs, flood and learn (RFC 4761)."""

from __future__ import annotations

from typing import NamedTuple, final

from controllers.intents import (
    AttachmentCircuit,
    BridgeDomain,
    FloodList,
    LocalAc,
    PseudoWireEnd,
    Remote,
    ServiceLabel,
    ViaPseudoWire,
)
from controllers.pe.events import NeighborKind, NeighborSeen
from controllers.pe.ip_vrf import IpVrf
from controllers.pe.outputs import AlarmCode, Note
from controllers.vpls.config import VplsConfig
from controllers.vpls.context import Context
from controllers.vpls.gateway import Gateway
from controllers.vpls.mac_table import MacTable
from controllers.vpls.originate import site_route
from controllers.vpls.vrrp import Advertisement
from controllers.wire.types import IpAddress, RouteKey
from controllers.wire.vpn import VplsBlock


@final
class SitePath(NamedTuple):
    """A PE's claim to a site: its label block, and how much it wants to forward for it."""

    key: RouteKey
    pe: IpAddress
    block: VplsBlock
    preference: int
    down: bool


@final
class PseudoWire(NamedTuple):
    """A pseudo-wire that is up: its far site, its number, where it leads, the label it comes in by."""

    site: int
    number: int
    remote: Remote
    incoming_label: int


@final
class Instance:
    """The decisions of one bridge domain."""

    def __init__(self, context: Context, config: VplsConfig, vrf: IpVrf | None) -> None:
        self.config = config
        self._context = context
        self._up = {ac.ac for ac in config.acs}
        self._paths: dict[RouteKey, SitePath] = {}
        self._wires: dict[int, Remote] = {}
        self._unlabelled: set[int] = set()
        """Sites that an alarm says there is no label for."""
        self._forwards = True
        self._routes = True
        self.macs = MacTable(context, config, self._mac_moved)
        self.gateways: dict[int, Gateway] = {}
        """By IP version."""
        if vrf is not None:
            self.gateways = {
                each.virtual.version: Gateway(context, config, each, vrf, self.macs)
                for each in config.gateways
            }

    def start(self) -> None:
        """Bring the bridge domain into being and offer labels to the other sites."""
        config = self.config
        self._context.effects.set(
            BridgeDomain(
                config.bd,
                flood_unknown=True,
                suppress_arp=False,
                learn_from_core=True,
                mac_ageing=config.mac_ageing,
            )
        )
        for ac in config.acs:
            self.macs.attach(ac.ac, LocalAc(ac.ac))
        self._settle()

    @property
    def forwards(self) -> bool:
        """False while another PE of the same site does."""
        return self._forwards

    @property
    def pseudo_wires(self) -> list[PseudoWire]:
        """Those that are up, by site."""
        first, labels = self.config.first_pw, self.config.label_base - self.config.block_offset
        return [PseudoWire(ve, first + ve, remote, labels + ve) for ve, remote in sorted(self._wires.items())]

    # --- frames ---------------------------------------------------------------------------------------------

    def mac_learned(self, attachment: int, mac: int) -> None:
        """A frame from `mac` came in from a circuit or a pseudo-wire."""
        if not any(gateway.holds(mac, attachment) for gateway in self.gateways.values()):
            self.macs.learn(attachment, mac)

    def neighbor_seen(self, event: NeighborSeen) -> None:
        """An ARP or ND message, which a gateway learns from unless it claims nothing."""
        self.mac_learned(event.ac, event.mac)
        gateway = self.gateways.get(event.ip.version)
        claims = event.kind is not NeighborKind.PROBE
        if claims and gateway is not None and gateway.started and not gateway.claimed(event.ip, event.mac):
            gateway.hosts.seen(event.mac, event.ip)

    def glean(self, ip: IpAddress) -> None:
        """A routed packet wants an address whose place is not known."""
        if ip.version in self.gateways:
            self.gateways[ip.version].hosts.glean(ip)

    def vrrp_seen(self, advertisement: Advertisement) -> None:
        """A gateway of the bridge domain advertised."""
        version = advertisement.source.version
        if version in self.gateways:
            self.gateways[version].heard(advertisement)

    def gateway_held(self, mac: int) -> None:
        """This PE was found to route for a MAC."""
        for gateway in self.gateways.values():
            gateway.held(mac)

    def stop_vrrp(self) -> None:
        """Be no gateway any more."""
        self._routes = False
        self._follow_site()

    def _follow_site(self) -> None:
        """Only the PE that forwards for its site is a router of it: a standby one hears no other router."""
        wanted = self._forwards and self._routes
        for gateway in self.gateways.values():
            if wanted and not gateway.started:
                gateway.start()
            elif gateway.started and not wanted:
                gateway.stop()

    def _mac_moved(self, mac: int) -> None:
        for gateway in self.gateways.values():
            gateway.hosts.mac_moved(mac)

    def set_ac(self, ac: int, *, up: bool) -> None:
        """A circuit came up, or went down with all MACs behind it."""
        if ac not in {each.ac for each in self.config.acs}:
            return
        if up:
            self._up.add(ac)
        else:
            self._up.discard(ac)
            self.macs.flush(ac)
        self._settle()

    # --- signalling -----------------------------------------------------------------------------------------

    def received(self, path: SitePath) -> None:
        """Take in another PE's label block."""
        self._paths[path.key] = path
        self._settle()

    def withdrawn(self, key: RouteKey) -> None:
        """Drop another PE's label block."""
        del self._paths[key]
        self._settle()

    def next_hop_changed(self, pe: IpAddress) -> None:
        """Elect anew where a PE takes part that can or cannot be reached."""
        if any(path.pe == pe for path in self._paths.values()):
            self._settle()

    def _settle(self) -> None:
        """Settle who forwards for each site, and which pseudo-wires follow from that."""
        elected = self._elect()
        rival = elected.pop(self.config.ve_id, None)
        forwards = not self._is_cut_off() and (rival is None or not self._gives_way_to(rival))
        if forwards != self._forwards:
            self._forwards = forwards
            step = "site-active" if forwards else "site-standby"
            self._context.effects.emit(Note(step, self.config.bd, detail=f"site {self.config.ve_id}"))
        remotes = {ve: self._remote(path) for ve, path in elected.items()}
        self._tell_unlabelled({ve for ve, remote in remotes.items() if remote is None})
        wanted = {ve: remote for ve, remote in remotes.items() if forwards and remote is not None}
        self._follow_site()
        self._program_circuits()
        for ve in [ve for ve in self._wires if wanted.get(ve) != self._wires[ve]]:
            self._tear_down(ve, stays=ve in wanted)
        for ve, remote in wanted.items():
            self._bring_up(ve, remote)
        self._program_flooding()
        self._announce()

    # RFC 4761 §3.5: of the PEs of one site, one forwards.
    def _elect(self) -> dict[int, SitePath]:
        elected: dict[int, SitePath] = {}
        for path in self._paths.values():
            if path.down or not self._context.reachable(path.pe):
                continue
            ve = path.block.ve_id
            if ve not in elected or self._merit(path) > self._merit(elected[ve]):
                elected[ve] = path
        return elected

    # RFC 4761 §3.2.2: a PE may offer its labels in several blocks, one of which has the label for this site.
    def _merit(self, path: SitePath) -> tuple[tuple[int, int], bool]:
        return _rank(path), path.block.label_for(self.config.ve_id) is not None

    def _gives_way_to(self, rival: SitePath) -> bool:
        return _rank(rival) > (self.config.preference, -int(self._context.config.loopback))

    def _remote(self, path: SitePath) -> Remote | None:
        """Where a pseudo-wire leads, if each side's labels cover the other (RFC 4761 §3.2.3)."""
        config, block = self.config, path.block
        mine = VplsBlock(config.rd, config.ve_id, config.block_offset, config.block_size, config.label_base)
        label = block.label_for(config.ve_id)
        return None if label is None or mine.label_for(block.ve_id) is None else Remote(path.pe, label)

    def _tell_unlabelled(self, sites: set[int]) -> None:
        """Raise an alarm for each of these sites, clear those of others: also of one that is gone."""
        bd, own = self.config.bd, self.config.ve_id
        for ve in sorted(self._unlabelled - sites):
            self._context.effects.clear_alarm(AlarmCode.NO_LABEL, (bd, ve))
        for ve in sorted(sites):
            text = f"bd {bd}: no label between sites {own} and {ve}: block too small"
            self._context.effects.alarm(AlarmCode.NO_LABEL, (bd, ve), text)
        self._unlabelled = sites

    def _bring_up(self, ve: int, remote: Remote) -> None:
        if ve in self._wires:
            return
        self._wires[ve] = remote
        config = self.config
        number = config.first_pw + ve
        self.macs.attach(number, ViaPseudoWire(number, remote))
        incoming = config.label_base + ve - config.block_offset
        self._context.effects.set(ServiceLabel(incoming, PseudoWireEnd(config.bd, number)))

    def _tear_down(self, ve: int, *, stays: bool) -> None:
        """Flush what was learned from a pseudo-wire that ends, or leads elsewhere from now on."""
        del self._wires[ve]
        self.macs.detach(self.config.first_pw + ve)
        if not stays:
            self._context.effects.unset(
                ("ServiceLabel", self.config.label_base + ve - self.config.block_offset)
            )

    # --- what the tables shall say --------------------------------------------------------------------------

    def _program_circuits(self) -> None:
        """A site of several PEs has one that forwards; the circuits of the others are shut."""
        config = self.config
        for ac in config.acs:
            if not self._forwards:
                self.macs.flush(ac.ac)
            self._context.effects.set(
                AttachmentCircuit(
                    ac.ac,
                    ac.port,
                    ac.vlan,
                    config.bd,
                    ac.egress_vlan,
                    ac.split_horizon_group,
                    shut=not self._forwards,
                )
            )

    def _program_flooding(self) -> None:
        remotes = {wire.remote for wire in self.pseudo_wires}
        acs = tuple(sorted(self._up)) if self._forwards else ()
        ordered = sorted(remotes, key=lambda remote: (int(remote.pe), remote.label))
        self._context.effects.set(FloodList(self.config.bd, acs, tuple(ordered)))

    def _announce(self) -> None:
        config = self.config
        route = site_route(config, self._context.config.loopback, down=self._is_down())
        self._context.effects.announce(route)

    def _is_down(self) -> bool:
        """No circuit of the site is up, and no gateway here that others need."""
        return self._is_cut_off() or (bool(self.config.acs) and not self._up and not self.gateways)

    def _is_cut_off(self) -> bool:
        """No circuit of the site is up here, and another PE is attached to it: that one is to forward."""
        ve_id, reachable = self.config.ve_id, self._context.reachable
        return not self._up and any(
            path.block.ve_id == ve_id and reachable(path.pe) for path in self._paths.values()
        )


def _rank(path: SitePath) -> tuple[int, int]:
    """Preference, then the lowest address."""
    return path.preference, -int(path.pe)
