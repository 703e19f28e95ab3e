"""The PE that most tests start from, and the frames around it.

port 1, VLAN 10  ac 101 --+
port 2, untagged ac 102 --+- bridge domain 10, gateway 10.0.10.1 --+
                                                                   +- VRF 5
port 1, VLAN 20  ac 201 ---- bridge domain 20, gateway 10.0.20.1 --+

port 3 ---- P router, one transport label ---- PE 2 (tunnel 2), PE 3 (tunnel 3)
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from tests.unit.p4src.harness import Label, PipelineUnderTest, link

HOST_A, HOST_B, HOST_C = "02:00:00:00:0a:01", "02:00:00:00:0a:02", "02:00:00:00:0a:03"
REMOTE, REMOTE_2 = "02:00:00:00:0b:01", "02:00:00:00:0b:02"
GATEWAY = "0a:00:00:00:00:fe"
CORE_MAC, P_MAC = "0a:00:00:00:01:03", "0a:00:00:00:99:03"
BROADCAST = "ff:ff:ff:ff:ff:ff"

UNICAST_LABEL, FLOOD_LABEL, VRF_LABEL, PW_LABEL = 0x40010, 0x41010, 0x80005, 0x42010
"""Of this PE."""
PE2_UNICAST, PE2_FLOOD, PE2_VRF, PE2_CONTROL_WORD = 0x40200, 0x41200, 0x80200, 0x60200
PE3_FLOOD = 0x41300
PE2_SID, PE3_SID, OWN_SID = 16002, 16003, 16001


def mac(text: str) -> int:
    """As a number, for table entries."""
    return int(text.replace(":", ""), 16)


def ip(text: str) -> int:
    """As a number, for table entries."""
    return int(ip_address(text))


def udp(src_mac: str, dst_mac: str, *, vlan: int | None = None, **fields: Any) -> Packet:
    """A UDP datagram in a frame; `fields` of IP, and `sport`, `dport`, `size` (of the payload)."""
    ports = {name: fields.pop(name) for name in ("sport", "dport") if name in fields}
    size = fields.pop("size", 32)
    inner = (
        IP(**{"src": "10.0.10.11", "dst": "10.0.10.12"} | fields)
        / UDP(**ports)
        / Raw(bytes(n % 251 for n in range(size)))
    )
    return frame(src_mac, dst_mac, inner, vlan=vlan)


def ping(src_mac: str, dst_mac: str, *, vlan: int | None = None, **fields: Any) -> Packet:
    """An ICMP echo request in a frame."""
    return frame(src_mac, dst_mac, IP(**fields) / ICMP(id=7, seq=1) / Raw(b"x" * 40), vlan=vlan)


def request(
    src_mac: str, sender: str, target: str, *, dst: str = BROADCAST, vlan: int | None = None
) -> Packet:
    """An ARP request in a frame."""
    return frame(src_mac, dst, ARP(op=1, hwsrc=src_mac, psrc=sender, pdst=target), vlan=vlan)


def frame(src_mac: str, dst_mac: str, inner: Packet, *, vlan: int | None = None) -> Packet:
    """`inner` in a frame, with or without tag."""
    ether = Ether(src=src_mac, dst=dst_mac)
    return ether / inner if vlan is None else ether / Dot1Q(vlan=vlan) / inner


def from_core(*labels: int, payload: Packet | bytes, ttl: int = 60) -> Packet:
    """A labelled packet as the P router sends it, outermost label first."""
    stack: Packet = link(CORE_MAC, P_MAC)
    for position, label in enumerate(labels, start=1):
        stack /= Label(label=label, bos=position == len(labels), ttl=ttl)
    return stack / Raw(bytes(payload))


def to_core(*labels: int, payload: Packet | bytes, ttl: int = 64) -> bytes:
    """A labelled packet as this PE sends it."""
    stack: Packet = link(P_MAC, CORE_MAC)
    for position, label in enumerate(labels, start=1):
        stack /= Label(label=label, bos=position == len(labels), ttl=ttl)
    return bytes(stack) + bytes(payload)


def routed(packet: Packet, dst_mac: str, *, vlan: int | None = None, hops: int = 1) -> Packet:
    """What a router makes of a packet in a frame: new MACs, TTL, checksum."""
    layer = packet[IP if IP in packet else IPv6].copy()
    if isinstance(layer, IPv6):
        layer.hlim -= hops
    else:
        layer.ttl -= hops
        layer.chksum = None
    return frame(GATEWAY, dst_mac, layer, vlan=vlan)


def configure(pe: PipelineUnderTest) -> None:
    """The PE above: circuits, hosts and a remote MAC in bridge domain 10, a host in 20, routes in VRF 5."""
    circuits(pe)
    core(pe)
    layer_2(pe)
    layer_3(pe)


def circuits(pe: PipelineUnderTest) -> None:
    """Attachment circuits, both ways."""
    for port, vlan, ac, bd in ((1, 10, 101, 10), (2, 0, 102, 10), (1, 20, 201, 20)):
        match = {"port": port, "vlan_id": vlan}
        pe.add("attachment_circuit", match, "attach", ac=ac, bridge_domain=bd, split_horizon_group=0)
        if vlan:
            pe.add(
                "egress_circuit", {"ac": ac}, "send_tagged", vlan_id=vlan, split_horizon_group=0, blocked=0
            )
        else:
            pe.add("egress_circuit", {"ac": ac}, "send_untagged", split_horizon_group=0, blocked=0)


def core(pe: PipelineUnderTest) -> None:
    """The core link, tunnels to PE 2 and PE 3, and this PE's own labels."""
    pe.add("core_interface", {"port": 3, "link_mac": mac(CORE_MAC)}, "accept_labels")
    for number, sid in ((2, PE2_SID), (3, PE3_SID)):
        pe.add("nhlfe", {"nhlfe": number}, "push_1", src_mac=mac(CORE_MAC), dst_mac=mac(P_MAC), label_1=sid)
        pe.select("tunnel", {"tunnel": number}, "path", {"port": 3, "nhlfe_id": number})
    pe.add("transport_label", {"label": OWN_SID}, "pop")
    pe.add("service_label", {"label": UNICAST_LABEL}, "bridge_unicast", bridge_domain=10)
    pe.add("service_label", {"label": FLOOD_LABEL}, "bridge_flood", bridge_domain=10)
    pe.add("service_label", {"label": PW_LABEL}, "pseudo_wire", bridge_domain=10, pw=900)
    pe.add("service_label", {"label": VRF_LABEL}, "enter_vrf", vrf=5)


