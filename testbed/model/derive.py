"""Topology -> Plan: deterministic, total for every topology that passed `check`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv6Interface
from typing import TypedDict, Unpack

from testbed.model import addresses as numbering
from testbed.model.addresses import LabelKind
from testbed.model.plan import (
    Attachment,
    BridgeDomainPlan,
    Cable,
    Endpoint,
    HostPlan,
    Instance,
    Plan,
    Port,
    PortKind,
    SegmentPlan,
    SitePlan,
    Slot,
    Switch,
    TenantPlan,
    VmPlan,
    Vrf,
)
from testbed.model.topology import BridgeDomain, GatewayMode, Host, Role, Topology, Vm


def derive(topology: Topology) -> Plan:
    """The plan of a topology that has passed `check`."""
    return _Derivation(topology).plan()


def access_of(topology: Topology, at: str) -> list[str]:
    """The access switches that `at` may mean: the one so named, or those of the site so named."""
    node = topology.nodes.get(at)
    if node is not None:
        return [at] if node.role is Role.ACCESS else []
    return [name for name, node in topology.nodes.items() if node.role is Role.ACCESS and node.site == at]


def sids(topology: Topology) -> dict[str, int]:
    """The segment id of every PE and P router: as given, else the next free one of its role."""
    result = {name: node.sid for name, node in topology.nodes.items() if node.sid is not None}
    following = {Role.PE: 1, Role.P: numbering.FIRST_P}
    for name, node in topology.nodes.items():
        if node.role is Role.ACCESS or name in result:
            continue
        while following[node.role] in result.values():
            following[node.role] += 1
        result[name] = following[node.role]
    return result


def shared_mac(bd: BridgeDomain) -> str:
    """The anycast and VRRP MAC of a bridge domain's gateway."""
    return bd.gateway_mac or numbering.anycast_mac(vrid_of(bd))


def vrid_of(bd: BridgeDomain) -> int:
    """As given, else the VLAN's number if that fits."""
    return bd.vrid or (bd.vlan if bd.vlan < 256 else 1)


def mac_of(topology: Topology, machine: Host | Vm) -> str:
    """As given, else derived from tenant and address."""
    tenant = list(topology.tenants).index(topology.bridge_domains[machine.bridge_domain].tenant)
    return machine.mac or numbering.guest_mac(tenant, machine.address)


def interface_name(node: str, port: int) -> str:
    """The interface of a switch port, as Mininet names them."""
    return f"{node}-eth{port}"


def slot_interface(node: str, port: int) -> str:
    """The outer end of a slot."""
    return f"{node}-s{port}"


def tap_interface(vm: str) -> str:
    """The lab's end of a virtual machine's eth0."""
    return f"tap-{vm}"


def copy_interface(vm: str) -> str:
    """The lab's end of the eth0 of a second copy of a virtual machine."""
    return f"tp2-{vm}"


class _Limits(TypedDict, total=False):
    """What a cable does to packets."""

    delay_ms: float
    rate_mbps: float | None


