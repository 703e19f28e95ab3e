"""Intents and routes as rows, by the names of the topology."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from controllers import intents as want
from controllers.bgp.routes import Route, RouteEvent
from controllers.dataplane.access import LearnedMac
from controllers.pe.events import NextHopChanged
from controllers.underlay.transport import Hop, TransportLabel
from controllers.vpls.config import VplsPeConfig
from controllers.vpls.pe import VplsPe
from controllers.wire.attributes import PathAttributes, PmsiTunnel
from controllers.wire.evpn import EthernetSegment, InclusiveMulticast, MacIpAdvertisement
from controllers.wire.extended import ArpNd, DefaultGateway, MacMobility
from controllers.wire.types import ZERO_ESI, RouteDistinguisher, RouteTarget
from controllers.wire.vpn import VplsBlock, VpnPrefix
from testbed.experiments.state import View, route_row
from testbed.lab.fabric_config import fabric_config
from testbed.model.plan import Plan
from testbed.model.topology import Mode, Reflector

VM = 0x02_00_0A_00_0A_0B
MAC = "02:00:0a:00:0a:0b"
PE2 = IPv4Address("10.255.0.2")


def view(plan: Plan, *intents: Any, node: str = "pe1") -> View:
    return View(plan, node, {intent.key: intent for intent in intents})


def route(
    plan: Plan, *communities: Any, vlan: str = "servers", ip: str | None = None, local: bool = False
) -> Route:
    rd = RouteDistinguisher.parse("10.255.0.2:10")
    nlri = MacIpAdvertisement(rd, ZERO_ESI, 0, VM, None if ip is None else IPv4Address(ip), 302001)
    target = RouteTarget.parse(plan.bridge_domains[vlan].route_target)
    attributes = PathAttributes(next_hop=PE2, extended_communities=(target, *communities))
    reflector = None if local else plan.reflector
    return Route(nlri, attributes, reflector, PE2)


AC = want.AttachmentCircuit(1, 2, 10, 1)


def test_mac_tables(plan: Plan) -> None:
    found = view(
        plan,
        AC,
        want.MacEntry(1, VM, want.LocalAc(1)),
        want.MacEntry(1, VM + 1, want.Remote(PE2, 302001)),
        want.MacEntry(2, VM + 2, want.LocalAc(9), static=True),
        want.MacEntry(2, VM + 3, want.ViaPseudoWire(7, want.Remote(PE2, 5))),
        want.GatewayMac(1, 1, 1),
    ).macs()
    assert [(row["bridge_domain"], row["kind"], row["via"]) for row in found] == [
        ("servers", "gateway", "routed in red"),
        ("servers", "local", "pe1-eth2.10"),
        ("servers", "remote", "pe2, label 302001"),
        ("databases", "static", "ac 9"),
        ("databases", "pseudo-wire", "pseudo-wire to pe2, label 5"),
    ]
    assert (found[1]["mac"], found[1]["vlan"]) == (MAC, 10)
    (learned,) = view(plan, LearnedMac(10, VM, 3, 300.0), node="acc1").macs()
    assert (learned["bridge_domain"], learned["vlan"], learned["via"]) == (None, 10, "acc1-eth3")


def test_routes_of_a_vrf(plan: Plan) -> None:
    near = want.Adjacent(1, VM, 2, want.LocalAc(1))
    routes = {
        "10.0.10.0/24": (want.Glean(1), "connected", "directly connected, servers"),
        "10.0.10.11/32": (near, "host", f"servers {MAC} by pe1-eth2.10"),
        "10.0.20.12/32": (want.Remote(PE2, 602201), "remote", "pe2, label 602201"),
        "10.0.99.0/24": (want.Drop(), "discard", "discard"),
    }
    intents = [want.IpRoute(1, IPv4Network(prefix), via) for prefix, (via, _, _) in routes.items()]
    found = view(plan, AC, *reversed(intents)).routes()
    assert [row["prefix"] for row in found] == list(routes)
    assert [(row["kind"], row["via"]) for row in found] == [(kind, via) for _, kind, via in routes.values()]
    assert {row["vrf"] for row in found} == {"red"}


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (want.BdUnicast(1), "bridge domain servers, unicast"),
        (want.BdFlood(2), "bridge domain databases, flooding"),
        (want.IpVrf(1), "IP-VRF red"),
        (want.PseudoWireEnd(1, 4), "bridge domain servers, pseudo-wire 4"),
    ],
)
def test_service_labels(plan: Plan, target: want.LabelTarget, text: str) -> None:
    assert view(plan, want.ServiceLabel(300000, target)).labels() == [
        {"label": 300000, "action": "pop", "via": text}
    ]


def test_transport_labels(plan: Plan) -> None:
    own, through = TransportLabel(16101, ()), TransportLabel(16002, (Hop(1, 1, 2, (16002,)), Hop(3, 1, 2)))
    assert view(plan, own, through, node="p1").labels() == [
        {"label": 16002, "action": "swap 16002", "via": "p1-eth1 to p2"},
        {"label": 16002, "action": "pop", "via": "p1-eth3 to pe1"},
        {"label": 16101, "action": "pop", "via": "this node"},
    ]
    assert [row["label"] for row in view(plan, own, through).labels()] == [16101], "a PE carries no transit"


def test_bindings(plan: Plan) -> None:
    remote = want.MacEntry(1, VM, want.Remote(PE2, 302001))
    moved = route(plan, MacMobility(3, sticky=True), ip="10.0.10.11")
    (row,) = view(plan, AC, remote).bindings([moved])
    assert row == {
        "bridge_domain": "servers",
        "vlan": 10,
        "mac": MAC,
        "ip": "10.0.10.11",
        "source": "pe2",
        "local": False,
        "active": True,
        "sequence": 3,
        "sticky": True,
        "gateway": False,
    }
    here = want.MacEntry(1, VM, want.LocalAc(1))
    rows = view(plan, AC, here).bindings([route(plan), route(plan, local=True)])
    assert [(row["source"], row["active"], row["sequence"]) for row in rows] == [
        ("pe2", False, 0),
        ("pe1-eth2.10", True, 0),
    ]
    (gateway,) = view(plan).bindings([route(plan, DefaultGateway(), ip="10.0.10.1")])
    assert gateway["gateway"]
    assert view(plan).bindings([route(plan, vlan="office")]) == [], "a bridge domain that pe1 has not"


def test_a_route_of_the_rib(plan: Plan) -> None:
    row = route_row(
        route(plan, MacMobility(3), ArpNd(router=True, immutable=True), ip="10.0.10.11"), best=True
    )
    assert row["network"] == f"[2]:[10.255.0.2:10]:[0]:[{MAC}]:[10.0.10.11]"
    assert (row["rd"], row["labels"]) == ("10.255.0.2:10", [302001])
    assert row["targets"] == ["65000:10"]
    assert row["communities"] == ["MM:3", "ND:RI"]
    assert row["labels"] == [302001]
    assert (row["next_hop"], row["peer"], row["best"]) == ("10.255.0.2", str(plan.reflector), True)


def test_labels_of_routes(plan: Plan) -> None:
    """Those of an inclusive multicast route are in its PMSI tunnel."""
    rd = RouteDistinguisher.parse("10.255.0.2:10")
    both = MacIpAdvertisement(rd, ZERO_ESI, 0, VM, PE2, 302001, 602001)
    flood = InclusiveMulticast(rd, 0, PE2)
    tunnel = PmsiTunnel.ingress_replication(402001, PE2)
    blocks = VplsBlock(rd, 1, 1, 8, 500000)
    vpn = VpnPrefix(rd, IPv4Network("10.0.10.11/32"), 602001)
    found = [
        route_row(
            Route(nlri, PathAttributes(next_hop=PE2, pmsi_tunnel=tunnel if nlri is flood else None)),
            best=True,
        )
        for nlri in (both, flood, blocks, vpn, EthernetSegment(rd, ZERO_ESI, PE2))
    ]
    assert [row["labels"] for row in found] == [[302001, 602001], [402001], [500000], [602001], []]


def test_vpls_instances(plan: Plan) -> None:
    """As decided from the labels that a PE of another site offers."""
    config = fabric_config(plan, Mode.VPLS, Reflector.EMBEDDED)
    cores = {pe.switch.name: VplsPe(pe.core) for pe in config.pes if isinstance(pe.core, VplsPeConfig)}
    for core in cores.values():
        core.start(0.0)
        core.handle(NextHopChanged(PE2, 1), 0.0)
    for offered in cores["pe2"].originated:
        cores["pe1"].handle(RouteEvent(offered.key, offered.nlri, offered), 1.0)
    databases, servers = view(plan).vpls(cores["pe1"].instances.values())
    assert (databases["bridge_domain"], servers["bridge_domain"]) == ("databases", "servers")
    assert (servers["site"], servers["forwards"]) == (1, True)
    (wire,) = servers["pseudo_wires"]
    base = {pe: plan.bridge_domains["servers"].instances[pe].vpls_label_base for pe in ("pe1", "pe2")}
    labels = (wire["label_in"], wire["label_out"])
    assert (wire["site"], wire["pe"], labels) == (2, "pe2", (base["pe1"] + 2, base["pe2"] + 1))
    assert {each["state"] for each in servers["vrrp"]} == {"backup"}, "until no other master is heard"
    assert [each["virtual"] for each in servers["vrrp"]] == ["10.0.10.1", "fd00:0:0:10::1"]
