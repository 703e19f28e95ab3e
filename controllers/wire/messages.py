"""BGP messages other than UPDATE, and how any message is framed (RFC 4271 §4, RFC 2918, RFC 5492)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from ipaddress import IPv4Address
from typing import Final, final

from msgspec import Struct

from controllers.wire.errors import DecodeError, ErrorCode, HeaderSubcode, OpenSubcode
from controllers.wire.types import Family
from controllers.wire.update import HEADER_SIZE, MARKER, MAX_MESSAGE

MAX_EXTENDED_MESSAGE: Final = 65535
"""Longest message once both sides announced the capability (RFC 8654 §4)."""

AS_TRANS: Final = 23456
"""Stands in OPEN for an AS number that two octets cannot hold (RFC 6793 §9)."""


class MessageType(IntEnum):
    """Type codes of messages (RFC 4271 §4.1, RFC 2918 §3)."""

    OPEN = 1
    UPDATE = 2
    NOTIFICATION = 3
    KEEPALIVE = 4
    ROUTE_REFRESH = 5


class CapabilityCode(IntEnum):
    """Capabilities known here; others are kept raw (add-path, ...)."""

    MULTIPROTOCOL = 1
    ROUTE_REFRESH = 2
    EXTENDED_MESSAGE = 6
    GRACEFUL_RESTART = 64
    FOUR_OCTET_AS = 65
    ENHANCED_ROUTE_REFRESH = 70


@final
class GracefulRestart(Struct, frozen=True):
    """What a neighbour may do with our routes when the session breaks (RFC 4724 §3).

    `time`: seconds it may keep them, below 4096; `families`: each with whether its forwarding state was
    preserved; none: this side only keeps the neighbour's. `restarted`: this session is the first one since.
    """

    time: int = 0
    families: tuple[tuple[Family, bool], ...] = ()
    restarted: bool = False


@final
class Capabilities(Struct, frozen=True):
    """What a speaker offers in OPEN (RFC 5492)."""

    families: tuple[Family, ...] = ()
    route_refresh: bool = True
    enhanced_route_refresh: bool = False
    extended_message: bool = False
    four_octet_as: int | None = None
    graceful_restart: GracefulRestart | None = None
    unknown: tuple[tuple[int, bytes], ...] = ()


@final
class Open(Struct, frozen=True):
    """OPEN (RFC 4271 §4.2). `hold_time` in seconds; `asn` is the four-octet number where there is one."""

    asn: int
    hold_time: int
    router_id: IPv4Address
    capabilities: Capabilities

    def to_bytes(self) -> bytes:
        """Encode with header."""
        capabilities = _encode_capabilities(self.capabilities)
        size = len(capabilities)
        if size <= 253:
            parameters = bytes((size + 2, 2, size)) + capabilities
        else:  # RFC 9072 §2
            head = b"\xff\xff" + (size + 3).to_bytes(2, "big") + b"\x02" + size.to_bytes(2, "big")
            parameters = head + capabilities
        asn = self.asn if self.asn <= 0xFFFF else AS_TRANS
        fixed = b"\x04" + asn.to_bytes(2, "big") + self.hold_time.to_bytes(2, "big") + self.router_id.packed
        return frame(MessageType.OPEN, fixed + parameters)


@final
class Notification(Struct, frozen=True):
    """NOTIFICATION: why the session ends (RFC 4271 §4.5)."""

    code: int
    subcode: int = 0
    data: bytes = b""

    def to_bytes(self) -> bytes:
        """Encode with header, and without the end of data that would make it longer than any message."""
        body = bytes((self.code, self.subcode)) + self.data
        return frame(MessageType.NOTIFICATION, body[: MAX_MESSAGE - HEADER_SIZE])

    @property
    def shutdown_text(self) -> str:
        """What the operator of the other side wrote (RFC 9003 §2), made safe to print; often empty."""
        size = self.data[0] if self.code == ErrorCode.CEASE and self.subcode in (2, 4) and self.data else 0
        text = self.data[1 : 1 + size].decode("utf-8", "replace")
        return "".join(char if char.isprintable() else "?" for char in text)

    def __str__(self) -> str:
        known = self.code in tuple(ErrorCode)
        name = ErrorCode(self.code).name.replace("_", " ").lower() if known else f"code {self.code}"
        text = f": {self.shutdown_text}" if self.shutdown_text else ""
        return f"{name}, subcode {self.subcode}{text}"


@final
class Keepalive(Struct, frozen=True):
    """KEEPALIVE (RFC 4271 §4.4)."""

    def to_bytes(self) -> bytes:
        """Encode with header."""
        return frame(MessageType.KEEPALIVE, b"")


class RefreshSubtype(IntEnum):
    """ROUTE-REFRESH subtypes (RFC 7313 §3.2)."""

    REQUEST = 0
    BEGIN = 1
    END = 2


@final
class RouteRefresh(Struct, frozen=True):
    """ROUTE-REFRESH: send that family's routes again (RFC 2918 §3), or a marker around them (RFC 7313)."""

    family: Family
    subtype: int = RefreshSubtype.REQUEST

    def to_bytes(self) -> bytes:
        """Encode with header."""
        body = self.family.afi.to_bytes(2, "big") + bytes((self.subtype, self.family.safi))
        return frame(MessageType.ROUTE_REFRESH, body)


