"""Attachment circuits, MAC learning, known unicast (RFC 7432 §6, §9, §13)."""

from __future__ import annotations

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from tests.unit.p4src.harness import PipelineUnderTest
from tests.unit.p4src.provider_edge import (
    FLOOD_LABEL,
    HOST_A,
    HOST_B,
    HOST_C,
    OWN_SID,
    PE2_CONTROL_WORD,
    PE2_SID,
    PE2_UNICAST,
    PW_LABEL,
    REMOTE,
    UNICAST_LABEL,
    from_core,
    mac,
    to_core,
    udp,
)


def test_circuit_to_circuit_translates_the_vlan(pe: PipelineUnderTest) -> None:
    pe.expect(1, udp(HOST_A, HOST_B, vlan=10), (2, udp(HOST_A, HOST_B)))
    pe.expect(2, udp(HOST_B, HOST_A), (1, udp(HOST_B, HOST_A, vlan=10)))


def test_priority_of_the_tag_goes_on_into_the_new_tag(pe: PipelineUnderTest) -> None:
    pe.add(
        "attachment_circuit",
        {"port": 4, "vlan_id": 30},
        "attach",
        ac=130,
        bridge_domain=10,
        split_horizon_group=0,
    )
    inner = IP(dst="10.0.10.11") / UDP() / Raw(b"x")
    sent = Ether(src=HOST_C, dst=HOST_A) / Dot1Q(vlan=30, prio=5) / inner
    pe.expect(4, sent, (1, Ether(src=HOST_C, dst=HOST_A) / Dot1Q(vlan=10, prio=5) / inner))


def test_priority_tagged_frame_belongs_to_the_untagged_circuit(pe: PipelineUnderTest) -> None:
    tagged = Ether(src=HOST_B, dst=HOST_A) / Dot1Q(vlan=0, prio=3) / IP(dst="10.0.10.11") / UDP()
    (sent,) = pe.frames(2, tagged)
    assert sent.port == 1
    assert Ether(sent.data)[Dot1Q].vlan == 10
    assert Ether(sent.data)[Dot1Q].prio == 3


def test_no_service_on_port_and_vlan(pe: PipelineUnderTest) -> None:
    pe.expect(1, udp(HOST_A, HOST_B, vlan=11))
    pe.expect(9, udp(HOST_A, HOST_B))
    assert pe.drops() == {"ingress NO_ATTACHMENT_CIRCUIT": 2}


def test_shut_circuit(pe: PipelineUnderTest) -> None:
    """VPLS standby: nothing in, nothing out."""
    pe.add("attachment_port", {"port": 4}, "attach_bundle", ac=140, bridge_domain=10, split_horizon_group=0)
    pe.add("attachment_circuit", {"port": 4, "vlan_id": 0}, "shut")
    pe.add("egress_circuit", {"ac": 104}, "shut_egress")
    pe.add("next_hop", {"next_hop": 4}, "local", ac=104, port=4)
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=4)
    pe.expect(4, udp(HOST_C, HOST_A))
    pe.expect(2, udp(HOST_B, HOST_C))
    assert pe.drops() == {"ingress PORT_SHUT": 1, "egress PORT_SHUT": 1}


def test_remote_mac_leaves_with_service_and_transport_label(pe: PipelineUnderTest) -> None:
    pe.expect(
        1, udp(HOST_A, REMOTE, vlan=10), (3, to_core(PE2_SID, PE2_UNICAST, payload=udp(HOST_A, REMOTE)))
    )


def test_control_word_where_the_label_asks_for_one(pe: PipelineUnderTest) -> None:
    pe.add("next_hop", {"next_hop": 4}, "remote", service_label=PE2_CONTROL_WORD, tunnel_id=2)
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=4)
    expected = to_core(PE2_SID, PE2_CONTROL_WORD, payload=bytes(4) + bytes(udp(HOST_B, HOST_C)))
    pe.expect(2, udp(HOST_B, HOST_C), (3, expected))


