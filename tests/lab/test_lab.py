"""A lab with stand-in switches: delays, moves, faults, true frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.needs_root

TWO_WAYS_TWO_LINKS_MS = 20.0


def test_a_machine_moves_and_notices_nothing(result_of: Callable[[str], Any]) -> None:
    found = result_of("migrate")
    assert len(found["before"]) == 3
    assert all(rtt >= TWO_WAYS_TWO_LINKS_MS for rtt in found["before"]), "every core link delays by 5 ms"
    for move, slot in zip(found["moves"], ("dc2", "dc1"), strict=True):
        assert move["slot"] == slot
        assert move["blackout_ms"] >= 40
        assert len(move["rtts"]) == 3, "all pings after the move are answered"
        assert all(rtt >= TWO_WAYS_TWO_LINKS_MS for rtt in move["rtts"])
    assert found["same"], "interface, addresses, routes and neighbours of the guest are unchanged"
    assert found["problems"] == [
        "vm1 is at dc1 already: choose another of its slots",
        "vm1 has no slot 'dc9': use one of dc1, dc2",
    ]
    one_move = ["paused", "unplugged", "resumed", "announced", "announced"]
    assert found["events"] == ["up", *one_move, *one_move]


def test_status_faults_and_links(result_of: Callable[[str], Any]) -> None:
    found = result_of("hub")
    assert found["alive"] == [True, False, True]
    assert not found["p1"]
    assert found["cut"] == []
    assert len(found["mended"]) >= 1


def test_no_super_frames_on_the_wire(result_of: Callable[[str], Any]) -> None:
    found = result_of("frames")
    assert found["longest"] <= 1514
    assert found["count"] >= 20
