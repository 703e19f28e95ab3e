"""UPDATE: round trips, packing, and the error handling of RFC 7606."""

from __future__ import annotations

import contextlib
import tracemalloc
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from controllers.wire.attributes import (
    AsSegment,
    AttributeType,
    PathAttributes,
    PmsiTunnel,
    SegmentKind,
    UnknownAttribute,
)
from controllers.wire.errors import DecodeError, UpdateSubcode
from controllers.wire.extended import MacMobility
from controllers.wire.messages import MAX_EXTENDED_MESSAGE
from controllers.wire.nlri import CODECS, Nlri, encode_nlri, family_of
from controllers.wire.types import (
    EVPN,
    IPV4_UNICAST,
    IPV6_UNICAST,
    VPNV4,
    VPNV6,
    Family,
    RouteTarget,
)
from controllers.wire.update import (
    MAX_MESSAGE,
    AttributeSet,
    NoRoomError,
    decode_update,
    encode_announcements,
    encode_end_of_rib,
    encode_withdrawals,
    next_hop_from_wire,
    next_hop_to_wire,
)
from controllers.wire.validation import FaultAction
from tests.unit.controllers.wire.strategies import ipv4, nlri, path_attributes

PE = ip_address("10.255.0.1")
MAC_ONLY = bytes.fromhex("02 21 00010aff00010064 00000000000000000000 00000000 30 020000000001 00 000101")
TARGET = RouteTarget.parse("65000:100")


def body(message: bytes) -> bytes:
    assert message[:16] == b"\xff" * 16
    assert int.from_bytes(message[16:18], "big") == len(message)
    assert message[18] == 2
    return message[19:]


def fits(family: Family, attributes: PathAttributes) -> PathAttributes:
    """A next hop that the family can carry."""
    assert attributes.next_hop is not None
    if family in (IPV4_UNICAST, Family(1, 128)) and attributes.next_hop.version == 6:
        return replace(attributes, next_hop=PE)
    return attributes


@given(nlri, path_attributes)
def test_round_trip(route: Nlri, attributes: PathAttributes) -> None:
    family = family_of(route)
    attributes = fits(family, attributes)
    raw = encode_nlri(route)
    try:
        (message,) = encode_announcements(AttributeSet.of(family, attributes), [raw])
    except NoRoomError:
        return
    update = decode_update(body(message), internal=True)
    assert update.faults == ()
    ((decoded, routes),) = update.announced
    assert routes == [(CODECS[family].key(raw), raw)]
    assert decoded.family == family
    assert decoded.typed == replace(
        attributes,
        unknown=tuple(replace(u, flags=0xE0) for u in attributes.unknown),
    )


def test_an_update_by_hand() -> None:
    """RFC 4271 §4.3, RFC 4760 §3, RFC 7432 §7.2 and §7.7, laid out byte by byte."""
    attributes = PathAttributes(next_hop=PE, extended_communities=(TARGET, MacMobility(7)))
    (message,) = encode_announcements(AttributeSet.of(EVPN, attributes), [MAC_ONLY])
    expected = (
        f"{'ff' * 16} 0068 02 0000 0051"
        f"90 0e 002c 0019 46 04 0aff0001 00 {MAC_ONLY.hex()}"
        "40 01 01 00"
        "40 02 00"
        "40 05 04 00000064"
        "c0 10 10 0002fde800000064 0600000000000007"
    )
    assert message.hex() == bytes.fromhex(expected).hex()


def test_ipv4_routes_stand_in_the_base_message() -> None:
    attributes = AttributeSet.of(IPV4_UNICAST, PathAttributes(next_hop=PE))
    (message,) = encode_announcements(attributes, [bytes.fromhex("180a0102")])
    expected = f"{'ff' * 16} 0030 02 0000 0015 40010100 400200 4003040aff0001 40050400000064 180a0102"
    assert message.hex() == bytes.fromhex(expected).hex()
    (withdrawal,) = encode_withdrawals(IPV4_UNICAST, [bytes.fromhex("180a0102")])
    assert withdrawal.hex() == bytes.fromhex(f"{'ff' * 16} 001b 02 0004 180a0102 0000").hex()


