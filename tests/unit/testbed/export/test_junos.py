"""Junos configurations of labs: a known hierarchy, names that are defined, and what each mode is about."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from testbed.export.junos import Options, head, junos
from testbed.export.statements import Statement, braces, parse, sets
from testbed.lab.errors import LabError
from testbed.model.load import load_plan
from testbed.model.plan import Plan
from testbed.model.topology import GatewayMode, Mode

ADDRESS, NAME, NUMBER = r"[\d.]+", r"[\w.-]+", r"\d+"
PREFIX = rf"{ADDRESS}/{NUMBER}"
PORT = rf"ge-0/0/{NUMBER}"
MAC = r"[0-9a-f:]{17}"
LEAF: dict[str, Any] = {}
ACTIONS = {
    rf"community add {NAME}": LEAF,
    rf"local-preference {NUMBER}": LEAF,
    "accept": LEAF,
    "reject": LEAF,
}
MATCHES = {
    rf"community {NAME}": LEAF,
    rf"community \[ {NAME}( {NAME})* \]": LEAF,
    "protocol (evpn|direct)": LEAF,
    rf"route-filter {PREFIX} (exact|prefix-length-range /32-/32)": LEAF,
}
HIERARCHY: dict[str, Any] = {
    "system": {rf"host-name {NAME}": LEAF},
    "chassis": {"network-services enhanced-ip": LEAF},
    "interfaces": {
        PORT: {
            'description "[^"]+"': LEAF,
            "flexible-vlan-tagging": LEAF,
            "encapsulation flexible-ethernet-services": LEAF,
            rf"unit {NUMBER}": {
                "family inet": {rf"address {PREFIX}": LEAF},
                "family (iso|mpls)": LEAF,
                "encapsulation vlan-bridge": LEAF,
                rf"vlan-id {NUMBER}": LEAF,
                "esi": {"([0-9a-f]{2}:){9}[0-9a-f]{2}": LEAF, "(all|single)-active": LEAF},
            },
        },
        "irb": {
            rf"unit {NUMBER}": {
                "virtual-gateway-accept-data": LEAF,
                rf"virtual-gateway-v4-mac {MAC}": LEAF,
                "family inet": {rf"address {PREFIX}": {rf"virtual-gateway-address {ADDRESS}": LEAF}},
                rf"mac {MAC}": LEAF,
            }
        },
        "lo0": {
            "unit 0": {
                "family inet": {rf"address {ADDRESS}/32": LEAF},
                "family iso": {r"address 49\.0001(\.\d{4}){3}\.00": LEAF},
            }
        },
    },
    "routing-options": {
        rf"router-id {ADDRESS}": LEAF,
        rf"autonomous-system {NUMBER}": LEAF,
        "forwarding-table": {"chained-composite-next-hop ingress evpn": LEAF},
    },
    "protocols": {
        "isis": {
            rf"interface {PORT}\.0": {"point-to-point": LEAF, rf"level 2 metric {NUMBER}": LEAF},
            r"interface lo0\.0": {"passive": LEAF},
            "source-packet-routing": {
                rf"srgb start-label {NUMBER} index-range {NUMBER}": LEAF,
                rf"node-segment ipv4-index {NUMBER}": LEAF,
            },
            "level (1 disable|2 wide-metrics-only)": LEAF,
            "overload": {"advertise-high-metrics": LEAF},
        },
        "mpls": {rf"interface {PORT}\.0": LEAF},
        "bgp": {
            f"group {NAME}": {
                "type internal": LEAF,
                rf"(local-address|neighbor) {ADDRESS}": LEAF,
                "family inet-vpn": {"unicast": LEAF},
                "family evpn": {"signaling": LEAF},
                "family route-target": LEAF,
            }
        },
    },
    "policy-options": {
        f"policy-statement {NAME}": {f"term {NAME}": {"from": MATCHES, "then": ACTIONS}, "then": ACTIONS},
        rf"community {NAME} members (target:)?{NUMBER}:{NUMBER}": LEAF,
    },
    "routing-instances": {
        NAME: {
            "instance-type (evpn|vrf)": LEAF,
            rf"vlan-id {NUMBER}": LEAF,
            rf"interface ({PORT}|irb)\.{NUMBER}": LEAF,
            rf"routing-interface irb\.{NUMBER}": LEAF,
            rf"route-distinguisher {ADDRESS}:{NUMBER}": LEAF,
            f"vrf-(import|export) {NAME}": LEAF,
            "vrf-table-label": LEAF,
            "protocols": {
                "evpn": {
                    "default-gateway (advertise|do-not-advertise|no-gateway-community)": LEAF,
                    "remote-ip-host-routes": LEAF,
                    "no-control-word": LEAF,
                }
            },
        }
    },
}
"""Statements that Junos documents, as far as these configurations use them: patterns of their words."""


def unknown(statements: tuple[Statement, ...], known: dict[str, Any], where: str = "") -> list[str]:
    found = []
    for each in statements:
        path = f"{where} {each.text}".strip()
        inside = next((below for pattern, below in known.items() if re.fullmatch(pattern, each.text)), None)
        found += [path] if inside is None else unknown(each.inside, inside, path)
    return found


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan(Path(__file__).parents[4] / "topologies" / "wan.yaml")


def with_gateways(plan: Plan, mode: GatewayMode) -> Plan:
    changed = {name: replace(bd, gateway_mode=mode) for name, bd in plan.bridge_domains.items()}
    return replace(plan, bridge_domains=changed)


EVPN_MODES = [mode for mode in Mode if mode is not Mode.VPLS]


@pytest.mark.parametrize("virtual", [False, True])
@pytest.mark.parametrize("mode", EVPN_MODES)
def test_every_statement_has_its_place_in_the_hierarchy(plan: Plan, mode: Mode, virtual: bool) -> None:
    for name, statements in junos(plan, Options(mode, virtual)).items():
        assert parse(head(plan, name, mode) + braces(statements)) == parse(braces(statements))
        assert unknown(parse(braces(statements)), HIERARCHY) == [], name


@pytest.mark.parametrize("mode", EVPN_MODES)
def test_names_that_are_used_are_defined(plan: Plan, mode: Mode) -> None:
    for statements in junos(plan, Options(mode)).values():
        lines = sets(statements)
        defined = set(re.findall(r"^set policy-options community (\S+) members", lines, re.MULTILINE))
        used = set(re.findall(r"community (?:add )?([\w-]+)$", lines, re.MULTILINE))
        used |= {name for group in re.findall(r"community \[ (.*) \]", lines) for name in group.split()}
        assert used <= defined
        policies = set(re.findall(r"^set policy-options policy-statement (\S+)", lines, re.MULTILINE))
        assert set(re.findall(r"vrf-(?:import|export) (\S+)", lines)) == policies
        units = set(re.findall(r"^set interfaces irb unit (\d+)", lines, re.MULTILINE))
        assert set(re.findall(r"interface irb\.(\d+)", lines)) == units


def test_without_vmto_only_one_pe_has_the_gateway(plan: Plan) -> None:
    found = junos(plan, Options(Mode.EVPN))
    assert "set interfaces irb unit 10" in sets(found["pe1"])
    assert "set interfaces irb unit 10" not in sets(found["pe2"])
    assert "default-gateway advertise" in sets(found["pe1"])
    assert "remote-ip-host-routes" not in sets(found["pe1"])


def test_egress_has_gateways_everywhere_and_no_host_routes(plan: Plan) -> None:
    found = junos(plan, Options(Mode.EVPN_EGRESS))
    for pe in ("pe1", "pe2", "pe3"):
        lines = sets(found[pe])
        assert "set interfaces irb unit 10 mac 00:00:5e:00:01:0a\n" in lines
        assert "remote-ip-host-routes" not in lines
        assert "/32-/32" not in lines


def test_vmto_lets_only_the_site_of_the_machine_export_its_host_route(plan: Plan) -> None:
    lines = sets(junos(plan, Options(Mode.EVPN_VMTO))["pe2"])
    export = "set policy-options policy-statement"
    assert "set routing-instances servers protocols evpn remote-ip-host-routes\n" in lines
    assert f"{export} servers-export then community add at-dc2\n" in lines
    elsewhere = f"{export} red-export term elsewhere"
    assert f"{elsewhere} from community [ at-dc1 at-dc3 at-branch ]\n" in lines
    assert f"{elsewhere} then reject\n" in lines
    assert lines.index(elsewhere) < lines.index("term hosts")


def test_the_three_ways_of_the_gateways_mac(plan: Plan) -> None:
    said = {
        GatewayMode.ANYCAST: "do-not-advertise",
        GatewayMode.PER_PE: "advertise",
        GatewayMode.PER_PE_NO_COMMUNITY: "do-not-advertise",
    }
    for mode, value in said.items():
        lines = sets(junos(with_gateways(plan, mode), Options(Mode.EVPN_VMTO))["pe1"])
        assert f"servers protocols evpn default-gateway {value}\n" in lines
    virtual = sets(junos(plan, Options(Mode.EVPN_VMTO, virtual_gateway=True))["pe1"])
    assert "address 10.0.10.254/24 virtual-gateway-address 10.0.10.1\n" in virtual
    assert "servers protocols evpn default-gateway no-gateway-community\n" in virtual


def test_both_ends_of_a_core_link_are_in_one_subnet(plan: Plan) -> None:
    ends = [sets(each) for each in junos(plan, Options(Mode.EVPN)).values()]
    addresses = [a for lines in ends for a in re.findall(r"inet address (10\.254\.\S+)/31", lines)]
    assert len(addresses) == len(set(addresses)) == 2 * 9


def test_p_routers_know_nothing_of_vpns(plan: Plan) -> None:
    lines = sets(junos(plan, Options(Mode.EVPN_VMTO))["p1"])
    assert "bgp" not in lines
    assert "routing-instances" not in lines
    assert "overload" not in lines


def test_a_tenant_and_a_bridge_domain_of_one_name_stay_apart(plan: Plan) -> None:
    bds = {name: replace(bd, tenant="servers") for name, bd in plan.bridge_domains.items()}
    tenants = {"servers": replace(plan.tenants["red"], name="servers")}
    lines = sets(junos(replace(plan, bridge_domains=bds, tenants=tenants), Options(Mode.EVPN_VMTO))["pe1"])
    assert "set routing-instances servers instance-type evpn\n" in lines
    assert "set routing-instances servers-vrf instance-type vrf\n" in lines
    assert "set routing-instances servers-vrf vrf-export servers-vrf-export\n" in lines


def test_vpls_is_refused_in_one_line(plan: Plan) -> None:
    with pytest.raises(LabError, match="use --mode evpn"):
        junos(plan, Options(Mode.VPLS))
