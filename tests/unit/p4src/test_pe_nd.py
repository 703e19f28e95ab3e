"""IPv6: neighbour discovery answered in the pipeline, ICMPv6 (RFC 4861, RFC 4443, RFC 9161, RFC 9047)."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6MLReport2,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6TimeExceeded,
    IPv6,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    RouterAlert,
)
from scapy.packet import Packet, Raw

from tests.unit.p4src.harness import PipelineUnderTest
from tests.unit.p4src.provider_edge import (
    BROADCAST,
    FLOOD_LABEL,
    GATEWAY,
    HOST_A,
    HOST_B,
    HOST_C,
    PE2_SID,
    PE2_UNICAST,
    PE2_VRF,
    PW_LABEL,
    REMOTE,
    VRF_LABEL,
    frame,
    from_core,
    ip,
    mac,
    routed,
    to_core,
)
from tests.unit.p4src.wild_frames import checksum

SOLICITED_NODES = "33:33:ff:00:00:99"
ROUTER = "2001:db8:10::1"
A, B, C = "2001:db8:10::11", "2001:db8:10::12", "2001:db8:20::13"
PEER = "2001:db8:10::99"
ND, GLEAN = 2, 4


@pytest.fixture(autouse=True)
def dual_stack(pe: PipelineUnderTest) -> None:
    """The gateway's address in bridge domain 10, two neighbours, and IPv6 routes in VRF 5."""
    match = {"bridge_domain": 10, "address": ip(ROUTER)}
    pe.add("neighbor_ipv6", match, "gateway_reply_nd", gateway_mac=mac(GATEWAY))
    for address, owner, attachment in ((PEER, REMOTE, 0), (A, HOST_A, 101)):
        flags = {"router_flag": 0, "override_flag": 1}
        macs = {"owner_mac": mac(owner), "owner_attachment": attachment}
        pe.add("neighbor_ipv6", {"bridge_domain": 10, "address": ip(address)}, "reply_nd", **macs, **flags)
    pe.add("own_address_ipv6", {"vrf": 5, "address": ip(ROUTER)}, "own_ipv6")
    pe.add("ip_vrf_ipv6", {"vrf": 5, "prefix": (ip(ROUTER), 128)}, "receive")
    for bd, address in ((10, ROUTER), (0, "2001:db8::1")):
        match = {"vrf": 5, "bridge_domain": bd}
        pe.add("router_address_ipv6", match, "time_exceeded_ipv6", address=ip(address))
    for address, next_hop in ((A, 100), (B, 101), (C, 102)):
        pe.add("ip_vrf_ipv6", {"vrf": 5, "prefix": (ip(address), 128)}, "route_to", next_hop=next_hop)
    pe.add("ip_vrf_ipv6", {"vrf": 5, "prefix": (ip("2001:db8:20::"), 64)}, "glean", bridge_domain=20)
    pe.add("ip_vrf_ipv6", {"vrf": 5, "prefix": (ip("2001:db8:30::"), 64)}, "route_to", next_hop=110)


def solicit(
    src_mac: str,
    source: str,
    target: str,
    *,
    dst: str = SOLICITED_NODES,
    vlan: int | None = None,
    **ipv6: Any,
) -> Packet:
    """A neighbour solicitation, with the option where it may have one."""
    to = "ff02::1:ff00:99" if dst == SOLICITED_NODES else target
    fields: dict[str, Any] = {"src": source, "dst": to, "hlim": 255} | ipv6
    packet = IPv6(**fields) / ICMPv6ND_NS(tgt=target)
    if source != "::":
        packet /= ICMPv6NDOptSrcLLAddr(lladdr=src_mac)
    return frame(src_mac, dst, packet, vlan=vlan)


def advertise(
    owner: str,
    address: str,
    to_mac: str,
    to: str,
    *,
    vlan: int | None = None,
    solicited: int = 1,
    router: int = 0,
) -> Packet:
    """The neighbour advertisement that answers."""
    packet = IPv6(src=address, dst=to, hlim=255) / ICMPv6ND_NA(tgt=address, R=router, S=solicited, O=1)
    return frame(owner, to_mac, packet / ICMPv6NDOptDstLLAddr(lladdr=owner), vlan=vlan)


