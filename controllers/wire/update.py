"""UPDATE messages (RFC 4271 §4.3, RFC 4760), with what RFC 7606 lets a session survive.

Decoding stops at the keys: each announced route is a (key, NLRI bytes) pair beside one shared
`AttributeSet`. That is all a reflector needs; whoever wants typed values asks for them, and what many
routes share is checked and decoded once.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final, NamedTuple, final

from msgspec import Struct

from controllers.wire.attributes import (
    EXTENDED_LENGTH,
    FLAGS,
    OPTIONAL,
    AttributeType,
    PathAttributes,
    RawAttributes,
    from_raw,
    serialize,
    to_raw,
)
from controllers.wire.errors import DecodeError, ErrorCode, UpdateSubcode
from controllers.wire.nlri import CODECS
from controllers.wire.types import (
    EVPN,
    IPV4_UNICAST,
    IPV6_UNICAST,
    RT_CONSTRAINT,
    VPLS,
    VPNV4,
    VPNV6,
    WITHDRAWN_LABEL,
    Family,
    IpAddress,
    address_from_bytes,
)
from controllers.wire.validation import Fault, FaultAction, missing, validate, walk

MAX_MESSAGE: Final = 4096
HEADER_SIZE: Final = 19
MARKER: Final = b"\xff" * 16
UPDATE_TYPE: Final = 2

# Plain numbers, not enum members: these are compared for every attribute of every UPDATE.
_NEXT_HOP: Final = int(AttributeType.NEXT_HOP)
_MP_REACH: Final = int(AttributeType.MP_REACH_NLRI)
_MP_UNREACH: Final = int(AttributeType.MP_UNREACH_NLRI)

DECODED: Final = 128
"""UPDATEs remembered decoded: those that a reflector sends to several speakers of one process at once."""

SHARED_UP_TO: Final = 1024
"""Attributes of more bytes are not remembered: a neighbour could fill the memory with them."""

KeyedNlri = tuple[bytes, bytes]
"""A route's key within its family, and its NLRI as it stands on the wire."""

_NEXT_HOP_SIZES: Final[dict[Family, tuple[int, ...]]] = {
    IPV4_UNICAST: (4,),
    IPV6_UNICAST: (16, 32),
    VPNV4: (12,),
    VPNV6: (24, 48),
    RT_CONSTRAINT: (4, 16),
    VPLS: (4, 16),
    EVPN: (4, 16),
}
_ZERO_RD: Final = bytes(8)
_NO_LABEL: Final = WITHDRAWN_LABEL.to_bytes(3, "big")

_TARGET_HEADS: Final = frozenset((b"\x00\x02", b"\x01\x02", b"\x02\x02", b"\x06\x02"))
"""Types of extended communities that decide who imports a route (RFC 4360 §4, RFC 7432 §7.6)."""


def next_hop_to_wire(family: Family, address: IpAddress) -> bytes:
    """Write a next hop as `family` has it: VPNs put a zero RD before it, IPv6 maps IPv4 (RFC 4659 §3.2.1)."""
    packed = address.packed
    if family in (VPNV6, IPV6_UNICAST) and len(packed) == 4:
        packed = bytes(10) + b"\xff\xff" + packed
    return _ZERO_RD + packed if family in (VPNV4, VPNV6) else packed


def next_hop_from_wire(family: Family, raw: bytes) -> IpAddress:
    """Read a next hop of a length that `family` allows; a link-local address behind it is left out."""
    packed = raw[8:24] if family in (VPNV4, VPNV6) else raw[:16]
    address = address_from_bytes(packed)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


@final
class AttributeSet:
    """The attributes that many routes share, next hop included; equal ones are one object where possible.

    Immutable. `raw` and `wire` are without next hop; `next_hop` is as MP_REACH_NLRI carries it.
    """

    __slots__ = ("_targets", "_typed", "_wire", "family", "next_hop", "raw")

    def __init__(self, family: Family, next_hop: bytes, raw: RawAttributes) -> None:
        self.family = family
        self.next_hop = next_hop
        self.raw = raw
        self._typed: PathAttributes | None = None
        self._targets: frozenset[bytes] | None = None
        self._wire: bytes | None = None

    @classmethod
    def of(cls, family: Family, attributes: PathAttributes) -> AttributeSet:
        """Encode typed attributes. Raises ValueError without a next hop."""
        if attributes.next_hop is None:
            raise ValueError(f"{family}: a route needs a next hop")
        return cls(family, next_hop_to_wire(family, attributes.next_hop), to_raw(attributes))

    @property
    def typed(self) -> PathAttributes:
        """The attributes decoded, once."""
        if self._typed is None:
            self._typed = from_raw(self.raw, next_hop_from_wire(self.family, self.next_hop))
        return self._typed

    @property
    def wire(self) -> bytes:
        """The attributes encoded, once, without next hop."""
        if self._wire is None:
            self._wire = serialize(self.raw)
        return self._wire

    @property
    def targets(self) -> frozenset[bytes]:
        """Route targets and ES-Import targets, eight bytes each: what RT constraint matches (RFC 4684 §4)."""
        if self._targets is None:
            _, value = self.raw.get(AttributeType.EXTENDED_COMMUNITIES, (0, b""))
            communities = [value[at : at + 8] for at in range(0, len(value), 8)]
            self._targets = frozenset(c for c in communities if c[:2] in _TARGET_HEADS)
        return self._targets

    @property
    def has_communities(self) -> bool:
        """True if there are communities of RFC 1997."""
        return AttributeType.COMMUNITIES in self.raw


