"""What the controllers of a lab know and have decided, as plain rows that a person or a program can read.

Pure: routes of a RIB and intents of a switch in, rows out. MACs, addresses and prefixes are text; names are
those of the topology.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeVar, final

from controllers import intents as want
from controllers.bgp.routes import Route
from controllers.dataplane.access import LearnedMac
from controllers.underlay.transport import Hop, TransportLabel
from controllers.vpls.gateway import Gateway
from controllers.vpls.instance import Instance
from controllers.wire.attributes import PathAttributes
from controllers.wire.evpn import EthernetAutoDiscovery, IpPrefix, MacIpAdvertisement
from controllers.wire.extended import DefaultGateway, MacMobility
from controllers.wire.types import IpAddress, RouteTarget, mac_to_text
from controllers.wire.vpn import VplsBlock, VpnPrefix
from testbed.model.plan import Plan
from testbed.model.topology import Role

Row = dict[str, Any]
T = TypeVar("T")
Intents = Mapping[Hashable, object]


@final
class View:
    """One node of a lab: its intents, with the names that the topology has for their numbers."""

    def __init__(self, plan: Plan, node: str, intents: Intents) -> None:
        self._plan, self._node, self._intents = plan, node, intents
        self._pes = {switch.loopback: switch.name for switch in plan.pes}
        self._vlans = {vlan.ordinal: vlan for vlan in plan.bridge_domains.values()}
        self._tenants = {tenant.ordinal: tenant.name for tenant in plan.tenants.values()}
        self._circuits = {ac.ac: ac for ac in self._of(want.AttachmentCircuit)}

    def _of(self, kind: type[T]) -> list[T]:
        return [intent for intent in self._intents.values() if isinstance(intent, kind)]

    # -- names -----------------------------------------------------------------------------------------------

    def pe(self, address: object) -> str:
        """The PE with a loopback; the address where there is none."""
        return self._pes.get(address, str(address))  # type: ignore[call-overload, no-any-return]

    def circuit(self, number: int) -> str:
        """An attachment circuit as interface and VLAN."""
        ac = self._circuits.get(number)
        if ac is None:
            return f"ac {number}"
        return self.interface(ac.port) + (f".{ac.vlan}" if ac.vlan else "")

    def interface(self, port: int) -> str:
        """The interface name of a port."""
        return self._plan.switches[self._node].port(port).interface

    def bridge_domain(self, number: int) -> str:
        """The name of a bridge domain."""
        vlan = self._vlans.get(number)
        return vlan.name if vlan else str(number)

    def vlan(self, number: int) -> int | None:
        """The VLAN of a bridge domain."""
        vlan = self._vlans.get(number)
        return vlan.vlan if vlan else None

    def target(self, via: object) -> str:
        """Where a MAC or a prefix leads to, in a few words."""
        match via:
            case want.LocalAc(ac):
                return self.circuit(ac)
            case want.Remote(pe, label):
                return f"{self.pe(pe)}, label {label}"
            case want.RemoteSegment(esi):
                return f"segment {esi}"
            case want.ViaPseudoWire(_, remote):
                return f"pseudo-wire to {self.target(remote)}"
            case want.Adjacent(bd, mac, _, out):
                return f"{self.bridge_domain(bd)} {mac_to_text(mac)} by {self.target(out)}"
            case want.Glean(bd):
                return f"directly connected, {self.bridge_domain(bd)}"
            case want.Drop():
                return "discard"
        return str(via)

    # -- tables ----------------------------------------------------------------------------------------------

    def macs(self) -> list[Row]:
        """The MAC tables. `kind`: local, pseudo-wire (learned there), remote (by BGP), static, gateway."""
        rows = [
            {
                "bridge_domain": self.bridge_domain(entry.bd),
                "vlan": self.vlan(entry.bd),
                "mac": mac_to_text(entry.mac),
                "kind": "static" if entry.static else _mac_kind(entry.via),
                "via": self.target(entry.via),
            }
            for entry in self._of(want.MacEntry)
        ]
        rows += [
            {
                "bridge_domain": self.bridge_domain(gateway.bd),
                "vlan": self.vlan(gateway.bd),
                "mac": mac_to_text(gateway.mac),
                "kind": "gateway",
                "via": f"routed in {self._tenants.get(gateway.vrf, gateway.vrf)}",
            }
            for gateway in self._of(want.GatewayMac)
        ]
        rows += [
            {
                "bridge_domain": None,
                "vlan": entry.vlan,
                "mac": mac_to_text(entry.mac),
                "kind": "local",
                "via": self.interface(entry.port),
            }
            for entry in self._of(LearnedMac)
        ]
        return sorted(rows, key=lambda row: (row["vlan"] or 0, row["mac"]))

    def routes(self) -> list[Row]:
        """The IP-VRFs. `kind`: connected, host (on a circuit of this PE), remote or discard."""
        routes = sorted(
            self._of(want.IpRoute),
            key=lambda r: (r.vrf, r.prefix.version, r.prefix.network_address, r.prefix.prefixlen),
        )
        return [
            {
                "vrf": self._tenants.get(route.vrf, str(route.vrf)),
                "prefix": str(route.prefix),
                "kind": _route_kind(route.via),
                "via": self.target(route.via),
            }
            for route in routes
        ]

    def labels(self) -> list[Row]:
        """What incoming labels mean: those of services, and those of transport."""
        rows = [
            {"label": service.label, "action": "pop", "via": self._service(service.target)}
            for service in self._of(want.ServiceLabel)
        ]
        transit = self._plan.switches[self._node].role is Role.P
        for transport in self._of(TransportLabel):
            # A PE carries no transit: of transport labels it takes its own alone.
            if transit:
                rows += [self._transport(transport.label, hop) for hop in transport.hops]
            if not transport.hops:
                rows.append({"label": transport.label, "action": "pop", "via": "this node"})
        return sorted(rows, key=lambda row: (row["label"], row["via"]))

    def _transport(self, label: int, hop: Hop) -> Row:
        action = f"swap {' '.join(map(str, hop.labels))}" if hop.labels else "pop"
        port = self._plan.switches[self._node].port(hop.port)
        return {"label": label, "action": action, "via": f"{port.interface} to {port.peer}"}

    def _service(self, target: want.LabelTarget) -> str:
        match target:
            case want.BdUnicast(bd):
                return f"bridge domain {self.bridge_domain(bd)}, unicast"
            case want.BdFlood(bd):
                return f"bridge domain {self.bridge_domain(bd)}, flooding"
            case want.IpVrf(vrf):
                return f"IP-VRF {self._tenants.get(vrf, vrf)}"
            case want.PseudoWireEnd(bd, pw):
                return f"bridge domain {self.bridge_domain(bd)}, pseudo-wire {pw}"

    def vpls(self, instances: Iterable[Instance]) -> list[Row]:
        """Sites, pseudo-wires and the virtual router of a PE's VPLS instances."""
        return sorted(
            (
                {
                    "bridge_domain": self.bridge_domain(instance.config.bd),
                    "site": instance.config.ve_id,
                    "forwards": instance.forwards,
                    "pseudo_wires": [
                        {
                            "site": wire.site,
                            "pe": self.pe(wire.remote.pe),
                            "number": wire.number,
                            "label_in": wire.incoming_label,
                            "label_out": wire.remote.label,
                            "macs": instance.macs.behind(wire.number),
                        }
                        for wire in instance.pseudo_wires
                    ],
                    "vrrp": [_vrrp(gateway) for gateway in instance.gateways.values()],
                }
                for instance in instances
            ),
            key=lambda row: str(row["bridge_domain"]),
        )

    def bindings(self, routes: Iterable[Route]) -> list[Row]:
        """MACs with their addresses, who advertised them and with which sequence (RFC 7432 §15).

        `active`: frames to the MAC go there now.
        """
        by_target = {
            RouteTarget.parse(vlan.route_target): vlan.ordinal
            for vlan in self._plan.bridge_domains.values()
            if self._node in vlan.pes
        }
        rows = []
        for route in routes:
            nlri, attributes = route.nlri, route.attributes
            if not isinstance(nlri, MacIpAdvertisement):
                continue
            for community in attributes.extended_communities:
                bd = by_target.get(community) if isinstance(community, RouteTarget) else None
                if bd is not None:
                    rows.append(self._binding(bd, nlri, route, attributes))
        return sorted(rows, key=lambda row: (row["vlan"] or 0, row["mac"], row["ip"] or ""))

    def _binding(self, bd: int, nlri: MacIpAdvertisement, route: Route, attributes: PathAttributes) -> Row:
        mobility = next((c for c in attributes.extended_communities if isinstance(c, MacMobility)), None)
        gateway = any(isinstance(c, DefaultGateway) for c in attributes.extended_communities)
        entry = self._intents.get(("MacEntry", bd, nlri.mac))
        via = entry.via if isinstance(entry, want.MacEntry) else None
        local = route.peer is None
        source = self.target(via) if local and isinstance(via, want.LocalAc) else self.pe(route.next_hop)
        active = isinstance(via, want.LocalAc) if local else _leads_to(via, route.next_hop)
        return {
            "bridge_domain": self.bridge_domain(bd),
            "vlan": self.vlan(bd),
            "mac": mac_to_text(nlri.mac),
            "ip": None if nlri.ip is None else str(nlri.ip),
            "source": source,
            "local": local,
            "active": active or gateway,
            "sequence": 0 if mobility is None else mobility.sequence,
            "sticky": mobility is not None and mobility.sticky,
            "gateway": gateway,
        }


