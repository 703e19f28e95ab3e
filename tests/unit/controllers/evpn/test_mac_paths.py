"""The order among paths to one MAC."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from controllers.evpn.mac_paths import MacPath, best, better, takes_over
from controllers.wire.serial import MODULUS
from controllers.wire.types import EVPN, ZERO_ESI, RouteKey


def path(
    pe: str = "10.0.0.1",
    sequence: int = 0,
    *,
    sticky: bool = False,
    gateway: bool = False,
    local_pref: int = 100,
) -> MacPath:
    key = RouteKey(EVPN, f"{pe}-{sequence}".encode())
    return MacPath(key, ip_address(pe), 2, None, 100, None, ZERO_ESI, sequence, sticky, gateway, local_pref)


def test_order_of_bis_7_13_1() -> None:
    low, high = path("10.0.0.1"), path("10.0.0.2")
    assert better(low, high) is low
    preferred = path("10.0.0.2", local_pref=200)
    assert better(low, preferred) is preferred
    moved = path("10.0.0.2", 1)
    assert better(preferred, moved) is moved
    sticky = path("10.0.0.3", 0, sticky=True)
    assert better(moved, sticky) is sticky
    gateway = path("10.0.0.4", gateway=True)
    assert better(sticky, gateway) is gateway
    assert best([low, high, moved, sticky, gateway]) is gateway
    assert best([]) is None


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3), st.booleans()), min_size=1), st.randoms())
def test_the_best_path_does_not_depend_on_the_order(
    drawn: list[tuple[int, int, bool]], random: object
) -> None:
    paths = [path(f"10.0.0.{pe}", sequence, sticky=sticky) for pe, sequence, sticky in drawn]
    shuffled = list(paths)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = best(paths), best(shuffled)
    assert one is not None
    assert other is not None
    assert (one.pe, one.sequence, one.sticky) == (other.pe, other.sequence, other.sticky)


def test_who_keeps_a_mac_learned_by_two() -> None:
    us = ip_address("10.0.0.2")
    assert takes_over(path("10.0.0.3", 5), 4, sticky=False, pe=us)
    assert not takes_over(path("10.0.0.3", 4), 5, sticky=False, pe=us)
    # RFC 7432 §15: equal sequences, the lowest address wins, against oneself too.
    assert takes_over(path("10.0.0.1", 4), 4, sticky=False, pe=us)
    assert not takes_over(path("10.0.0.3", 4), 4, sticky=False, pe=us)
    assert takes_over(path("10.0.0.3", 0), MODULUS - 1, sticky=False, pe=us)
    assert not takes_over(path("10.0.0.1", 9), 0, sticky=True, pe=us)
    assert takes_over(path("10.0.0.3", 0, sticky=True), 9, sticky=False, pe=us)
