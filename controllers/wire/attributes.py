"""Path attributes, typed (RFC 4271 §4.3 and §5, RFC 1997, 4360, 4456, 6514, 8092).

`PathAttributes` is what the rest of the testbed reads and writes. The next hop is part of it, although
for most families the wire carries it in MP_REACH_NLRI: `update` moves it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from ipaddress import IPv4Address
from typing import Final, NamedTuple, TypeVar, final

from msgspec import Struct

from controllers.wire.extended import ExtendedCommunity, decode_extended_community
from controllers.wire.types import (
    IpAddress,
    RouteTarget,
    address_from_bytes,
    decode_label,
    encode_label,
)

# Bits of the first byte of an attribute (RFC 4271 §4.3). Plain numbers: IntFlag is slow, and these are
# looked at for every attribute of every UPDATE.
OPTIONAL: Final = 0x80
TRANSITIVE: Final = 0x40
PARTIAL: Final = 0x20
EXTENDED_LENGTH: Final = 0x10


class AttributeType(IntEnum):
    """Type codes of the attributes known here."""

    ORIGIN = 1
    AS_PATH = 2
    NEXT_HOP = 3
    MULTI_EXIT_DISC = 4
    LOCAL_PREF = 5
    ATOMIC_AGGREGATE = 6
    AGGREGATOR = 7
    COMMUNITIES = 8
    ORIGINATOR_ID = 9
    CLUSTER_LIST = 10
    MP_REACH_NLRI = 14
    MP_UNREACH_NLRI = 15
    EXTENDED_COMMUNITIES = 16
    PMSI_TUNNEL = 22
    LARGE_COMMUNITIES = 32


class Origin(IntEnum):
    """Values of ORIGIN (RFC 4271 §4.3)."""

    IGP = 0
    EGP = 1
    INCOMPLETE = 2


class SegmentKind(IntEnum):
    """Kinds of AS_PATH segments (RFC 4271 §4.3). Those of RFC 5065 have no place outside a confederation."""

    SET = 1
    SEQUENCE = 2


@final
class AsSegment(NamedTuple):
    """One segment of AS_PATH, four-octet AS numbers (RFC 6793)."""

    kind: int
    asns: tuple[int, ...]


@final
class LargeCommunity(NamedTuple):
    """Three 32-bit numbers (RFC 8092 §3)."""

    administrator: int
    data1: int
    data2: int

    def __str__(self) -> str:
        return f"{self.administrator}:{self.data1}:{self.data2}"


@final
class Aggregator(NamedTuple):
    """Who formed an aggregate (RFC 4271 §5.1.7)."""

    asn: int
    address: IPv4Address


class PmsiTunnelType(IntEnum):
    """Tunnel types of RFC 6514 §5 and RFC 7524; EVPN uses ingress replication by default."""

    NONE = 0
    RSVP_P2MP = 1
    MLDP_P2MP = 2
    PIM_SSM = 3
    PIM_SM = 4
    BIDIR_PIM = 5
    INGRESS_REPLICATION = 6
    MLDP_MP2MP = 7


@final
class PmsiTunnel(Struct, frozen=True):
    """How to send broadcast, unknown unicast and multicast to a PE (RFC 6514 §5, RFC 7432 §11.2)."""

    tunnel_type: int
    label: int
    identifier: bytes = b""
    flags: int = 0

    @classmethod
    def ingress_replication(cls, label: int, endpoint: IpAddress) -> PmsiTunnel:
        """Send one copy to `endpoint` with its downstream `label` (RFC 7432 §11.2)."""
        return cls(PmsiTunnelType.INGRESS_REPLICATION, label, endpoint.packed)

    @property
    def endpoint(self) -> IpAddress | None:
        """Where ingress replication sends to; None for tunnels of another type."""
        if self.tunnel_type != PmsiTunnelType.INGRESS_REPLICATION:
            return None
        return address_from_bytes(self.identifier)

    def to_bytes(self) -> bytes:
        """Encode the attribute's value; 0 for the label stands for none and is written as zeros."""
        label = encode_label(self.label, bottom=self.label != 0)
        return bytes((self.flags, self.tunnel_type)) + label + self.identifier


@final
class UnknownAttribute(Struct, frozen=True):
    """An optional transitive attribute that is carried on without being understood (RFC 4271 §5)."""

    type_code: int
    value: bytes
    flags: int = OPTIONAL | TRANSITIVE | PARTIAL


CommunityT = TypeVar("CommunityT")

