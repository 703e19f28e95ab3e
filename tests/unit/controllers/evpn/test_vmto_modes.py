"""The truth of the experiment, on decisions alone: who trombones in which mode, before and after a move."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from controllers.evpn.config import GatewayMode, HostRouteCarrier, Irb, Vmto, virtual_mac
from controllers.evpn.simulation import BRANCH_BD, STRETCHED_BD, VRF, Lan, network, stretched_lan
from controllers.intents import Adjacent, IpRoute, Set
from controllers.pe.outputs import Announce, Withdraw
from controllers.pe.simulation import Announcement, Machine, Network
from controllers.pe.walk import Fate

VM_IP = ip_address("10.1.0.10")
VM = 0x020000000010
CLIENT_IP = ip_address("10.2.0.10")
CLIENT = 0x020000000020
GATEWAY = virtual_mac(1)


def lab(lan: Lan) -> tuple[Network, Machine]:
    net = network(stretched_lan(["dc1", "dc2", "dc3"], lan, branch="branch"))
    vm = Machine(VM, (VM_IP,), STRETCHED_BD)
    net.attach(vm, "dc1", 1)
    net.attach(Machine(CLIENT, (CLIENT_IP,), BRANCH_BD), "branch", 1)
    net.settle()
    return net, vm


def paths(net: Network, vm: Machine) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """PEs from the client to the machine and back; both must arrive."""
    ingress = net.walk_packet("branch", VRF, VM_IP)
    assert vm.pe is not None
    egress = net.walk_frame(vm.pe, STRETCHED_BD, GATEWAY, CLIENT_IP)
    assert (ingress.fate, egress.fate) == (Fate.DELIVERED, Fate.DELIVERED)
    return ingress.pes, egress.pes


STRAIGHT = (("branch", "dc2"), ("dc2", "branch"))
TROMBONE = (("branch", "dc1", "dc2"), ("dc2", "dc1", "branch"))
HALF = (("branch", "dc1", "dc2"), ("dc2", "branch"))


@pytest.mark.parametrize("irb", list(Irb))
@pytest.mark.parametrize("how", [Announcement.GARP, Announcement.RARP, Announcement.DATA])
@pytest.mark.parametrize(
    ("vmto", "expected"),
    [
        (Vmto.OFF, TROMBONE),
        (Vmto.EGRESS, HALF),
        (Vmto.INGRESS, TROMBONE),
        (Vmto.BOTH, STRAIGHT),
    ],
)
def test_paths_after_a_move(vmto: Vmto, irb: Irb, how: Announcement, expected: object) -> None:
    net, vm = lab(Lan(vmto, irb=irb))
    assert paths(net, vm) == (("branch", "dc1"), ("dc1", "branch"))
    net.attach(vm, "dc2", 1, how)
    net.settle()
    assert paths(net, vm) == expected


@pytest.mark.parametrize("carrier", list(HostRouteCarrier))
@pytest.mark.parametrize("irb", list(Irb))
def test_every_carrier_of_the_host_route_ends_the_trombone(carrier: HostRouteCarrier, irb: Irb) -> None:
    net, vm = lab(Lan(Vmto.BOTH, irb=irb, carrier=carrier))
    net.attach(vm, "dc2", 1)
    net.settle()
    assert paths(net, vm) == STRAIGHT
    net.attach(vm, "dc1", 2)
    net.settle()
    assert paths(net, vm) == (("branch", "dc1"), ("dc1", "branch"))


@pytest.mark.parametrize("order", [("dc2", "dc1", "branch", "dc3"), ("dc2", "branch", "dc3", "dc1")])
def test_nothing_is_lost_while_the_news_of_a_move_travels(order: tuple[str, ...]) -> None:
    """From the moment the new PE knows, every packet reaches the old PE's circuit or the new one."""
    net, vm = lab(Lan(Vmto.BOTH))
    net.attach(vm, "dc2", 1)
    moving = True
    while moving:
        moving = net.deliver_frame()
        for pe in order:
            moving |= net.deliver_up(pe)
            moving |= net.deliver_down(pe)
            walk = net.walk_packet("branch", VRF, VM_IP)
            assert walk.fate is Fate.DELIVERED, walk
    assert paths(net, vm) == STRAIGHT


def test_the_old_pe_repoints_before_it_withdraws() -> None:
    net, vm = lab(Lan(Vmto.BOTH))
    net.attach(vm, "dc2", 1)
    net.settle()
    net.nodes["dc1"].outputs.clear()
    net.attach(vm, "dc3", 1)
    net.settle()
    outputs = [o for o in net.nodes["dc2"].outputs if isinstance(o, Set | Withdraw)]
    route = next(
        i
        for i, o in enumerate(outputs)
        if isinstance(o, Set)
        and isinstance(o.obj, IpRoute)
        and not isinstance(o.obj.via, Adjacent)
        and o.obj.prefix.network_address == VM_IP
    )
    assert route < min(i for i, o in enumerate(outputs) if isinstance(o, Withdraw))


def test_only_the_pe_of_the_machine_originates_its_host_route() -> None:
    net, vm = lab(Lan(Vmto.BOTH))
    for pe in ("dc2", "dc3", "dc1"):
        net.attach(vm, pe, 1)
        net.settle()
        originators = [
            name
            for name, node in net.nodes.items()
            if any(f"[{VM_IP}/32]" in str(route.nlri) for route in node.core.originated)
        ]
        assert originators == [pe]


def test_a_bridging_pe_learns_the_gateway_from_its_route() -> None:
    net, _ = lab(Lan(Vmto.OFF))
    walk = net.walk_frame("dc2", STRETCHED_BD, GATEWAY, CLIENT_IP)
    assert walk.fate is Fate.DELIVERED
    assert walk.pes == ("dc2", "dc1", "branch")


def test_gateway_modes_after_a_move() -> None:
    """With a MAC per PE the guest keeps sending to the MAC it knows; the modes differ in who routes that."""
    old_gateway = 0x02AA00000001
    expected = {
        GatewayMode.COMMUNITY: (Fate.DELIVERED, ("dc2", "branch")),
        GatewayMode.PLAIN: (Fate.DELIVERED, ("dc2", "dc1", "branch")),
        GatewayMode.SILENT: (Fate.FLOODED, ("dc2",)),
    }
    for mode, (fate, pes) in expected.items():
        net, vm = lab(Lan(Vmto.BOTH, mode=mode))
        net.attach(vm, "dc2", 1)
        net.settle()
        walk = net.walk_frame("dc2", STRETCHED_BD, old_gateway, CLIENT_IP)
        assert (walk.fate, walk.pes) == (fate, pes), mode


def test_announcements_say_nothing_twice() -> None:
    net, vm = lab(Lan(Vmto.BOTH))
    for node in net.nodes.values():
        node.outputs.clear()
    for _ in range(3):
        net.announce(vm)
        net.settle()
    assert [o for n in net.nodes.values() for o in n.outputs if isinstance(o, Announce | Set)] == []
