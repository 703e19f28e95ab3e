"""All controllers of a lab on one event loop. Each PE is on its own and hears of the others by BGP alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self, final

from controllers.dataplane.local import Watch
from controllers.dataplane.p4runtime import Program
from controllers.runtime.access import AccessController
from controllers.runtime.bgp.reflectors import ReflectorPlan, ReflectorProcess
from controllers.runtime.carrier import CarrierWatch
from controllers.runtime.config import AccessSetup, FabricConfig, LsrSetup, PeSetup
from controllers.runtime.lsr import LsrController
from controllers.runtime.pe import PeController, families
from controllers.runtime.switch import Observer

Setup = PeSetup | LsrSetup | AccessSetup
Controller = PeController | LsrController | AccessController


@final
class Fabric:
    """Controllers for all switches, or for the named ones: `async with Fabric(...)`.

    `programs` has a compiled program for each of `pe`, `lsr` and `access` that is needed. The reflector is
    started here if all switches are controlled; `directory` takes its files.
    """

    def __init__(
        self,
        config: FabricConfig,
        programs: Mapping[str, Program],
        observer: Observer,
        directory: Path,
        only: Iterable[str] | None = None,
    ) -> None:
        self.config = config
        self._programs = programs
        self._observer = observer
        self._link_state = config.link_state
        self.pes: dict[str, PeController] = {}
        self.controllers: dict[str, Controller] = {}
        wanted = None if only is None else set(only)
        setups: list[Setup] = [*config.pes, *config.lsrs, *config.access]
        for setup in setups:
            if wanted is None or setup.switch.name in wanted:
                self._make(setup)
        self.reflector = _reflector(config, directory) if wanted is None else None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._watches: dict[int, Watch] = {}
        self._carriers: CarrierWatch | None = None
        links = config.link_state.links
        self._core = {(end.node, end.port) for link in links for end in (link.a, link.b)}
        self._down: set[tuple[str, int]] = set()
        """Ports without carrier."""

    def _make(self, setup: Setup) -> Controller:
        # With all links: the interface of one that is down must be there when it comes up.
        name, links = setup.switch.name, self.config.link_state
        programs, observer = self._programs, self._observer
        match setup:
            case PeSetup():
                made: Controller = PeController(setup, self.config.bgp, links, programs["pe"], observer)
            case LsrSetup():
                made = LsrController(setup, links, programs["lsr"], observer)
            case AccessSetup():
                made = AccessController(setup, programs["access"], observer)
        self.controllers[name] = made
        if isinstance(made, PeController):
            self.pes[name] = made
        return made

    def _start(self, name: str) -> None:
        controller = self.controllers[name]
        if isinstance(controller, PeController):
            controller.start()
        self._tasks[name] = asyncio.create_task(controller.switch.run(), name=name)

    async def __aenter__(self) -> Self:
        if self.reflector is not None:
            await self.reflector.start()
        for name in self.controllers:
            self._start(name)
        setups: list[Setup] = [*self.config.pes, *self.config.lsrs, *self.config.access]
        self._ports = {
            interface: (setup.switch.name, port)
            for setup in setups
            for port, interface in setup.switch.interfaces.items()
        }
        self._carriers = CarrierWatch(self._ports, self._carrier)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._carriers is not None:
            self._carriers.close()
        for pe in self.pes.values():
            # Where others go on, the switches of these controllers forward on for them.
            pe.abort() if self.reflector is None else await pe.stop()
        if self.reflector is not None:
            await self.reflector.stop()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def give_up(self, name: str) -> None:
        """End the controller of a switch as if it were killed. The tables stay as they are."""
        controller, task = self.controllers[name], self._tasks[name]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if isinstance(controller, PeController):
            controller.abort()

    async def restart(self, name: str) -> Controller:
        """End the controller of a switch if it has not been given up, and start another one in its place.

        The new controller reads the tables back. Returns it at once: its `switch.ready` tells when it is at
        work.
        """
        await self.give_up(name)
        new = self._make(self.config.named(name))
        for watch in self._watches.values():
            new.switch.set(watch)
        self._start(name)
        if not isinstance(new, AccessController):
            new.topology(self._link_state)
        for node, port in self._down:
            if node == name:
                new.carrier(port, False)
        return new

    async def ready(self, within: float) -> None:
        """Wait until every switch holds its tables and every PE has BGP. TimeoutError names the rest."""
        try:
            async with asyncio.timeout(within):
                for each in self.controllers.values():
                    await each.switch.ready.wait()
                for pe in self.pes.values():
                    await pe.connected.wait()
        except TimeoutError:
            late = [name for name, each in self.controllers.items() if not each.switch.ready.is_set()]
            alone = [name for name, pe in self.pes.items() if not pe.connected.is_set()]
            what = (
                f"P4Runtime session with {', '.join(late)}" if late else f"BGP session of {', '.join(alone)}"
            )
            raise TimeoutError(f"no {what} after {within:g} s") from None

    async def settled(self) -> None:
        """Wait until every write that is due has been answered."""
        for each in self.controllers.values():
            await each.switch.session.flushed()

    def watch(self, *watches: Watch) -> None:
        """Have every switch report these packets from now on."""
        self._watches.update({watch.number: watch for watch in watches})
        for each in self.controllers.values():
            for watch in watches:
                each.switch.set(watch)

    def unwatch(self, *numbers: int) -> None:
        """Stop reports."""
        for number in numbers:
            self._watches.pop(number, None)
        for each in self.controllers.values():
            for number in numbers:
                each.switch.unset(("watch", number))

    def _carrier(self, interface: str, up: bool) -> None:
        name, port = self._ports[interface]
        before = self._down & self._core
        (self._down.discard if up else self._down.add)((name, port))
        if name in self.controllers:
            self.controllers[name].carrier(port, up)
        cut = self._down & self._core
        if cut != before:
            # What an IGP floods; here all processes share a kernel, and each knows it at once.
            self._link_state = self.config.link_state.without(cut)
            for each in self.controllers.values():
                if not isinstance(each, AccessController):
                    each.topology(self._link_state)


def _reflector(config: FabricConfig, directory: Path) -> ReflectorProcess:
    bgp = config.bgp
    carried = dict.fromkeys(family for pe in config.pes for family in families(pe, bgp.kind))
    clients = tuple(pe.core.loopback for pe in config.pes)
    plan = ReflectorPlan(bgp.asn, bgp.reflector, bgp.reflector, clients, bgp.port, tuple(carried))
    return ReflectorProcess(bgp.kind, plan, directory)
