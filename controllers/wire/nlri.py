"""NLRI of every family behind one table: split a run, check and key one, decode, encode.

A reflector needs only `split` and `key`; it forwards the bytes that came in.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, final

from msgspec import Struct

from controllers.wire import evpn, vpn
from controllers.wire.errors import DecodeError
from controllers.wire.evpn import (
    EthernetAutoDiscovery,
    EthernetSegment,
    EvpnRoute,
    InclusiveMulticast,
    IpPrefix,
    MacIpAdvertisement,
    UnknownEvpnRoute,
)
from controllers.wire.types import (
    EVPN,
    IPV4_UNICAST,
    IPV6_UNICAST,
    RT_CONSTRAINT,
    VPLS,
    VPNV4,
    VPNV6,
    Family,
    RouteKey,
)
from controllers.wire.vpn import RtMembership, Unicast, UnknownNlri, VplsBlock, VpnPrefix

Nlri = EvpnRoute | Unicast | VpnPrefix | RtMembership | VplsBlock | UnknownNlri


@final
class NlriCodec(Struct, frozen=True):
    """How one family writes its NLRI. `split`, `key` and `decode` raise DecodeError."""

    split: Callable[[bytes], list[bytes]]
    key: Callable[[bytes], bytes]
    decode: Callable[[bytes], Nlri]
    encode: Callable[[Any], bytes]


CODECS: Final[dict[Family, NlriCodec]] = {
    EVPN: NlriCodec(evpn.split_evpn, evpn.evpn_key, evpn.decode_evpn, evpn.encode_evpn),
    RT_CONSTRAINT: NlriCodec(
        vpn.split_prefixes, vpn.membership_key, vpn.decode_membership, vpn.encode_membership
    ),
    VPLS: NlriCodec(vpn.split_vpls, vpn.vpls_key, vpn.decode_vpls, vpn.encode_vpls),
}
for _unicast, _labelled, _size in ((IPV4_UNICAST, VPNV4, 4), (IPV6_UNICAST, VPNV6, 16)):
    CODECS[_unicast] = NlriCodec(
        vpn.split_prefixes,
        partial(vpn.unicast_key, _size),
        partial(vpn.decode_unicast, _size),
        vpn.encode_unicast,
    )
    CODECS[_labelled] = NlriCodec(
        vpn.split_prefixes, partial(vpn.vpn_key, _size), partial(vpn.decode_vpn, _size), vpn.encode_vpn
    )

_EVPN_CLASSES: Final = (
    MacIpAdvertisement,
    IpPrefix,
    InclusiveMulticast,
    EthernetAutoDiscovery,
    EthernetSegment,
    UnknownEvpnRoute,
)


def family_of(nlri: Nlri) -> Family:
    """The family an NLRI belongs to. Raises ValueError for an `UnknownNlri`, which does not say."""
    if isinstance(nlri, _EVPN_CLASSES):
        return EVPN
    if isinstance(nlri, VpnPrefix):
        return VPNV4 if nlri.prefix.version == 4 else VPNV6
    if isinstance(nlri, RtMembership):
        return RT_CONSTRAINT
    if isinstance(nlri, VplsBlock):
        return VPLS
    if isinstance(nlri, Unicast):
        return IPV4_UNICAST if nlri.prefix.version == 4 else IPV6_UNICAST
    raise ValueError(f"NLRI {nlri} names no family")


def encode_nlri(nlri: Nlri) -> bytes:
    """Encode one NLRI with its length, as it stands in MP_REACH_NLRI."""
    return CODECS[family_of(nlri)].encode(nlri)


def decode_nlri(family: Family, raw: bytes) -> Nlri:
    """Decode exactly one NLRI. Raises DecodeError for any other bytes or a family without codec."""
    codec = CODECS.get(family)
    if codec is None:
        raise DecodeError(f"no codec for {family}")
    if codec.split(raw) != [raw]:
        raise DecodeError(f"{family}: not exactly one route")
    return codec.decode(raw)


def key_of(nlri: Nlri) -> RouteKey:
    """The key of a route in a RIB: what a withdrawal must name."""
    return keyed(nlri)[0]


def keyed(nlri: Nlri) -> tuple[RouteKey, bytes]:
    """The key of a route in a RIB, and its NLRI encoded as by `encode_nlri`."""
    family = family_of(nlri)
    codec = CODECS[family]
    raw = codec.encode(nlri)
    return RouteKey(family, codec.key(raw)), raw
