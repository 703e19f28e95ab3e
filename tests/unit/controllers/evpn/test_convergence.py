"""Any order, delay, loss and duplication of routes ends with one owner per MAC and every host reached.

A failing example prints its steps; `@reproduce_failure` or the printed steps replay it.
"""

from __future__ import annotations

import itertools
from ipaddress import ip_address

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from controllers.evpn.config import GatewayMode, HostRouteCarrier, Irb, Mobility, Vmto, virtual_mac
from controllers.evpn.events import AcDown, AcUp, GleanMissed, MacAged
from controllers.evpn.pe import EvpnPe
from controllers.evpn.simulation import BRANCH_BD, STRETCHED_BD, VRF, Lan, network, stretched_lan
from controllers.intents import Adjacent, IpRoute, LocalAc, MacEntry, Remote
from controllers.pe.config import Probing
from controllers.pe.outputs import Alarm
from controllers.pe.simulation import Announcement, Machine
from controllers.pe.walk import Fate
from controllers.wire.evpn import IpPrefix, MacIpAdvertisement
from controllers.wire.types import IpAddress
from controllers.wire.vpn import VpnPrefix

SITES = ("dc1", "dc2", "dc3")
PES = (*SITES, "branch")
GATEWAY = virtual_mac(1)
CLIENT_IP = ip_address("10.2.0.10")
PROBING = Probing()
"""As the PEs have it: nobody configures another one here."""

pes = st.sampled_from(PES)
sites = st.sampled_from(SITES)
circuits = st.sampled_from((1, 2))
machines = st.integers(0, 2)