def _vrrp(gateway: Gateway) -> Row:
    config = gateway.config
    return {
        "vrid": config.vrid,
        "state": gateway.state.value,
        "mac": mac_to_text(config.mac),
        "virtual": str(config.virtual),
        "own": str(config.own),
        "priority": config.priority,
    }


def _leads_to(via: object, pe: IpAddress | None) -> bool:
    return isinstance(via, want.Remote) and via.pe == pe


def _mac_kind(via: want.MacTarget) -> str:
    match via:
        case want.LocalAc():
            return "local"
        case want.ViaPseudoWire():
            return "pseudo-wire"
    return "remote"


def _route_kind(via: want.IpTarget) -> str:
    match via:
        case want.Glean():
            return "connected"
        case want.Adjacent(via=want.LocalAc()):
            return "host"
        case want.Drop():
            return "discard"
    return "remote"


def route_row(route: Route, *, best: bool) -> Row:
    """A route of a RIB. `peer` is None for one originated here."""
    attributes = route.attributes
    rd = getattr(route.nlri, "rd", None)
    return {
        "network": str(route.nlri),
        "rd": None if rd is None else str(rd),
        "family": str(route.family),
        "best": best,
        "next_hop": str(route.next_hop),
        "local_pref": attributes.local_pref,
        "peer": None if route.peer is None else str(route.peer),
        "originator": None if route.originator is None else str(route.originator),
        "targets": [str(c) for c in attributes.extended_communities if isinstance(c, RouteTarget)],
        "communities": [str(c) for c in attributes.extended_communities if not isinstance(c, RouteTarget)],
        "labels": _labels(route),
    }


def _labels(route: Route) -> list[int]:
    """The labels of a route: of its NLRI, or of its PMSI tunnel (RFC 7432 §11.2)."""
    match route.nlri:
        case MacIpAdvertisement(label=label, label2=label2):
            return [label] if label2 is None else [label, label2]
        case EthernetAutoDiscovery(label=label) | IpPrefix(label=label) | VpnPrefix(label=label):
            return [label]
        case VplsBlock(label_base=label):
            return [label]
        case _:
            tunnel = route.attributes.pmsi_tunnel
            return [] if tunnel is None else [tunnel.label]
