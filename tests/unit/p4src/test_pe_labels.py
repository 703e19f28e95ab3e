"""Label stacks: received, pushed, malformed; next hops and paths (RFC 3031, RFC 3032, RFC 6790)."""

from __future__ import annotations

from collections import Counter

import pytest
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from tests.unit.p4src.harness import PipelineUnderTest
from tests.unit.p4src.provider_edge import (
    CORE_MAC,
    HOST_A,
    HOST_B,
    HOST_C,
    OWN_SID,
    P_MAC,
    PE2_UNICAST,
    REMOTE,
    UNICAST_LABEL,
    frame,
    from_core,
    mac,
    to_core,
    udp,
)

FRAME = udp(REMOTE, HOST_B)


def _path(pe: PipelineUnderTest, *labels: int) -> None:
    params = {f"label_{position}": label for position, label in enumerate(labels, start=1)}
    macs = {"src_mac": mac(CORE_MAC), "dst_mac": mac(P_MAC)}
    pe.add("nhlfe", {"nhlfe": 7}, f"push_{len(labels)}", **macs, **params)
    pe.select("tunnel", {"tunnel": 7}, "path", {"port": 3, "nhlfe_id": 7})
    pe.add("next_hop", {"next_hop": 7}, "remote", service_label=PE2_UNICAST, tunnel_id=7)
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=7)


@pytest.mark.parametrize("depth", range(6))
def test_stacks_up_to_five_deep(pe: PipelineUnderTest, depth: int) -> None:
    labels = [16100 + position for position in range(depth)]
    _path(pe, *labels)
    pe.expect(2, udp(HOST_B, HOST_C), (3, to_core(*labels, PE2_UNICAST, payload=udp(HOST_B, HOST_C))))


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ((0x4FFFF,), "UNKNOWN_LABEL"),
        ((16099, UNICAST_LABEL), "UNKNOWN_LABEL"),
        ((OWN_SID, 16099, UNICAST_LABEL), "BAD_LABEL_STACK"),
        ((OWN_SID,), "BAD_LABEL_STACK"),
        ((1, UNICAST_LABEL), "BAD_LABEL_STACK"),
        ((3, UNICAST_LABEL), "BAD_LABEL_STACK"),
        ((7, 0x12345), "BAD_LABEL_STACK"),
        ((0xC0001,), "BAD_LABEL_STACK"),
        ((UNICAST_LABEL, 0xC0001, 16), "MALFORMED"),
        ((UNICAST_LABEL,) * 12, "MALFORMED"),
    ],
)
def test_stacks_that_mean_nothing(pe: PipelineUnderTest, labels: tuple[int, ...], reason: str) -> None:
    pe.expect(3, from_core(*labels, payload=FRAME))
    assert pe.drops() == {f"ingress {reason}": 1}


def test_a_label_of_the_wrong_kind_does_no_harm(pe: PipelineUnderTest) -> None:
    """A controller that lets an IP label mean a bridge domain, or one for Ethernet an IP-VRF."""
    pe.add("service_label", {"label": 0x8000A}, "bridge_flood", bridge_domain=10)
    pe.add("service_label", {"label": 0x8000B}, "dispose_to", next_hop=2)
    pe.expect(3, from_core(0x8000A, payload=FRAME.payload))
    pe.expect(3, from_core(0x8000B, payload=FRAME.payload))
    pe.add("service_label", {"label": 0x4000C}, "enter_vrf", vrf=5)
    pe.expect(3, from_core(0x4000C, payload=FRAME))
    assert pe.drops() == {"ingress BAD_LABEL_STACK": 3}


def test_labels_count_on_core_links_and_in_frames_to_this_router_only(pe: PipelineUnderTest) -> None:
    from_customer: Packet = from_core(UNICAST_LABEL, payload=FRAME)
    pe.expect(2, from_customer)
    elsewhere = from_core(UNICAST_LABEL, payload=FRAME)
    elsewhere[Ether].dst = P_MAC
    pe.expect(3, elsewhere)
    assert pe.drops() == {"ingress NOT_FOR_US": 2}


def test_one_write_repoints_all_macs_of_a_peer(pe: PipelineUnderTest) -> None:
    for last in range(1, 5):
        match = {"bridge_domain": 10, "mac": mac(f"02:00:00:00:0e:{last:02x}")}
        pe.add("mac_vrf", match, "forward", next_hop=70)
    handle = pe.add("next_hop", {"next_hop": 70}, "remote", service_label=PE2_UNICAST, tunnel_id=2)
    pe.write.delete("next_hop", handle)
    pe.add("next_hop", {"next_hop": 70}, "remote", service_label=0x40300, tunnel_id=3)
    for last in range(1, 5):
        frame = udp(HOST_A, f"02:00:00:00:0e:{last:02x}")
        pe.expect(
            1, udp(HOST_A, f"02:00:00:00:0e:{last:02x}", vlan=10), (3, to_core(16003, 0x40300, payload=frame))
        )


