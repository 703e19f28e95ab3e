"""The actions of a scenario, carried out in a running lab."""

from __future__ import annotations

import asyncio
import random
from typing import Final, final

from testbed.experiments.faults import Faults
from testbed.experiments.operator import pin, topology_change, unpin
from testbed.experiments.running import RunningLab
from testbed.experiments.scenario import actions as act
from testbed.experiments.scenario.parts import Cast
from testbed.lab.errors import LabError
from testbed.lab.machines import VirtualMachine
from testbed.model.topology import Announce, Defaults

NOTICED: Final = 0.02
"""Seconds from a port going down until the whole spanning tree knows: frames under way have arrived by then,
and teach nobody again."""


@final
class Acting:
    """Carries out actions one after the other; `chance` draws the moments and orders that may vary."""

    def __init__(self, lab: RunningLab, cast: Cast, defaults: Defaults, chance: random.Random) -> None:
        self._lab, self._cast, self._defaults, self._chance = lab, cast, defaults, chance
        self._faults = Faults(lab)
        self._came_from: dict[str, str] = {}

    async def carry_out(self, step: act.AnyAction) -> None:
        """Carry out an action to its end. LabError if it cannot be done."""
        if step.within_s:
            await asyncio.sleep(self._chance.uniform(0.0, step.within_s))
        match step:
            case act.Migrate(migrate=vm, to=to):
                await self._move(self._vm(vm), self._cast.one(to), step)
            case act.MigrateBack(migrate_back=vm):
                await self._move_back(self._vm(vm), step)
            case act.PingPong():
                await self._ping_pong(step)
            case act.Evacuate():
                await self._evacuate(step)
            case act.Split(split=vm, to=to, announce=announce):
                self._lab.lab.split(self._cast.one(vm), self._cast.one(to), announce)
            case act.Merge(merge=vm):
                self._lab.lab.merge(self._cast.one(vm))
            case act.Speak(speak=vm, kind=kind):
                self._vm(vm).announce(kind)
            case act.Pin(pin=vm):
                pin(self._lab, self._lab.lab.machine(self._cast.one(vm)))
            case act.Unpin(unpin=vm):
                unpin(self._lab, self._lab.lab.machine(self._cast.one(vm)))
            case act.Wait(wait_s=seconds):
                await asyncio.sleep(seconds)
            case _:
                await self._fail(step)

    async def _fail(self, step: act.Fault) -> None:
        match step:
            case act.LinkDown(link_down=(a, b)):
                await self._faults.cut(a, b)
            case act.LinkUp(link_up=(a, b)):
                await self._faults.mend(a, b)
            case act.PeDown(pe_down=pe):
                await self._faults.kill(pe)
            case act.PeUp(pe_up=pe):
                await self._faults.revive(pe)
            case act.RestartController(restart_controller=pe):
                await self._faults.restart_controller(pe)
            case act.ReflectorIs(reflector="lost"):
                await self._faults.lose_reflector()
            case act.ReflectorIs():
                await self._faults.restore_reflector()

    def _vm(self, name: str) -> VirtualMachine:
        return self._lab.lab.vm(self._cast.one(name))

    async def _move(self, vm: VirtualMachine, to: str, how: act.Moving) -> None:
        blackout = self._defaults.blackout_ms if how.blackout_ms is None else how.blackout_ms
        announce: Announce = how.announce or self._defaults.announce
        moving = asyncio.ensure_future(vm.migrate(to, blackout_ms=blackout, announce=announce))
        if how.topology_change:
            await asyncio.sleep(NOTICED)
            topology_change(self._lab, vm)
        moved = await moving
        self._came_from[vm.name] = moved.source

    async def _move_back(self, vm: VirtualMachine, how: act.Moving) -> None:
        if vm.name not in self._came_from:
            raise LabError(f"{vm.name} has not moved yet: `migrate` it before `migrate-back`")
        await self._move(vm, self._came_from[vm.name], how)

    async def _ping_pong(self, step: act.PingPong) -> None:
        vm = self._vm(step.ping_pong)
        home = vm.slot.name if vm.slot else vm.plan.at
        for number in range(step.moves):
            if number:
                await asyncio.sleep(step.apart_ms / 1e3)
            await self._move(vm, home if number % 2 else self._cast.one(step.to), step)

    async def _evacuate(self, step: act.Evacuate) -> None:
        rack, to = self._cast.one(step.evacuate), self._cast.one(step.to)
        leaving = [vm for vm in self._lab.lab.vms.values() if vm.slot and rack in _places(vm)]
        if not leaving:
            raise LabError(f"no machine that moves is at {rack}")
        self._chance.shuffle(leaving)

        async def leave(number: int, vm: VirtualMachine) -> None:
            await asyncio.sleep(number * step.apart_ms / 1e3)
            await self._move(vm, to, step)

        await asyncio.gather(*(leave(number, vm) for number, vm in enumerate(leaving)))


def _places(vm: VirtualMachine) -> tuple[str, ...]:
    """What the place of a machine can be called: its slot, its site, its access switch."""
    slot = vm.slot
    return () if slot is None else (slot.name, slot.site, slot.port.node)
