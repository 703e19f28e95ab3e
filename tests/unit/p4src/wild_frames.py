"""Frames by chance: sound ones, and such as no sender in its right mind makes.

Numbers are drawn from those that mean something to the switches of the tests. Most frames are right in most
fields, so that they get far enough to go wrong.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address
from random import Random

from tests.unit.p4src import provider_edge as edge

_MACS = [edge.HOST_A, edge.HOST_B, edge.HOST_C, edge.REMOTE, edge.BROADCAST]
_ODD_MACS = [
    "01:00:5e:01:02:03",
    "33:33:00:00:00:01",
    "02:00:00:00:0e:01",
    "46:00:00:00:0e:01",
    edge.CORE_MAC,
]
_IPV4 = ["10.0.10.11", "10.0.10.12", "10.0.20.13", "10.0.30.9", "10.0.10.1", "10.0.20.77"]
_ODD_IPV4 = ["127.0.0.1", "169.254.0.9", "224.0.0.18", "192.0.2.1"]
_IPV6 = ["2001:db8:10::11", "2001:db8:20::13", "2001:db8:30::9", "2001:db8:10::1"]
_ODD_IPV6 = ["fe80::1", "ff02::1", "ff02::12", "::"]
_ABOVE = [(), (edge.OWN_SID,), (edge.PE2_SID,), (0,), (2,), (7, 0x12345), (edge.OWN_SID, 7, 0x12345), (16,)]
_ETHERNET = [(edge.UNICAST_LABEL,), (edge.FLOOD_LABEL,), (edge.PW_LABEL,), (edge.FLOOD_LABEL, 0xC0001)]
_ANY_LABEL = [
    0,
    1,
    3,
    7,
    13,
    16,
    edge.OWN_SID,
    edge.UNICAST_LABEL,
    edge.VRF_LABEL,
    0x60010,
    0x8000A,
    0xC0099,
    0xFFFFF,
]


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class WildFrames(Random):
    """A source of frames; the same ones for the same seed."""

    def customers(self, *usual: int) -> bytes:
        """Ethernet with the usual tags, or up to four of others."""
        kinds = (self._ipv4, self._ipv4, self._ipv6, self._arp, self._other)
        kind, data = self.choice(kinds)()
        tags = b""
        vlans = usual if self.random() < 0.7 else self.choices([10, 20, 0, 4095], k=self.randint(0, 4))
        for vlan in vlans:
            tags += struct.pack(
                "!HH", self.choice([0x8100, 0x8100, 0x8100, 0x88A8]), self.choice([0, 0x6000]) | vlan
            )
        macs = [self.choice(_MACS if self.random() < 0.9 else _ODD_MACS) for _ in range(2)]
        if self.random() < 0.4:
            macs[0] = edge.GATEWAY
        return bytes.fromhex("".join(macs).replace(":", "")) + tags + kind.to_bytes(2) + data

    def from_core(self) -> bytes:
        """A label stack over what belongs there, or over anything."""
        above, roll = self.choice(_ABOVE), self.random()
        if roll < 0.4:
            labels, inner = (*above, *self.choice(_ETHERNET)), self.customers()
        elif roll < 0.5:
            labels, inner = (*above, 0x60010), bytes(4) + self.customers()
        elif roll < 0.6:
            labels, inner = above or (16,), self.choice((self._ipv4, self._ipv6))()[1]
        elif roll < 0.85:
            labels, inner = (*above, edge.VRF_LABEL), self.choice((self._ipv4, self._ipv6))()[1]
        else:
            labels, inner = tuple(self.choices(_ANY_LABEL, k=self.randint(1, 11))), self._other()[1]
        to = edge.CORE_MAC if self.random() < 0.95 else edge.BROADCAST
        bottom = len(labels) if self.random() < 0.95 else self.randint(1, 12)
        stack = b""
        for place, label in enumerate(labels, start=1):
            ttl = 0 if labels[place - 2 : place - 1] == (7,) else self.choice([0, 1, 2, 64, 64, 64, 64, 255])
            stack += struct.pack("!I", label << 12 | self.randrange(8) << 9 | (place == bottom) << 8 | ttl)
        return bytes.fromhex(f"{to}{edge.P_MAC}".replace(":", "")) + b"\x88\x47" + stack + inner

    def damaged(self, frame: bytes) -> bytes:
        """A third of all frames: some bytes changed, something missing or something more at the end."""
        data, roll = bytearray(frame), self.random()
        if roll < 0.15:
            for _ in range(self.randint(1, 3)):
                data[self.randrange(len(data))] = self.randrange(256)
        elif roll < 0.25:
            del data[self.randrange(len(data)) :]
        elif roll < 0.35:
            data += self.randbytes(self.randint(1, 20))
        return bytes(data)

    def _rarely(self, usual: int, *odd: int) -> int:
        return usual if self.random() < 0.95 else self.choice(odd)

    def _address(self, usual: list[str], odd: list[str]) -> bytes:
        return ip_address(self.choice(usual if self.random() < 0.9 else odd)).packed

    def _transport(self) -> tuple[int, bytes]:
        """A protocol, and what begins like a message of it."""
        protocol = self.choice([1, 1, 6, 17, 17, 58, 58, 112, 132, 44])
        ports = struct.pack("!HHI", self.randrange(4), self.randrange(0x10000), 0)
        if protocol in (1, 58):
            kinds = [0, 3, 8, 8, 11] if protocol == 1 else [1, 128, 128, 129, 135, 136]
            ports = bytes([self.choice(kinds), 0]) + ports[2:]
        return protocol, ports + self.randbytes(self.choice([0, 16, 24, 40]))

    def _ipv4(self) -> tuple[int, bytes]:
        protocol, message = self._transport()
        options = self.choice([b"", b"", b"", b"\x94\x04\0\0", b"\1" * 40])
        size = 20 + len(options) + len(message)
        version, ihl = self._rarely(4, 6, 0), self._rarely(5 + len(options) // 4, 0, 4, 15)
        length, flags = (
            self._rarely(size, 0, 19, size + 1, 0xFFFF),
            self._rarely(0, 0x4000, 0x2000, 0x2005, 0x0064),
        )
        ttl = self.choice([0, 1, 1, 2, 64, 64, 64, 255])
        addresses = self._address(_IPV4, _ODD_IPV4) + self._address(_IPV4, _ODD_IPV4)
        header = (
            struct.pack("!BBHHHBBH", version << 4 | ihl, 0, length, 9, flags, ttl, protocol, 0)
            + addresses
            + options
        )
        return 0x0800, header[:10] + self._rarely(checksum(header), 0).to_bytes(2) + header[12:] + message

    def _ipv6(self) -> tuple[int, bytes]:
        protocol, message = self._transport()
        length = self._rarely(len(message), 0, len(message) + 1, 0xFFFF)
        ttl = self.choice([0, 1, 1, 2, 64, 64, 255, 255])
        addresses = self._address(_IPV6, _ODD_IPV6) + self._address(_IPV6, _ODD_IPV6)
        if protocol == 58:
            pseudo = addresses + struct.pack("!IIHH", length, 58, int.from_bytes(message[:2]), 0)
            right = checksum(pseudo + message[4:])
            message = message[:2] + self._rarely(right, 0).to_bytes(2) + message[4:]
        return 0x86DD, struct.pack(
            "!IHBB", self._rarely(6, 4) << 28, length, protocol, ttl
        ) + addresses + message

    def _arp(self) -> tuple[int, bytes]:
        hosts = b"".join(self.randbytes(6) + ip_address(each).packed for each in self.choices(_IPV4, k=2))
        return self.choice([0x0806, 0x0806, 0x8035]), struct.pack(
            "!HHBBH", 1, 0x0800, 6, 4, self.choice([1, 1, 2, 3])
        ) + hosts

    def _other(self) -> tuple[int, bytes]:
        return self.choice([0x8847, 0x88B5, 0x0026]), self.randbytes(self.randint(0, 40))
