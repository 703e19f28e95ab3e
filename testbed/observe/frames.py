"""What a frame is, beneath all tags and labels that the network puts on it. Pure, and total for any bytes.

A packet keeps its identity from the sender's wire to the receiver's, whatever is pushed, swapped or popped:
flow, IP identification and the first bytes of the transport segment, none of which a router may change.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import final

from testbed.observe.stamp import PROBE, PROBE_MAGIC

_VLAN_TAGS = (0x8100, 0x88A8)
_MPLS = (0x8847, 0x8848)
_IPV4, _IPV6, _ARP, _RARP = 0x0800, 0x86DD, 0x0806, 0x8035
_SEGMENT = 32
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6"}
_ECHOES = {("icmp", 8), ("icmp", 0), ("icmp6", 128), ("icmp6", 129)}


@final
@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """One direction of a conversation. For ICMP echoes the ports are type and identifier."""

    source: str
    destination: str
    protocol: str
    """udp, tcp, icmp, icmp6, arp, rarp or the IP protocol's number."""
    source_port: int = 0
    destination_port: int = 0

    def __str__(self) -> str:
        ports = f" {self.source_port}>{self.destination_port}" if self.protocol in ("udp", "tcp") else ""
        return f"{self.protocol} {self.source} > {self.destination}{ports}"


@final
@dataclass(frozen=True, slots=True, order=True)
class PacketId:
    """One packet of a flow, the same at every hop."""

    flow: Flow
    sequence: int
    """The probe's, ICMP's or TCP's own; 0 where there is none."""
    ip_id: int
    digest: int
    """CRC-32 of the first 32 bytes of the transport segment."""

    def __str__(self) -> str:
        return f"{self.flow} #{self.sequence}"


@final
@dataclass(frozen=True, slots=True)
class Frame:
    """A frame, taken apart."""

    labels: tuple[int, ...]
    """MPLS label values, outermost first."""
    vlans: tuple[int, ...]
    """VLANs outside of the labels, then those beneath them."""
    packet: PacketId
    ttl: int
    """Of the innermost IP header; 0 for ARP."""


def dissect(frame: bytes) -> Frame | None:
    """Take a frame apart; None if there is no IP, ARP or RARP packet whole enough to be known again."""
    try:
        return _dissect(frame)
    except (struct.error, IndexError):
        return None


def _dissect(frame: bytes) -> Frame | None:
    kind, vlans, offset = _ethernet(frame, 0)
    labels: list[int] = []
    if kind in _MPLS:
        offset = _labels(frame, offset, labels)
        if not _is_ip(frame, offset):
            if frame[offset : offset + 4] == bytes(4):  # a control word (RFC 4385), for our MACs are not null
                offset += 4
            kind, inner, offset = _ethernet(frame, offset)
            vlans += inner
        else:
            kind = _IPV4 if frame[offset] >> 4 == 4 else _IPV6
    found = _network(frame, kind, offset)
    return Frame(tuple(labels), tuple(vlans), *found) if found else None


def _ethernet(frame: bytes, offset: int) -> tuple[int, list[int], int]:
    """EtherType, VLANs and offset of what follows the Ethernet header at `offset`."""
    (kind,) = struct.unpack_from("!H", frame, offset + 12)
    vlans = []
    offset += 14
    while kind in _VLAN_TAGS:
        tci, kind = struct.unpack_from("!HH", frame, offset)
        vlans.append(tci & 0xFFF)
        offset += 4
    return kind, vlans, offset


def _labels(frame: bytes, offset: int, labels: list[int]) -> int:
    """Read a label stack into `labels`; offset of what follows its bottom (RFC 3032)."""
    while True:
        (entry,) = struct.unpack_from("!I", frame, offset)
        labels.append(entry >> 12)
        offset += 4
        if entry & 0x100:
            return offset


def _is_ip(frame: bytes, offset: int) -> bool:
    """Is this an IP header, rather than a MAC that starts like one? Lengths and checksum tell."""
    match frame[offset] >> 4:
        case 4:
            header = (frame[offset] & 0xF) * 4
            words = struct.unpack_from(f"!{header // 2}H", frame, offset)
            total = sum(words)
            folded = (total & 0xFFFF) + (total >> 16)
            return header >= 20 and (folded & 0xFFFF) + (folded >> 16) == 0xFFFF
        case 6:
            (length,) = struct.unpack_from("!H", frame, offset + 4)
            return length <= len(frame) - offset - 40 or len(frame) - offset > 40
    return False


def _network(frame: bytes, kind: int, offset: int) -> tuple[PacketId, int] | None:
    """Identity and TTL of the packet at `offset`."""
    if kind == _IPV4:
        first, total, ip_id, fragment, ttl, number = struct.unpack_from("!BxHHHBB", frame, offset)
        source, destination = map(IPv4Address, struct.unpack_from("!4s4s", frame, offset + 12))
        segment = frame[offset + (first & 0xF) * 4 : offset + total]
        ends = str(source), str(destination)
        return _transport(ends, number, segment, ip_id, first_fragment=not fragment & 0x1FFF), ttl
    if kind == _IPV6:
        length, number, ttl = struct.unpack_from("!HBB", frame, offset + 4)
        source6, destination6 = map(IPv6Address, struct.unpack_from("!16s16s", frame, offset + 8))
        segment = frame[offset + 40 : offset + 40 + length]
        return _transport((str(source6), str(destination6)), number, segment, 0, first_fragment=True), ttl
    if kind in (_ARP, _RARP):
        operation, sender_mac, sender, _, target = struct.unpack_from("!H6s4s6s4s", frame, offset + 6)
        name = "arp" if kind == _ARP else "rarp"
        flow = Flow(str(IPv4Address(sender)), str(IPv4Address(target)), name, operation)
        return PacketId(flow, 0, 0, zlib.crc32(sender_mac)), 0
    return None


def _transport(
    ends: tuple[str, str], number: int, segment: bytes, ip_id: int, *, first_fragment: bool
) -> PacketId:
    protocol = _PROTOCOLS.get(number, str(number))
    ports, sequence = (0, 0), 0
    if first_fragment and protocol in ("udp", "tcp"):
        ports = struct.unpack_from("!HH", segment)
        sequence = _sequence(protocol, segment)
    elif first_fragment and protocol in ("icmp", "icmp6"):
        kind, identifier, number = struct.unpack_from("!BxxxHH", segment)
        ports, sequence = ((kind, identifier), number) if (protocol, kind) in _ECHOES else ((kind, 0), 0)
    return PacketId(Flow(*ends, protocol, *ports), sequence, ip_id, zlib.crc32(segment[:_SEGMENT]))


def _sequence(protocol: str, segment: bytes) -> int:
    if protocol == "tcp":
        return int(struct.unpack_from("!I", segment, 4)[0])
    if segment[8:12] == PROBE_MAGIC and len(segment) >= 8 + PROBE.size:
        return int(PROBE.unpack_from(segment, 8)[2])
    return 0
