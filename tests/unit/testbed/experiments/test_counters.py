"""Counters are read, never guessed: interfaces, speakers, sessions."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from testbed.experiments.counters import Tally, core_interfaces, tally
from testbed.experiments.flooding import copies
from testbed.model.plan import Plan


def fabric(updates: int, writes: int) -> Any:
    peer = SimpleNamespace(counters=SimpleNamespace(updates_out=updates))
    pe = SimpleNamespace(speaker=SimpleNamespace(peers=lambda: [peer]))
    switch = SimpleNamespace(switch=SimpleNamespace(session=SimpleNamespace(writes=writes)))
    return SimpleNamespace(pes={"pe1": pe, "pe2": pe}, controllers={"pe1": switch, "p1": switch})


def test_all_counters_of_a_moment(plan: Plan, tmp_path: Path) -> None:
    names = list(core_interfaces(plan))
    assert len(names) == 2 * 9, "nine WAN links"
    assert "acc1-eth1" not in names
    for number, name in enumerate(names):
        (tmp_path / name / "statistics").mkdir(parents=True)
        (tmp_path / name / "statistics" / "tx_bytes").write_text(f"{number}\n")
    first = tally(plan, fabric(2, 30), tmp_path)
    assert first == Tally(wan_bytes=sum(range(18)), updates=4, writes=60)
    assert tally(plan, fabric(5, 31), tmp_path) - first == Tally(0, 6, 2)


def test_copies_that_the_wan_carried_in_vain(plan: Plan, way: Any, trace: Any) -> None:
    before = way("client", "acc4", "pe4", "p4", "p1", "pe1", "acc1", "vm1@dc1")
    beside = way("client", "acc4", "pe4", "p4", "p1", "pe1", "acc1", "h1")
    assert copies(plan, trace(*before)) == 0
    assert copies(plan, trace(*before, beside[-1])) == 0, "flooded by the access switch alone"
    elsewhere = way("client", "acc4", "pe4", "p4", "p1", "pe1", "p1", "p2", "pe2", "acc2", "h2")
    assert copies(plan, trace(*before, *elsewhere[4:])) == 1
    assert copies(plan, trace()) == 0
