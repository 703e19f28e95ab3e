"""A lab's plan and a mode -> what its controllers are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_interface

from controllers.evpn.config import (
    AcConfig,
    BdConfig,
    DuplicateAction,
    GatewayConfig,
    GatewayMode,
    HostRouteCarrier,
    Irb,
    Mobility,
    PeConfig,
    Probing,
    Vmto,
    VrfConfig,
)
from controllers.runtime.bgp.reflectors import ReflectorKind, supported_families
from controllers.runtime.bgp.rules import PolicyRule
from controllers.runtime.config import (
    AccessPort,
    AccessSetup,
    BgpConfig,
    CoreConfig,
    FabricConfig,
    LsrSetup,
    PeSetup,
)
from controllers.runtime.switch import SwitchConfig
from controllers.underlay.lsdb import Interface, Link, LinkState, Node
from controllers.wire.types import VPLS, RouteDistinguisher, RouteTarget, mac_from_text
from testbed.lab.errors import LabError
from testbed.lab.vpls_config import vpls_pe
from testbed.model import topology
from testbed.model.plan import BridgeDomainPlan, Cable, Plan, PortKind, Switch, TenantPlan
from testbed.model.topology import Mode, Reflector, Role

VMTO_OF = {Mode.EVPN: Vmto.OFF, Mode.EVPN_EGRESS: Vmto.EGRESS, Mode.EVPN_VMTO: Vmto.BOTH}
"""What each EVPN mode optimizes."""

PRIMARY = 200
"""Local preference of the subnet's route from the PE that has the gateway in every mode: the summary that
others follow without a host route. 100 is what the others' have."""

PROBE_SECONDS = 0.25
PROBE_RETRIES = 4
"""A machine in a lab answers within some milliseconds. The first question after a move may still be lost:
access switches learn of the move at the same moment."""

GATEWAY_MODE_OF = {
    topology.GatewayMode.ANYCAST: GatewayMode.ANYCAST,
    topology.GatewayMode.PER_PE: GatewayMode.COMMUNITY,
    topology.GatewayMode.PER_PE_NO_COMMUNITY: GatewayMode.SILENT,
}


def fabric_config(plan: Plan, mode: Mode, reflector: Reflector) -> FabricConfig:
    """The controllers' configuration. LabError for a combination that cannot work."""
    kind = ReflectorKind(reflector.value)
    if mode is Mode.VPLS and VPLS not in supported_families(kind):
        raise LabError(f"reflector {reflector} does not carry VPLS: with mode vpls use embedded or gobgp")
    return FabricConfig(
        link_state=link_state(plan),
        bgp=BgpConfig(asn=plan.defaults.asn, reflector=plan.reflector, kind=kind),
        pes=tuple(_pe(plan, switch, mode) for switch in plan.pes),
        lsrs=tuple(LsrSetup(_switch(switch)) for switch in plan.with_role(Role.P)),
        access=tuple(_access(plan, switch) for switch in plan.with_role(Role.ACCESS)),
    )


def link_state(plan: Plan) -> LinkState:
    """The WAN as an IGP would flood it; PEs carry no transit."""
    nodes = tuple(
        Node(switch.name, switch.loopback, switch.sid_label, transit=switch.role is Role.P)
        for switch in plan.with_role(Role.PE, Role.P)
        if switch.loopback is not None and switch.sid_label is not None
    )
    return LinkState(nodes, tuple(_link(plan, c) for c in plan.cables if c.kind is PortKind.CORE))


def _link(plan: Plan, cable: Cable) -> Link:
    a, b = (Interface(end.node, end.port, mac_from_text(plan.port(end).mac)) for end in (cable.a, cable.b))
    return Link(a, b, cable.cost)


def _switch(switch: Switch) -> SwitchConfig:
    interfaces = {port.number: port.interface for port in switch.ports}
    return SwitchConfig(switch.name, switch.grpc_address, switch.device_id, interfaces)


def _pe(plan: Plan, switch: Switch, mode: Mode) -> PeSetup:
    policies = (_rules(switch.import_policy), _rules(switch.export_policy))
    return PeSetup(_switch(switch), _core(plan, switch, mode), *policies)


def _rules(rules: Iterable[topology.PolicyRule]) -> tuple[PolicyRule, ...]:
    return tuple(PolicyRule(**rule.model_dump(mode="json")) for rule in rules)