@given(st.lists(nlri, min_size=1, max_size=60), st.integers(400, 4096))
def test_packing_keeps_every_route_in_order(routes: list[Nlri], limit: int) -> None:
    family = family_of(routes[0])
    raws = [encode_nlri(route) for route in routes if family_of(route) == family]
    attributes = AttributeSet.of(family, PathAttributes(next_hop=PE))
    messages = encode_announcements(attributes, raws, limit)
    assert all(len(message) <= limit for message in messages)
    found = [
        raw
        for message in messages
        for _, routes in decode_update(body(message), internal=True).announced
        for _, raw in routes
    ]
    assert found == raws
    gone = encode_withdrawals(family, raws, limit)
    assert all(len(message) <= limit for message in gone)
    assert [
        raw
        for message in gone
        for _, routes in decode_update(body(message), internal=True).withdrawn
        for _, raw in routes
    ] == [unlabelled(family, raw) for raw in raws]


def unlabelled(family: Family, raw: bytes) -> bytes:
    """As RFC 8277 §2.4 has a withdrawn VPN prefix."""
    return raw[:1] + b"\x80\0\0" + raw[4:] if family in (VPNV4, VPNV6) else raw


@pytest.mark.parametrize(("family", "prefix"), [(VPNV4, "70 0a0102"), (VPNV6, "78 20010db8")])
def test_a_withdrawn_vpn_prefix_has_no_label(family: Family, prefix: str) -> None:
    length, address = prefix.split()
    rd = "00010aff00010064"
    (message,) = encode_withdrawals(family, [bytes.fromhex(f"{length} 0ffff1 {rd} {address}")])
    assert body(message)[-len(bytes.fromhex(length + rd + address)) - 3 :] == bytes.fromhex(
        f"{length} 800000 {rd} {address}"
    )


@pytest.mark.parametrize("limit", [MAX_MESSAGE, MAX_EXTENDED_MESSAGE])
@pytest.mark.parametrize("family", [EVPN, IPV4_UNICAST])
def test_attributes_too_long_for_a_message_are_refused(family: Family, limit: int) -> None:
    """To the byte, and at the longest message that its length field can name."""
    raw = MAC_ONLY if family == EVPN else bytes.fromhex("180a0102")

    def encode(size: int) -> list[bytes]:
        long = PathAttributes(next_hop=PE, unknown=(UnknownAttribute(200, bytes(size)),))
        return encode_announcements(AttributeSet.of(family, long), [raw], limit)

    (message,) = encode(300)
    most = 300 + limit - len(message)
    assert [len(each) for each in encode(most)] == [limit]
    with pytest.raises(NoRoomError, match="no room"):
        encode(most + 1)


@pytest.mark.parametrize("family", sorted(CODECS))
def test_end_of_rib(family: Family) -> None:
    update = decode_update(body(encode_end_of_rib(family)), internal=True)
    assert update.end_of_rib == family
    assert not update.announced and not update.withdrawn and not update.faults


@given(ipv4)
def test_an_ipv4_next_hop_of_a_vpnv6_route_is_mapped(address: IPv4Address) -> None:
    wire = next_hop_to_wire(VPNV6, address)
    assert wire == bytes(18) + b"\xff\xff" + address.packed
    assert next_hop_from_wire(VPNV6, wire) == address


def test_a_link_local_next_hop_is_left_out() -> None:
    both = ip_address("2001:db8::1").packed + ip_address("fe80::1").packed
    assert next_hop_from_wire(IPV6_UNICAST, both) == ip_address("2001:db8::1")


def test_path_length_counts_a_set_once() -> None:
    path = PathAttributes(
        as_path=(AsSegment(SegmentKind.SEQUENCE, (1, 2)), AsSegment(SegmentKind.SET, (3, 4, 5)))
    )
    assert path.as_path_length == 3
    assert path.neighbor_as == 1


ORIGIN = "40 01 01 00"
AS_PATH = "40 02 00"
LOCAL_PREF = "40 05 04 00000064"
WITHDRAWAL = f"80 0f 26 0019 46 {MAC_ONLY.hex()}"
REACH = f"80 0e 2c 0019 46 04 0aff0001 00 {MAC_ONLY.hex()}"


