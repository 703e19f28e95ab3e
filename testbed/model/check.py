"""What a schema cannot say: references, uniqueness, membership, connectedness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from testbed.model import addresses as numbering
from testbed.model.derive import (
    access_of,
    copy_interface,
    interface_name,
    mac_of,
    shared_mac,
    sids,
    tap_interface,
)
from testbed.model.errors import Problem, suggest
from testbed.model.source import Path, Source
from testbed.model.topology import BridgeDomain, Host, Node, Role, RuleAction, Topology, Vm

MAX_INTERFACE = 15


def check(topology: Topology, source: Source) -> list[Problem]:
    """All mistakes of a well-formed topology. Later checks rely on what earlier ones found to be sound."""
    for step in (_names, _references, _roles, _uplinks, _services, _machines, _limits, _core):
        problems = [source.problem(path, what, instead) for path, what, instead in step(topology)]
        if problems:
            return problems
    return []


Finding = tuple[Path, str, str]


def _names(topology: Topology) -> Iterator[Finding]:
    """Nodes, hosts and virtual machines share one space of names; so do sites and nodes, which `at` names."""
    seen: dict[str, str] = {}
    for section in ("sites", "nodes", "hosts", "vms"):
        for name in getattr(topology, section):
            if name in seen:
                yield (
                    (section, name),
                    f"duplicate name {name!r} (also in {seen[name]})",
                    "rename one of the two",
                )
            seen.setdefault(name, section)


def _references(topology: Topology) -> Iterator[Finding]:
    def refer(path: Path, kind: str, name: str, known: Iterable[str]) -> Iterator[Finding]:
        if name not in (names := list(known)):
            yield path, f"unknown {kind} {name!r}", suggest(name, names)

    for name, bd in topology.bridge_domains.items():
        base = ("bridge_domains", name)
        yield from refer((*base, "tenant"), "tenant", bd.tenant, topology.tenants)
        for i, site in enumerate(bd.sites):
            yield from refer((*base, "sites", i), "site", site, topology.sites)
    for name, node in topology.nodes.items():
        if node.site is not None:
            yield from refer(("nodes", name, "site"), "site", node.site, topology.sites)
    for i, link in enumerate(topology.links):
        for j, end in enumerate(link.ends):
            yield from refer(("links", i, "ends", j), "node", end, topology.nodes)
    access = [name for name, node in topology.nodes.items() if node.role is Role.ACCESS]
    for name, segment in topology.segments.items():
        yield from refer(("segments", name, "access"), "access switch", segment.access, access)
    for section, machines in (("hosts", topology.hosts), ("vms", topology.vms)):
        for name, machine in machines.items():
            path = (section, name, "bridge_domain")
            yield from refer(path, "bridge domain", machine.bridge_domain, topology.bridge_domains)
            yield from refer((section, name, "at"), "place", machine.at, [*topology.sites, *access])
    for name, vm in topology.vms.items():
        for i, slot in enumerate(vm.slots):
            yield from refer(("vms", name, "slots", i), "place", slot, [*topology.sites, *access])


def _roles(topology: Topology) -> Iterator[Finding]:
    """Who must have a site, and who may be linked to whom."""
    for name, node in topology.nodes.items():
        yield from _node(("nodes", name), name, node)
    for i, link in enumerate(topology.links):
        path: Path = ("links", i)
        left, right = (topology.nodes[end] for end in link.ends)
        if link.ends[0] == link.ends[1]:
            yield path, f"a link from {link.ends[0]!r} to itself", "name two nodes"
        elif Role.ACCESS in (left.role, right.role):
            if {left.role, right.role} != {Role.ACCESS, Role.PE}:
                other = right.role if left.role is Role.ACCESS else left.role
                yield (
                    path,
                    f"a link from an access switch to a node of role {other}",
                    "link it to a PE of its site",
                )
            elif left.site != right.site:
                what = f"{link.ends[0]!r} is in {left.site!r} but {link.ends[1]!r} is in {right.site!r}"
                yield path, what, "link an access switch to PEs of its own site"


def _node(path: Path, name: str, node: Node) -> Iterator[Finding]:
    if node.role is Role.P and node.site is not None:
        yield (*path, "site"), f"P router {name!r} has a site", "remove `site`: P routers belong to the core"
    if node.role is not Role.P and node.site is None:
        yield path, f"{name!r} has no site", "add `site: ...`"
    if node.role is Role.ACCESS and node.sid is not None:
        yield (*path, "sid"), f"access switch {name!r} has a segment", "remove `sid`: only PE and P have one"
    for key in ("import_policy", "export_policy"):
        rules = getattr(node, key)
        if rules and node.role is not Role.PE:
            yield (*path, key), f"{name!r} speaks no BGP", f"remove `{key}`: only PEs do"
        for i, rule in enumerate(rules):
            changes = rule.local_preference is not None or rule.add_community is not None
            if rule.action is RuleAction.REJECT and changes:
                yield (
                    (*path, key, i),
                    "changes to a rejected route",
                    "remove them, or `action: accept`",
                )
    if node.role is Role.PE and node.sid is not None and node.sid > numbering.MAX_PES:
        yield (*path, "sid"), f"PE {name!r} has sid {node.sid}", f"use 1 to {numbering.MAX_PES}"


def _uplinks(topology: Topology) -> Iterator[Finding]:
    """Every access switch reaches a PE, by one link each; more than one PE only as a segment."""
    uplinks: dict[str, set[str]] = {
        name: set() for name, n in topology.nodes.items() if n.role is Role.ACCESS
    }
    for i, link in enumerate(topology.links):
        for switch, pe in (link.ends, reversed(link.ends)):
            if pe in uplinks.get(switch, ()):
                what = f"a second link from {switch!r} to {pe!r}, in which frames would go round"
                yield ("links", i), what, "remove it, or link the switch to another PE and add a segment"
            if switch in uplinks:
                uplinks[switch].add(pe)
    segment_of: dict[str, str] = {}
    for name, segment in topology.segments.items():
        path: Path = ("segments", name, "access")
        if segment.access in segment_of:
            what = f"{segment.access!r} is already in segment {segment_of[segment.access]!r}"
            yield path, what, "give each access switch one segment"
        segment_of[segment.access] = name
        if len(uplinks[segment.access]) < 2:
            yield (
                path,
                f"{segment.access!r} has fewer than two PEs",
                "link it to two PEs, or remove the segment",
            )
    for name, pes in uplinks.items():
        if not pes:
            yield ("nodes", name), f"access switch {name!r} has no link to a PE", "add one under `links`"
        if len(pes) > 1 and name not in segment_of:
            what = f"access switch {name!r} has {len(pes)} PEs but no segment"
            yield ("nodes", name), what, f"add `segments: {{es1: {{access: {name}}}}}`"


def _services(topology: Topology) -> Iterator[Finding]:
    """Bridge domains: VLANs, instances, subnets and gateways."""
    vlans: dict[int, str] = {}
    evis: dict[int, str] = {}
    subnets: list[tuple[str, str, IPv4Network | IPv6Network]] = []
    for name, bd in topology.bridge_domains.items():
        base: Path = ("bridge_domains", name)
        if bd.vlan in vlans:
            yield (
                (*base, "vlan"),
                f"VLAN {bd.vlan} is used twice, by {vlans[bd.vlan]!r} and {name!r}",
                "choose a free one",
            )
            continue
        vlans[bd.vlan] = name
        evi = bd.evi or bd.vlan
        if evi in evis:
            yield (
                (*base, "evi"),
                f"EVI {evi} is used twice, by {evis[evi]!r} and {name!r}",
                "set `evi:` to a free one",
            )
        evis[evi] = name
        if numbering.L3_EVI < evi <= numbering.L3_EVI + numbering.MAX_SERVICES:
            what = f"EVI {evi} is kept for the IP-VRF of a tenant"
            yield (*base, "evi"), what, f"use one up to {numbering.L3_EVI}"
        if len(set(bd.sites)) < len(bd.sites):
            yield (*base, "sites"), f"a site is named twice in {name!r}", "name each once"
        for i, site in enumerate(bd.sites):
            if not any(n.role is Role.PE and n.site == site for n in topology.nodes.values()):
                yield (*base, "sites", i), f"site {site!r} has no PE", "add a PE there, or leave the site out"
        for key, network in (("subnet", bd.subnet), ("subnet6", bd.subnet6)):
            for other, tenant, taken in subnets:
                if (
                    network
                    and tenant == bd.tenant
                    and network.version == taken.version
                    and network.overlaps(taken)
                ):
                    what = f"subnet {network} overlaps {taken} of {other!r}"
                    yield (*base, key), what, "choose another subnet, or another tenant"
            if network:
                subnets.append((name, bd.tenant, network))
        yield from _gateways(base, bd)


def _gateways(base: Path, bd: BridgeDomain) -> Iterator[Finding]:
    if bd.gateway_mac:
        yield from _no_ip_version((*base, "gateway_mac"), bd.gateway_mac)
    yield from _inside((*base, "gateway"), "gateway", bd.gateway, bd.subnet)
    if (bd.subnet6 is None) != (bd.gateway6 is None):
        has, lacks = ("gateway6", "subnet6") if bd.subnet6 is None else ("subnet6", "gateway6")
        yield (*base, has), f"{has!r} without {lacks!r}", f"add `{lacks}: ...`"
    elif bd.subnet6 is not None and bd.gateway6 is not None:
        yield from _inside((*base, "gateway6"), "gateway", bd.gateway6, bd.subnet6)


def _inside(
    path: Path, what: str, address: IPv4Address | IPv6Address, network: IPv4Network | IPv6Network
) -> Iterator[Finding]:
    if address not in network:
        first = network.network_address + 1
        yield (
            path,
            f"{what} {address} is outside its subnet {network}",
            f"use an address of it, for example {first}",
        )
    elif network.num_addresses > 2 and address in (network.network_address, network.broadcast_address):
        yield path, f"{what} {address} is the first or last address of {network}", "use one between"


def _machines(topology: Topology) -> Iterator[Finding]:
    """Hosts and virtual machines: addresses and places."""
    addresses: dict[tuple[str, str], str] = {}
    for bd in topology.bridge_domains.values():
        for gateway in (bd.gateway, bd.gateway6):
            addresses[bd.tenant, str(gateway)] = "a gateway"
    macs = {shared_mac(bd): f"the gateway of {name!r}" for name, bd in topology.bridge_domains.items()}
    everybody: dict[str, Host | Vm] = {**topology.hosts, **topology.vms}
    macs |= {mac_of(topology, one): repr(name) for name, one in everybody.items() if not one.mac}
    for section, machines in (("hosts", topology.hosts), ("vms", topology.vms)):
        for name, machine in machines.items():
            base: Path = (section, name)
            bd = topology.bridge_domains[machine.bridge_domain]
            yield from _addresses(base, machine, bd)
            for key, address in (("address", machine.address), ("address6", machine.address6)):
                owner = addresses.setdefault((bd.tenant, str(address)), name) if address else name
                if owner != name:
                    yield (
                        (*base, key),
                        f"duplicate address {address} (also of {owner})",
                        "give it an address of its own",
                    )
            if machine.mac:
                if macs.setdefault(machine.mac, repr(name)) != repr(name):
                    what = f"duplicate MAC {machine.mac} (also of {macs[machine.mac]})"
                    yield (*base, "mac"), what, "give it a MAC of its own, or leave `mac` out"
                yield from _no_ip_version((*base, "mac"), machine.mac)
            if isinstance(machine, Vm):
                yield from _slots(base, machine, topology, bd)
            else:
                yield from _place((*base, "at"), machine.at, topology, bd)


def _no_ip_version(path: Path, mac: str) -> Iterator[Finding]:
    if mac[0] in "46":
        what = f"MAC {mac} starts like IPv{mac[0]}, which MPLS takes it for"
        yield path, what, "use a MAC that starts with 02"


def _addresses(base: Path, machine: Host | Vm, bd: BridgeDomain) -> Iterator[Finding]:
    yield from _inside((*base, "address"), "address", machine.address, bd.subnet)
    if machine.address6 is None:
        return
    if bd.subnet6 is None:
        what = f"{machine.bridge_domain!r} has no IPv6 subnet"
        yield (*base, "address6"), what, "add `subnet6` and `gateway6` there, or remove `address6`"
    else:
        yield from _inside((*base, "address6"), "address", machine.address6, bd.subnet6)


def _place(path: Path, at: str, topology: Topology, bd: BridgeDomain) -> Iterator[Finding]:
    """A site must have exactly one access switch to be named instead of it, and the bridge domain."""
    switches = access_of(topology, at)
    if not switches:
        yield path, f"site {at!r} has no access switch", "add one under `nodes`"
    elif len(switches) > 1:
        yield path, f"site {at!r} has {len(switches)} access switches", f"name one of {', '.join(switches)}"
    elif topology.nodes[switches[0]].site not in bd.sites:
        what = f"its bridge domain (VLAN {bd.vlan}) does not exist at {at!r}"
        yield path, what, f"use one of {', '.join(bd.sites)}, or add the site to the bridge domain"


def _slots(base: Path, vm: Vm, topology: Topology, bd: BridgeDomain) -> Iterator[Finding]:
    for i, slot in enumerate(vm.slots):
        yield from _place((*base, "slots", i), slot, topology, bd)
    if len(set(vm.slots)) < len(vm.slots):
        yield (*base, "slots"), f"a slot of {base[-1]!r} is named twice", "name each once"
    if vm.at not in vm.slots:
        yield (
            (*base, "at"),
            f"{base[-1]!r} starts at {vm.at!r}, which is not one of its slots",
            f"use one of {', '.join(vm.slots)}",
        )


def _limits(topology: Topology) -> Iterator[Finding]:
    """What the numbering plan and the kernel's interface names have room for."""
    seen: dict[int, str] = {}
    for name, sid in sids(topology).items():
        if seen.setdefault(sid, name) != name:
            yield (
                ("nodes", name, "sid"),
                f"sid {sid} is used twice, by {seen[sid]!r} and {name!r}",
                "choose a free one",
            )
    for section, limit in (
        ("bridge_domains", numbering.MAX_SERVICES),
        ("tenants", numbering.MAX_SERVICES),
        ("segments", numbering.MAX_SERVICES),
    ):
        if len(getattr(topology, section)) > limit:
            yield (section,), f"{len(getattr(topology, section))} {section}", f"use at most {limit}"
    pes = [name for name, node in topology.nodes.items() if node.role is Role.PE]
    if len(pes) > numbering.MAX_PES:
        yield ("nodes",), f"{len(pes)} PEs", f"use at most {numbering.MAX_PES}"
    elif late := next((name for name in pes if sids(topology)[name] > numbering.MAX_PES), None):
        what = f"no sid from 1 to {numbering.MAX_PES} is left for PE {late!r}"
        yield ("nodes", late), what, "leave `sid` out of P routers, or give them higher ones"
    for name, ports in _port_counts(topology).items():
        if ports > numbering.MAX_PORTS:
            yield (
                ("nodes", name),
                f"{name!r} has {ports} ports",
                f"use at most {numbering.MAX_PORTS} a switch",
            )
        yield from _interface(("nodes", name), interface_name(name, ports), "node", name)
        if f"{name}-" in (tap_interface(""), copy_interface("")):
            what = f"interfaces of a node {name!r} have names like those of virtual machines"
            yield ("nodes", name), what, "rename it"
    for name in topology.vms:
        yield from _interface(("vms", name), tap_interface(name), "virtual machine", name)


