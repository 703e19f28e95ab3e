"""NLRI: round trips, keys, vectors made by hand from the RFCs' figures."""

from __future__ import annotations

import contextlib
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.wire.errors import DecodeError
from controllers.wire.evpn import (
    MAX_ETHERNET_TAG,
    EthernetAutoDiscovery,
    EthernetSegment,
    InclusiveMulticast,
    IpPrefix,
    MacIpAdvertisement,
    UnknownEvpnRoute,
    decode_evpn,
)
from controllers.wire.nlri import CODECS, Nlri, decode_nlri, encode_nlri, family_of, key_of
from controllers.wire.types import (
    EVPN,
    RT_CONSTRAINT,
    VPLS,
    VPNV4,
    ZERO_ESI,
    Esi,
    Family,
    RouteDistinguisher,
    RouteTarget,
    mac_from_text,
)
from controllers.wire.vpn import RtMembership, UnknownNlri, VplsBlock, VpnPrefix
from tests.unit.controllers.wire.strategies import mac_ips, nlri

RD = RouteDistinguisher.parse("10.255.0.1:100")
RD_HEX = "0001 0aff0001 0064"
ESI = Esi.parse("00:11:22:33:44:55:66:77:88:99")
ESI_HEX = "00112233445566778899"
ZERO_HEX = "00000000000000000000"
MAC = mac_from_text("02:00:00:00:00:01")

VECTORS: dict[str, tuple[Nlri, str]] = {
    "auto-discovery per EVI (RFC 7432 §7.1)": (
        EthernetAutoDiscovery(RD, ESI, 0, 0x12345),
        f"01 19 {RD_HEX} {ESI_HEX} 00000000 123451",
    ),
    "auto-discovery per ES: label 0 (RFC 7432 §8.2.1)": (
        EthernetAutoDiscovery(RD, ESI, MAX_ETHERNET_TAG, 0),
        f"01 19 {RD_HEX} {ESI_HEX} ffffffff 000000",
    ),
    "MAC only (RFC 7432 §7.2)": (
        MacIpAdvertisement(RD, ZERO_ESI, 0, MAC, None, 16),
        f"02 21 {RD_HEX} {ZERO_HEX} 00000000 30 020000000001 00 000101",
    ),
    "MAC/IPv4 with both labels (RFC 9135 §5.1)": (
        MacIpAdvertisement(RD, ESI, 10, MAC, ip_address("10.1.2.3"), 16, 17),
        f"02 28 {RD_HEX} {ESI_HEX} 0000000a 30 020000000001 20 0a010203 000100 000111",
    ),
    "MAC/IPv6": (
        MacIpAdvertisement(RD, ZERO_ESI, 0, MAC, ip_address("2001:db8::1"), 16),
        f"02 31 {RD_HEX} {ZERO_HEX} 00000000 30 020000000001 80 20010db8000000000000000000000001 000101",
    ),
    "inclusive multicast (RFC 7432 §7.3)": (
        InclusiveMulticast(RD, 5, ip_address("10.255.0.1")),
        f"03 11 {RD_HEX} 00000005 20 0aff0001",
    ),
    "Ethernet segment (RFC 7432 §7.4)": (
        EthernetSegment(RD, ESI, ip_address("10.255.0.1")),
        f"04 17 {RD_HEX} {ESI_HEX} 20 0aff0001",
    ),
    "IPv4 prefix (RFC 9136 §3.1)": (
        IpPrefix(RD, 0, ip_network("10.1.0.0/16"), 77),
        f"05 22 {RD_HEX} {ZERO_HEX} 00000000 10 0a010000 00000000 0004d1",
    ),
    "IPv4 prefix behind a gateway (RFC 9136 §4.1)": (
        IpPrefix(RD, 0, ip_network("10.1.0.0/16"), 0, ip_address("10.9.9.9")),
        f"05 22 {RD_HEX} {ZERO_HEX} 00000000 10 0a010000 0a090909 000001",
    ),
    "IPv6 prefix": (
        IpPrefix(RD, 0, ip_network("2001:db8::/32"), 77),
        f"05 3a {RD_HEX} {ZERO_HEX} 00000000 20 20010db8{'00' * 12} {'00' * 16} 0004d1",
    ),
    "an EVPN type of tomorrow": (UnknownEvpnRoute(200, b"\1\2"), "c8 02 0102"),
    "VPN-IPv4 (RFC 4364 §4.3.4)": (
        VpnPrefix(RD, ip_network("10.1.2.3/32"), 16),
        f"78 000101 {RD_HEX} 0a010203",
    ),
    "VPN-IPv6 (RFC 4659 §2)": (
        VpnPrefix(RD, ip_network("2001:db8::/32"), 16),
        f"78 000101 {RD_HEX} 20010db8",
    ),
    "VPN default route": (VpnPrefix(RD, ip_network("0.0.0.0/0"), 16), f"58 000101 {RD_HEX}"),
    "membership (RFC 4684 §4)": (
        RtMembership.of(65000, RouteTarget.parse("65000:100")),
        "60 0000fde8 0002fde800000064",
    ),
    "membership in everything": (RtMembership.everything(), "00"),
    "VPLS label block (RFC 4761 §3.2.2)": (
        VplsBlock(RD, 3, 1, 8, 0x100),
        f"0011 {RD_HEX} 0003 0001 0008 001001",
    ),
}


@pytest.mark.parametrize(("route", "text"), VECTORS.values(), ids=VECTORS)
def test_vectors(route: Nlri, text: str) -> None:
    raw = bytes.fromhex(text)
    assert encode_nlri(route).hex() == raw.hex()
    assert decode_nlri(family_of(route), raw) == route


