"""The server of the live page, before a lab that only pretends: a control socket with a few verbs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from testbed.lab.control import ControlServer, Emit
from testbed.lab.errors import LabError
from testbed.model.load import load_plan
from testbed.model.plan import Plan
from testbed.resources import topology
from testbed.web.serve import Server

TOKEN = "a-token"
INTERVAL = 0.05
"""Seconds from echo to echo."""
BEYOND = {"dc1": ["acc1"], "dc2": ["p1", "p2", "pe2", "acc2"], "dc3": ["p1", "p2", "p3", "pe3", "acc3"]}
"""From the former gateway's PE on: this lab trombones."""
HOSTILE = "<img src=x onerror=alert(1)>"


class FakeLab:
    """Remembers what it was asked; moves machines in no time."""

    def __init__(self, plan: Plan, path: Path) -> None:
        self.plan = plan
        self.path = path
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.at = {vm.name: vm.at for vm in plan.vms.values()}
        self.listeners: set[asyncio.Queue[Any]] = set()
        self.nobody_listens = asyncio.Event()

    def happen(self, event: str, node: str, **details: Any) -> None:
        for queue in self.listeners:
            queue.put_nowait({"t_ms": 1.5, "event": event, "node": node, "details": details})

    async def plan_(self, _args: dict[str, Any], _emit: Emit) -> Any:
        return self.plan.as_json()

    async def status(self, _args: dict[str, Any], _emit: Emit) -> Any:
        return {
            "name": "wan",
            "alive": True,
            "setup": {"mode": "evpn-vmto", "reflector": "embedded", "target": "embedded"},
            "machines": {name: {"slot": slot} for name, slot in self.at.items()},
        }

    async def watch(self, _args: dict[str, Any], emit: Emit) -> Any:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self.listeners.add(queue)
        try:
            await emit({"t_ms": 0.0, "event": "up", "node": HOSTILE})
            while True:
                await emit(await queue.get())
        finally:
            self.listeners.discard(queue)
            self.nobody_listens.set()

    async def follow(self, args: dict[str, Any], emit: Emit) -> Any:
        self.asked.append(("follow", args))
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self.listeners.add(queue)
        try:
            while True:
                there = ["acc4", "pe4", "p4", "p1", "pe1", *BEYOND[self.at["vm1"]]]
                trombone = self.at["vm1"] != "dc1"
                way = {"nodes": there, "crossings": 1 + trombone, "trombone": trombone}
                await emit({"rtt_ms": 13.5, "there": way, "back": {**way, "nodes": there[::-1]}})
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(queue.get(), INTERVAL)
        finally:
            self.listeners.discard(queue)

    async def migrate(self, args: dict[str, Any], _emit: Emit) -> Any:
        self.asked.append(("migrate", args))
        machine, to = args["machine"], args["to"]
        if to not in ("dc1", "dc2", "dc3"):
            raise LabError(f"{machine} has no slot {to!r}: use one of dc1, dc2, dc3")
        self.happen("unplugged", machine, slot=self.at[machine])
        self.at[machine] = to
        self.happen("resumed", machine, slot=to)
        return {"vm": machine}

    async def show(self, args: dict[str, Any], _emit: Emit) -> Any:
        self.asked.append(("show", args))
        return [
            {"mac": "02:00:0a:00:0a:0b", "ip": "10.0.10.11", "source": HOSTILE, "sequence": len(self.asked)}
        ]


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeLab]:
    lab = FakeLab(load_plan(topology("wan")), tmp_path / "control")
    server = ControlServer(lab.path)
    verbs = {"plan": lab.plan_, "status": lab.status, "watch": lab.watch, "follow": lab.follow}
    for name, verb in (verbs | {"migrate": lab.migrate, "show evpn": lab.show}).items():
        server.register(name, verb)
    async with server:
        yield lab


@pytest.fixture
async def address(fake: FakeLab) -> AsyncIterator[str]:
    """Where the page of the lab is served, token and all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(fake.path, TOKEN)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/{TOKEN}/"
        server.should_exit = True
        await serving
