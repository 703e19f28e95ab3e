"""Identifiers, labels and extended communities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.wire import extended as ext
from controllers.wire.errors import DecodeError
from controllers.wire.extended import ExtendedCommunity, decode_extended_community
from controllers.wire.types import (
    ZERO_ESI,
    AdministratorKind,
    Esi,
    RouteDistinguisher,
    RouteTarget,
    address_from_bytes,
    decode_label,
    encode_label,
    mac_from_text,
    mac_to_text,
)
from tests.unit.controllers.wire.strategies import communities, labels, macs, rds, targets


@given(rds)
def test_route_distinguishers_survive(rd: RouteDistinguisher) -> None:
    assert RouteDistinguisher.from_bytes(rd.to_bytes()) == rd
    if rd.kind <= AdministratorKind.AS4:
        assert RouteDistinguisher.parse(str(rd)) == rd


@given(st.binary(min_size=8, max_size=8))
def test_any_eight_bytes_are_a_route_distinguisher(raw: bytes) -> None:
    assert RouteDistinguisher.from_bytes(raw).to_bytes() == raw


@given(targets)
def test_route_targets_read_what_they_write(target: RouteTarget) -> None:
    assert RouteTarget.parse(str(target)) == target
    assert RouteTarget.parse(f"target:{target}") == target


@pytest.mark.parametrize(
    "text", ["", "100", "65000:", "65000:x", "10.0.0.1:70000", "70000:70000", ":1", "-1:1"]
)
def test_bad_identifiers_say_what_to_write(text: str) -> None:
    for cls in (RouteDistinguisher, RouteTarget):
        with pytest.raises(ValueError, match=r"write|bytes hold"):
            cls.parse(text)


@given(st.binary(min_size=8, max_size=8))
def test_every_eight_bytes_are_a_community(raw: bytes) -> None:
    community = decode_extended_community(raw)
    again = community.to_bytes()
    assert len(again) == 8
    assert decode_extended_community(again) == community


@given(communities)
def test_communities_survive(community: ExtendedCommunity) -> None:
    assert decode_extended_community(community.to_bytes()) == community


COMMUNITY_VECTORS = {
    "RT two-octet AS (RFC 4360 §3.1)": (RouteTarget.parse("65000:100"), "0002 fde8 00000064"),
    "RT IPv4 (RFC 4360 §3.2)": (RouteTarget.parse("10.255.0.1:100"), "0102 0aff0001 0064"),
    "RT four-octet AS (RFC 5668)": (RouteTarget.parse("70000:100"), "0202 00011170 0064"),
    "mobility (RFC 7432 §7.7)": (ext.MacMobility(5), "0600 00 00 00000005"),
    "mobility, static": (ext.MacMobility(0xFFFF_FFFF, sticky=True), "0600 01 00 ffffffff"),
    "ESI label 0 is none": (ext.EsiLabel(0), "0601 00 0000 000000"),
    "ESI label, single-active (RFC 7432 §7.5)": (ext.EsiLabel(16, single_active=True), "0601 01 0000 000101"),
    "ES-Import (RFC 7432 §7.6)": (ext.EsImport(0x112233445566), "0602 112233445566"),
    "router's MAC (RFC 9135 §8.1)": (ext.RouterMac(0x020000000001), "0603 020000000001"),
    "layer 2, primary with control word (RFC 8214 §3.1)": (
        ext.Layer2Attributes(ext.Layer2Flags.PRIMARY | ext.Layer2Flags.CONTROL_WORD, 1500),
        "0604 0006 05dc 0000",
    ),
    "DF preference (RFC 9785 §3)": (
        ext.DfElection(ext.DfAlgorithm.HIGHEST_PREFERENCE, ext.DfCapability.DONT_PREEMPT, 32767),
        "0606 02 8000 00 7fff",
    ),
    "ARP/ND router, immutable (RFC 9047 §2)": (ext.ArpNd(router=True, immutable=True), "0608 09 0000000000"),
    "default gateway (RFC 7432 §7.8)": (ext.DefaultGateway(), "030d 000000000000"),
    "encapsulation MPLS (RFC 9012 §4.1)": (ext.Encapsulation(ext.TunnelType.MPLS), "030c 00000000 000a"),
    "layer 2 info (RFC 4761 §3.2.4)": (ext.Layer2Info(19, 0x02, 1500, 100), "800a 13 02 05dc 0064"),
}


@pytest.mark.parametrize(("community", "text"), COMMUNITY_VECTORS.values(), ids=COMMUNITY_VECTORS)
def test_community_vectors(community: ExtendedCommunity, text: str) -> None:
    assert community.to_bytes().hex() == bytes.fromhex(text).hex()
    assert decode_extended_community(bytes.fromhex(text)) == community


def test_reserved_bits_do_not_hide_a_mobility_community() -> None:
    assert decode_extended_community(bytes.fromhex("0600 fe ff 00000005")) == ext.MacMobility(5)


def test_reserved_bits_are_no_part_of_an_election_algorithm() -> None:
    """RFC 8584 §2.2: the algorithm has the lower five bits of its byte."""
    assert decode_extended_community(bytes.fromhex("0606 e1 4000 000000")) == ext.DfElection(1, 0x4000)


@pytest.mark.parametrize(
    ("community", "text"),
    [
        (ext.RouteOrigin(0, 65000, 7), "SoO:65000:7"),
        (ext.MacMobility(3), "MM:3"),
        (ext.MacMobility(0, sticky=True), "MM:0, sticky MAC"),
        (ext.EsiLabel(16, single_active=True), "ESI-label-Rt:SA, label 16"),
        (ext.EsImport(1), "ES-Import-Rt:00:00:00:00:00:01"),
        (ext.RouterMac(1), "Rmac:00:00:00:00:00:01"),
        (ext.Layer2Attributes(6, 1500), "L2:PC, MTU 1500"),
        (ext.DfElection(2, 0x8000, 100), "DF:(alg 2, bmap 0x8000, pref 100)"),
        (ext.ArpNd(router=True, immutable=True), "ND:RI"),
        (ext.ArpNd(), "ND:-"),
        (ext.DefaultGateway(), "Default Gateway"),
        (ext.Encapsulation(8), "ET:8"),
        (ext.Layer2Info(19, 2, 1500, 100), "L2:encaps 19, MTU 1500, flags 0x02, pref 100"),
        (ext.UnknownExtendedCommunity(bytes(range(8))), "0001020304050607"),
    ],
)
def test_how_operators_read_them(community: ExtendedCommunity, text: str) -> None:
    assert str(community) == text


def test_the_automatic_target_is_of_as_and_vlan() -> None:
    assert RouteTarget.automatic(65000, 100) == RouteTarget.parse("65000:100")


def test_segments() -> None:
    esi = Esi.parse("00:11:22:33:44:55:66:77:88:99")
    assert str(esi) == "00:11:22:33:44:55:66:77:88:99"
    assert esi.es_import == 0x112233445566
    assert Esi.parse("0") is ZERO_ESI
    assert ZERO_ESI.is_zero and not esi.is_zero
    with pytest.raises(ValueError, match="write ten bytes"):
        Esi.parse("00:11")
    with pytest.raises(ValueError, match="it has 10"):
        Esi(b"")


@given(macs)
def test_macs(mac: int) -> None:
    assert mac_from_text(mac_to_text(mac)) == mac


@pytest.mark.parametrize("text", ["", "02:00", "02:00:00:00:00:zz", "02:00:00:00:00:01:02"])
def test_bad_macs_say_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write six bytes"):
        mac_from_text(text)


@given(labels, st.booleans())
def test_labels(label: int, bottom: bool) -> None:
    field = encode_label(label, bottom=bottom)
    assert decode_label(field) == label
    assert field[2] & 1 == bottom


def test_labels_have_twenty_bits() -> None:
    with pytest.raises(ValueError, match="20 bits"):
        encode_label(1 << 20)


@pytest.mark.parametrize("size", [0, 3, 5, 15])
def test_addresses_have_four_or_sixteen_bytes(size: int) -> None:
    with pytest.raises(DecodeError):
        address_from_bytes(bytes(size))