def _core(plan: Plan, switch: Switch, mode: Mode) -> CoreConfig:
    probing = Probing(timeout=PROBE_SECONDS, retries=PROBE_RETRIES)
    acs = _circuits(plan, switch)
    if mode is Mode.VPLS:
        return vpls_pe(plan, switch, acs, probing)
    return _evpn_pe(plan, switch, acs, probing, VMTO_OF[mode])


def _circuits(plan: Plan, switch: Switch) -> dict[str, tuple[AcConfig, ...]]:
    """The attachment circuits of a PE by bridge domain, numbered from 1."""
    vlans = [vlan for vlan in plan.bridge_domains.values() if switch.name in vlan.pes]
    circuits = [(vlan, each) for vlan in vlans for each in vlan.attachments if each.pe == switch.name]
    return {
        vlan.name: tuple(
            AcConfig(ac=number, port=each.port, vlan=each.vlan)
            for number, (owner, each) in enumerate(circuits, start=1)
            if owner is vlan
        )
        for vlan in vlans
    }


def _evpn_pe(
    plan: Plan, switch: Switch, acs: Mapping[str, tuple[AcConfig, ...]], probing: Probing, vmto: Vmto
) -> PeConfig:
    if switch.loopback is None:
        raise ValueError(f"{switch.name} has no loopback")
    tenants = [tenant for tenant in plan.tenants.values() if switch.name in tenant.pes]
    return PeConfig(
        name=switch.name,
        loopback=switch.loopback,
        asn=plan.defaults.asn,
        bds=tuple(_bd(plan, plan.bridge_domains[vlan], switch.name, own) for vlan, own in acs.items()),
        vrfs=tuple(_vrf(tenant, switch.name, vmto) for tenant in tenants),
        mobility=_mobility(plan.defaults.duplicates),
        probing=probing,
    )


def _mobility(limits: topology.Duplicates) -> Mobility:
    return Mobility(limits.window_s, limits.moves, limits.retry_s, DuplicateAction(limits.action))


def _bd(plan: Plan, vlan: BridgeDomainPlan, pe: str, acs: tuple[AcConfig, ...]) -> BdConfig:
    instance = vlan.instances[pe]
    target = RouteTarget.parse(vlan.route_target)
    active = pe == vlan.gateway_pe
    mac, mode = mac_from_text(instance.gateway_mac), GATEWAY_MODE_OF[vlan.gateway_mode]
    addresses = [f"{vlan.gateway}/{vlan.subnet.prefixlen}"]
    if vlan.gateway6 is not None and vlan.subnet6 is not None:
        addresses.append(f"{vlan.gateway6}/{vlan.subnet6.prefixlen}")
    return BdConfig(
        bd=vlan.ordinal,
        evi=vlan.evi,
        rd=RouteDistinguisher.parse(instance.rd),
        import_rts=(target,),
        export_rts=(target,),
        unicast_label=instance.unicast_label,
        flood_label=instance.bum_label,
        acs=acs,
        mac_ageing=plan.defaults.mac_ageing_s,
        mac_limit=vlan.mac_limit,
        vrf=plan.tenants[vlan.tenant].ordinal,
        gateways=tuple(
            GatewayConfig(
                ip_interface(address), mac, mode, active=active, local_preference=PRIMARY if active else None
            )
            for address in addresses
        ),
    )


def _vrf(tenant: TenantPlan, pe: str, vmto: Vmto) -> VrfConfig:
    target = RouteTarget.parse(tenant.route_target)
    vrf = tenant.vrfs[pe]
    return VrfConfig(
        vrf=tenant.ordinal,
        rd=RouteDistinguisher.parse(vrf.rd),
        import_rts=(target,),
        export_rts=(target,),
        label=vrf.label,
        irb=Irb(tenant.irb.value),
        vmto=vmto,
        carrier=HostRouteCarrier(tenant.host_route.value),
    )


def _access(plan: Plan, switch: Switch) -> AccessSetup:
    vlan_of = {port: vlan.vlan for vlan in plan.bridge_domains.values() for port in vlan.access_ports}
    trunk = tuple(
        sorted(
            {
                each.vlan
                for vlan in plan.bridge_domains.values()
                for each in vlan.attachments
                if each.access == switch.name
            }
        )
    )
    ports = tuple(
        AccessPort(port.number, trunk, tagged=True)
        if port.kind is PortKind.EDGE
        else AccessPort(port.number, (vlan_of[port.endpoint],), tagged=False)
        for port in switch.ports
    )
    return AccessSetup(_switch(switch), ports)
