"""OPEN, NOTIFICATION, KEEPALIVE, ROUTE-REFRESH and framing."""

from __future__ import annotations

import contextlib
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.wire.errors import CeaseSubcode, DecodeError, ErrorCode
from controllers.wire.messages import (
    Capabilities,
    GracefulRestart,
    Keepalive,
    Message,
    MessageReader,
    Notification,
    Open,
    RouteRefresh,
    decode_message,
    frame,
)
from controllers.wire.types import EVPN, RT_CONSTRAINT, Family
from tests.unit.controllers.wire.strategies import ipv4, u8, u16, u32

ROUTER_ID = IPv4Address("10.255.0.1")

families = st.builds(Family, u16, u8)
restarts = st.builds(
    GracefulRestart,
    st.integers(0, 4095),
    st.lists(st.tuples(families, st.booleans()), max_size=5).map(tuple),
    st.booleans(),
)
capabilities = st.builds(
    Capabilities,
    graceful_restart=st.none() | restarts,
    families=st.lists(families, max_size=40, unique=True).map(tuple),
    route_refresh=st.booleans(),
    enhanced_route_refresh=st.booleans(),
    extended_message=st.booleans(),
    four_octet_as=u32,
    unknown=st.lists(st.tuples(st.integers(128, 255), st.binary(max_size=200)), max_size=3).map(tuple),
)


@st.composite
def opens(draw: st.DrawFn) -> Open:
    offered = draw(capabilities)
    router_id = draw(ipv4.filter(int))
    hold_time = draw(st.just(0) | st.integers(3, 0xFFFF))
    assert offered.four_octet_as is not None
    return Open(offered.four_octet_as, hold_time, router_id, offered)


messages = st.one_of(
    opens(),
    st.builds(Notification, u8, u8, st.binary(max_size=40)),
    st.just(Keepalive()),
    st.builds(RouteRefresh, families, u8),
)


def read(data: bytes) -> list[Message]:
    return [decode_message(kind, body) for kind, body in MessageReader().feed(data)]


@given(messages)
def test_round_trip(message: Message) -> None:
    assert read(message.to_bytes()) == [message]


def test_a_notification_about_a_long_message_is_no_longer_than_a_message() -> None:
    """RFC 7313 §5 has all of a bad ROUTE-REFRESH in it, which may be 65,535 bytes long (RFC 8654 §4)."""
    with pytest.raises(DecodeError) as error:
        decode_message(5, bytes(65535 - 19))
    bad = error.value
    message = Notification(bad.code, bad.subcode, bad.data).to_bytes()
    assert len(message) == 4096
    assert read(message) == [Notification(ErrorCode.ROUTE_REFRESH, 1, bad.data[:4075])]


def test_open_by_hand() -> None:
    """RFC 4271 §4.2 with the capabilities of RFC 4760 §8, RFC 2918 §2, RFC 8654 §3 and RFC 6793 §3."""
    offered = Capabilities((EVPN, RT_CONSTRAINT), extended_message=True, four_octet_as=4_200_000_000)
    message = Open(4_200_000_000, 90, ROUTER_ID, offered)
    expected = (
        f"{'ff' * 16} 0035 01 04 5ba0 005a 0aff0001 18"
        "02 16 0104 0019 00 46 0104 0001 00 84 0200 0600 4104 fa56ea00"
    )
    assert message.to_bytes().hex() == bytes.fromhex(expected).hex()


def test_graceful_restart_by_hand() -> None:
    """RFC 4724 §3: restart flag, 300 s, forwarding preserved for EVPN and not for RT constraint."""
    restart = GracefulRestart(300, ((EVPN, True), (RT_CONSTRAINT, False)), restarted=True)
    message = Open(1, 90, ROUTER_ID, Capabilities(four_octet_as=1, graceful_restart=restart))
    assert bytes.fromhex("400a 812c 0019 46 80 0001 84 00") in message.to_bytes()
    bad = message.to_bytes().replace(bytes.fromhex("400a 812c"), bytes.fromhex("4007 812c"))
    with pytest.raises(DecodeError):
        read(bad)


def test_many_capabilities_take_the_long_form() -> None:
    """RFC 9072 §2."""
    offered = Capabilities(four_octet_as=1, unknown=((200, bytes(250)), (201, bytes(250))))
    message = Open(1, 90, ROUTER_ID, offered)
    body = message.to_bytes()[19:]
    assert body[9:11] == b"\xff\xff"
    assert read(message.to_bytes()) == [message]


