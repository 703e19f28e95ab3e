"""Flows between machines: probes started, watched and evaluated.

What runs a program in a machine's network is passed in (`Machine`), so that this knows nothing of labs.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

from testbed.observe.programs import Program
from testbed.observe.samples import FlowStats, Goodput, Sample, decode, median_delay_ms, stats

DRAIN = 0.3
"""Seconds for what is under way to arrive before a receiver is stopped."""


class Machine(Protocol):
    """A place where a program can run."""

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` there."""


def probe(machine: Machine, *arguments: object) -> Program:
    """A probe in a machine's network, not yet started."""
    words = (str(argument) for argument in arguments)
    return Program(machine.command([sys.executable, "-m", "testbed.observe.probes", *words]))


@final
@dataclass(frozen=True, slots=True)
class UdpResult:
    """A one-way stream of datagrams."""

    sent: int
    samples: tuple[Sample, ...]

    def stats(self, start: float, end: float) -> FlowStats:
        """Loss and order of all of it; longest silence in a span."""
        return stats(self.samples, self.sent, start, end)


@final
class UdpFlow:
    """Datagrams from one machine to another at a rate."""

    def __init__(
        self,
        source: Machine,
        destination: Machine,
        address: str,
        port: int,
        *,
        rate: float = 200.0,
        size: int = 64,
        number: int = 0,
        source_port: int | None = None,
    ) -> None:
        """`address` and `port` of the destination; `rate` in datagrams/s, `size` in bytes of payload.

        The source port is the same as the destination's unless given.
        """
        self._receiver = probe(destination, "udp-receive", port)
        options = (
            "--rate",
            rate,
            "--size",
            size,
            "--flow",
            number,
            "--source-port",
            port if source_port is None else source_port,
        )
        self._sender = probe(source, "udp-send", address, port, *options)

    async def start(self) -> None:
        """Receiver first, then sender."""
        await self._receiver.start()
        await self._sender.start()

    async def stop(self) -> UdpResult:
        """Sender first; the receiver once what is under way has had time to arrive."""
        sent = await self._sender.stop()
        await asyncio.sleep(DRAIN)
        received = await self._receiver.stop()
        return UdpResult(int(sent["sent"]), decode(received["samples"]))

    async def kill(self) -> None:
        """End both at once."""
        await asyncio.gather(self._sender.kill(), self._receiver.kill())


@final
@dataclass(frozen=True, slots=True)
class PingResult:
    """Echoes: times are there and back."""

    sent: int
    samples: tuple[Sample, ...]

    def rtt_ms(self, start: float = 0.0, end: float = float("inf")) -> float | None:
        """Median round-trip time of what was sent in a span, ms; None if nothing came back."""
        return median_delay_ms(self.samples, start, end)

    def stats(self, start: float, end: float) -> FlowStats:
        """Loss and order of all of it; longest silence in a span."""
        return stats(self.samples, self.sent, start, end)


@final
class PingFlow:
    """ICMP echoes from a machine to an address, at an interval in seconds."""

    def __init__(
        self,
        source: Machine,
        address: str,
        *,
        interval: float = 0.05,
        count: int | None = None,
        identifier: int = 0,
    ) -> None:
        limit = () if count is None else ("--count", count)
        options = ("--interval", interval, "--identifier", identifier, *limit)
        self._probe = probe(source, "ping", address, *options)

    async def start(self) -> None:
        """Start it."""
        await self._probe.start()

    async def stop(self) -> PingResult:
        """End it, once what is under way has had time to come back."""
        report = await self._probe.stop()
        return PingResult(int(report["sent"]), decode(report["samples"]))

    async def kill(self) -> None:
        """End it at once."""
        await self._probe.kill()


@final
@dataclass(frozen=True, slots=True)
class TcpResult:
    """A session of requests and answers, and one of bulk data if there was one."""

    sent: int
    samples: tuple[Sample, ...]
    broken: str
    """The error that ended a session, as errno names it; empty if none did."""
    retransmits: int
    goodput: Goodput
    loaded: int
    """Bytes that the bulk session sent."""

    def survived(self, since: float) -> bool:
        """Was a request sent at or after `since` answered, on the session opened before, with none broken?"""
        return not self.broken and any(sample.sent >= since for sample in self.samples)

    def stats(self, start: float, end: float) -> FlowStats:
        """Of requests and answers; longest silence in a span."""
        return stats(self.samples, self.sent, start, end)


