"""A neighbour at run time, with a connection that nothing leaves by itself."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from controllers.bgp.config import PeerConfig, SpeakerConfig
from controllers.bgp.engine import Engine
from controllers.bgp.session import SEND_HOLD_TIME
from controllers.runtime.bgp.peer import Peer
from controllers.runtime.bgp.transport import BgpConnection
from controllers.wire.messages import Capabilities, Keepalive, Open
from controllers.wire.types import EVPN, Family

OURS, THEIRS = IPv4Address("10.255.0.1"), IPv4Address("10.255.0.2")
OPEN = Open(65000, 90, THEIRS, Capabilities((EVPN,), four_octet_as=65000)).to_bytes()
KEEPALIVE = Keepalive().to_bytes()


class Pipe(asyncio.Transport):
    """Holds back what is written; `waiting` counts it."""

    waiting = 0

    def get_extra_info(self, name: str, default: object = None) -> object:
        return str(THEIRS if name == "peername" else OURS), 179

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.waiting += len(data)

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


class Ignored:
    """A speaker that does not care."""

    def peer_changed(self, peer: Peer, up: bool, reason: str) -> None:
        pass

    def end_of_rib(self, peer: Peer, family: Family) -> None:
        pass

    def tables_changed(self) -> None:
        pass


def waiting_peer() -> Peer:
    speaker = SpeakerConfig(65000, OURS, OURS)
    peer = Peer(PeerConfig(THEIRS, 65000, passive=True), speaker, Engine(speaker), Ignored())
    peer.start()
    return peer


def connect(peer: Peer) -> tuple[BgpConnection, Pipe]:
    connection, pipe = BgpConnection(lambda _: peer, outgoing=False), Pipe()
    connection.connection_made(pipe)
    return connection, pipe


def establish(peer: Peer) -> tuple[BgpConnection, Pipe]:
    connection, pipe = connect(peer)
    connection.data_received(OPEN + KEEPALIVE)
    return connection, pipe


async def test_a_connection_beside_a_session_is_no_news_of_the_session() -> None:
    peer = waiting_peer()
    establish(peer)
    second, _ = connect(peer)
    second.data_received(OPEN)
    connect(peer)
    connect(peer)
    assert peer.status.up
    assert peer.status.reason == "established"
    peer.abort()


@pytest.mark.parametrize(("taken", "stays"), [(10_000, True), (0, False)])
async def test_one_that_reads_slowly_is_not_one_that_reads_nothing(
    monkeypatch: pytest.MonkeyPatch, taken: int, stays: bool
) -> None:
    """RFC 9687: something is always waiting to be sent, yet some of it leaves."""
    now = 1000.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    peer = waiting_peer()
    connection, pipe = establish(peer)
    peer.write([bytes(10_000_000)])
    while peer.neighbor is not None and now < 1000.0 + 2 * SEND_HOLD_TIME:
        now += 10.0
        pipe.waiting -= taken
        connection.data_received(KEEPALIVE)
        peer._tick()
    assert peer.status.up is stays
    peer.abort()
