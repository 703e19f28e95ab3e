"""Intents to the tables of p4src/pe.p4 (docs/reference/data-plane.md names them all).

Where a frame goes is a next hop of its own, shared by all that go the same way: `next_hop` says service label
and tunnel, `tunnel` the paths to a PE. A PE that moves in the WAN is one write, whatever the number of MACs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from ipaddress import IPv4Network
from typing import Any, Final, final

from controllers import intents
from controllers.dataplane.entity import (
    Action,
    Entity,
    EntityKey,
    Lpm,
    MatchValue,
    Member,
    MulticastGroup,
    TableEntry,
    action,
    entry,
)
from controllers.dataplane.local import SelfRendering
from controllers.dataplane.nhlfe import Nhlfes, release
from controllers.dataplane.plane import Ids, Keyed
from controllers.underlay.transport import TransportLabel, Tunnel
from controllers.wire.types import IpAddress

Intents = Mapping[Hashable, Keyed]
MAC_LEARN_DIGEST: Final = "mac_learn_t"

FROM_CORE_GROUP: Final = 0x4000
"""Multicast group of the copies that a frame from the core gets: the bridge domain's number, plus this."""

_CORE: Final = 1
_NO_VRF: Final = 0
"""No IP-VRF has this number: what is routed there has no route."""
_BUM_KINDS: Final = {"broadcast": 1, "unknown_unicast": 2, "multicast": 3}

_RANKS: Final[dict[object, int]] = {
    name: rank
    for rank, names in enumerate(
        (
            (
                "nhlfe",
                "egress_circuit",
                "router_address",
                "own_address",
                "router_address_ipv6",
                "own_address_ipv6",
            ),
            ("tunnel", "replica"),
            ("segment", "multicast", "clone", "digest"),
            ("next_hop", "flood"),
            ("mac_vrf", "ip_vrf_ipv4", "ip_vrf_ipv6", "neighbor_ipv4", "neighbor_ipv6"),
            ("source_mac",),
            ("service_label", "transport_label", "core_interface"),
            ("attachment_circuit", "attachment_port"),
        )
    )
    for name in names
}


