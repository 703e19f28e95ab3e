"""What controllers are told in each mode: numbers that do not collide, and one line for what cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from controllers.evpn.config import DuplicateAction, Mobility, PeConfig
from controllers.runtime.bgp.rules import PolicyRule
from controllers.runtime.config import FabricConfig, PeSetup
from controllers.vpls.config import VplsPeConfig
from testbed.lab.errors import LabError
from testbed.lab.fabric_config import fabric_config
from testbed.model.load import load_plan
from testbed.model.plan import Plan
from testbed.model.topology import HostRoute, Irb, Mode, Reflector
from testbed.resources import topology


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan(topology("wan"))


def changed(tmp_path: Path, links: Sequence[tuple[str, str]] = (), **changes: dict[str, Any]) -> Plan:
    """The lab `wan` with more links, and with parts of other sections replaced or added."""
    text = yaml.safe_load(topology("wan").read_text())
    text["links"] += [{"ends": list(ends)} for ends in links]
    for section, parts in changes.items():
        there = text.setdefault(section, {})
        for name, part in parts.items():
            there[name] = {**there[name], **part} if isinstance(there.get(name), dict) else part
    file = tmp_path / "changed.yaml"
    file.write_text(yaml.safe_dump(text))
    return load_plan(file)


def vpls_pes(plan: Plan) -> dict[str, VplsPeConfig]:
    config = fabric_config(plan, Mode.VPLS, Reflector.EMBEDDED)
    return {pe.switch.name: pe.core for pe in config.pes if isinstance(pe.core, VplsPeConfig)}


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_survives_json(plan: Plan, mode: Mode) -> None:
    config = fabric_config(plan, mode, Reflector.EMBEDDED)
    assert FabricConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("irb", list(Irb))
@pytest.mark.parametrize("carrier", list(HostRoute))
def test_a_tenant_names_its_irb_and_its_carrier(tmp_path: Path, irb: Irb, carrier: HostRoute) -> None:
    plan = changed(tmp_path, tenants={"red": {"irb": irb.value, "host_route": carrier.value}})
    for pe in fabric_config(plan, Mode.EVPN_VMTO, Reflector.EMBEDDED).pes:
        assert isinstance(pe.core, PeConfig)
        assert [(vrf.irb, vrf.carrier) for vrf in pe.core.vrfs] == [(irb.value, carrier.value)]


def test_limits_of_macs_and_of_moves(tmp_path: Path) -> None:
    duplicates = {"moves": 3, "window_s": 10, "retry_s": 30, "action": "drop"}
    plan = changed(
        tmp_path, defaults={"duplicates": duplicates}, bridge_domains={"servers": {"mac_limit": 100}}
    )
    for pe in fabric_config(plan, Mode.EVPN, Reflector.EMBEDDED).pes:
        assert isinstance(pe.core, PeConfig)
        assert pe.core.mobility == Mobility(10, 3, 30, DuplicateAction.DROP)
        assert {bd.bd: bd.mac_limit for bd in pe.core.bds} == {
            plan.bridge_domains[vlan].ordinal: plan.bridge_domains[vlan].mac_limit
            for vlan in plan.bridge_domains
            if pe.switch.name in plan.bridge_domains[vlan].pes
        }
    limits = {i.bd: i.mac_limit for pe in vpls_pes(plan).values() for i in pe.instances}
    assert limits[plan.bridge_domains["servers"].ordinal] == 100


def test_rules_for_routes(tmp_path: Path) -> None:
    takes = [{"mac": "02:00:0a:00:00:00/24", "route_type": 2, "action": "reject"}]
    gives = [{"prefix": "10.0.10.0/24", "action": "accept", "local_preference": 50}]
    plan = changed(tmp_path, nodes={"pe3": {"import_policy": takes, "export_policy": gives}})
    config = fabric_config(plan, Mode.EVPN_VMTO, Reflector.EMBEDDED)
    assert FabricConfig.from_json(config.to_json()) == config
    pe3 = config.named("pe3")
    assert isinstance(pe3, PeSetup)
    assert pe3.import_policy == (PolicyRule("reject", mac="02:00:0a:00:00:00/24", route_type=2),)
    assert pe3.export_policy == (PolicyRule("accept", prefix="10.0.10.0/24", local_preference=50),)


def test_labels_and_pseudo_wires_of_a_pe_are_its_own(plan: Plan) -> None:
    for name, pe in vpls_pes(plan).items():
        blocks = sorted((i.label_base, i.label_base + i.block_size) for i in pe.instances)
        wires = sorted((i.first_pw, i.first_pw + i.block_size) for i in pe.instances)
        for spans in (blocks, wires):
            assert all(before[1] <= after[0] for before, after in pairwise(spans)), name
        assert max(ac.ac for ac in pe.acs) < wires[0][0]
        assert {vrf.label for vrf in pe.vrfs}.isdisjoint(range(blocks[0][0], blocks[-1][1]))


def test_every_site_reaches_every_other(plan: Plan) -> None:
    pes = vpls_pes(plan)
    for vlan in plan.bridge_domains.values():
        instances = [i for name in vlan.pes for i in pes[name].instances if i.bd == vlan.ordinal]
        ve_ids = [i.ve_id for i in instances]
        assert len(set(ve_ids)) == len(instances)
        assert all(i.block_offset <= ve < i.block_offset + i.block_size for i in instances for ve in ve_ids)


@pytest.mark.parametrize("version", [4, 6])
def test_one_gateway_address_and_an_own_one_for_each_pe(plan: Plan, version: int) -> None:
    pes = vpls_pes(plan)
    for vlan in plan.bridge_domains.values():
        gateways = [
            gateway
            for name in vlan.pes
            for instance in pes[name].instances
            for gateway in instance.gateways
            if instance.bd == vlan.ordinal and gateway.virtual.version == version
        ]
        virtual, subnet = {4: (vlan.gateway, vlan.subnet), 6: (vlan.gateway6, vlan.subnet6)}[version]
        hosts = [at for each in plan.machines.values() for at in (each.address, each.address6)]
        own = [each.own.ip for each in gateways]
        assert {each.virtual for each in gateways} == {virtual}
        assert len(set(own)) == len(vlan.pes)
        assert not set(own) & {virtual, *(host.ip for host in hosts if host is not None)}
        assert subnet is not None
        assert all(ip in subnet for ip in own)
        priorities = [each.priority for each in gateways]
        assert priorities == sorted(set(priorities), reverse=True), "the first PE is master"


def test_a_subnet_without_room(tmp_path: Path) -> None:
    small = changed(
        tmp_path,
        bridge_domains={"databases": {"subnet": "10.0.20.8/29", "gateway": "10.0.20.9"}},
        hosts={
            f"db{n}": {"bridge_domain": "databases", "at": "dc2", "address": f"10.0.20.{n}"} for n in (10, 11)
        },
    )
    with pytest.raises(LabError, match=r"10\.0\.20\.8/29 has no address left for pe3"):
        fabric_config(small, Mode.VPLS, Reflector.EMBEDDED)
    fabric_config(small, Mode.EVPN, Reflector.EMBEDDED)


def test_a_reflector_without_vpls(plan: Plan) -> None:
    with pytest.raises(LabError, match="reflector frr does not carry VPLS"):
        fabric_config(plan, Mode.VPLS, Reflector.FRR)
    fabric_config(plan, Mode.VPLS, Reflector.GOBGP)


SEGMENT = {
    "nodes": {"pe5": {"role": "pe", "site": "dc1"}},
    "segments": {"es1": {"access": "acc1"}},
}


def test_pes_of_one_segment_are_one_site(tmp_path: Path) -> None:
    """RFC 4761 §3.5: one VE id, one PE that is preferred, label blocks of their own."""
    plan = changed(tmp_path, links=[("acc1", "pe5"), ("pe5", "p1")], **SEGMENT)
    pes = vpls_pes(plan)
    one, other = (
        next(i for i in pes[name].instances if i.bd == plan.bridge_domains["servers"].ordinal)
        for name in ("pe1", "pe5")
    )
    assert one.ve_id == other.ve_id == 1
    assert one.preference > other.preference
    assert one.label_base != other.label_base
    assert pes["pe2"].instances[0].ve_id == 2


def test_pes_that_share_only_some_links(tmp_path: Path) -> None:
    more = SEGMENT | {"nodes": SEGMENT["nodes"] | {"acc5": {"role": "access", "site": "dc1"}}}
    plan = changed(
        tmp_path,
        links=[("acc1", "pe5"), ("pe5", "p1"), ("acc5", "pe5")],
        hosts={"h1": {"at": "acc1"}},
        vms={"vm1": {"at": "acc1", "slots": ["acc1", "dc2"]}},
        **more,
    )
    with pytest.raises(LabError, match="pe1 and pe5 share only some of their links"):
        fabric_config(plan, Mode.VPLS, Reflector.EMBEDDED)
