"""The switches that cases run on: engines in memory, and processes with interfaces."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from queue import Queue
from tempfile import TemporaryDirectory
from typing import Any, Protocol, TypeVar, cast

from testbed.p4.switch.p4runtime.server import P4RuntimeServer
from testbed.p4.switch.target import Target, TargetOptions
from tests.conformance.case import CPU_PORT, PORTS
from tests.conformance.client import DEADLINE, DEVICE, Client
from tests.conformance.links import Links
from tests.conformance.toolchains import Loadable

Sent = tuple[int, bytes]
T = TypeVar("T")


class Switch(Protocol):
    """A switch under test, with a controller."""

    @property
    def client(self) -> Client:
        """The controller."""

    def start(self, program: Loadable) -> None:
        """Run a program; nothing is left of what was before."""

    def exchange(self, port: int, data: bytes, expected: int, now: int | None) -> list[Sent]:
        """Send a frame and return what leaves; `expected` tells how many frames to wait for."""

    def collect(self, expected: int) -> list[Sent]:
        """What leaves without a frame sent (after a packet-out)."""

    def sweep(self) -> None:
        """Look for idle entries now, if it has to be told."""

    def close(self) -> None:
        """End it."""


class _Recorder:
    """A target whose packet-outs are injected, so that what they give can be seen without interfaces."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.sent: Queue[list[Sent]] = Queue()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def packet_out(self, data: bytes) -> None:
        """See `Target.packet_out`."""
        self.sent.put(self._target.inject(CPU_PORT, data))


class InMemorySwitch:
    """An engine and its P4Runtime server in this process; frames need no interface."""

    def __init__(self, engine: Callable[[TargetOptions], Target]) -> None:
        self._target = _Recorder(engine(TargetOptions(cpu_port=CPU_PORT)))
        for port in PORTS:
            self._target.set_port(port, True)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._directory = TemporaryDirectory()
        address = f"unix:{self._directory.name}/p4runtime"
        self._server = self._run(self._serve(address))
        self.client = Client(address)

    def start(self, program: Loadable) -> None:
        """See `Switch`."""
        self.client.set_pipeline(program.info, program.config)

    def exchange(self, port: int, data: bytes, expected: int, now: int | None) -> list[Sent]:
        """See `Switch`."""
        return _on_interfaces(self._target.inject(port, data, now=now))

    def collect(self, expected: int) -> list[Sent]:
        """See `Switch`."""
        return _on_interfaces(self._target.sent.get(timeout=DEADLINE))

    def sweep(self) -> None:
        """See `Switch`: the reference engine sweeps by itself only while it has interfaces."""
        with suppress(AttributeError):
            self._target.sweep()

    def close(self) -> None:
        """See `Switch`."""
        self.client.close()
        self._run(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE)
        self._loop.close()
        self._target.close()
        self._directory.cleanup()

    async def _serve(self, address: str) -> P4RuntimeServer:
        server = P4RuntimeServer(cast(Target, self._target), device_id=DEVICE, cpu_port=CPU_PORT)
        await server.listen(address)
        return server

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE)


class ProcessSwitch:
    """A switch as a process on interfaces, `command` being its name and what it needs in front."""

    def __init__(self, command: list[str], links: Links, *, restart: bool) -> None:
        self._command = command
        self._links = links
        self._restart = restart
        """Whether a program needs a new process; else a new pipeline config does."""
        self._launch()

    def start(self, program: Loadable) -> None:
        """See `Switch`."""
        if self._restart:
            self.close()
            self._launch()
        self.client.set_pipeline(program.info, program.config)

    def exchange(self, port: int, data: bytes, expected: int, now: int | None) -> list[Sent]:
        """See `Switch`."""
        self._links.send(port, data)
        return self.collect(expected)

    def collect(self, expected: int) -> list[Sent]:
        """See `Switch`."""
        return self._links.receive(expected, DEADLINE)

    def sweep(self) -> None:
        """See `Switch`: it does by itself."""

    def close(self) -> None:
        """See `Switch`."""
        self.client.close()
        self._process.terminate()
        self._process.wait(DEADLINE)

    def _launch(self) -> None:
        address = f"127.0.0.1:{_free_port()}"
        interfaces = [f"-i{port}@{self._links.interface(port)}" for port in self._links.ports]
        target_options = ["--grpc-server-addr", address, "--cpu-port", str(CPU_PORT)]
        self._process = subprocess.Popen(
            [*self._command, "--no-p4", "--device-id", str(DEVICE), *interfaces, "--", *target_options],
            stdout=subprocess.DEVNULL,
        )
        self.client = Client(address)


def our_switch() -> list[str]:
    """The command of `vmto switch`."""
    return [sys.executable, "-m", "testbed.p4.switch.main"]


def bmv2() -> list[str]:
    """The command of simple_switch_grpc, with a Thrift port of its own if it was built with one."""
    command = ["simple_switch_grpc", "--log-level", "off"]
    usage = subprocess.run([*command, "--help"], check=False, capture_output=True, text=True, timeout=10)
    thrift = ["--thrift-port", str(_free_port())] if "--thrift-port" in usage.stdout + usage.stderr else []
    return [*command, *thrift]


def _on_interfaces(leaving: list[Sent]) -> list[Sent]:
    """Without what goes to the controller, and what goes to ports that do not exist."""
    return [(port, data) for port, data in leaving if port in PORTS]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
