"""ARP: proxy, gateways, announcements, copies to the controller (RFC 826, RFC 9161 §3, RFC 9135 §4.1)."""

from __future__ import annotations

import pytest
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet

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
    PW_LABEL,
    REMOTE,
    frame,
    from_core,
    ip,
    mac,
    ping,
    request,
    to_core,
)


def _reply(owner: str, address: str, to_mac: str, to_ip: str, *, vlan: int | None = None) -> Packet:
    arp = ARP(op=2, hwsrc=owner, psrc=address, hwdst=to_mac, pdst=to_ip)
    return frame(owner, to_mac, arp, vlan=vlan)


@pytest.fixture
def neighbor(pe: PipelineUnderTest) -> None:
    """10.0.10.99 is REMOTE, behind PE 2; 10.0.10.11 is HOST_A on circuit 101."""
    for address, owner, attachment in (("10.0.10.99", REMOTE, 0), ("10.0.10.11", HOST_A, 101)):
        match = {"bridge_domain": 10, "address": ip(address)}
        pe.add("neighbor_ipv4", match, "reply", owner_mac=mac(owner), owner_attachment=attachment)


@pytest.mark.usefixtures("neighbor")
def test_request_for_a_known_neighbour_is_answered_and_not_flooded(pe: PipelineUnderTest) -> None:
    pe.expect(
        2,
        request(HOST_B, "10.0.10.12", "10.0.10.99"),
        (2, _reply(REMOTE, "10.0.10.99", HOST_B, "10.0.10.12")),
    )
    tagged = _reply(REMOTE, "10.0.10.99", HOST_A, "10.0.10.11", vlan=10)
    pe.expect(1, request(HOST_A, "10.0.10.11", "10.0.10.99", vlan=10), (1, tagged))


@pytest.mark.usefixtures("neighbor")
def test_host_that_nobody_learned_yet_gets_its_answer(pe: PipelineUnderTest) -> None:
    pe.expect(
        2,
        request(HOST_C, "10.0.10.13", "10.0.10.99"),
        (2, _reply(REMOTE, "10.0.10.99", HOST_C, "10.0.10.13")),
    )
    assert pe.learned() == [(10, 102, HOST_C)]


@pytest.mark.usefixtures("neighbor")
def test_not_answered_on_the_owners_circuit(pe: PipelineUnderTest) -> None:
    """The owner answers for itself (RFC 9161 §3.3)."""
    sent = pe.frames(1, request(HOST_C, "10.0.10.13", "10.0.10.11", vlan=10))
    assert [out.port for out in sent] == [2, 3, 3]


@pytest.mark.usefixtures("neighbor")
@pytest.mark.parametrize("field", [{"hwtype": 6}, {"ptype": 0x86DD}, {"hwlen": 8}, {"plen": 16}])
def test_addresses_other_than_of_ethernet_and_ipv4(pe: PipelineUnderTest, field: dict[str, int]) -> None:
    """RFC 826: their fields are elsewhere in the packet."""
    arp = ARP(op=1, hwsrc=HOST_B, psrc="10.0.10.12", pdst="10.0.10.99", **field)
    assert [out.port for out in pe.frames(2, frame(HOST_B, BROADCAST, arp))] == [1, 3, 3]


@pytest.mark.usefixtures("neighbor")
def test_unicast_probe_reaches_the_owner(pe: PipelineUnderTest) -> None:
    probe = request(HOST_B, "10.0.10.12", "10.0.10.11", dst=HOST_A)
    pe.expect(2, probe, (1, request(HOST_B, "10.0.10.12", "10.0.10.11", dst=HOST_A, vlan=10)))


@pytest.mark.usefixtures("neighbor")
def test_announcements_are_flooded(pe: PipelineUnderTest) -> None:
    """Gratuitous requests and replies tell the other sites of a move (RFC 9161 §3.6)."""
    assert len(pe.frames(2, request(REMOTE, "10.0.10.99", "10.0.10.99"))) == 3
    reply = Ether(src=REMOTE, dst=BROADCAST) / ARP(op=2, hwsrc=REMOTE, psrc="10.0.10.99", pdst="10.0.10.99")
    assert len(pe.frames(2, reply)) == 3


@pytest.mark.usefixtures("neighbor")
def test_duplicate_address_detection_is_flooded(pe: PipelineUnderTest) -> None:
    """A machine that has just moved here must not hear of itself (RFC 5227 §2.1.1)."""
    assert len(pe.frames(2, request(REMOTE, "0.0.0.0", "10.0.10.99"))) == 3
    defended = _reply(GATEWAY, "10.0.10.1", HOST_B, "0.0.0.0")
    pe.expect(2, request(HOST_B, "0.0.0.0", "10.0.10.1"), (2, defended))


def test_unknown_target_is_flooded(pe: PipelineUnderTest) -> None:
    assert len(pe.frames(2, request(HOST_B, "10.0.10.12", "10.0.10.55"))) == 3


@pytest.mark.usefixtures("neighbor")
def test_peers_requests_are_for_the_owner_to_answer(pe: PipelineUnderTest) -> None:
    asked = request(REMOTE, "10.0.10.99", "10.0.10.11")
    sent = pe.frames(3, from_core(FLOOD_LABEL, payload=asked))
    assert [out.port for out in sent] == [1, 2]


