"""A running lab gives up the controllers of switches to a process of its own, and takes them back."""

from __future__ import annotations

import asyncio
from typing import Any, Final, final

from testbed.experiments.arguments import text
from testbed.experiments.running import RunningLab
from testbed.lab.control import ControlServer, Emit, Json
from testbed.lab.errors import LabError

TAKEN_BACK_SECONDS: Final = 30.0


def register(server: ControlServer, lab: RunningLab) -> None:
    """Serve the verbs `controller off` and `controller on`; each takes `node`."""
    handover = _Handover(lab)
    server.register("controller off", handover.off)
    server.register("controller on", handover.on)


@final
class _Handover:
    def __init__(self, lab: RunningLab) -> None:
        self._lab = lab
        self._away: set[str] = set()

    async def off(self, args: dict[str, Any], _emit: Emit) -> Json:
        """End the controller of a switch; the switch forwards on. Answers with what a new one is told."""
        node = text(args, "node")
        self._lab.lab.switch(node)
        if node in self._away:
            raise LabError(f"the controller of {node} is another process already: end that first")
        self._away.add(node)
        await self._lab.fabric.give_up(node)
        self._lab.timeline.stamp("controller down", node)
        return self._lab.fabric.config.to_json().decode()

    async def on(self, args: dict[str, Any], _emit: Emit) -> Json:
        """Start the controller of a switch again, which takes over the tables as they are."""
        node = text(args, "node")
        if node not in self._away:
            raise LabError(f"the controller of {node} is this lab's own already")
        self._away.discard(node)
        controller = await self._lab.fabric.restart(node)
        try:
            await asyncio.wait_for(controller.switch.ready.wait(), TAKEN_BACK_SECONDS)
        except TimeoutError:
            raise LabError(f"{node} is not under control after {TAKEN_BACK_SECONDS:g} s") from None
        self._lab.timeline.stamp("controller up", node)
        return None
