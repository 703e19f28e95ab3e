"""ESI labels (RFC 7432 §8.3), entropy labels (RFC 6790), label models (RFC 3443), storm control."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from tests.unit.p4src.harness import Label, PipelineUnderTest, Sent, link
from tests.unit.p4src.provider_edge import (
    BROADCAST,
    CORE_MAC,
    FLOOD_LABEL,
    GATEWAY,
    HOST_A,
    HOST_B,
    HOST_C,
    P_MAC,
    PE2_CONTROL_WORD,
    PE2_FLOOD,
    PE2_SID,
    PE2_UNICAST,
    PE2_VRF,
    PE3_FLOOD,
    PE3_SID,
    REMOTE,
    UNICAST_LABEL,
    VRF_LABEL,
    frame,
    from_core,
    ip,
    mac,
    request,
    routed,
    to_core,
    udp,
)

OWN_ESI_LABEL, PE2_ESI_LABEL = 0xC0001, 0xC0002

# -- Ethernet segments ---------------------------------------------------------------------------------------


def test_esi_label_to_the_peers_of_the_segment_only(pe: PipelineUnderTest) -> None:
    """Circuit 102 is on a segment that PE 2 is on too, PE 3 is not."""
    pe.add("peer_esi_label", {"ac": 102, "egress_rid": 3}, "push_esi_label", label=PE2_ESI_LABEL)
    sent = udp(HOST_B, BROADCAST)
    pe.expect(
        2,
        sent,
        (1, udp(HOST_B, BROADCAST, vlan=10)),
        (3, to_core(PE2_SID, PE2_FLOOD, PE2_ESI_LABEL, payload=sent)),
        (3, to_core(PE3_SID, PE3_FLOOD, payload=sent)),
    )
    from_single_homed = [out.data for out in pe.frames(1, udp(HOST_A, BROADCAST, vlan=10))]
    assert to_core(PE2_SID, PE2_FLOOD, payload=udp(HOST_A, BROADCAST)) in from_single_homed
    pe.expect(2, udp(HOST_B, REMOTE), (3, to_core(PE2_SID, PE2_UNICAST, payload=udp(HOST_B, REMOTE))))


def test_esi_label_under_what_the_controller_floods_for_a_circuit(pe: PipelineUnderTest) -> None:
    pe.add("peer_esi_label", {"ac": 102, "egress_rid": 3}, "push_esi_label", label=PE2_ESI_LABEL)
    flooded = udp(HOST_B, BROADCAST)
    sent = pe.packet_out(flooded, operation=2, bridge_domain=10, attachment=102)
    assert Sent(3, to_core(PE2_SID, PE2_FLOOD, PE2_ESI_LABEL, payload=flooded)) in sent
    sent = pe.packet_out(flooded, operation=2, bridge_domain=10)
    assert Sent(3, to_core(PE2_SID, PE2_FLOOD, payload=flooded)) in sent


def test_control_word_goes_beneath_the_esi_label(pe: PipelineUnderTest) -> None:
    pe.add(
        "replica", {"bridge_domain": 10, "egress_rid": 5}, "to_pe", service_label=PE2_CONTROL_WORD, nhlfe_id=2
    )
    pe.add("peer_esi_label", {"ac": 102, "egress_rid": 5}, "push_esi_label", label=PE2_ESI_LABEL)
    pe.multicast(10, (3, 5))
    payload = bytes(4) + bytes(udp(HOST_B, BROADCAST))
    expected = to_core(PE2_SID, PE2_CONTROL_WORD, PE2_ESI_LABEL, payload=payload)
    pe.expect(2, udp(HOST_B, BROADCAST), (3, expected))


def test_own_esi_label_keeps_the_frame_off_that_segment(pe: PipelineUnderTest) -> None:
    pe.add("esi_label", {"label": OWN_ESI_LABEL}, "from_segment", segment_id=7)
    pe.add("esi_split_horizon", {"ac": 102, "segment": 7}, "same_segment")
    flooded = udp(REMOTE, BROADCAST)
    packet = from_core(FLOOD_LABEL, OWN_ESI_LABEL, payload=flooded)
    pe.expect(3, packet, (1, udp(REMOTE, BROADCAST, vlan=10)))
    pe.expect(3, from_core(FLOOD_LABEL, payload=flooded), (1, udp(REMOTE, BROADCAST, vlan=10)), (2, flooded))
    assert pe.drops() == {"egress ESI_SPLIT_HORIZON": 1, "egress SPLIT_HORIZON": 4}


def test_what_this_pe_sends_itself_came_from_no_segment(pe: PipelineUnderTest) -> None:
    """What the other PE of the segment floods for the gateway: answered, or routed, back to it."""
    pe.add("esi_label", {"label": OWN_ESI_LABEL}, "from_segment", segment_id=7)
    pe.add("esi_split_horizon", {"ac": 102, "segment": 7}, "same_segment")
    asked = request(HOST_B, "10.0.10.12", "10.0.10.1")
    (sent,) = pe.frames(3, from_core(FLOOD_LABEL, OWN_ESI_LABEL, payload=asked))
    assert (sent.port, Ether(sent.data)[ARP].psrc) == (2, "10.0.10.1")
    packet = udp(HOST_B, GATEWAY, src="10.0.20.13", dst="10.0.10.12")
    pe.expect(3, from_core(FLOOD_LABEL, OWN_ESI_LABEL, payload=packet), (2, routed(packet, HOST_B)))


@pytest.mark.parametrize("label", [0xC0099, 0, 1])
def test_unknown_esi_label(pe: PipelineUnderTest, label: int) -> None:
    pe.expect(3, from_core(FLOOD_LABEL, label, payload=udp(REMOTE, BROADCAST)))
    assert pe.drops() == {"ingress UNKNOWN_ESI_LABEL": 1}


def test_control_word_beneath_a_received_esi_label(pe: PipelineUnderTest) -> None:
    pe.add("service_label", {"label": 0x61010}, "bridge_flood", bridge_domain=10)
    pe.add("esi_label", {"label": OWN_ESI_LABEL}, "from_segment", segment_id=7)
    payload = bytes(4) + bytes(udp(REMOTE, HOST_B))
    pe.expect(3, from_core(0x61010, OWN_ESI_LABEL, payload=payload), (2, udp(REMOTE, HOST_B)))


@pytest.mark.parametrize("first", [0x10, 0x40, 0x60, 0xF0])
def test_what_is_no_control_word_is_no_frame(pe: PipelineUnderTest, first: int) -> None:
    """The associated channel (RFC 4385 §5), or a peer without control words."""
    pe.add("service_label", {"label": 0x60010}, "bridge_unicast", bridge_domain=10)
    pe.expect(3, from_core(0x60010, payload=bytes([first, 0, 0, 0]) + bytes(udp(REMOTE, HOST_B))))
    assert pe.drops() == {"ingress MALFORMED": 1}


# -- entropy label -------------------------------------------------------------------------------------------


@pytest.fixture
def entropic(pe: PipelineUnderTest) -> PipelineUnderTest:
    """HOST_C behind a PE that knows entropy labels."""
    pe.select("tunnel", {"tunnel": 6}, "path_with_entropy", {"port": 3, "nhlfe_id": 2})
    pe.add("next_hop", {"next_hop": 6}, "remote", service_label=PE2_UNICAST, tunnel_id=6)
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=6)
    return pe


def _stack(sent: Sent) -> list[Label]:
    layers: Packet = Label(sent.data[14:])
    stack: list[Label] = []
    while isinstance(layers, Label):
        stack.append(layers)
        layers = layers.payload
    return stack


def test_indicator_and_label_above_the_service_label(entropic: PipelineUnderTest) -> None:
    (sent,) = entropic.frames(2, udp(HOST_B, HOST_C))
    stack = _stack(sent)
    assert [each.label for each in stack[:2] + stack[3:]] == [PE2_SID, 7, PE2_UNICAST]
    assert [each.bos for each in stack] == [0, 0, 0, 1]
    assert stack[2].label > 15
    assert stack[2].ttl == 0


def test_one_label_a_flow_many_labels_for_many_flows(entropic: PipelineUnderTest) -> None:
    seen = set()
    for flow in range(32):
        labels = {
            _stack(out)[2].label
            for size in (8, 800)
            for out in entropic.frames(2, udp(HOST_B, HOST_C, sport=flow, size=size))
        }
        assert len(labels) == 1
        seen |= labels
    assert len(seen) > 28


def test_quotation_of_an_icmp_error_is_cut_behind_the_entropy_label(entropic: PipelineUnderTest) -> None:
    entropic.add("next_hop", {"next_hop": 60}, "routed_remote", service_label=PE2_VRF, tunnel_id=6)
    entropic.add("ip_vrf_ipv4", {"vrf": 5, "prefix": (ip("10.0.40.0"), 24)}, "route_to", next_hop=60)
    packet = IP(src="10.0.40.9", dst="10.0.20.13", ttl=1) / UDP() / Raw(bytes(500))
    (sent,) = entropic.frames(3, from_core(VRF_LABEL, payload=packet))
    assert len(sent.data) == 14 + 4 * 4 + 56


# -- pipe and uniform model ----------------------------------------------------------------------------------


def _labels(pe: PipelineUnderTest, port: int, packet: Packet) -> set[tuple[int, int]]:
    (sent,) = pe.frames(port, packet)
    return {(each.ttl, each.tc) for each in _stack(sent)}


def test_pipe_model_of_ones_own_values(pe: PipelineUnderTest) -> None:
    to_vrf = udp(HOST_A, GATEWAY, vlan=10, dst="10.0.30.9", ttl=9, tos=0xB8)
    assert _labels(pe, 1, to_vrf) == {(64, 0)}
    pe.write.default("label_model", "pipe_push", ttl=200, tc=3)
    assert _labels(pe, 1, to_vrf) == {(200, 3)}


def test_uniform_model_copies_ttl_and_priority_into_the_labels(pe: PipelineUnderTest) -> None:
    pe.write.default("label_model", "uniform_push")
    assert _labels(pe, 1, udp(HOST_A, GATEWAY, vlan=10, dst="10.0.30.9", ttl=9, tos=0xB8)) == {(8, 5)}
    pe.add("ip_vrf_ipv6", {"vrf": 5, "prefix": (ip("2001:db8:30::"), 64)}, "route_to", next_hop=110)
    packet = IPv6(src="2001:db8:10::11", dst="2001:db8:30::9", hlim=7, tc=0x60) / UDP()
    assert _labels(pe, 1, frame(HOST_A, GATEWAY, packet, vlan=10)) == {(6, 3)}
    tagged = Ether(src=HOST_A, dst=REMOTE) / Dot1Q(vlan=10, prio=4) / IP(dst="10.0.10.12") / UDP()
    assert _labels(pe, 1, tagged) == {(255, 4)}
    pe.add("attachment_port", {"port": 7}, "attach_bundle", ac=107, bridge_domain=10, split_horizon_group=0)
    assert _labels(pe, 7, tagged) == {(255, 4)}
    nested = Ether(src=HOST_A, dst=REMOTE) / Dot1Q(vlan=10, prio=4) / Dot1Q(vlan=5, prio=3) / UDP()
    assert _labels(pe, 1, nested) == {(255, 4)}


def test_pipe_model_leaves_the_packets_ttl_alone(pe: PipelineUnderTest) -> None:
    packet = IP(src="10.0.30.9", dst="10.0.20.13", ttl=60) / UDP()
    pe.expect(3, from_core(VRF_LABEL, payload=packet, ttl=5), (1, routed(packet, HOST_C, vlan=20)))


@pytest.mark.parametrize(("label_ttl", "ip_ttl", "left"), [(50, 60, 49), (60, 50, 49), (2, 255, 1)])
def test_uniform_model_lets_the_routers_of_the_core_count(
    pe: PipelineUnderTest, label_ttl: int, ip_ttl: int, left: int
) -> None:
    pe.write.default("disposition", "uniform_pop")
    packet = IP(src="10.0.30.9", dst="10.0.20.13", ttl=ip_ttl) / UDP()
    expected = routed(packet, HOST_C, vlan=20, hops=ip_ttl - left)
    expected[Dot1Q].prio = 0
    pe.expect(3, from_core(VRF_LABEL, payload=packet, ttl=label_ttl), (1, expected))


def test_uniform_model_expires_with_the_label(pe: PipelineUnderTest) -> None:
    pe.write.default("disposition", "uniform_pop")
    packet = IP(src="10.0.30.9", dst="10.0.20.13", ttl=60) / UDP() / Raw(b"12345678")
    (sent,) = pe.frames(3, from_core(VRF_LABEL, payload=packet, ttl=1))
    assert sent.port == 3
    assert b"\x0b\x00" in sent.data


def test_uniform_model_counts_on_through_a_bridge_domain(pe: PipelineUnderTest) -> None:
    """MPLS, MAC-VRF, IP-VRF, MPLS (asymmetric IRB, RFC 9135 §6): the label's TTL is never made good."""
    pe.write.default("disposition", "uniform_pop")
    pe.write.default("label_model", "uniform_push")
    packet = udp(REMOTE, GATEWAY, src="10.0.10.99", dst="10.0.30.9", ttl=60)
    (sent,) = pe.frames(3, from_core(UNICAST_LABEL, payload=packet, ttl=10))
    assert {each.ttl for each in _stack(sent)} == {9}
    assert IP(sent.data[-60:]).ttl == 9


