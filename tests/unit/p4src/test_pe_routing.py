"""IRB, symmetric and asymmetric (RFC 7432 §10, RFC 9135), and ICMP (RFC 792, RFC 1812)."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from tests.unit.p4src.harness import CPU_PORT, PipelineUnderTest
from tests.unit.p4src.provider_edge import (
    GATEWAY,
    HOST_A,
    HOST_B,
    HOST_C,
    OWN_SID,
    PE2_SID,
    PE2_UNICAST,
    PE2_VRF,
    REMOTE,
    UNICAST_LABEL,
    VRF_LABEL,
    frame,
    from_core,
    ip,
    mac,
    ping,
    routed,
    to_core,
    udp,
)


def _ip(packet: Packet) -> bytes:
    """The IP packet of a frame, one hop further."""
    return bytes(routed(packet, HOST_A).payload)


def test_between_bridge_domains_of_one_pe(pe: PipelineUnderTest) -> None:
    sent = udp(HOST_A, GATEWAY, vlan=10, dst="10.0.20.13")
    pe.expect(1, sent, (1, routed(sent, HOST_C, vlan=20)))


def test_to_a_remote_ip_vrf_without_ethernet(pe: PipelineUnderTest) -> None:
    sent = udp(HOST_A, GATEWAY, vlan=10, dst="10.0.30.9")
    pe.expect(1, sent, (3, to_core(PE2_SID, PE2_VRF, payload=_ip(sent))))


def test_from_a_remote_ip_vrf_to_a_host(pe: PipelineUnderTest) -> None:
    packet = IP(src="10.0.30.9", dst="10.0.20.13", ttl=63) / UDP() / Raw(b"data")
    pe.expect(3, from_core(VRF_LABEL, payload=packet), (1, routed(packet, HOST_C, vlan=20)))


def test_host_route_wins_over_prefix_and_prefix_over_default(pe: PipelineUnderTest) -> None:
    for number, label in ((120, 0x80220), (121, 0x80221)):
        pe.add("next_hop", {"next_hop": number}, "routed_remote", service_label=label, tunnel_id=2)
    pe.add("ip_vrf_ipv4", {"vrf": 5, "prefix": (ip("10.0.30.9"), 32)}, "route_to", next_hop=120)
    pe.add("ip_vrf_ipv4", {"vrf": 5}, "route_to", next_hop=121)
    for address, label in (("10.0.30.9", 0x80220), ("10.0.30.8", PE2_VRF), ("192.0.2.1", 0x80221)):
        sent = udp(HOST_A, GATEWAY, vlan=10, dst=address)
        pe.expect(1, sent, (3, to_core(PE2_SID, label, payload=_ip(sent))))


def test_trombone_from_core_to_core(pe: PipelineUnderTest) -> None:
    """A former gateway routes on to the PE that has the host now: allowed, unlike bridging (RFC 9135 §7)."""
    packet = IP(src="10.0.40.9", dst="10.0.30.9", ttl=63) / UDP() / Raw(b"data")
    expected = packet.copy()
    expected.ttl = 62
    pe.expect(3, from_core(VRF_LABEL, payload=packet), (3, to_core(PE2_SID, PE2_VRF, payload=expected)))


def test_asymmetric_routes_then_bridges_into_the_remote_domain(pe: PipelineUnderTest) -> None:
    macs = {"src_mac": mac(GATEWAY), "dst_mac": mac(REMOTE)}
    pe.add("next_hop", {"next_hop": 130}, "routed_bridged", service_label=PE2_UNICAST, tunnel_id=2, **macs)
    pe.add("ip_vrf_ipv4", {"vrf": 5, "prefix": (ip("10.0.20.99"), 32)}, "route_to", next_hop=130)
    sent = udp(HOST_A, GATEWAY, vlan=10, dst="10.0.20.99")
    pe.expect(1, sent, (3, to_core(PE2_SID, PE2_UNICAST, payload=routed(sent, REMOTE))))


def test_asymmetric_towards_a_segment(pe: PipelineUnderTest) -> None:
    macs = {"src_mac": mac(GATEWAY), "dst_mac": mac(REMOTE)}
    pe.select("segment", {"segment": 4}, "remote", {"service_label": PE2_UNICAST, "tunnel_id": 2})
    pe.add("next_hop", {"next_hop": 131}, "routed_segment", segment_id=4, **macs)
    pe.add("ip_vrf_ipv4", {"vrf": 5, "prefix": (ip("10.0.20.99"), 32)}, "route_to", next_hop=131)
    sent = udp(HOST_A, GATEWAY, vlan=10, dst="10.0.20.99")
    pe.expect(1, sent, (3, to_core(PE2_SID, PE2_UNICAST, payload=routed(sent, REMOTE))))


def test_another_gateways_mac_is_routed_too(pe: PipelineUnderTest) -> None:
    other = "a8:d0:e5:58:d4:08"
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(other)}, "route", vrf=5)
    sent = udp(HOST_A, other, vlan=10, dst="10.0.20.13")
    pe.expect(1, sent, (1, routed(sent, HOST_C, vlan=20)))


def test_gateway_mac_of_one_domain_is_an_ordinary_mac_in_another(pe: PipelineUnderTest) -> None:
    pe.add(
        "attachment_circuit",
        {"port": 8, "vlan_id": 0},
        "attach",
        ac=108,
        bridge_domain=80,
        split_horizon_group=0,
    )
    pe.expect(8, udp(HOST_A, GATEWAY, dst="10.0.20.13"))


def test_vrfs_are_apart(pe: PipelineUnderTest) -> None:
    pe.add("service_label", {"label": 0x80006}, "enter_vrf", vrf=6)
    pe.expect(3, from_core(0x80006, payload=IP(dst="10.0.20.13") / UDP()))
    assert pe.drops() == {"ingress NO_ROUTE": 1}


def test_ipv6(pe: PipelineUnderTest) -> None:
    pe.add("ip_vrf_ipv6", {"vrf": 5, "prefix": (ip("2001:db8:20::"), 64)}, "route_to", next_hop=102)
    pe.add("ip_vrf_ipv6", {"vrf": 5, "prefix": (ip("2001:db8:30::"), 64)}, "route_to", next_hop=110)
    packet = IPv6(src="2001:db8:10::1", dst="2001:db8:20::13") / UDP() / Raw(b"data")
    pe.expect(1, frame(HOST_A, GATEWAY, packet, vlan=10), (1, routed(packet, HOST_C, vlan=20)))
    pe.expect(3, from_core(VRF_LABEL, payload=packet), (1, routed(packet, HOST_C, vlan=20)))
    packet = IPv6(src="2001:db8:10::1", dst="2001:db8:30::9", hlim=9) / TCP() / Raw(b"data")
    expected = to_core(PE2_SID, PE2_VRF, payload=routed(packet, HOST_A).payload)
    pe.expect(1, frame(HOST_A, GATEWAY, packet, vlan=10), (3, expected))


def test_glean_hands_the_packet_to_the_controller(pe: PipelineUnderTest) -> None:
    sent = udp(HOST_A, GATEWAY, vlan=10, dst="10.0.20.77")
    (out,) = pe.send(1, sent)
    assert out.port == CPU_PORT
    report = pe.report(out)
    assert (report.reason, report.bridge_domain, report.attachment, report.ingress_port) == (4, 20, 101, 1)
    assert bytes(report.payload) == bytes(sent)


def test_own_address_other_than_ping_goes_to_the_controller(pe: PipelineUnderTest) -> None:
    (out,) = pe.send(1, udp(HOST_A, GATEWAY, vlan=10, dst="10.0.10.1"))
    assert pe.report(out).reason == 5


def test_icmp_to_an_own_address_other_than_a_ping(pe: PipelineUnderTest) -> None:
    reply = IP(src="10.0.10.11", dst="10.0.10.1") / ICMP(type=0) / Raw(bytes(8))
    pe.expect(1, frame(HOST_A, GATEWAY, reply, vlan=10))
    assert pe.drops() == {"ingress LOCAL": 1}
    assert pe.reports(1, udp(HOST_A, GATEWAY, vlan=10, dst="10.0.10.1", ttl=1))[0].reason == 5


def test_routes_that_discard_and_no_route(pe: PipelineUnderTest) -> None:
    pe.add("ip_vrf_ipv4", {"vrf": 5, "prefix": (ip("192.0.2.0"), 24)}, "discard_route")
    pe.expect(1, udp(HOST_A, GATEWAY, vlan=10, dst="192.0.2.7"))
    pe.expect(1, udp(HOST_A, GATEWAY, vlan=10, dst="198.51.100.7"))
    assert pe.drops() == {"ingress ROUTE_DISCARD": 1, "ingress NO_ROUTE": 1}


@pytest.mark.parametrize("ttl", range(2, 256, 11))
def test_checksum_follows_the_ttl(pe: PipelineUnderTest, ttl: int) -> None:
    """Incrementally (RFC 1624), for every carry."""
    for identification in (0, 0x1234, 0xFEFF, 0xFFFF):
        packet = IP(src="10.0.30.9", dst="10.0.20.13", ttl=ttl, id=identification) / UDP() / Raw(b"data")
        pe.expect(3, from_core(VRF_LABEL, payload=packet), (1, routed(packet, HOST_C, vlan=20)))


def test_bad_checksum_is_dropped_by_the_router_not_by_the_bridge(pe: PipelineUnderTest) -> None:
    pe.expect(1, udp(HOST_A, GATEWAY, vlan=10, dst="10.0.20.13", chksum=0x1234))
    assert pe.drops() == {"ingress BAD_CHECKSUM": 1}
    pe.expect(2, udp(HOST_B, HOST_A, chksum=0x1234), (1, udp(HOST_B, HOST_A, vlan=10, chksum=0x1234)))


@pytest.mark.parametrize("field", [{"version": 5}, {"version": 0}, {"len": 19}, {"len": 0}, {"len": 61}])
def test_header_that_contradicts_itself(pe: PipelineUnderTest, field: dict[str, int]) -> None:
    """RFC 1812 §5.2.2: no router forwards it, though its checksum is right; a bridge does."""
    pe.expect(1, udp(HOST_A, GATEWAY, vlan=10, dst="10.0.20.13", **field))
    assert pe.drops() == {"ingress MALFORMED": 1}
    pe.expect(2, udp(HOST_B, HOST_A, **field), (1, udp(HOST_B, HOST_A, vlan=10, **field)))


def test_packet_that_its_link_cut_short(pe: PipelineUnderTest) -> None:
    """RFC 1812 §5.2.2: no router forwards it; what a link added behind a packet is no fault."""
    pe.add("service_label", {"label": 0x60010}, "bridge_unicast", bridge_domain=10)
    packet = IP(src="10.0.30.9", dst="10.0.20.13") / UDP() / Raw(b"data")
    to_gateway = udp(REMOTE, GATEWAY, dst="10.0.20.13", size=4)
    nested = Ether(src=HOST_B, dst=GATEWAY) / Dot1Q(vlan=0) / Dot1Q(vlan=9) / packet
    arriving = [
        (1, udp(HOST_A, GATEWAY, vlan=10, dst="10.0.20.13", size=4)),
        (2, nested),
        (3, from_core(VRF_LABEL, payload=packet)),
        (3, from_core(OWN_SID, 7, 0x12345, VRF_LABEL, payload=packet)),
        (3, from_core(UNICAST_LABEL, payload=to_gateway)),
        (3, from_core(0x60010, payload=bytes(4) + bytes(to_gateway))),
    ]
    for number, (port, whole) in enumerate(arriving):
        assert [out.port for out in pe.frames(port, whole)] == [1]
        assert [out.port for out in pe.frames(port, bytes(whole) + bytes(18))] == [1]
        pe.expect(port, bytes(whole)[:-1])
        assert [out.port for out in pe.packet_out(whole, operation=1, port=port)] == [1]
        assert pe.packet_out(bytes(whole)[:-1], operation=1, port=port) == []
        assert pe.drops() == {"ingress MALFORMED": 2 * number + 2}


@pytest.mark.parametrize(
    "address",
    ["0.0.0.1", "127.0.0.1", "169.254.1.1", "224.0.0.5", "239.255.0.1", "250.0.0.1", "255.255.255.255"],
)
@pytest.mark.parametrize("ttl", [1, 64])
def test_martians(pe: PipelineUnderTest, address: str, ttl: int) -> None:
    """RFC 1812 §4.3.2.7, §5.3.7: neither routed, by a default route neither, nor answered."""
    pe.add("ip_vrf_ipv4", {"vrf": 5}, "route_to", next_hop=110)
    assert pe.send(1, udp(HOST_A, GATEWAY, vlan=10, src=address, dst="10.0.20.13", ttl=ttl)) == []
    assert pe.send(1, udp(HOST_A, GATEWAY, vlan=10, dst=address, ttl=ttl)) == []
    assert pe.drops() == {"ingress MARTIAN": 2}


def test_packets_with_options_are_routed(pe: PipelineUnderTest) -> None:
    from scapy.layers.inet import IPOption_Router_Alert

    sent = udp(HOST_A, GATEWAY, vlan=10, dst="10.0.20.13", options=[IPOption_Router_Alert()])
    pe.expect(1, sent, (1, routed(sent, HOST_C, vlan=20)))


def test_fragments_are_routed(pe: PipelineUnderTest) -> None:
    piece = IP(src="10.0.10.11", dst="10.0.20.13", frag=100, proto=17) / Raw(b"abc")
    sent = frame(HOST_A, GATEWAY, piece, vlan=10)
    pe.expect(1, sent, (1, routed(sent, HOST_C, vlan=20)))


def test_neither_ip_nor_arp_to_the_gateway(pe: PipelineUnderTest) -> None:
    pe.expect(1, Ether(src=HOST_A, dst=GATEWAY, type=0x88B5) / Raw(b"x" * 46))
    pe.expect(2, Ether(src=HOST_B, dst=GATEWAY, type=0x88B5) / Raw(b"x" * 46))
    assert pe.drops() == {"ingress NO_ATTACHMENT_CIRCUIT": 1, "ingress NOT_ROUTABLE": 1}


def test_arp_reply_to_the_gateway_is_the_controllers(pe: PipelineUnderTest) -> None:
    reply = Ether(src=HOST_B, dst=GATEWAY) / ARP(
        op=2, hwsrc=HOST_B, psrc="10.0.10.12", hwdst=GATEWAY, pdst="10.0.10.1"
    )
    (out,) = pe.send(2, reply)
    report = pe.report(out)
    assert (report.reason, report.attachment) == (1, 102)
    assert pe.drops() == {}


# -- ICMP ----------------------------------------------------------------------------------------------------


def _answered(request: Packet, src: str, dst_mac: str, *, vlan: int | None) -> Packet:
    reply = (
        IP(src=src, dst=request[IP].src, ttl=63, id=request[IP].id)
        / ICMP(type=0, id=7, seq=1)
        / Raw(b"x" * 40)
    )
    reply.ttl = 64
    return frame(GATEWAY, dst_mac, reply, vlan=vlan)


@pytest.mark.parametrize("ttl", [1, 2, 64, 255])
def test_ping_of_the_gateway(pe: PipelineUnderTest, ttl: int) -> None:
    request = ping(HOST_A, GATEWAY, vlan=10, src="10.0.10.11", dst="10.0.10.1", ttl=ttl, id=77)
    pe.expect(1, request, (1, _answered(request, "10.0.10.1", HOST_A, vlan=10)))


def test_ping_of_the_gateway_from_far(pe: PipelineUnderTest) -> None:
    request = IP(src="10.0.30.9", dst="10.0.20.1", ttl=62) / ICMP(id=7, seq=1) / Raw(b"x" * 40)
    reply = IP(src="10.0.20.1", dst="10.0.30.9", ttl=64) / ICMP(type=0, id=7, seq=1) / Raw(b"x" * 40)
    pe.expect(3, from_core(VRF_LABEL, payload=request), (3, to_core(PE2_SID, PE2_VRF, payload=reply)))


def test_ping_in_pieces_is_not_answered_in_pieces(pe: PipelineUnderTest) -> None:
    """Whoever answers has to put it together first (RFC 791 §3.2)."""
    whole = IP(src="10.0.10.11", dst="10.0.10.1") / ICMP() / Raw(bytes(2000))
    for piece in fragment(whole, 800):
        assert pe.send(1, frame(HOST_A, GATEWAY, piece, vlan=10)) == []
    assert pe.drops() == {"ingress LOCAL": 3}


def _exceeded(request: Packet, src: str) -> Packet:
    quoted = bytes(request[IP])[:28]
    return IP(src=src, dst=request[IP].src, ttl=64, tos=0xC0, id=0) / ICMP(type=11, code=0) / Raw(quoted)


@pytest.mark.parametrize("ttl", [0, 1])
def test_time_exceeded_to_a_host(pe: PipelineUnderTest, ttl: int) -> None:
    request = udp(HOST_A, GATEWAY, vlan=10, src="10.0.10.11", dst="10.0.30.9", ttl=ttl, dport=33434)
    pe.expect(1, request, (1, frame(GATEWAY, HOST_A, _exceeded(request, "10.0.10.1"), vlan=10)))


def test_time_exceeded_quotes_no_more_than_64_bits(pe: PipelineUnderTest) -> None:
    request = udp(HOST_A, GATEWAY, vlan=10, src="10.0.10.12", dst="10.0.30.9", ttl=1, size=1400)
    pe.expect(1, request, (2, frame(GATEWAY, HOST_B, _exceeded(request, "10.0.10.1"))))


def test_time_exceeded_across_the_core(pe: PipelineUnderTest) -> None:
    request = IP(src="10.0.30.9", dst="10.0.20.13", ttl=1) / UDP(dport=33434) / Raw(bytes(300))
    expected = to_core(PE2_SID, PE2_VRF, payload=_exceeded(request, "10.255.0.1"))
    pe.expect(3, from_core(VRF_LABEL, payload=request), (3, expected))


def test_time_exceeded_for_a_ping(pe: PipelineUnderTest) -> None:
    request = ping(HOST_A, GATEWAY, vlan=10, src="10.0.10.11", dst="10.0.30.9", ttl=1)
    pe.expect(1, request, (1, frame(GATEWAY, HOST_A, _exceeded(request, "10.0.10.1"), vlan=10)))


def test_never_an_error_about_an_error(pe: PipelineUnderTest) -> None:
    error = IP(src="10.0.10.11", dst="10.0.30.9", ttl=1) / ICMP(type=3, code=1) / Raw(bytes(28))
    pe.expect(1, frame(HOST_A, GATEWAY, error, vlan=10))
    assert pe.drops() == {"ingress TTL_EXCEEDED": 1}


def test_padding_of_the_link_is_neither_answered_nor_quoted(pe: PipelineUnderTest) -> None:
    """An IP packet that ends where its transport header would begin."""
    for proto, dst, ttl in ((1, "10.0.10.1", 64), (17, "10.0.30.9", 1), (1, "10.0.30.9", 1)):
        packet = IP(src="10.0.10.11", dst=dst, len=27, proto=proto, ttl=ttl) / ICMP()
        pe.expect(1, frame(HOST_A, GATEWAY, packet, vlan=10))
    assert pe.drops() == {"ingress LOCAL": 1, "ingress TTL_EXCEEDED": 2}


def test_bridged_packets_keep_their_ttl(pe: PipelineUnderTest) -> None:
    for ttl in (0, 1):
        pe.expect(
            3,
            from_core(UNICAST_LABEL, payload=udp(REMOTE, HOST_B, ttl=ttl)),
            (2, udp(REMOTE, HOST_B, ttl=ttl)),
        )