def test_from_the_core_to_a_circuit(pe: PipelineUnderTest) -> None:
    inner = udp(REMOTE, HOST_A)
    out = (1, udp(REMOTE, HOST_A, vlan=10))
    pe.expect(3, from_core(UNICAST_LABEL, payload=inner), out)
    pe.expect(3, from_core(OWN_SID, UNICAST_LABEL, payload=inner), out)
    pe.expect(3, from_core(0, UNICAST_LABEL, payload=inner), out)
    pe.expect(3, from_core(OWN_SID, 7, 0x12345, UNICAST_LABEL, payload=inner), out)
    pe.expect(3, from_core(7, 0x12345, UNICAST_LABEL, payload=inner), out)
    assert pe.learned() == []


def test_control_word_from_the_core_is_taken_off(pe: PipelineUnderTest) -> None:
    pe.add("service_label", {"label": 0x60010}, "bridge_unicast", bridge_domain=10)
    inner = bytes(4) + bytes(udp(REMOTE, HOST_B))
    pe.expect(3, from_core(0x60010, payload=inner), (2, udp(REMOTE, HOST_B)))


def test_label_for_one_next_hop_needs_no_mac(pe: PipelineUnderTest) -> None:
    pe.add("service_label", {"label": 0x43001}, "dispose_to", next_hop=2)
    pe.expect(3, from_core(0x43001, payload=udp(REMOTE, HOST_C)), (2, udp(REMOTE, HOST_C)))


def test_new_mac_is_learned_and_forwarded(pe: PipelineUnderTest) -> None:
    pe.expect(2, udp(HOST_C, HOST_A), (1, udp(HOST_C, HOST_A, vlan=10)))
    assert pe.learned() == [(10, 102, HOST_C)]


def test_known_mac_is_silent_and_a_moved_one_is_not(pe: PipelineUnderTest) -> None:
    pe.frames(1, udp(HOST_A, HOST_B, vlan=10))
    assert pe.learned() == []
    pe.expect(2, udp(HOST_A, REMOTE), (3, to_core(PE2_SID, PE2_UNICAST, payload=udp(HOST_A, REMOTE))))
    assert pe.learned() == [(10, 102, HOST_A)]


def test_pseudo_wires_are_learned_from(pe: PipelineUnderTest) -> None:
    pe.expect(3, from_core(PW_LABEL, payload=udp(REMOTE, HOST_B)), (2, udp(REMOTE, HOST_B)))
    assert pe.learned() == [(10, 900, REMOTE)]


def test_sticky_mac_stays_where_it_is(pe: PipelineUnderTest) -> None:
    pe.add("source_mac", {"bridge_domain": 10, "mac": mac(HOST_C)}, "sticky", attachment=101)
    pe.expect(1, udp(HOST_C, HOST_B, vlan=10), (2, udp(HOST_C, HOST_B)))
    pe.expect(2, udp(HOST_C, HOST_A))
    assert pe.drops() == {"ingress STICKY_VIOLATION": 1}
    assert pe.learned() == []


def test_drop_entries_for_duplicates(pe: PipelineUnderTest) -> None:
    pe.add("source_mac", {"bridge_domain": 10, "mac": mac(HOST_C)}, "discard_source")
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "discard_destination")
    pe.expect(1, udp(HOST_C, HOST_B, vlan=10))
    pe.expect(1, udp(HOST_A, HOST_C, vlan=10))
    assert pe.drops() == {"ingress MAC_DISCARD": 2}


def test_group_address_as_source(pe: PipelineUnderTest) -> None:
    pe.expect(1, udp("03:00:00:00:00:01", HOST_B, vlan=10))
    for label in (UNICAST_LABEL, FLOOD_LABEL, PW_LABEL):
        pe.expect(3, from_core(label, payload=udp("03:00:00:00:00:01", HOST_B)))
    assert pe.drops() == {"ingress BAD_SOURCE_MAC": 4}


def test_no_hairpin(pe: PipelineUnderTest) -> None:
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=1)
    pe.expect(1, udp(HOST_A, HOST_C, vlan=10))
    assert pe.drops() == {"egress SOURCE_PRUNED": 1}


def test_core_to_core_is_split_horizon(pe: PipelineUnderTest) -> None:
    pe.expect(3, from_core(UNICAST_LABEL, payload=udp(HOST_C, REMOTE)))
    assert pe.drops() == {"egress SPLIT_HORIZON": 1}


