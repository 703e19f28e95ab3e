"""NLRI beside EVPN: IP prefixes, VPN-IP prefixes, RT membership and VPLS label blocks."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Final, final

from msgspec import Struct

from controllers.wire.errors import DecodeError, ErrorCode, UpdateSubcode
from controllers.wire.extended import ExtendedCommunity, decode_extended_community
from controllers.wire.types import RouteDistinguisher, decode_label, encode_label

IpNetwork = IPv4Network | IPv6Network


def _malformed(reason: str) -> DecodeError:
    return DecodeError(reason, ErrorCode.UPDATE, UpdateSubcode.INVALID_NETWORK_FIELD)


@final
class Unicast(Struct, frozen=True):
    """An IPv4 or IPv6 prefix (RFC 4271 §4.3)."""

    prefix: IpNetwork

    def __str__(self) -> str:
        return str(self.prefix)


@final
class VpnPrefix(Struct, frozen=True):
    """A prefix of a VPN with the label of its IP-VRF or next hop (RFC 4364 §4.3.4, RFC 4659 §3.2)."""

    rd: RouteDistinguisher
    prefix: IpNetwork
    label: int

    def __str__(self) -> str:
        return f"{self.rd}:{self.prefix}"


@final
class RtMembership(Struct, frozen=True):
    """Interest in routes with a target, or with any that starts with its first bits (RFC 4684 §4).

    `bits` counts origin AS and target together: 96 for one target, 0 for every route.
    """

    origin_as: int
    target: bytes
    bits: int = 96

    def __post_init__(self) -> None:
        if len(self.target) != 8 or not (self.bits == 0 or 32 <= self.bits <= 96):
            raise ValueError("RT membership: the target has 8 bytes, the prefix 0 or 32 to 96 bits")

    @classmethod
    def of(cls, origin_as: int, target: ExtendedCommunity) -> RtMembership:
        """Membership of `origin_as` in one route target (or ES-Import target)."""
        return cls(origin_as, target.to_bytes())

    @classmethod
    def everything(cls) -> RtMembership:
        """The default membership: send all routes (RFC 4684 §3.2)."""
        return cls(0, bytes(8), 0)

    @property
    def community(self) -> ExtendedCommunity | None:
        """The target, if the membership names exactly one."""
        return decode_extended_community(self.target) if self.bits == 96 else None

    def __str__(self) -> str:
        if self.bits == 96:
            return f"{self.origin_as}:{self.community}"
        return f"{self.origin_as}:{self.target.hex()}/{self.bits}"


@final
class VplsBlock(Struct, frozen=True):
    """A block of labels, one for each remote VE id from `block_offset` on (RFC 4761 §3.2.2)."""

    rd: RouteDistinguisher
    ve_id: int
    block_offset: int
    block_size: int
    label_base: int

    def label_for(self, remote_ve_id: int) -> int | None:
        """The label that the PE with `remote_ve_id` sends with, or None if outside the block."""
        index = remote_ve_id - self.block_offset
        return self.label_base + index if 0 <= index < self.block_size else None

    def __str__(self) -> str:
        return f"{self.rd}:{self.ve_id}:{self.block_offset}:{self.block_size}"


@final
class UnknownNlri(Struct, frozen=True):
    """One NLRI of a known family in a form that is not, kept raw (VPLS auto-discovery of RFC 6074)."""

    raw: bytes

    def __str__(self) -> str:
        return self.raw.hex()


_HOST_MASK: Final = tuple(0xFF00 >> bits & 0xFF for bits in range(8))
"""By the number of significant bits in the last byte of a prefix (0: all of them): what to keep of it."""


def _masked(prefix: bytes, bits: int) -> bytes:
    """Clear the bits after the prefix, which have no meaning (RFC 4271 §4.3)."""
    odd = bits % 8
    if not odd or not prefix[-1] & ~_HOST_MASK[odd]:
        return prefix
    return prefix[:-1] + bytes((prefix[-1] & _HOST_MASK[odd],))


def _network(prefix: bytes, bits: int, size: int) -> IpNetwork:
    address = prefix + bytes(size - len(prefix))
    return IPv4Network((address, bits)) if size == 4 else IPv6Network((address, bits))


def _prefix_bytes(prefix: IpNetwork) -> bytes:
    return prefix.network_address.packed[: (prefix.prefixlen + 7) // 8]


def split_prefixes(data: bytes) -> list[bytes]:
    """Cut a run of (length in bits, prefix) into single ones. Raises DecodeError if one is cut short."""
    routes, at, end = [], 0, len(data)
    while at < end:
        after = at + 1 + (data[at] + 7) // 8
        if after > end:
            raise _malformed("prefixes end in the middle of one")
        routes.append(data[at:after])
        at = after
    return routes


def unicast_key(size: int, nlri: bytes) -> bytes:
    """Check one prefix of an address family with addresses of `size` bytes; its key has host bits cleared."""
    bits = nlri[0]
    if bits > size * 8:
        raise _malformed(f"prefix of {bits} bits")
    return nlri[:1] + _masked(nlri[1:], bits)


def encode_unicast(route: Unicast) -> bytes:
    """Encode length and prefix."""
    return bytes((route.prefix.prefixlen,)) + _prefix_bytes(route.prefix)


def decode_unicast(size: int, nlri: bytes) -> Unicast:
    """Decode length and prefix of an address family with addresses of `size` bytes."""
    key = unicast_key(size, nlri)
    return Unicast(_network(key[1:], key[0], size))


def vpn_key(size: int, nlri: bytes) -> bytes:
    """Check one labelled VPN prefix; the key leaves the label out (RFC 8277 §2.4)."""
    bits = nlri[0] - 88
    if not 0 <= bits <= size * 8:
        raise _malformed(f"VPN prefix of {nlri[0]} bits, label and RD included")
    return bytes((bits,)) + nlri[4:12] + _masked(nlri[12:], bits)


def encode_vpn(route: VpnPrefix) -> bytes:
    """Encode length, label, route distinguisher and prefix (RFC 8277 §2.2)."""
    head = bytes((88 + route.prefix.prefixlen,)) + encode_label(route.label)
    return head + route.rd.to_bytes() + _prefix_bytes(route.prefix)


def decode_vpn(size: int, nlri: bytes) -> VpnPrefix:
    """Decode length, one label, route distinguisher and prefix."""
    key = vpn_key(size, nlri)
    return VpnPrefix(
        RouteDistinguisher.from_bytes(key[1:9]), _network(key[9:], key[0], size), decode_label(nlri[1:4])
    )


def membership_key(nlri: bytes) -> bytes:
    """Check one RT membership; all of it is the key (RFC 4684 §4)."""
    if nlri[0] != 0 and not 32 <= nlri[0] <= 96:
        raise _malformed(f"RT membership of {nlri[0]} bits")
    return nlri[:1] + _masked(nlri[1:], nlri[0])


def encode_membership(route: RtMembership) -> bytes:
    """Encode length, origin AS and as much of the target as it names."""
    value = route.origin_as.to_bytes(4, "big") + route.target
    return bytes((route.bits,)) + _masked(value[: (route.bits + 7) // 8], route.bits)


def decode_membership(nlri: bytes) -> RtMembership:
    """Decode length, origin AS and target."""
    key = membership_key(nlri)
    value = key[1:] + bytes(13 - len(key))
    return RtMembership(int.from_bytes(value[:4], "big"), value[4:], key[0])


def split_vpls(data: bytes) -> list[bytes]:
    """Cut a run of VPLS NLRI, each with a length of two bytes (RFC 4761 §3.2.2). Raises DecodeError."""
    routes, at, end = [], 0, len(data)
    while at < end:
        after = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if after > end or end - at < 2:
            raise _malformed("VPLS routes end in the middle of one")
        routes.append(data[at:after])
        at = after
    return routes


def vpls_key(nlri: bytes) -> bytes:
    """Cut out RD, VE id, block offset and size: the label base is what the block maps to."""
    if len(nlri) == 14:
        return nlri
    if len(nlri) != 19:
        raise _malformed(f"VPLS route of {len(nlri) - 2} bytes, neither 17 nor 12")
    return nlri[2:16]


def encode_vpls(route: VplsBlock | UnknownNlri) -> bytes:
    """Encode length, RD, VE id, block offset, block size and label base."""
    if isinstance(route, UnknownNlri):
        return route.raw
    numbers = (route.ve_id, route.block_offset, route.block_size)
    body = route.rd.to_bytes() + b"".join(number.to_bytes(2, "big") for number in numbers)
    return b"\x00\x11" + body + encode_label(route.label_base)


def decode_vpls(nlri: bytes) -> VplsBlock | UnknownNlri:
    """Decode a label block; the 12-byte form of RFC 6074 stays raw."""
    vpls_key(nlri)
    if len(nlri) != 19:
        return UnknownNlri(nlri)
    ve_id, offset, size = (int.from_bytes(nlri[at : at + 2], "big") for at in (10, 12, 14))
    return VplsBlock(
        RouteDistinguisher.from_bytes(nlri[2:10]), ve_id, offset, size, decode_label(nlri[16:19])
    )
