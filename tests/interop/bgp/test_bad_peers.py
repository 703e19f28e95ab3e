"""Neighbours that send garbage, flap or flood: handled, counted, and no one else is harmed."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import struct
from collections.abc import Sequence
from ipaddress import IPv4Address, ip_interface

import pytest
from msgspec.structs import replace

from controllers.bgp import session
from controllers.evpn.config import BdConfig, GatewayConfig, PeConfig, VrfConfig
from controllers.evpn.events import NextHopChanged
from controllers.evpn.pe import EvpnPe
from controllers.intents import MacEntry, Set
from controllers.pe.outputs import Alarm, AlarmCode
from controllers.runtime.bgp import PeerConfig, Route, RouteEvent, Speaker, SpeakerConfig
from controllers.runtime.bgp.status import PeerStatus
from controllers.runtime.bgp.transport import BgpConnection
from controllers.wire.attributes import PathAttributes
from controllers.wire.errors import ErrorCode
from controllers.wire.evpn import MacIpAdvertisement
from controllers.wire.extended import MacMobility
from controllers.wire.messages import (
    Capabilities,
    Keepalive,
    MessageReader,
    Notification,
    Open,
    decode_message,
)
from controllers.wire.nlri import encode_nlri
from controllers.wire.types import EVPN, ZERO_ESI, RouteDistinguisher, RouteTarget
from controllers.wire.update import AttributeSet, encode_announcements
from tests.interop.bgp.conftest import Lab
from tests.interop.bgp.lab import EVPN_ROUTES, PORT, REFLECTOR, Pe, attributes, eventually, pe

pytestmark = pytest.mark.needs_root


OFFERED = Capabilities((EVPN,), four_octet_as=65000)
KEEPALIVE = Keepalive().to_bytes()


class Rogue:
    """A neighbour made by hand: it sends what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._messages = MessageReader()

    @classmethod
    async def connect(cls, number: int, receive_buffer: int | None = None) -> Rogue:
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        sock.bind((str(pe(number)), 0))
        await asyncio.get_running_loop().sock_connect(sock, (str(REFLECTOR), PORT))
        return cls(*await asyncio.open_connection(sock=sock))

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def establish(self, number: int, hold_time: int = 90) -> None:
        self.send(Open(65000, hold_time, pe(number), OFFERED).to_bytes() + KEEPALIVE)

    async def farewell(self) -> Notification:
        """Read until the other side says why it ends the session."""
        async with asyncio.timeout(10):
            while True:
                data = await self._reader.read(65536)
                assert data, "closed without a word"
                for kind, body in self._messages.feed(data):
                    if kind == 3:
                        message = decode_message(kind, body)
                        assert isinstance(message, Notification)
                        return message

    def close(self) -> None:
        self._writer.close()

    def reset(self) -> None:
        """Break the connection: a RST in place of a FIN."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def status(lab: Lab, number: int) -> PeerStatus:
    assert lab.speaker is not None
    return next(peer for peer in lab.speaker.peers() if peer.address == pe(number))


async def unharmed(one: Pe, two: Pe) -> None:
    """The well-behaved go on exchanging routes, on the sessions they have."""
    route = EVPN_ROUTES["2 gateway"]
    one.speaker.announce(route)
    await two.until(lambda p: route.key in p.table, "others go on")
    one.speaker.withdraw(route.key)
    await two.until(lambda p: route.key not in p.table, "others go on")
    assert [len(found.peers) for found in (one, two)] == [1, 1]


GARBAGE = {
    "no BGP at all": (b"GET / HTTP/1.1\r\n\r\n" + bytes(20), (1, 1)),
    "an UPDATE whose lengths lie": (b"\xff" * 16 + b"\x00\x17\x02" + b"\xff\xff\xff\xff", (3, 1)),
    "a message of an unknown type": (b"\xff" * 16 + b"\x00\x13\x77", (1, 3)),
    "OPEN a second time": (
        Open(65000, 90, pe(3), Capabilities((EVPN,), four_octet_as=65000)).to_bytes(),
        (5, 3),
    ),
}


@pytest.mark.parametrize(("data", "code"), GARBAGE.values(), ids=GARBAGE)
async def test_garbage_ends_its_own_session_only(lab: Lab, data: bytes, code: tuple[int, int]) -> None:
    await lab.reflector("embedded", clients=3)
    one, two = await lab.pe(1), await lab.pe(2)
    rogue = await Rogue.connect(3)
    await rogue.establish(3)
    await eventually(lambda: status(lab, 3).up, "the session")
    rogue.send(data)
    farewell = await rogue.farewell()
    assert (farewell.code, farewell.subcode) == code
    await eventually(lambda: not status(lab, 3).up, "the end")
    counters = status(lab, 3).counters
    assert (counters.sessions, counters.flaps, counters.notifications_out) == (1, 1, 1)
    await unharmed(one, two)
    rogue.close()


async def test_a_malformed_route_is_withdrawn_and_the_session_stays(lab: Lab) -> None:
    """RFC 7606: treat as withdraw."""
    await lab.reflector("embedded", clients=3)
    one, two = await lab.pe(1), await lab.pe(2)
    rogue = await Rogue.connect(3)
    await rogue.establish(3)
    route = EVPN_ROUTES["2 MAC only"]
    (good,) = encode_announcements(AttributeSet.of(EVPN, route.attributes), [encode_nlri(route.nlri)])
    rogue.send(good)
    await two.until(lambda p: route.key in p.table, "the route")
    rogue.send(good.replace(bytes.fromhex("40010100"), bytes.fromhex("40010109")))
    await two.until(lambda p: route.key not in p.table, "its withdrawal")
    assert status(lab, 3).up
    assert status(lab, 3).counters.faults == 1
    await unharmed(one, two)
    rogue.close()


async def test_the_same_fault_again_is_counted_and_not_said_again(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    await lab.reflector("embedded", clients=3)
    one, two = await lab.pe(1), await lab.pe(2)
    rogue = await Rogue.connect(3)
    await rogue.establish(3)
    route = EVPN_ROUTES["2 MAC only"]
    (good,) = encode_announcements(AttributeSet.of(EVPN, route.attributes), [encode_nlri(route.nlri)])
    rogue.send(good.replace(bytes.fromhex("40010100"), bytes.fromhex("40010109")) * 50)
    await eventually(lambda: status(lab, 3).counters.faults == 50, "all are counted")
    assert status(lab, 3).up
    said = [record.message for record in caplog.records if "only counted" in record.message]
    assert len([line for line in said if line.startswith(str(pe(3)))]) == 1
    await unharmed(one, two)
    rogue.close()


async def test_a_reset_withdraws_what_was_said(lab: Lab) -> None:
    """A connection that breaks without a NOTIFICATION ends the session all the same (RFC 4271 §6.7)."""
    await lab.reflector("embedded", clients=3)
    one, two = await lab.pe(1), await lab.pe(2)
    rogue = await Rogue.connect(3)
    await rogue.establish(3)
    route = EVPN_ROUTES["2 MAC only"]
    (good,) = encode_announcements(AttributeSet.of(EVPN, route.attributes), [encode_nlri(route.nlri)])
    rogue.send(good)
    await two.until(lambda p: route.key in p.table, "the route")
    rogue.reset()
    await two.until(lambda p: route.key not in p.table, "its withdrawal")
    assert not status(lab, 3).up
    await unharmed(one, two)


async def test_noise_in_updates_harms_nobody_else(lab: Lab) -> None:
    """Any byte of an UPDATE may be wrong: the session lives on or ends by its rules, others go on."""
    await lab.reflector("embedded", clients=3)
    one, two = await lab.pe(1), await lab.pe(2)
    route = EVPN_ROUTES["2 MAC only"]
    (good,) = encode_announcements(AttributeSet.of(EVPN, route.attributes), [encode_nlri(route.nlri)])
    noise = random.Random(7606)
    for _ in range(10):
        rogue = await Rogue.connect(3)
        await rogue.establish(3)
        await eventually(lambda: status(lab, 3).up, "the session")
        sessions = status(lab, 3).counters.sessions
        for _ in range(20):
            wrong = bytearray(good)
            for _ in range(noise.randint(1, 4)):
                wrong[noise.randrange(19, len(wrong))] = noise.randrange(256)
            rogue.send(bytes(wrong))
        rogue.close()
        await eventually(lambda: not status(lab, 3).up, "its end")
        assert status(lab, 3).counters.sessions == sessions
    await two.until(lambda p: route.key not in p.table, "nothing of it stays")
    await unharmed(one, two)


async def test_a_gateways_mac_is_not_taken_over(lab: Lab) -> None:
    """A peer that advertises the MAC of an active gateway gets an alarm, and no table entry (bis §10.1.1)."""
    gateway = GatewayConfig(ip_interface("10.0.10.1/24"), 0x00005E00010A)
    target = RouteTarget.parse("65000:100")
    rd = RouteDistinguisher.of_ipv4(pe(2), 10)
    bd = BdConfig(1, 10, rd, (target,), (target,), 100, 101, vrf=1, gateways=(gateway,))
    vrf = VrfConfig(1, RouteDistinguisher.of_ipv4(pe(2), 1), (target,), (target,), 102)
    core = EvpnPe(PeConfig("pe2", pe(2), 65000, (bd,), (vrf,)))
    outputs: list[object] = core.start(0.0)
    core.handle(NextHopChanged(pe(1), 1), 0.0)
    await lab.reflector("embedded", clients=3)
    config = SpeakerConfig(65000, pe(2), pe(2), PORT, (PeerConfig(REFLECTOR, 65000, PORT),), listen=False)

    def entries() -> set[int]:
        return {o.obj.mac for o in outputs if isinstance(o, Set) and isinstance(o.obj, MacEntry)}

    def routes(events: Sequence[RouteEvent]) -> None:
        for event in events:
            outputs.extend(core.handle(event, 1.0))

    async with Speaker(config, on_routes=routes):
        one = await lab.pe(1)
        claims = [
            Route(
                MacIpAdvertisement(RouteDistinguisher.of_ipv4(pe(1), 10), ZERO_ESI, 0, mac, None, 500),
                PathAttributes(next_hop=pe(1), extended_communities=(target, MacMobility(9))),
            )
            for mac in (gateway.mac, 0x020000000001)
        ]
        one.speaker.announce(*claims)
        await eventually(lambda: 0x020000000001 in entries(), "the route of a host")
    assert gateway.mac not in entries()
    alarms = [output.code for output in outputs if isinstance(output, Alarm)]
    assert alarms == [AlarmCode.GATEWAY_MAC_CLAIMED]


async def test_a_stranger_is_turned_away(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await lab.reflector("embedded", clients=2)
    one, two = await lab.pe(1), await lab.pe(2)
    await one.until(lambda p: p.up, "the session")
    await two.until(lambda p: p.up, "the session")
    for _ in range(3):
        stranger = await Rogue.connect(9)
        farewell = await stranger.farewell()
        assert (farewell.code, farewell.subcode) == (6, 5)
        stranger.close()
    await unharmed(one, two)
    assert lab.speaker is not None
    assert lab.speaker.strangers == {pe(9): 3}
    assert sum("not a peer" in record.getMessage() for record in caplog.records) == 1


async def test_a_neighbour_that_flaps_leaves_nothing_behind(lab: Lab) -> None:
    await lab.reflector("embedded", clients=3)
    one, two = await lab.pe(1), await lab.pe(2)
    route = EVPN_ROUTES["2 MAC only"]
    (update,) = encode_announcements(AttributeSet.of(EVPN, route.attributes), [encode_nlri(route.nlri)])
    for _ in range(5):
        rogue = await Rogue.connect(3)
        await rogue.establish(3)
        rogue.send(update)
        await two.until(lambda p: route.key in p.table, "the route")
        rogue.close()
        await two.until(lambda p: route.key not in p.table, "its withdrawal")
    assert status(lab, 3).counters.flaps == 5
    await unharmed(one, two)


async def test_a_mac_storm_is_stopped_at_its_source(lab: Lab) -> None:
    """RFC 4486: maximum number of prefixes reached."""
    peers = tuple(
        PeerConfig(pe(n), 65000, passive=True, client=True, max_routes=100 if n == 3 else None)
        for n in (1, 2, 3)
    )
    async with Speaker(SpeakerConfig(65000, REFLECTOR, REFLECTOR, PORT, peers)) as lab.speaker:
        one, two = await lab.pe(1), await lab.pe(2)
        await two.until(lambda p: p.up, "the session")
        storm = await Rogue.connect(3)
        await storm.establish(3)
        base = EVPN_ROUTES["2 MAC only"].nlri
        assert isinstance(base, MacIpAdvertisement)
        nlris = [encode_nlri(replace(base, mac=mac)) for mac in range(5000)]
        for message in encode_announcements(AttributeSet.of(EVPN, attributes()), nlris):
            storm.send(message)
        farewell = await storm.farewell()
        assert (farewell.code, farewell.subcode) == (6, 1)
        await two.until(lambda p: not p.table, "nothing of it stays")
        await unharmed(one, two)
        storm.close()


async def test_a_neighbour_that_does_not_read_holds_nobody_up(lab: Lab) -> None:
    """What it misses meanwhile costs no memory: it is owed the state, not the history."""
    await lab.reflector("embedded", clients=3)
    one, two = await lab.pe(1), await lab.pe(2)
    sloth = await Rogue.connect(3, receive_buffer=4096)
    sloth._writer.transport.pause_reading()  # type: ignore[attr-defined]
    await sloth.establish(3)
    await eventually(lambda: status(lab, 3).up, "the session")
    base = EVPN_ROUTES["2 MAC only"].nlri
    assert isinstance(base, MacIpAdvertisement)
    assert lab.speaker is not None
    neighbor = lab.speaker._engine.neighbors[pe(3)]
    label = 16
    while not neighbor.blocked:
        label += 1
        assert label < 400, "megabytes are sent, and still it is not slow"
        routes = [
            Route(replace(base, mac=mac, label=label), PathAttributes(next_hop=pe(1))) for mac in range(2000)
        ]
        one.speaker.announce(*routes)
        last = routes[-1]
        await two.until(
            lambda p: last.key in p.table and p.table[last.key].nlri == last.nlri,  # noqa: B023
            "the newest state",
        )
        sloth.send(KEEPALIVE)
    await unharmed(one, two)
    sloth.close()


async def test_a_neighbour_that_never_reads_is_given_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 9687: although its KEEPALIVEs come in time."""
    monkeypatch.setattr(session, "SEND_HOLD_TIME", 1.0)
    await lab.reflector("embedded", clients=3)
    one, two = await lab.pe(1), await lab.pe(2)
    sloth = await Rogue.connect(3)
    await sloth.establish(3, hold_time=3)
    await eventually(lambda: status(lab, 3).up, "the session")
    assert lab.speaker is not None
    stuck = lab.speaker._peers[pe(3)]._carrier
    monkeypatch.setattr(BgpConnection, "takes", lambda connection: connection is not stuck)

    said = asyncio.get_running_loop().time()

    def given_up() -> bool:
        nonlocal said
        now = asyncio.get_running_loop().time()
        if not status(lab, 3).up:
            return True
        # Often enough, and hardly ever beside the end: what comes after it resets the connection.
        if now >= said + 0.5:
            sloth.send(KEEPALIVE)
            said = now
        return False

    await eventually(given_up, "twice the hold time, after which it is let go")
    assert (await sloth.farewell()).code == ErrorCode.SEND_HOLD_TIMER_EXPIRED
    await unharmed(one, two)
    sloth.close()


async def test_a_stop_is_announced(lab: Lab) -> None:
    await lab.reflector("embedded")
    one = await lab.pe(1)
    await one.until(lambda p: p.up, "the session")
    assert lab.speaker is not None
    await lab.speaker.stop()
    await one.until(lambda p: not p.up, "the end")
    assert one.peers[-1].reason == "neighbour sent NOTIFICATION: cease, subcode 2"
    assert one.peers[-1].peer == IPv4Address("10.255.0.100")
