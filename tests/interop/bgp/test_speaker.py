"""Two and more of our own speakers over real sockets."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from msgspec.structs import replace

from controllers.bgp.policy import MacPattern, Match, Policy, Statement, Verdict
from controllers.runtime.bench.reflection import reflection_latency, reflection_rate
from controllers.runtime.bgp import PeerConfig, Route, Speaker, SpeakerConfig, reflector
from controllers.runtime.bgp import speaker as speaker_module
from controllers.runtime.bgp.reflectors import ReflectorKind, ReflectorPlan, embedded_config, read_plan
from controllers.wire.evpn import MacIpAdvertisement
from controllers.wire.types import EVPN, RT_CONSTRAINT, VPNV4, RouteTarget
from tests.interop.bgp.conftest import Lab
from tests.interop.bgp.lab import EVPN_ROUTES, PORT, REFLECTOR, TARGET, Pe, attributes, eventually, pe

pytestmark = pytest.mark.needs_root

BASE = EVPN_ROUTES["2 MAC only"].nlri
assert isinstance(BASE, MacIpAdvertisement)


def mac(number: int) -> Route:
    assert isinstance(BASE, MacIpAdvertisement)
    return Route(replace(BASE, mac=number), attributes())


async def test_both_may_dial(namespace: None) -> None:
    """A collision leaves one session, and what it carries is complete."""
    heard = {1: Pe(), 2: Pe()}
    speakers = {}
    for number, other in ((1, 2), (2, 1)):
        peer = PeerConfig(pe(other), 65000, port=PORT, retry_first=0.1)
        config = SpeakerConfig(65000, pe(number), pe(number), PORT, (peer,))
        found = heard[number]
        found.speaker = speakers[number] = Speaker(config, on_routes=found.routes, on_peer=found.peer)
        found.speaker.announce(mac(number))
    async with speakers[1], speakers[2]:
        for number, other in ((1, 2), (2, 1)):
            await heard[number].until(
                lambda p, other=other: p.up and mac(other).key in p.table, "the other's route"
            )
        assert all(speaker.peers()[0].up for speaker in speakers.values())


async def test_a_reflector_that_restarts_gets_and_gives_everything_again(lab: Lab) -> None:
    clients = (pe(1), pe(2))
    first = reflector(65000, REFLECTOR, REFLECTOR, clients, port=PORT)
    await first.start()
    one, two = await lab.pe(1), await lab.pe(2)
    one.speaker.announce(*EVPN_ROUTES.values())
    await two.until(lambda p: len(p.table) == len(EVPN_ROUTES), "all routes")
    await first.stop()
    await two.until(lambda p: not p.table and not p.up, "all routes leave")
    async with reflector(65000, REFLECTOR, REFLECTOR, clients, port=PORT) as second:
        await two.until(lambda p: len(p.table) == len(EVPN_ROUTES), "all routes again", 30)
        assert second.rib.count(EVPN) == len(EVPN_ROUTES)


async def test_who_joins_late_gets_a_large_table_and_its_end(lab: Lab) -> None:
    await lab.reflector("embedded")
    one = await lab.pe(1)
    one.speaker.announce(*(mac(number) for number in range(5000)))
    assert lab.speaker is not None
    rib = lab.speaker.rib
    await eventually(lambda: rib.count(EVPN) == 5000, "the table")
    two = await lab.pe(2)
    await two.until(lambda p: EVPN in p.complete, "its end")
    assert len(two.table) == 5000, "the end comes last"


async def test_what_follows_many_routes_is_told_together(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker_module, "REST", 1.0)
    monkeypatch.setattr(speaker_module, "REST_EACH", 0.05)
    await lab.reflector("embedded")
    one, two = await lab.pe(1), await lab.pe(2)

    def updates() -> int:
        return one.speaker.peers()[0].counters.updates_out

    async def announce(numbers: range) -> int:
        """One after the other; how many messages that took."""
        before = updates()
        for number in numbers:
            one.speaker.announce(mac(number))
            for _ in range(8):
                await asyncio.sleep(0)
        await two.until(lambda p: mac(numbers[-1]).key in p.table, "the last one")
        return updates() - before

    await announce(range(1))  # the End-of-RIB is out, too
    assert await announce(range(1, 6)) == 5, "a few are told at once"
    before = updates()
    one.speaker.announce(*(mac(number) for number in range(100, 200)))
    await eventually(lambda: updates() > before, "the first of many")
    assert await announce(range(200, 210)) == 1


async def test_the_tables_can_be_shown(lab: Lab) -> None:
    await lab.reflector("embedded")
    one, two = await lab.pe(1), await lab.pe(2)
    route = EVPN_ROUTES["3 ingress replication"]
    one.speaker.announce(route)
    await two.until(lambda p: bool(p.table), "the route")
    assert lab.speaker is not None
    rib = lab.speaker.rib
    assert [str(shown) for shown in rib.best(EVPN)] == [
        "[3]:[10.255.0.1:100]:[0]:[10.255.0.1] via 10.255.0.1"
    ]
    assert [shown.peer for shown in rib.paths(route.key)] == [pe(1)]
    assert [shown.attributes for shown in rib.received(pe(1), EVPN)] == [route.attributes]
    assert list(rib.sent(pe(1), EVPN)) == list(rib.received(pe(2), EVPN)) == []
    (sent,) = rib.sent(pe(2), EVPN)
    assert sent.attributes.originator_id == pe(1)
    assert list(rib.received(pe(9), EVPN)) == list(rib.sent(pe(9), EVPN)) == []
    status = {peer.address: peer for peer in lab.speaker.peers()}
    assert status[pe(1)].received == {EVPN: 1}
    assert status[pe(1)].router_id == pe(1)
    assert status[pe(2)].counters.updates_out > 0


async def test_policies_can_be_replaced_while_sessions_are_up(lab: Lab) -> None:
    await lab.reflector("embedded")
    one, two = await lab.pe(1), await lab.pe(2)
    one.speaker.announce(mac(1), mac(2))
    await two.until(lambda p: len(p.table) == 2, "both")
    closed = Policy((Statement(Match(macs=(MacPattern(2),)), Verdict.REJECT),))
    two.speaker.set_policies(REFLECTOR, import_policy=closed)
    await two.until(lambda p: p.table.keys() == {mac(1).key}, "one is kept out")
    two.speaker.set_policies(REFLECTOR)
    await two.until(lambda p: len(p.table) == 2, "both again")


async def test_interest_can_change(lab: Lab) -> None:
    """RFC 4684, by `set_targets`."""
    families = (EVPN, RT_CONSTRAINT)
    await lab.reflector("embedded", families=families)
    one, two = await lab.pe(1, families), await lab.pe(2, families)
    one.speaker.announce(mac(1))
    assert lab.speaker is not None
    rib = lab.speaker.rib
    await eventually(lambda: rib.count(EVPN) == 1, "the reflector wants everything")
    two.speaker.set_targets([TARGET, RouteTarget.parse("65000:7")])
    await two.until(lambda p: mac(1).key in p.table, "what it asks for")
    two.speaker.set_targets([RouteTarget.parse("65000:7")])
    await two.until(lambda p: mac(1).key not in p.table, "and no longer asks for")


async def test_peers_come_and_go(lab: Lab) -> None:
    await lab.reflector("embedded", clients=1)
    assert lab.speaker is not None
    lab.speaker.add_peer(PeerConfig(pe(2), 65000, passive=True, client=True))
    with pytest.raises(ValueError, match="already"):
        lab.speaker.add_peer(PeerConfig(pe(2), 65000))
    one, two = await lab.pe(1), await lab.pe(2)
    one.speaker.announce(mac(1))
    await two.until(lambda p: bool(p.table), "the route")
    lab.speaker.remove_peer(pe(2))
    await two.until(lambda p: not p.up and not p.table, "the end")
    assert two.peers[-1].reason == "neighbour sent NOTIFICATION: cease, subcode 3"


async def test_a_different_as_is_refused_and_said_once(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    await lab.reflector("embedded", clients=1)
    peer = PeerConfig(REFLECTOR, 65000, port=PORT, retry_first=0.01, retry_limit=0.02)
    config = SpeakerConfig(65009, pe(1), pe(1), PORT, (dataclasses.replace(peer, asn=65000),), listen=False)
    with caplog.at_level("INFO"):
        async with Speaker(config) as speaker:
            await eventually(lambda: speaker.peers()[0].counters.notifications_in > 3, "several attempts")
    said = [record.message for record in caplog.records if "no session" in record.message]
    assert len(said) == len(set(said))
    assert any("neighbour is in AS 65009, not 65000" in line for line in said)


def test_a_plan_survives_its_file() -> None:
    plan = ReflectorPlan(65000, pe(100), REFLECTOR, (pe(1), pe(2)), 1790, (EVPN, VPNV4, RT_CONSTRAINT))
    assert read_plan(embedded_config(plan)) == plan


async def test_the_benchmark_measures(namespace: None) -> None:
    rate = await reflection_rate(ReflectorKind.EMBEDDED, 500, 2, distinct=True)
    assert (rate.routes, rate.receivers) == (500, 2)
    assert rate.routes_per_second > 0
    latency = await reflection_latency(ReflectorKind.EMBEDDED, 5)
    assert 0 < latency.percentile_ms(50) <= latency.percentile_ms(99) == latency.samples_ms[-1]
