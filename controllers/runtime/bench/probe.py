"""A client of a reflector that keeps its session up and counts the routes it is sent, at little cost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Final, final

from controllers.wire.attributes import EXTENDED_LENGTH, AttributeType
from controllers.wire.messages import (
    Capabilities,
    Keepalive,
    MessageReader,
    MessageType,
    Notification,
    Open,
    decode_message,
)
from controllers.wire.types import EVPN

ASN: Final = 65000
NETWORK: Final = int(IPv4Address("127.0.10.0"))
"""Sessions run over loopback addresses that need no set-up; next hops are 10.255.0.x as in a lab."""
PORT: Final = 11790
PATIENCE: Final = 60.0
"""Seconds after which a measurement is given up."""

_MP_REACH: Final = int(AttributeType.MP_REACH_NLRI)


class BenchError(Exception):
    """A reflector that does not do what it is measured at."""


def announced(body: bytes) -> int:
    """How many EVPN routes an UPDATE announces; unchecked: the reflector is measured, not the probe."""
    at = 2 + (body[0] << 8 | body[1])
    end = at + 2 + (body[at] << 8 | body[at + 1])
    at += 2
    while at < end:
        if body[at] & EXTENDED_LENGTH:
            start, size = at + 4, body[at + 2] << 8 | body[at + 3]
        else:
            start, size = at + 3, body[at + 2]
        if body[at + 1] == _MP_REACH:
            return _count_nlri(body, start + 5 + body[start + 3], start + size)
        at = start + size
    return 0


def _count_nlri(body: bytes, at: int, end: int) -> int:
    count = 0
    while at < end:
        at += 2 + body[at + 1]
        count += 1
    return count


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
                self._count += announced(body)
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


async def wait(probes: Iterable[Probe]) -> None:
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


async def establish(number: int, address: IPv4Address) -> Probe:
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