Message = Open | Notification | Keepalive | RouteRefresh


def frame(kind: int, body: bytes) -> bytes:
    """Put the 19-byte header before a body (RFC 4271 §4.1)."""
    return b"".join((MARKER, (HEADER_SIZE + len(body)).to_bytes(2, "big"), bytes((kind,)), body))


def _encode_capabilities(capabilities: Capabilities) -> bytes:
    c = capabilities
    found = [
        (CapabilityCode.MULTIPROTOCOL, family.afi.to_bytes(2, "big") + bytes((0, family.safi)))
        for family in c.families
    ]
    flags = (
        (c.route_refresh, CapabilityCode.ROUTE_REFRESH),
        (c.extended_message, CapabilityCode.EXTENDED_MESSAGE),
        (c.enhanced_route_refresh, CapabilityCode.ENHANCED_ROUTE_REFRESH),
    )
    found += [(code, b"") for present, code in flags if present]
    if c.four_octet_as is not None:
        found.append((CapabilityCode.FOUR_OCTET_AS, c.four_octet_as.to_bytes(4, "big")))
    if c.graceful_restart is not None:
        found.append((CapabilityCode.GRACEFUL_RESTART, _encode_restart(c.graceful_restart)))
    return b"".join(bytes((code, len(value))) + value for code, value in (*found, *c.unknown))


_RESTARTED, _FORWARDING, _TIME = 0x8000, 0x80, 0x0FFF


def _encode_restart(restart: GracefulRestart) -> bytes:
    head = (_RESTARTED * restart.restarted | restart.time & _TIME).to_bytes(2, "big")
    flags = (family.wire + bytes((_FORWARDING * kept,)) for family, kept in restart.families)
    return head + b"".join(flags)


def _decode_restart(value: bytes) -> GracefulRestart:
    head = int.from_bytes(value[:2], "big")
    families = (
        (Family(value[at] << 8 | value[at + 1], value[at + 2]), bool(value[at + 3] & _FORWARDING))
        for at in range(2, len(value), 4)
    )
    return GracefulRestart(head & _TIME, tuple(families), bool(head & _RESTARTED))


def _open_error(reason: str, subcode: int = OpenSubcode.UNSPECIFIC, data: bytes = b"") -> DecodeError:
    return DecodeError(reason, ErrorCode.OPEN, subcode, data)


def _tlvs(data: bytes, length_size: int, what: str) -> Iterator[tuple[int, bytes]]:
    """Walk (type, length, value) triples with lengths of `length_size` bytes. Raises DecodeError."""
    at, end = 0, len(data)
    while at < end:
        value_at = at + 1 + length_size
        after = value_at + int.from_bytes(data[at + 1 : value_at], "big")
        if value_at > end or after > end:
            raise _open_error(f"OPEN: {what} cut short")
        yield data[at], data[value_at:after]
        at = after


