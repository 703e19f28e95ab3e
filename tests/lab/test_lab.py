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


def test_split_brain(result_of: Callable[[str], Any]) -> None:
    found = result_of("split")
    assert found["heard"] == [1, 1, 0, 1]
    assert found["same"] == 1, "both copies have the same addresses"
    assert found["problems"] == ["vm1 is split already: merge it first"] * 2
    assert found["vms"] == ["vm1", "vm1-copy"]


def test_switches_that_do_not_say_when_they_are_ready(result_of: Callable[[str], Any]) -> None:
    found = result_of("foreign")
    assert found["alive"]
    assert len(found["rtts"]) == 2
    taken_by_none = "50001-50003,50101,51001-51003,55001-55003,55101,56001-56003"
    assert found["reserved"] == taken_by_none, "a connection from one would keep its switch from starting"


def test_status_faults_and_links(result_of: Callable[[str], Any]) -> None:
    found = result_of("hub")
    assert found["alive"] == [True, False, True]
    assert not found["p1"]
    assert found["cut"] == []
    assert len(found["mended"]) >= 1
    assert found["carrier"] == [0, 0], "of a cable without delay, too"
    assert found["usable"] == [True, True], "a foreign switch goes deaf if its own interface is set down"


def test_no_super_frames_on_the_wire(result_of: Callable[[str], Any]) -> None:
    found = result_of("frames")
    assert found["longest"] <= 1514
    assert found["count"] >= 20


@pytest.mark.alone
def test_delay_cables_change_nothing(result_of: Callable[[str], Any]) -> None:
    for name, (same, late_ms) in result_of("tags").items():
        assert same, f"{name} frame comes out as it went in"
        assert 5.0 <= late_ms < 50, f"{name} frame is 5 ms late"


@pytest.mark.alone
def test_flows_and_paths_of_a_move(result_of: Callable[[str], Any]) -> None:
    found = result_of("measured_move")
    for name in ("down", "up"):
        stats = found["stats"][name]
        assert found["blackout_ms"] <= stats["gap_ms"] <= found["blackout_ms"] + 80
        assert 8 <= stats["lost"] <= 40
        assert stats["reordered"] == stats["duplicated"] == 0
        assert 10 <= stats["delay_ms"] < 20
    assert found["survived"]
    assert 20 <= found["rtt_ms"] < 35
    assert all(rate > 2 for rate in found["goodput"])
    assert found["lost_frames"] == 0
    assert found["first"]["nodes"] == ["acc3", "pe3", "p1", "pe1", "acc1"]
    assert found["last"]["nodes"] == ["acc3", "pe3", "p1", "pe2", "acc2"]
    for way in (found["first"], found["last"]):
        assert (way["crossings"], way["trombone"], way["receiver"]) == (1, False, "vm1")
    assert found["traced"] >= 250


def test_a_machine_waits_for_its_port(result_of: Callable[[str], Any]) -> None:
    found = result_of("late_port")
    assert found["before"] == [True, False]
    assert len(found["looks"]) >= 4
    assert set(found["looks"]) == {None}, "off the network as long as the port is"
    assert found["after"] == [False, True]
