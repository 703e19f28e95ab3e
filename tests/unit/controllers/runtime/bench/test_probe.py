"""The clients of the benchmark count what a full decoder counts."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from controllers.runtime.bench.probe import announced
from controllers.wire.attributes import PathAttributes
from controllers.wire.evpn import MacIpAdvertisement, encode_evpn
from controllers.wire.types import EVPN, ZERO_ESI, RouteDistinguisher
from controllers.wire.update import (
    HEADER_SIZE,
    AttributeSet,
    decode_update,
    encode_announcements,
    encode_end_of_rib,
    encode_withdrawals,
)

ROUTER = IPv4Address("10.255.0.1")
ATTRIBUTES = AttributeSet.of(EVPN, PathAttributes(next_hop=ROUTER))


def nlri(mac: int) -> bytes:
    route = MacIpAdvertisement(RouteDistinguisher.of_ipv4(ROUTER, 1), ZERO_ESI, 0, mac, None, 100)
    return encode_evpn(route)


@given(st.lists(st.integers(1, 1 << 40), max_size=300))
def test_routes_are_counted(macs: list[int]) -> None:
    messages = encode_announcements(ATTRIBUTES, [nlri(mac) for mac in macs])
    bodies = [message[HEADER_SIZE:] for message in messages]
    decoded = [decode_update(body, internal=True) for body in bodies]
    assert [announced(body) for body in bodies] == [len(update.announced[0].routes) for update in decoded]
    assert sum(announced(body) for body in bodies) == len(macs)


def test_what_announces_nothing_counts_nothing() -> None:
    for message in (encode_end_of_rib(EVPN), *encode_withdrawals(EVPN, [nlri(1)])):
        assert announced(message[HEADER_SIZE:]) == 0
