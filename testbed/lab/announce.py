"""How a hypervisor tells the network where a guest is now: the frames, and when each is sent. Pure.

GARP: RFC 5944 section 4.6 (a gratuitous ARP request). RARP: RFC 903. Unsolicited neighbour advertisement:
RFC 4861 section 7.2.6. The `qemu` schedule is the one seen of QEMU's self-announcement.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import final

from testbed.model.topology import Announce

MIN_FRAME = 60
_TIMES: dict[Announce, tuple[tuple[float, ...], tuple[float, ...]]] = {
    Announce.GARP: ((0.0,), ()),
    Announce.RARP: ((), (0.0,)),
    Announce.QEMU: ((0.0, 0.050, 0.200), (0.111,)),
    Announce.NONE: ((), ()),
}
"""When GARPs and when RARPs are sent, seconds after the guest resumed."""

_BROADCAST = b"\xff" * 6
_ALL_NODES = IPv6Address("ff02::1")


@final
@dataclass(frozen=True, slots=True)
class Announcement:
    """A frame to send, `after` seconds after the guest resumed."""

    after: float
    kind: str
    """garp, rarp or na."""
    frame: bytes


def schedule(
    announce: Announce, mac: str, address: IPv4Address, address6: IPv6Address | None = None
) -> tuple[Announcement, ...]:
    """All frames for a guest, in the order of sending; a neighbour advertisement goes with every GARP."""
    garps, rarps = _TIMES[announce]
    frames = [Announcement(after, "garp", garp(mac, address)) for after in garps]
    if address6:
        frames += [Announcement(after, "na", neighbour_advertisement(mac, address6)) for after in garps]
    frames += [Announcement(after, "rarp", rarp(mac)) for after in rarps]
    return tuple(sorted(frames, key=lambda frame: frame.after))


def garp(mac: str, address: IPv4Address) -> bytes:
    """A gratuitous ARP request: sender and target address are the guest's."""
    hardware = _octets(mac)
    header = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    arp = header + hardware + address.packed + bytes(6) + address.packed
    return _padded(_BROADCAST + hardware + b"\x08\x06" + arp)


def rarp(mac: str) -> bytes:
    """A reverse ARP request, which names the MAC and no address."""
    hardware = _octets(mac)
    header = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 3)
    return _padded(_BROADCAST + hardware + b"\x80\x35" + header + (hardware + bytes(4)) * 2)


def neighbour_advertisement(mac: str, address: IPv6Address) -> bytes:
    """An unsolicited neighbour advertisement to all nodes, with the override flag."""
    hardware = _octets(mac)
    override = 0x20000000
    body = struct.pack("!BBHI", 136, 0, 0, override) + address.packed + b"\x02\x01" + hardware
    pseudo = address.packed + _ALL_NODES.packed + struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    header = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + address.packed + _ALL_NODES.packed
    return b"\x33\x33\x00\x00\x00\x01" + hardware + b"\x86\xdd" + header + body


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _octets(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def _padded(frame: bytes) -> bytes:
    return frame + bytes(max(0, MIN_FRAME - len(frame)))