def test_uniform_model_puts_the_class_into_the_tag(pe: PipelineUnderTest) -> None:
    pe.write.default("disposition", "uniform_pop")
    packet = link(CORE_MAC, P_MAC) / Label(label=UNICAST_LABEL, tc=6, bos=1) / Raw(bytes(udp(REMOTE, HOST_A)))
    (sent,) = pe.frames(3, packet)
    assert Ether(sent.data)[Dot1Q].prio == 6


def test_label_ttl_of_zero(pe: PipelineUnderTest) -> None:
    pe.expect(3, from_core(UNICAST_LABEL, payload=udp(REMOTE, HOST_A), ttl=0))
    assert pe.drops() == {"ingress TTL_EXCEEDED": 1}


# -- storm control -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limited", ["broadcast", "unknown", "multicast"])
def test_kinds_are_limited_apart(pe: PipelineUnderTest, limited: str) -> None:
    kinds = ("broadcast", "unknown", "multicast")
    for index, kind in enumerate((1, 2, 3)):
        pe.add("storm_control", {"attachment": 102, "kind": kind}, "police", meter_index=index)
    pe.limit("storm_meter", kinds.index(limited), 300)
    frames = {
        "broadcast": udp(HOST_B, BROADCAST, size=58),
        "unknown": udp(HOST_B, HOST_C, size=58),
        "multicast": udp(HOST_B, "01:00:5e:01:02:03", size=58),
    }
    passed = {
        name: sum(bool(pe.send(2, each, now=1_000_000)) for _ in range(9)) for name, each in frames.items()
    }
    assert passed == {name: 3 if name == limited else 9 for name in kinds}
    assert pe.drops()["ingress STORM"] == 6
    assert len(pe.frames(1, udp(HOST_A, BROADCAST, vlan=10))) == 3, "another circuit is not limited"


def test_known_unicast_is_never_policed(pe: PipelineUnderTest) -> None:
    for kind in (1, 2, 3):
        pe.add("storm_control", {"attachment": 102, "kind": kind}, "police", meter_index=1)
    pe.limit("storm_meter", 1, 1)
    for _ in range(5):
        pe.expect(2, udp(HOST_B, HOST_A), (1, udp(HOST_B, HOST_A, vlan=10)))
