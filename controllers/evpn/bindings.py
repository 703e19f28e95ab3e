"""Which MAC has which address in one bridge domain: ARP and ND, local and remote (RFC 7432 §10, RFC 9161).

A binding is the child of its MAC: it is local only while the MAC is, and shares the MAC's sequence (RFC 9721
§5). From it follow the proxy's answer, the host's entry in the IP-VRF, and the MAC/IP route.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import TYPE_CHECKING, final

from controllers.evpn.binding import Binding
from controllers.evpn.config import Irb
from controllers.evpn.context import Context
from controllers.evpn.duplicates import MoveCounter
from controllers.evpn.events import NeighborKind, NeighborSeen
from controllers.evpn.mac_paths import MacPath, best, takes_over
from controllers.evpn.tasks import AskWhereItIs, ForgetMoved, RefreshBinding, RetryDuplicateIp
from controllers.intents import Adjacent, Neighbor, Remote
from controllers.pe.ip_vrf import Host, HostRank
from controllers.pe.outputs import AlarmCode, Note, Probe
from controllers.wire.serial import after, latest
from controllers.wire.types import IpAddress, mac_to_text

if TYPE_CHECKING:
    from controllers.evpn.mac_vrf import LocalMac, MacRecord, MacVrf


@final
class Bindings:
    """The decisions about addresses of one bridge domain."""

    def __init__(self, context: Context, mac_vrf: MacVrf) -> None:
        self._context = context
        self._mac_vrf = mac_vrf
        self._bd = mac_vrf.config.bd
        self._bindings: dict[IpAddress, Binding] = {}
        self._moves: MoveCounter[IpAddress] = MoveCounter(context.config.mobility)
        self._gleaned: dict[IpAddress, float] = {}

    def get(self, ip: IpAddress) -> Binding | None:
        """What is known of an address."""
        return self._bindings.get(ip)

    def all(self) -> list[Binding]:
        """Every address there is."""
        return list(self._bindings.values())

    # --- learning from ARP and ND ---------------------------------------------------------------------------

    def seen(self, event: NeighborSeen) -> None:
        """A host said where it is; one that only probes for an address says so of its MAC alone."""
        ip, mac = event.ip, event.mac
        binding = self._bindings.get(ip)
        record = self._mac_vrf.record(mac)
        if (
            binding is not None
            and binding.local == mac
            and record is not None
            and record.local is not None
            and record.local.ac == event.ac
        ):
            binding.confirmed, binding.tries, binding.wide = self._context.now, 0, False
            if binding.take_flags(event):
                self.advertise(ip, record, record.local)
        elif event.kind is NeighborKind.PROBE or not self._acceptable(event, binding):
            self._mac_vrf.mac_learned(event.ac, mac)
        else:
            self._bind(event, binding)

    def _acceptable(self, event: NeighborSeen, binding: Binding | None) -> bool:
        ip, mac = event.ip, event.mac
        gateways = self._mac_vrf.gateways
        if gateways.owns(ip):
            return self._claims_gateway(event)
        if not gateways.covers(ip) or self._moves.frozen(ip):
            return False
        path = None if binding is None else binding.best
        if path is not None and path.mac != mac and (path.gateway or path.immutable):
            # RFC 9047 §3.2: an immutable binding is not changed by what a proxy hears.
            self._alarm_duplicate(ip, f"{path.pe} has it for good with {mac_to_text(path.mac)}", mac)
            return False
        return not gateways.reserves(ip) or self._claims_gateway(event)

    def _claims_gateway(self, event: NeighborSeen) -> bool:
        """Alarm if the MAC is taken: ever new ones over a limit leave nothing behind. Never acceptable."""
        self._mac_vrf.mac_learned(event.ac, event.mac)
        if self._mac_vrf.record(event.mac) is not None:
            self._mac_vrf.gateways.claimed_ip(event.ip, event.mac, ac=event.ac)
        return False

    def _bind(self, event: NeighborSeen, binding: Binding | None) -> None:
        ip, mac = event.ip, event.mac
        others = [] if binding is None else [seq for by, seq in self._holders(binding) if by != mac]
        at_least = after(reduce(latest, others)) if others else None
        record = self._mac_vrf.learn(event.ac, mac, at_least=at_least, known=ip)
        if record is None:
            return
        # A claim by a MAC that is not taken is no move of the address.
        if others and self._moves.moved(ip, self._context.now):
            self._freeze(ip, mac)
            self._mac_vrf.advertise(record)
            return
        # Learning the MAC may have changed what is known of the address.
        binding = self._bindings.get(ip)
        if binding is None:
            binding = self._bindings[ip] = Binding(ip)
        former = binding.originated if binding.local not in (None, mac) else None
        if former is not None:
            binding.originated = None
        binding.take_flags(event)
        binding.local, binding.moved, binding.asked = mac, None, None
        binding.confirmed, binding.tries, binding.wide = self._context.now, 0, False
        self._schedule_refresh(binding)
        self._decide(binding)
        self._mac_vrf.advertise(record, ip)
        if former is not None:
            self._context.effects.withdraw(former)

    def _holders(self, binding: Binding) -> list[tuple[int, int]]:
        """Each (MAC, sequence) that has the address by somebody's account."""
        holders = [(path.mac, path.sequence) for path in binding.paths.values()]
        if binding.local is not None:
            record = self._mac_vrf.record(binding.local)
            if record is not None and record.local is not None:
                holders.append((binding.local, record.local.sequence))
        return holders

    # RFC 9161 §3.7, RFC 9721 §8: an address that changes between MACs too often.
    def _freeze(self, ip: IpAddress, mac: int) -> None:
        self._alarm_duplicate(ip, "it keeps changing its MAC", mac)
        self._context.agenda.schedule(RetryDuplicateIp(self._bd, ip), self._moves.retry_time(ip))

    def _alarm_duplicate(self, ip: IpAddress, why: str, mac: int) -> None:
        text = f"bd {self._bd}: {mac_to_text(mac)} claims {ip}, but {why}"
        self._context.effects.alarm(AlarmCode.DUPLICATE_IP, (self._bd, ip), text)

    def clear_duplicate(self, ip: IpAddress) -> None:
        """Give an address another chance: time is up, or nobody has it any more."""
        self._context.effects.clear_alarm(AlarmCode.DUPLICATE_IP, (self._bd, ip))
        if self._moves.frozen(ip):
            self._moves.clear(ip)
            self._context.agenda.cancel(RetryDuplicateIp(self._bd, ip))

    def clear_duplicates(self) -> None:
        """Give all duplicate addresses another chance: the operator says so."""
        for ip in self._moves.all_frozen():
            self.clear_duplicate(ip)

    def given_a_chance(self, record: MacRecord) -> None:
        """A MAC is no duplicate any more: settle its addresses, and have it say where it is.

        A host that only answers would go on missing its traffic if it is not where it was seen last. Asked
        at once it would answer while its frames are still dropped.
        """
        claimed = {path.ip for path in record.paths.values() if path.ip is not None}
        for ip in sorted(claimed | record.ips, key=int):
            self.settle(ip)
            self._ask_later(ip, record.mac, None)

    # --- what happens to the MAC ----------------------------------------------------------------------------

    def mac_gained(self, record: MacRecord, ac: int, known: IpAddress | None) -> None:
        """A MAC is local now: ask whether the addresses it had elsewhere came along.

        A guest that moves without saying so, or says it by RARP, is found by this (RFC 9135 §7.2, RFC 9721
        §6.8).
        """
        for ip in sorted(record.ips, key=int):
            if ip != known:
                binding = self._bindings[ip]
                # The PE it left withdraws the address at once; the question outlives that.
                binding.asked, binding.tries = record.mac, 1
                self._probe(binding.ip, record.mac, (ac,), remote=False)
                self._schedule_retry(binding)

    def mac_lost(self, record: MacRecord, ac: int, *, superseded: bool) -> None:
        """A MAC is not local any more, and its addresses neither.

        If it moved: make sure that it did by asking here (RFC 9135 §7.1), and ask for what its new PE did not
        advertise, there (§7.2). Meanwhile what still comes for such an address follows the MAC.
        """
        moved = record.best is not None and not record.best.gateway
        record.left = ac if moved else None
        probing = self._context.config.probing
        for ip in sorted(record.ips, key=int):
            binding = self._bindings[ip]
            if binding.local != record.mac:
                continue
            binding.local = None
            if moved:
                binding.moved = record.mac
                until = self._context.now + probing.timeout * (probing.retries + 1)
                self._context.agenda.schedule(ForgetMoved(self._bd, ip), until)
            self._decide(binding)
            new, path = record.best, binding.best
            told = superseded and new is not None and path is not None and path.pe == new.pe
            self._withdraw(binding, superseded=told)
            if moved:
                record.left = None
                self._ask_later(ip, record.mac, ac)
                if binding.best is None:
                    self._probe(ip, record.mac, (), remote=True)

    def location_changed(self, record: MacRecord, but: IpAddress | None = None) -> None:
        """The MAC's way changed: that of its addresses follows, of all `but` one."""
        for ip in sorted(record.ips, key=int):
            if ip != but:
                self._decide(self._bindings[ip])

    def advertise_all(self, record: MacRecord, local: LocalMac) -> None:
        """Advertise all local addresses of a local MAC."""
        for ip in sorted(record.ips, key=int):
            self.advertise(ip, record, local)

    def advertise(self, ip: IpAddress, record: MacRecord, local: LocalMac) -> None:
        """Advertise one address of a local MAC, if it is local."""
        binding = self._bindings[ip]
        if binding.local != record.mac:
            return
        self._decide(binding)
        routing = self._mac_vrf.gateways.routing
        route = self._context.originator.mac_ip(
            self._mac_vrf.config,
            None if routing is None else routing.config,
            record.mac,
            ip,
            local.sequence,
            sticky=local.sticky,
            router=binding.router,
            override=binding.override,
        )
        binding.originated = self._context.effects.announce(route)

    def _withdraw(self, binding: Binding, *, superseded: bool = False) -> None:
        if binding.originated is not None:
            self._context.effects.withdraw(binding.originated, superseded=superseded)
            binding.originated = None

    # --- routes of other PEs --------------------------------------------------------------------------------

    def add(self, ip: IpAddress, path: MacPath) -> None:
        """Take in the address of a MAC/IP advertisement; `settle` it once its MAC was settled."""
        gateways = self._mac_vrf.gateways
        if not gateways.owns(ip):
            binding = self._bindings.get(ip)
            if binding is None:
                binding = self._bindings[ip] = Binding(ip)
            binding.paths[path.key] = path
        elif not path.gateway:
            gateways.claimed_ip(ip, path.mac, pe=path.pe)

    def remove(self, ip: IpAddress, path: MacPath) -> None:
        """Drop the address of a path; call `removed` once its MAC was settled.

        The binding goes, its MAC stays while another route has it (RFC 7432 §10).
        """
        binding = self._bindings.get(ip)
        if binding is not None:
            binding.paths.pop(path.key, None)

    def removed(self, ip: IpAddress, path: MacPath) -> None:
        """Decide who has an address without a path, if that one had a say."""
        binding = self._bindings.get(ip)
        if binding is not None and (binding.best is path or binding.local is not None or not binding.paths):
            self.settle(ip)

    def settle(self, ip: IpAddress) -> None:
        """Decide who has an address, after its paths and its MAC changed."""
        binding = self._bindings.get(ip)
        if binding is not None:
            self._contest(binding)
            self._decide(binding)
            self._follow(binding)

    # RFC 9135 §7.1, for an address that was not known here before its MAC went.
    def _follow(self, binding: Binding) -> None:
        record = None if binding.owner is None else self._mac_vrf.record(binding.owner)
        if record is not None and record.left is not None:
            self._ask_later(binding.ip, record.mac, record.left)
            record.left = None

    def _ask_later(self, ip: IpAddress, mac: int, ac: int | None) -> None:
        at = self._context.now + self._context.config.probing.farewell
        self._context.agenda.schedule(AskWhereItIs(self._bd, ip, mac, ac), at)

    def ask_where_it_is(self, task: AskWhereItIs) -> None:
        """Ask at the old place of a host, or everywhere, unless it came here meanwhile (RFC 9135 §7.1)."""
        record = self._mac_vrf.record(task.mac)
        if record is not None and record.local is not None:
            return
        if task.ac is None:
            self._probe(task.ip, None, self._mac_vrf.flooding.acs, remote=True)
        else:
            self._probe(task.ip, task.mac, (task.ac,), remote=False)

    # RFC 9721 §6: the address went to another MAC, whose sequence had to exceed ours.
    def _contest(self, binding: Binding) -> None:
        mac = binding.local
        record = None if mac is None else self._mac_vrf.record(mac)
        if record is None or record.local is None:
            return
        local = record.local
        path = self._best(path for path in binding.paths.values() if path.mac != mac)
        if path is None:
            return
        loopback = self._context.config.loopback
        if not path.gateway and not takes_over(path, local.sequence, sticky=local.sticky, pe=loopback):
            # Learned at once, neither knowing of the other: that this one wins says nothing about the host.
            self._verify(binding)
            return
        binding.local = None
        self._decide(binding)
        self._withdraw(binding)
        self._probe(binding.ip, mac, (local.ac,), remote=False)

    def next_hop_changed(self, pe: IpAddress) -> None:
        """Choose anew wherever a path through `pe` takes part."""
        for binding in self.all():
            if any(path.pe == pe for path in binding.paths.values()):
                self.settle(binding.ip)

    # --- what the tables shall say --------------------------------------------------------------------------

    def _decide(self, binding: Binding) -> None:
        """Settle who has the address, and let proxy and IP-VRF follow."""
        context, bd, ip = self._context, self._bd, binding.ip
        binding.best = self._best(binding.paths.values())
        if binding.local is not None:
            owner: int | None = binding.local
        elif binding.best is not None:
            owner = binding.best.mac
        else:
            hoped = binding.asked if binding.moved is None else binding.moved
            owner = None if hoped is None or self._mac_vrf.record(hoped) is None else hoped
        self._own(binding, owner)
        if binding.local is not None:
            record = self._mac_vrf.record(binding.local)
            ac = record.local.ac if record is not None and record.local is not None else None
            context.effects.set(Neighbor(bd, ip, binding.local, ac, binding.router, binding.override))
        elif binding.best is not None:
            path = binding.best
            context.effects.set(Neighbor(bd, ip, path.mac, None, path.router, path.override))
        else:
            context.effects.unset(("Neighbor", bd, ip))
        routing = self._mac_vrf.gateways.routing
        if routing is not None and not ip.is_link_local:
            routing.table.set_host(ip, self._host(binding, routing.config.irb))
        if owner is None and not binding.paths:
            self._bindings.pop(ip, None)
            self.clear_duplicate(ip)

    def _best(self, paths: Iterable[MacPath]) -> MacPath | None:
        heeds = self._mac_vrf.heeds
        return best(path for path in paths if self._context.reachable(path.pe) and heeds(path))

    def _own(self, binding: Binding, owner: int | None) -> None:
        if owner == binding.owner:
            return
        former = None if binding.owner is None else self._mac_vrf.record(binding.owner)
        if former is not None:
            former.ips.discard(binding.ip)
            self._mac_vrf.sweep(former)
        record = None if owner is None else self._mac_vrf.record(owner)
        if record is not None:
            record.ips.add(binding.ip)
        binding.owner = owner

    def _host(self, binding: Binding, irb: Irb) -> Host | None:
        """What the IP-VRF is to know (RFC 9135 §5.2, §6.2)."""
        mac, path = binding.owner, binding.best
        record = None if mac is None else self._mac_vrf.record(mac)
        gateway = self._mac_vrf.gateways.facing(binding.ip)
        if mac is None or record is None or gateway is None:
            return None
        location = record.location
        if binding.local is not None:
            if record.local is None or location is None:
                return None
            return Host(Adjacent(self._bd, mac, gateway.mac, location), HostRank.LOCAL, record.local.sequence)
        if path is None:
            if not isinstance(location, Remote):
                return None
            return Host(Adjacent(self._bd, mac, gateway.mac, location), HostRank.MOVED, 0)
        if path.label2 is not None and irb is Irb.SYMMETRIC:
            return Host(Remote(path.pe, path.label2), HostRank.REMOTE, path.sequence)
        via = location if location is not None else Remote(path.pe, path.label)
        return Host(Adjacent(self._bd, mac, gateway.mac, via), HostRank.REMOTE, path.sequence)

    # --- asking ---------------------------------------------------------------------------------------------

    def _probe(self, ip: IpAddress, mac: int | None, acs: tuple[int, ...], *, remote: bool) -> None:
        gateway = self._mac_vrf.gateways.facing(ip)
        source_mac = self._context.config.probe_mac if gateway is None else gateway.mac
        source_ip = gateway.address.ip if gateway is not None and ip in gateway.address.network else None
        self._context.effects.emit(Probe(self._bd, ip, mac, acs, source_mac, source_ip, remote))

    def glean(self, ip: IpAddress) -> None:
        """A packet wants an address nobody is known to have: ask everybody, not too often."""
        now, probing = self._context.now, self._context.config.probing
        binding = self._bindings.get(ip)
        gateways = self._mac_vrf.gateways
        if (
            (binding is not None and binding.owner is not None)
            or not gateways.covers(ip)
            or gateways.owns(ip)
        ):
            return
        if now - self._gleaned.get(ip, float("-inf")) < probing.glean_interval:
            return
        if len(self._gleaned) >= 4096:
            self._gleaned.clear()
        self._gleaned[ip] = now
        self._probe(ip, None, self._mac_vrf.flooding.acs, remote=True)

    def verify(self, record: MacRecord) -> bool:
        """Ask everybody for the addresses of a local MAC that fell silent; False if it has none."""
        found = False
        for ip in sorted(record.ips, key=int):
            binding = self._bindings[ip]
            if binding.local != record.mac:
                continue
            found = True
            self._verify(binding)
        return found

    def _verify(self, binding: Binding) -> None:
        """Ask everybody for a local address, unless that is under way."""
        if not binding.wide:
            binding.tries, binding.wide = 1, True
            self._probe(binding.ip, None, self._mac_vrf.flooding.acs, remote=True)
            self._schedule_retry(binding)

    def refresh(self, ip: IpAddress) -> None:
        """It is time to ask for an address, to ask again, or to give it up."""
        binding = self._bindings.get(ip)
        record = None if binding is None or binding.owner is None else self._mac_vrf.record(binding.owner)
        if binding is None:
            return
        if record is None or record.local is None:
            self._stop_asking(binding)
            return
        probing = self._context.config.probing
        if binding.tries == 0 and (
            probing.refresh is None or self._context.now < binding.confirmed + probing.refresh
        ):
            self._schedule_refresh(binding)
            return
        if binding.tries <= probing.retries:
            binding.tries += 1
            last = binding.tries > probing.retries
            self._ask_again(binding, record, wide=binding.wide or (last and binding.local is not None))
            self._schedule_retry(binding)
        elif binding.local is not None:
            self._give_up(binding, record)
        else:
            self._stop_asking(binding)

    def _stop_asking(self, binding: Binding) -> None:
        if binding.asked is not None:
            binding.asked = None
            self._decide(binding)

    def _ask_again(self, binding: Binding, record: MacRecord, *, wide: bool) -> None:
        if wide:
            self._probe(binding.ip, None, self._mac_vrf.flooding.acs, remote=True)
        elif record.local is not None:
            self._probe(binding.ip, record.mac, (record.local.ac,), remote=False)

    # RFC 9135 §7.3: a silent host that does not answer is not here any more.
    def _give_up(self, binding: Binding, record: MacRecord) -> None:
        detail = f"no answer to {binding.tries} questions"
        self._context.effects.emit(Note("silent", self._bd, record.mac, binding.ip, detail))
        binding.local = None
        self._decide(binding)
        self._withdraw(binding)
        sticky = record.local is not None and record.local.sticky
        if not sticky and not any(self._bindings[ip].local == record.mac for ip in record.ips):
            self._mac_vrf.forget(record, "silent")

    def forget_moved(self, ip: IpAddress) -> None:
        """Nobody advertised an address whose MAC moved away: it does not follow its MAC any longer."""
        binding = self._bindings.get(ip)
        if binding is not None and binding.moved is not None:
            binding.moved = None
            self._decide(binding)

    def _schedule_refresh(self, binding: Binding) -> None:
        refresh = self._context.config.probing.refresh
        if refresh is not None:
            self._context.agenda.schedule(RefreshBinding(self._bd, binding.ip), binding.confirmed + refresh)

    def _schedule_retry(self, binding: Binding) -> None:
        at = self._context.now + self._context.config.probing.timeout
        self._context.agenda.schedule(RefreshBinding(self._bd, binding.ip), at)