def update_of(*attributes: str, nlri: str = "", withdrawn: str = "") -> bytes:
    data = bytes.fromhex("".join(attributes))
    gone = bytes.fromhex(withdrawn)
    return len(gone).to_bytes(2, "big") + gone + len(data).to_bytes(2, "big") + data + bytes.fromhex(nlri)


@pytest.mark.parametrize(
    "data",
    [("80 0f 03 0019 46", ORIGIN, AS_PATH, REACH), ("80 0f 03 0019 46",)],
    ids=["announced", "withdrawn"],
)
def test_where_there_are_routes_is_no_end_of_rib(data: tuple[str, ...]) -> None:
    """RFC 4724 §2."""
    update = decode_update(update_of(*data, withdrawn="" if len(data) > 1 else "180a0102"), internal=True)
    assert len(update.announced) + len(update.withdrawn) == 1
    assert update.end_of_rib is None


WITHDRAW = {
    "ORIGIN of two bytes": ("40 01 02 0000", AS_PATH, REACH),
    "ORIGIN undefined (7.1)": ("40 01 01 03", AS_PATH, REACH),
    "ORIGIN with optional flag (3 c)": ("c0 01 01 00", AS_PATH, REACH),
    "ORIGIN missing (3 d)": (AS_PATH, REACH),
    "AS_PATH missing (3 d)": (ORIGIN, REACH),
    "AS_PATH of unknown kind (7.2)": (ORIGIN, "40 02 06 05 01 00000001", REACH),
    "AS_PATH with an empty segment (7.2)": (ORIGIN, "40 02 02 02 00", REACH),
    "AS_PATH cut short (7.2)": (ORIGIN, "40 02 05 02 01 000001", REACH),
    "AS_PATH with a stray byte (7.2)": (ORIGIN, "40 02 07 02 01 00000001 02", REACH),
    "AS_PATH with a confederation's sequence (RFC 5065 §5)": (ORIGIN, "40 02 06 03 01 00000001", REACH),
    "AS_PATH with a confederation's set, behind a sequence": (
        ORIGIN,
        "40 02 0c 02 01 0000fde9 04 01 0000fdea",
        REACH,
    ),
    "AS_PATH with AS 0 (RFC 7607 §2)": (ORIGIN, "40 02 0a 02 02 0000fde9 00000000", REACH),
    "NEXT_HOP of three bytes (7.3)": (ORIGIN, AS_PATH, "40 03 03 0aff00", REACH),
    "MED of five bytes (7.4)": (ORIGIN, AS_PATH, "80 04 05 0000000000", REACH),
    "LOCAL_PREF of three bytes (7.5)": (ORIGIN, AS_PATH, "40 05 03 000064", REACH),
    "COMMUNITIES of six bytes (7.8)": (ORIGIN, AS_PATH, "c0 08 06 000000000000", REACH),
    "COMMUNITIES empty (7.8)": (ORIGIN, AS_PATH, "c0 08 00", REACH),
    "ORIGINATOR_ID of five bytes (7.9)": (ORIGIN, AS_PATH, "80 09 05 0000000000", REACH),
    "CLUSTER_LIST of two bytes (7.10)": (ORIGIN, AS_PATH, "80 0a 02 0000", REACH),
    "EXTENDED_COMMUNITIES of seven bytes (7.14)": (ORIGIN, AS_PATH, "c0 10 07 00000000000000", REACH),
    "LARGE_COMMUNITIES of eight bytes (RFC 8092 §6)": (ORIGIN, AS_PATH, "c0 20 08 0000000000000000", REACH),
    "PMSI_TUNNEL of four bytes (RFC 6514 §5)": (ORIGIN, AS_PATH, "c0 16 04 00060010", REACH),
    "ingress replication to three bytes": (ORIGIN, AS_PATH, "c0 16 08 0006000101 0aff00", REACH),
    "next hop 0.0.0.0": (ORIGIN, AS_PATH, REACH.replace("0aff0001 00", "00000000 00", 1)),
    "next hop multicast": (ORIGIN, AS_PATH, REACH.replace("0aff0001 00", "e0000001 00", 1)),
    "an attribute longer than the rest (4)": (REACH, ORIGIN, AS_PATH, "c0 08 ff 00"),
    "a header cut short (4)": (REACH, ORIGIN, AS_PATH, "c0 08"),
    "an extended header cut short (4)": (REACH, ORIGIN, AS_PATH, "d0 08 00"),
}


