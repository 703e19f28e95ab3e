"""Flows of a running lab that are started and stopped over its control socket.

A flow is stopped only when something of it arrives again (or does not for too long): else a silence that is
not over yet would be measured short.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar, final

from testbed.experiments.arguments import number, text
from testbed.experiments.running import RunningLab
from testbed.lab.control import Emit, Json
from testbed.lab.errors import LabError
from testbed.lab.eventually import NotInTime, eventually_async
from testbed.lab.machines import Guest
from testbed.observe.flows import PingFlow, PingResult, TcpFlow, TcpResult, UdpFlow, UdpResult
from testbed.observe.programs import ProgramError

T = TypeVar("T")
Flow = UdpFlow | PingFlow | TcpFlow

PORTS = 9000
"""UDP and TCP ports of flows count up from here."""

WITHIN = 5.0
"""Seconds that a flow which is to be stopped may stay silent, unless told otherwise."""


@final
@dataclass(frozen=True, slots=True)
class _Kind:
    """What makes a flow of a kind, and the kernel's counter (RFC 2011 to 2013) of what arrives."""

    make: Callable[[Guest, Guest, int, float, dict[str, Any]], Flow]
    group: str
    counter: str
    at_source: bool
    """The counter is the source's: what arrives are answers."""
    rate: float
    """Per second, unless told otherwise."""


def _udp(source: Guest, destination: Guest, each: int, rate: float, args: dict[str, Any]) -> Flow:
    size = int(number(args, "size", 64, 20, 8000))
    address = str(destination.plan.address.ip)
    return UdpFlow(source, destination, address, PORTS + each, rate=rate, size=size, number=each)


def _ping(source: Guest, destination: Guest, each: int, rate: float, _args: dict[str, Any]) -> Flow:
    return PingFlow(source, str(destination.plan.address.ip), interval=1 / rate, identifier=PORTS + each)


def _tcp(source: Guest, destination: Guest, each: int, rate: float, args: dict[str, Any]) -> Flow:
    mbps = number(args, "mbps", 0, 0, 1e5)
    address = str(destination.plan.address.ip)
    return TcpFlow(source, destination, address, PORTS + each, interval=1 / rate, bulk=mbps > 0, mbps=mbps)


KINDS = {
    "udp": _Kind(_udp, "Udp", "InDatagrams", at_source=False, rate=200),
    "ping": _Kind(_ping, "Icmp", "InEchoReps", at_source=True, rate=20),
    "tcp": _Kind(_tcp, "Tcp", "InSegs", at_source=True, rate=50),
}


@final
@dataclass(frozen=True, slots=True)
class _Going:
    """A flow that was started."""

    flow: Flow
    kind: _Kind
    source: Guest
    destination: Guest
    started: float

    def arrived(self) -> int:
        """How much the kernel of the machine where it arrives has counted."""
        machine = self.source if self.kind.at_source else self.destination
        lines = Path(f"/proc/{machine.pid}/net/snmp").read_text(encoding="ascii").splitlines()
        names, values = (line.split() for line in lines if line.startswith(f"{self.kind.group}:"))
        return int(values[names.index(self.kind.counter)])


@final
class Traffic:
    """The flows of a lab, by number."""

    def __init__(self, lab: RunningLab) -> None:
        self._lab = lab
        self._going: dict[int, _Going] = {}
        self._numbers = count(1)

    async def start(self, args: dict[str, Any], _emit: Emit) -> Json:
        """Start a flow once its ends reach each other; the answer is its number.

        `kind` is udp, ping or tcp, from `source` to `destination`; `rate` counts datagrams, echoes or
        requests per second; `size` are bytes of payload of a datagram; `mbps` adds bulk data to TCP.
        """
        kind = KINDS.get(text(args, "kind"))
        if kind is None:
            raise LabError(f"no flow {args['kind']!r}: use one of {', '.join(KINDS)}")
        source, destination = (self._lab.lab.machine(text(args, end)) for end in ("source", "destination"))
        if source is destination:
            raise LabError(f"{source.name} has no flow to itself: name two machines")
        rate, each = number(args, "rate", kind.rate, 0.1, 10_000), next(self._numbers)
        flow = kind.make(source, destination, each, rate, args)
        await self._lab.reachable(source, destination)
        await _sound(flow.start)
        self._going[each] = _Going(flow, kind, source, destination, time.monotonic())
        return each

    async def stop(self, args: dict[str, Any], _emit: Emit) -> Json:
        """Stop a flow as soon as something of it arrives, at the latest after `within` seconds.

        The answer: what was sent, received, lost; `gap_ms`, the longest silence; `delay_ms`, the median time
        under way, there and back but for UDP; `alive`, whether it arrived to the end; `broken`, a session's
        error.
        """
        each = args.get("flow")
        if not isinstance(each, int) or each not in self._going:
            raise LabError(f"no flow {each!r} is going: start one first")
        within = number(args, "within", WITHIN, 0, 60)
        going = self._going.pop(each)
        asked, counted = time.monotonic(), going.arrived()
        try:
            alive = await eventually_async(lambda: going.arrived() > counted, within=within)
        except NotInTime:
            alive = False
        stopped = time.monotonic()
        result: UdpResult | PingResult | TcpResult = await _sound(going.flow.stop)
        found = result.stats(going.started, stopped).as_json()
        broken = result.broken if isinstance(result, TcpResult) else ""
        alive = alive and not broken and any(sample.received >= asked for sample in result.samples)
        return {**found, "seconds": round(stopped - going.started, 3), "alive": alive, "broken": broken}

    async def kill(self) -> None:
        """End all flows at once."""
        going, self._going = self._going, {}
        await asyncio.gather(*(each.flow.kill() for each in going.values()))


async def _sound(step: Callable[[], Awaitable[T]]) -> T:
    """Do it. LabError if a program of the flow could not start, or died."""
    try:
        return await step()
    except ProgramError as error:
        raise LabError(str(error)) from None