def _optional_parameters(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The optional parameters of OPEN, in either form (RFC 4271 §4.2, RFC 9072 §2). Raises DecodeError."""
    size = body[9]
    # Where the type says so the short length, usually 255, says nothing any more.
    extended = size != 0 and len(body) >= 13 and body[10] == 255
    if extended:
        parameters, size = body[13:], int.from_bytes(body[11:13], "big")
    else:
        parameters = body[10:]
    if len(parameters) != size:
        raise _open_error(f"OPEN: {len(parameters)} bytes of parameters, announced {size}")
    return _tlvs(parameters, 2 if extended else 1, "an optional parameter")


_SIZED: Final = (
    CapabilityCode.MULTIPROTOCOL,
    CapabilityCode.FOUR_OCTET_AS,
    CapabilityCode.GRACEFUL_RESTART,
)
"""Capabilities whose value has one length, or lengths of one form."""


def _decode_capabilities(runs: list[bytes]) -> Capabilities:
    """Gather capabilities from all parameters of OPEN; one with a wrong length is refused (RFC 5492 §4)."""
    families: dict[Family, None] = {}
    flags: set[int] = set()
    four_octet_as = None
    restart = None
    unknown = []
    for code, value in (pair for run in runs for pair in _tlvs(run, 1, "a capability")):
        if code == CapabilityCode.MULTIPROTOCOL and len(value) == 4:
            families[Family(value[0] << 8 | value[1], value[3])] = None
        elif code == CapabilityCode.FOUR_OCTET_AS and len(value) == 4:
            four_octet_as = int.from_bytes(value, "big")
        elif code == CapabilityCode.GRACEFUL_RESTART and len(value) % 4 == 2:
            # RFC 4724 §3: the last one counts.
            restart = _decode_restart(value)
        elif code in _SIZED:
            raise _open_error(f"OPEN: capability {code} of {len(value)} bytes")
        elif code in tuple(CapabilityCode):
            flags.add(code)
        else:
            unknown.append((code, value))
    return Capabilities(
        families=tuple(families),
        route_refresh=CapabilityCode.ROUTE_REFRESH in flags,
        enhanced_route_refresh=CapabilityCode.ENHANCED_ROUTE_REFRESH in flags,
        extended_message=CapabilityCode.EXTENDED_MESSAGE in flags,
        four_octet_as=four_octet_as,
        graceful_restart=restart,
        unknown=tuple(unknown),
    )


def decode_open(body: bytes) -> Open:
    """Decode the body of OPEN. Raises DecodeError with what RFC 4271 §6.2 has a NOTIFICATION say."""
    if len(body) < 10:
        raise DecodeError(
            f"OPEN of {len(body)} bytes",
            ErrorCode.MESSAGE_HEADER,
            HeaderSubcode.BAD_LENGTH,
            (HEADER_SIZE + len(body)).to_bytes(2, "big"),
        )
    if body[0] != 4:
        raise _open_error(f"BGP version {body[0]}", OpenSubcode.UNSUPPORTED_VERSION, b"\x00\x04")
    runs = []
    for kind, value in _optional_parameters(body):
        if kind != 2:
            raise _open_error(f"optional parameter {kind}", OpenSubcode.UNSUPPORTED_OPTIONAL_PARAMETER)
        runs.append(value)
    capabilities = _decode_capabilities(runs)
    asn = capabilities.four_octet_as
    if asn is None:
        asn = int.from_bytes(body[1:3], "big")
    hold_time = int.from_bytes(body[3:5], "big")
    if hold_time in (1, 2):
        raise _open_error(f"hold time of {hold_time} s", OpenSubcode.UNACCEPTABLE_HOLD_TIME)
    router_id = IPv4Address(body[5:9])
    if router_id == IPv4Address(0):
        raise _open_error("BGP identifier 0.0.0.0", OpenSubcode.BAD_BGP_IDENTIFIER)
    return Open(asn, hold_time, router_id, capabilities)


def decode_message(kind: int, body: bytes) -> Message:
    """Decode the body of a message other than UPDATE. Raises DecodeError."""
    if kind == MessageType.OPEN:
        return decode_open(body)
    if kind == MessageType.KEEPALIVE and not body:
        return Keepalive()
    if kind == MessageType.NOTIFICATION and len(body) >= 2:
        return Notification(body[0], body[1], body[2:])
    if kind == MessageType.ROUTE_REFRESH:
        if len(body) != 4:
            raise DecodeError(
                f"ROUTE-REFRESH of {len(body)} bytes", ErrorCode.ROUTE_REFRESH, 1, frame(kind, body)
            )
        return RouteRefresh(Family(body[0] << 8 | body[1], body[3]), body[2])
    raise DecodeError(
        f"message of type {kind} with {len(body)} bytes",
        ErrorCode.MESSAGE_HEADER,
        HeaderSubcode.BAD_LENGTH,
        (HEADER_SIZE + len(body)).to_bytes(2, "big"),
    )


_MIN_SIZES: Final[dict[int, int]] = {
    MessageType.OPEN: 29,
    MessageType.UPDATE: 23,
    MessageType.NOTIFICATION: 21,
    MessageType.KEEPALIVE: 19,
    MessageType.ROUTE_REFRESH: 23,
}


@final
class MessageReader:
    """Cuts a byte stream into messages. Feed it what the socket gave, take (type, body) pairs."""

    __slots__ = ("_buffer", "max_message")

    def __init__(self) -> None:
        self._buffer = b""
        self.max_message = MAX_MESSAGE

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Add bytes, yield every complete message. Raises DecodeError (RFC 4271 §6.1)."""
        buffer = self._buffer + data if self._buffer else data
        at, end = 0, len(buffer)
        try:
            while end - at >= HEADER_SIZE:
                size = buffer[at + 16] << 8 | buffer[at + 17]
                kind = buffer[at + 18]
                if buffer[at : at + 16] != MARKER:
                    raise DecodeError(
                        "message does not start with the marker",
                        ErrorCode.MESSAGE_HEADER,
                        HeaderSubcode.NOT_SYNCHRONIZED,
                    )
                if not _MIN_SIZES.get(kind, HEADER_SIZE) <= size <= self._limit(kind):
                    raise DecodeError(
                        f"message of type {kind} with a length of {size}",
                        ErrorCode.MESSAGE_HEADER,
                        HeaderSubcode.BAD_LENGTH,
                        buffer[at + 16 : at + 18],
                    )
                if kind not in _MIN_SIZES:
                    raise DecodeError(
                        f"message of unknown type {kind}",
                        ErrorCode.MESSAGE_HEADER,
                        HeaderSubcode.BAD_TYPE,
                        bytes((kind,)),
                    )
                if end - at < size:
                    break
                body = buffer[at + HEADER_SIZE : at + size]
                at += size
                yield kind, body
        finally:
            self._buffer = buffer[at:]

    def _limit(self, kind: int) -> int:
        """OPEN and KEEPALIVE stay short whatever was negotiated (RFC 8654 §4)."""
        return MAX_MESSAGE if kind in (MessageType.OPEN, MessageType.KEEPALIVE) else self.max_message