def _interface(path: Path, interface: str, kind: str, name: str) -> Iterator[Finding]:
    if len(interface) > MAX_INTERFACE:
        room = len(name) - (len(interface) - MAX_INTERFACE)
        what = f"interface name {interface!r} has {len(interface)} characters, Linux allows {MAX_INTERFACE}"
        yield path, what, f"give the {kind} a name of at most {room}"


def _port_counts(topology: Topology) -> dict[str, int]:
    counts = dict.fromkeys(topology.nodes, 0)
    for link in topology.links:
        for end in link.ends:
            counts[end] += 1
    for host in topology.hosts.values():
        counts[access_of(topology, host.at)[0]] += 1
    for vm in topology.vms.values():
        for slot in vm.slots:
            counts[access_of(topology, slot)[0]] += 1
    return counts


def _core(topology: Topology) -> Iterator[Finding]:
    """Every PE reaches all others and all P routers, over P routers only: a PE carries no transit."""
    core = {name: node for name, node in topology.nodes.items() if node.role is not Role.ACCESS}
    pes = [name for name, node in core.items() if node.role is Role.PE]
    if not pes:
        yield ("nodes",), "there is no PE", "add one: `pe1: {role: pe, site: ...}`"
        return
    neighbours: dict[str, set[str]] = {name: set() for name in core}
    for link in topology.links:
        if core.keys() >= set(link.ends):
            neighbours[link.ends[0]].add(link.ends[1])
            neighbours[link.ends[1]].add(link.ends[0])
    for start in pes:
        reached, frontier = {start}, [start]
        while frontier:
            fresh = neighbours[frontier.pop()] - reached
            reached |= fresh
            frontier.extend(fresh.difference(pes))
        for name in core:
            if name not in reached:
                what = f"the core is not connected: no path from {start!r} to {name!r} over P routers"
                yield ("nodes", name), what, f"link {name!r} to a P router of the rest under `links`"
                return
