"""Switch processes: P4Runtime targets as Mininet switches, started side by side and waited for together."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self, final
from weakref import WeakValueDictionary

from mininet.node import Node
from mininet.node import Switch as MininetSwitch

from testbed.lab import wires
from testbed.lab.errors import LabError
from testbed.lab.eventually import NotInTime, eventually
from testbed.lab.interface import Interface
from testbed.model.addresses import CPU_PORT
from testbed.model.plan import Switch

THRIFT_OFFSET = 5000

READY_SECONDS = 120.0
"""How long switches may take until they answer, and until they hold their tables. On a busy machine a dozen
of them, with a program to translate, take more than half a minute, and what is slow is not broken."""
BMV2 = "simple_switch_grpc"


@final
class Target(StrEnum):
    """Which switch runs the pipelines."""

    EMBEDDED = "embedded"
    BMV2 = "bmv2"


@final
@dataclass(frozen=True, slots=True)
class SwitchProgram:
    """How to start a target: the drop-in options of simple_switch_grpc, and what it can do beyond them."""

    argv: tuple[str, ...]
    delays: bool
    """Limits rates and has a delay line at its ports (`--port-rate`, `--port-delay`); otherwise cables do."""
    reports_ready: bool
    """Takes `--ready-fd` and writes a line there; otherwise its P4Runtime port is tried."""
    thrift: bool = False
    """Listens for Thrift too (`--thrift-port`), by itself always on the same port."""

    @classmethod
    def of(cls, target: Target) -> Self:
        """The program of a target."""
        if target is Target.BMV2:
            # Without, it writes what it would log, for every packet, before it throws it away.
            quiet = (BMV2, "--log-level", "off")
            return cls(quiet, delays=False, reports_ready=False, thrift=_has_thrift())
        return cls((sys.executable, "-m", "testbed.cli.main", "switch"), delays=True, reports_ready=True)

    def command(self, switch: Switch, pipeline: Path | None, ready: int | None) -> list[str]:
        """The command line for a switch; without a pipeline it waits for one over P4Runtime."""
        command = [*self.argv, "--device-id", str(switch.device_id)]
        for port in switch.ports:
            command += ["-i", f"{port.number}@{port.interface}"]
        command += [str(pipeline)] if pipeline else ["--no-p4"]
        if self.thrift:
            command += ["--thrift-port", str(thrift_port(switch))]
        command += ["--", "--grpc-server-addr", switch.grpc_address, "--cpu-port", str(CPU_PORT)]
        if self.delays:
            for port in switch.ports:
                if port.delay_ms:
                    command += ["--port-delay", f"{port.number}={port.delay_ms:g}"]
                if port.rate_mbps:
                    command += ["--port-rate", f"{port.number}={port.rate_mbps:g}"]
        if ready is not None:
            command += ["--ready-fd", str(ready)]
        return command


class P4Switch(MininetSwitch):  # type: ignore[misc]
    """A Mininet switch that is a P4Runtime target; its slots are made with it."""

    by_name: ClassVar[WeakValueDictionary[str, P4Switch]] = WeakValueDictionary()
    """All switches of this process."""

    def __init__(
        self,
        name: str,
        *,
        plan: Switch,
        program: SwitchProgram,
        slots: Sequence[tuple[int, str]] = (),
        pipeline: Path | None = None,
        logs: Path | None = None,
        **params: Any,
    ) -> None:
        """`slots`: (port, outer end) of each; `logs`: directory for the switch's output."""
        self.plan, self.program, self.pipeline, self.logs = plan, program, pipeline, logs
        self.process: subprocess.Popen[bytes] | None = None
        self._controllers: Sequence[Any] = ()
        self._ready: int | None = None
        Node.__init__(self, name, **{**params, "inNamespace": False})
        self.dpid, self.opts, self.listenPort, self.controlIntf = f"{plan.device_id:016x}", "", None, None
        for number, outer in slots:
            port = plan.port(number)
            wires.connect(port.interface, outer, a_mac=port.mac, b_up=False)
            Interface(port.interface, node=self, port=number, mac=port.mac)
        P4Switch.by_name[name] = self

    def start(self, controllers: Sequence[Any]) -> None:
        """Start the process; `wait_ready` tells when it serves."""
        self._controllers = controllers
        ready: int | None = None
        if self.program.reports_ready:
            self._ready, ready = os.pipe()
        command = self.program.command(self.plan, self.pipeline, ready)
        try:
            with self._log() as log:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=[] if ready is None else [ready],
                )
        except FileNotFoundError:
            raise LabError(f"{command[0]} is not on PATH: install it, or use --target embedded") from None
        finally:
            if ready is not None:
                os.close(ready)

    def _log(self) -> contextlib.AbstractContextManager[Any]:
        if self.logs is None:
            return contextlib.nullcontext(subprocess.DEVNULL)
        return (self.logs / f"{self.name}.log").open("wb")

    @classmethod
    def batchStartup(cls, switches: Sequence[P4Switch]) -> Sequence[P4Switch]:  # noqa: N802 - Mininet's name
        """Wait for all of them (Mininet calls this once every switch has been started)."""
        wait_ready(switches)
        return switches

    def restart(self) -> None:
        """Start the process again, killed or not, and wait until it serves."""
        self.kill()
        self.start(self._controllers)
        wait_ready([self])

    def kill(self) -> None:
        """End the process at once."""
        if self.process:
            self.process.kill()
            self.process.wait()
        self._forget_ready()

    @property
    def alive(self) -> bool:
        """Is the process running?"""
        return self.process is not None and self.process.poll() is None

    def connected(self) -> bool:
        """Is it running, and do the controllers (which Mininet knows of) have it under control?"""
        return self.alive and all(controller.in_control() for controller in self._controllers)

    def stop(self, deleteIntfs: bool = True) -> None:  # noqa: N803 - Mininet's name
        """End the process and remove the interfaces."""
        if self.process and self.alive:
            self.process.terminate()
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.kill()
        self._forget_ready()
        if deleteIntfs:
            for interface in [port.interface for port in self.plan.ports]:
                wires.remove(interface)
        self.terminate()

    def last_words(self) -> str:
        """The last line of its log, for error messages."""
        if self.logs is None:
            return ""
        with contextlib.suppress(OSError):
            lines = (self.logs / f"{self.name}.log").read_text(errors="replace").strip().splitlines()
            return lines[-1].strip() if lines else ""
        return ""

    def _forget_ready(self) -> None:
        if self._ready is not None:
            os.close(self._ready)
            self._ready = None


