"""EVPN NLRI, route types 1 to 5 (RFC 7432 §7, RFC 9136 §3.1).

Each class knows its own body. The key of a route is taken from the raw bytes (`evpn_key`), so that a
reflector need not decode what it passes on. A route type that is not known stays raw.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network
from typing import ClassVar, Final, final

from msgspec import Struct

from controllers.wire.errors import DecodeError, ErrorCode, UpdateSubcode
from controllers.wire.types import (
    ZERO_ESI,
    Esi,
    IpAddress,
    RouteDistinguisher,
    address_from_bytes,
    decode_label,
    encode_label,
    mac_to_text,
)

MAX_ETHERNET_TAG: Final = 0xFFFF_FFFF
"""The tag of an auto-discovery route that stands for the whole segment (RFC 7432 §8.2.1)."""

_ZERO_ESI_BYTES: Final = bytes(10)


def _malformed(reason: str) -> DecodeError:
    return DecodeError(reason, ErrorCode.UPDATE, UpdateSubcode.OPTIONAL_ATTRIBUTE)


def _address_field(address: IpAddress | None) -> bytes:
    """Length in bits and address; length 0 where there is none."""
    if address is None:
        return b"\0"
    packed = address.packed
    return bytes((len(packed) * 8,)) + packed


@final
class EthernetAutoDiscovery(Struct, frozen=True):
    """Type 1: a PE reaches a segment; per segment with `MAX_ETHERNET_TAG`, else per EVI (RFC 7432 §7.1)."""

    route_type: ClassVar[int] = 1
    rd: RouteDistinguisher
    esi: Esi
    ethernet_tag: int
    label: int

    @property
    def per_segment(self) -> bool:
        """True for the per-ES route, whose label is 0 (RFC 7432 §8.2.1)."""
        return self.ethernet_tag == MAX_ETHERNET_TAG

    def body(self) -> bytes:
        """Encode what follows route type and length."""
        tag = self.ethernet_tag.to_bytes(4, "big")
        label = encode_label(self.label, bottom=not self.per_segment)
        return self.rd.to_bytes() + self.esi.raw + tag + label

    @classmethod
    def from_body(cls, body: bytes) -> EthernetAutoDiscovery:
        """Decode a body that `evpn_key` accepted."""
        return cls(
            RouteDistinguisher.from_bytes(body[:8]),
            _esi(body[8:18]),
            int.from_bytes(body[18:22], "big"),
            decode_label(body[22:25]),
        )

    def __str__(self) -> str:
        tag = "per-es" if self.per_segment else str(self.ethernet_tag)
        return f"[1]:[{self.rd}]:[{self.esi}]:[{tag}]"


@final
class MacIpAdvertisement(Struct, frozen=True):
    """Type 2: a MAC, alone or with one of its IP addresses (RFC 7432 §7.2).

    `mac` is an int; `label` reaches the MAC-VRF; `label2`, if present, the IP-VRF (RFC 9135 §5).
    """

    route_type: ClassVar[int] = 2
    rd: RouteDistinguisher
    esi: Esi
    ethernet_tag: int
    mac: int
    ip: IpAddress | None
    label: int
    label2: int | None = None

    def body(self) -> bytes:
        """Encode what follows route type and length."""
        labels = encode_label(self.label, bottom=self.label2 is None)
        if self.label2 is not None:
            labels += encode_label(self.label2)
        return b"".join(
            (
                self.rd.to_bytes(),
                self.esi.raw,
                self.ethernet_tag.to_bytes(4, "big"),
                b"\x30",
                self.mac.to_bytes(6, "big"),
                _address_field(self.ip),
                labels,
            )
        )

    @classmethod
    def from_body(cls, body: bytes) -> MacIpAdvertisement:
        """Decode a body that `evpn_key` accepted."""
        after_ip = 30 + body[29] // 8
        return cls(
            RouteDistinguisher.from_bytes(body[:8]),
            _esi(body[8:18]),
            int.from_bytes(body[18:22], "big"),
            int.from_bytes(body[23:29], "big"),
            address_from_bytes(body[30:after_ip]) if body[29] else None,
            decode_label(body[after_ip : after_ip + 3]),
            decode_label(body[after_ip + 3 :]) if len(body) > after_ip + 3 else None,
        )

    def __str__(self) -> str:
        ip = "" if self.ip is None else f":[{self.ip}]"
        return f"[2]:[{self.rd}]:[{self.ethernet_tag}]:[{mac_to_text(self.mac)}]{ip}"


@final
class InclusiveMulticast(Struct, frozen=True):
    """Type 3: a PE takes part in a broadcast domain; its label is in the PMSI attribute (RFC 7432 §7.3)."""

    route_type: ClassVar[int] = 3
    rd: RouteDistinguisher
    ethernet_tag: int
    originator: IpAddress

    def body(self) -> bytes:
        """Encode what follows route type and length."""
        return self.rd.to_bytes() + self.ethernet_tag.to_bytes(4, "big") + _address_field(self.originator)

    @classmethod
    def from_body(cls, body: bytes) -> InclusiveMulticast:
        """Decode a body that `evpn_key` accepted."""
        return cls(
            RouteDistinguisher.from_bytes(body[:8]),
            int.from_bytes(body[8:12], "big"),
            address_from_bytes(body[13:]),
        )

    def __str__(self) -> str:
        return f"[3]:[{self.rd}]:[{self.ethernet_tag}]:[{self.originator}]"


@final
class EthernetSegment(Struct, frozen=True):
    """Type 4: a PE is attached to a segment and may be elected for it (RFC 7432 §7.4)."""

    route_type: ClassVar[int] = 4
    rd: RouteDistinguisher
    esi: Esi
    originator: IpAddress

    def body(self) -> bytes:
        """Encode what follows route type and length."""
        return self.rd.to_bytes() + self.esi.raw + _address_field(self.originator)

    @classmethod
    def from_body(cls, body: bytes) -> EthernetSegment:
        """Decode a body that `evpn_key` accepted."""
        return cls(RouteDistinguisher.from_bytes(body[:8]), _esi(body[8:18]), address_from_bytes(body[19:]))

    def __str__(self) -> str:
        return f"[4]:[{self.rd}]:[{self.esi}]:[{self.originator}]"


@final
class IpPrefix(Struct, frozen=True):
    """Type 5: a prefix behind an IP-VRF (RFC 9136 §3.1).

    `gateway` None stands for the all-zero gateway address: the route resolves to its BGP next hop.
    """

    route_type: ClassVar[int] = 5
    rd: RouteDistinguisher
    ethernet_tag: int
    prefix: IPv4Network | IPv6Network
    label: int
    gateway: IpAddress | None = None
    esi: Esi = ZERO_ESI

    def body(self) -> bytes:
        """Encode what follows route type and length."""
        address = self.prefix.network_address.packed
        gateway = bytes(len(address)) if self.gateway is None else self.gateway.packed
        if len(gateway) != len(address):
            raise ValueError(f"gateway {self.gateway} and prefix {self.prefix} are of different families")
        return b"".join(
            (
                self.rd.to_bytes(),
                self.esi.raw,
                self.ethernet_tag.to_bytes(4, "big"),
                bytes((self.prefix.prefixlen,)),
                address,
                gateway,
                encode_label(self.label),
            )
        )

    @classmethod
    def from_body(cls, body: bytes) -> IpPrefix:
        """Decode a body that `evpn_key` accepted."""
        size = 4 if len(body) == 34 else 16
        address, gateway = body[23 : 23 + size], body[23 + size : 23 + 2 * size]
        network = IPv4Network if size == 4 else IPv6Network
        return cls(
            RouteDistinguisher.from_bytes(body[:8]),
            int.from_bytes(body[18:22], "big"),
            network((address, body[22]), strict=False),
            decode_label(body[23 + 2 * size :]),
            address_from_bytes(gateway) if any(gateway) else None,
            _esi(body[8:18]),
        )

    def __str__(self) -> str:
        return f"[5]:[{self.rd}]:[{self.ethernet_tag}]:[{self.prefix}]"


@final
class UnknownEvpnRoute(Struct, frozen=True):
    """A route type without a class here, kept as its body (RFC 7606 §5.4 has a speaker discard it)."""

    route_type: int
    raw: bytes

    def body(self) -> bytes:
        """Encode what follows route type and length."""
        return self.raw

    def __str__(self) -> str:
        return f"[{self.route_type}]:[{self.raw.hex()}]"


EvpnRoute = (
    EthernetAutoDiscovery
    | MacIpAdvertisement
    | InclusiveMulticast
    | EthernetSegment
    | IpPrefix
    | UnknownEvpnRoute
)


def _esi(raw: bytes) -> Esi:
    return ZERO_ESI if raw == _ZERO_ESI_BYTES else Esi(raw)


def _key_auto_discovery(body: bytes) -> bytes:
    if len(body) != 25:
        raise _malformed(f"EVPN type 1 route of {len(body)} bytes, not 25")
    return body[:22]


def _key_mac_ip(body: bytes) -> bytes:
    size = len(body)
    if size < 33 or body[22] != 48:
        raise _malformed(f"EVPN type 2 route of {size} bytes or with a MAC that is not of 48 bits")
    bits = body[29]
    after_ip = 30 + bits // 8
    if bits not in (0, 32, 128) or size not in (after_ip + 3, after_ip + 6):
        raise _malformed(f"EVPN type 2 route of {size} bytes with an IP address of {bits} bits")
    return body[:8] + body[18:after_ip]


def _key_inclusive_multicast(body: bytes) -> bytes:
    if len(body) not in (17, 29) or body[12] != (len(body) - 13) * 8:
        raise _malformed(f"EVPN type 3 route of {len(body)} bytes does not fit its address length")
    return body


def _key_segment(body: bytes) -> bytes:
    if len(body) not in (23, 35) or body[18] != (len(body) - 19) * 8:
        raise _malformed(f"EVPN type 4 route of {len(body)} bytes does not fit its address length")
    return body


def _key_ip_prefix(body: bytes) -> bytes:
    if len(body) not in (34, 58):
        raise _malformed(f"EVPN type 5 route of {len(body)} bytes, neither 34 nor 58")
    size, bits = (4 if len(body) == 34 else 16), body[22]
    if bits > size * 8:
        raise _malformed(f"EVPN type 5 route with a prefix of {bits} bits")
    host = (1 << (size * 8 - bits)) - 1
    prefix = int.from_bytes(body[23 : 23 + size], "big") & ~host
    return body[:8] + body[18:23] + prefix.to_bytes(size, "big")


_KEYS: Final[dict[int, Callable[[bytes], bytes]]] = {
    1: _key_auto_discovery,
    2: _key_mac_ip,
    3: _key_inclusive_multicast,
    4: _key_segment,
    5: _key_ip_prefix,
}
_CLASSES: Final[dict[int, Callable[[bytes], EvpnRoute]]] = {
    1: EthernetAutoDiscovery.from_body,
    2: MacIpAdvertisement.from_body,
    3: InclusiveMulticast.from_body,
    4: EthernetSegment.from_body,
    5: IpPrefix.from_body,
}


def evpn_key(nlri: bytes) -> bytes:
    """Check one NLRI (type, length, body) and cut out what identifies it: its type and prefix.

    Labels, gateway addresses and, in types 2 and 5, the ESI are not part of it (RFC 7432 §7.1 to 7.4,
    RFC 9136 §3.1). A route type that is not known is its own key. Raises DecodeError.
    """
    key = _KEYS.get(nlri[0])
    return nlri if key is None else nlri[:1] + key(nlri[2:])


def encode_evpn(route: EvpnRoute) -> bytes:
    """Encode one NLRI: type, length, body."""
    body = route.body()
    return bytes((route.route_type, len(body))) + body


def decode_evpn(nlri: bytes) -> EvpnRoute:
    """Decode one NLRI: type, length, body. Raises DecodeError."""
    if len(nlri) < 2 or len(nlri) != nlri[1] + 2:
        raise _malformed("EVPN route is cut short")
    evpn_key(nlri)
    decode = _CLASSES.get(nlri[0])
    return UnknownEvpnRoute(nlri[0], nlri[2:]) if decode is None else decode(nlri[2:])


def split_evpn(data: bytes) -> list[bytes]:
    """Cut a run of NLRI into single ones, each with type and length. Raises DecodeError."""
    routes, at, end = [], 0, len(data)
    while at < end:
        after = at + 2 + data[at + 1] if at + 1 < end else end + 1
        if after > end:
            raise _malformed("EVPN routes end in the middle of one")
        routes.append(data[at:after])
        at = after
    return routes
