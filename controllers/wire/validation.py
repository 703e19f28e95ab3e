"""Which attributes are malformed, and how much of an UPDATE survives that (RFC 7606 §7).

The checks work on undecoded values; what passes them decodes without an error.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, final

from msgspec import Struct

from controllers.wire.attributes import (
    EXTENDED_LENGTH,
    FLAGS,
    OPTIONAL,
    OPTIONAL_TRANSITIVE,
    PARTIAL,
    AttributeType,
    Origin,
    PmsiTunnelType,
    RawAttributes,
    SegmentKind,
)
from controllers.wire.errors import DecodeError, ErrorCode, UpdateSubcode


class FaultAction(Enum):
    """What becomes of a malformed part; a session reset is a DecodeError instead (RFC 7606 §2)."""

    ATTRIBUTE_DISCARD = "attribute discard"
    TREAT_AS_WITHDRAW = "treat as withdraw"
    NLRI_DISCARD = "NLRI discard"


@final
class Fault(Struct, frozen=True):
    """One thing wrong with an UPDATE that the session survives. `attribute` is a type code, 0 for NLRI."""

    action: FaultAction
    attribute: int
    reason: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.action.value})"


def _multiple_of(size: int) -> Callable[[bytes], str | None]:
    def check(value: bytes) -> str | None:
        return None if value and len(value) % size == 0 else f"{len(value)} bytes, not a multiple of {size}"

    return check


def _exactly(size: int) -> Callable[[bytes], str | None]:
    def check(value: bytes) -> str | None:
        return None if len(value) == size else f"{len(value)} bytes, not {size}"

    return check


_AS_ZERO: Final = bytes(4)


def _check_origin(value: bytes) -> str | None:
    if len(value) != 1:
        return f"{len(value)} bytes, not 1"
    return None if value[0] <= Origin.INCOMPLETE else f"undefined value {value[0]}"


def _check_as_path(value: bytes) -> str | None:
    at, end = 0, len(value)
    while at < end:
        if end - at < 2:
            return "a segment header is cut short"
        kind, count = value[at], value[at + 1]
        if not SegmentKind.SET <= kind <= SegmentKind.SEQUENCE:
            # Those of a confederation too, which no neighbour shares with us (RFC 5065 §5).
            return f"unrecognized segment type {kind}"
        if count == 0:
            return "a segment without AS numbers"
        after = at + 2 + 4 * count
        if after > end:
            return "a segment is cut short"
        if any(value[number : number + 4] == _AS_ZERO for number in range(at + 2, after, 4)):
            return "AS 0 (RFC 7607 §2)"
        at = after
    return None


def _check_aggregator(value: bytes) -> str | None:
    if len(value) != 8:
        return f"{len(value)} bytes, not 8"
    return "AS 0 (RFC 7607 §2)" if value[:4] == _AS_ZERO else None


def _check_pmsi(value: bytes) -> str | None:
    if len(value) < 5:
        return f"{len(value)} bytes, fewer than 5"
    if value[1] == PmsiTunnelType.INGRESS_REPLICATION and len(value) not in (9, 21):
        return f"ingress replication to an address of {len(value) - 5} bytes"
    return None


_DISCARD: Final = FaultAction.ATTRIBUTE_DISCARD
_WITHDRAW: Final = FaultAction.TREAT_AS_WITHDRAW

_CHECKS: Final[dict[int, tuple[Callable[[bytes], str | None], FaultAction]]] = {
    AttributeType.ORIGIN: (_check_origin, _WITHDRAW),
    AttributeType.AS_PATH: (_check_as_path, _WITHDRAW),
    AttributeType.NEXT_HOP: (_exactly(4), _WITHDRAW),
    AttributeType.MULTI_EXIT_DISC: (_exactly(4), _WITHDRAW),
    AttributeType.LOCAL_PREF: (_exactly(4), _WITHDRAW),
    AttributeType.ATOMIC_AGGREGATE: (_exactly(0), _DISCARD),
    AttributeType.AGGREGATOR: (_check_aggregator, _DISCARD),
    AttributeType.COMMUNITIES: (_multiple_of(4), _WITHDRAW),
    AttributeType.ORIGINATOR_ID: (_exactly(4), _WITHDRAW),
    AttributeType.CLUSTER_LIST: (_multiple_of(4), _WITHDRAW),
    AttributeType.EXTENDED_COMMUNITIES: (_multiple_of(8), _WITHDRAW),
    AttributeType.PMSI_TUNNEL: (_check_pmsi, _WITHDRAW),
    AttributeType.LARGE_COMMUNITIES: (_multiple_of(12), _WITHDRAW),
}

_INTERNAL_ONLY: Final = frozenset(
    (AttributeType.LOCAL_PREF, AttributeType.ORIGINATOR_ID, AttributeType.CLUSTER_LIST)
)
"""Attributes that an external neighbour may not set: discarded unseen (RFC 7606 §7.5, 7.9, 7.10)."""

_MANDATORY: Final = frozenset((int(AttributeType.ORIGIN), int(AttributeType.AS_PATH)))

_AS4_ATTRIBUTES: Final = frozenset((17, 18))
"""AS4_PATH and AS4_AGGREGATOR, which a four-octet speaker must not send (RFC 6793 §6)."""


def _name(code: int) -> str:
    return AttributeType(code).name if code in FLAGS else f"attribute {code}"


_RULES: Final[dict[int, tuple[int, Callable[[bytes], str | None], FaultAction, bool]]] = {
    int(code): (FLAGS[code], check, action, code in _INTERNAL_ONLY)
    for code, (check, action) in _CHECKS.items()
}
"""Flags, check of the value, what a failed check means, and whether only internal neighbours may set it."""


def _check(code: int, flags: int, value: bytes, internal: bool) -> Fault | None:
    """Judge one known attribute. None: nothing wrong with it."""
    wanted, check, action, internal_only = _RULES[code]
    if flags & OPTIONAL_TRANSITIVE != wanted:
        return Fault(_WITHDRAW, code, f"{_name(code)} with flags {flags:#04x}")
    if internal_only and not internal:
        return Fault(_DISCARD, code, f"{_name(code)} from an external neighbour")
    reason = check(value)
    return None if reason is None else Fault(action, code, f"{_name(code)}: {reason}")


def _unrecognized(code: int, flags: int, value: bytes) -> tuple[int, bytes] | None:
    """What to carry on of an attribute that is not known here (RFC 4271 §5, §9).

    Raises DecodeError for one that claims to be well-known (RFC 4271 §6.3).
    """
    if not flags & OPTIONAL:
        head = bytes((flags & ~EXTENDED_LENGTH, code, min(len(value), 255)))
        raise DecodeError(
            f"unrecognized well-known attribute {code}",
            ErrorCode.UPDATE,
            UpdateSubcode.UNRECOGNIZED_WELL_KNOWN,
            head + value[:255],
        )
    if flags & OPTIONAL_TRANSITIVE != OPTIONAL_TRANSITIVE:
        return None
    return flags & 0xE0 | PARTIAL, value


def walk(data: bytes) -> tuple[list[tuple[int, int, int, int]], str | None]:
    """Find the attributes in `data`: (flags, type code, start of header, end of value) each.

    The second value says why the walk stopped early, if it did: a header or value that does not fit
    into the attributes' total length (RFC 7606 §4).
    """
    found: list[tuple[int, int, int, int]] = []
    at, end = 0, len(data)
    while at < end:
        if end - at < 3:
            return found, "the last attribute's header is cut short"
        flags = data[at]
        if flags & EXTENDED_LENGTH:
            after = at + 4 + int.from_bytes(data[at + 2 : at + 4], "big")
            if end - at < 4:
                return found, "the last attribute's header is cut short"
        else:
            after = at + 3 + data[at + 2]
        if after > end:
            return found, f"attribute {data[at + 1]} exceeds the attributes' total length"
        found.append((flags, data[at + 1], at, after))
        at = after
    return found, None


def validate(data: bytes, *, internal: bool) -> tuple[RawAttributes, list[Fault]]:
    """Check attributes other than MP_REACH_NLRI and MP_UNREACH_NLRI and keep the good ones.

    Of an attribute that appears twice the first counts (RFC 7606 §3 g). Raises DecodeError for an
    unrecognized well-known attribute.
    """
    raw: RawAttributes = {}
    faults: list[Fault] = []
    seen: set[int] = set()
    for flags, code, start, after in walk(data)[0]:
        if code in seen:
            faults.append(Fault(_DISCARD, code, f"{_name(code)} a second time"))
            continue
        seen.add(code)
        value = data[start + (4 if flags & EXTENDED_LENGTH else 3) : after]
        if code in _RULES:
            fault = _check(code, flags, value, internal)
            if fault is None:
                raw[code] = (flags & 0xE0, value)
            else:
                faults.append(fault)
        elif code in _AS4_ATTRIBUTES:
            faults.append(Fault(_DISCARD, code, f"attribute {code} from a four-octet speaker"))
        elif (kept := _unrecognized(code, flags, value)) is not None:
            raw[code] = kept
    return raw, faults


def missing(raw: RawAttributes, faults: list[Fault]) -> list[Fault]:
    """What every announced route must have and these attributes lack (RFC 7606 §3 d)."""
    absent = _MANDATORY - raw.keys() - {fault.attribute for fault in faults}
    return [Fault(_WITHDRAW, code, f"{_name(code)} is missing") for code in sorted(absent)]
