"""Controller headers and their fields."""

from __future__ import annotations

from testbed.p4.switch.p4runtime.packet_io import packet_in, packet_out
from testbed.p4.switch.p4runtime.schema import PacketHeader, Translation
from testbed.p4.switch.p4runtime.stubs import p4r

ODD = PacketHeader(((1, Translation(3, "a")), (2, Translation(8, "b"))))
"""Eleven bits: P4Info does not say how wide a port is that controllers know by name."""


def test_a_header_that_ends_within_a_byte_is_filled_up() -> None:
    message = p4r.PacketOut(payload=b"rest")
    message.metadata.add(metadata_id=1, value=b"\x05")
    message.metadata.add(metadata_id=2, value=b"\xff")
    frame = packet_out(ODD, message)
    assert frame == b"\xbf\xe0rest"
    message = packet_in(ODD, frame)
    assert message is not None
    response = p4r.StreamMessageResponse.FromString(message)
    assert response.packet.payload == b"rest"
    assert [m.value for m in response.packet.metadata] == [b"\x05", b"\xff"]


def test_a_frame_shorter_than_its_header_is_no_packet_in() -> None:
    assert packet_in(ODD, b"\0") is None
    assert packet_in(ODD, b"\0\0") is not None