def test_solicitation_for_a_known_neighbour_is_answered(pe: PipelineUnderTest) -> None:
    pe.expect(2, solicit(HOST_B, B, PEER), (2, advertise(REMOTE, PEER, HOST_B, B)))
    pe.expect(1, solicit(HOST_A, A, PEER, vlan=10), (1, advertise(REMOTE, PEER, HOST_A, A, vlan=10)))


def test_flags_of_the_route(pe: PipelineUnderTest) -> None:
    """RFC 9047: router and override as advertised."""
    address = "2001:db8:10::77"
    match = {"bridge_domain": 10, "address": ip(address)}
    flags = {"router_flag": 1, "override_flag": 0}
    pe.add("neighbor_ipv6", match, "reply_nd", owner_mac=mac(REMOTE), owner_attachment=0, **flags)
    (sent,) = pe.frames(2, solicit(HOST_B, B, address))
    answer = IPv6(sent.data[14:])[ICMPv6ND_NA]
    assert (answer.R, answer.S, answer.O) == (1, 1, 0)


def test_what_follows_the_option_is_cut_off(pe: PipelineUnderTest) -> None:
    """A nonce (RFC 3971 §5.3.2), or padding of the link."""
    packet = solicit(HOST_B, B, PEER)
    packet[IPv6].plen = 40
    pe.expect(2, packet / Raw(bytes([14, 1]) + bytes(6)), (2, advertise(REMOTE, PEER, HOST_B, B)))


def test_not_answered_on_the_owners_circuit_nor_for_a_probe_nor_below_255(pe: PipelineUnderTest) -> None:
    assert [out.port for out in pe.frames(1, solicit(HOST_C, C, A, vlan=10))] == [2, 3, 3]
    probe = solicit(HOST_B, B, A, dst=HOST_A)
    pe.expect(2, probe, (1, solicit(HOST_B, B, A, dst=HOST_A, vlan=10)))
    assert len(pe.frames(2, solicit(HOST_B, B, PEER, hlim=254))) == 3


@pytest.mark.parametrize("target", [PEER, ROUTER])
def test_solicitation_that_is_none(pe: PipelineUnderTest, target: str) -> None:
    """RFC 4861 §7.1.1: code, checksum, length, and where it goes if it has no source."""
    for field in ({"code": 1}, {"cksum": 0x1234}):
        packet = solicit(HOST_B, B, target)
        for name, value in field.items():
            packet[ICMPv6ND_NS].setfieldval(name, value)
        assert len(pe.frames(2, packet)) == 3
    damaged = bytearray(bytes(solicit(HOST_B, B, target)))
    damaged[-1] ^= 1
    assert len(pe.frames(2, bytes(damaged))) == 3
    assert len(pe.frames(2, _checksum_of(solicit(HOST_B, B, target, plen=16)))) == 3
    assert len(pe.frames(2, solicit(HOST_B, "::", target, dst=BROADCAST))) == 3


def _checksum_of(packet: Packet) -> Packet:
    """With a checksum that its length is part of."""
    packet[ICMPv6ND_NS].cksum = 0
    layer = packet[IPv6]
    pseudo = bytes(layer)[8:40] + layer.plen.to_bytes(4) + (58).to_bytes(4)
    packet[ICMPv6ND_NS].cksum = checksum(pseudo + bytes(layer)[40:])
    return packet


def test_multicast_listener_report_is_flooded_with_its_hop_limit(pe: PipelineUnderTest) -> None:
    """RFC 3810 §5.2: behind a hop-by-hop option, hop limit 1."""
    report = IPv6(src="fe80::1", dst="ff02::16", hlim=1) / IPv6ExtHdrHopByHop(options=RouterAlert())
    sent = frame(HOST_B, "33:33:00:00:00:16", report / ICMPv6MLReport2())
    assert (1, bytes(frame(HOST_B, "33:33:00:00:00:16", report / ICMPv6MLReport2(), vlan=10))) in [
        (out.port, out.data) for out in pe.frames(2, sent)
    ]
    assert pe.drops() == {"egress SOURCE_PRUNED": 1}


