"""Announcement frames, read by a decoder that nobody here wrote."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

from testbed.lab.announce import checksum, garp, neighbour_advertisement, rarp, schedule
from testbed.model.topology import Announce

MAC, IP, IP6 = "02:00:0a:00:0a:0b", IPv4Address("10.0.10.11"), IPv6Address("fd00:10::11")


def test_garp() -> None:
    frame = Ether(garp(MAC, IP))
    assert len(frame) == 60
    assert (frame.src, frame.dst) == (MAC, "ff:ff:ff:ff:ff:ff")
    arp = frame[ARP]
    assert (arp.op, arp.hwsrc, arp.psrc, arp.pdst) == (1, MAC, str(IP), str(IP))


def test_rarp() -> None:
    frame = Ether(rarp(MAC))
    assert (frame.type, len(frame)) == (0x8035, 60)
    arp = ARP(bytes(frame.payload))
    assert (arp.op, arp.hwsrc, arp.hwdst, arp.psrc, arp.pdst) == (3, MAC, MAC, "0.0.0.0", "0.0.0.0")


def test_neighbour_advertisement() -> None:
    data = neighbour_advertisement(MAC, IP6)
    frame = Ether(data)
    advertisement = frame[ICMPv6ND_NA]
    assert (frame.dst, frame[IPv6].dst, frame[IPv6].hlim) == ("33:33:00:00:00:01", "ff02::1", 255)
    assert (advertisement.tgt, advertisement.O, advertisement.S) == (str(IP6), 1, 0)
    assert frame[ICMPv6NDOptDstLLAddr].lladdr == MAC
    carried = advertisement.cksum
    del advertisement.cksum
    assert Ether(bytes(frame))[ICMPv6ND_NA].cksum == carried


@pytest.mark.parametrize(
    ("announce", "expected"),
    [
        (Announce.GARP, [(0.0, "garp"), (0.0, "na")]),
        (Announce.RARP, [(0.0, "rarp")]),
        (
            Announce.QEMU,
            [
                (0.0, "garp"),
                (0.0, "na"),
                (0.05, "garp"),
                (0.05, "na"),
                (0.111, "rarp"),
                (0.2, "garp"),
                (0.2, "na"),
            ],
        ),
        (Announce.NONE, []),
    ],
)
def test_schedule(announce: Announce, expected: list[tuple[float, str]]) -> None:
    frames = schedule(announce, MAC, IP, IP6)
    assert [(frame.after, frame.kind) for frame in frames] == expected


def test_no_neighbour_advertisement_without_ipv6() -> None:
    assert [frame.kind for frame in schedule(Announce.QEMU, MAC, IP)] == ["garp", "garp", "rarp", "garp"]


@given(st.binary(max_size=100))
def test_checksum_of_data_with_its_checksum_is_zero(data: bytes) -> None:
    data += bytes(len(data) % 2)
    assert checksum(data + checksum(data).to_bytes(2, "big")) == 0
