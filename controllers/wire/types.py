"""Values that several parts of BGP share: families, identifiers, labels, MAC addresses, segments."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple, final

from controllers.wire.errors import DecodeError

IpAddress = IPv4Address | IPv6Address

MAC_MAX: Final = 0xFFFF_FFFF_FFFF
LABEL_MAX: Final = 0xF_FFFF
WITHDRAWN_LABEL: Final = 0x80_0000
"""The 24-bit compatibility field in place of a label when a labelled route is withdrawn (RFC 8277 §2.4)."""


class Family(NamedTuple):
    """An address family and its subsequent identifier (RFC 4760 §3)."""

    afi: int
    safi: int

    def __str__(self) -> str:
        return FAMILY_NAMES.get(self, f"afi-{self.afi}-safi-{self.safi}")

    @property
    def wire(self) -> bytes:
        """AFI and SAFI as they stand in MP_REACH_NLRI, 3 bytes."""
        return self.afi.to_bytes(2, "big") + self.safi.to_bytes(1, "big")


IPV4_UNICAST: Final = Family(1, 1)
IPV6_UNICAST: Final = Family(2, 1)
VPNV4: Final = Family(1, 128)
VPNV6: Final = Family(2, 128)
RT_CONSTRAINT: Final = Family(1, 132)
VPLS: Final = Family(25, 65)
EVPN: Final = Family(25, 70)

FAMILY_NAMES: Final[dict[Family, str]] = {
    IPV4_UNICAST: "ipv4-unicast",
    IPV6_UNICAST: "ipv6-unicast",
    VPNV4: "vpnv4",
    VPNV6: "vpnv6",
    RT_CONSTRAINT: "rt-constraint",
    VPLS: "vpls",
    EVPN: "evpn",
}


class RouteKey(NamedTuple):
    """What identifies a route in a RIB: the part of its NLRI that the RFCs call the prefix.

    Labels, gateway addresses and (for MAC/IP routes) the ESI are not in it: two NLRI of the same key
    replace each other.
    """

    family: Family
    prefix: bytes


class AdministratorKind(IntEnum):
    """How a route distinguisher or route target names its administrator (RFC 4364 §4.2)."""

    AS2 = 0
    IPV4 = 1
    AS4 = 2


def administrator_text(kind: int, administrator: int, assigned: int) -> str:
    """Write what a route distinguisher, target or origin consists of."""
    if kind == AdministratorKind.IPV4:
        return f"{IPv4Address(administrator)}:{assigned}"
    if kind == AdministratorKind.AS4 and administrator <= 0xFFFF:
        return f"{administrator}L:{assigned}"
    return f"{administrator}:{assigned}"


def _parse_administrator(text: str, what: str) -> tuple[int, int, int]:
    administrator, colon, assigned_text = text.strip().rpartition(":")
    if not colon or not assigned_text.isdecimal():
        raise ValueError(f"{what} {text!r}: write 65000:100 or 10.255.0.1:100")
    assigned = int(assigned_text)
    if "." in administrator:
        return AdministratorKind.IPV4, int(IPv4Address(administrator)), assigned
    number = administrator.removesuffix("L")
    if not number.isdecimal():
        raise ValueError(f"{what} {text!r}: write 65000:100 or 10.255.0.1:100")
    four_octet = number != administrator or int(number) > 0xFFFF
    return AdministratorKind.AS4 if four_octet else AdministratorKind.AS2, int(number), assigned


def _check_administrator(kind: int, administrator: int, assigned: int, what: str) -> None:
    short, long = (administrator, assigned) if kind == AdministratorKind.AS2 else (assigned, administrator)
    if not (0 <= short <= 0xFFFF and 0 <= long <= 0xFFFF_FFFF):
        text = administrator_text(kind, administrator, assigned)
        raise ValueError(f"{what} {text}: six bytes hold one number below 65536 and one below 2^32")


def pack_administrator(kind: int, administrator: int, assigned: int) -> bytes:
    """Pack the six bytes after the type, in the order that `kind` demands."""
    if kind == AdministratorKind.AS2:
        return administrator.to_bytes(2, "big") + assigned.to_bytes(4, "big")
    return administrator.to_bytes(4, "big") + assigned.to_bytes(2, "big")


def unpack_administrator(kind: int, six: bytes) -> tuple[int, int]:
    """Split the six bytes after the type into administrator and assigned number."""
    cut = 2 if kind == AdministratorKind.AS2 else 4
    return int.from_bytes(six[:cut], "big"), int.from_bytes(six[cut:], "big")


@final
@dataclass(frozen=True, slots=True, order=True)
class RouteDistinguisher:
    """Eight bytes that make equal prefixes of different VPNs distinct (RFC 4364 §4.2).

    Types other than 0, 1 and 2 are kept as 4 + 2 bytes: only equality matters to a speaker.
    """

    kind: int
    administrator: int
    assigned: int

    def __post_init__(self) -> None:
        _check_administrator(self.kind, self.administrator, self.assigned, "route distinguisher")

    @classmethod
    def of_ipv4(cls, address: IPv4Address, assigned: int) -> RouteDistinguisher:
        """Type 1, what RFC 7432 §7.9 recommends: an address of the PE and a number unique on it."""
        return cls(AdministratorKind.IPV4, int(address), assigned)

    @classmethod
    def of_as(cls, asn: int, assigned: int) -> RouteDistinguisher:
        """Type 0, or type 2 if the AS number needs four octets."""
        return cls(AdministratorKind.AS2 if asn <= 0xFFFF else AdministratorKind.AS4, asn, assigned)

    @classmethod
    def parse(cls, text: str) -> RouteDistinguisher:
        """Read `10.255.0.1:100`, `65000:100` or `65000L:100` (four-octet). Raises ValueError."""
        return cls(*_parse_administrator(text, "route distinguisher"))

    @classmethod
    def from_bytes(cls, raw: bytes) -> RouteDistinguisher:
        """Decode exactly eight bytes. Raises DecodeError for another length."""
        return _rd_from_bytes(raw)

    def to_bytes(self) -> bytes:
        """Encode as eight bytes."""
        return self.kind.to_bytes(2, "big") + pack_administrator(self.kind, self.administrator, self.assigned)

    def __str__(self) -> str:
        return administrator_text(self.kind, self.administrator, self.assigned)


@lru_cache(maxsize=4096)
def _rd_from_bytes(raw: bytes) -> RouteDistinguisher:
    if len(raw) != 8:
        raise DecodeError(f"route distinguisher of {len(raw)} bytes")
    kind = int.from_bytes(raw[:2], "big")
    return RouteDistinguisher(kind, *unpack_administrator(kind, raw[2:]))


@final
@dataclass(frozen=True, slots=True, order=True)
class RouteTarget:
    """The extended community that says which VPNs import a route (RFC 4360 §4, RFC 5668)."""

    kind: int
    administrator: int
    assigned: int

    def __post_init__(self) -> None:
        if self.kind not in tuple(AdministratorKind):
            raise ValueError(f"route target of kind {self.kind}: use an AdministratorKind")
        _check_administrator(self.kind, self.administrator, self.assigned, "route target")

    @classmethod
    def of_as(cls, asn: int, assigned: int) -> RouteTarget:
        """AS-specific target, two-octet where the AS number fits."""
        return cls(AdministratorKind.AS2 if asn <= 0xFFFF else AdministratorKind.AS4, asn, assigned)

    @classmethod
    def automatic(cls, asn: int, vlan: int) -> RouteTarget:
        """The target derived from AS and VLAN for VLAN-based service (RFC 7432 §7.10.1).

        The AS number must fit two octets: the RFC derives nothing for longer ones.
        """
        return cls(AdministratorKind.AS2, asn, vlan)

    @classmethod
    def parse(cls, text: str) -> RouteTarget:
        """Read `65000:100`, `65000L:100` or `10.255.0.1:100`; `target:` may precede it. Raises ValueError."""
        return cls(*_parse_administrator(text.removeprefix("target:"), "route target"))

    def to_bytes(self) -> bytes:
        """Encode as an eight-byte extended community."""
        head = bytes((self.kind, 0x02))
        return head + pack_administrator(self.kind, self.administrator, self.assigned)

    def __str__(self) -> str:
        return administrator_text(self.kind, self.administrator, self.assigned)


@final
@dataclass(frozen=True, slots=True, order=True)
class Esi:
    """An Ethernet segment identifier: one type byte and nine of value (RFC 7432 §5)."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != 10:
            raise ValueError(f"ESI of {len(self.raw)} bytes: it has 10")

    @property
    def type(self) -> int:
        """0 arbitrary, 1 LACP, 2 bridge protocol, 3 MAC, 4 router id, 5 AS (RFC 7432 §5)."""
        return self.raw[0]

    @property
    def is_zero(self) -> bool:
        """True for single-homed: the reserved segment 0."""
        return self.raw == ZERO_ESI.raw

    @property
    def es_import(self) -> int:
        """The MAC-shaped value of the automatic ES-Import target: bytes 1 to 6 (RFC 7432 §7.6)."""
        return int.from_bytes(self.raw[1:7], "big")

    @classmethod
    def parse(cls, text: str) -> Esi:
        """Read `00:11:22:33:44:55:66:77:88:99`; `0` is the zero segment. Raises ValueError."""
        if text.strip() == "0":
            return ZERO_ESI
        try:
            return cls(bytes.fromhex(text.replace(":", "").replace("-", "")))
        except ValueError:
            raise ValueError(f"ESI {text!r}: write ten bytes such as 00:11:22:33:44:55:66:77:88:99") from None

    def __str__(self) -> str:
        return self.raw.hex(":")