@final
class NoRoomError(ValueError):
    """Attributes so long that not one route fits beside them into a message (RFC 8654 §4)."""


@final
class Announced(NamedTuple):
    """Routes of one family that share their attributes."""

    attributes: AttributeSet
    routes: list[KeyedNlri]


@final
class Withdrawn(NamedTuple):
    """Routes of one family that are gone."""

    family: Family
    routes: list[KeyedNlri]


@final
class Update(Struct, frozen=True):
    """A decoded UPDATE. What was to be treated as withdrawn stands among `withdrawn` already."""

    announced: tuple[Announced, ...] = ()
    withdrawn: tuple[Withdrawn, ...] = ()
    end_of_rib: Family | None = None
    faults: tuple[Fault, ...] = ()


def _reset(reason: str, subcode: int, data: bytes = b"") -> DecodeError:
    return DecodeError(reason, ErrorCode.UPDATE, subcode, data)


def _keyed(family: Family, data: bytes, faults: list[Fault]) -> list[KeyedNlri]:
    """Split and key a run of NLRI; a single route of EVPN that is malformed is left out.

    Raises DecodeError where routes cannot be told apart, or a prefix is longer than its address (RFC
    7606 §5.3).
    """
    codec = CODECS[family]
    key = codec.key
    nlris = codec.split(data)
    try:
        return [(key(nlri), nlri) for nlri in nlris]
    except DecodeError:
        if family not in (EVPN, VPLS):
            raise
    routes = []
    for nlri in nlris:
        try:
            routes.append((key(nlri), nlri))
        except DecodeError as error:
            faults.append(Fault(FaultAction.NLRI_DISCARD, 0, error.reason))
    return routes


@lru_cache(maxsize=8192)
def _attribute_set(
    data: bytes, internal: bool, family: Family, next_hop: bytes
) -> tuple[AttributeSet, tuple[Fault, ...]]:
    raw, faults = validate(data, internal=internal)
    faults += missing(raw, faults)
    raw.pop(_NEXT_HOP, None)
    address = next_hop_from_wire(family, next_hop)
    if address.is_unspecified or address.is_multicast:
        faults.append(Fault(FaultAction.TREAT_AS_WITHDRAW, AttributeType.NEXT_HOP, f"next hop {address}"))
    return AttributeSet(family, next_hop, raw), tuple(faults)


def _split_reach(value: bytes) -> tuple[Family, bytes, bytes]:
    """Cut MP_REACH_NLRI into family, next hop and NLRI. Raises DecodeError (RFC 7606 §7.11)."""
    if len(value) < 5 or len(value) < 5 + value[3]:
        raise _reset("MP_REACH_NLRI is cut short", UpdateSubcode.OPTIONAL_ATTRIBUTE, value)
    family = Family(value[0] << 8 | value[1], value[2])
    size = value[3]
    if size not in _NEXT_HOP_SIZES.get(family, (size,)):
        raise _reset(f"{family}: next hop of {size} bytes", UpdateSubcode.OPTIONAL_ATTRIBUTE, value)
    return family, value[4 : 4 + size], value[5 + size :]


@final
class _Parts(NamedTuple):
    """An UPDATE cut into pieces: IPv4 routes, the multiprotocol attributes, all others as they were."""

    withdrawn: bytes
    attributes: bytes
    reach: bytes | None
    unreach: bytes | None
    nlri: bytes
    cut_short: str | None

    @property
    def announces(self) -> bool:
        """True if there are reachable routes, in the base message or in MP_REACH_NLRI."""
        reach = self.reach
        return bool(self.nlri) or (reach is not None and len(reach) > 5 + reach[3])