@pytest.mark.parametrize("dst", [BROADCAST, GATEWAY])
def test_gateway_answers_broadcasts_and_probes(pe: PipelineUnderTest, dst: str) -> None:
    expected = _reply(GATEWAY, "10.0.10.1", HOST_B, "10.0.10.12")
    pe.expect(2, request(HOST_B, "10.0.10.12", "10.0.10.1", dst=dst), (2, expected))


@pytest.mark.parametrize("label", [FLOOD_LABEL, PW_LABEL])
def test_gateway_answers_across_the_core(pe: PipelineUnderTest, label: int) -> None:
    """One gateway for a VPLS: requests come flooded, the answer goes to where the MAC is."""
    asked = request(REMOTE, "10.0.10.99", "10.0.10.1")
    expected = to_core(PE2_SID, PE2_UNICAST, payload=_reply(GATEWAY, "10.0.10.1", REMOTE, "10.0.10.99"))
    pe.expect(3, from_core(label, payload=asked), (3, expected))


def test_gateway_of_another_domain_is_not_answered_for(pe: PipelineUnderTest) -> None:
    assert len(pe.frames(2, request(HOST_B, "10.0.10.12", "10.0.20.1"))) == 3


@pytest.mark.parametrize(
    ("arp", "reason"),
    [
        (ARP(op=1, psrc="10.0.10.12", pdst="10.0.10.55"), 1),
        (ARP(op=1, psrc="10.0.10.12", pdst="10.0.10.12"), 1),
        (ARP(op=2, psrc="10.0.10.12", pdst="10.0.10.12"), 1),
        (ARP(op=1, psrc="10.0.10.12", pdst="10.0.10.1"), 1),
        (ARP(op=3), 3),
    ],
    ids=["request", "gratuitous request", "gratuitous reply", "gateway", "rarp"],
)
def test_copies_for_the_controller(pe: PipelineUnderTest, arp: ARP, reason: int) -> None:
    sent = Ether(src=HOST_B, dst=BROADCAST, type=0x8035 if arp.op == 3 else 0x0806) / arp
    (report,) = pe.reports(2, sent)
    assert (report.reason, report.attachment, report.bridge_domain, report.ingress_port) == (
        reason,
        102,
        10,
        2,
    )
    assert report.drop_reason == 0
    assert bytes(report.payload) == bytes(sent)


def test_copy_of_a_tagged_request_is_as_received(pe: PipelineUnderTest) -> None:
    sent = request(HOST_A, "10.0.10.11", "10.0.10.1", vlan=10)
    (report,) = pe.reports(1, sent)
    assert bytes(report.payload) == bytes(sent)


def test_an_answer_to_a_pe_without_gateway_ends_there(pe: PipelineUnderTest) -> None:
    """As to an unknown MAC it would be flooded, and tell other sites' switches that its sender is here."""
    asker = "02:00:00:ff:ff:fe"
    answer = _reply(HOST_B, "10.0.10.12", asker, "0.0.0.0")
    assert len(pe.frames(2, answer)) == 3
    pe.add("mac_vrf", {"bridge_domain": 10, "mac": mac(asker)}, "route", vrf=0)
    assert pe.frames(2, answer) == []
    (report,) = pe.reports(2, answer)
    assert (report.reason, report.attachment) == (1, 102)
    assert pe.send(2, ping(HOST_B, asker, src="10.0.10.12", dst="10.0.10.1")) == []


def test_rarp_is_flooded(pe: PipelineUnderTest) -> None:
    """QEMU's announcement after a migration."""
    rarp = Ether(src=HOST_B, dst=BROADCAST, type=0x8035) / ARP(op=3, hwsrc=HOST_B, hwdst=HOST_B)
    assert len(pe.frames(2, rarp)) == 3


@pytest.mark.parametrize("tags", [0, 1, 2])
def test_a_request_that_calls_itself_rarp_is_not_answered(pe: PipelineUnderTest, tags: int) -> None:
    pe.add("attachment_port", {"port": 7}, "attach_bundle", ac=107, bridge_domain=10, split_horizon_group=0)
    pe.add("egress_circuit", {"ac": 107}, "send_transparent", split_horizon_group=0, blocked=0)
    for kind, ports in ((0x0806, [7]), (0x8035, [1, 2, 3, 3])):
        asked: Packet = Ether(src=HOST_B, dst=BROADCAST, type=0x8100 if tags else kind)
        for left in range(tags, 0, -1):
            asked /= Dot1Q(vlan=5, type=kind if left == 1 else 0x8100)
        asked /= ARP(op=1, hwsrc=HOST_B, psrc="10.0.10.12", pdst="10.0.10.1")
        assert [out.port for out in pe.frames(7, asked)] == ports


def test_no_copies_of_what_peers_send(pe: PipelineUnderTest) -> None:
    asked = from_core(FLOOD_LABEL, payload=request(REMOTE, "10.0.10.99", "10.0.10.55"))
    assert pe.reports(3, asked) == []
    asked = from_core(FLOOD_LABEL, payload=request(REMOTE, "10.0.10.99", "10.0.10.1"))
    (report,) = pe.reports(3, asked)
    assert (report.reason, report.attachment) == (1, 0), "but of what is for a gateway"
    asked = from_core(PW_LABEL, payload=request(REMOTE, "10.0.10.99", "10.0.10.55"))
    (report,) = pe.reports(3, asked)
    assert report.attachment == 900