class _Derivation:
    """Carries the port counters from one step to the next."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.sid = sids(topology)
        access = [name for name, node in topology.nodes.items() if node.role is Role.ACCESS]
        self.device = self.sid | {name: numbering.FIRST_ACCESS + i for i, name in enumerate(access)}
        self.ports: defaultdict[str, list[Port]] = defaultdict(list)

    def plan(self) -> Plan:
        """All steps, in the order that numbers the ports: cables, hosts, slots."""
        topology = self.topology
        cables = tuple(self._cables())
        hosts = {name: self._host(name, host) for name, host in topology.hosts.items()}
        vms = {name: self._vm(name, vm) for name, vm in topology.vms.items()}
        switches = {name: self._switch(name) for name in topology.nodes}
        segments = dict(self._segments(switches))
        bridge_domains = {
            name: self._bridge_domain(ordinal, name, bd, segments)
            for ordinal, (name, bd) in enumerate(topology.bridge_domains.items(), start=1)
        }
        return Plan(
            name=topology.name,
            description=topology.description,
            defaults=topology.defaults,
            reflector=numbering.REFLECTOR,
            sites=dict(self._sites()),
            switches=switches,
            cables=cables,
            tenants=dict(self._tenants(bridge_domains)),
            bridge_domains=bridge_domains,
            segments=segments,
            hosts=hosts,
            vms=vms,
        )

    def _add_port(
        self,
        node: str,
        kind: PortKind,
        peer: str,
        *,
        peer_port: int | None = None,
        **limits: Unpack[_Limits],
    ) -> Endpoint:
        number = len(self.ports[node]) + 1
        name, mac = interface_name(node, number), numbering.port_mac(self.device[node], number)
        self.ports[node].append(Port(node, number, name, mac, kind, peer, peer_port, **limits))
        return Endpoint(node, number)

    def _cables(self) -> Iterator[Cable]:
        roles = {name: node.role for name, node in self.topology.nodes.items()}
        for link in self.topology.links:
            left, right = link.ends
            kind = PortKind.EDGE if Role.ACCESS in (roles[left], roles[right]) else PortKind.CORE
            limits = _Limits(delay_ms=link.delay_ms, rate_mbps=link.rate_mbps)
            right_port = len(self.ports[right]) + 1
            a = self._add_port(left, kind, right, peer_port=right_port, **limits)
            b = self._add_port(right, kind, left, peer_port=a.port, **limits)
            yield Cable(f"{a}--{b}", a, b, kind, link.delay_ms, link.rate_mbps, link.cost)

    def _machine(self, name: str, machine: Host | Vm) -> dict[str, object]:
        bd = self.topology.bridge_domains[machine.bridge_domain]
        prefix6 = bd.subnet6.prefixlen if bd.subnet6 else 64
        return {
            "name": name,
            "bridge_domain": machine.bridge_domain,
            "tenant": bd.tenant,
            "vlan": bd.vlan,
            "mac": mac_of(self.topology, machine),
            "address": IPv4Interface((machine.address, bd.subnet.prefixlen)),
            "gateway": bd.gateway,
            "address6": IPv6Interface((machine.address6, prefix6)) if machine.address6 else None,
            "gateway6": bd.gateway6 if machine.address6 else None,
        }

    def _host(self, name: str, host: Host) -> HostPlan:
        (access,) = access_of(self.topology, host.at)
        port = self._add_port(access, PortKind.HOST, name)
        site = self.topology.nodes[access].site or ""
        return HostPlan(**self._machine(name, host), site=site, port=port)  # type: ignore[arg-type]

    def _vm(self, name: str, vm: Vm) -> VmPlan:
        slots = []
        for at in vm.slots:
            (access,) = access_of(self.topology, at)
            port = self._add_port(access, PortKind.SLOT, name)
            site = self.topology.nodes[access].site or ""
            slots.append(Slot(at, site, port, slot_interface(access, port.port)))
        fields = self._machine(name, vm)
        return VmPlan(**fields, tap=tap_interface(name), at=vm.at, slots=tuple(slots))  # type: ignore[arg-type]

    def _switch(self, name: str) -> Switch:
        node, device = self.topology.nodes[name], self.device[name]
        sid = self.sid.get(name)
        return Switch(
            name=name,
            role=node.role,
            device_id=device,
            grpc_port=numbering.grpc_port(device),
            ports=tuple(self.ports[name]),
            site=node.site,
            sid=sid,
            sid_label=None if sid is None else numbering.sid_label(sid),
            loopback=None if sid is None else numbering.loopback(sid),
            router_mac=None if sid is None else numbering.router_mac(device),
            import_policy=node.import_policy,
            export_policy=node.export_policy,
        )

    def _sites(self) -> Iterator[tuple[str, SitePlan]]:
        for name, site in self.topology.sites.items():
            yield (
                name,
                SitePlan(
                    name, site.kind, site.label or name, self._at(name, Role.PE), self._at(name, Role.ACCESS)
                ),
            )

    def _at(self, site: str, role: Role) -> tuple[str, ...]:
        return tuple(n for n, node in self.topology.nodes.items() if node.role is role and node.site == site)

    def _segments(self, switches: dict[str, Switch]) -> Iterator[tuple[str, SegmentPlan]]:
        for ordinal, (name, segment) in enumerate(self.topology.segments.items(), start=1):
            uplinks = [p for p in switches[segment.access].ports if p.kind is PortKind.EDGE]
            yield (
                name,
                SegmentPlan(
                    name=name,
                    esi=numbering.segment_id(ordinal),
                    access=segment.access,
                    redundancy=segment.redundancy,
                    ports=tuple(Endpoint(p.peer, p.peer_port) for p in uplinks if p.peer_port is not None),
                    access_ports=tuple(p.endpoint for p in uplinks),
                    labels={
                        p.peer: numbering.service_label(self.sid[p.peer], LabelKind.SEGMENT, ordinal)
                        for p in uplinks
                    },
                ),
            )

    def _bridge_domain(
        self, ordinal: int, name: str, bd: BridgeDomain, segments: dict[str, SegmentPlan]
    ) -> BridgeDomainPlan:
        evi = bd.evi or bd.vlan
        shared = shared_mac(bd)
        pes = tuple(pe for site in bd.sites for pe in self._at(site, Role.PE))
        segment_of = {segment.access: segment.name for segment in segments.values()}
        attachments = tuple(
            Attachment(pe, port.number, bd.vlan, port.peer, segment_of.get(port.peer))
            for pe in pes
            for port in self.ports[pe]
            if port.kind is PortKind.EDGE
        )
        machines: dict[str, Host | Vm] = {**self.topology.hosts, **self.topology.vms}
        members = {machine for machine, it in machines.items() if it.bridge_domain == name}
        return BridgeDomainPlan(
            name=name,
            ordinal=ordinal,
            vlan=bd.vlan,
            evi=evi,
            tenant=bd.tenant,
            route_target=f"{self.topology.defaults.asn}:{evi}",
            sites=bd.sites,
            pes=pes,
            subnet=bd.subnet,
            gateway=bd.gateway,
            subnet6=bd.subnet6,
            gateway6=bd.gateway6,
            gateway_mode=bd.gateway_mode,
            shared_mac=shared,
            vrid=vrid_of(bd),
            mac_limit=bd.mac_limit,
            control_word=bd.control_word,
            instances={pe: self._instance(pe, ordinal, evi, bd, shared) for pe in pes},
            attachments=attachments,
            access_ports=tuple(
                port.endpoint
                for ports in self.ports.values()
                for port in ports
                if port.kind in (PortKind.HOST, PortKind.SLOT) and port.peer in members
            ),
        )

    def _instance(self, pe: str, ordinal: int, evi: int, bd: BridgeDomain, shared: str) -> Instance:
        sid, control_word = self.sid[pe], bd.control_word
        return Instance(
            pe=pe,
            rd=f"{numbering.loopback(sid)}:{evi}",
            unicast_label=numbering.service_label(sid, LabelKind.UNICAST, ordinal, control_word),
            bum_label=numbering.service_label(sid, LabelKind.BUM, ordinal, control_word),
            vpls_label_base=numbering.service_label(sid, LabelKind.VPLS, ordinal, control_word),
            ve_id=sid,
            gateway_mac=shared
            if bd.gateway_mode is GatewayMode.ANYCAST
            else numbering.gateway_mac(self.device[pe], evi),
        )

    def _tenants(self, bridge_domains: dict[str, BridgeDomainPlan]) -> Iterator[tuple[str, TenantPlan]]:
        for ordinal, (name, tenant) in enumerate(self.topology.tenants.items(), start=1):
            own = [bd for bd in bridge_domains.values() if bd.tenant == name]
            pes = tuple(dict.fromkeys(pe for bd in own for pe in bd.pes))
            number = numbering.L3_EVI + ordinal
            vrfs = {
                pe: Vrf(
                    pe,
                    f"{numbering.loopback(self.sid[pe])}:{number}",
                    numbering.service_label(self.sid[pe], LabelKind.IP_VRF, ordinal),
                )
                for pe in pes
            }
            target = f"{self.topology.defaults.asn}:{number}"
            domains = tuple(bd.name for bd in own)
            plan = TenantPlan(name, ordinal, target, domains, pes, vrfs, tenant.irb, tenant.host_route)
            yield name, plan