def _split(body: bytes) -> _Parts:
    """Cut an UPDATE into its pieces. Raises DecodeError (RFC 4271 §6.3, RFC 7606 §3 g)."""
    size = len(body)
    attributes_at = 2 + int.from_bytes(body[:2], "big")
    nlri_at = attributes_at + 2 + int.from_bytes(body[attributes_at : attributes_at + 2], "big")
    if size < 4 or attributes_at + 2 > size or nlri_at > size:
        raise _reset("the lengths in the UPDATE exceed it", UpdateSubcode.MALFORMED_ATTRIBUTE_LIST)
    data = body[attributes_at + 2 : nlri_at]
    found, cut_short = walk(data)
    multiprotocol: dict[int, bytes] = {}
    others = []
    for flags, code, start, after in found:
        if code not in (_MP_REACH, _MP_UNREACH):
            others.append(data[start:after])
            continue
        if code in multiprotocol:
            raise _reset(f"attribute {code} twice", UpdateSubcode.MALFORMED_ATTRIBUTE_LIST)
        head = 4 if flags & EXTENDED_LENGTH else 3
        if flags & 0xC0 != FLAGS[code]:
            raise _reset(
                f"attribute {code} with flags {flags:#04x}",
                UpdateSubcode.ATTRIBUTE_FLAGS,
                data[start:after],
            )
        multiprotocol[code] = data[start + head : after]
    return _Parts(
        body[2:attributes_at],
        b"".join(others),
        multiprotocol.get(_MP_REACH),
        multiprotocol.get(_MP_UNREACH),
        body[nlri_at:],
        cut_short,
    )


def _announcements(parts: _Parts, faults: list[Fault]) -> list[tuple[Family, bytes, list[KeyedNlri]]]:
    """The announced routes of an UPDATE by family and next hop, before attributes are looked at."""
    found = []
    if parts.reach is not None:
        family, next_hop, nlri = _split_reach(parts.reach)
        if family in CODECS:
            found.append((family, next_hop, _keyed(family, nlri, faults)))
        else:
            faults.append(Fault(FaultAction.NLRI_DISCARD, 0, f"routes of unknown {family}"))
    if parts.nlri:
        hops = [
            parts.attributes[start + (4 if flags & EXTENDED_LENGTH else 3) : after]
            for flags, code, start, after in walk(parts.attributes)[0]
            if code == _NEXT_HOP
        ]
        good = bool(hops) and len(hops[0]) == 4
        if not good:
            faults.append(
                Fault(
                    FaultAction.TREAT_AS_WITHDRAW, AttributeType.NEXT_HOP, "NEXT_HOP is missing or malformed"
                )
            )
        found.append((IPV4_UNICAST, hops[0] if good else bytes(4), _keyed(IPV4_UNICAST, parts.nlri, faults)))
    return found


def _withdrawals(parts: _Parts, faults: list[Fault]) -> tuple[list[Withdrawn], Family | None]:
    """The withdrawn routes of an UPDATE, and the family whose table it declares complete.

    Which it does only if there is no route in it at all (RFC 4724 §2).
    """
    withdrawn = []
    end_of_rib = None
    if parts.withdrawn:
        withdrawn.append(Withdrawn(IPV4_UNICAST, _keyed(IPV4_UNICAST, parts.withdrawn, faults)))
    if parts.unreach is not None:
        if len(parts.unreach) < 3:
            raise _reset("MP_UNREACH_NLRI is cut short", UpdateSubcode.OPTIONAL_ATTRIBUTE, parts.unreach)
        family = Family(parts.unreach[0] << 8 | parts.unreach[1], parts.unreach[2])
        if len(parts.unreach) == 3:
            end_of_rib = family
        elif family in CODECS:
            withdrawn.append(Withdrawn(family, _keyed(family, parts.unreach[3:], faults)))
        else:
            faults.append(Fault(FaultAction.NLRI_DISCARD, 0, f"routes of unknown {family}"))
    return withdrawn, end_of_rib


def _without_routes(parts: _Parts, internal: bool) -> list[Fault]:
    """Judge the attributes of an UPDATE that announces nothing.

    Raises DecodeError if they are malformed: the routes that were to be treated as withdrawn may have been
    lost with them (RFC 7606 §5.2).
    """
    if parts.cut_short is not None:
        raise _reset(f"{parts.cut_short}, and no routes", UpdateSubcode.MALFORMED_ATTRIBUTE_LIST)
    _, faults = validate(parts.attributes, internal=internal)
    for fault in faults:
        if fault.action is FaultAction.TREAT_AS_WITHDRAW:
            raise _reset(f"{fault.reason}, and no routes", UpdateSubcode.MALFORMED_ATTRIBUTE_LIST)
    return faults


