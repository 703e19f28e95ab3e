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
        self.pes: dict[str, PeController] = {}
        self.controllers: dict[str, Controller] = {}
        wanted = None if only is None else set(only)
        setups: list[PeSetup | LsrSetup | AccessSetup] = [*config.pes, *config.lsrs, *config.access]
        for setup in setups:
            if wanted is None or setup.switch.name in wanted:
                self.controllers[setup.switch.name] = self._controller(setup, programs, observer)
        self.reflector = _reflector(config, directory) if wanted is None else None
        self._tasks: list[asyncio.Task[None]] = []
        self._carriers: CarrierWatch | None = None
        links = config.link_state.links
        self._core = {(end.node, end.port) for link in links for end in (link.a, link.b)}
        self._cut: set[tuple[str, int]] = set()

    def _controller(
        self, setup: PeSetup | LsrSetup | AccessSetup, programs: Mapping[str, Program], observer: Observer
    ) -> Controller:
        match setup:
            case PeSetup():
                links = self.config.link_state
                pe = PeController(setup, self.config.bgp, links, programs["pe"], observer)
                self.pes[setup.switch.name] = pe
                return pe
            case LsrSetup():
                return LsrController(setup, self.config.link_state, programs["lsr"], observer)
            case AccessSetup():
                return AccessController(setup, programs["access"], observer)

    async def __aenter__(self) -> Self:
        if self.reflector is not None:
            await self.reflector.start()
        self._tasks = [
            asyncio.create_task(each.switch.run(), name=name) for name, each in self.controllers.items()
        ]
        for pe in self.pes.values():
            await pe.start()
        self._ports = {
            interface: (name, port)
            for name, each in self.controllers.items()
            for port, interface in each.switch.config.interfaces.items()
        }
        self._carriers = CarrierWatch(self._ports, self._carrier)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._carriers is not None:
            self._carriers.close()
        for pe in self.pes.values():
            await pe.stop()
        if self.reflector is not None:
            await self.reflector.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

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
        for each in self.controllers.values():
            for watch in watches:
                each.switch.set(watch)

    def unwatch(self, *numbers: int) -> None:
        """Stop reports."""
        for each in self.controllers.values():
            for number in numbers:
                each.switch.unset(("watch", number))

    def _carrier(self, interface: str, up: bool) -> None:
        name, port = self._ports[interface]
        self.controllers[name].carrier(port, up)
        if (name, port) not in self._core:
            return
        cut = {end for end in self._cut if end != (name, port)} | (set() if up else {(name, port)})
        if cut != self._cut:
            self._cut = cut
            # What an IGP floods; here one process knows it at once.
            links = self.config.link_state.without(cut)
            for each in self.controllers.values():
                if not isinstance(each, AccessController):
                    each.topology(links)


def _reflector(config: FabricConfig, directory: Path) -> ReflectorProcess:
    bgp = config.bgp
    carried = dict.fromkeys(family for pe in config.pes for family in families(pe, bgp.kind))
    clients = tuple(pe.evpn.loopback for pe in config.pes)
    plan = ReflectorPlan(bgp.asn, bgp.reflector, bgp.reflector, clients, bgp.port, tuple(carried))
    return ReflectorProcess(bgp.kind, plan, directory)