@pytest.mark.parametrize("attributes", WITHDRAW.values(), ids=WITHDRAW)
def test_treat_as_withdraw(attributes: tuple[str, ...]) -> None:
    update = decode_update(update_of(*attributes), internal=True)
    assert FaultAction.TREAT_AS_WITHDRAW in {fault.action for fault in update.faults}
    assert not update.announced
    ((family, routes),) = update.withdrawn
    assert family == EVPN
    assert [raw for _, raw in routes] == [MAC_ONLY]


DISCARD = {
    "ATOMIC_AGGREGATE of one byte (7.6)": ("40 06 01 00",),
    "AGGREGATOR of six bytes (7.7)": ("c0 07 06 000000000000",),
    "AGGREGATOR of AS 0 (RFC 7607 §2)": ("c0 07 08 00000000 0aff0001",),
    "AS4_PATH from a four-octet speaker (RFC 6793 §6)": ("c0 11 06 02 01 00000001",),
}


@pytest.mark.parametrize("extra", DISCARD.values(), ids=DISCARD)
def test_attribute_discard(extra: tuple[str, ...]) -> None:
    update = decode_update(update_of(ORIGIN, AS_PATH, *extra, REACH), internal=True)
    assert [fault.action for fault in update.faults] == [FaultAction.ATTRIBUTE_DISCARD]
    ((attributes, _),) = update.announced
    assert attributes.typed == PathAttributes(next_hop=PE, local_pref=None)


def test_the_first_of_two_attributes_counts() -> None:
    update = decode_update(update_of(ORIGIN, "40 01 01 02", AS_PATH, REACH), internal=True)
    assert [fault.action for fault in update.faults] == [FaultAction.ATTRIBUTE_DISCARD]
    assert update.announced[0].attributes.typed.origin == 0


@pytest.mark.parametrize("internal", [True, False])
def test_internal_attributes_from_outside_are_discarded(internal: bool) -> None:
    inner = (LOCAL_PREF, "80 09 04 01020304", "80 0a 04 05060708")
    update = decode_update(update_of(ORIGIN, AS_PATH, *inner, REACH), internal=internal)
    found = update.announced[0].attributes.typed
    expected = (100, IPv4Address("1.2.3.4"), (IPv4Address("5.6.7.8"),)) if internal else (None, None, ())
    assert (found.local_pref, found.originator_id, found.cluster_list) == expected
    assert len(update.faults) == (0 if internal else 3)


def test_unknown_attributes_are_passed_on_as_their_flags_say() -> None:
    """Transitive ones with the partial bit, others not at all (RFC 4271 §9)."""
    update = decode_update(update_of(ORIGIN, AS_PATH, "c0 c8 02 0102", "80 c9 01 00", REACH), internal=True)
    assert update.announced[0].attributes.typed.unknown == (UnknownAttribute(200, b"\1\2", 0xE0),)


def test_a_malformed_evpn_route_leaves_its_neighbours_alone() -> None:
    good, bad = MAC_ONLY, bytes.fromhex("02 03 000000")
    reach = f"80 0e {len(good + bad) + 9:02x} 0019 46 04 0aff0001 00 {bad.hex()} {good.hex()}"
    update = decode_update(update_of(ORIGIN, AS_PATH, reach), internal=True)
    assert [fault.action for fault in update.faults] == [FaultAction.NLRI_DISCARD]
    assert [raw for _, raw in update.announced[0].routes] == [good]


def test_routes_of_an_unknown_family_are_ignored() -> None:
    reach = "80 0e 0a 0009 09 04 0aff0001 00 01"
    gone = "80 0f 04 0009 09 01"
    update = decode_update(update_of(ORIGIN, AS_PATH, reach, gone), internal=True)
    assert not update.announced and not update.withdrawn
    assert {fault.action for fault in update.faults} == {FaultAction.NLRI_DISCARD}


