"""Switches in a row, as processes, with their cables."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from testbed.p4.compiler.result import CompiledProgram
from testbed.p4.switch.bench.cases import Entry
from testbed.p4.switch.bench.network import Route, ip_quietly, python, veth

OURS, NULL, BMV2, CABLE = "vmto switch", "null forwarder", "simple_switch_grpc", "no switch"
_KINDS: Final = (OURS, NULL, BMV2, CABLE)
_FIRST_PORT: Final = 9559
_PORTS_EACH: Final = 32
CPU_PORT: Final = 510


class Chain:
    """`length` switches of a kind: port 0 of the first is joined to `tx`, port 1 of the last to `rx`.

    Chains of different kinds can be there at the same time.
    """

    def __init__(self, switch: str, length: int) -> None:
        self.switch = switch
        self.length = length
        self.processes: list[subprocess.Popen[str]] = []
        kind = _KINDS.index(switch)
        self._tag = "vnbc"[kind]
        self._first_port = _FIRST_PORT + kind * _PORTS_EACH
        self.tx, self.rx = f"{self._tag}-tx", f"{self._tag}-rx"

    @contextmanager
    def open(self) -> Iterator[Chain]:
        """Cables and switches, ready."""
        with self.cables(), self.running():
            yield self

    @contextmanager
    def cables(self) -> Iterator[None]:
        """The cables; without switches it is one from `tx` to `rx`."""
        lefts = [self.tx, *(self._interface(i, 1) for i in range(self.length))]
        rights = [*(self._interface(i, 0) for i in range(self.length)), self.rx]
        for left, right in zip(lefts, rights, strict=True):
            veth(left, right)
        try:
            yield
        finally:
            for left in lefts:
                ip_quietly("link", "del", left)

    @contextmanager
    def running(self) -> Iterator[None]:
        """The switches, ready."""
        self.processes = [self._start(number) for number in range(self.length)]
        try:
            for number, process in enumerate(self.processes):
                if self.switch == BMV2:
                    self._wait_port(process, number)
                else:
                    _wait_ready(process)
            yield
        finally:
            for process in self.processes:
                process.terminate()
            for process in self.processes:
                process.wait()

    @property
    def route(self) -> Route:
        """From one end to the other."""
        return Route(self.tx, self.rx, [process.pid for process in self.processes])

    def address(self, number: int) -> str:
        """Where a switch serves P4Runtime."""
        return f"127.0.0.1:{self._first_port + number}"

    def program(self, compiled: CompiledProgram, entries: Sequence[Entry]) -> None:
        """Load a program and its entries into every switch over P4Runtime."""
        if self.switch == NULL:
            return
        from testbed.p4.switch.bench.client import Client

        for number in range(self.length):
            client = Client(self.address(number), compiled)
            client.load()
            client.insert(entries)
            client.close()

    def _interface(self, number: int, port: int) -> str:
        return f"{self._tag}{number}p{port}"

    def _start(self, number: int) -> subprocess.Popen[str]:
        ports = [f"{port}@{self._interface(number, port)}" for port in (0, 1)]
        if self.switch == NULL:
            return python("-m", "testbed.p4.switch.bench.null", *ports)
        options = ["--no-p4", "--device-id", "1", "-i", ports[0], "-i", ports[1], "--"]
        options += ["--grpc-server-addr", self.address(number), "--cpu-port", str(CPU_PORT)]
        if self.switch == OURS:
            return python("-m", "testbed.p4.switch.main", *options)
        return subprocess.Popen([BMV2, *options], stdout=subprocess.DEVNULL, text=True)

    def _wait_port(self, process: subprocess.Popen[str], number: int) -> None:
        """What simple_switch_grpc says comes when its buffer is full: try its port."""
        while process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._first_port + number)) == 0:
                    return
            time.sleep(0.002)
        raise RuntimeError(f"{process.args!r} ended before it was ready")


def _wait_ready(process: subprocess.Popen[str]) -> None:
    """Ours print a line when they are."""
    assert process.stdout is not None  # noqa: S101 - it was started with a pipe
    for line in process.stdout:
        if "ready" in line or "istening" in line:
            return
    raise RuntimeError(f"{process.args!r} ended before it was ready")
