"""How fast a reflector is, seen from its clients: ours, gobgpd and FRR by the same probes in one run.

The reflector is a process of its own. Its clients are probes that only count, so that what is measured
is the reflector: `reflection_rate` floods it with MAC/IP routes from one client and stops the clock
when the last of the others has them all; `reflection_latency` sends one route at a time.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, final

from controllers.runtime.bgp.reflectors import ReflectorKind, ReflectorPlan, ReflectorProcess, is_installed
from controllers.wire.attributes import PathAttributes
from controllers.wire.evpn import MacIpAdvertisement, encode_evpn
from controllers.wire.extended import MacMobility
from controllers.wire.messages import (
    Capabilities,
    Keepalive,
    MessageReader,
    MessageType,
    Notification,
    Open,
    decode_message,
)
from controllers.wire.types import EVPN, ZERO_ESI, RouteDistinguisher, RouteTarget
from controllers.wire.update import AttributeSet, decode_update, encode_announcements

ASN: Final = 65000
NETWORK: Final = int(IPv4Address("127.0.10.0"))
"""Sessions run over loopback addresses that need no set-up; next hops are 10.255.0.x as in a lab."""
PORT: Final = 11790
PATIENCE: Final = 60.0
"""Seconds after which a measurement is given up."""
_WARM_UP: Final = 0x00FF_0000
"""Number of a host that is in no measurement."""


@final
@dataclass(frozen=True, slots=True)
class RateResult:
    """`routes` from one client to `receivers` others. `cpu_s` is what the reflector used of a processor."""

    kind: ReflectorKind
    routes: int
    receivers: int
    distinct_attributes: bool
    seconds: float
    cpu_s: float
    bytes_per_route: float

    @property
    def routes_per_second(self) -> float:
        """Routes taken in and passed on to every receiver, per second."""
        return self.routes / self.seconds


@final
@dataclass(frozen=True, slots=True)
class LatencyResult:
    """One route in to one route out, in ms, ascending."""

    kind: ReflectorKind
    samples_ms: tuple[float, ...]

    def percentile_ms(self, percent: float) -> float:
        """The smallest sample that at least `percent` of all do not exceed."""
        rank = max(1, -(-len(self.samples_ms) * percent // 100))
        return self.samples_ms[int(rank) - 1]


class BenchError(Exception):
    """A reflector that does not do what it is measured at."""


@final
class Probe(asyncio.Protocol):
    """A client that keeps a session up and counts the routes it is sent."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.up = asyncio.Event()
        self.arrived = asyncio.Event()
        self.bytes_read = 0
        self._expected = 0
        self._count = 0
        self._reader = MessageReader()
        self._transport: asyncio.Transport | None = None
        self.failure: str | None = None

    @property
    def address(self) -> IPv4Address:
        """Where its session comes from."""
        return IPv4Address(NETWORK + self.number)

    @property
    def next_hop(self) -> IPv4Address:
        """The PE loopback that its routes lead to."""
        return IPv4Address(f"10.255.0.{self.number}")

    def expect(self, routes: int) -> None:
        """Have `arrived` set once so many more routes are here."""
        self._count, self._expected = 0, routes
        self.arrived.clear()

    def send(self, data: bytes) -> None:
        """Send bytes. Raises BenchError if the session is gone."""
        if self._transport is None or self.failure is not None:
            raise BenchError(f"probe {self.number}: {self.failure or 'not connected'}")
        self._transport.write(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP gives one
        self._transport = transport
        offered = Capabilities((EVPN,), four_octet_as=ASN)
        self.send(Open(ASN, 180, self.next_hop, offered).to_bytes())

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._fail(f"connection lost: {exc}" if exc else "the reflector closed the session")

    def _fail(self, reason: str) -> None:
        self.failure = self.failure or reason
        self.up.set()
        self.arrived.set()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self.bytes_read += len(data)
        for kind, body in self._reader.feed(data):
            if kind == MessageType.UPDATE:
                update = decode_update(body, internal=True)
                self._count += sum(len(routes) for _, routes in update.announced)
                continue
            message = decode_message(kind, body)
            if isinstance(message, Keepalive):
                if self.up.is_set():
                    self.send(Keepalive().to_bytes())
                self.up.set()
            elif isinstance(message, Open):
                self.send(Keepalive().to_bytes())
            elif isinstance(message, Notification):
                self._fail(f"NOTIFICATION: {message}")
        if self._count >= self._expected:
            self.arrived.set()


async def _wait(probes: Iterable[Probe]) -> None:
    """Wait until all expected routes are there. Raises BenchError."""
    probes = list(probes)
    try:
        async with asyncio.timeout(PATIENCE):
            for probe in probes:
                await probe.arrived.wait()
    except TimeoutError:
        raise BenchError(f"not within {PATIENCE:.0f} s") from None
    for probe in probes:
        if probe.failure is not None:
            raise BenchError(f"probe {probe.number}: {probe.failure}")


async def _connect(probe: Probe, address: IPv4Address, deadline: float) -> None:
    """Connect, and again while the reflector is not listening yet. Raises BenchError."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            await loop.create_connection(
                lambda: probe, str(address), PORT, local_addr=(str(probe.address), 0)
            )
            return
        except OSError as error:
            if loop.time() > deadline:
                raise BenchError(f"the reflector does not listen: {error}") from error
            await asyncio.sleep(0.05)


async def _establish(number: int, address: IPv4Address) -> Probe:
    """A probe with its session up. gobgpd may refuse a few early attempts: each is a new probe."""
    deadline = asyncio.get_running_loop().time() + 20
    while True:
        probe = Probe(number)
        await _connect(probe, address, deadline)
        await probe.up.wait()
        if probe.failure is None:
            return probe
        if asyncio.get_running_loop().time() > deadline:
            raise BenchError(f"no session: {probe.failure}")
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _bench(kind: ReflectorKind, clients: int) -> AsyncIterator[tuple[ReflectorProcess, list[Probe]]]:
    """A reflector and its clients, all sessions up."""
    address = IPv4Address(NETWORK + 100)
    plan = ReflectorPlan(
        asn=ASN,
        router_id=IPv4Address("10.255.0.100"),
        address=address,
        clients=tuple(IPv4Address(NETWORK + number) for number in range(1, clients + 1)),
        port=PORT,
    )
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bgp-bench-")))
        process = ReflectorProcess(kind, plan, directory)
        await process.start()
        stack.push_async_callback(process.stop)
        probes = [await _establish(number, address) for number in range(1, clients + 1)]
        await _warm_up(probes)
        yield process, probes


async def _warm_up(probes: list[Probe]) -> None:
    """Pass one route through: a reflector may hold the first ones back while sessions come up."""
    for probe in probes[1:]:
        probe.expect(1)
    probes[0].send(_one(probes[0], _WARM_UP))
    await _wait(probes[1:])


def _attributes(probe: Probe, sequence: int | None) -> AttributeSet:
    communities = (RouteTarget.of_as(ASN, 100),)
    moved = () if sequence is None else (MacMobility(sequence),)
    return AttributeSet.of(
        EVPN, PathAttributes(next_hop=probe.next_hop, extended_communities=(*communities, *moved))
    )


def _nlri(probe: Probe, number: int) -> bytes:
    return encode_evpn(
        MacIpAdvertisement(
            RouteDistinguisher.of_ipv4(probe.next_hop, 100),
            ZERO_ESI,
            0,
            0x0200_0000_0000 + number,
            IPv4Address(0x0A00_0000 + number),
            100,
        )
    )


def _flood(probe: Probe, routes: int, *, distinct: bool) -> bytes:
    """UPDATEs for so many hosts: packed as full as they go, or one each with its own mobility sequence."""
    nlris = [_nlri(probe, number) for number in range(routes)]
    if not distinct:
        return b"".join(encode_announcements(_attributes(probe, None), nlris))
    return b"".join(
        message
        for number, nlri in enumerate(nlris)
        for message in encode_announcements(_attributes(probe, number), [nlri])
    )


def _cpu_seconds(pid: int | None) -> float:
    """Processor time that a process has used; 0 where /proc does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def reflection_rate(
    kind: ReflectorKind, routes: int = 20_000, receivers: int = 2, *, distinct: bool = False
) -> RateResult:
    """Flood a reflector with type 2 routes from one client. Raises BenchError.

    `distinct`: no two routes share their attributes, the worst there is for packing.
    """
    async with _bench(kind, receivers + 1) as (process, (sender, *others)):
        data = _flood(sender, routes, distinct=distinct)
        for probe in others:
            probe.expect(routes)
        read = others[0].bytes_read
        cpu, start = _cpu_seconds(process.pid), time.perf_counter()
        sender.send(data)
        await _wait(others)
        seconds = time.perf_counter() - start
        return RateResult(
            kind=kind,
            routes=routes,
            receivers=receivers,
            distinct_attributes=distinct,
            seconds=seconds,
            cpu_s=_cpu_seconds(process.pid) - cpu,
            bytes_per_route=(others[0].bytes_read - read) / routes,
        )


async def reflection_latency(kind: ReflectorKind, samples: int = 200) -> LatencyResult:
    """Send one route at a time, each after the one before has arrived. Raises BenchError."""
    async with _bench(kind, 2) as (_, (sender, receiver)):
        found = []
        for number in range(samples):
            message = _one(sender, number)
            receiver.expect(1)
            start = time.perf_counter()
            sender.send(message)
            await _wait([receiver])
            found.append((time.perf_counter() - start) * 1000)
        return LatencyResult(kind, tuple(sorted(found)))


def _one(sender: Probe, number: int) -> bytes:
    return encode_announcements(_attributes(sender, number), [_nlri(sender, number)])[0]


@final
@dataclass(frozen=True, slots=True)
class BenchResult:
    """Everything measured of one reflector, and what could not be (one line each)."""

    kind: ReflectorKind
    rates: tuple[RateResult, ...] = ()
    latency: LatencyResult | None = None
    failures: tuple[str, ...] = ()


async def bench_reflector(
    kind: ReflectorKind, routes: Sequence[int], receivers: int, samples: int
) -> BenchResult:
    """Measure one reflector: shared attributes in each size, distinct ones in the largest, latency."""
    if not is_installed(kind):
        return BenchResult(kind, failures=("not installed",))
    rates, failures = [], []
    for count, distinct in (*((count, False) for count in routes), (routes[-1], True)):
        try:
            rates.append(await reflection_rate(kind, count, receivers, distinct=distinct))
        except BenchError as error:
            failures.append(f"{count:,} routes: {error}")
    latency = None
    try:
        latency = await reflection_latency(kind, samples)
    except BenchError as error:
        failures.append(f"latency: {error}")
    return BenchResult(kind, tuple(rates), latency, tuple(failures))


async def bench_reflectors(
    kinds: Sequence[ReflectorKind] = tuple(ReflectorKind),
    *,
    routes: Sequence[int] = (2_000, 10_000, 50_000),
    receivers: int = 2,
    samples: int = 200,
) -> list[BenchResult]:
    """Measure reflectors one after the other."""
    return [await bench_reflector(kind, routes, receivers, samples) for kind in kinds]


def report(results: Iterable[BenchResult]) -> str:
    """The results as lines of text."""
    lines = [
        f"{'reflector':10} {'routes':>7} {'attributes':>10} {'routes/s':>10} {'cpu s':>6} {'B/route':>8}"
    ]
    for result in results:
        name = result.kind.value
        lines += [
            f"{name:10} {rate.routes:7} {'distinct' if rate.distinct_attributes else 'shared':>10} "
            f"{rate.routes_per_second:10,.0f} {rate.cpu_s:6.2f} {rate.bytes_per_route:8.1f}"
            for rate in result.rates
        ]
        if result.latency is not None:
            p50, p99 = result.latency.percentile_ms(50), result.latency.percentile_ms(99)
            lines.append(f"{name:10} one route in to out: p50 {p50:.2f} ms, p99 {p99:.2f} ms")
        lines += [f"{name:10} {failure}" for failure in result.failures]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(asyncio.run(bench_reflectors())))
