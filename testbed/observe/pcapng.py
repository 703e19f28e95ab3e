"""Reading and writing pcapng, as much as captures of a lab need: interface names, directions, nanoseconds.

Wireshark reads what is written; what is read may come from anywhere: `PcapngError` if it is damaged.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, final

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER = 0x1A2B3C4D
_COMMENT, _END = 1, 0
_IF_NAME, _IF_TSRESOL, _EPB_FLAGS = 2, 9, 2
_INBOUND, _OUTBOUND = 1, 2
_ETHERNET = 1
_OFFSET = "monotonic offset ns "
_MAX_BLOCK = 1 << 24


class PcapngError(ValueError):
    """The file is damaged, or not pcapng."""


@final
@dataclass(frozen=True, slots=True)
class Captured:
    """A frame on an interface."""

    interface: str
    outgoing: bool
    """Sent by this machine there; otherwise received."""
    t: float
    """CLOCK_MONOTONIC, s."""
    data: bytes
    length: int
    """On the wire; more than there is in `data` if it was cut."""


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


@final
class Writer:
    """Writes one section; times are given as CLOCK_REALTIME, as capture files have them."""

    def __init__(self, file: BinaryIO, interfaces: list[str], snap: int, monotonic_offset_ns: int) -> None:
        """`monotonic_offset_ns`: what to add to CLOCK_REALTIME to get CLOCK_MONOTONIC."""
        self._file = file
        comment = _option(_COMMENT, f"{_OFFSET}{monotonic_offset_ns}".encode()) + _option(_END, b"")
        file.write(_block(_SECTION, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1) + comment))
        for name in interfaces:
            options = _option(_IF_NAME, name.encode()) + _option(_IF_TSRESOL, b"\x09") + _option(_END, b"")
            file.write(_block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, snap) + options))

    def write(self, interface: int, ns: int, data: bytes, length: int, *, outgoing: bool) -> None:
        """A frame on the interface of this number, in the order given to the constructor."""
        flags = _option(_EPB_FLAGS, struct.pack("<I", _OUTBOUND if outgoing else _INBOUND))
        head = struct.pack("<IIIII", interface, ns >> 32, ns & 0xFFFFFFFF, len(data), length)
        self._file.write(_block(_PACKET, head + data + bytes(-len(data) % 4) + flags + _option(_END, b"")))


def read(data: bytes) -> Iterator[Captured]:
    """The frames of a file in its order. Raises `PcapngError`."""
    offset_ns = 0
    interfaces: list[tuple[str, int]] = []
    for kind, body in _blocks(data):
        try:
            if kind == _SECTION:
                interfaces = []
                offset_ns = _monotonic_offset(body)
            elif kind == _INTERFACE:
                interfaces.append(_interface(body))
            elif kind == _PACKET:
                yield _frame(body, interfaces, offset_ns)
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise PcapngError(f"damaged block of type {kind}: {error}") from None


def _blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        if len(data) - at < 12:
            raise PcapngError(f"cut short at byte {at}")
        kind, length = struct.unpack_from("<II", data, at)
        if at == 0 and (kind != _SECTION or data[8:12] != struct.pack("<I", _BYTE_ORDER)):
            raise PcapngError("not a little-endian pcapng file")
        if not 12 <= length <= min(_MAX_BLOCK, len(data) - at) or length % 4:
            raise PcapngError(f"damaged block length at byte {at}")
        yield kind, data[at + 8 : at + length - 4]
        at += length


def _options(data: bytes) -> dict[int, bytes]:
    result = {}
    while len(data) >= 4:
        code, length = struct.unpack_from("<HH", data)
        if code == _END:
            break
        result[code] = data[4 : 4 + length]
        data = data[4 + length + (-length % 4) :]
    return result


def _monotonic_offset(body: bytes) -> int:
    comment = _options(body[16:]).get(_COMMENT, b"").decode(errors="replace")
    text = comment.removeprefix(_OFFSET)
    return int(text) if comment != text and text.lstrip("-").isdecimal() and len(text) < 30 else 0


def _interface(body: bytes) -> tuple[str, int]:
    """Name, and units of time in a second."""
    options = _options(body[8:])
    resolution = options.get(_IF_TSRESOL, b"\x06")[0]
    units = 1 << (resolution & 0x7F) if resolution & 0x80 else 10 ** (resolution & 0x7F)
    return options.get(_IF_NAME, b"").decode(), units


def _frame(body: bytes, interfaces: list[tuple[str, int]], offset_ns: int) -> Captured:
    number, high, low, captured, length = struct.unpack_from("<IIIII", body)
    name, units = interfaces[number]
    if captured > len(body) - 20:
        raise PcapngError("a frame is longer than its block")
    data = body[20 : 20 + captured]
    flags = _options(body[20 + captured + (-captured % 4) :]).get(_EPB_FLAGS, bytes(4))
    outgoing = struct.unpack("<I", flags)[0] & 3 == _OUTBOUND
    ns = ((high << 32) | low) * 1_000_000_000 // units + offset_ns
    return Captured(name, outgoing, ns / 1e9, data, length)
