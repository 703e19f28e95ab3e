"""Protobuf on the wire, where building messages would be too slow: entries are stored and sent as bytes, and
what goes to controllers unasked is written as bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

CHUNK: Final = 256 * 1024
"""Bytes of one `ReadResponse`, about: far below the 4 MB that gRPC clients take by default."""

ENTITY_TAGS: Final = {
    "table_entry": b"\x12",
    "action_profile_member": b"\x1a",
    "action_profile_group": b"\x22",
    "meter_entry": b"\x2a",
    "direct_meter_entry": b"\x32",
    "counter_entry": b"\x3a",
    "direct_counter_entry": b"\x42",
    "packet_replication_engine_entry": b"\x4a",
    "value_set_entry": b"\x52",
    "register_entry": b"\x5a",
    "digest_entry": b"\x62",
}
"""Tags of the members of `p4.v1.Entity`."""

METER_CONFIG: Final = b"\x32"
COUNTER_DATA: Final = b"\x3a"
TIME_SINCE_LAST_HIT: Final = b"\x52"
IS_CONST: Final = b"\x68\x01"
"""Fields of `p4.v1.TableEntry`."""

PACKET: Final = b"\x12"
DIGEST: Final = b"\x1a"
"""Members of `p4.v1.StreamMessageResponse`."""

PACKET_PAYLOAD: Final = b"\x0a"
PACKET_METADATA: Final = b"\x12"
"""Fields of `p4.v1.PacketIn`."""

METADATA_ID: Final = b"\x08"
METADATA_VALUE: Final = b"\x12"
"""Fields of `p4.v1.PacketMetadata`."""

DIGEST_ID: Final = b"\x08"
LIST_ID: Final = b"\x10"
DIGEST_DATA: Final = b"\x1a"
DIGEST_TIMESTAMP: Final = b"\x20"
"""Fields of `p4.v1.DigestList`."""

BITSTRING: Final = b"\x0a"
STRUCT_LIKE: Final = {"tuple": b"\x22", "struct": b"\x2a"}
"""Members of `p4.v1.P4Data`."""

MEMBER: Final = b"\x0a"
"""Field of `p4.v1.P4StructLike`."""


def varint(value: int) -> bytes:
    """A base 128 varint."""
    if value < 0x80:
        return _SHORT[value]
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SHORT: Final = [bytes([i]) for i in range(0x80)]


def message_field(tag: bytes, body: bytes) -> bytes:
    """A length-delimited field."""
    return tag + varint(len(body)) + body


def counter_data(packets: int, size: int) -> bytes:
    """A `p4.v1.CounterData`."""
    body = b""
    if size:
        body += b"\x08" + varint(size)
    if packets:
        body += b"\x10" + varint(packets)
    return body


def read_responses(entities: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """`ReadResponse`s of bounded size out of (entity tag, serialized entry) pairs."""
    parts: list[bytes] = []
    size = 0
    for tag, body in entities:
        entity_size = varint(len(body))
        inner = len(tag) + len(entity_size) + len(body)
        parts += (b"\x0a", varint(inner), tag, entity_size, body)
        size += inner + 4
        if size >= CHUNK:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)