ZERO_ESI: Final = Esi(bytes(10))


def mac_to_text(mac: int) -> str:
    """Write a MAC as `02:00:00:00:00:01`."""
    return mac.to_bytes(6, "big").hex(":")


def mac_from_text(text: str) -> int:
    """Read `02:00:00:00:00:01` (or with dashes). Raises ValueError."""
    digits = text.strip().replace(":", "").replace("-", "")
    if len(digits) != 12:
        raise ValueError(f"MAC address {text!r}: write six bytes such as 02:00:00:00:00:01")
    try:
        return int(digits, 16)
    except ValueError:
        raise ValueError(f"MAC address {text!r}: write six bytes such as 02:00:00:00:00:01") from None


def encode_label(label: int, *, bottom: bool = True) -> bytes:
    """Put a 20-bit label into the high bits of three bytes; `bottom` is the stack bit (RFC 8277 §2.2)."""
    if not 0 <= label <= LABEL_MAX:
        raise ValueError(f"MPLS label {label}: it has 20 bits")
    return (label << 4 | bottom).to_bytes(3, "big")


def decode_label(field: bytes) -> int:
    """Read the label from the high 20 bits of a three-byte field; the low four bits say nothing in EVPN."""
    return int.from_bytes(field, "big") >> 4


@lru_cache(maxsize=65536)
def address_from_bytes(raw: bytes) -> IpAddress:
    """Decode an IPv4 or IPv6 address by its length. Raises DecodeError for another length."""
    if len(raw) == 4:
        return IPv4Address(raw)
    if len(raw) == 16:
        return IPv6Address(raw)
    raise DecodeError(f"IP address of {len(raw)} bytes")