def test_ipv4_routes_without_next_hop_are_withdrawn() -> None:
    update = decode_update(update_of(ORIGIN, AS_PATH, nlri="180a0102"), internal=True)
    assert not update.announced
    assert [family for family, _ in update.withdrawn] == [IPV4_UNICAST]


def test_a_lesser_fault_beside_withdrawals_is_only_noted() -> None:
    update = decode_update(update_of(WITHDRAWAL, ORIGIN, "40 06 01 00"), internal=True)
    assert [fault.action for fault in update.faults] == [FaultAction.ATTRIBUTE_DISCARD]
    ((family, routes),) = update.withdrawn
    assert (family, [raw for _, raw in routes]) == (EVPN, [MAC_ONLY])


RESET = {
    "withdrawn length beyond the message": (b"\0\5\0\0", UpdateSubcode.MALFORMED_ATTRIBUTE_LIST),
    "attribute length beyond the message": (b"\0\0\0\5", UpdateSubcode.MALFORMED_ATTRIBUTE_LIST),
    "too short": (b"\0\0", UpdateSubcode.MALFORMED_ATTRIBUTE_LIST),
    "MP_REACH_NLRI twice (3 g)": (
        update_of(ORIGIN, AS_PATH, REACH, REACH),
        UpdateSubcode.MALFORMED_ATTRIBUTE_LIST,
    ),
    "MP_REACH_NLRI as well-known": (update_of("40" + REACH[2:]), UpdateSubcode.ATTRIBUTE_FLAGS),
    "MP_REACH_NLRI cut short": (update_of("80 0e 03 001946"), UpdateSubcode.OPTIONAL_ATTRIBUTE),
    "a next hop of five bytes (7.11)": (
        update_of("80 0e 0a 0019 46 05 0aff000100 00"),
        UpdateSubcode.OPTIONAL_ATTRIBUTE,
    ),
    "MP_UNREACH_NLRI cut short": (update_of("80 0f 02 0019"), UpdateSubcode.OPTIONAL_ATTRIBUTE),
    "EVPN routes cut short (5.4)": (
        update_of("80 0e 0b 0019 46 04 0aff0001 00 02 ff"),
        UpdateSubcode.OPTIONAL_ATTRIBUTE,
    ),
    "an IPv4 prefix of 33 bits (5.3)": (
        update_of(ORIGIN, AS_PATH, "40 03 04 0aff0001", nlri="21 0000000000"),
        UpdateSubcode.INVALID_NETWORK_FIELD,
    ),
    "an IPv4 withdrawal cut short": (update_of(withdrawn="18 0a"), UpdateSubcode.INVALID_NETWORK_FIELD),
    "a fault and no routes (RFC 7606 §5.2)": (
        update_of("40 01 02 0000", AS_PATH, WITHDRAWAL),
        UpdateSubcode.MALFORMED_ATTRIBUTE_LIST,
    ),
    "a fault and MP_REACH_NLRI without routes (5.2)": (
        update_of("80 0e 09 0019 46 04 0aff0001 00", "40 01 01 07", AS_PATH),
        UpdateSubcode.MALFORMED_ATTRIBUTE_LIST,
    ),
    "routes lost behind an attribute too long (5.2)": (
        update_of(ORIGIN, AS_PATH, "c0 08 ff", REACH),
        UpdateSubcode.MALFORMED_ATTRIBUTE_LIST,
    ),
    "an unrecognized well-known attribute beside withdrawals": (
        update_of("40 c8 00", WITHDRAWAL),
        UpdateSubcode.UNRECOGNIZED_WELL_KNOWN,
    ),
    "an unrecognized well-known attribute (RFC 4271 §6.3)": (
        update_of(ORIGIN, AS_PATH, "40 c8 00", REACH),
        UpdateSubcode.UNRECOGNIZED_WELL_KNOWN,
    ),
}