def test_packets_with_extension_headers_are_routed(pe: PipelineUnderTest) -> None:
    packet = IPv6(src=A, dst=B, hlim=9) / IPv6ExtHdrFragment(offset=0, m=1, id=5) / UDP() / Raw(bytes(64))
    sent = frame(HOST_A, GATEWAY, packet, vlan=10)
    pe.expect(1, sent, (2, routed(sent, HOST_B)))
    packet.hlim = 1
    pe.expect(1, frame(HOST_A, GATEWAY, packet, vlan=10))
    assert pe.drops() == {"ingress TTL_EXCEEDED": 1}


@pytest.mark.parametrize(
    ("src", "dst"),
    [("::", C), ("::1", C), ("ff02::5", C), ("fe80::5", C), (A, "::1"), (A, "ff0e::5"), (A, "fe80::5")],
)
@pytest.mark.parametrize("hlim", [1, 64])
def test_martians(pe: PipelineUnderTest, src: str, dst: str, hlim: int) -> None:
    """RFC 4291 §2.5, §2.7: neither routed, by a default route neither, nor answered."""
    pe.add("ip_vrf_ipv6", {"vrf": 5}, "route_to", next_hop=110)
    assert pe.send(1, frame(HOST_A, GATEWAY, IPv6(src=src, dst=dst, hlim=hlim) / UDP(), vlan=10)) == []
    assert pe.drops() == {"ingress MARTIAN": 1}


def test_version_that_is_not_6(pe: PipelineUnderTest) -> None:
    pe.expect(1, frame(HOST_A, GATEWAY, IPv6(version=7, src=A, dst=B) / UDP(), vlan=10))
    assert pe.drops() == {"ingress MALFORMED": 1}


def test_packet_that_its_link_cut_short(pe: PipelineUnderTest) -> None:
    whole = frame(HOST_A, GATEWAY, IPv6(src=A, dst=B) / UDP() / Raw(bytes(9)), vlan=10)
    pe.expect(1, bytes(whole)[:-1])
    assert pe.drops() == {"ingress MALFORMED": 1}
    pe.expect(1, whole, (2, routed(whole, HOST_B)))


def test_duplicate_address_detection_is_flooded(pe: PipelineUnderTest) -> None:
    assert len(pe.frames(2, solicit(HOST_B, "::", PEER))) == 3


def test_gateway_defends_its_address(pe: PipelineUnderTest) -> None:
    expected = advertise(GATEWAY, ROUTER, "33:33:00:00:00:01", "ff02::1", solicited=0, router=1)
    pe.expect(2, solicit(HOST_B, "::", ROUTER), (2, expected))


@pytest.mark.parametrize("dst", [SOLICITED_NODES, GATEWAY])
def test_gateway_answers(pe: PipelineUnderTest, dst: str) -> None:
    expected = advertise(GATEWAY, ROUTER, HOST_B, B, router=1)
    pe.expect(2, solicit(HOST_B, B, ROUTER, dst=dst), (2, expected))


@pytest.mark.parametrize("label", [FLOOD_LABEL, PW_LABEL])
def test_gateway_answers_across_the_core(pe: PipelineUnderTest, label: int) -> None:
    expected = to_core(PE2_SID, PE2_UNICAST, payload=advertise(GATEWAY, ROUTER, REMOTE, PEER, router=1))
    pe.expect(3, from_core(label, payload=solicit(REMOTE, PEER, ROUTER)), (3, expected))


def test_copies_for_the_controller(pe: PipelineUnderTest) -> None:
    unsolicited = frame(
        HOST_B, "33:33:00:00:00:01", IPv6(src=B, dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=B)
    )
    for sent in (solicit(HOST_B, B, PEER), unsolicited, solicit(HOST_B, "::", B)):
        (report,) = pe.reports(2, sent)
        assert (report.reason, report.attachment, report.bridge_domain) == (ND, 102, 10)
        assert bytes(report.payload) == bytes(sent)
    assert pe.reports(3, from_core(FLOOD_LABEL, payload=solicit(REMOTE, PEER, B))) == []


