"""VRRP version 3 advertisements over IPv4 in Ethernet: frames to values and back (RFC 5798 §5)."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address
from typing import Final

from controllers.pe.config import virtual_mac
from controllers.vpls.vrrp import Advertisement

GROUP: Final = IPv4Address("224.0.0.18")
GROUP_MAC: Final = 0x01005E000012
PROTOCOL: Final = 112
TTL: Final = 255
_VERSION_AND_TYPE: Final = 0x31
_ETHERTYPE_IPV4: Final = 0x0800
_VLAN: Final = 0x8100


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(advertisement: Advertisement) -> bytes:
    """Write an advertisement as an untagged frame from the virtual MAC: bridges learn by it where that is."""
    source = advertisement.source.packed
    addresses = b"".join(address.packed for address in advertisement.addresses)
    head = struct.pack(
        "!BBBBH",
        _VERSION_AND_TYPE,
        advertisement.vrid,
        advertisement.priority,
        len(advertisement.addresses),
        round(advertisement.interval * 100) & 0xFFF,
    )
    size = len(head) + 2 + len(addresses)
    pseudo = source + GROUP.packed + struct.pack("!BBH", 0, PROTOCOL, size)
    body = head + struct.pack("!H", checksum(pseudo + head + b"\0\0" + addresses)) + addresses
    ip = struct.pack("!BBHHHBBH", 0x45, 0xC0, 20 + size, 0, 0, TTL, PROTOCOL, 0) + source + GROUP.packed
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    ethernet = GROUP_MAC.to_bytes(6, "big") + virtual_mac(advertisement.vrid).to_bytes(6, "big")
    return ethernet + struct.pack("!H", _ETHERTYPE_IPV4) + ip + body


def parse(data: bytes) -> Advertisement | None:
    """Read a frame (802.1Q tags skipped); None for whatever a router must discard (RFC 5798 §7.1)."""
    at = 12
    while data[at : at + 2] == _VLAN.to_bytes(2, "big"):
        at += 4
    if data[at : at + 2] != _ETHERTYPE_IPV4.to_bytes(2, "big"):
        return None
    ip = data[at + 2 :]
    header = (ip[0] & 0xF) * 4 if ip else 0
    if header < 20 or len(ip) < header or ip[0] >> 4 != 4 or checksum(ip[:header]):
        return None
    total = int.from_bytes(ip[2:4], "big")
    body = ip[header:total]
    if ip[8] != TTL or ip[9] != PROTOCOL or ip[16:20] != GROUP.packed or len(body) < 8 or total > len(ip):
        return None
    pseudo = ip[12:20] + struct.pack("!BBH", 0, PROTOCOL, len(body))
    count = body[3]
    if body[0] != _VERSION_AND_TYPE or not body[1] or len(body) != 8 + 4 * count or checksum(pseudo + body):
        return None
    addresses = tuple(IPv4Address(body[8 + 4 * n : 12 + 4 * n]) for n in range(count))
    interval = (int.from_bytes(body[4:6], "big") & 0xFFF) / 100
    return Advertisement(body[1], body[2], interval, addresses, IPv4Address(ip[12:16]))
