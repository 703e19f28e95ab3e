"""Moves in their windows (RFC 7432 §15.1)."""

from __future__ import annotations

from controllers.evpn.config import Mobility
from controllers.evpn.duplicates import MoveCounter


def test_a_window_that_ended_is_forgotten() -> None:
    """Of all that ever moved, what moved lately is remembered, whatever becomes of the rest."""
    counter: MoveCounter[int] = MoveCounter(Mobility(window=10.0, max_moves=3))
    for number in range(1000):
        assert not counter.moved(number, now=float(number))
        assert not counter.moved(number, now=float(number))
    assert len(counter._windows) == 10
    assert counter.moved(995, now=1004.9)
    assert not counter.moved(996, now=1006.0)
    assert not counter.moved(996, now=1007.0)
    assert counter.moved(996, now=1008.0)
