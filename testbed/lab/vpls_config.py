"""What a PE of the VPLS baseline is told: pseudo-wires of each VLAN, one VRRP master, L3VPN for the rest."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_interface
from itertools import islice

from controllers.pe.config import AcConfig, Probing
from controllers.vpls.config import L3vpnConfig, VplsConfig, VplsPeConfig, VrrpConfig
from controllers.wire.types import RouteDistinguisher, RouteTarget, mac_from_text
from testbed.lab.errors import LabError
from testbed.model.addresses import VPLS_BLOCK
from testbed.model.plan import BridgeDomainPlan, Plan, Switch, TenantPlan

FIRST_PSEUDO_WIRE = 0x4000
"""Attachment numbers from here on are pseudo-wires, a block of 32 for each bridge domain."""

MASTER_PRIORITY = 200
LOWEST_PRIORITY = 10

ACTIVE_PREFERENCE = 200
"""Preference of a site's first PE, which forwards for it while it can; the others have one less each."""


def vpls_pe(
    plan: Plan, switch: Switch, acs: Mapping[str, tuple[AcConfig, ...]], probing: Probing
) -> VplsPeConfig:
    """One PE; `acs` by bridge domain. LabError for what a VPLS cannot do."""
    if switch.loopback is None:
        raise ValueError(f"{switch.name} has no loopback")
    name = switch.name
    return VplsPeConfig(
        name=name,
        loopback=switch.loopback,
        asn=plan.defaults.asn,
        instances=tuple(_instance(plan, plan.bridge_domains[vlan], name, own) for vlan, own in acs.items()),
        vrfs=tuple(_vrf(tenant, name) for tenant in plan.tenants.values() if name in tenant.pes),
        probing=probing,
    )


def _instance(plan: Plan, vlan: BridgeDomainPlan, pe: str, acs: tuple[AcConfig, ...]) -> VplsConfig:
    instance = vlan.instances[pe]
    target = RouteTarget.parse(vlan.route_target)
    site = _site(vlan, pe)
    return VplsConfig(
        bd=vlan.ordinal,
        rd=RouteDistinguisher.parse(instance.rd),
        import_rts=(target,),
        export_rts=(target,),
        ve_id=min(vlan.instances[each].ve_id for each in site),
        label_base=instance.vpls_label_base,
        block_size=VPLS_BLOCK,
        first_pw=FIRST_PSEUDO_WIRE + vlan.ordinal * VPLS_BLOCK,
        acs=acs,
        preference=ACTIVE_PREFERENCE - site.index(pe),
        control_word=vlan.control_word,
        vrf=plan.tenants[vlan.tenant].ordinal,
        gateways=tuple(_gateways(plan, vlan, pe)),
        mac_ageing=plan.defaults.mac_ageing_s,
        mac_limit=vlan.mac_limit,
    )


def _site(vlan: BridgeDomainPlan, pe: str) -> tuple[str, ...]:
    """The PEs that share a site with this one, itself among them: one VE id (RFC 4761 §3.5).

    LabError where only some of its circuits do: the whole site is active or standby.
    """
    segments = {each.segment for each in vlan.attachments if each.pe == pe}
    sharing = {each.pe for each in vlan.attachments if each.segment is not None and each.segment in segments}
    site = tuple(each for each in vlan.pes if each in sharing) or (pe,)
    of_all = {other.segment for other in vlan.attachments if other.pe in site}
    if of_all != segments or (len(site) > 1 and None in segments):
        raise LabError(
            f"mode vpls: {' and '.join(site)} share only some of their links in {vlan.name}, but a VPLS site "
            "is active on one PE as a whole: link each access switch to all of them, or use another mode"
        )
    return site


def _gateways(plan: Plan, vlan: BridgeDomainPlan, pe: str) -> Iterator[VrrpConfig]:
    """VRRP: an own address beside the virtual one, by IP version; the first PE is master while it lives."""
    at = vlan.pes.index(pe)
    step = (MASTER_PRIORITY - LOWEST_PRIORITY) // len(vlan.pes)
    for subnet, virtual in ((vlan.subnet, vlan.gateway), (vlan.subnet6, vlan.gateway6)):
        if subnet is None or virtual is None:
            continue
        machines = [each for each in plan.machines.values() if each.bridge_domain == vlan.name]
        interfaces = [interface for each in machines for interface in (each.address, each.address6)]
        taken = {virtual, *(interface.ip for interface in interfaces if interface is not None)}
        own = next(islice(_free(subnet, taken), at, None), None)
        if own is None:
            raise LabError(
                f"mode vpls: {subnet} has no address left for {pe} beside the gateway's: use a larger subnet"
            )
        yield VrrpConfig(
            vrid=vlan.vrid,
            virtual=virtual,
            own=ip_interface(f"{own}/{subnet.prefixlen}"),
            own_mac=mac_from_text(plan.switches[pe].router_mac or ""),
            priority=MASTER_PRIORITY - at * step,
        )


def _free(subnet: IPv4Network | IPv6Network, taken: Container[object]) -> Iterator[IPv4Address | IPv6Address]:
    """Addresses that nobody has, from the end of a subnet."""
    for number in range(int(subnet.broadcast_address) - 1, int(subnet.network_address), -1):
        address = subnet.network_address + (number - int(subnet.network_address))
        if address not in taken:
            yield address


def _vrf(tenant: TenantPlan, pe: str) -> L3vpnConfig:
    target = RouteTarget.parse(tenant.route_target)
    vrf = tenant.vrfs[pe]
    return L3vpnConfig(tenant.ordinal, RouteDistinguisher.parse(vrf.rd), (target,), (target,), vrf.label)
