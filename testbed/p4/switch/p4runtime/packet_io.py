"""Packet-in and packet-out: controller headers <-> PacketMetadata (spec sections 6.4.6 and 16.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.switch.p4runtime.errors import invalid
from testbed.p4.switch.p4runtime.schema import PacketHeader
from testbed.p4.switch.p4runtime.stubs import p4r
from testbed.p4.switch.p4runtime.wire import (
    METADATA_ID,
    METADATA_VALUE,
    PACKET,
    PACKET_METADATA,
    PACKET_PAYLOAD,
    message_field,
    varint,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def packet_in(header: PacketHeader | None, frame: bytes) -> bytes | None:
    """The stream message for a frame that left on the CPU port; None: it is shorter than its header."""
    if header is None:
        return message_field(PACKET, message_field(PACKET_PAYLOAD, frame))
    size = header.nbytes
    if len(frame) < size:
        return None
    parts = [message_field(PACKET_PAYLOAD, frame[size:])]
    value, shift = int.from_bytes(frame[:size]), size * 8
    for metadata_id, translation in header.fields:
        width = translation.width
        shift -= width
        raw = (value >> shift & ((1 << width) - 1)).to_bytes((width + 7) // 8)
        shown = message_field(METADATA_VALUE, translation.to_controller(raw))
        parts.append(message_field(PACKET_METADATA, METADATA_ID + varint(metadata_id) + shown))
    return message_field(PACKET, b"".join(parts))


def packet_out(header: PacketHeader | None, packet: p4r.PacketOut) -> bytes:
    """The frame that enters ingress: controller header, then the payload.

    Raises:
        RpcError: INVALID_ARGUMENT: the metadata is not what P4Info says.
    """
    if header is None:
        if packet.metadata:
            invalid("this program has no packet_out header, so packet-outs have no metadata")
        return packet.payload
    given = _metadata(packet.metadata)
    value = 0
    for metadata_id, translation in header.fields:
        raw = given.pop(metadata_id, None)
        if raw is None:
            invalid(f"packet-out metadata {metadata_id} is missing")
        value = value << translation.width | int.from_bytes(translation.to_device(raw))
    if given:
        invalid(f"packet-out metadata {min(given)} is not in P4Info")
    return (value << header.nbytes * 8 - header.bits).to_bytes(header.nbytes) + packet.payload


def _metadata(items: Sequence[p4r.PacketMetadata]) -> dict[int, bytes]:
    given = {item.metadata_id: item.value for item in items}
    if len(given) != len(items):
        invalid("packet-out metadata is there twice")
    return given
