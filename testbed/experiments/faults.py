"""Things that go wrong in a running lab, on demand: links, switches, controllers and the reflector."""

from __future__ import annotations

import asyncio
from typing import final

from testbed.experiments.running import RunningLab
from testbed.lab.errors import LabError
from testbed.lab.switches import READY_SECONDS


@final
class Faults:
    """Each is stamped on the timeline as it happens. LabError for a name that the lab has not, or a state
    that makes no sense, such as reviving what is alive."""

    def __init__(self, lab: RunningLab) -> None:
        self._lab = lab

    async def cut(self, a: str, b: str) -> None:
        """Cut the link between two switches: both lose their carrier."""
        self._lab.lab.set_link(a, b, up=False)

    async def mend(self, a: str, b: str) -> None:
        """Mend the link between two switches."""
        self._lab.lab.set_link(a, b, up=True)

    async def kill(self, node: str) -> None:
        """End the process of a switch at once, tables and all; its neighbours lose the carrier."""
        switch = self._lab.lab.switch(node)
        if not switch.alive:
            raise LabError(f"{node} is down already: revive it first")
        await asyncio.to_thread(switch.kill)
        self._lab.lab.set_node(node, up=False)

    async def revive(self, node: str) -> None:
        """Start a switch that was killed; its ports come up once its controller has filled its tables."""
        switch = self._lab.lab.switch(node)
        if switch.alive:
            raise LabError(f"{node} is up: kill it first")
        await asyncio.to_thread(switch.restart)
        await self._in_time(self._lab.fabric.controllers[node].switch.ready, f"tables of {node}")
        self._lab.lab.set_node(node, up=True)

    async def restart_controller(self, node: str) -> None:
        """End the controller of a switch as if it were killed, and start one that knows nothing.

        The switch forwards on with the tables it has. Returns when they are the new controller's: it has
        read them back, has heard BGP, and has written what differs.
        """
        self._lab.lab.switch(node)
        self._lab.timeline.stamp("controller down", node)
        controller = await self._lab.fabric.restart(node)
        await self._in_time(controller.switch.ready, f"tables of {node}")
        self._lab.timeline.stamp("controller up", node)

    async def lose_reflector(self) -> None:
        """End the reflector at once: it takes leave of nobody."""
        reflector = self._lab.fabric.reflector
        if reflector is None or reflector.pid is None:
            raise LabError("the reflector is lost already: restore it first")
        self._lab.timeline.stamp("reflector down", self._lab.setup.reflector)
        await reflector.kill()

    async def restore_reflector(self) -> None:
        """Start the reflector again; returns when every PE has its session."""
        reflector = self._lab.fabric.reflector
        if reflector is None or reflector.pid is not None:
            raise LabError("the reflector is there: lose it first")
        await reflector.start()
        for name, pe in self._lab.fabric.pes.items():
            await self._in_time(pe.connected, f"BGP session of {name}")
        self._lab.timeline.stamp("reflector up", self._lab.setup.reflector)

    async def _in_time(self, event: asyncio.Event, what: str) -> None:
        try:
            await asyncio.wait_for(event.wait(), READY_SECONDS)
        except TimeoutError:
            raise LabError(f"no {what} after {READY_SECONDS:g} s") from None