def test_the_long_form_is_known_by_its_type_whatever_the_short_length_says() -> None:
    """RFC 9072 §2."""
    parameters = bytes.fromhex("02 0006 4104 0000fde8")
    body = bytes.fromhex("04 fde8 005a 0aff0001 01 ff") + len(parameters).to_bytes(2, "big") + parameters
    (message,) = read(frame(1, body))
    assert isinstance(message, Open)
    assert message.capabilities.four_octet_as == 65000


def test_capabilities_may_come_in_parameters_of_their_own() -> None:
    parameters = bytes.fromhex("02 06 0104 0019 00 46  02 06 4104 0000fde8")
    body = bytes.fromhex("04 fde8 005a 0aff0001") + bytes((len(parameters),)) + parameters
    (message,) = read(frame(1, body))
    assert isinstance(message, Open)
    assert message.capabilities.families == (EVPN,)
    assert message.asn == 65000


def test_an_open_without_capabilities_has_the_short_as() -> None:
    (message,) = read(frame(1, bytes.fromhex("04 fde8 005a 0aff0001 00")))
    assert message == Open(65000, 90, ROUTER_ID, Capabilities(route_refresh=False))


BAD_OPENS = {
    "version 3": ("03 fde8 005a 0aff0001 00", (2, 1)),
    "hold time 2": ("04 fde8 0002 0aff0001 00", (2, 6)),
    "identifier 0": ("04 fde8 005a 00000000 00", (2, 3)),
    "authentication parameter": ("04 fde8 005a 0aff0001 03 01 01 00", (2, 4)),
    "parameters cut short": ("04 fde8 005a 0aff0001 04 02 06", (2, 0)),
    "a parameter cut short": ("04 fde8 005a 0aff0001 02 02 06", (2, 0)),
    "a capability cut short": ("04 fde8 005a 0aff0001 04 02 02 01 04", (2, 0)),
    "a family of three bytes": ("04 fde8 005a 0aff0001 07 02 05 01 03 001900", (2, 0)),
}


@pytest.mark.parametrize(("text", "code"), BAD_OPENS.values(), ids=BAD_OPENS)
def test_bad_opens_are_refused_as_the_rfc_says(text: str, code: tuple[int, int]) -> None:
    with pytest.raises(DecodeError) as error:
        read(frame(1, bytes.fromhex(text)))
    assert (error.value.code, error.value.subcode) == code


BAD_FRAMES = {
    "no marker": ("00" * 16 + "0013 04", (1, 1)),
    "too short": ("ff" * 16 + "0012 04", (1, 2)),
    "too long": ("ff" * 16 + "1001 02", (1, 2)),
    "KEEPALIVE with a body": ("ff" * 16 + "0014 04 00", (1, 2)),
    "UPDATE too short": ("ff" * 16 + "0016 02", (1, 2)),
    "unknown type": ("ff" * 16 + "0013 09", (1, 3)),
    "ROUTE-REFRESH of five bytes (RFC 7313 §5)": ("ff" * 16 + "0018 05 0019004600", (7, 1)),
}


@pytest.mark.parametrize(("text", "code"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_bad_frames(text: str, code: tuple[int, int]) -> None:
    with pytest.raises(DecodeError) as error:
        read(bytes.fromhex(text))
    assert (error.value.code, error.value.subcode) == code


@given(st.lists(messages, max_size=6), st.lists(st.integers(1, 60), min_size=1))
def test_messages_survive_any_cut_of_the_stream(sent: list[Message], sizes: list[int]) -> None:
    stream = b"".join(message.to_bytes() for message in sent)
    reader, found, at, turn = MessageReader(), [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        found += [decode_message(kind, body) for kind, body in reader.feed(stream[at : at + size])]
        at, turn = at + size, turn + 1
    assert found == sent


def test_long_messages_pass_once_negotiated() -> None:
    long = frame(2, bytes(5000))
    reader = MessageReader()
    with pytest.raises(DecodeError):
        list(reader.feed(long))
    reader = MessageReader()
    reader.max_message = 65535
    assert [len(body) for _, body in reader.feed(long)] == [5000]


@given(st.binary(max_size=120))
def test_fuzz_stream(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        read(data)


@given(u8, st.binary(max_size=80))
def test_fuzz_bodies(kind: int, body: bytes) -> None:
    with contextlib.suppress(DecodeError):
        for message in read(frame(kind, body)):
            str(message)


def test_a_notification_speaks() -> None:
    text = b"maintenance\x1b[2J"
    cease = Notification(ErrorCode.CEASE, CeaseSubcode.ADMINISTRATIVE_SHUTDOWN, bytes((len(text),)) + text)
    assert str(cease) == "cease, subcode 2: maintenance?[2J"
    assert str(Notification(99, 1)) == "code 99, subcode 1"
