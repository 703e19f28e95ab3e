"""VPLS decisions: signalling, learning, flush, sites of several PEs, and the gateway that all go through."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

import pytest
from msgspec import structs

from controllers.bgp.routes import RouteEvent
from controllers.intents import (
    AttachmentCircuit,
    FloodList,
    GatewayMac,
    Glean,
    IpRoute,
    LocalAc,
    MacEntry,
    PseudoWireEnd,
    Remote,
    ServiceLabel,
    ViaPseudoWire,
)
from controllers.pe.config import virtual_mac
from controllers.pe.events import AcDown, AcUp, GleanMissed, MacAged, MacLearned, NeighborKind, NeighborSeen
from controllers.pe.outputs import Alarm, AlarmCode, Announce, Probe, Withdraw
from controllers.pe.simulation import Announcement, Machine, Network
from controllers.pe.walk import Fate
from controllers.vpls.events import GatewayHeld, SendGratuitous, StopVrrp, TopologyChange
from controllers.vpls.originate import site_route
from controllers.vpls.simulation import BD, VIRTUAL, VRF, VRID, network, stretched_lan
from controllers.wire.extended import Layer2Info
from controllers.wire.vpn import VpnPrefix

SITES = ("dc1", "dc2", "dc3")
VM, VM_IP = 0x020000000010, ip_address("10.1.0.10")
OTHER, OTHER_IP = 0x020000000011, ip_address("10.1.0.11")
CLIENT_IP = ip_address("10.2.0.10")
GATEWAY = virtual_mac(VRID)
FIRST_PW = 0x4000


@pytest.fixture
def net() -> Network:
    lab = network(stretched_lan(SITES, branch="branch"))
    lab.settle()
    lab.advance(5.0)
    return lab


@pytest.fixture
def vm(net: Network) -> Machine:
    machine = Machine(VM, (VM_IP,), BD)
    net.attach(machine, "dc1", 1)
    net.settle()
    return machine


def table(net: Network, pe: str, *key: object) -> Any:
    return net.nodes[pe].tables.get(key)


def flooded_to(net: Network, pe: str) -> list[str]:
    return [str(remote.pe) for remote in table(net, pe, "FloodList", BD).remotes]


def said(net: Network, kind: type) -> list[Any]:
    return [o for node in net.nodes.values() for o in node.outputs if isinstance(o, kind)]


class TestSignalling:
    def test_labels_of_both_ends(self, net: Network) -> None:
        # The PE of VE 2 sends with the base of dc1 plus 2; that label says where it came from.
        assert table(net, "dc1", "ServiceLabel", 10002) == ServiceLabel(
            10002, PseudoWireEnd(BD, FIRST_PW + 2)
        )
        assert table(net, "dc2", "FloodList", BD) == FloodList(
            BD, (1, 2), (Remote(ip_address("10.255.0.1"), 10002), Remote(ip_address("10.255.0.3"), 30002))
        )

    def test_blocks_that_do_not_cover_a_site(self) -> None:
        configs = stretched_lan(SITES)
        small = replace(configs[0].instances[0], block_size=3)
        net = network([replace(configs[0], instances=(small,)), *configs[1:]])
        net.settle()
        assert flooded_to(net, "dc1") == ["10.255.0.2"]
        assert [a.code for a in said(net, Alarm)] == [AlarmCode.NO_LABEL] * 2, "both ends say so"
        net.fail("dc3")
        alarms = [alarm for alarm in net.nodes["dc1"].outputs if isinstance(alarm, Alarm)]
        assert [alarm.cleared for alarm in alarms] == [False, True], "over with the site"

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_labels_in_several_blocks(self, order: tuple[int, int]) -> None:
        """RFC 4761 §3.2.2: the block that covers this site counts, whichever came first."""
        net = network(stretched_lan(SITES))
        net.settle()
        config = replace(stretched_lan(SITES)[0].instances[0], block_size=2)
        beside = replace(config, block_offset=3, label_base=77000)
        loopback = ip_address("10.255.0.1")
        routes = [site_route(each, loopback, down=False) for each in (config, beside)]
        former = site_route(stretched_lan(SITES)[0].instances[0], loopback, down=False)
        net.send("dc3", RouteEvent(former.key, former.nlri, None))
        for number in order:
            net.send("dc3", RouteEvent(routes[number].key, routes[number].nlri, routes[number]))
        assert Remote(loopback, 77000) in table(net, "dc3", "FloodList", BD).remotes

    def test_a_block_that_grows_flushes_nothing(self, net: Network, vm: Machine) -> None:
        """A pseudo-wire that goes on with the same label goes on with its MACs."""
        (config,), loopback = stretched_lan(SITES)[0].instances, ip_address("10.255.0.1")
        small = site_route(config, loopback, down=False)
        large = site_route(replace(config, block_size=64), loopback, down=False)
        net.send("dc3", RouteEvent(large.key, large.nlri, large))
        outputs = net.send("dc3", RouteEvent(small.key, small.nlri, None))
        preferred = site_route(replace(config, block_size=64, preference=120), loopback, down=False)
        outputs += net.send("dc3", RouteEvent(large.key, large.nlri, preferred))
        assert outputs == []
        assert table(net, "dc3", "MacEntry", BD, VM).via.remote == Remote(loopback, 10003)
        moved = site_route(replace(config, block_size=64, label_base=77000), loopback, down=False)
        net.send("dc3", RouteEvent(large.key, large.nlri, moved))
        assert table(net, "dc3", "MacEntry", BD, VM) is None
        assert Remote(loopback, 77003) in table(net, "dc3", "FloodList", BD).remotes

    @pytest.mark.parametrize(
        ("base", "encapsulation", "taken"),
        [(1_048_568, 19, True), (1_048_569, 19, False), (15, 19, False), (500, 4, False)],
    )
    def test_blocks_that_make_no_sense(self, base: int, encapsulation: int, taken: bool) -> None:
        net = network(stretched_lan(SITES))
        config = replace(stretched_lan(SITES)[0].instances[0], block_size=8, label_base=base)
        route = site_route(config, ip_address("10.255.0.1"), down=False)
        info = Layer2Info(encapsulation, mtu=1500)
        attributes = structs.replace(route.attributes, extended_communities=(*config.export_rts, info))
        net.send("dc2", RouteEvent(route.key, route.nlri, structs.replace(route, attributes=attributes)))
        assert flooded_to(net, "dc2") == (["10.255.0.1"] if taken else [])
        assert [a.code for a in said(net, Alarm)] == ([] if taken else [AlarmCode.BAD_ROUTE])

    def test_a_pe_that_is_gone(self, net: Network, vm: Machine) -> None:
        assert table(net, "dc2", "MacEntry", BD, VM) is not None
        net.fail("dc1")
        assert table(net, "dc2", "MacEntry", BD, VM) is None
        assert table(net, "dc2", "ServiceLabel", 20001) is None
        assert flooded_to(net, "dc2") == ["10.255.0.3"]

    def test_routes_in_any_order_give_the_same_tables(self) -> None:
        nets = []
        for order in (SITES, SITES[::-1]):
            net = network(stretched_lan(SITES))
            for pe in order:
                while net.deliver_up(pe):
                    pass
            net.settle()
            nets.append({name: node.tables for name, node in net.nodes.items()})
        assert nets[0] == nets[1]


class TestLearning:
    def test_frames_teach_circuits_and_pseudo_wires(self, net: Network, vm: Machine) -> None:
        assert table(net, "dc1", "MacEntry", BD, VM) == MacEntry(BD, VM, LocalAc(1))
        wire = ViaPseudoWire(FIRST_PW + 1, Remote(ip_address("10.255.0.1"), 10002))
        assert table(net, "dc2", "MacEntry", BD, VM) == MacEntry(BD, VM, wire)

    def test_no_route_is_sent_for_a_mac(self, net: Network, vm: Machine) -> None:
        before = len(said(net, Announce)) + len(said(net, Withdraw))
        net.attach(vm, "dc2", 1)
        net.settle()
        assert len(said(net, Announce)) + len(said(net, Withdraw)) == before

    def test_a_move_is_learned_from_the_flooded_announcement(self, net: Network, vm: Machine) -> None:
        net.attach(vm, "dc3", 2)
        net.settle()
        for pe in SITES:
            walk = net.walk_frame(pe, BD, VM)
            assert (walk.fate, walk.pes[-1], walk.ac) == (Fate.DELIVERED, "dc3", 2)

    def test_a_silent_move_leaves_a_black_hole_until_ageing(self, net: Network, vm: Machine) -> None:
        net.attach(vm, "dc3", 2, Announcement.NONE)
        net.settle()
        assert net.walk_frame("dc2", BD, VM).pes == ("dc2", "dc1")
        for pe in SITES:
            net.send(pe, MacAged(BD, VM))
        assert net.walk_frame("dc2", BD, VM).fate is Fate.FLOODED

    def test_a_circuit_that_goes_down_is_flushed(self, net: Network, vm: Machine) -> None:
        net.send("dc1", AcDown(1))
        assert table(net, "dc1", "MacEntry", BD, VM) is None
        assert table(net, "dc1", "FloodList", BD).acs == (2,)
        net.send("dc1", AcUp(1))
        assert table(net, "dc1", "FloodList", BD).acs == (1, 2)

    def test_a_topology_change_makes_unicast_flood_until_a_frame_teaches_again(
        self, net: Network, vm: Machine
    ) -> None:
        for pe in SITES:
            net.send(pe, TopologyChange(BD))
        assert net.walk_frame("dc2", BD, VM).fate is Fate.FLOODED
        net.send("dc1", MacLearned(BD, 1, VM))
        net.send("dc2", MacLearned(BD, FIRST_PW + 1, VM))
        assert net.walk_frame("dc2", BD, VM).fate is Fate.DELIVERED

    def test_limit(self) -> None:
        configs = stretched_lan(["dc1"])
        net = network([replace(configs[0], instances=(replace(configs[0].instances[0], mac_limit=1),))])
        for mac in (VM, OTHER):
            net.send("dc1", MacLearned(BD, 1, mac))
        assert [a.code for a in said(net, Alarm)] == [AlarmCode.MAC_LIMIT]
        assert table(net, "dc1", "MacEntry", BD, OTHER) is None
        net.send("dc1", MacAged(BD, VM))
        net.send("dc1", MacLearned(BD, 1, OTHER))
        assert table(net, "dc1", "MacEntry", BD, OTHER) is not None

    def test_limit_of_a_circuit(self) -> None:
        """Frames of MACs beyond it teach nothing, be they new or known elsewhere; other circuits go on."""
        (config,) = stretched_lan(["dc1"])
        (instance,) = config.instances
        limited = replace(instance, acs=(replace(instance.acs[0], mac_limit=1), instance.acs[1]))
        net = network([replace(config, instances=(limited,))])
        for ac, mac in ((1, VM), (2, OTHER), (1, OTHER), (1, OTHER + 1), (2, OTHER + 2)):
            net.send("dc1", MacLearned(BD, ac, mac))
        assert [(a.text, a.cleared) for a in said(net, Alarm)] == [("bd 10: ac 1 has its 1 MACs", False)]
        assert table(net, "dc1", "MacEntry", BD, OTHER).via == LocalAc(2)
        assert table(net, "dc1", "MacEntry", BD, OTHER + 1) is None
        assert table(net, "dc1", "MacEntry", BD, OTHER + 2) is not None
        net.send("dc1", MacLearned(BD, 2, VM))
        net.send("dc1", MacLearned(BD, 1, OTHER))
        assert said(net, Alarm)[-1].cleared
        assert table(net, "dc1", "MacEntry", BD, OTHER).via == LocalAc(1)

    @pytest.mark.parametrize("mac", [0, 0x01005E000001])
    def test_no_stations(self, net: Network, mac: int) -> None:
        net.send("dc1", MacLearned(BD, 1, mac))
        assert table(net, "dc1", "MacEntry", BD, mac) is None

    def test_events_about_what_is_not_here(self, net: Network) -> None:
        assert net.send("dc1", MacLearned(BD, 99, VM)) == []
        assert net.send("dc1", MacLearned(99, 1, VM)) == []
        assert net.send("dc1", AcDown(99)) == []
        assert net.send("branch", GleanMissed(BD, VM_IP)) == []


class TestSiteOfTwoPes:
    """RFC 4761 §3.5: active and standby."""

    @pytest.fixture
    def pair(self) -> Network:
        configs = stretched_lan(SITES)
        same = [replace(configs[n].instances[0], ve_id=7, preference=200 - n, gateways=()) for n in (0, 1)]
        net = network(
            [replace(configs[n], instances=(same[n],)) for n in (0, 1)]
            + [replace(configs[2], instances=(replace(configs[2].instances[0], gateways=()),))]
        )
        net.settle()
        return net

    def circuits(self, net: Network, pe: str) -> list[bool]:
        return [o.shut for o in net.nodes[pe].tables.values() if isinstance(o, AttachmentCircuit)]

    def test_one_forwards(self, pair: Network) -> None:
        assert self.circuits(pair, "dc1") == [False, False]
        assert self.circuits(pair, "dc2") == [True, True]
        assert flooded_to(pair, "dc3") == ["10.255.0.1"]
        assert table(pair, "dc2", "FloodList", BD) == FloodList(BD)

    def test_fail_over_flushes(self, pair: Network) -> None:
        pair.send("dc3", MacLearned(BD, FIRST_PW + 7, VM))
        pair.send("dc1", AcDown(1))
        pair.send("dc1", AcDown(2))
        pair.settle()
        assert self.circuits(pair, "dc2") == [False, False]
        assert table(pair, "dc3", "MacEntry", BD, VM) is None
        assert flooded_to(pair, "dc3") == ["10.255.0.2"]
        assert table(pair, "dc3", "ServiceLabel", 30007) is not None
        pair.send("dc1", AcUp(1))
        pair.settle()
        assert self.circuits(pair, "dc2") == [True, True]

    def test_a_pe_that_cannot_be_reached_does_not_forward(self, pair: Network) -> None:
        pair.fail("dc1")
        pair.settle()
        assert self.circuits(pair, "dc2") == [False, False]

    @pytest.fixture
    def routers(self) -> Network:
        """The same two as gateways."""
        configs = stretched_lan(SITES)
        for n in (0, 1):
            instance = replace(configs[n].instances[0], ve_id=7, preference=200 - n)
            configs[n] = replace(configs[n], instances=(instance,))
        net = network(configs)
        net.settle()
        return net

    def test_only_the_one_that_forwards_is_a_router(self, routers: Network) -> None:
        net = routers
        net.advance(10)
        assert table(net, "dc1", "GatewayMac", BD, GATEWAY)
        assert not [key for key in net.nodes["dc2"].tables if key[0] in ("GatewayMac", "GatewayAddress")]
        assert not [route for route in net.nodes["dc2"].core.originated if isinstance(route.nlri, VpnPrefix)]
        net.fail("dc1")
        net.settle()
        net.advance(10)
        assert table(net, "dc2", "GatewayMac", BD, GATEWAY), "the second highest priority"
        assert table(net, "dc3", "GatewayMac", BD, GATEWAY) is None
        assert [route for route in net.nodes["dc2"].core.originated if isinstance(route.nlri, VpnPrefix)]

    def test_one_whose_circuits_are_all_down_hands_over_its_gateway_too(self, routers: Network) -> None:
        net = routers

        def state() -> list[object]:
            net.settle()
            net.advance(10)
            masters = [pe for pe in SITES if table(net, pe, "GatewayMac", BD, GATEWAY)]
            return [masters, *flooded_to(net, "dc3")]

        for ac in (1, 2):
            net.send("dc1", AcDown(ac))
        assert state() == [["dc2"], "10.255.0.2"]
        for ac in (1, 2):
            net.send("dc2", AcDown(ac))
        assert state() == [["dc3"]], "nobody is left to forward for the site"
        net.send("dc1", AcUp(1))
        assert state() == [["dc1"], "10.255.0.1"]
        net.send("dc1", AcDown(1))
        net.fail("dc2")
        assert state() == [["dc1"], "10.255.0.1"], "alone at its site it is a gateway for others"


class TestGateway:
    def test_one_master(self, net: Network) -> None:
        masters = [pe for pe in SITES if table(net, pe, "GatewayMac", BD, GATEWAY)]
        assert masters == ["dc1"]
        assert isinstance(table(net, "dc1", "GatewayMac", BD, GATEWAY), GatewayMac)
        assert table(net, "dc2", "MacEntry", BD, GATEWAY).via.remote.pe == ip_address("10.255.0.1")

    def test_it_is_a_trombone_both_ways_after_a_move(self, net: Network, vm: Machine) -> None:
        net.attach(vm, "dc2", 1)
        net.settle()
        ingress = net.walk_packet("branch", VRF, VM_IP)
        egress = net.walk_frame("dc2", BD, GATEWAY, CLIENT_IP)
        assert (ingress.fate, ingress.pes, ingress.ac) == (Fate.DELIVERED, ("branch", "dc1", "dc2"), 1)
        # The packet ends in the branch's IP-VRF, which has no host there but the prefix.
        assert egress.pes == ("dc2", "dc1", "branch")

    def test_fail_over(self, net: Network, vm: Machine) -> None:
        net.attach(vm, "dc2", 1)
        net.settle()
        net.fail("dc1")
        net.advance(5.0)
        assert [pe for pe in ("dc2", "dc3") if table(net, pe, "GatewayMac", BD, GATEWAY)] == ["dc2"]
        assert net.walk_frame("dc3", BD, GATEWAY, CLIENT_IP).pes == ("dc3", "dc2", "branch")
        assert net.walk_packet("branch", VRF, VM_IP).pes == ("branch", "dc2")

    def test_for_ipv6_as_for_ipv4(self) -> None:
        configs = []
        for number, config in enumerate(stretched_lan(SITES), 2):
            (instance,) = config.instances
            (four,) = instance.gateways
            six = replace(four, virtual=ip_address("fd00::1"), own=ip_interface(f"fd00::{number}/64"))
            configs.append(replace(config, instances=(replace(instance, gateways=(four, six)),)))
        net = network(configs)
        net.settle()
        net.advance(10)
        host = ip_address("fd00::10")
        net.send("dc1", NeighborSeen(BD, 1, NeighborKind.GRATUITOUS, VM, host, host))
        mac = virtual_mac(VRID, 6)
        assert table(net, "dc1", "GatewayAddress", BD, ip_address("fd00::1")).mac == mac
        assert table(net, "dc1", "IpRoute", VRF, ip_network("fd00::10/128")).via.src_mac == mac
        assert table(net, "dc2", "MacEntry", BD, mac).via.remote.pe == ip_address("10.255.0.1")
        net.fail("dc1")
        net.settle()
        net.advance(10)
        for address in (VIRTUAL, ip_address("fd00::1")):
            assert table(net, "dc2", "GatewayAddress", BD, address)
            assert table(net, "dc3", "GatewayAddress", BD, address) is None

    def test_a_restarted_controller_goes_on_as_master(self) -> None:
        net = network(stretched_lan(SITES))
        net.settle()
        assert net.send("dc2", GatewayHeld(BD, 0x0A)) == []
        outputs = net.send("dc1", GatewayHeld(BD, GATEWAY))
        assert SendGratuitous(BD, VIRTUAL, GATEWAY) in outputs
        assert table(net, "dc1", "GatewayMac", BD, GATEWAY)

    def test_a_master_that_leaves_says_so(self, net: Network) -> None:
        net.send("dc1", StopVrrp(BD))
        net.settle()
        net.advance(1.0)
        assert table(net, "dc1", "GatewayMac", BD, GATEWAY) is None
        assert table(net, "dc2", "GatewayMac", BD, GATEWAY) is not None
        prefix = next(r for r in net.nodes["dc2"].core.originated if isinstance(r.nlri, VpnPrefix))
        assert prefix.attributes.local_pref == 200

    def test_one_that_left_routes_to_no_host_of_the_subnet(self, net: Network, vm: Machine) -> None:
        """Its packets to them enter at the master, as those of any PE without the subnet."""
        net.send("dc1", StopVrrp(BD))
        net.settle()
        net.advance(1.0)
        net.send("dc1", NeighborSeen(BD, 1, NeighborKind.REPLY, VM, VM_IP, VM_IP))
        assert table(net, "dc1", "IpRoute", VRF, ip_network(VM_IP)) is None
        walk = net.walk_packet("dc1", VRF, VM_IP)
        assert (walk.fate, walk.pes[:2]) == (Fate.DELIVERED, ("dc1", "dc2"))

    def test_macs_that_have_no_address_any_more_leave_nothing(self, net: Network) -> None:
        for mac in range(VM, VM + 100):
            net.send("dc1", NeighborSeen(BD, 1, NeighborKind.REPLY, mac, VM_IP, VM_IP))
        assert len(net.nodes["dc1"].core.instances[BD].gateways[4].hosts._of_mac) == 1

    def test_a_host_is_routed_to_while_its_place_is_known(self, net: Network, vm: Machine) -> None:
        host = ("IpRoute", VRF, ip_network(VM_IP))
        assert isinstance(table(net, "dc1", *host), IpRoute)
        net.send("dc1", MacAged(BD, VM))
        assert table(net, "dc1", *host) is None
        assert net.walk_packet("branch", VRF, VM_IP).fate is Fate.GLEANED
        asked = net.send("dc1", GleanMissed(BD, VM_IP))
        assert [type(o) for o in asked] == [Probe]
        assert net.send("dc1", GleanMissed(BD, VM_IP)) == []
        net.settle()
        net.send("dc1", MacLearned(BD, 1, VM))
        assert net.walk_packet("branch", VRF, VM_IP).fate is Fate.DELIVERED

    def test_a_host_that_does_not_answer_is_forgotten(self, net: Network, vm: Machine) -> None:
        net.detach(vm)
        net.advance(310.0)
        assert table(net, "dc1", "IpRoute", VRF, ip_network(VM_IP)) is None

    def test_a_host_that_answers_stays(self, net: Network, vm: Machine) -> None:
        net.advance(1000.0)
        assert table(net, "dc1", "IpRoute", VRF, ip_network(VM_IP)) is not None

    def test_subnet_without_hosts_is_gleaned(self, net: Network) -> None:
        assert table(net, "dc1", "IpRoute", VRF, ip_network("10.1.0.0/24")).via == Glean(BD)

    def test_spoofing(self, net: Network) -> None:
        net.send("dc1", NeighborSeen(BD, 1, NeighborKind.GRATUITOUS, VM, VIRTUAL, VIRTUAL))
        net.send("dc1", MacLearned(BD, 1, 0x02AA00000001))
        net.send("dc1", MacLearned(BD, 1, GATEWAY))
        assert [a.code for a in said(net, Alarm)] == [
            AlarmCode.GATEWAY_IP_CLAIMED,
            AlarmCode.GATEWAY_MAC_CLAIMED,
        ]
        assert table(net, "dc1", "MacEntry", BD, GATEWAY) is None

    def test_a_claim_is_forgotten_with_who_made_it(self, net: Network) -> None:
        for _ in range(2):
            net.send("dc1", NeighborSeen(BD, 1, NeighborKind.GRATUITOUS, VM, VIRTUAL, VIRTUAL))
            net.send("dc1", MacAged(BD, VM))
        assert [a.code for a in said(net, Alarm) if not a.cleared] == [AlarmCode.GATEWAY_IP_CLAIMED] * 2

    def test_an_address_that_goes_to_another_mac(self, net: Network, vm: Machine) -> None:
        net.attach(Machine(OTHER, (VM_IP,), BD), "dc2", 1)
        net.settle()
        assert table(net, "dc1", "IpRoute", VRF, ip_network(VM_IP)).via.dst_mac == OTHER
