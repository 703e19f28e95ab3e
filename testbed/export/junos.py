"""A lab's PEs and P routers as Junos MX configurations. Pure.

What the lab's PEs do in P4 and Python, said in the words of Junos: one EVPN instance for each bridge domain
(VLAN-based service, RFC 7432 section 6.1), an IRB interface for each gateway, an IP-VRF (L3VPN, RFC 4364) for
each tenant, RT constraint (RFC 4684), IS-IS with node segments (RFC 8667) below. Modes decide where gateways
are and which routes the VRF exports. IPv4 only: the lab's IPv6 gateways are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Final, final

from testbed.export.statements import Statement, block, leaf
from testbed.lab.errors import LabError
from testbed.model.plan import BridgeDomainPlan, Cable, Plan, Port, PortKind, Switch, TenantPlan
from testbed.model.topology import GatewayMode, Mode, Redundancy, Role

CORE: Final = IPv4Network("10.254.0.0/16")
"""Links of the core, which have no addresses in the lab, get /31s of it."""

PRIMARY: Final = 200
"""Local preference of the summary of the PE that has the gateway in every mode, as in the lab."""

HEAD: Final = """\
/*
 * {node} of the lab {lab}, mode {mode}: made by `vmto export junos`.
 *
 * UNTESTED ON A DEVICE. Checked for structure only: braces, and the hierarchy of statements.
 * For MX Series, Junos OS 18.4R1 or later. Ports: {ports}.
 */
"""

DEFAULT_GATEWAY: Final = {
    GatewayMode.ANYCAST: (
        "do-not-advertise",
        "the same MAC and address on every PE: nothing to tell (RFC 9135 section 4.1)",
    ),
    GatewayMode.PER_PE: (
        "advertise",
        "a MAC per PE, told with the default gateway community: peers route for it (RFC 7432 section 10.1)",
    ),
    GatewayMode.PER_PE_NO_COMMUNITY: (
        "do-not-advertise",
        "a MAC per PE that nobody hears of: a guest that moves talks to nobody until it asks again",
    ),
}


@final
@dataclass(frozen=True, slots=True)
class Options:
    """What an export can be told."""

    mode: Mode
    virtual_gateway: bool = False
    """An address of its own on each PE, and the gateway's address shared beside it."""


def junos(plan: Plan, options: Options) -> dict[str, tuple[Statement, ...]]:
    """The configuration of each PE and P router, by name. LabError for a mode that is not EVPN."""
    if options.mode is Mode.VPLS:
        raise LabError("vpls has no Junos export: use --mode evpn, evpn-egress or evpn-vmto")
    return {
        switch.name: tuple(_Router(plan, switch, options).configuration())
        for switch in plan.with_role(Role.PE, Role.P)
    }


def head(plan: Plan, node: str, mode: Mode) -> str:
    """The remark at the top of a file."""
    ports = ", ".join(f"{_ifd(port)} to {port.peer}" for port in plan.switches[node].ports)
    return HEAD.format(node=node, lab=plan.name, mode=mode, ports=ports)


def _ifd(port: Port) -> str:
    """A physical interface: ports count from 1, those of an MX from 0."""
    return f"ge-0/0/{port.number - 1}"


