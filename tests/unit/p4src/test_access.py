"""The access switch: VLANs, learning, flooding, LAG, postcards (IEEE 802.1Q, IEEE 802.1AX)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet

from tests.unit.p4src.harness import CPU_PORT, PacketIn, PipelineUnderTest, Sent, drop_reasons
from tests.unit.p4src.provider_edge import BROADCAST, HOST_A, HOST_B, HOST_C, mac, request, udp

LAG = 50


@pytest.fixture
def access(switch: Callable[[str], PipelineUnderTest]) -> PipelineUnderTest:
    """Ports 1, 2: access ports of VLAN 10. Port 3: a trunk of 10 and 20. Ports 4, 5: a LAG of VLAN 10."""
    made = switch("access")
    for port, vlan_id, vlan, bridge_port in (
        (1, 0, 10, 1),
        (2, 0, 10, 2),
        (3, 10, 10, 3),
        (3, 20, 20, 3),
        (4, 10, 10, LAG),
        (5, 10, 10, LAG),
    ):
        match = {"port": port, "vlan_id": vlan_id}
        made.add("port_vlan", match, "admit", vlan=vlan, bridge_port=bridge_port)
        made.add("egress_vlan", {"port": port, "vlan": vlan}, "send_tagged" if vlan_id else "send_untagged")
    made.select("lag", {"bridge_port": LAG}, "lag_member", {"port": 4}, {"port": 5})
    made.select("flood_lag", {"bridge_port": LAG}, "flood_member", {"port": 4}, {"port": 5})
    made.multicast(10, (1, 1), (2, 2), (3, 3), (4, LAG), (5, LAG))
    made.multicast(20, (3, 3))
    for address, port in ((HOST_A, 1), (HOST_B, 3)):
        _learn(made, address, port)
        match = {"vlan": 10, "mac": mac(address)}
        made.add("destination_mac", match, "forward_port", bridge_port=port, port=port)
    _learn(made, HOST_C, LAG)
    made.add("destination_mac", {"vlan": 10, "mac": mac(HOST_C)}, "forward_lag", bridge_port=LAG)
    return made


def _learn(made: PipelineUnderTest, address: str, bridge_port: int) -> None:
    made.add("source_mac", {"bridge_domain": 10, "mac": mac(address)}, "learned", attachment=bridge_port)


def test_access_port_to_trunk_and_back(access: PipelineUnderTest) -> None:
    access.expect(1, udp(HOST_A, HOST_B), (3, udp(HOST_A, HOST_B, vlan=10)))
    access.expect(3, udp(HOST_B, HOST_A, vlan=10), (1, udp(HOST_B, HOST_A)))


def test_priority_of_the_tag_stays(access: PipelineUnderTest) -> None:
    inner = IP(dst="10.0.10.12") / UDP()
    sent = Ether(src=HOST_C, dst=HOST_B) / Dot1Q(vlan=10, prio=6) / inner
    access.expect(4, sent, (3, sent))


def test_vlan_that_a_port_does_not_carry(access: PipelineUnderTest) -> None:
    access.expect(1, udp(HOST_A, HOST_B, vlan=10))
    access.expect(3, udp(HOST_B, HOST_A))
    access.expect(3, udp(HOST_B, HOST_A, vlan=30))
    assert access.drops() == {"ingress NO_ATTACHMENT_CIRCUIT": 3}


def test_egress_port_without_the_vlan(access: PipelineUnderTest) -> None:
    access.add("destination_mac", {"vlan": 20, "mac": mac(HOST_A)}, "forward_port", bridge_port=1, port=1)
    access.expect(3, udp(HOST_B, HOST_A, vlan=20))
    assert access.drops() == {"egress NO_EGRESS": 1}


def test_learning_and_moves(access: PipelineUnderTest) -> None:
    new = "02:00:00:00:0c:01"
    access.send(2, udp(new, HOST_A))
    access.send(5, udp(new, HOST_A, vlan=10))
    access.send(2, udp(HOST_A, HOST_B))
    access.send(1, udp(HOST_A, HOST_B))
    assert access.learned() == [(10, 2, new), (10, LAG, new), (10, 2, HOST_A)]


def test_sticky_and_discarded_macs(access: PipelineUnderTest) -> None:
    access.add("source_mac", {"bridge_domain": 10, "mac": 0x020000000C01}, "sticky", attachment=1)
    access.add("source_mac", {"bridge_domain": 10, "mac": 0x020000000C02}, "discard_source")
    access.add("destination_mac", {"vlan": 10, "mac": 0x020000000C02}, "discard_mac")
    access.expect(2, udp("02:00:00:00:0c:01", HOST_A))
    access.expect(2, udp("02:00:00:00:0c:02", HOST_A))
    access.expect(1, udp(HOST_A, "02:00:00:00:0c:02"))
    assert access.drops() == {"ingress STICKY_VIOLATION": 1, "ingress MAC_DISCARD": 2}


@pytest.mark.parametrize("to", [BROADCAST, "01:00:5e:01:02:03", "02:00:00:00:0c:09"])
def test_flooding_without_the_source(access: PipelineUnderTest, to: str) -> None:
    sent = access.frames(1, udp(HOST_A, to))
    plain, tagged = bytes(udp(HOST_A, to)), bytes(udp(HOST_A, to, vlan=10))
    assert sent[:2] == [Sent(2, plain), Sent(3, tagged)]
    assert [out.data for out in sent[2:]] == [tagged], "one copy to the LAG"
    assert sent[2].port in (4, 5)


@pytest.mark.parametrize("last", range(0x10))
def test_what_is_for_bridges_alone_goes_no_further(access: PipelineUnderTest, last: int) -> None:
    new = "02:00:00:00:0c:01"
    access.expect(2, udp(new, f"01:80:c2:00:00:{last:02x}"))
    access.expect(3, udp(HOST_B, f"01:80:c2:00:00:{last:02x}", vlan=10))
    assert access.drops() == {"ingress MAC_DISCARD": 2}
    assert access.learned() == [(10, 2, new)]


@pytest.mark.parametrize("to", ["01:80:c2:00:00:10", "01:80:c2:00:01:00", "01:80:c3:00:00:00"])
def test_addresses_beside_those_are_flooded(access: PipelineUnderTest, to: str) -> None:
    assert len(access.frames(1, udp(HOST_A, to))) == 3


def test_flooding_from_a_lag_does_not_go_back_into_it(access: PipelineUnderTest) -> None:
    for port in (4, 5):
        sent = udp(HOST_C, BROADCAST, vlan=10)
        access.expect(port, sent, (1, udp(HOST_C, BROADCAST)), (2, udp(HOST_C, BROADCAST)), (3, sent))


def test_vlans_are_apart(access: PipelineUnderTest) -> None:
    access.expect(3, udp(HOST_B, BROADCAST, vlan=20))


def test_destination_on_the_port_it_came_from(access: PipelineUnderTest) -> None:
    access.expect(3, udp("02:00:00:00:0c:01", HOST_B, vlan=10))
    access.expect(5, udp("02:00:00:00:0c:01", HOST_C, vlan=10))
    assert access.drops() == {"ingress SOURCE_PRUNED": 2}


def test_lag_shares_flows_and_never_splits_one(access: PipelineUnderTest) -> None:
    ports: list[int] = []
    for flow in range(64):
        chosen = {
            out.port
            for size in (8, 800)
            for out in access.frames(1, udp(HOST_A, HOST_C, sport=1000 + flow, size=size))
        }
        assert len(chosen) == 1
        ports += chosen
    assert 16 <= ports.count(4) <= 48


def test_flooded_and_known_frames_of_a_flow_take_the_same_port(access: PipelineUnderTest) -> None:
    for flow in range(16):
        (known,) = access.frames(1, udp(HOST_A, HOST_C, sport=flow))
        flooded = access.frames(1, udp(HOST_A, BROADCAST, sport=flow))
        assert [out.port for out in flooded if out.port in (4, 5)] == [known.port]


def test_lag_without_a_live_port(access: PipelineUnderTest) -> None:
    access.select("lag", {"bridge_port": 60}, "lag_member", {"port": 6}, down=1)
    access.add("destination_mac", {"vlan": 10, "mac": 0x020000000C03}, "forward_lag", bridge_port=60)
    access.expect(1, udp(HOST_A, "02:00:00:00:0c:03"))
    assert access.drops() == {"ingress NO_PATH": 1}


def test_packet_out(access: PipelineUnderTest) -> None:
    sent = udp(HOST_B, HOST_A, vlan=10)
    assert access.packet_out(sent, operation=0, port=2) == [Sent(2, bytes(sent))]
    assert access.packet_out(sent, operation=1, port=3) == [Sent(1, bytes(udp(HOST_B, HOST_A)))]
    out = access.packet_out(request(HOST_B, "10.0.0.1", "10.0.0.2"), operation=2, bridge_domain=10)
    assert len(out) == 4
    assert access.learned() == []
    for operation in (3, 4, 99):
        assert access.packet_out(sent, operation=operation, port=3) == []
    assert access.drops() == {"egress SOURCE_PRUNED": 1, "ingress MALFORMED": 3}


def test_postcards(access: PipelineUnderTest) -> None:
    access.add("watch_ipv4", {"dst_port": (4000, 0xFFFF)}, "watch", priority=1, id=3)

    def cards(port: int, packet: Packet) -> list[PacketIn]:
        return [PacketIn(out.data) for out in access.send(port, packet, now=8) if out.port == CPU_PORT]

    (card,) = cards(1, udp(HOST_A, HOST_B, dport=4000))
    access.check_times(card, 8)
    assert (card.reason, card.watch, card.ingress_port, card.egress_port) == (7, 3, 1, 3)
    assert (card.attachment, card.bridge_domain) == (1, 10)
    assert bytes(card.payload) == bytes(udp(HOST_A, HOST_B, dport=4000, vlan=10))
    flooded = cards(1, udp(HOST_A, BROADCAST, dport=4000))
    assert len(flooded) == 3
    assert not any(card.drop_reason for card in flooded)
    (card,) = cards(1, udp(HOST_A, HOST_B, dport=4000, vlan=99))
    assert (card.reason, card.drop_reason) == (6, drop_reasons()["NO_ATTACHMENT_CIRCUIT"])


def test_short_frames(access: PipelineUnderTest) -> None:
    whole = bytes(udp(HOST_A, HOST_B))
    for length in range(42):
        access.expect(1, whole[:length])
    assert access.drops() == {"ingress MALFORMED": 42}