@lru_cache(maxsize=DECODED)
def decode_update(body: bytes, *, internal: bool) -> Update:
    """Decode the body of an UPDATE from an internal or external neighbour with four-octet AS numbers.

    Raises DecodeError where the session must be reset; any lesser fault is in the result, which nobody may
    change: speakers in one process that are sent the same bytes by a reflector share it, lists included.
    """
    if body == b"\0\0\0\0":
        return Update(end_of_rib=IPV4_UNICAST)
    parts = _split(body)
    faults: list[Fault] = []
    withdrawn, end_of_rib = _withdrawals(parts, faults)
    found_routes = _announcements(parts, faults)
    if not parts.announces:
        faults += _without_routes(parts, internal)
        return Update((), tuple(withdrawn), None if withdrawn else end_of_rib, tuple(faults))
    if parts.cut_short is not None:
        faults.append(Fault(FaultAction.TREAT_AS_WITHDRAW, 0, parts.cut_short))
    announced = []
    shared = len(parts.attributes) <= SHARED_UP_TO
    attribute_set = _attribute_set if shared else _attribute_set.__wrapped__
    for family, next_hop, routes in found_routes:
        attributes, found = attribute_set(parts.attributes, internal, family, next_hop)
        faults += found
        if faults and any(fault.action is FaultAction.TREAT_AS_WITHDRAW for fault in faults):
            withdrawn.append(Withdrawn(family, routes))
        else:
            announced.append(Announced(attributes, routes))
    return Update(tuple(announced), tuple(withdrawn), None, tuple(faults))


def _message(withdrawn: bytes, attributes: bytes, nlri: bytes = b"") -> bytes:
    size = HEADER_SIZE + 4 + len(withdrawn) + len(attributes) + len(nlri)
    return b"".join(
        (
            MARKER,
            size.to_bytes(2, "big"),
            b"\x02",
            len(withdrawn).to_bytes(2, "big"),
            withdrawn,
            len(attributes).to_bytes(2, "big"),
            attributes,
            nlri,
        )
    )


def _chunks(nlris: Iterable[bytes], room: int) -> list[bytes]:
    """Join NLRI into runs of at most `room` bytes, in order."""
    runs: list[bytes] = []
    run: list[bytes] = []
    size = 0
    for nlri in nlris:
        size += len(nlri)
        if size > room and run:
            runs.append(b"".join(run))
            run, size = [], len(nlri)
        run.append(nlri)
    if run:
        runs.append(b"".join(run))
    return runs


def _optional(code: int, value: bytes) -> bytes:
    """An optional attribute with a two-byte length, so that its size is known before its content."""
    flags = OPTIONAL | EXTENDED_LENGTH
    return bytes((flags, code)) + len(value).to_bytes(2, "big") + value


def encode_announcements(
    attributes: AttributeSet, nlris: Iterable[bytes], max_message: int = MAX_MESSAGE
) -> list[bytes]:
    """Pack routes that share their attributes into as few UPDATE messages as fit.

    MP_REACH_NLRI goes first (RFC 7606 §5.1). Raises NoRoomError if not even one route fits.
    """
    family, next_hop = attributes.family, attributes.next_hop
    if family == IPV4_UNICAST:
        raw = dict(attributes.raw)
        raw[AttributeType.NEXT_HOP] = (FLAGS[AttributeType.NEXT_HOP], next_hop)
        wire = serialize(dict(sorted(raw.items())))
        room = max_message - HEADER_SIZE - 4 - len(wire)
    else:
        head = family.wire + bytes((len(next_hop),)) + next_hop + b"\0"
        wire = attributes.wire
        room = max_message - HEADER_SIZE - 4 - len(wire) - 4 - len(head)
    runs = _chunks(nlris, room)
    # Before the messages are written: no length field could hold what is longer than 65,535 bytes.
    if any(len(run) > room for run in runs):
        raise NoRoomError(f"{family}: attributes of {len(wire)} bytes leave no room for a route")
    if family == IPV4_UNICAST:
        return [_message(b"", wire, run) for run in runs]
    return [_message(b"", _optional(_MP_REACH, head + run) + wire) for run in runs]


def encode_withdrawals(family: Family, nlris: Iterable[bytes], max_message: int = MAX_MESSAGE) -> list[bytes]:
    """Pack withdrawn routes of one family into as few UPDATE messages as fit.

    Labelled VPN prefixes get the label that stands for none (RFC 8277 §2.4).
    """
    room = max_message - HEADER_SIZE - 4 - 7
    if family in (VPNV4, VPNV6):
        nlris = (nlri[:1] + _NO_LABEL + nlri[4:] for nlri in nlris)
    if family == IPV4_UNICAST:
        return [_message(run, b"") for run in _chunks(nlris, room)]
    return [_message(b"", _optional(_MP_UNREACH, family.wire + run)) for run in _chunks(nlris, room)]


def encode_end_of_rib(family: Family) -> bytes:
    """The UPDATE that says a table is complete (RFC 4724 §2)."""
    if family == IPV4_UNICAST:
        return _message(b"", b"")
    return _message(b"", _optional(_MP_UNREACH, family.wire))