def test_split_horizon_group_of_circuits(pe: PipelineUnderTest) -> None:
    for port, ac in ((5, 105), (6, 106)):
        match = {"port": port, "vlan_id": 0}
        pe.add("attachment_circuit", match, "attach", ac=ac, bridge_domain=10, split_horizon_group=2)
        pe.add("egress_circuit", {"ac": ac}, "send_untagged", split_horizon_group=2, blocked=0)
    pe.add("next_hop", {"next_hop": 6}, "local", ac=106, port=6)
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=6)
    pe.expect(5, udp(REMOTE, HOST_C))
    pe.expect(2, udp(HOST_B, HOST_C), (6, udp(HOST_B, HOST_C)))
    assert pe.drops() == {"egress SPLIT_HORIZON": 1}


def test_vlan_bundle_keeps_the_tags(pe: PipelineUnderTest) -> None:
    pe.add("attachment_port", {"port": 7}, "attach_bundle", ac=107, bridge_domain=70, split_horizon_group=0)
    pe.add("attachment_port", {"port": 8}, "attach_bundle", ac=108, bridge_domain=70, split_horizon_group=0)
    pe.add("egress_circuit", {"ac": 108}, "send_transparent", split_horizon_group=0, blocked=0)
    pe.add("next_hop", {"next_hop": 8}, "local", ac=108, port=8)
    pe.add("mac_vrf", {"bridge_domain": 70, "mac": mac(HOST_B)}, "forward", next_hop=8)
    pe.add("mac_vrf", {"bridge_domain": 70, "mac": mac(REMOTE)}, "forward", next_hop=3)
    nested = Ether(src=HOST_A, dst=HOST_B) / Dot1Q(vlan=5) / Dot1Q(vlan=6) / IP(dst="10.0.10.12") / UDP()
    pe.expect(7, nested, (8, nested))
    tagged = udp(HOST_A, REMOTE, vlan=77)
    pe.expect(7, tagged, (3, to_core(PE2_SID, PE2_UNICAST, payload=tagged)))


def test_entries_count_what_hits_them(pe: PipelineUnderTest) -> None:
    handle = pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=2)
    sent = udp(HOST_A, HOST_C, vlan=10)
    pe.frames(1, sent)
    pe.frames(1, sent)
    assert pe.hits("mac_vrf", handle) == (2, 2 * len(sent))


def test_macs_that_are_silent_age(pe: PipelineUnderTest) -> None:
    """RFC 7432 §9.1 leaves the time to the PE; static MACs and those of other PEs have none."""
    pe.add("source_mac", {"bridge_domain": 10, "mac": mac(REMOTE)}, "sticky", attachment=101)
    silent = pe.add(
        "source_mac", {"bridge_domain": 10, "mac": mac(HOST_C)}, "learned", attachment=102, idle_us=1000
    )
    pe.expect(2, udp(HOST_C, HOST_A), (1, udp(HOST_C, HOST_A, vlan=10)))
    assert pe.idle() == [silent]
    pe.expect(2, udp(HOST_C, HOST_A), (1, udp(HOST_C, HOST_A, vlan=10)))
    assert pe.learned() == [], "an idle entry is for the controller to delete"


def test_vlan_aware_bundle(pe: PipelineUnderTest) -> None:
    """RFC 7432 §6.3: a bridge domain per VLAN of one port; one MAC in two of them is two MACs."""
    pe.add("next_hop", {"next_hop": 21}, "local", ac=201, port=1)
    pe.add("mac_vrf", {"bridge_domain": 20, "mac": mac(HOST_B)}, "forward", next_hop=3)
    pe.add("mac_vrf", {"bridge_domain": 20, "mac": mac(HOST_A)}, "forward", next_hop=21)
    pe.expect(1, udp(HOST_A, HOST_B, vlan=10), (2, udp(HOST_A, HOST_B)))
    pe.expect(
        1, udp(HOST_C, HOST_B, vlan=20), (3, to_core(PE2_SID, PE2_UNICAST, payload=udp(HOST_C, HOST_B)))
    )
    pe.add("service_label", {"label": 0x40020}, "bridge_unicast", bridge_domain=20)
    pe.expect(3, from_core(0x40020, payload=udp(HOST_B, HOST_A)), (1, udp(HOST_B, HOST_A, vlan=20)))
    assert pe.learned() == []