@final
class _Router:
    """One of them."""

    def __init__(self, plan: Plan, switch: Switch, options: Options) -> None:
        if switch.loopback is None or switch.sid is None or switch.sid_label is None:
            raise ValueError(f"{switch.name} has no loopback")
        self._plan, self._switch, self._options = plan, switch, options
        self._loopback, self._sid, self._base = switch.loopback, switch.sid, switch.sid_label - switch.sid
        self._bds = [bd for bd in plan.bridge_domains.values() if switch.name in bd.pes]
        self._tenants = [tenant for tenant in plan.tenants.values() if switch.name in tenant.pes]
        self._core = [port for port in switch.ports if port.kind is PortKind.CORE]

    def configuration(self) -> Iterator[Statement]:
        """All top-level statements."""
        yield block("system", leaf(f"host-name {self._switch.name}"))
        yield block("chassis", leaf("network-services enhanced-ip"))
        yield block("interfaces", *self._interfaces())
        yield block(
            "routing-options",
            leaf(f"router-id {self._loopback}"),
            leaf(f"autonomous-system {self._plan.defaults.asn}"),
            block("forwarding-table", leaf("chained-composite-next-hop ingress evpn")) if self._bds else None,
        )
        yield block("protocols", *self._protocols())
        if self._bds:
            yield block("policy-options", *self._policies())
            yield block("routing-instances", *self._instances())

    def _vrf_name(self, tenant: TenantPlan) -> str:
        """Junos has one space of names for all instances."""
        return f"{tenant.name}-vrf" if tenant.name in self._plan.bridge_domains else tenant.name

    # -- interfaces

    def _interfaces(self) -> Iterator[Statement]:
        for port in self._core:
            yield block(
                _ifd(port),
                leaf(f'description "{port.peer}"'),
                block(
                    "unit 0",
                    block("family inet", leaf(f"address {self._core_address(port)}")),
                    leaf("family iso"),
                    leaf("family mpls"),
                ),
            )
        for port in (port for port in self._switch.ports if port.kind is PortKind.EDGE):
            circuits = [
                c for bd in self._bds for c in bd.attachments if (c.pe, c.port) == (port.node, port.number)
            ]
            yield block(
                _ifd(port),
                leaf(f'description "{port.peer}"'),
                leaf("flexible-vlan-tagging"),
                leaf("encapsulation flexible-ethernet-services"),
                *(
                    block(
                        f"unit {circuit.vlan}",
                        leaf("encapsulation vlan-bridge"),
                        leaf(f"vlan-id {circuit.vlan}"),
                        self._segment(circuit.segment),
                    )
                    for circuit in circuits
                ),
            )
        gateways = [bd for bd in self._bds if self._gateway(bd)]
        if gateways:
            yield block("irb", *(self._irb(bd) for bd in gateways))
        yield block(
            "lo0",
            block(
                "unit 0",
                block("family inet", leaf(f"address {self._loopback}/32")),
                block("family iso", leaf(f"address {_net(self._loopback)}")),
            ),
        )

    def _core_address(self, port: Port) -> str:
        """A /31 of the link, the lower address at the end that the topology names first."""
        cables = [cable for cable in self._plan.cables if cable.kind is PortKind.CORE]
        cable = next(each for each in cables if port.endpoint in (each.a, each.b))
        return f"{CORE[2 * cables.index(cable) + (port.endpoint == cable.b)]}/31"

    def _segment(self, name: str | None) -> Statement | None:
        if name is None:
            return None
        segment = self._plan.segments[name]
        active = "all-active" if segment.redundancy is Redundancy.ALL_ACTIVE else "single-active"
        return block("esi", leaf(segment.esi), leaf(active))

    def _irb(self, bd: BridgeDomainPlan) -> Statement:
        virtual = self._options.virtual_gateway
        mac = bd.instances[self._switch.name].gateway_mac
        own = IPv4Interface((self._own_address(bd) if virtual else bd.gateway, bd.subnet.prefixlen))
        address = f"address {own}"
        inet = block(address, leaf(f"virtual-gateway-address {bd.gateway}")) if virtual else leaf(address)
        shared = leaf(f"virtual-gateway-v4-mac {bd.shared_mac}", "of ARP answers for the shared address")
        return block(
            f"unit {bd.vlan}",
            leaf("virtual-gateway-accept-data", "the shared address answers echoes") if virtual else None,
            shared if virtual else None,
            block("family inet", inet),
            None if virtual else leaf(f"mac {mac}"),
        )

    def _own_address(self, bd: BridgeDomainPlan) -> IPv4Address:
        """From the end of the subnet, so that it is nobody else's."""
        taken = {machine.address.ip for machine in self._plan.machines.values()} | {bd.gateway}
        free = (
            address
            for address in (bd.subnet.broadcast_address - n for n in range(1, bd.subnet.num_addresses - 1))
            if address not in taken
        )
        own = dict(zip(bd.pes, free, strict=False))
        if self._switch.name not in own:
            raise LabError(f"{bd.name}: {bd.subnet} has no free address for each PE: use a larger subnet")
        return own[self._switch.name]

    def _gateway(self, bd: BridgeDomainPlan) -> bool:
        """Has this PE the gateway of a bridge domain?"""
        return self._options.mode is not Mode.EVPN or bd.gateway_pe == self._switch.name

    # -- protocols

    def _protocols(self) -> Iterator[Statement]:
        cables = {end: cable for cable in self._plan.cables for end in (cable.a, cable.b)}
        yield block(
            "isis",
            *(self._isis_interface(port, cables[port.endpoint]) for port in self._core),
            block("interface lo0.0", leaf("passive")),
            block(
                "source-packet-routing",
                leaf(f"srgb start-label {self._base} index-range 1000"),
                leaf(f"node-segment ipv4-index {self._sid}"),
            ),
            leaf("level 1 disable"),
            leaf("level 2 wide-metrics-only"),
            block("overload", leaf("advertise-high-metrics"), why="a PE carries no transit")
            if self._bds
            else None,
        )
        yield block("mpls", *(leaf(f"interface {_ifd(port)}.0") for port in self._core))
        if self._bds:
            yield block(
                "bgp",
                block(
                    "group reflector",
                    leaf("type internal"),
                    leaf(f"local-address {self._loopback}"),
                    block("family inet-vpn", leaf("unicast")),
                    block("family evpn", leaf("signaling")),
                    leaf(
                        "family route-target",
                        "RT constraint: only the routes of this PE's VPNs are sent to it",
                    ),
                    leaf(f"neighbor {self._plan.reflector}"),
                ),
            )

    def _isis_interface(self, port: Port, cable: Cable) -> Statement:
        return block(
            f"interface {_ifd(port)}.0", leaf("point-to-point"), leaf(f"level 2 metric {cable.cost}")
        )

    # -- policies

    def _policies(self) -> Iterator[Statement]:
        for bd in self._bds:
            yield from self._evpn_policies(bd)
        for tenant in self._tenants:
            yield self._export(tenant)
            yield block(
                f"policy-statement {self._vrf_name(tenant)}-import",
                block(
                    "term ours",
                    block("from", leaf(f"community {self._vrf_name(tenant)}-target")),
                    block("then", leaf("accept")),
                ),
                block("term rest", block("then", leaf("reject"))),
            )
        for bd in self._bds:
            yield leaf(f"community {bd.name}-target members target:{bd.route_target}")
        for tenant in self._tenants:
            yield leaf(f"community {self._vrf_name(tenant)}-target members target:{tenant.route_target}")
        if self._options.mode is Mode.EVPN_VMTO:
            for number, site in enumerate(self._plan.sites, start=1):
                yield leaf(f"community at-{site} members {self._plan.defaults.asn}:{number}")

    def _evpn_policies(self, bd: BridgeDomainPlan) -> Iterator[Statement]:
        marked = self._options.mode is Mode.EVPN_VMTO
        where = leaf(
            f"community add at-{self._switch.site}", "which site the machine is at; host routes inherit it"
        )
        yield block(
            f"policy-statement {bd.name}-export",
            block(
                "then",
                leaf(f"community add {bd.name}-target"),
                where if marked else None,
                leaf("accept"),
            ),
        )
        yield block(
            f"policy-statement {bd.name}-import",
            block(
                "term ours", block("from", leaf(f"community {bd.name}-target")), block("then", leaf("accept"))
            ),
            block("term rest", block("then", leaf("reject"))),
        )

    def _export(self, tenant: TenantPlan) -> Statement:
        """What the IP-VRF tells: summaries, and with VMTO the /32 of machines that are at this site."""
        bds = [bd for bd in self._bds if bd.tenant == tenant.name and self._gateway(bd)]
        target = leaf(f"community add {self._vrf_name(tenant)}-target")
        terms: list[Statement] = []
        elsewhere = [f"at-{site}" for site in self._plan.sites if site != self._switch.site]
        if self._options.mode is Mode.EVPN_VMTO and bds:
            if elsewhere:
                terms.append(
                    block(
                        "term elsewhere",
                        block("from", leaf("protocol evpn"), leaf(f"community [ {' '.join(elsewhere)} ]")),
                        block("then", leaf("reject")),
                        why="a machine at another site is told of there: else the trombone stays",
                    )
                )
            hosts = [leaf(f"route-filter {bd.subnet} prefix-length-range /32-/32") for bd in bds]
            terms.append(
                block(
                    "term hosts",
                    block("from", leaf("protocol evpn"), *hosts),
                    block("then", target, leaf("accept")),
                    why="ingress VMTO: the longest match leads to the machine",
                )
            )
        for bd in bds:
            first = leaf(f"local-preference {PRIMARY}") if bd.gateway_pe == self._switch.name else None
            terms.append(
                block(
                    f"term {bd.name}",
                    block("from", leaf("protocol direct"), leaf(f"route-filter {bd.subnet} exact")),
                    block("then", first, target, leaf("accept")),
                )
            )
        return block(
            f"policy-statement {self._vrf_name(tenant)}-export",
            *terms,
            block("term rest", block("then", leaf("reject"))),
        )

    # -- instances

    def _instances(self) -> Iterator[Statement]:
        for bd in self._bds:
            yield self._evpn(bd)
        for tenant in self._tenants:
            yield self._vrf(tenant)

    def _evpn(self, bd: BridgeDomainPlan) -> Statement:
        here = self._gateway(bd)
        ports = {port.number: port for port in self._switch.ports}
        circuits = [c for c in bd.attachments if c.pe == self._switch.name]
        return block(
            bd.name,
            leaf("instance-type evpn"),
            leaf(f"vlan-id {bd.vlan}"),
            *(leaf(f"interface {_ifd(ports[circuit.port])}.{circuit.vlan}") for circuit in circuits),
            leaf(f"routing-interface irb.{bd.vlan}") if here else None,
            leaf(f"route-distinguisher {bd.instances[self._switch.name].rd}"),
            leaf(f"vrf-import {bd.name}-import"),
            leaf(f"vrf-export {bd.name}-export"),
            block("protocols", self._evpn_protocol(bd, here)),
        )

    def _evpn_protocol(self, bd: BridgeDomainPlan, here: bool) -> Statement:
        value, why = DEFAULT_GATEWAY[bd.gateway_mode]
        if self._options.virtual_gateway:
            value, why = (
                "no-gateway-community",
                "the shared address has one MAC everywhere: no aliasing is needed",
            )
        elif self._options.mode is Mode.EVPN:
            value, why = "advertise", "the only gateway: the other PEs must know where its MAC is"
        ingress = here and self._options.mode is Mode.EVPN_VMTO
        return block(
            "evpn",
            leaf(f"default-gateway {value}", why) if here else None,
            leaf("remote-ip-host-routes", "ingress VMTO: machines of other PEs as /32 in the VRF")
            if ingress
            else None,
            None if bd.control_word else leaf("no-control-word"),
        )

    def _vrf(self, tenant: TenantPlan) -> Statement:
        gateways = [bd for bd in self._bds if bd.tenant == tenant.name and self._gateway(bd)]
        return block(
            self._vrf_name(tenant),
            leaf("instance-type vrf"),
            *(leaf(f"interface irb.{bd.vlan}") for bd in gateways),
            leaf(f"route-distinguisher {tenant.vrfs[self._switch.name].rd}"),
            leaf(f"vrf-import {self._vrf_name(tenant)}-import"),
            leaf(f"vrf-export {self._vrf_name(tenant)}-export"),
            leaf("vrf-table-label"),
        )


def _net(loopback: IPv4Address) -> str:
    """The IS-IS address that is made of a loopback, as is custom: area 49.0001."""
    digits = "".join(f"{octet:03}" for octet in loopback.packed)
    return f"49.0001.{digits[:4]}.{digits[4:8]}.{digits[8:]}.00"
