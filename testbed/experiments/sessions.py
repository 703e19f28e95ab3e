"""The flows of a scenario: started together, stopped together, and found again by kind and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, final

from testbed.experiments.scenario import flows as model
from testbed.experiments.scenario.parts import Cast
from testbed.lab.lab import Lab
from testbed.observe.flows import (
    BulkFlow,
    BulkResult,
    HttpFlow,
    HttpResult,
    PingFlow,
    PingResult,
    TcpFlow,
    TcpResult,
    UdpFlow,
    UdpResult,
)
from testbed.observe.probes import RECORD
from testbed.observe.samples import Silence, longest_silence, lost_between
from testbed.observe.stamp import PROBE

Running = PingFlow | UdpFlow | TcpFlow | BulkFlow | HttpFlow
Sampled = PingResult | UdpResult | TcpResult | HttpResult
Reported = Sampled | BulkResult

PORT: Final = 7000
"""Ports of flows count up from here."""


@final
@dataclass(frozen=True, slots=True, order=True)
class Key:
    """A flow; `source` asks or sends."""

    kind: model.Kind
    source: str
    destination: str


@final
class Sessions:
    """All flows of a scenario in a lab."""

    def __init__(self, lab: Lab, cast: Cast, flows: Iterable[model.AnyFlow]) -> None:
        self._lab = lab
        self._running: dict[Key, Running] = {}
        self._payload: dict[Key, int] = {}
        for flow in flows:
            kind, ends = model.kind_and_ends(flow)
            for source, destination in cast.pairs(ends):
                key = Key(kind, source, destination)
                self._running[key] = self._flow(key, flow, len(self._running))
                self._payload[key] = _payload(flow)

    def _flow(self, key: Key, flow: model.AnyFlow, number: int) -> Running:
        one, other = self._lab.machine(key.source), self._lab.machine(key.destination)
        to, port = str(other.plan.address.ip), PORT + number
        match flow:
            case model.Ping(interval_ms=ms):
                return PingFlow(one, to, interval=ms / 1e3, identifier=port)
            case model.Udp(rate=rate, size=size):
                return UdpFlow(one, other, to, port, rate=rate, size=size, number=number)
            case model.Tcp(interval_ms=ms):
                return TcpFlow(one, other, to, port, interval=ms / 1e3, bulk=False)
            case model.Bulk(mbps=mbps):
                return BulkFlow(one, other, to, port, mbps=mbps)
            case model.Http(interval_ms=ms, size=size):
                return HttpFlow(one, other, to, port, interval=ms / 1e3, size=size)

    @property
    def keys(self) -> tuple[Key, ...]:
        """All flows."""
        return tuple(self._running)

    async def start(self) -> None:
        """Start all."""
        await asyncio.gather(*(flow.start() for flow in self._running.values()))

    async def stop(self) -> Heard:
        """Stop all; what they report."""
        reports: list[Reported] = await asyncio.gather(*(flow.stop() for flow in self._running.values()))
        return Heard(dict(zip(self._running, reports, strict=True)), self._payload)

    async def kill(self) -> None:
        """End all at once."""
        await asyncio.gather(*(flow.kill() for flow in self._running.values()))


@final
@dataclass(frozen=True, slots=True)
class Heard:
    """What all flows reported. Times are seconds of CLOCK_MONOTONIC."""

    reports: Mapping[Key, Reported]
    payloads: Mapping[Key, int]
    """Bytes of payload of one sample, as they cross the network one way."""

    def get(self, kind: model.Kind, source: str, destination: str) -> Reported | None:
        """What one flow reported."""
        return self.reports.get(Key(kind, source, destination))

    def one_way(self, source: str, destination: str) -> tuple[Key, Sampled] | None:
        """The flow that shows packets of a direction best: datagrams, else what is answered."""
        answered: tuple[model.Kind, ...] = ("ping", "tcp", "http")
        ways = [Key("udp", source, destination)]
        for kind in answered:
            ways += [Key(kind, source, destination), Key(kind, destination, source)]
        for key in ways:
            report = self.reports.get(key)
            if report is not None and not isinstance(report, BulkResult):
                return key, report
        return None

    def silence(self, source: str, destination: str, start: float, end: float) -> Silence | None:
        """The longest silence of a direction; None without a flow that shows it."""
        found = self.one_way(source, destination)
        return longest_silence(found[1].samples, start, end) if found else None

    def lost(self, source: str, destination: str, start: float, end: float) -> int | None:
        """How much of what was sent in a span was lost; None without a flow that shows it."""
        found = self.one_way(source, destination)
        return lost_between(found[1].samples, found[1].sent, start, end) if found else None

    def ailing(self, client: str, server: str, since: float) -> dict[model.Kind, str]:
        """Every session between two, and what is wrong with it.

        Nothing, if from a moment on TCP and HTTP were answered and bulk data arrived.
        """
        kinds: tuple[model.Kind, ...] = ("tcp", "http", "bulk")
        found: dict[model.Kind, str] = {}
        for kind in kinds:
            for one, other in ((client, server), (server, client)):
                report = self.reports.get(Key(kind, one, other))
                if isinstance(report, TcpResult | HttpResult | BulkResult):
                    broken = "" if isinstance(report, HttpResult) else report.broken
                    silent = "" if report.survived(since) else "does not answer"
                    found[kind] = f"broke with {broken}" if broken else found.get(kind, "") or silent
        return found

    def lives(self, client: str, server: str, since: float) -> bool | None:
        """Do all sessions between two live? None without one."""
        found = self.ailing(client, server, since)
        return not any(found.values()) if found else None

    def payload(self, start: float, end: float) -> int:
        """Bytes of payload that arrived in a span; of what is answered, there and back."""
        total = 0
        for key, report in self.reports.items():
            if isinstance(report, BulkResult):
                total += report.goodput.total(start, end)
            else:
                arrived = sum(start <= sample.received < end for sample in report.samples)
                total += arrived * self.payloads[key]
        return total


def _payload(flow: model.AnyFlow) -> int:
    match flow:
        case model.Ping():
            return 2 * PROBE.size
        case model.Udp(size=size):
            return size
        case model.Tcp():
            return 2 * RECORD.size
        case model.Http(size=size):
            return size
        case model.Bulk():
            return 0