@cache
def _has_thrift() -> bool:
    """Was bmv2 built with Thrift? Without, it ends at once if it is told a port for that."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        usage = subprocess.run([BMV2, "--help"], capture_output=True, text=True, check=False, timeout=10)
        return "--thrift-port" in usage.stdout + usage.stderr
    return False


def thrift_port(switch: Switch) -> int:
    """Where simple_switch_grpc serves Thrift, if it was built with it."""
    return switch.grpc_port + THRIFT_OFFSET


def wait_ready(switches: Sequence[P4Switch], timeout: float = READY_SECONDS) -> None:
    """Wait until all serve P4Runtime. Raises `LabError` that names the one that does not."""
    deadline = time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for switch in switches:
            if switch._ready is not None:
                selector.register(switch._ready, selectors.EVENT_READ, switch)
        while selector.get_map():
            events = selector.select(max(0.0, deadline - time.monotonic()))
            if not events:
                late = ", ".join(sorted(key.data.name for key in selector.get_map().values()))
                raise LabError(f"not ready after {timeout:g} s: {late}")
            for key, _ in events:
                switch = key.data
                said = os.read(key.fd, 4096)
                selector.unregister(key.fd)
                switch._forget_ready()
                if not said:
                    raise _ended(switch)
    for switch in switches:
        if not switch.program.reports_ready:
            _wait_port(switch, deadline)


def _wait_port(switch: P4Switch, deadline: float) -> None:
    def answers() -> bool:
        if not switch.alive:
            raise _ended(switch)
        with socket.create_connection(("127.0.0.1", switch.plan.grpc_port), timeout=1):
            return True

    try:
        eventually(answers, within=max(0.0, deadline - time.monotonic()))
    except NotInTime:
        raise LabError(f"switch {switch.name} does not answer on {switch.plan.grpc_address}") from None


def _ended(switch: P4Switch) -> LabError:
    words = switch.last_words()
    return LabError(f"switch {switch.name} ended before it was ready" + (f": {words}" if words else ""))
