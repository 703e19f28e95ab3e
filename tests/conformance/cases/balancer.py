"""Firewall with Bloom filters, load balancing by hash, marking: in the style of teaching material."""

from __future__ import annotations

from typing import Any

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from tests.conformance.case import Case, Send, act, entry
from tests.conformance.cases.hashing import crc16

INSIDE, OUTSIDE = "10.0.1.1", "10.0.3.3"
VIRTUAL = "10.0.0.1"
SERVERS = (("10.0.2.2", 0x202, 2), ("10.0.3.3", 0x303, 3))
LINK = Ether(dst="00:00:00:00:01:01", src="00:00:00:00:01:02")


def ip(
    src: str, dst: str, rest: Packet, *, link: Packet = LINK, ttl: int = 64, tos: int = 0, **more: Any
) -> str:
    """An IPv4 packet as hexadecimal."""
    return bytes(link / IP(src=src, dst=dst, ttl=ttl, tos=tos, **more) / rest).hex()


def number(address: str) -> int:
    """An IPv4 address as a number."""
    return int.from_bytes(map(int, address.split(".")))


def tcp(sport: int, dport: int, flags: str) -> Packet:
    """A segment whose checksum does not depend on the addresses, which the program does not correct."""
    return TCP(sport=sport, dport=dport, flags=flags, chksum=0x1111) / Raw(b"data")


def through(port_in: int, port: int, src: str, dst: str, rest: Packet, dscp: int) -> Send:
    """A packet that the switch forwards, marked."""
    return Send(port_in, ip(src, dst, rest), {port: ip(src, dst, rest, tos=dscp << 2)})


def balanced(sport: int) -> Send:
    """A connection to the virtual address, which goes to the server that CRC-16 chooses."""
    segment = tcp(sport, 80, "S")
    fields = bytes([10, 0, 1, 1, 10, 0, 0, 1, 6]) + sport.to_bytes(2) + (80).to_bytes(2)
    address, mac, port = SERVERS[crc16(fields) % 2]
    link = Ether(dst=f"00:00:00:00:{mac >> 8:02x}:{mac & 255:02x}", src=LINK.src)
    return Send(
        1,
        ip(INSIDE, VIRTUAL, segment),
        {port: ip(INSIDE, address, segment, link=link, ttl=63, tos=44 << 2)},
    )


FORWARD = (
    entry("group", {"hdr.ipv4.dst": "10.0.1.0/24"}, act("forward", port=1)),
    entry("group", {"hdr.ipv4.dst": "10.0.3.0/24"}, act("forward", port=3)),
)
FIREWALL = (
    entry("check_ports", {"standard_metadata.ingress_port": 1, "standard_metadata.egress_spec": 3},
          act("set_direction", dir=0)),
    entry("check_ports", {"standard_metadata.ingress_port": 3, "standard_metadata.egress_spec": 1},
          act("set_direction", dir=1)),
)  # fmt: skip
BALANCER = (
    entry("group", {"hdr.ipv4.dst": f"{VIRTUAL}/32"}, act("choose", base=0, count=2)),
    *(
        entry(
            "next_hop",
            {"meta.choice": n},
            act("send", mac=mac, address=int.from_bytes(map(int, a.split("."))), port=p),
        )
        for n, (a, mac, p) in enumerate(SERVERS)
    ),
)
SYN, REPLY, OTHER = tcp(1000, 80, "S"), tcp(80, 1000, "SA"), tcp(80, 1001, "SA")

CASES = [
    Case(
        "marking",
        "Packets are marked by protocol, and keep their ECN bits' place.",
        FORWARD,
        (
            through(2, 3, INSIDE, OUTSIDE, UDP(sport=1, dport=2, chksum=0) / Raw(b"x"), 46),
            through(2, 3, INSIDE, OUTSIDE, tcp(1, 2, "A"), 44),
            through(2, 3, INSIDE, OUTSIDE, ICMP() / Raw(b"ping"), 0),
        ),
    ),
    Case(
        "wrong-checksum",
        "A wrong header checksum drops, as do other protocols.",
        FORWARD,
        (
            Send(2, ip(INSIDE, OUTSIDE, tcp(1, 2, "A"), chksum=1)),
            Send(2, bytes(Ether(dst=LINK.dst, src=LINK.src, type=0x86DD) / Raw(b"not IPv4")).hex()),
        ),
    ),
    Case(
        "firewall",
        "A reply passes once the connection was opened from inside, and no other does.",
        FORWARD + FIREWALL,
        (
            Send(3, ip(OUTSIDE, INSIDE, REPLY)),
            through(1, 3, INSIDE, OUTSIDE, SYN, 44),
            through(3, 1, OUTSIDE, INSIDE, REPLY, 44),
            Send(3, ip(OUTSIDE, INSIDE, OTHER)),
            through(1, 3, INSIDE, OUTSIDE, tcp(1001, 80, "A"), 44),
            Send(3, ip(OUTSIDE, INSIDE, OTHER)),
            through(1, 3, INSIDE, OUTSIDE, tcp(1001, 80, "S"), 44),
            through(3, 1, OUTSIDE, INSIDE, OTHER, 44),
        ),
    ),
    Case(
        "firewall-off",
        "Ports without a direction are not looked at.",
        FORWARD,
        (through(3, 1, OUTSIDE, INSIDE, REPLY, 44),),
    ),
    Case(
        "balancing",
        "A hash of the five-tuple chooses the server.",
        BALANCER,
        tuple(balanced(sport) for sport in range(1000, 1012)),
    ),
    Case(
        "egress-table",
        "The egress table rewrites, or drops.",
        (
            *FORWARD,
            entry("send_frame", {"standard_metadata.egress_port": 3}, act("rewrite", mac=0xAABBCCDDEEFF)),
            entry("send_frame", {"standard_metadata.egress_port": 1}, act("drop")),
        ),
        (
            Send(
                2,
                ip(INSIDE, OUTSIDE, ICMP()),
                {3: ip(INSIDE, OUTSIDE, ICMP(), link=Ether(dst=LINK.dst, src="aa:bb:cc:dd:ee:ff"))},
            ),
            Send(2, ip(OUTSIDE, INSIDE, ICMP())),
        ),
    ),
]
