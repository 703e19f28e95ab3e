"""A lab with its controllers at work: what experiments, the control socket and tests act upon."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import count
from pathlib import Path
from typing import Self, final

from controllers.dataplane.local import Watch
from controllers.dataplane.reports import drop_reason
from controllers.runtime.fabric import Fabric
from controllers.runtime.switch import Observer, Stamp
from testbed.experiments.invariants import Journal
from testbed.experiments.programs import programs
from testbed.lab import rundir
from testbed.lab.container import LAB_NAME
from testbed.lab.errors import LabError
from testbed.lab.eventually import NotInTime, eventually_async
from testbed.lab.fabric_config import fabric_config
from testbed.lab.lab import Lab
from testbed.lab.machines import Guest
from testbed.lab.switches import READY_SECONDS, Target
from testbed.model.plan import Plan
from testbed.model.topology import Mode, Reflector
from testbed.observe.flows import PingFlow
from testbed.observe.postcards import Postcard, PostcardStore
from testbed.observe.timeline import Timeline

REACHABLE_SECONDS = 15.0
"""How long the control plane may take until two machines reach each other."""

ICMP = 1


@final
@dataclass(frozen=True, slots=True)
class Setup:
    """What to run a plan with."""

    mode: Mode
    reflector: Reflector
    target: Target


@final
class RunningLab:
    """Switches, machines and controllers of a plan: `async with RunningLab(...)`, inside a container."""

    def __init__(self, plan: Plan, setup: Setup, *, logs: Path | None = None) -> None:
        self.plan = plan
        self.setup = setup
        self.timeline = Timeline()
        self.postcards = PostcardStore(plan)
        self.journal = Journal(plan, setup.mode)
        """What switches have acknowledged, for the static proof."""
        self.journal.listen(self.timeline)
        self.lab = Lab(plan, setup.target, timeline=self.timeline, logs=logs)
        self.fabric: Fabric
        self._stack = AsyncExitStack()
        self._watches: set[int] = set()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            compiled = programs(self.setup.target)
            stack.callback(self.lab.stop)
            self.lab.start()
            config = fabric_config(self.plan, self.setup.mode, self.setup.reflector)
            directory = rundir.directory(os.environ[LAB_NAME])
            observer = Observer(self._stamp, self._postcard, self.journal.acknowledged)
            self.fabric = await stack.enter_async_context(Fabric(config, compiled, observer, directory))
            try:
                await self.fabric.ready(READY_SECONDS)
            except TimeoutError as error:
                raise LabError(str(error)) from None
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def reachable(self, source: Guest, destination: Guest) -> None:
        """Wait until echoes come back. LabError if they do not in time."""
        address = str(destination.plan.address.ip)

        async def echo() -> bool:
            flow = PingFlow(source, address, interval=0.02, count=1)
            await flow.start()
            return bool((await flow.stop()).samples)

        what = f"{destination.name} ({address}) does not answer {source.name}"
        probe: Callable[[], bool | Awaitable[bool]] = echo
        try:
            await eventually_async(probe, within=REACHABLE_SECONDS, what=what)
        except NotInTime as error:
            raise LabError(str(error)) from None

    async def watch_pings(self, pairs: Iterable[tuple[Guest, Guest]]) -> list[int]:
        """Have every switch report the echoes between these machines, both ways, from now until `unwatch`."""
        numbers = []
        for one, other in pairs:
            for source, destination in ((one, other), (other, one)):
                number = next(each for each in count(1) if each not in self._watches)
                self._watches.add(number)
                numbers.append(number)
                self.fabric.watch(Watch(number, _host(source), _host(destination), protocol=ICMP))
        # Writes are due at the next turn of the event loop.
        await asyncio.sleep(0)
        await self.fabric.settled()
        return numbers

    def unwatch(self, numbers: Iterable[int]) -> None:
        """Stop these reports."""
        for number in numbers:
            self._watches.discard(number)
            self.fabric.unwatch(number)

    def _stamp(self, stamp: Stamp) -> None:
        self.timeline.stamp(stamp.event, stamp.node, stamp.t, **stamp.details)

    def _postcard(self, node: str, metadata: dict[str, int], packet: bytes) -> None:
        dropped = metadata["drop_reason"]
        self.postcards.add(
            Postcard(
                node=node,
                ingress_port=metadata["ingress_port"],
                egress_port=None if dropped else metadata["egress_port"],
                drop_reason=drop_reason(dropped) if dropped else "",
                ingress_ts_us=metadata["ingress_timestamp"],
                egress_ts_us=metadata["egress_timestamp"],
                packet=packet,
                received_at=time.monotonic(),
            )
        )


def _host(machine: Guest) -> IPv4Network:
    return IPv4Network(machine.plan.address.ip)
