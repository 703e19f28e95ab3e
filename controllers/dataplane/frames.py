"""The frames a controller reads and writes itself: ARP, RARP and neighbour discovery in Ethernet.

MAC addresses are int. Parsing never raises: what is short, odd or of another kind gives None.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final, final

from msgspec import Struct

from controllers.pe.config import link_local
from controllers.pe.events import NeighborKind
from controllers.wire.types import IpAddress

BROADCAST: Final = 0xFFFFFFFFFFFF
_ARP, _RARP, _IPV6, _VLAN = 0x0806, 0x8035, 0x86DD, 0x8100
_TAGS: Final = (_VLAN, 0x88A8)
_LABELLED: Final = b"\x88\x47"
_ICMPV6, _SOLICITATION, _ADVERTISEMENT = 58, 135, 136
_SOURCE_LLA, _TARGET_LLA = 1, 2
_ALL_NODES: Final = IPv6Address("ff02::1")
_SOLICITED_NODE: Final = IPv6Network("ff02::1:ff00:0/104")
_BEHIND_CONTROL_WORD: Final = 3
_IP_VRF: Final = (4, 5)
"""The first 3 of the 20 bits of a service label: Ethernet behind a control word; IPv4 or IPv6."""


@final
class NeighborMessage(Struct, frozen=True):
    """An ARP message or a neighbour solicitation or advertisement."""

    kind: NeighborKind
    mac: int
    ip: IpAddress
    target: IpAddress
    router: bool = False
    override: bool = True


@final
class RarpMessage(Struct, frozen=True):
    """A reverse ARP request: `mac` asks for its own address, which announces it (RFC 903)."""

    mac: int


def parse(frame: bytes) -> NeighborMessage | RarpMessage | None:
    """What an Ethernet frame (its tags skipped) says about its sender, or None."""
    ethertype, body = _beneath_tags(frame)
    if ethertype in (_ARP, _RARP):
        return _parse_arp(body, ethertype)
    if ethertype == _IPV6:
        return _parse_nd(body, int.from_bytes(frame[6:12], "big"))
    return None


def destination(packet: bytes) -> IpAddress | None:
    """Where the IP packet in a punted packet goes, beneath labels and tags, or None."""
    kind, ip = _beneath(packet) if packet[12:14] == _LABELLED else (0, b"")
    if kind not in _IP_VRF:
        _, ip = _beneath_tags(customers(packet))
    if len(ip) >= 20 and ip[0] >> 4 == 4:
        return IPv4Address(ip[16:20])
    if len(ip) >= 40 and ip[0] >> 4 == 6:
        return IPv6Address(ip[24:40])
    return None


def customers(packet: bytes) -> bytes:
    """The customer's frame in a punted packet: beneath link and labels if it came from the core.

    The service label's high bits say whether a control word precedes it (docs/reference/data-plane.md).
    """
    if packet[12:14] != _LABELLED:
        return packet
    kind, frame = _beneath(packet)
    return frame[4:] if kind == _BEHIND_CONTROL_WORD else frame


def _beneath(packet: bytes) -> tuple[int, bytes]:
    """The first 3 bits of the label at the bottom of the stack, and what lies beneath it."""
    offset = 14
    while len(packet) > offset + 4 and not packet[offset + 2] & 1:
        offset += 4
    return int.from_bytes(packet[offset : offset + 1], "big") >> 5, packet[offset + 4 :]


def _beneath_tags(frame: bytes) -> tuple[int, bytes]:
    """The EtherType behind the tags of a frame, and what follows it."""
    offset = 12
    while (ethertype := int.from_bytes(frame[offset : offset + 2], "big")) in _TAGS:
        offset += 4
    return ethertype, frame[offset + 2 :]


def tagged(frame: bytes, vlan: int | None) -> bytes:
    """The frame with an 802.1Q tag; None leaves it untagged."""
    return frame if vlan is None else frame[:12] + struct.pack("!HH", _VLAN, vlan) + frame[12:]


def _parse_arp(body: bytes, ethertype: int) -> NeighborMessage | RarpMessage | None:
    if len(body) < 28 or body[:6] != b"\0\1\x08\0\6\4":
        return None
    operation = int.from_bytes(body[6:8], "big")
    mac = int.from_bytes(body[8:14], "big")
    if ethertype == _RARP:
        return RarpMessage(mac) if operation == 3 else None
    sender, target = IPv4Address(body[14:18]), IPv4Address(body[24:28])
    if operation not in (1, 2):
        return None
    if not int(sender):
        kind = NeighborKind.PROBE
    elif sender == target:
        kind = NeighborKind.GRATUITOUS
    else:
        kind = NeighborKind.REQUEST if operation == 1 else NeighborKind.REPLY
    return NeighborMessage(kind, mac, sender, target)


def _parse_nd(packet: bytes, source_mac: int) -> NeighborMessage | None:
    if len(packet) < 64 or packet[0] >> 4 != 6 or packet[6] != _ICMPV6 or packet[7] != 255:
        return None
    source, to = IPv6Address(packet[8:24]), IPv6Address(packet[24:40])
    message = packet[40 : 40 + int.from_bytes(packet[4:6], "big")]
    options = _nd_options(message[24:])
    if options is None or not _is_valid_nd(packet, message):
        return None
    target = IPv6Address(message[8:24])
    if message[0] == _SOLICITATION:
        if source.is_unspecified:
            alone = to in _SOLICITED_NODE and _SOURCE_LLA not in options
            return NeighborMessage(NeighborKind.PROBE, source_mac, source, target) if alone else None
        mac = options.get(_SOURCE_LLA) or source_mac
        return NeighborMessage(NeighborKind.REQUEST, mac, source, target)
    solicited = bool(message[4] & 0x40)
    if message[0] != _ADVERTISEMENT or (solicited and to.is_multicast):
        return None
    mac = options.get(_TARGET_LLA) or source_mac
    kind = NeighborKind.REPLY if solicited else NeighborKind.GRATUITOUS
    # RFC 4861 §7.2.4: the flag is 0 in one without the link-layer address, whatever the host is.
    override = bool(message[4] & 0x20) or _TARGET_LLA not in options
    return NeighborMessage(kind, mac, target, target, router=bool(message[4] & 0x80), override=override)


# RFC 4861 §7.1: hop limit 255 (checked before) proves that no router forwarded it.
def _is_valid_nd(packet: bytes, message: bytes) -> bool:
    whole = len(message) == int.from_bytes(packet[4:6], "big") >= 24
    return whole and message[1] == 0 and message[8] != 0xFF and _icmpv6_sum(packet[8:40], message) == 0xFFFF


def _nd_options(options: bytes) -> dict[int, int] | None:
    """The MACs in the options of an ND message by their type, or None where a length is wrong."""
    found: dict[int, int] = {}
    while options:
        size = 8 * options[1] if len(options) > 1 else 0
        if not 0 < size <= len(options):
            return None
        if size == 8:
            found.setdefault(options[0], int.from_bytes(options[2:8], "big"))
        options = options[size:]
    return found


def solicit(
    ip: IpAddress, source_mac: int, source_ip: IpAddress | None, destination_mac: int | None
) -> bytes:
    """An ARP request or neighbour solicitation for `ip`.

    `destination_mac` None asks everybody. `source_ip` None makes it an ARP probe that claims no address (RFC
    5227 §2.1), or a solicitation from the link-local address of `source_mac`: hosts discard one without a
    source that is for one of them (RFC 4861 §7.1.1), and give up an address that they are just making sure of
    when it is for the group (RFC 4862 §5.4.3).
    """
    if isinstance(ip, IPv4Address):
        sender = source_ip.packed if source_ip is not None else bytes(4)
        arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + _mac(source_mac) + sender + bytes(6) + ip.packed
        return _ethernet(BROADCAST if destination_mac is None else destination_mac, source_mac, _ARP, arp)
    group = IPv6Address(0xFF0200000000000000000001FF000000 | int(ip) & 0xFFFFFF)
    to = group if destination_mac is None else ip
    source = link_local(source_mac) if source_ip is None else IPv6Address(int(source_ip))
    options = bytes((_SOURCE_LLA, 1)) + _mac(source_mac)
    message = bytes((_SOLICITATION, 0, 0, 0)) + bytes(4) + ip.packed + options
    where = 0x333300000000 | int(group) & 0xFFFFFFFF if destination_mac is None else destination_mac
    return _icmpv6(source, to, where, source_mac, message)


def announcement(ip: IpAddress, mac: int) -> bytes:
    """What a router says of its address to everybody: a gratuitous ARP request (RFC 5227 §3), or an
    unsolicited advertisement with the flags R and O (RFC 4861 §7.2.6)."""
    if isinstance(ip, IPv4Address):
        arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + _mac(mac) + ip.packed + bytes(6) + ip.packed
        return _ethernet(BROADCAST, mac, _ARP, arp)
    option = bytes((_TARGET_LLA, 1)) + _mac(mac)
    message = bytes((_ADVERTISEMENT, 0, 0, 0, 0xA0, 0, 0, 0)) + ip.packed + option
    return _icmpv6(IPv6Address(int(ip)), _ALL_NODES, 0x333300000001, mac, message)


def _icmpv6(source: IPv6Address, to: IPv6Address, to_mac: int, source_mac: int, message: bytes) -> bytes:
    addresses = source.packed + to.packed
    checksum = ~_icmpv6_sum(addresses, message) & 0xFFFF
    message = message[:2] + checksum.to_bytes(2, "big") + message[4:]
    header = struct.pack("!IHBB", 6 << 28, len(message), _ICMPV6, 255) + addresses
    return _ethernet(to_mac, source_mac, _IPV6, header + message)


def _icmpv6_sum(addresses: bytes, message: bytes) -> int:
    """The one's complement sum over pseudo-header and message (RFC 4443 §2.3): of one with a right checksum,
    0xFFFF."""
    data = addresses + struct.pack("!II", len(message), _ICMPV6) + message + bytes(len(message) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _ethernet(destination: int, source: int, ethertype: int, body: bytes) -> bytes:
    frame = _mac(destination) + _mac(source) + ethertype.to_bytes(2, "big") + body
    return frame.ljust(60, b"\0")


def _mac(mac: int) -> bytes:
    return mac.to_bytes(6, "big")
