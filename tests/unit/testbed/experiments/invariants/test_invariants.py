"""A sound lab breaks no invariant; what is injected is found, for whom and for how long."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from controllers.dataplane.access import LearnedMac
from controllers.intents import IpRoute, IpVrf, MacEntry, Remote, ServiceLabel
from controllers.underlay.transport import TransportLabel, Tunnel
from controllers.wire.types import mac_from_text
from testbed.experiments.expectation import trombones
from testbed.experiments.invariants import Violation, check, check_now
from testbed.experiments.invariants.check import Proof
from testbed.model import derive, load_plan, topology_from_text
from testbed.model.plan import Plan
from testbed.model.topology import GatewayMode, Mode
from tests.unit.testbed.experiments.invariants.sound import SoundLab

WAN = load_plan(Path(__file__).parents[5] / "topologies" / "wan.yaml")
EVPN_MODES = (Mode.EVPN, Mode.EVPN_EGRESS, Mode.EVPN_VMTO)


def found(lab: SoundLab, since: float = 1.0, until: float = 100.0) -> set[tuple[str, str, str, float, float]]:
    broken = check(lab.journal, lab.plan, since, until)
    return {(v.kind.value, v.source, v.destination, v.start, v.end) for v in broken}


def pairs(broken: list[Violation]) -> set[tuple[str, str, str]]:
    return {(v.kind.value, v.source, v.destination) for v in broken}


@pytest.mark.parametrize("mode", EVPN_MODES)
def test_the_reference_lab_is_sound_in_every_mode_before_and_after_a_move(mode: Mode) -> None:
    lab = SoundLab(WAN, mode)
    assert check_now(lab.journal, WAN) == []
    lab.t = 2.0
    lab.happens("paused", "vm1", slot="dc1")
    lab.t = 2.1
    lab.happens("resumed", "vm1", slot="dc2")
    lab.t = 2.15
    vm1 = WAN.vms["vm1"]
    lab.speak("vm1", vm1.slot("dc2").port)
    everyone = {(name, "vm1") for name in WAN.machines} - {("vm1", "vm1")}
    broken = found(lab, 1.5, 3.0)
    assert {(source, destination) for _, source, destination, _, _ in broken} == everyone
    assert all((kind, start, end) == ("black-hole", 2.1, 2.15) for kind, _, _, start, end in broken)


def test_modes_imply_their_trombones() -> None:
    """The tables of one mode, judged by what the next one promises."""
    for mode, better in ((Mode.EVPN, Mode.EVPN_EGRESS), (Mode.EVPN_EGRESS, Mode.EVPN_VMTO)):
        lab = SoundLab(WAN, mode)
        lab.happens("resumed", "vm1", slot="dc2")
        lab.speak("vm1", WAN.vms["vm1"].slot("dc2").port)
        assert check_now(lab.journal, WAN) == []
        lab.journal.mode = better
        assert (
            "trombone",
            "client" if better is Mode.EVPN_VMTO else "vm1",
            "vm1" if better is Mode.EVPN_VMTO else "client",
        ) in pairs(check_now(lab.journal, WAN))


def test_a_cut_is_a_black_hole_until_all_have_rerouted() -> None:
    lab = SoundLab(WAN)
    (name,) = [c.name for c in WAN.cables if {c.a.node, c.b.node} == {"p2", "p4"}]
    lab.t = 5.0
    lab.happens("link down", "p2--p4")
    lab.t = 5.02
    lab.route(lab.without(name))
    assert found(lab, until=9.0) == {
        ("black-hole", a, b, 5.0, 5.02)
        for pair in (("client", "h2"), ("client", "db2"))
        for a, b in (pair, pair[::-1])
    }


def test_who_is_cut_off_is_not_the_tables_fault() -> None:
    lab = SoundLab(WAN)
    lab.t = 5.0
    lab.happens("node down", "pe4")
    assert found(lab) == set()
    assert lab.journal.holds.get("pe4", {}) == {}


def test_a_loop_between_two_pes() -> None:
    lab = SoundLab(WAN)
    bd = WAN.bridge_domains["servers"]
    mac = mac_from_text(WAN.hosts["h2"].mac)
    good = lab.journal.holds["pe3"]["MacEntry", bd.ordinal, mac]
    lab.t = 5.0
    for pe, other in (("pe1", "pe3"), ("pe3", "pe1")):
        loopback = WAN.switches[other].loopback
        assert loopback is not None
        lab.write(pe, MacEntry(bd.ordinal, mac, Remote(loopback, bd.instances[other].unicast_label)))
    lab.t = 6.5
    lab.write("pe3", good)
    looped = {("loop", source, "h2", 5.0, 6.5) for source in ("h1", "h3", "vm1")}
    # pe1 sends by way of pe3 still.
    assert found(lab) == looped | {("trombone", source, "h2", 6.5, 100.0) for source in ("h1", "vm1")}


def test_a_loop_and_a_hole_in_the_core() -> None:
    lab = SoundLab(WAN)
    held = lab.journal.holds
    sid = WAN.switches["pe4"].sid_label
    assert sid is not None
    good = held["p1"]["transport-label", sid]
    back = held["p4"]["transport-label", WAN.switches["pe1"].sid_label]
    assert isinstance(good, TransportLabel)
    assert isinstance(back, TransportLabel)
    # p4 sends what p1 sends it for pe4 back to p1.
    (hop,) = back.hops
    lab.t = 5.0
    lab.write("p4", TransportLabel(sid, (replace(hop, labels=(sid,)),)))
    lab.t = 6.0
    lab.erase("p1", ("transport-label", sid))
    lab.t = 7.0
    lab.route(lab.without())
    broken = found(lab)
    assert ("loop", "h1", "client", 5.0, 6.0) in broken
    assert ("black-hole", "h1", "client", 6.0, 7.0) in broken


def test_one_of_two_equal_paths_is_enough() -> None:
    lab = SoundLab(WAN)
    tunnel = lab.journal.holds["pe1"]["tunnel", WAN.switches["pe3"].loopback]
    assert isinstance(tunnel, Tunnel)
    lab.t = 5.0
    lab.erase("p2", ("transport-label", WAN.switches["pe3"].sid_label))
    assert ("black-hole", "h1", "h3", 5.0, 100.0) in found(lab)


def test_a_trombone_without_the_host_route() -> None:
    lab = SoundLab(WAN)
    lab.happens("resumed", "vm1", slot="dc2")
    lab.speak("vm1", WAN.vms["vm1"].slot("dc2").port)
    key = ("IpRoute", WAN.tenants["red"].ordinal, WAN.vms["vm1"].address.ip)
    (route,) = [k for k in lab.journal.holds["pe4"] if str(k[2:]).find("10.0.10.11/32") > 0]
    assert key[0] == route[0]
    lab.t = 5.0
    lab.erase("pe4", route)
    assert ("trombone", "client", "vm1", 5.0, 100.0) in found(lab)


def test_ipv6_is_followed_by_itself() -> None:
    """IPv4 goes the short way, and IPv6 does not: the host route that is missing is one of IPv6."""
    lab = SoundLab(WAN)
    lab.happens("resumed", "vm1", slot="dc2")
    lab.speak("vm1", WAN.vms["vm1"].slot("dc2").port)
    (route,) = [k for k in lab.journal.holds["pe4"] if str(k).find("fd00:0:0:10::11/128") > 0]
    lab.t = 5.0
    lab.erase("pe4", route)
    broken = check(lab.journal, WAN, 1.0, 6.0)
    assert [(v.kind.value, v.source, v.destination, v.version) for v in broken] == [
        ("trombone", "client", "vm1", 6)
    ]


def test_a_machine_that_was_not_heard_of_is_asked_for_and_not_lost() -> None:
    lab = SoundLab(WAN)
    bd, ip = WAN.bridge_domains["databases"].ordinal, WAN.hosts["db2"].address.ip
    mac = mac_from_text(WAN.hosts["db2"].mac)
    lab.t = 5.0
    for pe in ("pe1", "pe2", "pe3", "pe4"):
        keys = [k for k in lab.journal.holds[pe] if "10.0.20.12" in str(k) or k == ("MacEntry", bd, mac)]
        lab.erase(pe, *keys)
    assert ip is not None
    assert found(lab) == set()


TWO_TENANTS = """
name: two
tenants: {red: {label: Red}, blue: {label: Blue}}
bridge_domains:
  one: {vlan: 10, tenant: red, sites: [a, b], subnet: 10.0.1.0/24, gateway: 10.0.1.1}
  two: {vlan: 20, tenant: blue, sites: [a, b], subnet: 10.0.2.0/24, gateway: 10.0.2.1}
