"""BUM frames: ingress replication, split horizon, DF filter (RFC 7432 §8.5, §11, §12)."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tests.unit.p4src.harness import PipelineUnderTest
from tests.unit.p4src.provider_edge import (
    BROADCAST,
    FLOOD_LABEL,
    GATEWAY,
    HOST_A,
    HOST_B,
    HOST_C,
    PE2_FLOOD,
    PE2_SID,
    PE3_FLOOD,
    PE3_SID,
    PW_LABEL,
    REMOTE,
    REMOTE_2,
    UNICAST_LABEL,
    VRF_LABEL,
    from_core,
    mac,
    routed,
    to_core,
    udp,
)

MULTICAST = "01:00:5e:01:02:03"
CIRCUIT_FROM_1, CIRCUIT_FROM_2 = (2, None), (1, 10)


def _remotes(frame: Packet) -> list[tuple[int, bytes]]:
    return [
        (3, to_core(PE2_SID, PE2_FLOOD, payload=frame)),
        (3, to_core(PE3_SID, PE3_FLOOD, payload=frame)),
    ]


@pytest.mark.parametrize("to", [BROADCAST, MULTICAST, HOST_C], ids=["broadcast", "multicast", "unknown"])
def test_from_a_circuit_to_all_others_and_to_all_peers(pe: PipelineUnderTest, to: str) -> None:
    pe.expect(1, udp(HOST_A, to, vlan=10), (2, udp(HOST_A, to)), *_remotes(udp(HOST_A, to)))
    pe.expect(2, udp(HOST_B, to), (1, udp(HOST_B, to, vlan=10)), *_remotes(udp(HOST_B, to)))
    assert pe.drops() == {"egress SOURCE_PRUNED": 2}


@pytest.mark.parametrize("label", [UNICAST_LABEL, FLOOD_LABEL, PW_LABEL])
def test_from_the_core_to_circuits_only(pe: PipelineUnderTest, label: int) -> None:
    frame = udp(REMOTE, BROADCAST)
    pe.expect(3, from_core(label, payload=frame), (2, frame), (1, udp(REMOTE, BROADCAST, vlan=10)))
    assert pe.drops() == {"egress SPLIT_HORIZON": 2}


def test_a_group_of_its_own_for_what_comes_from_the_core(pe: PipelineUnderTest) -> None:
    pe.multicast(0x400A, (1, 1), (2, 2))
    pe.add("flood", {"bridge_domain": 10, "kind": 1, "split_horizon_group": 1}, "replicate", group=0x400A)
    frame = udp(REMOTE, BROADCAST)
    pe.expect(3, from_core(FLOOD_LABEL, payload=frame), (2, frame), (1, udp(REMOTE, BROADCAST, vlan=10)))
    assert pe.drops() == {}


def test_known_mac_under_the_flood_label_goes_to_its_circuit_alone(pe: PipelineUnderTest) -> None:
    pe.expect(3, from_core(FLOOD_LABEL, payload=udp(REMOTE, HOST_B)), (2, udp(REMOTE, HOST_B)))


def test_flooded_frame_for_the_gateway_is_routed(pe: PipelineUnderTest) -> None:
    packet = udp(REMOTE, GATEWAY, dst="10.0.10.12")
    pe.expect(3, from_core(FLOOD_LABEL, payload=packet), (2, routed(packet, HOST_B)))


def test_unknown_unicast_may_be_dropped(pe: PipelineUnderTest) -> None:
    pe.add("flood", {"bridge_domain": 10, "kind": 2, "split_horizon_group": 0}, "discard_flooded")
    pe.expect(1, udp(HOST_A, HOST_C, vlan=10))
    assert len(pe.frames(1, udp(HOST_A, BROADCAST, vlan=10))) == 3
    assert pe.drops() == {"ingress UNKNOWN_UNICAST": 1, "egress SOURCE_PRUNED": 1}


def test_non_designated_forwarder_blocks_flooded_frames_only(pe: PipelineUnderTest) -> None:
    pe.add("egress_circuit", {"ac": 109}, "send_untagged", split_horizon_group=0, blocked=1)
    pe.add("replica", {"bridge_domain": 10, "egress_rid": 9}, "to_attachment_circuit", ac=109)
    pe.add("next_hop", {"next_hop": 9}, "local", ac=109, port=9)
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=9)
    pe.multicast(10, (1, 1), (2, 2), (9, 9))
    pe.expect(2, udp(HOST_B, BROADCAST), (1, udp(HOST_B, BROADCAST, vlan=10)))
    pe.expect(2, udp(HOST_B, HOST_C), (9, udp(HOST_B, HOST_C)))
    pe.expect(3, from_core(UNICAST_LABEL, payload=udp(REMOTE, HOST_C)), (9, udp(REMOTE, HOST_C)))
    pe.expect(3, from_core(FLOOD_LABEL, payload=udp(REMOTE, HOST_C)))
    assert pe.drops() == {"egress SOURCE_PRUNED": 1, "egress NOT_DF": 2}


def test_copies_that_nobody_described_are_counted(pe: PipelineUnderTest) -> None:
    pe.multicast(10, (1, 77))
    pe.expect(2, udp(HOST_B, BROADCAST))
    assert pe.drops() == {"egress NO_REPLICA": 1}


def test_routed_frame_is_not_flooded_in_the_vrf(pe: PipelineUnderTest) -> None:
    """IP multicast below an IP-VRF's label has no group here: nobody routes it."""
    packet = IP(src="10.0.30.9", dst="239.1.1.1") / UDP()
    pe.expect(3, from_core(VRF_LABEL, payload=packet))
    assert pe.drops() == {"ingress MARTIAN": 1}


def test_pseudo_wire_sends_nothing_back(pe: PipelineUnderTest) -> None:
    pe.add("next_hop", {"next_hop": 5}, "remote", service_label=PE2_FLOOD, tunnel_id=2)
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(REMOTE_2)}, "forward", next_hop=5)
    pe.expect(3, from_core(PW_LABEL, payload=udp(REMOTE, REMOTE_2)))
    assert pe.drops() == {"egress SPLIT_HORIZON": 1}


def test_source_mac_of_a_flooded_frame_is_learned_once(pe: PipelineUnderTest) -> None:
    pe.frames(2, Ether(src=HOST_C, dst=BROADCAST) / IP() / UDP())
    assert pe.learned() == [(10, 102, HOST_C)]
