"""ARP, RARP and ND: agrees with Scapy, and no bytes make it raise."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import IP
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6NDOptUnknown,
    IPv6,
)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet

from controllers.dataplane.frames import (
    NeighborMessage,
    RarpMessage,
    announcement,
    customers,
    destination,
    parse,
    solicit,
    tagged,
)
from controllers.pe.config import link_local
from controllers.pe.events import NeighborKind

MAC, GUEST = 0x020000000001, "02:00:00:00:00:01"
A, B = IPv4Address("10.0.10.11"), IPv4Address("10.0.10.1")
A6, B6 = IPv6Address("fd00:0:0:10::11"), IPv6Address("fd00:0:0:10::1")


def arp(**fields: object) -> bytes:
    return bytes(Ether(src=GUEST, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=GUEST, **fields))


@pytest.mark.parametrize(
    ("frame", "kind", "ip"),
    [
        (arp(op=1, psrc=str(A), pdst=str(B)), NeighborKind.REQUEST, A),
        (arp(op=2, psrc=str(A), pdst=str(B)), NeighborKind.REPLY, A),
        (arp(op=1, psrc=str(A), pdst=str(A)), NeighborKind.GRATUITOUS, A),
        (arp(op=2, psrc=str(A), pdst=str(A)), NeighborKind.GRATUITOUS, A),
        (arp(op=1, psrc="0.0.0.0", pdst=str(A)), NeighborKind.PROBE, IPv4Address("0.0.0.0")),
        (
            bytes(Ether(src=GUEST) / Dot1Q(vlan=10) / ARP(hwsrc=GUEST, op=1, psrc=str(A), pdst=str(A))),
            NeighborKind.GRATUITOUS,
            A,
        ),
        (
            bytes(Ether(src=GUEST) / Dot1AD(vlan=10) / ARP(hwsrc=GUEST, op=2, psrc=str(A), pdst=str(B))),
            NeighborKind.REPLY,
            A,
        ),
        (
            bytes(
                Ether(src=GUEST)
                / IPv6(src=str(A6), hlim=255)
                / ICMPv6ND_NS(tgt=str(B6))
                / ICMPv6NDOptSrcLLAddr(lladdr=GUEST)
            ),
            NeighborKind.REQUEST,
            A6,
        ),
        (
            bytes(
                Ether(src=GUEST)
                / IPv6(src=str(A6), dst="ff02::1", hlim=255)
                / ICMPv6ND_NA(tgt=str(A6), S=0)
                / ICMPv6NDOptDstLLAddr(lladdr=GUEST)
            ),
            NeighborKind.GRATUITOUS,
            A6,
        ),
    ],
)
def test_what_scapy_writes_is_read(frame: bytes, kind: NeighborKind, ip: object) -> None:
    message = parse(frame)
    assert isinstance(message, NeighborMessage)
    assert (message.kind, message.mac, message.ip) == (kind, MAC, ip)


def test_rarp_request_names_its_mac_and_other_operations_nothing() -> None:
    assert parse(bytes(Ether(src=GUEST, type=0x8035) / ARP(op=3, hwsrc=GUEST, hwdst=GUEST))) == RarpMessage(
        MAC
    )
    assert parse(bytes(Ether(src=GUEST, type=0x8035) / ARP(op=4, hwsrc=GUEST, hwdst=GUEST))) is None


NS, NA, DAD = (
    Ether(src=GUEST, dst=GUEST) / IPv6(src=str(A6), dst=str(B6), hlim=255) / ICMPv6ND_NS(tgt=str(B6)),
    Ether(src=GUEST, dst=GUEST) / IPv6(src=str(A6), dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=str(A6), S=0),
    Ether(src=GUEST, dst=GUEST) / IPv6(src="::", dst="ff02::1:ff00:11", hlim=255) / ICMPv6ND_NS(tgt=str(A6)),
)
SOURCE_LLA, TARGET_LLA = ICMPv6NDOptSrcLLAddr(lladdr=GUEST), ICMPv6NDOptDstLLAddr(lladdr=GUEST)


def changed(packet: Packet, layer: type[Packet], **fields: object) -> bytes:
    """The packet with other fields in one layer, and the checksum that goes with them if it is not one."""
    packet = packet.copy()
    for name, value in fields.items():
        setattr(packet[layer], name, value)
    return bytes(packet)


def test_nd_as_it_should_be() -> None:
    kinds = [message.kind for message in map(parse, map(bytes, (NS, NA, DAD))) if message is not None]
    assert kinds == [NeighborKind.REQUEST, NeighborKind.GRATUITOUS, NeighborKind.PROBE]
    nonce = bytes(NS / SOURCE_LLA / ICMPv6NDOptUnknown(type=14, len=1, data=b"123456"))
    assert parse(nonce + bytes(10)) == NeighborMessage(NeighborKind.REQUEST, MAC, A6, B6)


def test_an_answer_to_one_says_nothing_of_the_override_flag() -> None:
    """Hosts leave out their link-layer address then, and the flag: it would change with each question."""
    for option, override in ((False, True), (True, False)):
        answer = changed(NA / TARGET_LLA if option else NA, ICMPv6ND_NA, R=0, O=0)
        assert parse(answer) == NeighborMessage(NeighborKind.GRATUITOUS, MAC, A6, A6, override=override)


@pytest.mark.parametrize(
    "frame",
    [
        changed(NS, IPv6, hlim=254),
        changed(NS, ICMPv6ND_NS, cksum=0x1234),
        changed(NA, ICMPv6ND_NA, cksum=0),
        changed(NS, ICMPv6ND_NS, code=1),
        changed(NS, ICMPv6ND_NS, tgt="ff02::1"),
        changed(NA, ICMPv6ND_NA, tgt="ff02::1"),
        changed(NA, ICMPv6ND_NA, S=1),
        changed(DAD, IPv6, dst=str(A6)),
        bytes(DAD / SOURCE_LLA),
        bytes(NS / ICMPv6NDOptUnknown(type=1, len=0, data=b"123456")),
        bytes(NS / ICMPv6NDOptUnknown(type=1, len=2, data=b"123456")),
        bytes(NS / SOURCE_LLA)[:-1],
        changed(NS, IPv6, plen=16),
        changed(NS, IPv6, version=5),
    ],
    ids=[
        "from beyond the link",
        "checksum of a solicitation",
        "checksum of an advertisement",
        "code",
        "solicitation of a group",
        "advertisement of a group",
        "answer to a group",
        "duplicate address detection not to the solicited-node group",
        "duplicate address detection with a link-layer address",
        "option of no length",
        "option that is cut off",
        "cut off",
        "too short for its header",
        "not IPv6",
    ],
)
def test_nd_that_is_not_valid_is_ignored(frame: bytes) -> None:
    """RFC 4861 §7.1."""
    assert parse(frame) is None


@given(
    st.integers(0, 2**48 - 1),
    st.ip_addresses(v=4),
    st.none() | st.ip_addresses(v=4),
    st.none() | st.just(MAC),
)
def test_arp_solicitations_are_what_scapy_reads(
    mac: int, ip: IPv4Address, source: IPv4Address | None, to: int | None
) -> None:
    packet = Ether(solicit(ip, mac, source, to))
    assert packet[ARP].op == 1
    assert packet[ARP].pdst == str(ip)
    assert packet[ARP].psrc == str(source or "0.0.0.0")
    assert packet.dst == ("ff:ff:ff:ff:ff:ff" if to is None else GUEST)


@given(st.ip_addresses(v=6), st.none() | st.just(A6), st.none() | st.just(MAC))
def test_neighbour_solicitations_have_the_right_checksum(
    ip: IPv6Address, source: IPv6Address | None, to: int | None
) -> None:
    packet = Ether(solicit(ip, MAC, source, to))
    said = packet[ICMPv6ND_NS].cksum
    del packet[ICMPv6ND_NS].cksum
    assert Ether(bytes(packet))[ICMPv6ND_NS].cksum == said
    assert IPv6Address(packet[ICMPv6ND_NS].tgt) == ip


@given(st.ip_addresses(v=6, network="2001:db8::/32"), st.none() | st.just(A6), st.none() | st.just(MAC))
def test_neighbour_solicitations_are_valid(
    ip: IPv6Address, source: IPv6Address | None, to: int | None
) -> None:
    """From the link-local address where there is no other: hosts discard a probe that is for one of them."""
    frame = solicit(ip, MAC, source, to)
    assert parse(frame) == NeighborMessage(NeighborKind.REQUEST, MAC, source or link_local(MAC), ip)
    assert to is None or frame[:6] == to.to_bytes(6, "big")


def test_destination_beneath_tags_and_labels() -> None:
    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    core = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=0x8847)
    labels = MPLS(label=16002, s=0) / MPLS(label=601201, s=1)
    assert destination(bytes(link / IP(dst=str(A)))) == A
    assert destination(bytes(link / Dot1Q(vlan=10) / IPv6(dst=str(A6)))) == A6
    assert destination(bytes(core / labels / IP(dst=str(A)))) == A
    for label, control_word in ((264001, b""), (437001, bytes(4))):
        labels = MPLS(label=16002, s=0) / MPLS(label=label, s=1) / control_word
        for tags in (link, link / Dot1Q(vlan=10), link / Dot1AD(vlan=9) / Dot1Q(vlan=10)):
            for packet, to in ((IP(dst=str(A)), A), (IPv6(dst=str(A6)), A6)):
                assert destination(bytes(core / labels / (tags / packet))) == to
    assert destination(arp(op=1, psrc=str(A), pdst=str(B))) is None


@given(st.integers(1, 4094))
def test_tagged(vlan: int) -> None:
    frame = arp(op=1, psrc=str(A), pdst=str(B))
    assert Ether(tagged(frame, vlan))[Dot1Q].vlan == vlan
    assert tagged(frame, None) == frame


@given(st.binary(max_size=120))
def test_no_bytes_raise(frame: bytes) -> None:
    parse(frame)
    destination(frame)


@given(
    st.binary(max_size=100),
    st.sampled_from([b"\x08\x06", b"\x80\x35", b"\x86\xdd", b"\x81\x00", b"\x88\x47"]),
)
def test_no_body_of_a_known_kind_raises(body: bytes, ethertype: bytes) -> None:
    parse(bytes(12) + ethertype + body)
    destination(bytes(12) + ethertype + body)


@pytest.mark.parametrize(
    ("labels", "control_word"),
    [((), b""), ((264001,), b""), ((3, 264001), b""), ((437001,), bytes(4))],
    ids=["circuit", "pseudo-wire", "explicit null above", "control word"],
)
def test_the_customers_frame_in_what_was_punted(labels: tuple[int, ...], control_word: bytes) -> None:
    frame = arp(op=1, psrc=str(A), pdst=str(A))
    stack = b"".join(
        bytes(MPLS(label=label, s=number == len(labels), ttl=64)) for number, label in enumerate(labels, 1)
    )
    link = bytes(Ether(src=GUEST, dst=GUEST, type=0x8847)) if labels else b""
    assert customers(link + stack + control_word + frame) == frame


@given(st.binary(max_size=80))
def test_no_packet_makes_it_raise(packet: bytes) -> None:
    customers(packet)
    customers(packet[:12] + b"\x88\x47" + packet[14:])


def test_a_router_announces_its_address() -> None:
    arp_seen = Ether(announcement(A, MAC))
    assert (arp_seen[ARP].op, arp_seen[ARP].psrc, arp_seen[ARP].pdst) == (1, str(A), str(A))
    nd_seen = Ether(announcement(A6, MAC))
    checksum = nd_seen[ICMPv6ND_NA].cksum
    del nd_seen[ICMPv6ND_NA].cksum
    again = Ether(bytes(nd_seen))[ICMPv6ND_NA]
    assert (again.cksum, again.tgt, again.R, again.O, again.S) == (checksum, str(A6), 1, 1, 0)
    for ip in (A, A6):
        seen = parse(announcement(ip, MAC))
        assert isinstance(seen, NeighborMessage)
        assert (seen.kind, seen.mac, seen.ip) == (NeighborKind.GRATUITOUS, MAC, ip)