sites: {a: {label: A}, b: {label: B}}
nodes:
  pe1: {role: pe, site: a}
  pe2: {role: pe, site: b}
  p1: {role: p}
  acc1: {role: access, site: a}
  acc2: {role: access, site: b}
links:
  - {ends: [pe1, p1]}
  - {ends: [pe2, p1]}
  - {ends: [acc1, pe1]}
  - {ends: [acc2, pe2]}
hosts:
  r1: {bridge_domain: one, at: a, address: 10.0.1.11}
  r2: {bridge_domain: one, at: b, address: 10.0.1.12}
  b1: {bridge_domain: two, at: a, address: 10.0.2.11}
  b2: {bridge_domain: two, at: b, address: 10.0.2.12}
"""


def plan_of(text: str) -> Plan:
    return derive(topology_from_text(text))


def test_leaks_between_tenants_routed_bridged_and_by_a_label() -> None:
    plan = plan_of(TWO_TENANTS)
    lab = SoundLab(plan)
    assert check_now(lab.journal, plan) == []
    red, blue = plan.tenants["red"], plan.tenants["blue"]
    label = red.vrfs["pe2"].label
    lab.t = 2.0
    loopback = plan.switches["pe2"].loopback
    assert loopback is not None
    # A route of red leads to b2 by blue's label.
    leak = IpRoute(red.ordinal, ip_network("10.0.2.12/32"), Remote(loopback, blue.vrfs["pe2"].label))
    lab.write("pe1", leak)
    lab.t = 3.0
    lab.erase("pe1", leak.key)
    # Red's label at pe2 means blue.
    lab.write("pe2", ServiceLabel(label, IpVrf(blue.ordinal)))
    lab.t = 4.0
    lab.write("pe2", ServiceLabel(label, IpVrf(red.ordinal)))
    broken = found(lab, until=10.0)
    assert ("leak", "r1", "b2", 2.0, 3.0) in broken
    assert {each[:3] for each in broken if each[0] == "leak"} == {("leak", "r1", "b2")}
    assert all(each[4] <= 4.0 for each in broken)


@st.composite
def random_plans(draw: st.DrawFn) -> Plan:
    """A ring of P routers with a chord, sites with a PE each, hosts and moving machines of two tenants."""
    sites = draw(st.integers(2, 4))
    core = draw(st.integers(1, 4))
    ring = [(i, (i + 1) % core) for i in range(core) if core > 2 or (core == 2 and i == 0)]
    chords = [(0, 2)] if core == 4 and draw(st.booleans()) else []
    members: dict[int, list[int]] = {}
    lines = ["name: random", "tenants: {red: {label: R}, blue: {label: B}}", "bridge_domains:"]
    for number, tenant in ((1, "red"), (2, "red"), (3, "blue")):
        at = draw(st.sets(st.integers(1, sites), min_size=1))
        where = ", ".join(f"s{site}" for site in sorted(at))
        gateway = draw(st.sampled_from(list(GatewayMode)))
        lines.append(
            f"  v{number}: {{vlan: {number}0, tenant: {tenant}, sites: [{where}], "
            f"subnet: 10.0.{number}.0/24, gateway: 10.0.{number}.1, gateway_mode: {gateway}}}"
        )
        members[number] = sorted(at)
    lines.append(f"sites: {{{', '.join(f's{site}: {{label: S}}' for site in range(1, sites + 1))}}}")
    lines.append("nodes:")
    for site in range(1, sites + 1):
        lines += [f"  pe{site}: {{role: pe, site: s{site}}}", f"  acc{site}: {{role: access, site: s{site}}}"]
    lines += [f"  p{number + 1}: {{role: p}}" for number in range(core)]
    lines.append("links:")
    lines += [f"  - {{ends: [p{a + 1}, p{b + 1}]}}" for a, b in (*ring, *chords)]
    for site in range(1, sites + 1):
        on = draw(st.integers(1, core))
        lines += [f"  - {{ends: [pe{site}, p{on}]}}", f"  - {{ends: [acc{site}, pe{site}]}}"]
    lines.append("hosts:")
    for number, at in members.items():
        for each in range(draw(st.integers(1, 3))):
            site = draw(st.sampled_from(at))
            address = f"10.0.{number}.{each + 11}"
            lines.append(f"  h{number}{each}: {{bridge_domain: v{number}, at: s{site}, address: {address}}}")
    lines.append("vms:")
    for number, at in members.items():
        if len(at) > 1:
            slots = ", ".join(f"s{site}" for site in at)
            where = f"at: s{draw(st.sampled_from(at))}, slots: [{slots}], address: 10.0.{number}.50"
            lines.append(f"  vm{number}: {{bridge_domain: v{number}, {where}}}")
    if lines[-1] == "vms:":
        lines.pop()
    return plan_of("\n".join(lines) + "\n")


@settings(max_examples=25)
@given(random_plans(), st.sampled_from(EVPN_MODES), st.data())
def test_a_random_sound_lab_breaks_nothing_and_an_injected_hole_is_found(
    plan: Plan, mode: Mode, data: st.DataObject
) -> None:
    lab = SoundLab(plan, mode)
    assert check_now(lab.journal, plan) == []
    victim = data.draw(st.sampled_from(sorted(plan.hosts)))
    host = plan.hosts[victim]
    lab.t = 3.0
    lab.write(host.port.node, LearnedMac(host.vlan, mac_from_text(host.mac), 4095, 300.0))
    lab.t = 4.0
    lab.write(host.port.node, LearnedMac(host.vlan, mac_from_text(host.mac), host.port.port, 300.0))
    same = {other.name for other in plan.machines.values() if other.tenant == host.tenant} - {victim}
    broken = found(lab)
    assert broken == {("black-hole", source, victim, 3.0, 4.0) for source in same}


@settings(max_examples=25)
@given(random_plans(), st.sampled_from(EVPN_MODES), st.data())
def test_tables_lead_where_the_mode_says_wherever_machines_are(
    plan: Plan, mode: Mode, data: st.DataObject
) -> None:
    """By the tables of the controllers packets trombone where `trombones` says that they must, only there."""
    lab = SoundLab(plan, mode)
    slots = {}
    for vm in plan.vms.values():
        slots[vm.name] = to = data.draw(st.sampled_from([slot.name for slot in vm.slots]))
        lab.happens("paused", vm.name)
        lab.happens("resumed", vm.name, slot=to)
        lab.speak(vm.name, vm.slot(to).port)
    assert check_now(lab.journal, plan) == []
    proof = Proof(plan, mode)
    proof.apply(lab.journal.records)
    for pair in proof.pairs:
        source, destination, _ = pair
        if plan.machines[source].tenant == plan.machines[destination].tenant:
            pes = proof.way(pair)
            ends = {plan.switches[pe].site for pe in (pes[0], pes[-1])} if pes else set()
            detour = any(plan.switches[pe].site not in ends for pe in pes)
            assert detour == trombones(plan, mode, source, destination, slots), (source, destination, pes)


def test_what_is_open_at_the_ends_of_the_span_is_cut_there() -> None:
    lab = SoundLab(WAN)
    lab.t = 5.0
    mac = mac_from_text(WAN.hosts["client"].mac)
    lab.erase("acc4", ("learned-mac", 40, mac))
    assert found(lab) == set(), "a bridge floods what it has not learned"
    lab.t = 110.0
    lab.write("acc4", LearnedMac(40, mac, 4095, 300.0))
    assert found(lab, 120.0, 130.0) == {
        ("black-hole", name, "client", 120.0, 130.0) for name in WAN.machines if name != "client"
    }


def test_what_is_known_after_each_change_is_what_a_fresh_look_finds() -> None:
    lab = SoundLab(WAN)
    routes = [(pe, key) for pe in ("pe2", "pe4") for key in lab.journal.holds[pe] if key[0] == "IpRoute"]  # type: ignore[index]
    for t, (pe, key) in enumerate(routes, start=2):
        lab.t = float(t)
        lab.erase(pe, key)
        still_open = [v for v in check(lab.journal, WAN, 1.0, lab.t) if v.end == lab.t]
        assert pairs(check_now(lab.journal, WAN)) <= pairs(still_open)
        fresh = SoundLab(WAN)
        for each, gone in routes[: t - 1]:
            fresh.erase(each, gone)
        assert pairs(check_now(fresh.journal, WAN)) == pairs(check_now(lab.journal, WAN))
