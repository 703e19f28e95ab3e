"""Actions, carried out on machines that only note it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from testbed.experiments.acting import Acting
from testbed.experiments.scenario import actions as act
from testbed.experiments.scenario.parts import Cast
from testbed.lab.errors import LabError
from testbed.model.plan import Plan
from testbed.model.topology import Announce, Defaults


@dataclass
class Vm:
    name: str
    plan: Any
    at: str
    done: list[Any] = field(default_factory=list)

    @property
    def slot(self) -> Any:
        return self.plan.slot(self.at)

    async def migrate(self, to: str, *, blackout_ms: float, announce: Announce) -> Any:
        self.done.append((self.name, to, blackout_ms, announce))
        source, self.at = self.at, to
        return SimpleNamespace(source=source)


class Room:
    """Several machines of one plan in a lab that is none."""

    def __init__(self, plan: Plan, *names: str, seed: str = "0/0") -> None:
        self.done: list[Any] = []
        self.vms = {name: Vm(name, plan.vms["vm1"], "dc1", self.done) for name in names}
        lab = SimpleNamespace(vms=self.vms, vm=self.vms.__getitem__)
        running: Any = SimpleNamespace(lab=lab)
        cast = Cast("vm1", "dc2", ("client",))
        self.acting = Acting(running, cast, Defaults(blackout_ms=7), random.Random(seed))


async def test_spanning_tree_notices_while_the_machine_is_off_the_network(plan: Plan) -> None:
    room = Room(plan, "vm1")
    told: list[str] = []

    class Pe:
        def order(self, order: object) -> None:
            told.append(f"{order} after {len(room.done)} moves")

    pes = {name: Pe() for name in plan.bridge_domains["servers"].pes}
    running: Any = room.acting._lab
    running.plan = plan
    running.fabric = SimpleNamespace(pes=pes)
    running.timeline = SimpleNamespace(stamp=lambda event, node: told.append(f"{event} {node}"))
    await room.acting.carry_out(act.Migrate(migrate="$machine", to="$to", topology_change=True))
    assert told == ["TopologyChange(bd=1) after 1 moves"] * 3 + ["topology change vm1"]


def moves(room: Room) -> list[tuple[str, str]]:
    return [(name, to) for name, to, *_ in room.done]


async def test_moves_and_what_they_are_made_of(plan: Plan) -> None:
    room = Room(plan, "vm1")
    await room.acting.carry_out(act.Migrate(migrate="$machine", to="$to"))
    await room.acting.carry_out(act.Migrate(migrate="vm1", to="dc3", blackout_ms=0, announce=Announce.RARP))
    await room.acting.carry_out(act.MigrateBack(migrate_back="vm1"))
    assert room.done == [
        ("vm1", "dc2", 7, Announce.GARP),
        ("vm1", "dc3", 0, Announce.RARP),
        ("vm1", "dc2", 7, Announce.GARP),
    ]


async def test_nobody_goes_back_who_has_not_left(plan: Plan) -> None:
    with pytest.raises(LabError, match="vm1 has not moved yet"):
        await Room(plan, "vm1").acting.carry_out(act.MigrateBack(migrate_back="vm1"))


async def test_to_and_fro(plan: Plan) -> None:
    room = Room(plan, "vm1")
    await room.acting.carry_out(act.PingPong(ping_pong="vm1", to="dc3", moves=4, apart_ms=0))
    assert moves(room) == [("vm1", "dc3"), ("vm1", "dc1"), ("vm1", "dc3"), ("vm1", "dc1")]


@pytest.mark.parametrize("rack", ["dc1", "acc1"])
async def test_a_rack_is_emptied_in_an_order_of_the_seed(rack: str, plan: Plan) -> None:
    orders = set()
    for seed in range(8):
        room, again = (Room(plan, "a", "b", "c", seed=f"{seed}") for _ in range(2))
        for each in (room, again):
            await each.acting.carry_out(act.Evacuate(evacuate=rack, to="dc2", apart_ms=1))
        assert sorted(moves(room)) == [("a", "dc2"), ("b", "dc2"), ("c", "dc2")]
        assert moves(room) == moves(again)
        orders.add(tuple(moves(room)))
    assert len(orders) > 1


async def test_an_empty_rack(plan: Plan) -> None:
    with pytest.raises(LabError, match="no machine that moves is at dc3"):
        await Room(plan, "a").acting.carry_out(act.Evacuate(evacuate="dc3", to="dc2"))
