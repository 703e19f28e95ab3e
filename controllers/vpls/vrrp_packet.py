"""VRRP version 3 advertisements in Ethernet, over IPv4 and IPv6: frames to values and back (RFC 5798 §5)."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final, final

from msgspec import Struct

from controllers.pe.config import virtual_mac
from controllers.vpls.vrrp import Advertisement
from controllers.wire.types import IpAddress

PROTOCOL: Final = 112
TTL: Final = 255
_VERSION_AND_TYPE: Final = 0x31
_TRAFFIC_CLASS: Final = 0xC0
_VLAN: Final = 0x8100


@final
class _Carrier(Struct, frozen=True):
    """What differs between the IP versions: EtherType, group and its MAC, bytes of an address."""

    ethertype: int
    group: IpAddress
    group_mac: int
    size: int


_CARRIERS: Final = {
    4: _Carrier(0x0800, IPv4Address("224.0.0.18"), 0x01005E000012, 4),
    6: _Carrier(0x86DD, IPv6Address("ff02::12"), 0x333300000012, 16),
}


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
    source = advertisement.source
    carrier = _CARRIERS[source.version]
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
    pseudo = _pseudo_header(source.packed, carrier.group.packed, size)
    body = head + struct.pack("!H", checksum(pseudo + head + b"\0\0" + addresses)) + addresses
    mac = virtual_mac(advertisement.vrid, source.version)
    ethernet = carrier.group_mac.to_bytes(6, "big") + mac.to_bytes(6, "big")
    return ethernet + struct.pack("!H", carrier.ethertype) + _ip_header(source, carrier.group, size) + body


def _pseudo_header(source: bytes, group: bytes, size: int) -> bytes:
    """As RFC 5798 §5.2.8 and RFC 8200 §8.1 have it, but for zeros and order, which a sum does not show."""
    return source + group + struct.pack("!HH", PROTOCOL, size)


def _ip_header(source: IpAddress, group: IpAddress, size: int) -> bytes:
    if source.version == 6:
        first = 6 << 28 | _TRAFFIC_CLASS << 20
        return struct.pack("!IHBB", first, size, PROTOCOL, TTL) + source.packed + group.packed
    ip = struct.pack("!BBHHHBBH", 0x45, _TRAFFIC_CLASS, 20 + size, 0, 0, TTL, PROTOCOL, 0)
    ip += source.packed + group.packed
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]


def parse(data: bytes) -> Advertisement | None:
    """Read a frame (802.1Q tags skipped); None for whatever a router must discard (RFC 5798 §7.1)."""
    at = 12
    while data[at : at + 2] == _VLAN.to_bytes(2, "big"):
        at += 4
    ethertype, packet = int.from_bytes(data[at : at + 2], "big"), data[at + 2 :]
    if ethertype == _CARRIERS[4].ethertype:
        return _parse_ipv4(packet)
    if ethertype == _CARRIERS[6].ethertype:
        return _parse_ipv6(packet)
    return None


def _parse_ipv4(ip: bytes) -> Advertisement | None:
    header = (ip[0] & 0xF) * 4 if ip else 0
    if header < 20 or len(ip) < header or ip[0] >> 4 != 4 or checksum(ip[:header]):
        return None
    total = int.from_bytes(ip[2:4], "big")
    if ip[8] != TTL or ip[9] != PROTOCOL or total > len(ip):
        return None
    return _parse_body(_CARRIERS[4], ip[12:16], ip[16:20], ip[header:total])


def _parse_ipv6(ip: bytes) -> Advertisement | None:
    if len(ip) < 40 or ip[0] >> 4 != 6 or ip[6] != PROTOCOL or ip[7] != TTL:
        return None
    end = 40 + int.from_bytes(ip[4:6], "big")
    return None if end > len(ip) else _parse_body(_CARRIERS[6], ip[8:24], ip[24:40], ip[40:end])


def _parse_body(carrier: _Carrier, source: bytes, group: bytes, body: bytes) -> Advertisement | None:
    if group != carrier.group.packed or len(body) < 8 or body[0] != _VERSION_AND_TYPE or not body[1]:
        return None
    size, count = carrier.size, body[3]
    interval = (int.from_bytes(body[4:6], "big") & 0xFFF) / 100
    if not count or not interval:
        # RFC 9568 §7.1 with errata 8299 and 8301: at an interval of 0 a backup would take over at once.
        return None
    if len(body) != 8 + size * count or checksum(_pseudo_header(source, group, len(body)) + body):
        return None
    make = IPv4Address if size == 4 else IPv6Address
    addresses = tuple(make(body[8 + size * n : 8 + size * (n + 1)]) for n in range(count))
    return Advertisement(body[1], body[2], interval, addresses, make(source))
