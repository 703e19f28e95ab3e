"""The plan: everything derived, nothing twice, and always the same."""

from __future__ import annotations

import json
from collections import Counter
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.model import Endpoint, Plan, derive, load_plan, topology_from_text
from testbed.model import addresses as numbering
from testbed.model.addresses import LabelKind
from testbed.model.plan import PortKind
from testbed.model.topology import GatewayMode, Role

TOPOLOGIES = Path(__file__).parents[4] / "topologies"
WAN = (TOPOLOGIES / "wan.yaml").read_text()


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan(TOPOLOGIES / "wan.yaml")


def test_reference_lab(plan: Plan) -> None:
    assert [switch.name for switch in plan.pes] == ["pe1", "pe2", "pe3", "pe4"]
    assert len(plan.with_role(Role.P)) == 4
    pe2 = plan.switches["pe2"]
    assert (pe2.sid_label, pe2.loopback, pe2.grpc_address) == (
        16002,
        IPv4Address("10.255.0.2"),
        "127.0.0.1:50002",
    )
    servers = plan.bridge_domains["servers"]
    assert servers.shared_mac == "00:00:5e:00:01:0a"
    assert servers.gateway_pe == "pe1"
    assert servers.route_target == "65000:10"
    assert servers.instances["pe2"].unicast_label == 302_001
    assert servers.instances["pe2"].bum_label == 302_101
    assert plan.tenants["red"].vrfs["pe4"].label == 604_201
    assert plan.vms["vm1"].mac == "02:00:0a:00:0a:0b"
    assert [slot.name for slot in plan.vms["vm1"].slots] == ["dc1", "dc2", "dc3"]


def test_both_ends_of_every_cable_agree(plan: Plan) -> None:
    for cable in plan.cables:
        a, b = plan.port(cable.a), plan.port(cable.b)
        assert (a.peer, a.peer_port) == (cable.b.node, cable.b.port)
        assert (b.peer, b.peer_port) == (cable.a.node, cable.a.port)
        assert a.delay_ms == b.delay_ms == cable.delay_ms
        assert plan.far_end(cable.a) == cable.b
        assert plan.far_end(cable.b) == cable.a


def test_hosts_and_slots_have_a_port_of_their_own(plan: Plan) -> None:
    host, vm = plan.hosts["h1"], plan.vms["vm1"]
    assert (plan.port(host.port).kind, plan.port(host.port).peer) == (PortKind.HOST, "h1")
    assert {(plan.port(slot.port).kind, plan.port(slot.port).peer) for slot in vm.slots} == {
        (PortKind.SLOT, "vm1")
    }
    assert plan.far_end(host.port) is None
    servers = plan.bridge_domains["servers"]
    assert {host.port, *(slot.port for slot in vm.slots)} <= set(servers.access_ports)
    assert plan.hosts["db2"].port not in servers.access_ports


def test_nothing_is_used_twice(plan: Plan) -> None:
    ports = [port for switch in plan.switches.values() for port in switch.ports]
    interfaces = [port.interface for port in ports]
    interfaces += [
        name for vm in plan.vms.values() for name in (vm.tap, *(slot.interface for slot in vm.slots))
    ]
    macs = [port.mac for port in ports] + [machine.mac for machine in plan.machines.values()]
    labels = [
        (i.pe, label)
        for bd in plan.bridge_domains.values()
        for i in bd.instances.values()
        for label in (i.unicast_label, i.bum_label, i.vpls_label_base)
    ] + [(vrf.pe, vrf.label) for tenant in plan.tenants.values() for vrf in tenant.vrfs.values()]
    grpc = [switch.grpc_port for switch in plan.switches.values()]
    for things in (interfaces, macs, labels, grpc):
        assert [thing for thing, count in Counter(things).items() if count > 1] == []
    assert all(len(name) <= 15 for name in interfaces)


def test_plan_is_json(plan: Plan) -> None:
    text = json.dumps(plan.as_json())
    assert json.loads(text)["hosts"]["client"]["address"] == "10.0.40.10/24"


def test_per_pe_gateway_mac() -> None:
    text = WAN.replace("    gateway: 10.0.10.1\n", "    gateway: 10.0.10.1\n    gateway_mode: per-pe\n")
    servers = derive(topology_from_text(text)).bridge_domains["servers"]
    assert servers.gateway_mode is GatewayMode.PER_PE
    assert len({i.gateway_mac for i in servers.instances.values()}) == 3


def test_multihomed_access_switch() -> None:
    text = WAN.replace("  pe2: {", "  pe5: {role: pe, site: dc1}\n  pe2: {")
    text = text.replace("\nhosts:", "  - {ends: [pe5, p1]}\n  - {ends: [acc1, pe5]}\n\nhosts:")
    plan = derive(topology_from_text(text + "\nsegments: {es1: {access: acc1}}\n"))
    segment = plan.segments["es1"]
    assert segment.ports == (Endpoint("pe1", 2), Endpoint("pe5", 2))
    assert set(segment.labels) == {"pe1", "pe5"}
    assert [a.segment for a in plan.bridge_domains["servers"].attachments][:2] == ["es1", "es1"]


def test_unknown_slot_says_which_there_are(plan: Plan) -> None:
    with pytest.raises(KeyError, match="vm1 has no slot 'branch': use one of dc1, dc2, dc3"):
        plan.vms["vm1"].slot("branch")


services = st.tuples(
    st.integers(1, numbering.MAX_PES),
    st.sampled_from(LabelKind),
    st.integers(1, numbering.MAX_SERVICES),
    st.booleans(),
)
beneath = {LabelKind.IP_VRF: (0x80000, 0xBFFFF), LabelKind.SEGMENT: (0xC0000, 0xFFFFF)}


def block(pe: int, kind: LabelKind, ordinal: int, control_word: bool) -> set[int]:
    """All labels that one service uses."""
    base = numbering.service_label(pe, kind, ordinal, control_word)
    return set(range(base, base + numbering.MAX_PES + 1)) if kind is LabelKind.VPLS else {base}


@given(services, services)
def test_label_blocks_never_overlap_and_say_what_lies_beneath(
    one: tuple[int, LabelKind, int, bool], two: tuple[int, LabelKind, int, bool]
) -> None:
    assert one[:3] == two[:3] or not block(*one) & block(*two)
    ethernet = (0x60000, 0x7FFFF) if one[3] else (0x40000, 0x5FFFF)
    low, high = beneath.get(one[1], ethernet)
    assert low <= min(block(*one))
    assert max(block(*one)) <= high


@given(st.integers(1, 1999), st.integers(1, numbering.MAX_PORTS), st.integers(0, 59), st.ip_addresses(v=4))
def test_macs_are_unicast_and_never_look_like_ip(
    device: int, port: int, tenant: int, address: IPv4Address
) -> None:
    for mac in (
        numbering.port_mac(device, port),
        numbering.router_mac(device),
        numbering.gateway_mac(device, port),
        numbering.anycast_mac(port % 255 + 1),
        numbering.guest_mac(tenant, address),
    ):
        assert mac[0] == "0"
        assert not int(mac[:2], 16) & 1


def test_machines_by_address(plan: Plan) -> None:
    assert plan.machine_at("10.0.10.11") == plan.machine_at("fd00:0:0:10::11") == "vm1"
    assert plan.machine_at("10.0.10.1") is None
