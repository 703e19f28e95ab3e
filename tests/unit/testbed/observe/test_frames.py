"""Packets are known again beneath whatever the network puts on them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from testbed.observe.frames import Flow, dissect
from testbed.observe.stamp import PROBE, PROBE_MAGIC

ETHER = Ether(src="02:00:0a:00:0a:0b", dst="00:00:5e:00:01:0a")
OUTER = Ether(src="0a:00:00:01:00:01", dst="0a:00:00:65:00:01")
PROBE_PACKET = (
    IP(src="10.0.40.10", dst="10.0.10.11", id=77)
    / UDP(sport=7, dport=9)
    / Raw(PROBE.pack(PROBE_MAGIC, 1, 42, 5))
)


def stack(*labels: int) -> Packet:
    """Labels, outermost first."""
    packet = MPLS(label=labels[0], s=int(len(labels) == 1), ttl=60)
    return packet / stack(*labels[1:]) if labels[1:] else packet


def raw(*layers: Packet | bytes) -> bytes:
    """Layers put together without scapy's guesses about what follows an MPLS stack."""
    return b"".join(bytes(layer) for layer in layers)


ENVELOPES = {
    "plain": (raw(ETHER / PROBE_PACKET), (), ()),
    "tagged": (raw(ETHER / Dot1Q(vlan=10) / PROBE_PACKET), (), (10,)),
    "double tagged": (raw(ETHER / Dot1Q(vlan=5) / Dot1Q(vlan=10) / PROBE_PACKET), (), (5, 10)),
    "l3 label": (raw(OUTER / stack(16002, 122001), PROBE_PACKET), (16002, 122001), ()),
    "l2 label": (raw(OUTER / stack(16002, 120001), ETHER / PROBE_PACKET), (16002, 120001), ()),
    "popped": (raw(OUTER / stack(120001), ETHER / Dot1Q(vlan=10) / PROBE_PACKET), (120001,), (10,)),
    "control word": (raw(OUTER / stack(120001), bytes(4), ETHER / PROBE_PACKET), (120001,), ()),
    "five labels": (raw(OUTER / stack(1, 2, 3, 4, 5), ETHER / PROBE_PACKET), (1, 2, 3, 4, 5), ()),
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_identity_survives_every_envelope(name: str) -> None:
    data, labels, vlans = ENVELOPES[name]
    if "label" in name or name in ("popped", "control word"):
        data = data[:12] + b"\x88\x47" + data[14:]
    frame = dissect(data)
    assert frame
    assert (frame.labels, frame.vlans, frame.ttl) == (labels, vlans, 64)
    assert frame.packet.flow == Flow("10.0.40.10", "10.0.10.11", "udp", 7, 9)
    assert (frame.packet.sequence, frame.packet.ip_id) == (42, 77)
    plain = dissect(ENVELOPES["plain"][0])
    assert plain
    assert frame.packet == plain.packet


def test_routers_change_neither_identity_nor_flow() -> None:
    routed = PROBE_PACKET.copy()
    routed.ttl = 62
    one, two = dissect(raw(ETHER / PROBE_PACKET)), dissect(raw(ETHER / routed))
    assert one
    assert two
    assert one.packet == two.packet
    assert two.ttl == 62


@pytest.mark.parametrize("mac", ["40:00:00:00:00:01", "60:00:00:00:00:01", "45:00:00:1c:00:01"])
def test_a_mac_that_looks_like_ip_is_still_a_mac(mac: str) -> None:
    data = raw(OUTER / stack(120001), Ether(dst=mac, src="02:00:00:00:00:01") / PROBE_PACKET)
    data = data[:12] + b"\x88\x47" + data[14:]
    frame = dissect(data)
    if not mac.startswith("6"):
        assert frame
        assert frame.packet.sequence == 42


@pytest.mark.parametrize(
    ("packet", "flow", "sequence"),
    [
        (
            IP(src="1.1.1.1", dst="2.2.2.2") / ICMP(type=8, id=3, seq=9),
            Flow("1.1.1.1", "2.2.2.2", "icmp", 8, 3),
            9,
        ),
        (
            IP(src="1.1.1.1", dst="2.2.2.2") / ICMP(type=11) / Raw(b"x"),
            Flow("1.1.1.1", "2.2.2.2", "icmp", 11),
            0,
        ),
        (
            IP(src="1.1.1.1", dst="2.2.2.2") / TCP(sport=1, dport=2, seq=3),
            Flow("1.1.1.1", "2.2.2.2", "tcp", 1, 2),
            3,
        ),
        (
            IPv6(src="fd00::1", dst="fd00::2") / ICMPv6EchoRequest(id=4, seq=5),
            Flow("fd00::1", "fd00::2", "icmp6", 128, 4),
            5,
        ),
        (IP(src="1.1.1.1", dst="2.2.2.2", proto=89) / Raw(b"hello"), Flow("1.1.1.1", "2.2.2.2", "89"), 0),
        (
            IP(src="1.1.1.1", dst="2.2.2.2", proto=17, frag=10) / Raw(b"rest"),
            Flow("1.1.1.1", "2.2.2.2", "udp"),
            0,
        ),
        (ARP(op=1, psrc="10.0.10.11", pdst="10.0.10.1"), Flow("10.0.10.11", "10.0.10.1", "arp", 1), 0),
    ],
)
def test_flows(packet: Packet, flow: Flow, sequence: int) -> None:
    frame = dissect(raw(ETHER / packet))
    assert frame
    assert (frame.packet.flow, frame.packet.sequence) == (flow, sequence)


@given(st.binary(max_size=120))
def test_any_bytes_are_a_frame_or_none(data: bytes) -> None:
    dissect(data)


@given(st.data())
def test_any_frame_cut_short_is_a_frame_or_none(data: st.DataObject) -> None:
    whole, _, _ = ENVELOPES[data.draw(st.sampled_from(sorted(ENVELOPES)))]
    dissect(whole[: data.draw(st.integers(0, len(whole)))])