DEFAULT_LOCAL_PREF: Final = 100


@final
class PathAttributes(Struct, frozen=True):
    """What a route says beside its NLRI. Attributes that are absent are None or empty."""

    next_hop: IpAddress | None = None
    origin: int = Origin.IGP
    as_path: tuple[AsSegment, ...] = ()
    med: int | None = None
    local_pref: int | None = DEFAULT_LOCAL_PREF
    atomic_aggregate: bool = False
    aggregator: Aggregator | None = None
    communities: tuple[int, ...] = ()
    extended_communities: tuple[ExtendedCommunity, ...] = ()
    large_communities: tuple[LargeCommunity, ...] = ()
    originator_id: IPv4Address | None = None
    cluster_list: tuple[IPv4Address, ...] = ()
    pmsi_tunnel: PmsiTunnel | None = None
    unknown: tuple[UnknownAttribute, ...] = ()

    @property
    def route_targets(self) -> frozenset[RouteTarget]:
        """The route targets among the extended communities."""
        return frozenset(c for c in self.extended_communities if isinstance(c, RouteTarget))

    def find(self, kind: type[CommunityT]) -> CommunityT | None:
        """The first extended community of a class, such as `find(MacMobility)`, or None."""
        for community in self.extended_communities:
            if isinstance(community, kind):
                return community
        return None

    @property
    def as_path_length(self) -> int:
        """Hops for path selection: a set counts as one (RFC 4271 §9.1.2.2 a)."""
        return sum(1 if segment.kind == SegmentKind.SET else len(segment.asns) for segment in self.as_path)

    @property
    def neighbor_as(self) -> int | None:
        """The AS that the path was last learned from, None within one's own (RFC 4271 §9.1.2.2 c)."""
        first = self.as_path[0] if self.as_path else None
        return first.asns[0] if first is not None and first.kind == SegmentKind.SEQUENCE else None


WELL_KNOWN: Final = TRANSITIVE
OPTIONAL_TRANSITIVE: Final = OPTIONAL | TRANSITIVE

FLAGS: Final[dict[int, int]] = {
    AttributeType.ORIGIN: WELL_KNOWN,
    AttributeType.AS_PATH: WELL_KNOWN,
    AttributeType.NEXT_HOP: WELL_KNOWN,
    AttributeType.MULTI_EXIT_DISC: OPTIONAL,
    AttributeType.LOCAL_PREF: WELL_KNOWN,
    AttributeType.ATOMIC_AGGREGATE: WELL_KNOWN,
    AttributeType.AGGREGATOR: OPTIONAL_TRANSITIVE,
    AttributeType.COMMUNITIES: OPTIONAL_TRANSITIVE,
    AttributeType.ORIGINATOR_ID: OPTIONAL,
    AttributeType.CLUSTER_LIST: OPTIONAL,
    AttributeType.MP_REACH_NLRI: OPTIONAL,
    AttributeType.MP_UNREACH_NLRI: OPTIONAL,
    AttributeType.EXTENDED_COMMUNITIES: OPTIONAL_TRANSITIVE,
    AttributeType.PMSI_TUNNEL: OPTIONAL_TRANSITIVE,
    AttributeType.LARGE_COMMUNITIES: OPTIONAL_TRANSITIVE,
}
"""The optional and transitive bits each known attribute must have."""

RawAttributes = dict[int, tuple[int, bytes]]
"""Attributes undecoded: type code to (flags without the length bit, value)."""


def _u32s(numbers: Iterable[int]) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def _split_u32s(value: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(value[at : at + 4], "big") for at in range(0, len(value), 4))


def encode_as_path(path: tuple[AsSegment, ...]) -> bytes:
    """Encode AS_PATH with four-octet AS numbers."""
    return b"".join(bytes((s.kind, len(s.asns))) + _u32s(s.asns) for s in path)


def decode_as_path(value: bytes) -> tuple[AsSegment, ...]:
    """Decode AS_PATH with four-octet AS numbers; the value must have passed `update`'s check."""
    segments, at = [], 0
    while at < len(value):
        after = at + 2 + 4 * value[at + 1]
        segments.append(AsSegment(value[at], _split_u32s(value[at + 2 : after])))
        at = after
    return tuple(segments)


def _decode_large(value: bytes) -> tuple[LargeCommunity, ...]:
    numbers = _split_u32s(value)
    return tuple(LargeCommunity(*numbers[at : at + 3]) for at in range(0, len(numbers), 3))