def _ports(pe: PipelineUnderTest, flows: int) -> list[int]:
    """The output ports of as many flows, three packets each; a flow that splits fails."""
    chosen: list[int] = []
    for flow in range(flows):
        frames = [udp(HOST_B, HOST_C, sport=1000 + flow, size=size) for size in (8, 80, 800)]
        ports = {sent.port for frame in frames for sent in pe.frames(2, frame)}
        assert len(ports) == 1, f"flow {flow} splits over {ports}"
        chosen += ports
    return chosen


def test_equal_cost_paths_share_flows_and_never_split_one(pe: PipelineUnderTest) -> None:
    members = [{"port": 3, "nhlfe_id": 2}, {"port": 4, "nhlfe_id": 3}]
    pe.select("tunnel", {"tunnel": 8}, "path", *members)
    pe.add("next_hop", {"next_hop": 8}, "remote", service_label=PE2_UNICAST, tunnel_id=8)
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=8)
    ports = _ports(pe, 64)
    assert 16 <= ports.count(3) <= 48
    assert ports.count(3) + ports.count(4) == 64


def test_fragments_of_a_datagram_stay_together(pe: PipelineUnderTest) -> None:
    """Only the first has ports (RFC 791)."""
    members = [{"port": 3, "nhlfe_id": 2}, {"port": 4, "nhlfe_id": 3}]
    pe.select("tunnel", {"tunnel": 8}, "path", *members)
    pe.add("next_hop", {"next_hop": 8}, "remote", service_label=PE2_UNICAST, tunnel_id=8)
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=8)
    for host in range(16):
        whole = IP(src="10.0.10.12", dst=f"10.0.10.{100 + host}") / UDP(sport=host) / Raw(bytes(2000))
        frames = [frame(HOST_B, HOST_C, part) for part in fragment(whole, 800)]
        ports = {sent.port for each in frames for sent in pe.frames(2, each)}
        assert len(ports) == 1


@pytest.mark.parametrize("fan", [2, 3, 4])
def test_segment_and_tunnel_choose_independently(pe: PipelineUnderTest, fan: int) -> None:
    """So many PEs of a segment, so many paths to each: all are used alike (RFC 7432 §8.4)."""
    for number in range(fan):
        macs = {"src_mac": mac(CORE_MAC), "dst_mac": mac(P_MAC)}
        pe.add("nhlfe", {"nhlfe": 20 + number}, "push_1", label_1=16100 + number, **macs)
    paths = [{"port": 3, "nhlfe_id": 20 + number} for number in range(fan)]
    for number in range(fan):
        pe.select("tunnel", {"tunnel": 20 + number}, "path", *paths)
    members = [{"service_label": 0x40200 + number, "tunnel_id": 20 + number} for number in range(fan)]
    pe.select("segment", {"segment": 9}, "remote", *members)
    pe.add("next_hop", {"next_hop": 9}, "segment_of", segment_id=9)
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=9)
    taken = Counter(
        out.data[14:22]
        for flow in range(25 * fan * fan)
        for out in pe.frames(2, udp(HOST_B, HOST_C, sport=flow))
    )
    assert len(taken) == fan * fan
    assert min(taken.values()) >= 8, taken


def test_no_live_path(pe: PipelineUnderTest) -> None:
    pe.select("tunnel", {"tunnel": 8}, "path", {"port": 3, "nhlfe_id": 2}, down=1)
    pe.add("next_hop", {"next_hop": 8}, "remote", service_label=PE2_UNICAST, tunnel_id=8)
    pe.add("next_hop", {"next_hop": 9}, "remote", service_label=PE2_UNICAST, tunnel_id=99)
    pe.add("next_hop", {"next_hop": 10}, "segment_of", segment_id=99)
    for number, address in (
        (8, HOST_C),
        (9, "02:00:00:00:0e:01"),
        (10, "02:00:00:00:0e:02"),
        (11, "02:00:00:00:0e:03"),
    ):
        pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(address)}, "forward", next_hop=number)
        pe.expect(2, udp(HOST_B, address))
    assert pe.drops() == {"ingress NO_PATH": 3, "ingress NO_NEXT_HOP": 1}


def test_no_nhlfe(pe: PipelineUnderTest) -> None:
    pe.select("tunnel", {"tunnel": 8}, "path", {"port": 3, "nhlfe_id": 99})
    pe.add("next_hop", {"next_hop": 8}, "remote", service_label=PE2_UNICAST, tunnel_id=8)
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(HOST_C)}, "forward", next_hop=8)
    pe.expect(2, udp(HOST_B, HOST_C))
    assert pe.drops() == {"egress NO_PATH": 1}


def test_jumbo_frame_keeps_its_length(pe: PipelineUnderTest) -> None:
    frame = Ether(src=REMOTE, dst=HOST_B) / IP(dst="10.0.10.12") / UDP() / bytes(8958)
    pe.expect(3, from_core(UNICAST_LABEL, payload=frame), (2, frame))