@final
class TcpFlow:
    """A TCP session with requests at an interval and, unless `bulk` is false, one that carries bulk data."""

    def __init__(
        self,
        client: Machine,
        server: Machine,
        address: str,
        port: int,
        *,
        interval: float = 0.02,
        bulk: bool = True,
        mbps: float = 0.0,
    ) -> None:
        """`address` and `port` of the server; `mbps` limits the bulk session."""
        self._server = probe(server, "tcp-serve", port)
        self._talk = probe(client, "tcp-talk", address, port, "--interval", interval)
        self._load = probe(client, "tcp-load", address, port, "--mbps", mbps) if bulk else None

    async def start(self) -> None:
        """Server first, then both sessions."""
        await self._server.start()
        await asyncio.gather(*(probe.start() for probe in (self._talk, self._load) if probe))

    async def stop(self) -> TcpResult:
        """Sessions first, then the server."""
        load: dict[str, Any] = {"sent": 0, "broken": "", "retransmits": 0}
        if self._load:
            load = await self._load.stop()
        talk = await self._talk.stop()
        served = await self._server.stop()
        return TcpResult(
            sent=int(talk["sent"]),
            samples=decode(talk["samples"]),
            broken=talk["broken"] or load["broken"],
            retransmits=int(talk["retransmits"]) + int(load["retransmits"]),
            goodput=_goodput(served),
            loaded=int(load["sent"]),
        )

    async def kill(self) -> None:
        """End all at once."""
        await asyncio.gather(*(probe.kill() for probe in (self._talk, self._load, self._server) if probe))


@final
@dataclass(frozen=True, slots=True)
class BulkResult:
    """A session that carries as many bytes as it may."""

    broken: str
    """The error that ended it, as errno names it; empty if none did."""
    retransmits: int
    goodput: Goodput
    loaded: int
    """Bytes that were sent."""

    def survived(self, since: float) -> bool:
        """Did bytes arrive at or after `since`, on the session opened before, and nothing break it?"""
        bins, width = self.goodput.bins, self.goodput.width
        return not self.broken and any(count and number * width >= since for number, count in bins.items())


@final
class BulkFlow:
    """A TCP session from one machine to another with bulk data."""

    def __init__(
        self, source: Machine, destination: Machine, address: str, port: int, *, mbps: float = 0.0
    ) -> None:
        """`address` and `port` of the destination; `mbps` limits the rate."""
        self._server = probe(destination, "tcp-serve", port)
        self._load = probe(source, "tcp-load", address, port, "--mbps", mbps)

    async def start(self) -> None:
        """Server first."""
        await self._server.start()
        await self._load.start()

    async def stop(self) -> BulkResult:
        """Sender first."""
        load = await self._load.stop()
        served = await self._server.stop()
        return BulkResult(
            load["broken"], int(load["retransmits"]), _goodput(served), loaded=int(load["sent"])
        )

    async def kill(self) -> None:
        """End both at once."""
        await asyncio.gather(self._load.kill(), self._server.kill())


@final
@dataclass(frozen=True, slots=True)
class HttpResult:
    """GETs, each on a connection of its own; times are from the beginning to the whole answer."""

    sent: int
    samples: tuple[Sample, ...]
    failed: int
    """Those whose connection broke, or that were not answered with 200."""

    def survived(self, since: float) -> bool:
        """Was a GET sent at or after `since` answered?"""
        return any(sample.sent >= since for sample in self.samples)

    def stats(self, start: float, end: float) -> FlowStats:
        """Of whole answers; longest silence in a span."""
        return stats(self.samples, self.sent, start, end)


@final
class HttpFlow:
    """GETs at an interval in seconds from a small HTTP server; `size` in bytes of each answer's body."""

    def __init__(
        self,
        client: Machine,
        server: Machine,
        address: str,
        port: int,
        *,
        interval: float = 0.05,
        size: int = 1000,
    ) -> None:
        """`address` and `port` of the server."""
        self._server = probe(server, "tcp-serve", port)
        self._getter = probe(client, "http-get", address, port, "--interval", interval, "--size", size)

    async def start(self) -> None:
        """Server first."""
        await self._server.start()
        await self._getter.start()

    async def stop(self) -> HttpResult:
        """Client first, once what is under way has had time to come back."""
        report = await self._getter.stop()
        await self._server.stop()
        return HttpResult(int(report["sent"]), decode(report["samples"]), int(report["failed"]))

    async def kill(self) -> None:
        """End both at once."""
        await asyncio.gather(self._getter.kill(), self._server.kill())


def _goodput(served: dict[str, Any]) -> Goodput:
    """What a server counted."""
    return Goodput(served["bin_ns"] / 1e9, {int(number): int(count) for number, count in served["bins"]})