def to_raw(attributes: PathAttributes) -> RawAttributes:
    """Encode everything but the next hop, by type code in ascending order."""
    a = attributes
    values: dict[int, bytes | None] = {
        AttributeType.ORIGIN: bytes((a.origin,)),
        AttributeType.AS_PATH: encode_as_path(a.as_path),
        AttributeType.MULTI_EXIT_DISC: None if a.med is None else a.med.to_bytes(4, "big"),
        AttributeType.LOCAL_PREF: None if a.local_pref is None else a.local_pref.to_bytes(4, "big"),
        AttributeType.ATOMIC_AGGREGATE: b"" if a.atomic_aggregate else None,
        AttributeType.AGGREGATOR: a.aggregator and _u32s((a.aggregator.asn, int(a.aggregator.address))),
        AttributeType.COMMUNITIES: _u32s(a.communities) or None,
        AttributeType.ORIGINATOR_ID: None if a.originator_id is None else a.originator_id.packed,
        AttributeType.CLUSTER_LIST: b"".join(c.packed for c in a.cluster_list) or None,
        AttributeType.EXTENDED_COMMUNITIES: b"".join(c.to_bytes() for c in a.extended_communities) or None,
        AttributeType.PMSI_TUNNEL: a.pmsi_tunnel and a.pmsi_tunnel.to_bytes(),
        AttributeType.LARGE_COMMUNITIES: b"".join(_u32s(c) for c in a.large_communities) or None,
    }
    raw = {int(code): (FLAGS[code], value) for code, value in values.items() if value is not None}
    raw.update({u.type_code: (int(u.flags), u.value) for u in a.unknown})
    return dict(sorted(raw.items()))


def _addresses(value: bytes) -> tuple[IPv4Address, ...]:
    return tuple(IPv4Address(value[at : at + 4]) for at in range(0, len(value), 4))


def _communities(value: bytes) -> tuple[ExtendedCommunity, ...]:
    return tuple(decode_extended_community(value[at : at + 8]) for at in range(0, len(value), 8))


def _u32(value: bytes) -> int:
    return int.from_bytes(value, "big")


_FIELDS: Final[dict[int, tuple[str, Callable[[bytes], object]]]] = {
    AttributeType.ORIGIN: ("origin", lambda value: value[0]),
    AttributeType.AS_PATH: ("as_path", decode_as_path),
    AttributeType.MULTI_EXIT_DISC: ("med", _u32),
    AttributeType.LOCAL_PREF: ("local_pref", _u32),
    AttributeType.ATOMIC_AGGREGATE: ("atomic_aggregate", lambda _: True),
    AttributeType.AGGREGATOR: (
        "aggregator",
        lambda value: Aggregator(_u32(value[:4]), IPv4Address(value[4:])),
    ),
    AttributeType.COMMUNITIES: ("communities", _split_u32s),
    AttributeType.ORIGINATOR_ID: ("originator_id", IPv4Address),
    AttributeType.CLUSTER_LIST: ("cluster_list", _addresses),
    AttributeType.EXTENDED_COMMUNITIES: ("extended_communities", _communities),
    AttributeType.PMSI_TUNNEL: (
        "pmsi_tunnel",
        lambda value: PmsiTunnel(value[1], decode_label(value[2:5]), value[5:], value[0]),
    ),
    AttributeType.LARGE_COMMUNITIES: ("large_communities", _decode_large),
}


def from_raw(raw: RawAttributes, next_hop: IpAddress | None) -> PathAttributes:
    """Decode attributes whose values passed `update`'s checks; unknown ones stay as they are."""
    fields: dict[str, object] = {"local_pref": None}
    unknown = []
    for code, (flags, value) in raw.items():
        known = _FIELDS.get(code)
        if known is not None:
            fields[known[0]] = known[1](value)
        elif code != AttributeType.NEXT_HOP:
            unknown.append(UnknownAttribute(code, value, flags))
    return PathAttributes(next_hop=next_hop, unknown=tuple(unknown), **fields)  # type: ignore[arg-type]


def serialize(raw: RawAttributes) -> bytes:
    """Write attributes in the order given, with one- or two-byte lengths as needed (RFC 4271 §4.3)."""
    parts = []
    for code, (flags, value) in raw.items():
        size = len(value)
        if size > 255:
            head = bytes((flags | EXTENDED_LENGTH, code)) + size.to_bytes(2, "big")
        else:
            head = bytes((flags & ~EXTENDED_LENGTH, code, size))
        parts.append(head + value)
    return b"".join(parts)
