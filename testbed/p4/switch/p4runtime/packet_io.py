"""Packet-in and packet-out: controller headers <-> PacketMetadata (spec sections 6.4.6 and 16.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.switch.p4runtime.errors import invalid
from testbed.p4.switch.p4runtime.schema import PacketHeader
from testbed.p4.switch.p4runtime.stubs import p4r

if TYPE_CHECKING:
    from collections.abc import Sequence


def packet_in(header: PacketHeader | None, frame: bytes) -> p4r.StreamMessageResponse | None:
    """The message for a frame that left on the CPU port; None: it is shorter than its header."""
    response = p4r.StreamMessageResponse()
    packet = response.packet
    if header is None:
        packet.payload = frame
        return response
    size = header.nbytes
    if len(frame) < size:
        return None
    packet.payload = frame[size:]
    value, shift = int.from_bytes(frame[:size]), size * 8
    for metadata_id, translation in header.fields:
        shift -= translation.width
        field = value >> shift & ((1 << translation.width) - 1)
        raw = field.to_bytes((translation.width + 7) // 8)
        packet.metadata.add(metadata_id=metadata_id, value=translation.to_controller(raw))
    return response


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