def layer_2(pe: PipelineUnderTest) -> None:
    """MACs, next hops and the flood lists of bridge domain 10: both circuits, PE 2 and PE 3."""
    pe.add("next_hop", {"next_hop": 1}, "local", ac=101, port=1)
    pe.add("next_hop", {"next_hop": 2}, "local", ac=102, port=2)
    pe.add("next_hop", {"next_hop": 3}, "remote", service_label=PE2_UNICAST, tunnel_id=2)
    for address, ac, next_hop in ((HOST_A, 101, 1), (HOST_B, 102, 2)):
        match = {"bridge_domain": 10, "mac": mac(address)}
        pe.add("source_mac", match, "learned", attachment=ac)
        pe.add("mac_vrf", match, "forward", next_hop=next_hop)
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(REMOTE)}, "forward", next_hop=3)
    for rid, ac in ((1, 101), (2, 102)):
        pe.add("replica", {"bridge_domain": 10, "egress_rid": rid}, "to_attachment_circuit", ac=ac)
    for rid, label, nhlfe in ((3, PE2_FLOOD, 2), (4, PE3_FLOOD, 3)):
        match = {"bridge_domain": 10, "egress_rid": rid}
        pe.add("replica", match, "to_pe", service_label=label, nhlfe_id=nhlfe)
    pe.multicast(10, (1, 1), (2, 2), (3, 3), (3, 4))


def layer_3(pe: PipelineUnderTest) -> None:
    """The gateways of both bridge domains in VRF 5, hosts on circuits, and a prefix behind PE 2."""
    for bd, address in ((10, "10.0.10.1"), (20, "10.0.20.1")):
        pe.add("mac_vrf", {"bridge_domain": bd, "mac": mac(GATEWAY)}, "route", vrf=5)
        match = {"bridge_domain": bd, "address": ip(address)}
        pe.add("neighbor_ipv4", match, "gateway_reply", gateway_mac=mac(GATEWAY))
        pe.add("own_address", {"vrf": 5, "address": ip(address)}, "own")
        pe.add("router_address", {"vrf": 5, "bridge_domain": bd}, "time_exceeded", address=ip(address))
        pe.add("ip_vrf_ipv4", {"vrf": 5, "prefix": (ip(address), 32)}, "receive")
        subnet = (ip(address) & 0xFFFFFF00, 24)
        pe.add("ip_vrf_ipv4", {"vrf": 5, "prefix": subnet}, "glean", bridge_domain=bd)
    pe.add("router_address", {"vrf": 5, "bridge_domain": 0}, "time_exceeded", address=ip("10.255.0.1"))
    hosts = (("10.0.10.11", HOST_A, 101, 1), ("10.0.10.12", HOST_B, 102, 2), ("10.0.20.13", HOST_C, 201, 1))
    for number, (address, host, ac, port) in enumerate(hosts, start=100):
        macs = {"src_mac": mac(GATEWAY), "dst_mac": mac(host)}
        pe.add("next_hop", {"next_hop": number}, "routed_local", ac=ac, port=port, **macs)
        pe.add("ip_vrf_ipv4", {"vrf": 5, "prefix": (ip(address), 32)}, "route_to", next_hop=number)
    pe.add("source_mac", {"bridge_domain": 20, "mac": mac(HOST_C)}, "learned", attachment=201)
    pe.add("next_hop", {"next_hop": 110}, "routed_remote", service_label=PE2_VRF, tunnel_id=2)
    pe.add("ip_vrf_ipv4", {"vrf": 5, "prefix": (ip("10.0.30.0"), 24)}, "route_to", next_hop=110)