@given(nlri)
def test_round_trip(route: Nlri) -> None:
    family = family_of(route)
    raw = encode_nlri(route)
    assert decode_nlri(family, raw) == route
    assert CODECS[family].split(raw + raw) == [raw, raw]


@given(mac_ips, mac_ips)
def test_labels_and_segment_are_no_part_of_a_mac_key(
    one: MacIpAdvertisement, other: MacIpAdvertisement
) -> None:
    twin = MacIpAdvertisement(one.rd, other.esi, one.ethernet_tag, one.mac, one.ip, other.label, other.label2)
    assert key_of(twin) == key_of(one)
    same_prefix = (one.rd, one.ethernet_tag, one.mac, one.ip) == (
        other.rd,
        other.ethernet_tag,
        other.mac,
        other.ip,
    )
    assert (key_of(one) == key_of(other)) == same_prefix


def test_gateway_label_and_segment_are_no_part_of_a_prefix_key() -> None:
    plain = IpPrefix(RD, 0, ip_network("10.1.0.0/16"), 77)
    assert key_of(plain) == key_of(IpPrefix(RD, 0, plain.prefix, 78, ip_address("10.9.9.9"), ESI))
    assert key_of(plain) != key_of(IpPrefix(RD, 0, ip_network("10.1.0.0/17"), 77))


def test_bits_after_a_prefix_do_not_count() -> None:
    clean = bytes.fromhex(f"68 000101 {RD_HEX} 0a01")
    dirty = bytes.fromhex(f"67 000101 {RD_HEX} 0a01")
    key = CODECS[VPNV4].key
    assert key(dirty) == key(bytes.fromhex(f"67 800000 {RD_HEX} 0a00")) != key(clean)
    assert decode_nlri(VPNV4, dirty) == VpnPrefix(RD, ip_network("10.0.0.0/15"), 16)


def test_auto_discovery_of_vpls_stays_raw() -> None:
    raw = bytes.fromhex(f"000c {RD_HEX} 0aff0001")
    assert decode_nlri(VPLS, raw) == UnknownNlri(raw)


def test_a_label_block_gives_each_remote_its_label() -> None:
    block = VplsBlock(RD, 3, 1, 8, 100)
    assert [block.label_for(n) for n in (0, 1, 8, 9)] == [None, 100, 107, None]


MALFORMED = {
    "type 1 too short": (EVPN, f"01 18 {RD_HEX} {ESI_HEX} 00000000 1234"),
    "type 2 with a MAC of 40 bits": (EVPN, f"02 21 {RD_HEX} {ZERO_HEX} 00000000 28 020000000001 00 000101"),
    "type 2 with an IP of 24 bits": (
        EVPN,
        f"02 24 {RD_HEX} {ZERO_HEX} 00000000 30 020000000001 18 0a0000 000101",
    ),
    "type 2 with a stray byte": (EVPN, f"02 22 {RD_HEX} {ZERO_HEX} 00000000 30 020000000001 00 000101 00"),
    "type 2 without label": (EVPN, f"02 1e {RD_HEX} {ZERO_HEX} 00000000 30 020000000001 00"),
    "type 3 whose address length lies": (EVPN, f"03 11 {RD_HEX} 00000005 80 0aff0001"),
    "type 4 whose address length lies": (EVPN, f"04 17 {RD_HEX} {ESI_HEX} 18 0aff0001"),
    "type 5 of 33 bits": (EVPN, f"05 22 {RD_HEX} {ZERO_HEX} 00000000 21 0a010000 00000000 0004d1"),
    "type 5 of neither length": (EVPN, f"05 21 {RD_HEX} {ZERO_HEX} 00000000 10 0a010000 000000 0004d1"),
    "cut short": (EVPN, "02 21 0001"),
    "a length without body": (EVPN, "02"),
    "VPN prefix of 33 bits": (VPNV4, f"79 000101 {RD_HEX} 0a01020300"),
    "VPN prefix without RD": (VPNV4, "20 000101 00"),
    "membership of 16 bits": (RT_CONSTRAINT, "10 0000"),
    "VPLS of 16 bytes": (VPLS, f"0010 {RD_HEX} 0003 0001 0008 0010"),
    "nothing": (EVPN, ""),
    "a family without codec": (Family(9, 9), "00"),
}


@pytest.mark.parametrize(("family", "text"), MALFORMED.values(), ids=MALFORMED)
def test_malformed(family: Family, text: str) -> None:
    with pytest.raises(DecodeError):
        decode_nlri(family, bytes.fromhex(text))


@given(st.sampled_from(sorted(CODECS)), st.binary(max_size=80))
def test_fuzz(family: Family, data: bytes) -> None:
    """Whatever is in the bytes: a decode error or a value, and a key wherever there is a value."""
    try:
        raws = CODECS[family].split(data)
    except DecodeError:
        return
    assert b"".join(raws) == data
    for raw in raws:
        try:
            CODECS[family].decode(raw)
        except DecodeError:
            with pytest.raises(DecodeError):
                CODECS[family].key(raw)
        else:
            CODECS[family].key(raw)


@given(mac_ips, st.integers(0, 60), st.integers(0, 255))
def test_fuzz_one_byte(route: MacIpAdvertisement, at: int, value: int) -> None:
    raw = bytearray(encode_nlri(route))
    raw[at % len(raw)] = value
    with contextlib.suppress(DecodeError):
        decode_evpn(bytes(raw))