@pytest.mark.parametrize(("data", "subcode"), RESET.values(), ids=RESET)
def test_session_reset(data: bytes, subcode: int) -> None:
    with pytest.raises(DecodeError) as error:
        decode_update(data, internal=True)
    assert (error.value.code, error.value.subcode) == (3, subcode)


def touch(data: bytes, *, internal: bool) -> None:
    """Decode, and read all that there is to read."""
    update = decode_update(data, internal=internal)
    for attributes, routes in update.announced:
        assert attributes.typed.next_hop is not None
        assert isinstance(attributes.targets, frozenset)
        again = (
            decode_update(
                body(encode_announcements(attributes, [raw for _, raw in routes], 65535)[0]), internal=True
            )
            if routes
            else None
        )
        assert again is None or not again.faults
        for _, raw in routes:
            CODECS[attributes.family].decode(raw)
        if attributes.typed.pmsi_tunnel is not None:
            _ = attributes.typed.pmsi_tunnel.endpoint


@given(st.binary(max_size=200), st.booleans())
def test_fuzz_bytes(data: bytes, internal: bool) -> None:
    with contextlib.suppress(DecodeError):
        touch(data, internal=internal)


@given(
    st.lists(st.tuples(st.integers(0, 255), st.sampled_from(sorted(AttributeType)), st.binary(max_size=40)))
)
def test_fuzz_attributes(attributes: list[tuple[int, int, bytes]]) -> None:
    parts = [bytes((flags & 0xEF, code, len(value))) + value for flags, code, value in attributes]
    with contextlib.suppress(DecodeError):
        touch(update_of(b"".join(parts).hex(), REACH), internal=True)


@given(nlri, path_attributes, st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=4))
def test_fuzz_mutations(route: Nlri, attributes: PathAttributes, changes: list[tuple[int, int]]) -> None:
    family = family_of(route)
    shared = AttributeSet.of(family, fits(family, attributes))
    with contextlib.suppress(NoRoomError):
        data = bytearray(body(encode_announcements(shared, [encode_nlri(route)])[0]))
        for at, value in changes:
            data[at % len(data)] = value
        with contextlib.suppress(DecodeError):
            touch(bytes(data), internal=True)


def test_equal_attributes_are_one_object() -> None:
    """A reflector's speed rests on it."""
    attributes = AttributeSet.of(EVPN, PathAttributes(next_hop=PE))
    first, second = (
        decode_update(body(encode_announcements(attributes, [MAC_ONLY])[0]), internal=True) for _ in range(2)
    )
    assert first.announced[0].attributes is second.announced[0].attributes


def test_long_attributes_that_never_come_again_take_no_more_and_more_memory() -> None:
    def decode(first: int) -> int:
        """Bytes in use after so many different ones."""
        for number in range(first, first + 300):
            long = UnknownAttribute(200, number.to_bytes(4, "big") * 15_000)
            attributes = AttributeSet.of(EVPN, PathAttributes(next_hop=PE, unknown=(long,)))
            decode_update(body(encode_announcements(attributes, [MAC_ONLY], 65535)[0]), internal=True)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = decode(0)
        assert decode(300) - before < 1_000_000
    finally:
        tracemalloc.stop()


def test_pmsi_by_hand() -> None:
    """RFC 6514 §5: flags, type, label in the high 20 bits (zeros: none), identifier."""
    assert PmsiTunnel.ingress_replication(0x12345, PE).to_bytes().hex() == "00061234510aff0001"
    assert PmsiTunnel(0, 0).to_bytes().hex() == "0000000000"
    leaf = PmsiTunnel(6, 16, PE.packed, flags=1)
    update = decode_update(update_of(ORIGIN, AS_PATH, "c0 16 09 01 06 000100 0aff0001", REACH), internal=True)
    assert update.announced[0].attributes.typed.pmsi_tunnel == leaf


def test_pmsi_knows_its_endpoint() -> None:
    assert PmsiTunnel.ingress_replication(16, PE).endpoint == PE
    assert PmsiTunnel(0, 16).endpoint is None


def test_routes_need_a_next_hop() -> None:
    with pytest.raises(ValueError, match="needs a next hop"):
        AttributeSet.of(IPV4_UNICAST, PathAttributes())
