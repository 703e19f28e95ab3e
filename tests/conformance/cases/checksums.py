"""verify_checksum and update_checksum, with and without payload: v1model; packets made by scapy."""

from __future__ import annotations

from typing import Any

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from tests.conformance.case import Case, Send

GOOD, BAD = 2, 3
LINK = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")


def bytes_of(packet: Packet) -> str:
    """A packet as hexadecimal, its checksums computed."""
    return bytes(packet).hex()


def ip(ttl: int, dst: str = "10.0.0.2", **fields: Any) -> Packet:
    """An IPv4 header."""
    return LINK / IP(src="10.0.0.1", dst=dst, ttl=ttl, **fields)


def routed(rest: Packet, **fields: Any) -> Send:
    """A packet with correct checksums, and how it leaves."""
    return Send(1, bytes_of(ip(64, **fields) / rest), {GOOD: bytes_of(ip(63, **fields) / rest)})


ROUTER_ALERT = [b"\x94\x04\x00\x00"]

CASES = [
    Case(
        "ipv4",
        "A correct header is no checksum_error, and its checksum is computed anew.",
        (),
        (
            routed(Raw(b"payload")),
            routed(TCP(sport=1, dport=2) / Raw(b"x"), id=0xFFFF),
            routed(Raw(b""), tos=0x10, flags="DF"),
        ),
    ),
    Case(
        "ipv4-wrong",
        "A wrong checksum sets checksum_error and does not drop; it leaves correct.",
        (),
        (
            Send(
                1,
                bytes_of(ip(64, chksum=0x1234) / Raw(b"payload")),
                {BAD: bytes_of(ip(63) / Raw(b"payload"))},
            ),
        ),
    ),
    Case(
        "ipv4-options",
        "A varbit field of options is part of the checksum.",
        (),
        (
            routed(Raw(b"payload"), options=ROUTER_ALERT),
            Send(
                1,
                bytes_of(ip(64, options=ROUTER_ALERT, chksum=1) / Raw(b"payload")),
                {BAD: bytes_of(ip(63, options=ROUTER_ALERT) / Raw(b"payload"))},
            ),
        ),
    ),
    Case(
        "no-ip",
        "Where the condition is false nothing is verified or computed.",
        (),
        (Send(1, bytes_of(LINK / Raw(b"anything")), {GOOD: bytes_of(LINK / Raw(b"anything"))}),),
    ),
    Case(
        "udp-payload",
        "The payload is part of the checksum, of any length and evenness.",
        (),
        tuple(routed(UDP(sport=1000, dport=2000) / Raw(bytes(range(n)))) for n in (1, 2, 3, 100, 101)),
    ),
    Case(
        "udp-wrong",
        "One wrong byte in the payload is a checksum_error.",
        (),
        (
            Send(
                1,
                bytes_of(ip(64) / UDP(sport=1, dport=2) / Raw(b"right"))[:-2] + "00",
                {BAD: bytes_of(ip(63) / UDP(sport=1, dport=2) / Raw(b"righ\0"))},
            ),
        ),
    ),
    Case(
        "udp-without",
        "A UDP checksum of zero is left alone.",
        (),
        (routed(UDP(sport=1, dport=2, chksum=0) / Raw(b"no checksum")),),
    ),
    Case(
        "udp-rewritten",
        "The checksum is of the fields as they leave.",
        (),
        (
            Send(
                1,
                bytes_of(ip(64, tos=0xFF) / UDP(sport=1, dport=2) / Raw(b"rewritten")),
                {GOOD: bytes_of(ip(63, "10.11.12.13", tos=0xFF) / UDP(sport=1, dport=2) / Raw(b"rewritten"))},
            ),
        ),
    ),
]