def test_advertisement_to_the_gateway_is_the_controllers(pe: PipelineUnderTest) -> None:
    answer = advertise(HOST_B, B, GATEWAY, ROUTER)
    assert pe.frames(2, answer) == []
    (report,) = pe.reports(2, answer)
    assert report.reason == ND
    assert pe.drops() == {}


def _ping(src: str, dst: str, hlim: int = 64) -> Packet:
    return IPv6(src=src, dst=dst, hlim=hlim) / ICMPv6EchoRequest(id=1, seq=2, data=b"x" * 33)


def _pong(src: str, dst: str) -> Packet:
    return IPv6(src=src, dst=dst, hlim=64) / ICMPv6EchoReply(id=1, seq=2, data=b"x" * 33)


@pytest.mark.parametrize("hlim", [1, 64])
def test_ping_of_the_gateway(pe: PipelineUnderTest, hlim: int) -> None:
    sent = frame(HOST_A, GATEWAY, _ping(A, ROUTER, hlim), vlan=10)
    pe.expect(1, sent, (1, frame(GATEWAY, HOST_A, _pong(ROUTER, A), vlan=10)))


def test_ping_of_the_gateway_from_far(pe: PipelineUnderTest) -> None:
    far = "2001:db8:30::9"
    expected = to_core(PE2_SID, PE2_VRF, payload=_pong(ROUTER, far))
    pe.expect(3, from_core(VRF_LABEL, payload=_ping(far, ROUTER)), (3, expected))


def _exceeded(packet: Packet, src: str) -> Packet:
    outer = IPv6(src=src, dst=packet.src, hlim=64, tc=0xC0, nh=58)
    return outer / ICMPv6TimeExceeded(code=0) / Raw(bytes(packet)[:48])


@pytest.mark.parametrize("hlim", [0, 1])
def test_time_exceeded(pe: PipelineUnderTest, hlim: int) -> None:
    packet = IPv6(src=A, dst="2001:db8:30::9", hlim=hlim) / UDP(dport=33434) / Raw(bytes(1200))
    expected = frame(GATEWAY, HOST_A, _exceeded(packet, ROUTER), vlan=10)
    pe.expect(1, frame(HOST_A, GATEWAY, packet, vlan=10), (1, expected))
    ping = _ping(A, "2001:db8:30::9", hlim)
    expected = frame(GATEWAY, HOST_A, _exceeded(ping, ROUTER), vlan=10)
    pe.expect(1, frame(HOST_A, GATEWAY, ping, vlan=10), (1, expected))


def test_time_exceeded_across_the_core(pe: PipelineUnderTest) -> None:
    packet = IPv6(src="2001:db8:30::9", dst=C, hlim=1) / UDP(dport=33434) / Raw(bytes(300))
    expected = to_core(PE2_SID, PE2_VRF, payload=_exceeded(packet, "2001:db8::1"))
    pe.expect(3, from_core(VRF_LABEL, payload=packet), (3, expected))


def test_never_an_error_about_an_error(pe: PipelineUnderTest) -> None:
    packet = IPv6(src=A, dst="2001:db8:30::9", hlim=1) / ICMPv6DestUnreach() / Raw(bytes(48))
    pe.expect(1, frame(HOST_A, GATEWAY, packet, vlan=10))
    assert pe.drops() == {"ingress TTL_EXCEEDED": 1}


def test_padding_of_the_link_is_neither_answered_nor_quoted(pe: PipelineUnderTest) -> None:
    for nh, dst, hlim in ((58, ROUTER, 64), (17, "2001:db8:30::9", 1), (58, "2001:db8:30::9", 1)):
        packet = IPv6(src=A, dst=dst, hlim=hlim, nh=nh, plen=7) / ICMPv6EchoRequest()
        pe.expect(1, frame(HOST_A, GATEWAY, packet, vlan=10))
    assert pe.drops() == {"ingress LOCAL": 1, "ingress TTL_EXCEEDED": 2}


def test_glean(pe: PipelineUnderTest) -> None:
    packet = IPv6(src=A, dst="2001:db8:20::77") / UDP()
    (report,) = pe.reports(1, frame(HOST_A, GATEWAY, packet, vlan=10))
    assert (report.reason, report.bridge_domain) == (GLEAN, 20)
