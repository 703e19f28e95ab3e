"""What a running lab does when asked over its control socket."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from testbed.experiments import checking, handover
from testbed.experiments.arguments import number, text
from testbed.experiments.following import follow
from testbed.experiments.running import RunningLab
from testbed.experiments.shows import Shows
from testbed.experiments.tracing import trace
from testbed.experiments.traffic import Traffic
from testbed.lab.control import ControlServer, Emit, Json
from testbed.lab.errors import LabError
from testbed.lab.machines import Guest
from testbed.model.topology import Announce
from testbed.observe.timeline import Event


@contextlib.asynccontextmanager
async def serving(path: Path, lab: RunningLab) -> AsyncIterator[None]:
    """Serve all verbs of a lab on a socket; flows that nobody stopped end with it."""
    server, traffic = ControlServer(path), Traffic(lab)
    _register(server, lab, traffic)
    async with server:
        try:
            yield
        finally:
            await traffic.kill()


def _register(server: ControlServer, lab: RunningLab, traffic: Traffic) -> None:
    verbs = _Verbs(lab)
    server.register("status", verbs.status)
    server.register("ping", verbs.ping)
    server.register("migrate", verbs.migrate)
    server.register("timeline", verbs.timeline)
    server.register("watch", verbs.watch)
    server.register("plan", verbs.plan)
    server.register("trace", verbs.trace)
    server.register("follow", verbs.follow)
    server.register("flow start", traffic.start)
    server.register("flow stop", traffic.stop)
    shows = Shows(lab)
    for name in ("bgp", "evpn", "vpls", "mac", "route", "labels", "tables"):
        server.register(f"show {name}", getattr(shows, name))
    server.register("check", checking.verb(lab))
    handover.register(server, lab)


class _Verbs:
    def __init__(self, lab: RunningLab) -> None:
        self._lab = lab

    async def status(self, _args: dict[str, Any], _emit: Emit) -> Json:
        """Liveness of every part, P4Runtime and BGP sessions among them."""
        lab, fabric = self._lab, self._lab.fabric
        controllers = {
            name: {"p4runtime": each.switch.ready.is_set(), "writes": each.switch.session.writes}
            for name, each in fabric.controllers.items()
        }
        bgp = {
            name: {str(peer.address): "up" if peer.up else peer.reason for peer in pe.speaker.peers()}
            for name, pe in fabric.pes.items()
        }
        found = lab.lab.status()
        for name, switch in found["switches"].items():
            switch["device_id"] = lab.plan.switches[name].device_id
        return {**found, "setup": asdict(lab.setup), "controllers": controllers, "bgp": bgp}

    async def ping(self, args: dict[str, Any], _emit: Emit) -> Json:
        """ping(8)'s words, from one machine to another."""
        count = args.get("count", 1)
        if not isinstance(count, int) or not 1 <= count <= 100:
            raise LabError(f"count {count!r}: write 1 to 100")
        source, destination = text(args, "source"), text(args, "destination")
        # The controllers live on this event loop: it must not wait for a process.
        return await asyncio.to_thread(self._lab.lab.ping, source, destination, count=count)

    async def migrate(self, args: dict[str, Any], _emit: Emit) -> Json:
        """Move a machine live; where from and to, and the blackout as measured."""
        blackout = number(args, "blackout_ms", self._lab.plan.defaults.blackout_ms, 0, 60_000)
        announce = args.get("announce", self._lab.plan.defaults.announce.value)
        if announce not in list(Announce):
            raise LabError(f"announce {announce!r}: use one of {', '.join(Announce)}")
        vm = self._lab.lab.vm(text(args, "machine"))
        return asdict(await vm.migrate(text(args, "to"), blackout_ms=blackout, announce=announce))

    async def trace(self, args: dict[str, Any], _emit: Emit) -> Json:
        """Both ways of one echo, as the switches saw it."""
        return await trace(self._lab, *self._ends(args))

    async def follow(self, args: dict[str, Any], emit: Emit) -> Json:
        """Echo after echo with both its ways, as each is seen whole, until the client hangs up."""
        await follow(self._lab, *self._ends(args), emit)

    def _ends(self, args: dict[str, Any]) -> tuple[Guest, Guest]:
        source, destination = (self._lab.lab.machine(text(args, name)) for name in ("source", "destination"))
        if source is destination:
            raise LabError(f"{source.name} cannot be traced to itself: name two machines")
        return source, destination

    async def timeline(self, _args: dict[str, Any], _emit: Emit) -> Json:
        """All that happened since the lab came up; `t_ms` from its first event."""
        events = self._lab.timeline.events
        return [event.as_json(events[0].t) for event in events] if events else []

    async def watch(self, _args: dict[str, Any], emit: Emit) -> Json:
        """The same event by event, and on and on as things happen, until the client hangs up."""
        timeline, news = self._lab.timeline, asyncio.Queue[Event]()
        past = timeline.events
        origin = past[0].t if past else time.monotonic()
        end = timeline.listen(news.put_nowait)
        try:
            for event in past:
                await emit(event.as_json(origin))
            while True:
                await emit((await news.get()).as_json(origin))
        finally:
            end()

    async def plan(self, _args: dict[str, Any], _emit: Emit) -> Json:
        """What the lab consists of, as `Plan.as_json`."""
        return self._lab.plan.as_json()