class MovingMachines(RuleBasedStateMachine):
    """Machines move, talk, take over addresses; messages travel when hypothesis lets them; all may break."""

    @initialize(
        vmto=st.sampled_from(list(Vmto)),
        irb=st.sampled_from(list(Irb)),
        carrier=st.sampled_from(list(HostRouteCarrier)),
        mode=st.sampled_from([GatewayMode.ANYCAST, GatewayMode.COMMUNITY]),
    )
    def build(self, vmto: Vmto, irb: Irb, carrier: HostRouteCarrier, mode: GatewayMode) -> None:
        # Duplicate detection has tests of its own: here machines may move as often as they like.
        subnets = ("10.1.0.1/24", "2001:db8:1::1/64")
        lan = Lan(vmto, mode, irb, carrier, subnets, mobility=Mobility(max_moves=1_000_000))
        self.net = network(stretched_lan(SITES, lan, branch="branch"))
        self.machines = [
            Machine(0x020000000010, (ip_address("10.1.0.10"), ip_address("2001:db8:1::10")), STRETCHED_BD),
            Machine(0x020000000011, (ip_address("10.1.0.11"), ip_address("10.1.0.12")), STRETCHED_BD),
            Machine(0x020000000012, (), STRETCHED_BD),
        ]
        self.heard = [False] * len(self.machines)
        # An address went to another MAC; what PEs heard of that may be lost; one PE did not reach another.
        self.taken_over = self.unheard_of = self.out_of_reach = False
        self.net.attach(Machine(0x020000000020, (CLIENT_IP,), BRANCH_BD), "branch", 1)
        self.net.settle()

    @rule(which=machines, pe=sites, ac=circuits, how=st.sampled_from(list(Announcement)))
    def move(self, which: int, pe: str, ac: int, how: Announcement) -> None:
        self.net.attach(self.machines[which], pe, ac, how)
        self.heard[which] = how is not Announcement.NONE
        if how is not Announcement.GARP:
            self.unheard_of = self.taken_over

    @rule(which=machines, how=st.sampled_from(list(Announcement)))
    def talk(self, which: int, how: Announcement) -> None:
        self.net.announce(self.machines[which], how)
        self.heard[which] |= how is not Announcement.NONE and self.machines[which].pe is not None

    @rule(which=machines)
    def leave(self, which: int) -> None:
        self.net.detach(self.machines[which])
        self.heard[which] = False
        self.unheard_of = self.taken_over

    @rule(which=machines, other=machines)
    def take_over(self, which: int, other: int) -> None:
        """An address goes to another MAC, which says so: a standby server, or a new network card."""
        gives, takes = self.machines[which], self.machines[other]
        if gives is takes or not gives.ips or takes.pe is None:
            return
        while self.net.deliver_frame():
            pass
        takes.ips, gives.ips = (*takes.ips, gives.ips[0]), gives.ips[1:]
        self.taken_over = True
        self.talk(other, Announcement.GARP)

    @rule(pe=sites, ac=circuits)
    def flap(self, pe: str, ac: int) -> None:
        for which, machine in enumerate(self.machines):
            if (machine.pe, machine.ac) == (pe, ac):
                self.leave(which)
        self.net.send(pe, AcDown(ac))
        self.net.send(pe, AcUp(ac))

    @rule(count=st.integers(1, 4))
    def frames(self, count: int) -> None:
        for _ in range(count):
            self.net.deliver_frame()

    @rule(pe=pes)
    def lull(self, pe: str) -> None:
        self.net.withdraw_superseded(pe)

    @rule(pe=pes, count=st.integers(1, 4))
    def up(self, pe: str, count: int) -> None:
        for _ in range(count):
            self.net.deliver_up(pe)

    @rule(pe=pes, count=st.integers(1, 6))
    def down(self, pe: str, count: int) -> None:
        for _ in range(count):
            self.net.deliver_down(pe)

    @rule()
    def settle(self) -> None:
        self.net.settle()

    @rule(pe=pes)
    def reset(self, pe: str) -> None:
        self.net.reset_session(pe)
        self.unheard_of = self.taken_over

    @rule(pe=pes, others_go_on=st.booleans())
    def outage(self, pe: str, others_go_on: bool) -> None:
        self.net.outage(pe, lambda: self.net.settle(without=pe) if others_go_on else None)
        self.unheard_of = self.taken_over

    @rule(pe=pes, other=pes, metric=st.sampled_from([None, 1, 20]))
    def route(self, pe: str, other: str, metric: int | None) -> None:
        if pe != other:
            self.net.reach(pe, other, metric)
            self.out_of_reach |= metric is None

    @rule(pe=pes)
    def duplicate(self, pe: str) -> None:
        self.net.refresh(pe)

    @rule(seconds=st.sampled_from([0.01, 1.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.net.advance(seconds)

    @rule(pe=sites, which=machines)
    def age(self, pe: str, which: int) -> None:
        machine = self.machines[which]
        if pe == machine.pe and not self.knows(pe, machine):
            # Of whom no address is known cannot be asked: it is forgotten until it speaks again.
            self.heard[which] = False
        self.net.send(pe, MacAged(STRETCHED_BD, machine.mac))

    def knows(self, pe: str, machine: Machine) -> bool:
        core = self.net.nodes[pe].core
        assert isinstance(core, EvpnPe)
        bindings = core.bds[STRETCHED_BD].bindings
        return any(bindings.get(ip) for ip in machine.ips)

    @invariant()
    def only_what_is_local_is_originated(self) -> None:
        if not hasattr(self, "net"):
            return
        for node in self.net.nodes.values():
            gateways = {key[2] for key in node.tables if key[0] == "GatewayMac"}
            for route in node.core.originated:
                match route.nlri:
                    case MacIpAdvertisement(mac=mac) if mac not in gateways:
                        entry = node.tables[
                            ("MacEntry", STRETCHED_BD if mac != 0x020000000020 else BRANCH_BD, mac)
                        ]
                        assert isinstance(entry, MacEntry)
                        assert isinstance(entry.via, LocalAc)
                    case IpPrefix(prefix=prefix) | VpnPrefix(prefix=prefix) if prefix.prefixlen == 32:
                        ip_route = node.tables[("IpRoute", VRF, prefix)]
                        assert isinstance(ip_route, IpRoute)
                        assert isinstance(ip_route.via, Adjacent)
                        assert isinstance(ip_route.via.via, LocalAc)
                    case _:
                        pass

    def teardown(self) -> None:
        if hasattr(self, "net"):
            self.converge()
            self.only_what_is_local_is_originated()
            self.check()
            self.check_nothing_is_stale()

    def converge(self) -> None:
        net = self.net
        for pe, other in itertools.permutations(PES, 2):
            net.reach(pe, other, 1)
        net.settle()
        for machine, heard in zip(self.machines, self.heard, strict=True):
            if heard:
                if self.out_of_reach or not any(self.knows(pe, machine) for pe in SITES):
                    # Two PEs that learned a MAC at once settle by address, and one that does not reach the
                    # other took it for here all the time: its next frame tells.
                    net.announce(machine, Announcement.DATA)
                    net.settle()
                if self.owners(machine.mac) != [machine.pe]:
                    # It came while its former PE was asking for it already: it hears the next question.
                    net.advance(PROBING.timeout)
                assert self.owners(machine.mac) == [machine.pe], (
                    f"{machine} spoke, {self.owners(machine.mac)}"
                )
        # A switch reports again who is still silent: another MAC may have answered for its address.
        for _ in range(2):
            self.age_the_silent()
            net.advance(30.0)
        if self.unheard_of and PROBING.refresh is not None:
            # The former owner's PE learns of it when it asks again, as long after as ARP caches keep things.
            net.advance(PROBING.refresh)
        net.settle()

    def age_the_silent(self) -> None:
        """What a switch would report of a silent machine: no frame from where it is not."""
        for machine, heard in zip(self.machines, self.heard, strict=True):
            for name, node in () if heard else self.net.nodes.items():
                entry = node.tables.get(("MacEntry", STRETCHED_BD, machine.mac))
                via = entry.via if isinstance(entry, MacEntry) else None
                if isinstance(via, LocalAc) and (name, via.ac) != (machine.pe, machine.ac):
                    self.net.send(name, MacAged(STRETCHED_BD, machine.mac))
                    self.net.settle()

    def check(self) -> None:
        alarms = [o for node in self.net.nodes.values() for o in node.outputs if isinstance(o, Alarm)]
        assert alarms == []
        for machine in self.machines:
            owners = self.owners(machine.mac)
            assert len(owners) <= 1, f"{machine} is owned by {owners}"
            if machine.pe is None:
                assert owners == [], f"{machine} is nowhere but {owners} have it"
            for ip in machine.ips:
                self.check_address(machine, ip)
            if owners and machine.pe is not None:
                assert owners == [machine.pe]
                for pe in SITES:
                    walk = self.net.walk_frame(pe, STRETCHED_BD, machine.mac)
                    assert (walk.fate, walk.pes[-1], walk.ac) == (Fate.DELIVERED, machine.pe, machine.ac), (
                        walk
                    )
                    assert len(walk.pes) <= 2

    def check_nothing_is_stale(self) -> None:
        """Whatever leads to another PE leads to one that has it: MACs, and /32 and /128 routes."""
        nodes = {node.core.config.loopback: (name, node) for name, node in self.net.nodes.items()}
        for node in self.net.nodes.values():
            for intent in node.tables.values():
                match intent:
                    case MacEntry(mac=mac, via=Remote(pe=pe)):
                        assert nodes[pe][0] in self.owners(mac), intent
                    case IpRoute(prefix=prefix, via=Remote(pe=pe)) if (
                        prefix.prefixlen == prefix.max_prefixlen
                    ):
                        there = nodes[pe][1].tables.get(intent.key)
                        assert isinstance(there, IpRoute), intent
                        assert isinstance(there.via, Adjacent), intent
                        assert isinstance(there.via.via, LocalAc), intent

    def check_address(self, machine: Machine, ip: IpAddress) -> None:
        for pe in PES:
            walk = self.net.walk_packet(pe, VRF, ip)
            if machine.pe is None:
                assert walk.fate in (Fate.GLEANED, Fate.DROPPED), walk
                continue
            if walk.fate is Fate.GLEANED:
                self.net.send(walk.pes[-1], GleanMissed(STRETCHED_BD, ip))
                self.net.settle()
                walk = self.net.walk_packet(pe, VRF, ip)
            gateways = [
                n
                for n, node in self.net.nodes.items()
                if ("GatewayMac", STRETCHED_BD, GATEWAY) in node.tables
            ]
            if walk.fate is Fate.DROPPED:
                assert pe in SITES
                assert pe not in gateways
                continue
            assert (walk.fate, walk.pes[-1], walk.ac) == (Fate.DELIVERED, machine.pe, machine.ac), walk
            assert len(walk.pes) <= 3, walk

    def owners(self, mac: int) -> list[str]:
        return [
            name
            for name, node in self.net.nodes.items()
            if any(isinstance(r.nlri, MacIpAdvertisement) and r.nlri.mac == mac for r in node.core.originated)
        ]


def moving_machines() -> MovingMachines:
    """The same by hand, with VMTO off."""
    machine = MovingMachines()
    machine.build(Vmto.OFF, Irb.SYMMETRIC, HostRouteCarrier.TYPE2, GatewayMode.ANYCAST)
    return machine


def test_an_address_whose_new_owner_was_not_heard_is_found_by_asking_the_former_one() -> None:
    """The PE that heard it lost its circuit and its session before it could tell."""
    machine = moving_machines()
    machine.move(1, "dc1", 1, Announcement.GARP)
    machine.move(0, "dc2", 1, Announcement.GARP)
    machine.take_over(1, 0)
    machine.flap("dc2", 1)
    machine.move(0, "dc2", 1, Announcement.RARP)
    machine.reset("dc2")
    machine.teardown()


def test_a_machine_that_comes_back_while_it_is_asked_for_is_found() -> None:
    """Its former PE keeps it by its lower address until the next question is answered from elsewhere."""
    machine = moving_machines()
    machine.move(0, "dc1", 1, Announcement.GARP)
    machine.leave(0)
    machine.age("dc1", 0)
    machine.move(1, "dc1", 1, Announcement.GARP)
    machine.take_over(0, 1)
    machine.move(0, "dc2", 1, Announcement.RARP)
    machine.teardown()


MovingMachines.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestMovingMachines = MovingMachines.TestCase