@final
class PeRenderer:
    """Renders the intents of one PE."""

    def __init__(self, *, watch_ports: bool = True) -> None:
        """`watch_ports`: see `Program`."""
        self._watch_ports = watch_ports
        self._next_hops = Ids(1, (1 << 24) - 1)
        self._tunnels = Ids(1, (1 << 16) - 1)
        self._segments = Ids(1, (1 << 16) - 1)
        self._nhlfes = Nhlfes()
        self._replicas = Ids(1, (1 << 16) - 1)
        self._renderers: dict[type, Callable[[Any, Intents], Iterable[Entity]]] = {
            intents.BridgeDomain: self._bridge_domain,
            intents.AttachmentCircuit: self._attachment_circuit,
            intents.MacEntry: self._mac_entry,
            intents.FloodList: self._flood_list,
            intents.EthernetSegment: self._ethernet_segment,
            intents.ServiceLabel: self._service_label,
            intents.GatewayMac: self._gateway_mac,
            intents.ProbeMac: self._probe_mac,
            intents.GatewayAddress: self._gateway_address,
            intents.Neighbor: self._neighbor,
            intents.IpRoute: self._ip_route,
            Tunnel: self._tunnel,
            TransportLabel: self._transport_label,
        }

    def render(self, intent: Keyed, others: Intents) -> Iterable[Entity]:
        """The entities of one intent; what waits for an intent that is missing is left out."""
        if isinstance(intent, SelfRendering):
            return intent.entities()
        return self._renderers[type(intent)](intent, others)

    def depends(self, intent: Keyed) -> Iterator[Hashable]:
        """Circuits for their ports, bridge domains for their settings, tunnels for paths of copies."""
        match intent:
            case intents.MacEntry(bd, _mac, via):
                yield _bd_key(bd)
                yield from _circuits(via)
            case intents.IpRoute(_vrf, _prefix, intents.Adjacent(via=via)):
                yield from _circuits(via)
            case intents.Neighbor(bd):
                yield _bd_key(bd)
            case intents.FloodList(_bd, acs, remotes):
                yield from (_ac_key(ac) for ac in acs)
                yield from {("tunnel", remote.pe) for remote in remotes}

    def rank(self, entity: Entity) -> int:
        """Paths, then what uses them, then what lets packets in."""
        return _RANKS.get(entity.key[0], 0)

    def freed(self, key: EntityKey) -> None:
        """Give ids back."""
        self._nhlfes.freed(key)
        release(self._next_hops, "next_hop", "next_hop", key)
        release(self._replicas, "replica", "egress_rid", key)

    # -- next hops -----------------------------------------------------------------------------------------

    # MACs, hosts and their next hops are rendered for every machine that moves: their keys and parameters are
    # in order as they stand, where `entry` and `action` would sort them each time.

    def _next_hop(self, does: Action) -> tuple[int, TableEntry]:
        number = self._next_hops.of(does)
        return number, TableEntry("next_hop", (("next_hop", number),), does)

    def _bridged(self, via: intents.MacTarget, others: Intents) -> tuple[int, TableEntry] | None:
        match via:
            case intents.LocalAc(ac):
                circuit = others.get(_ac_key(ac))
                if isinstance(circuit, intents.AttachmentCircuit):
                    return self._next_hop(Action("local", (("ac", ac), ("port", circuit.port))))
            case intents.Remote(pe, label) | intents.ViaPseudoWire(_, intents.Remote(pe, label)):
                return self._next_hop(self._towards("remote", pe, label))
            case intents.RemoteSegment(esi, bd):
                return self._next_hop(action("segment_of", segment_id=self._segments.of((esi, bd))))
        return None

    def _routed(self, via: intents.IpTarget, others: Intents) -> tuple[int, TableEntry] | None:
        match via:
            case intents.Remote(pe, label):
                return self._next_hop(self._towards("routed_remote", pe, label))
            case intents.Adjacent(_bd, dst_mac, src_mac, intents.LocalAc(ac)):
                circuit = others.get(_ac_key(ac))
                if isinstance(circuit, intents.AttachmentCircuit):
                    there = (("ac", ac), ("dst_mac", dst_mac), ("port", circuit.port), ("src_mac", src_mac))
                    return self._next_hop(Action("routed_local", there))
            case intents.Adjacent(
                _bd,
                dst_mac,
                src_mac,
                intents.Remote(pe, label) | intents.ViaPseudoWire(_, intents.Remote(pe, label)),
            ):
                return self._next_hop(
                    action(
                        "routed_bridged",
                        src_mac=src_mac,
                        dst_mac=dst_mac,
                        service_label=label,
                        tunnel_id=self._tunnels.of(pe),
                    )
                )
            case intents.Adjacent(_bd, dst_mac, src_mac, intents.RemoteSegment(esi, bd)):
                segment = self._segments.of((esi, bd))
                return self._next_hop(
                    action("routed_segment", src_mac=src_mac, dst_mac=dst_mac, segment_id=segment)
                )
        return None

    def _towards(self, name: str, pe: IpAddress, label: int) -> Action:
        return Action(name, (("service_label", label), ("tunnel_id", self._tunnels.of(pe))))

    # -- the underlay --------------------------------------------------------------------------------------

    def _tunnel(self, tunnel: Tunnel, _others: Intents) -> Iterator[Entity]:
        members = []
        for hop in tunnel.hops:
            number, nhlfe = self._nhlfes.of(hop, hop.labels)
            yield nhlfe
            watched = hop.port if self._watch_ports else 0
            members.append(Member(action("path", port=hop.port, nhlfe_id=number), watch_port=watched))
        yield entry("tunnel", {"tunnel": self._tunnels.of(tunnel.pe)}, tuple(members))

    def _transport_label(self, label: TransportLabel, _others: Intents) -> Iterator[Entity]:
        """Only its own label ends at a PE; it carries no transit."""
        if not label.hops:
            yield entry("transport_label", {"label": label.label}, action("pop"))

    # -- layer 2 -------------------------------------------------------------------------------------------

    def _bridge_domain(self, domain: intents.BridgeDomain, _others: Intents) -> Iterator[Entity]:
        from_core = action("replicate", group=FROM_CORE_GROUP + domain.bd)
        for name, kind in _BUM_KINDS.items():
            match: dict[str, MatchValue] = {
                "bridge_domain": domain.bd,
                "kind": kind,
                "split_horizon_group": _CORE,
            }
            yield entry("flood", match, from_core)
            if name == "unknown_unicast" and not domain.flood_unknown:
                yield entry("flood", {**match, "split_horizon_group": 0}, action("discard_flooded"))

    def _attachment_circuit(self, circuit: intents.AttachmentCircuit, _others: Intents) -> Iterator[Entity]:
        if circuit.shut:
            return
        group = circuit.split_horizon_group
        match: dict[str, MatchValue] = {"port": circuit.port, "vlan_id": circuit.vlan or 0}
        attach = action("attach", ac=circuit.ac, bridge_domain=circuit.bd, split_horizon_group=group)
        yield entry("attachment_circuit", match, attach)
        vlan = circuit.egress_vlan if circuit.egress_vlan is not None else circuit.vlan
        blocked = int(circuit.blocked)
        send = (
            action("send_untagged", split_horizon_group=group, blocked=blocked)
            if vlan is None
            else action("send_tagged", vlan_id=vlan, split_horizon_group=group, blocked=blocked)
        )
        yield entry("egress_circuit", {"ac": circuit.ac}, send)

    def _mac_entry(self, mac: intents.MacEntry, others: Intents) -> Iterator[Entity]:
        match = (("bridge_domain", mac.bd), ("mac", mac.mac))
        if isinstance(mac.via, intents.Drop):
            yield TableEntry("mac_vrf", match, Action("discard_destination"))
            yield TableEntry("source_mac", match, Action("discard_source"))
            return
        learned_on = _attachment(mac.via)
        if learned_on is not None:
            domain = others.get(_bd_key(mac.bd))
            ageing = domain.mac_ageing if isinstance(domain, intents.BridgeDomain) else None
            idle = 0 if mac.static or ageing is None else int(ageing * 1e9)
            known = Action("sticky" if mac.static else "learned", (("attachment", learned_on),))
            yield TableEntry("source_mac", match, known, idle_timeout_ns=idle)
        next_hop = self._bridged(mac.via, others)
        if next_hop is not None:
            number, next_hop_entry = next_hop
            yield next_hop_entry
            yield TableEntry("mac_vrf", match, Action("forward", (("next_hop", number),)))

    def _flood_list(self, flood: intents.FloodList, others: Intents) -> Iterator[Entity]:
        circuits, copies = [], []
        for ac in flood.acs:
            circuit = others.get(_ac_key(ac))
            if isinstance(circuit, intents.AttachmentCircuit) and not circuit.shut:
                rid = self._replicas.of((flood.bd, ac))
                yield self._replica(flood.bd, rid, action("to_attachment_circuit", ac=ac))
                circuits.append((circuit.port, rid))
        for remote in flood.remotes:
            tunnel = others.get(("tunnel", remote.pe))
            if isinstance(tunnel, Tunnel):
                # A copy has no flow to share out: it takes the first path.
                number, nhlfe = self._nhlfes.of(tunnel.hops[0], tunnel.hops[0].labels)
                rid = self._replicas.of((flood.bd, remote))
                yield nhlfe
                yield self._replica(
                    flood.bd, rid, action("to_pe", service_label=remote.label, nhlfe_id=number)
                )
                copies.append((tunnel.hops[0].port, rid))
        yield MulticastGroup(flood.bd, tuple(sorted(circuits + copies)))
        yield MulticastGroup(FROM_CORE_GROUP + flood.bd, tuple(sorted(circuits)))

    def _replica(self, bd: int, rid: int, does: Any) -> TableEntry:
        return entry("replica", {"bridge_domain": bd, "egress_rid": rid}, does)

    def _ethernet_segment(self, segment: intents.EthernetSegment, _others: Intents) -> Iterator[Entity]:
        members = tuple(
            Member(action("remote", service_label=each.label, tunnel_id=self._tunnels.of(each.pe)))
            for each in segment.active or segment.backup
        )
        number = self._segments.of((segment.esi, segment.bd))
        if members:
            yield entry("segment", {"segment": number}, members)

    def _service_label(self, label: intents.ServiceLabel, _others: Intents) -> Iterator[Entity]:
        match label.target:
            case intents.BdUnicast(bd):
                does = action("bridge_unicast", bridge_domain=bd)
            case intents.BdFlood(bd):
                does = action("bridge_flood", bridge_domain=bd)
            case intents.IpVrf(vrf):
                does = action("enter_vrf", vrf=vrf)
            case intents.PseudoWireEnd(bd, pw):
                does = action("pseudo_wire", bridge_domain=bd, pw=pw)
        yield entry("service_label", {"label": label.label}, does)

    # -- the gateway and layer 3 ---------------------------------------------------------------------------

    def _gateway_mac(self, gateway: intents.GatewayMac, _others: Intents) -> Iterator[Entity]:
        yield _routed_mac(gateway.bd, gateway.mac, gateway.vrf)

    def _probe_mac(self, probe: intents.ProbeMac, _others: Intents) -> Iterator[Entity]:
        yield _routed_mac(probe.bd, probe.mac, _NO_VRF)

    def _gateway_address(self, gateway: intents.GatewayAddress, _others: Intents) -> Iterator[Entity]:
        address, four = int(gateway.ip), gateway.ip.version == 4
        asked: dict[str, MatchValue] = {"bridge_domain": gateway.bd, "address": address}
        own: dict[str, MatchValue] = {"vrf": gateway.vrf, "address": address}
        router: dict[str, MatchValue] = {"vrf": gateway.vrf, "bridge_domain": gateway.bd}
        host: dict[str, MatchValue] = {"vrf": gateway.vrf, "prefix": Lpm(address, gateway.ip.max_prefixlen)}
        if four:
            yield entry("neighbor_ipv4", asked, action("gateway_reply", gateway_mac=gateway.mac))
            yield entry("own_address", own, action("own"))
            yield entry("router_address", router, action("time_exceeded", address=address))
        else:
            yield entry("neighbor_ipv6", asked, action("gateway_reply_nd", gateway_mac=gateway.mac))
            yield entry("own_address_ipv6", own, action("own_ipv6"))
            yield entry("router_address_ipv6", router, action("time_exceeded_ipv6", address=address))
        yield entry("ip_vrf_ipv4" if four else "ip_vrf_ipv6", host, action("receive"))

    def _neighbor(self, neighbor: intents.Neighbor, others: Intents) -> Iterator[Entity]:
        domain = others.get(_bd_key(neighbor.bd))
        if not (isinstance(domain, intents.BridgeDomain) and domain.suppress_arp):
            return
        match = (("address", int(neighbor.ip)), ("bridge_domain", neighbor.bd))
        owner = (("owner_attachment", neighbor.owner_ac or 0), ("owner_mac", neighbor.mac))
        if neighbor.ip.version == 4:
            yield TableEntry("neighbor_ipv4", match, Action("reply", owner))
        else:
            flags = (("override_flag", int(neighbor.override)), *owner, ("router_flag", int(neighbor.router)))
            yield TableEntry("neighbor_ipv6", match, Action("reply_nd", flags))

    def _ip_route(self, route: intents.IpRoute, others: Intents) -> Iterator[Entity]:
        table = "ip_vrf_ipv4" if isinstance(route.prefix, IPv4Network) else "ip_vrf_ipv6"
        prefix, vrf = route.prefix, ("vrf", route.vrf)
        length = prefix.prefixlen
        match = (("prefix", Lpm(int(prefix.network_address), length)), vrf) if length else (vrf,)
        if isinstance(route.via, intents.Glean):
            yield TableEntry(table, match, Action("glean", (("bridge_domain", route.via.bd),)))
        elif isinstance(route.via, intents.Drop):
            yield TableEntry(table, match, Action("discard_route"))
        elif (next_hop := self._routed(route.via, others)) is not None:
            number, next_hop_entry = next_hop
            yield next_hop_entry
            yield TableEntry(table, match, Action("route_to", (("next_hop", number),)))


def _routed_mac(bd: int, mac: int, vrf: int) -> TableEntry:
    return entry("mac_vrf", {"bridge_domain": bd, "mac": mac}, action("route", vrf=vrf))


def _ac_key(ac: int) -> Hashable:
    return ("AttachmentCircuit", ac)


def _bd_key(bd: int) -> Hashable:
    return ("BridgeDomain", bd)


def _attachment(via: intents.MacTarget) -> int | None:
    """The circuit or pseudo-wire that frames from a MAC come in by; None if its place is told by BGP."""
    match via:
        case intents.LocalAc(number) | intents.ViaPseudoWire(number):
            return number
    return None


def _circuits(via: object) -> Iterator[Hashable]:
    if isinstance(via, intents.LocalAc):
        yield _ac_key(via.ac)
