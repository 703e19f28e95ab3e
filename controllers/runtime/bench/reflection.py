"""How fast a reflector is, seen from its clients: ours, gobgpd and FRR by the same probes in one run.

The reflector is a process of its own. Its clients are probes that only count, so that what is measured
is the reflector: `reflection_rate` floods it with MAC/IP routes from one client and stops the clock
when the last of the others has them all; `reflection_latency` sends one route at a time.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, final

from msgspec import Struct

from controllers.runtime.bench.probe import ASN, NETWORK, PORT, Probe, establish, wait
from controllers.runtime.bgp.reflectors import ReflectorKind, ReflectorPlan, ReflectorProcess
from controllers.wire.attributes import PathAttributes
from controllers.wire.evpn import MacIpAdvertisement, encode_evpn
from controllers.wire.extended import MacMobility
from controllers.wire.types import EVPN, ZERO_ESI, RouteDistinguisher, RouteTarget
from controllers.wire.update import AttributeSet, encode_announcements

_WARM_UP: Final = 0x00FF_0000
"""Number of a host that is in no measurement."""


@final
class RateResult(Struct, frozen=True):
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
class LatencyResult(Struct, frozen=True):
    """One route in to one route out, in ms, ascending."""

    kind: ReflectorKind
    samples_ms: tuple[float, ...]

    def percentile_ms(self, percent: float) -> float:
        """The smallest sample that at least `percent` of all do not exceed."""
        rank = max(1, -(-len(self.samples_ms) * percent // 100))
        return self.samples_ms[int(rank) - 1]


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
        probes = [await establish(number, address) for number in range(1, clients + 1)]
        await _warm_up(probes)
        yield process, probes


async def _warm_up(probes: list[Probe]) -> None:
    """Pass one route through: a reflector may hold the first ones back while sessions come up."""
    for probe in probes[1:]:
        probe.expect(1)
    probes[0].send(_one(probes[0], _WARM_UP))
    await wait(probes[1:])


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
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


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
        await wait(others)
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
            await wait([receiver])
            found.append((time.perf_counter() - start) * 1000)
        return LatencyResult(kind, tuple(sorted(found)))


def _one(sender: Probe, number: int) -> bytes:
    return encode_announcements(_attributes(sender, number), [_nlri(sender, number)])[0]
