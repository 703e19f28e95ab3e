"""A MAC-VRF: which MAC is where, learned from frames here and from routes of other PEs.

Decided per MAC by the mobility procedure of RFC 7432 §15: who learned it last holds the highest sequence, and
everybody else withdraws. The addresses of a MAC live in `Bindings`, which is told whenever their MAC comes or
goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import final

from controllers.evpn.bindings import Bindings
from controllers.evpn.config import BdConfig, DuplicateAction
from controllers.evpn.context import Context
from controllers.evpn.duplicates import MoveCounter
from controllers.evpn.flooding import Flooding
from controllers.evpn.gateways import Gateways, Routing
from controllers.evpn.mac_paths import MacPath, best, better, takes_over
from controllers.evpn.tasks import RetryDuplicate
from controllers.intents import (
    AttachmentCircuit,
    BdFlood,
    BdUnicast,
    BridgeDomain,
    Drop,
    GatewayMac,
    LocalAc,
    MacEntry,
    ProbeMac,
    Remote,
    ServiceLabel,
)
from controllers.pe.outputs import AlarmCode, Note
from controllers.wire.serial import after, latest
from controllers.wire.types import IpAddress, RouteKey, mac_to_text


@final
@dataclass(slots=True)
class LocalMac:
    """A MAC behind a circuit of this PE. `sticky` ones carry the static bit and do not move."""

    ac: int
    sequence: int
    sticky: bool


@final
@dataclass(slots=True)
class MacRecord:
    """All that is known of one MAC.

    `ips`: the addresses it owns by the latest knowledge. `advertised`: with which sequence, and whether as
    sticky. `left`: the circuit where it was until another PE took it over, as long as it was not asked for
    there.
    """

    mac: int
    local: LocalMac | None = None
    paths: dict[RouteKey, MacPath] = field(default_factory=dict)
    best: MacPath | None = None
    location: LocalAc | Remote | None = None
    ips: set[IpAddress] = field(default_factory=set)
    originated: RouteKey | None = None
    advertised: tuple[int, bool] | None = None
    left: int | None = None


@final
class MacVrf:
    """The decisions of one bridge domain."""

    def __init__(self, context: Context, config: BdConfig, routing: Routing | None) -> None:
        self.config = config
        self._context = context
        self._circuits = {ac.ac: ac for ac in config.acs}
        self._macs: dict[int, MacRecord] = {}
        self._paths: dict[RouteKey, MacPath] = {}
        self._on_ac: dict[int, set[int]] = {ac.ac: set() for ac in config.acs}
        self._moves: MoveCounter[int] = MoveCounter(context.config.mobility)
        self.flooding = Flooding(context, config)
        self.gateways = Gateways(context, config, routing)
        self.bindings = Bindings(context, self)

    def start(self) -> None:
        """Bring the bridge domain into being."""
        effects, config = self._context.effects, self.config
        effects.set(
            BridgeDomain(
                config.bd,
                flood_unknown=config.flood_unknown,
                suppress_arp=config.suppress_arp,
                mac_ageing=config.mac_ageing,
            )
        )
        for ac in config.acs:
            effects.set(
                AttachmentCircuit(ac.ac, ac.port, ac.vlan, config.bd, ac.egress_vlan, ac.split_horizon_group)
            )
        effects.set(ServiceLabel(config.unicast_label, BdUnicast(config.bd)))
        effects.set(ServiceLabel(config.flood_label, BdFlood(config.bd)))
        effects.set(ProbeMac(config.bd, self._context.config.probe_mac))
        self.flooding.start()
        self.gateways.start()
        for static in config.static_macs:
            self.add_static(static.ac, static.mac)

    def record(self, mac: int) -> MacRecord | None:
        """What is known of a MAC."""
        return self._macs.get(mac)

    def records(self) -> list[MacRecord]:
        """Every MAC there is."""
        return list(self._macs.values())

    # --- learning from frames -------------------------------------------------------------------------------

    def mac_learned(self, ac: int, mac: int) -> None:
        """A frame from `mac` came in on `ac`: a digest, or a RARP that announces nothing else."""
        record = self.learn(ac, mac)
        if record is not None:
            self.advertise(record)

    def learn(
        self, ac: int, mac: int, *, at_least: int | None = None, known: IpAddress | None = None
    ) -> MacRecord | None:
        """Make `mac` local on `ac`, if it may be; `advertise` is left to the caller.

        `at_least`: the sequence that an address of the MAC demands (RFC 9721 §5). `known`: the address that
        came with the frame and need not be asked for. None: the MAC was not taken.
        """
        record = self._macs.get(mac)
        if not self._may_be_host(record, mac, ac):
            return None
        if record is not None and record.local is not None:
            return self._learn_again(record, record.local, ac, at_least)
        if self._moves.frozen(mac) or self._refuse_sticky(record, ac) or self._over_limit(ac):
            return None
        if record is None:
            record = self._macs[mac] = MacRecord(mac)
        if record.best is not None and self._moves.moved(mac, self._context.now):
            self._freeze(record)
            return None
        sequence = _next_sequence(record)
        if at_least is not None:
            sequence = latest(sequence, at_least)
        self._take(record, LocalMac(ac, sequence, self._circuits[ac].sticky), known)
        return record

    def _may_be_host(self, record: MacRecord | None, mac: int, ac: int) -> bool:
        if mac in (0, self._context.config.probe_mac) or mac >> 40 & 1 or ac not in self._circuits:
            return False
        gateway = record is not None and record.best is not None and record.best.gateway
        if gateway or mac in self.gateways.macs:
            self.gateways.claimed_mac(mac, f"ac {ac}")
            return False
        return True

    def _learn_again(
        self, record: MacRecord, local: LocalMac, ac: int, at_least: int | None
    ) -> MacRecord | None:
        if local.ac != ac:
            # bis §15.1: between segments of one PE a MAC moves without a new sequence.
            if local.sticky:
                self._sticky_moved(record.mac, f"ac {local.ac}", ac)
                return None
            if self._circuit_is_full(ac):
                return None
            local.sticky = self._circuits[ac].sticky
            self._rehome(record, local, ac)
        if at_least is not None:
            local.sequence = latest(local.sequence, at_least)
        return record

    def _rehome(self, record: MacRecord, local: LocalMac, ac: int) -> None:
        self._on_ac[local.ac].discard(record.mac)
        self._on_ac[ac].add(record.mac)
        if local.ac != ac:
            self._context.effects.clear_alarm(AlarmCode.MAC_LIMIT, (self.config.bd, local.ac))
        local.ac = ac
        self._program(record)

    def _take(self, record: MacRecord, local: LocalMac, known: IpAddress | None) -> None:
        record.local, record.left = local, None
        self._on_ac[local.ac].add(record.mac)
        came_from = "" if record.best is None else f" from {record.best.pe}"
        self._context.effects.emit(
            Note("learned", self.config.bd, record.mac, known, f"ac {local.ac}{came_from}")
        )
        self._program(record)
        self.bindings.mac_gained(record, local.ac, known)

    def _refuse_sticky(self, record: MacRecord | None, ac: int) -> bool:
        if record is None or record.best is None or not record.best.sticky:
            return False
        self._sticky_moved(record.mac, str(record.best.pe), ac)
        return True

    # RFC 7432 §15.2: a sticky MAC that shows up elsewhere is not taken over.
    def _sticky_moved(self, mac: int, home: str, ac: int) -> None:
        self._context.effects.alarm(
            AlarmCode.STICKY_MOVE,
            (self.config.bd, mac),
            f"bd {self.config.bd}: sticky MAC {mac_to_text(mac)} of {home} seen on ac {ac}",
        )

    def _over_limit(self, ac: int) -> bool:
        bd, limit = self.config.bd, self.config.mac_limit
        if self._circuit_is_full(ac):
            return True
        if limit is not None and sum(map(len, self._on_ac.values())) >= limit:
            self._context.effects.alarm(AlarmCode.MAC_LIMIT, bd, f"bd {bd} has its {limit} MACs")
            return True
        return False

    def _circuit_is_full(self, ac: int) -> bool:
        bd, limit = self.config.bd, self._circuits[ac].mac_limit
        if limit is None or len(self._on_ac[ac]) < limit:
            return False
        self._context.effects.alarm(AlarmCode.MAC_LIMIT, (bd, ac), f"bd {bd}: ac {ac} has its {limit} MACs")
        return True

    def mac_aged(self, mac: int) -> None:
        """No frame for the ageing time: ask before forgetting a host with addresses (RFC 9135 §7.3)."""
        record = self._macs.get(mac)
        if record is None or record.local is None or record.local.sticky:
            return
        if not self.bindings.verify(record):
            self.forget(record, "aged")

    def set_ac(self, ac: int, *, up: bool) -> None:
        """A circuit came up, or went down with all hosts behind it."""
        if ac not in self._circuits:
            return
        self.flooding.set_ac(ac, up=up)
        if up:
            return
        for mac in sorted(self._on_ac[ac]):
            record = self._macs[mac]
            if record.local is not None and not record.local.sticky:
                self.forget(record, f"ac {ac} is down")

    def forget(self, record: MacRecord, why: str) -> None:
        """A local MAC is not there any more."""
        self._context.effects.emit(Note("forgotten", self.config.bd, record.mac, None, why))
        self._release(record)
        self._decide(record)

    def _release(self, record: MacRecord, *, superseded: bool = False) -> None:
        """A MAC is not local any more; `superseded`: everybody prefers another PE's route to ours."""
        local, record.local = record.local, None
        if local is None:
            return
        self._on_ac[local.ac].discard(record.mac)
        effects, bd = self._context.effects, self.config.bd
        effects.clear_alarm(AlarmCode.MAC_LIMIT, bd)
        effects.clear_alarm(AlarmCode.MAC_LIMIT, (bd, local.ac))
        # Make before break: the tables first, the withdrawals last.
        record.best = self._best(record)
        self._place(record)
        self.bindings.mac_lost(record, local.ac, superseded=superseded)
        self.bindings.location_changed(record)
        if record.originated is not None:
            effects.withdraw(record.originated, superseded=superseded)
            record.originated = record.advertised = None

    # --- advertising ----------------------------------------------------------------------------------------

    def advertise(self, record: MacRecord, ip: IpAddress | None = None) -> None:
        """Say where a local MAC and its addresses are, all with the MAC's sequence (RFC 9721 §5).

        Addresses first: who hears of the MAC alone would ask for them (RFC 9135 §7.2). `ip`: the one address
        that is new, if there is one; the others are said again only if the sequence changed.
        """
        local = record.local
        if local is None:
            return
        if record.advertised == (local.sequence, local.sticky):
            if ip is not None:
                self.bindings.advertise(ip, record, local)
            return
        record.advertised = (local.sequence, local.sticky)
        self.bindings.advertise_all(record, local)
        route = self._context.originator.mac(self.config, record.mac, local.sequence, sticky=local.sticky)
        record.originated = self._context.effects.announce(route)

    # --- routes of other PEs --------------------------------------------------------------------------------

    def received(self, path: MacPath) -> None:
        """Take in a MAC/IP advertisement: new, or in place of that of the same key."""
        former, self._paths[path.key] = self._paths.get(path.key), path
        record = self._macs.get(path.mac)
        if record is None:
            record = self._macs[path.mac] = MacRecord(path.mac)
        record.paths[path.key] = path
        if path.gateway:
            self.gateways.check(path)
        elif former is not None and former.gateway:
            self.gateways.withdrawn(former)
        ip = path.ip
        if ip is None:
            if not self._says_nothing_new(record, path):
                self._decide(record)
        else:
            self.bindings.add(ip, path)
            self._decide(record, but=ip)
            self.bindings.settle(ip)
        if record.local is not None and not record.local.sticky and record.best is path:
            # Two PEs learned it at once, neither knowing of the other. That this one wins, by its address or
            # by a sequence that one of its addresses demanded, says nothing about the host.
            self.bindings.verify(record)

    def _says_nothing_new(self, record: MacRecord, path: MacPath) -> bool:
        """True for a path that loses against another PE's, as the one of the MAC alone does."""
        known = record.best
        if record.local is not None or known is None or known.key == path.key:
            return False
        return better(known, path) is known and not self._moves.frozen(path.mac)

    def withdrawn(self, key: RouteKey) -> None:
        """Drop the path of this key."""
        path = self._paths.pop(key)
        record = self._macs[path.mac]
        del record.paths[key]
        if path.gateway:
            self.gateways.withdrawn(path)
        if path.ip is not None:
            self.bindings.remove(path.ip, path)
        if path is record.best or not record.paths:
            self._decide(record)
        if path.ip is not None:
            self.bindings.removed(path.ip, path)

    def next_hop_changed(self, pe: IpAddress) -> None:
        """Choose anew wherever a path through `pe` takes part."""
        self.flooding.next_hop_changed(pe)
        for record in {
            path.mac: self._macs[path.mac] for path in self._paths.values() if path.pe == pe
        }.values():
            self._decide(record)
        self.bindings.next_hop_changed(pe)

    def _best(self, record: MacRecord) -> MacPath | None:
        usable = [path for path in record.paths.values() if self._context.reachable(path.pe)]
        if record.best is not None and self._moves.frozen(record.mac):
            # RFC 7432 §15.1: routes of a duplicate are not processed; the last state stands while its route
            # does.
            pinned = record.paths.get(record.best.key)
            if pinned is not None and pinned in usable:
                return pinned
        return best(usable)

    def heeds(self, path: MacPath) -> bool:
        """False for what another PE than that of the last state says of a duplicate and its addresses."""
        if not self._moves.frozen(path.mac):
            return True
        last = self._macs[path.mac].best
        return last is None or last.pe == path.pe

    def _decide(self, record: MacRecord, but: IpAddress | None = None) -> None:
        """Settle who owns the MAC, after its paths changed; `but`: its address that is settled next."""
        if not record.paths and self._moves.frozen(record.mac):
            self._thaw(record.mac)
        path = record.best = self._best(record)
        local = record.local
        if local is not None and path is not None:
            if path.gateway:
                self.gateways.claimed_mac(record.mac, f"ac {local.ac}")
                self._release(record)
                return
            if takes_over(path, local.sequence, sticky=local.sticky, pe=self._context.config.loopback):
                detail = f"to {path.pe}, sequence {path.sequence}"
                self._context.effects.emit(Note("moved-away", self.config.bd, record.mac, path.ip, detail))
                self._release(record, superseded=True)
                if path.sticky:
                    self._sticky_moved(record.mac, str(path.pe), local.ac)
                return
        self._program(record, but)

    # --- what the tables shall say --------------------------------------------------------------------------

    def _program(self, record: MacRecord, but: IpAddress | None = None) -> None:
        """Put the location of a MAC into the tables, and let its addresses follow (`but` one)."""
        if self._place(record):
            self.bindings.location_changed(record, but)
        self.sweep(record)

    def sweep(self, record: MacRecord) -> None:
        """Forget a MAC of which nothing is known any more."""
        if record.location is None and not record.paths and not record.ips:
            for code in (AlarmCode.GATEWAY_MAC_CLAIMED, AlarmCode.GATEWAY_IP_CLAIMED):
                self._context.effects.clear_alarm(code, (self.config.bd, record.mac))
            self._macs.pop(record.mac, None)

    def _place(self, record: MacRecord) -> bool:
        """Put the location of a MAC into the tables; True if it changed."""
        effects, bd, mac = self._context.effects, self.config.bd, record.mac
        location, static, alias = self._locate(record)
        entry_key, alias_key = ("MacEntry", bd, mac), ("GatewayMac", bd, mac)
        routing = self.gateways.routing
        if alias and routing is not None:
            effects.set(GatewayMac(bd, mac, routing.table.number))
            effects.unset(entry_key)
        elif self._moves.frozen(mac) and self._context.config.mobility.action is DuplicateAction.DROP:
            effects.set(MacEntry(bd, mac, Drop(), static=True))
        elif location is not None:
            effects.set(MacEntry(bd, mac, location, static))
        else:
            effects.unset(entry_key)
        if not alias and mac not in self.gateways.macs:
            effects.unset(alias_key)
        if location == record.location:
            return False
        record.location = location
        effects.clear_alarm(AlarmCode.STICKY_MOVE, (bd, mac))
        return True

    def _locate(self, record: MacRecord) -> tuple[LocalAc | Remote | None, bool, bool]:
        """Where the MAC is, whether that is static, and whether it is a gateway whose frames are routed."""
        if record.local is not None:
            return LocalAc(record.local.ac), record.local.sticky, False
        path = record.best
        if path is None:
            return None, False, False
        if record.mac in self.gateways.macs:
            if not path.gateway:
                self.gateways.claimed_mac(record.mac, str(path.pe))
            return None, False, False
        # RFC 7432 §10.1: who is a gateway itself routes frames sent to another gateway's MAC.
        alias = path.gateway and self.gateways.active
        return Remote(path.pe, path.label), path.sticky or path.gateway, alias

    # --- duplicates and the operator ------------------------------------------------------------------------

    # RFC 7432 §15.1: alarm, and neither send nor process routes for the MAC; bis §15.3: drop, retry.
    def _freeze(self, record: MacRecord) -> None:
        mac, bd = record.mac, self.config.bd
        self._context.effects.alarm(
            AlarmCode.DUPLICATE_MAC,
            (bd, mac),
            f"bd {bd}: {mac_to_text(mac)} keeps moving: it is in two places at once",
        )
        self._context.agenda.schedule(RetryDuplicate(bd, mac), self._moves.retry_time(mac))
        self._program(record)

    def _thaw(self, mac: int) -> None:
        if self._moves.clear(mac):
            self._context.effects.clear_alarm(AlarmCode.DUPLICATE_MAC, (self.config.bd, mac))
            self._context.agenda.cancel(RetryDuplicate(self.config.bd, mac))

    def clear_duplicate(self, mac: int | None) -> None:
        """Give one duplicate, or all and all addresses, a chance: time is up, or the operator says so."""
        if mac is None:
            self.bindings.clear_duplicates()
        for frozen in self._moves.all_frozen() if mac is None else [mac]:
            self._thaw(frozen)
            record = self._macs.get(frozen)
            if record is not None:
                self._decide(record)
                self.bindings.given_a_chance(record)

    def add_static(self, ac: int, mac: int) -> None:
        """Tie a MAC to a circuit; it is advertised as sticky and does not move (RFC 7432 §15.2)."""
        record = self._macs.get(mac)
        if not self._may_be_host(record, mac, ac) or self._refuse_sticky(record, ac):
            return
        if record is None:
            record = self._macs[mac] = MacRecord(mac)
        local = record.local
        if local is None:
            if self._moves.frozen(mac):
                self.clear_duplicate(mac)
            self._take(record, LocalMac(ac, _next_sequence(record), sticky=True), None)
        else:
            local.sticky = True
            self._rehome(record, local, ac)
        self.advertise(record)

    def remove_static(self, mac: int) -> None:
        """A MAC is no longer tied to its circuit: it stays there until it ages or moves."""
        record = self._macs.get(mac)
        if record is not None and record.local is not None and record.local.sticky:
            record.local.sticky = False
            self._context.effects.clear_alarm(AlarmCode.STICKY_MOVE, (self.config.bd, mac))
            self._program(record)
            self.advertise(record)


# RFC 7432 §15: one more than any PE said, and 0, which means no community, for a MAC nobody knows.
def _next_sequence(record: MacRecord) -> int:
    if not record.paths:
        return 0
    return after(reduce(latest, (path.sequence for path in record.paths.values())))
