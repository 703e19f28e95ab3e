"""Packet-out, and postcards of watched packets."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tests.unit.p4src.harness import CPU_PORT, PacketIn, PacketOut, PipelineUnderTest, Sent, drop_reasons
from tests.unit.p4src.provider_edge import (
    BROADCAST,
    GATEWAY,
    HOST_A,
    HOST_B,
    HOST_C,
    PE2_FLOOD,
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
    request,
    routed,
    to_core,
    udp,
)

TRANSMIT, RECEIVE, BRIDGE, NEXT_HOP, REPLICATE = range(5)
POSTCARD, DROPPED = 7, 6

# -- packet_out ----------------------------------------------------------------------------------------------


def test_transmit_changes_nothing(pe: PipelineUnderTest) -> None:
    for sent in (
        udp(HOST_A, HOST_B, vlan=10),
        from_core(UNICAST_LABEL, payload=udp(REMOTE, HOST_A)),
        b"short",
    ):
        assert pe.packet_out(sent, operation=TRANSMIT, port=7) == [Sent(7, bytes(sent))]


def test_receive_is_like_a_frame_from_the_wire(pe: PipelineUnderTest) -> None:
    sent = udp(HOST_C, HOST_B, vlan=10)
    assert pe.packet_out(sent, operation=RECEIVE, port=1) == [Sent(2, bytes(udp(HOST_C, HOST_B)))]
    assert pe.learned() == [(10, 101, HOST_C)]
    assert pe.packet_out(sent, operation=RECEIVE, port=9) == []
    labelled = from_core(UNICAST_LABEL, payload=udp(REMOTE, HOST_B))
    assert pe.packet_out(labelled, operation=RECEIVE, port=3) == [Sent(2, bytes(udp(REMOTE, HOST_B)))]


def test_bridge_looks_up_or_floods_and_does_not_learn(pe: PipelineUnderTest) -> None:
    sent = udp(GATEWAY, HOST_A)
    assert pe.packet_out(sent, operation=BRIDGE, bridge_domain=10) == [
        Sent(1, bytes(udp(GATEWAY, HOST_A, vlan=10)))
    ]
    asked = request(GATEWAY, "10.0.10.1", "10.0.10.77")
    out = pe.packet_out(asked, operation=BRIDGE, bridge_domain=10)
    assert [each.port for each in out] == [1, 2, 3, 3]
    assert pe.learned() == []
    out = pe.packet_out(udp(GATEWAY, BROADCAST), operation=BRIDGE, bridge_domain=10, attachment=102)
    assert [each.port for each in out] == [1, 3, 3]
    assert pe.learned() == []


def test_next_hop(pe: PipelineUnderTest) -> None:
    probe = request(GATEWAY, "10.0.10.1", "10.0.10.11", dst=HOST_A)
    tagged = request(GATEWAY, "10.0.10.1", "10.0.10.11", dst=HOST_A, vlan=10)
    assert pe.packet_out(probe, operation=NEXT_HOP, bridge_domain=10, target=1) == [Sent(1, bytes(tagged))]
    expected = to_core(PE2_SID, PE2_UNICAST, payload=probe)
    assert pe.packet_out(probe, operation=NEXT_HOP, bridge_domain=10, target=3) == [Sent(3, expected)]


def test_replicate(pe: PipelineUnderTest) -> None:
    pe.multicast(0x400A, (1, 1), (2, 2))
    asked = request(GATEWAY, "10.0.10.1", "10.0.10.77")
    out = pe.packet_out(asked, operation=REPLICATE, bridge_domain=10, target=0x400A)
    assert [each.port for each in out] == [1, 2]


def test_unknown_operation_is_dropped(pe: PipelineUnderTest) -> None:
    assert pe.packet_out(udp(HOST_A, HOST_B), operation=99, bridge_domain=10) == []
    assert pe.drops() == {"ingress MALFORMED": 1}


# -- postcards -----------------------------------------------------------------------------------------------


@pytest.fixture
def watched(pe: PipelineUnderTest) -> PipelineUnderTest:
    """All UDP to port 4000, watch 77."""
    full = (17, 0xFF), (4000, 0xFFFF)
    pe.add("watch_ipv4", {"protocol": full[0], "dst_port": full[1]}, "watch", priority=1, id=77)
    return pe


def _postcards(pe: PipelineUnderTest, port: int, packet: Packet) -> list[PacketIn]:
    """The postcards of a packet, each with the frame that it tells of among those that left."""
    sent = pe.send(port, packet, now=5000)
    left = [out for out in sent if out.port != CPU_PORT]
    cards = [PacketIn(out.data) for out in sent if out.port == CPU_PORT]
    for card in cards:
        assert (card.reason, card.watch, card.ingress_port) == (POSTCARD, 77, port)
        pe.check_times(card, 5000)
        if not card.drop_reason:
            assert Sent(card.egress_port, bytes(card.payload)) in left
    assert len([card for card in cards if not card.drop_reason]) == len(left)
    return cards


def test_unicast_between_circuits(watched: PipelineUnderTest) -> None:
    (card,) = _postcards(watched, 1, udp(HOST_A, HOST_B, vlan=10, dport=4000))
    assert (card.egress_port, card.attachment, card.bridge_domain) == (2, 101, 10)


def test_into_and_out_of_the_core_with_labels(watched: PipelineUnderTest) -> None:
    (card,) = _postcards(watched, 1, udp(HOST_A, REMOTE, vlan=10, dport=4000))
    assert bytes(card.payload) == to_core(PE2_SID, PE2_UNICAST, payload=udp(HOST_A, REMOTE, dport=4000))
    (card,) = _postcards(watched, 3, from_core(UNICAST_LABEL, payload=udp(REMOTE, HOST_B, dport=4000)))
    assert (card.egress_port, card.attachment) == (2, 0)


def test_routed_packets(watched: PipelineUnderTest) -> None:
    sent = udp(HOST_A, GATEWAY, vlan=10, dst="10.0.30.9", dport=4000)
    (card,) = _postcards(watched, 1, sent)
    assert bytes(card.payload) == to_core(PE2_SID, PE2_VRF, payload=routed(sent, HOST_A).payload)
    (card,) = _postcards(watched, 3, from_core(VRF_LABEL, payload=IP(dst="10.0.20.13") / UDP(dport=4000)))
    assert card.egress_port == 1


def test_postcard_of_an_icmp_error_is_cut_as_the_error_is(watched: PipelineUnderTest) -> None:
    sent = udp(HOST_A, GATEWAY, vlan=10, dst="10.0.30.9", dport=4000, ttl=1, size=700)
    (card,) = _postcards(watched, 1, sent)
    assert len(card.payload) == 18 + 56


def test_every_copy_of_a_flooded_frame(watched: PipelineUnderTest) -> None:
    cards = _postcards(watched, 2, udp(HOST_B, BROADCAST, dport=4000))
    assert sorted(card.egress_port for card in cards) == [1, 3, 3]
    assert to_core(PE2_SID, PE2_FLOOD, payload=udp(HOST_B, BROADCAST, dport=4000)) in [
        bytes(c.payload) for c in cards
    ]


def test_copies_dropped_for_a_reason(watched: PipelineUnderTest) -> None:
    watched.add("egress_circuit", {"ac": 109}, "send_untagged", split_horizon_group=0, blocked=1)
    watched.add("replica", {"bridge_domain": 10, "egress_rid": 9}, "to_attachment_circuit", ac=109)
    watched.multicast(10, (1, 1), (2, 2), (9, 9))
    cards = _postcards(watched, 2, udp(HOST_B, BROADCAST, dport=4000))
    assert sorted((card.egress_port, card.drop_reason) for card in cards) == [
        (1, 0),
        (9, drop_reasons()["NOT_DF"]),
    ]


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (udp(HOST_A, HOST_B, vlan=11, dport=4000), "NO_ATTACHMENT_CIRCUIT"),
        (udp(HOST_A, GATEWAY, vlan=10, dst="198.51.100.7", dport=4000), "NO_ROUTE"),
        (udp(HOST_A, GATEWAY, vlan=10, src="198.51.100.7", dst="10.0.30.9", dport=4000, ttl=1), "NO_ROUTE"),
        (udp(HOST_A, GATEWAY, vlan=10, dst="10.0.20.13", dport=4000, chksum=1), "BAD_CHECKSUM"),
        (udp("03:00:00:00:00:01", HOST_B, vlan=10, dport=4000), "BAD_SOURCE_MAC"),
    ],
)
def test_dropped_packets_are_reported_as_they_came(
    watched: PipelineUnderTest, packet: Packet, reason: str
) -> None:
    (report,) = watched.reports(1, packet, now=9)
    assert (report.reason, report.drop_reason, report.watch) == (DROPPED, drop_reasons()[reason], 77)
    watched.check_times(report, 9, left=False)
    assert report.ingress_port == 1
    assert bytes(report.payload) == bytes(packet)
    assert watched.drops() == {f"ingress {reason}": 1}


def test_dropped_labelled_packet_is_reported_with_its_labels(watched: PipelineUnderTest) -> None:
    packet = from_core(0x4FFFF, payload=udp(REMOTE, HOST_A, dport=4000))
    (report,) = watched.reports(3, packet)
    assert report.drop_reason == drop_reasons()["UNKNOWN_LABEL"]
    assert bytes(report.payload) == bytes(packet)


def test_pruned_towards_the_source_is_no_event(watched: PipelineUnderTest) -> None:
    watched.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=1)
    assert watched.send(1, udp(HOST_A, HOST_C, vlan=10, dport=4000)) == []


def test_glean_of_a_watched_packet_says_so(watched: PipelineUnderTest) -> None:
    (report,) = watched.reports(1, udp(HOST_A, GATEWAY, vlan=10, dst="10.0.20.77", dport=4000))
    assert (report.reason, report.watch) == (4, 77)


def test_answer_to_a_neighbour_that_is_not_known(pe: PipelineUnderTest) -> None:
    """GLEAN has the answer, for it is the asker that the controller must find."""
    asked = ping(HOST_A, GATEWAY, vlan=10, src="10.0.20.77", dst="10.0.10.1")
    (report,) = pe.reports(1, asked)
    assert (report.reason, report.bridge_domain) == (4, 20)
    assert Ether(bytes(report.payload))[IP].dst == "10.0.20.77"


def test_watching_changes_nothing_else(pe: PipelineUnderTest) -> None:
    packets = [
        (1, udp(HOST_A, HOST_B, vlan=10)),
        (1, udp(HOST_A, REMOTE, vlan=10)),
        (2, udp(HOST_B, BROADCAST)),
        (3, from_core(UNICAST_LABEL, payload=udp(REMOTE, HOST_A))),
        (1, udp(HOST_A, GATEWAY, vlan=10, dst="10.0.30.9")),
    ]
    before = [pe.frames(*packet) for packet in packets]
    pe.add("watch_ipv4", {}, "watch", priority=1, id=1)
    assert [pe.frames(*packet) for packet in packets] == before


def test_what_a_watch_matches(pe: PipelineUnderTest) -> None:
    pe.add("watch_ipv4", {"src_addr": (ip("10.0.10.0"), 0xFFFFFF00)}, "watch", priority=2, id=1)
    pe.add("watch_ipv4", {"protocol": (6, 0xFF), "src_port": (80, 0xFFFF)}, "watch", priority=1, id=2)
    pe.add("watch_ipv6", {"dst_addr": (1, 0xFFFF)}, "watch", priority=1, id=3)
    pe.add("watch_arp", {"target_ip": (ip("10.0.10.55"), 0xFFFFFFFF)}, "watch", priority=1, id=4)

    def watch(packet: Packet) -> int:
        return max((report.watch for report in pe.reports(2, packet)), default=0)

    assert watch(frame(HOST_B, HOST_A, IP(src="10.0.10.9") / UDP())) == 1
    assert watch(frame(HOST_B, HOST_A, IP(src="10.0.11.9") / UDP())) == 0
    assert watch(frame(HOST_B, HOST_A, IP(src="10.0.10.9") / TCP(sport=80))) == 2
    assert watch(frame(HOST_B, HOST_A, IPv6(dst="2001:db8::1") / UDP())) == 3
    assert watch(request(HOST_B, "10.0.10.12", "10.0.10.55")) == 4


def test_watched_request_is_copied_and_reported(pe: PipelineUnderTest) -> None:
    pe.add("watch_arp", {}, "watch", priority=1, id=5)
    reports = pe.reports(2, request(HOST_B, "10.0.10.12", "10.0.10.55"))
    assert sorted(report.reason for report in reports) == [1, POSTCARD, POSTCARD, POSTCARD]
    assert {report.watch for report in reports} == {5}


def test_packet_out_header_is_as_long_as_scapys() -> None:
    assert len(PacketOut()) == 10
    assert len(PacketIn()) == 24
