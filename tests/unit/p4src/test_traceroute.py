"""Ping and traceroute through two PEs and a P router, with uniform TTLs (RFC 3443 §3.1, RFC 3032 §2.3.2).

host --- (1, VLAN 10) PE 1 (3) --- (1) P (2) --- (3) PE 2 (1) --- server
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6TimeExceeded, IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet

from tests.unit.p4src.conftest import ENGINES
from tests.unit.p4src.harness import CPU_PORT, PipelineUnderTest
from tests.unit.p4src.provider_edge import (
    CORE_MAC,
    GATEWAY,
    HOST_A,
    HOST_C,
    OWN_SID,
    P_MAC,
    PE2_SID,
    PE2_VRF,
    VRF_LABEL,
    configure,
    frame,
    ip,
    mac,
)

P_FAR_MAC, PE2_MAC = "0a:00:00:00:99:04", "0a:00:00:00:02:03"
HOST, SERVER = {4: "10.0.10.11", 6: "2001:db8:10::11"}, {4: "10.0.30.9", 6: "2001:db8:30::9"}
HOPS = {
    4: ["10.0.10.1", "10.255.0.101", "10.255.0.2"],
    6: ["2001:db8:10::1", "2001:db8:ffff::101", "2001:db8:ffff::2"],
}
"""What each router calls itself: PE 1 by the gateway of the bridge domain, the others by their loopbacks."""
WIRES = {("pe1", 3): ("p", 1), ("p", 1): ("pe1", 3), ("p", 2): ("pe2", 3), ("pe2", 3): ("p", 2)}
ROUTES = {4: "ip_vrf_ipv4", 6: "ip_vrf_ipv6"}


@pytest.fixture(params=ENGINES, ids=lambda engine: str(engine.__name__), scope="module")
def network(request: pytest.FixtureRequest) -> Iterator[dict[str, PipelineUnderTest]]:
    """The three switches."""
    programs = {"pe1": "pe", "p": "lsr", "pe2": "pe"}
    made = {name: PipelineUnderTest(program, request.param) for name, program in programs.items()}
    configure(made["pe1"])
    for name in ("pe1", "pe2"):
        made[name].write.default("label_model", "uniform_push")
        made[name].write.default("disposition", "uniform_pop")
    _first(made["pe1"])
    _between(made["p"])
    _last(made["pe2"])
    yield made
    for switch in made.values():
        switch.close()


def _first(pe: PipelineUnderTest) -> None:
    """IPv6 for the PE of provider_edge.py."""
    pe.add("ip_vrf_ipv6", {"vrf": 5, "prefix": (ip(HOST[6]), 128)}, "route_to", next_hop=100)
    pe.add("ip_vrf_ipv6", {"vrf": 5, "prefix": (ip("2001:db8:30::"), 64)}, "route_to", next_hop=110)
    match = {"vrf": 5, "bridge_domain": 10}
    pe.add("router_address_ipv6", match, "time_exceeded_ipv6", address=ip(HOPS[6][0]))
    pe.add("own_address_ipv6", {"vrf": 5, "address": ip(HOPS[6][0])}, "own_ipv6")


def _between(lsr: PipelineUnderTest) -> None:
    """The last router before both ends."""
    ends = ((1, P_MAC, CORE_MAC, OWN_SID), (2, P_FAR_MAC, PE2_MAC, PE2_SID))
    for port, here, there, label in ends:
        lsr.add("core_interface", {"port": port, "link_mac": mac(here)}, "accept_labels")
        lsr.add("nhlfe", {"nhlfe": port}, "push_0", src_mac=mac(here), dst_mac=mac(there))
        lsr.select("incoming_label", {"label": label}, "pop", {"port": port, "nhlfe_id": port})
    lsr.write.default("expiry_ipv4", "answer_ipv4", address=ip(HOPS[4][1]))
    lsr.write.default("expiry_ipv6", "answer_ipv6", address=ip(HOPS[6][1]))


def _last(pe: PipelineUnderTest) -> None:
    """The server on port 1, everything else by way of PE 1."""
    pe.add("core_interface", {"port": 3, "link_mac": mac(PE2_MAC)}, "accept_labels")
    pe.add("service_label", {"label": PE2_VRF}, "enter_vrf", vrf=5)
    pe.add("nhlfe", {"nhlfe": 1}, "push_1", src_mac=mac(PE2_MAC), dst_mac=mac(P_FAR_MAC), label_1=OWN_SID)
    pe.select("tunnel", {"tunnel": 1}, "path", {"port": 3, "nhlfe_id": 1})
    pe.add("next_hop", {"next_hop": 1}, "routed_remote", service_label=VRF_LABEL, tunnel_id=1)
    macs = {"src_mac": mac(GATEWAY), "dst_mac": mac(HOST_C)}
    pe.add("next_hop", {"next_hop": 2}, "routed_local", ac=301, port=1, **macs)
    pe.add("egress_circuit", {"ac": 301}, "send_untagged", split_horizon_group=0, blocked=0)
    for version, table in ROUTES.items():
        width = 32 if version == 4 else 128
        pe.add(table, {"vrf": 5}, "route_to", next_hop=1)
        pe.add(table, {"vrf": 5, "prefix": (ip(SERVER[version]), width)}, "route_to", next_hop=2)
    match = {"vrf": 5, "bridge_domain": 0}
    pe.add("router_address", match, "time_exceeded", address=ip(HOPS[4][2]))
    pe.add("router_address_ipv6", match, "time_exceeded_ipv6", address=ip(HOPS[6][2]))


def _arrivals(network: dict[str, PipelineUnderTest], packet: Packet) -> list[tuple[str, Packet]]:
    """Where what the host sends comes to an end, and as what."""
    under_way = [("pe1", 1, bytes(frame(HOST_A, GATEWAY, packet, vlan=10)))]
    ended = []
    while under_way:
        switch, port, data = under_way.pop()
        for sent in network[switch].send(port, data):
            assert sent.port != CPU_PORT, f"{switch} asks its controller"
            if (switch, sent.port) in WIRES:
                under_way.append((*WIRES[switch, sent.port], sent.data))
            else:
                ended.append((switch, Ether(sent.data)))
    return ended


def _udp(version: int, ttl: int) -> Packet:
    ipv6 = IPv6(src=HOST[6], dst=SERVER[6], hlim=ttl)
    return (IP(src=HOST[4], dst=SERVER[4], ttl=ttl) if version == 4 else ipv6) / UDP(dport=33434) / bytes(40)


def _echo(version: int, ttl: int) -> Packet:
    if version == 4:
        return IP(src=HOST[4], dst=SERVER[4], ttl=ttl) / ICMP(id=3) / bytes(40)
    return IPv6(src=HOST[6], dst=SERVER[6], hlim=ttl) / ICMPv6EchoRequest(id=3, data=bytes(40))


@pytest.mark.parametrize("probe", [_udp, _echo])
@pytest.mark.parametrize("version", [4, 6])
def test_traceroute_shows_every_router(
    network: dict[str, PipelineUnderTest], version: int, probe: Callable[[int, int], Packet]
) -> None:
    layer = IP if version == 4 else IPv6
    for ttl, router in enumerate(HOPS[version], start=1):
        ((where, answer),) = _arrivals(network, probe(version, ttl))
        assert (where, answer.dst, answer[Dot1Q].vlan) == ("pe1", HOST_A, 10)
        assert (answer[layer].src, answer[layer].dst) == (router, HOST[version])
        assert (ICMPv6TimeExceeded in answer) if version == 6 else (answer[ICMP].type == 11)
        again = answer.copy()
        if version == 4:
            del again[IP].chksum, again[ICMP].chksum
        else:
            del again[ICMPv6TimeExceeded].cksum
        assert bytes(again) == bytes(answer), "a checksum is wrong"
    ((where, arrived),) = _arrivals(network, probe(version, 4))
    assert (where, arrived.dst, arrived[layer].dst) == ("pe2", HOST_C, SERVER[version])
    assert (arrived[layer].ttl if version == 4 else arrived[layer].hlim) == 1


@pytest.mark.parametrize("version", [4, 6])
def test_ping_of_the_gateway(network: dict[str, PipelineUnderTest], version: int) -> None:
    packet = _echo(version, 64)
    packet.dst = HOPS[version][0]
    ((where, answer),) = _arrivals(network, packet)
    assert (where, answer.dst) == ("pe1", HOST_A)
    assert (answer[ICMP].type == 0) if version == 4 else (ICMPv6EchoReply in answer)
