"""Every intent renders to entities that the P4 programs have, and survives being read back."""

from __future__ import annotations

from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

import pytest

from controllers.dataplane.access import AccessRenderer, LearnedMac, VlanFlood, VlanPort
from controllers.dataplane.codec import Codec
from controllers.dataplane.entity import MulticastGroup, TableEntry, Verb, action, entry
from controllers.dataplane.local import ControllerChannel, CoreInterface, RouterAddress, Watch
from controllers.dataplane.lsr import LsrRenderer
from controllers.dataplane.pe import FROM_CORE_GROUP, PeRenderer
from controllers.dataplane.plane import Keyed, Plane, Renderer
from controllers.dataplane.simulator import TableSimulator
from controllers.intents import (
    Adjacent,
    AttachmentCircuit,
    BdFlood,
    BdUnicast,
    BridgeDomain,
    Drop,
    EthernetSegment,
    FloodList,
    GatewayAddress,
    GatewayMac,
    Glean,
    IpRoute,
    IpVrf,
    LocalAc,
    MacEntry,
    Neighbor,
    ProbeMac,
    PseudoWireEnd,
    Remote,
    RemoteSegment,
    ServiceLabel,
    ViaPseudoWire,
)
from controllers.underlay.transport import Hop, TransportLabel, Tunnel
from controllers.wire.types import Esi
from testbed.p4.compiler.compile import compile_program

P4SRC = Path(__file__).parents[4] / "p4src"
PE2, PE3 = IPv4Address("10.255.0.2"), IPv4Address("10.255.0.3")
GATEWAY = IPv4Address("10.0.10.1")
SEGMENT = Esi.parse("00:11:22:33:44:55:66:77:88:99")
ONE, TWO = Hop(1, 0x0A0000000001, 0x0A0000000002, (16002,)), Hop(2, 0x0A0000000003, 0x0A0000000004)
BASE: list[Keyed] = [
    ControllerChannel(),
    CoreInterface(1, 0x0A0000000001),
    Watch(7, ip_network("10.0.40.0/24"), ip_network("10.0.10.11/32"), protocol=17, destination_port=5000),
    Watch(8, ip_network("fd00::/64"), ip_network("::/0")),
]
CIRCUITS: list[Keyed] = [
    BridgeDomain(1, mac_ageing=300.0),
    AttachmentCircuit(1, 2, 10, 1),
    AttachmentCircuit(2, 3, None, 1, split_horizon_group=2, blocked=True),
]
PE: list[Keyed] = [
    *BASE,
    *CIRCUITS,
    ControllerChannel(("mac_learn_t",)),
    RouterAddress(1, PE2),
    Tunnel(PE2, (ONE, TWO)),
    Tunnel(PE3, (TWO,)),
    TransportLabel(16001, ()),
    BridgeDomain(2, flood_unknown=False),
    MacEntry(1, 0x020000000001, LocalAc(1)),
    MacEntry(1, 0x020000000002, LocalAc(2), static=True),
    MacEntry(1, 0x020000000003, Remote(PE2, 302001)),
    MacEntry(1, 0x020000000004, RemoteSegment(SEGMENT, 1)),
    MacEntry(1, 0x020000000005, Drop()),
    MacEntry(1, 0x020000000006, ViaPseudoWire(9, Remote(PE2, 264005))),
    EthernetSegment(SEGMENT, 1, (Remote(PE2, 302001), Remote(PE3, 303001))),
    FloodList(1, (1, 2), (Remote(PE2, 302101), Remote(PE3, 303101))),
    ServiceLabel(301001, BdUnicast(1)),
    ServiceLabel(301101, BdFlood(1)),
    ServiceLabel(601201, IpVrf(1)),
    ServiceLabel(264001, PseudoWireEnd(1, 9)),
    GatewayMac(1, 0x00005E00010A, 1),
    ProbeMac(1, 0x020000FFFFFE),
    GatewayAddress(1, GATEWAY, 0x00005E00010A, 1),
    GatewayAddress(1, IPv6Address("fd00:0:0:10::1"), 0x00005E00010A, 1),
    Neighbor(1, IPv4Address("10.0.10.11"), 0x020000000001, 1),
    Neighbor(1, IPv6Address("fd00:0:0:10::11"), 0x020000000001, router=True),
    IpRoute(1, ip_network("10.0.10.0/24"), Glean(1)),
    IpRoute(1, ip_network("10.0.10.11/32"), Adjacent(1, 0x020000000001, 0x00005E00010A, LocalAc(1))),
    IpRoute(1, ip_network("10.0.10.12/32"), Adjacent(1, 0x020000000003, 0x00005E00010A, Remote(PE2, 302001))),
    IpRoute(1, ip_network("10.0.10.13/32"), Adjacent(1, 4, 0x00005E00010A, RemoteSegment(SEGMENT, 1))),
    IpRoute(1, ip_network("10.0.40.0/24"), Remote(PE3, 603201)),
    IpRoute(1, ip_network("0.0.0.0/0"), Drop()),
    IpRoute(1, ip_network("fd00:0:0:40::/64"), Remote(PE3, 603201)),
]
LSR: list[Keyed] = [
    *BASE,
    TransportLabel(16002, (ONE, TWO)),
    TransportLabel(16003, (Hop(1, 1, 2, (16009, 16003)),)),
]
ACCESS: list[Keyed] = [
    ControllerChannel(("mac_learn_t",)),
    BASE[2],
    VlanPort(1, 10, True),
    VlanPort(2, 10, False),
    VlanFlood(10, (1, 2)),
    LearnedMac(10, 0x020000000001, 2, 300.0),
]
PROGRAMS: dict[str, tuple[type[Renderer], list[Keyed]]] = {
    "pe": (PeRenderer, PE),
    "lsr": (LsrRenderer, LSR),
    "access": (AccessRenderer, ACCESS),
}


@cache
def codec(name: str) -> Codec:
    return Codec(compile_program(P4SRC / f"{name}.p4").p4info)


@pytest.mark.parametrize("name", PROGRAMS)
def test_entities_exist_in_the_program_and_read_back_as_written(name: str) -> None:
    renderer, intents = PROGRAMS[name]
    plane, switch = Plane(renderer()), TableSimulator()
    for intent in intents:
        plane.set(intent)
    updates = plane.changes()
    switch.apply(updates)
    for update, message in zip(updates, codec(name).write_request(updates).updates, strict=True):
        assert message.type == update.verb
        assert codec(name).read(message.entity) == update.entity
    assert Plane(renderer()).reconcile([]) == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_order_in_which_intents_come_does_not_matter(name: str) -> None:
    renderer, intents = PROGRAMS[name]
    forward, backward = Plane(renderer()), Plane(renderer())
    for intent in intents:
        forward.set(intent)
    unique = {intent.key: intent for intent in intents}
    for intent in reversed(unique.values()):
        backward.set(intent)
    assert forward.desired == backward.desired


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_stays_when_every_intent_is_gone(name: str) -> None:
    renderer, intents = PROGRAMS[name]
    plane, switch = Plane(renderer()), TableSimulator()
    for intent in intents:
        plane.set(intent)
    switch.apply(plane.changes())
    for intent in intents:
        plane.unset(intent.key)
    switch.apply(plane.changes())
    assert switch.entities == {}


def test_a_pe_that_moves_in_the_wan_is_one_write_whatever_the_number_of_macs() -> None:
    plane = Plane(PeRenderer())
    plane.set(Tunnel(PE2, (ONE,)))
    for mac in range(500):
        plane.set(MacEntry(1, 0x020000000000 + mac, Remote(PE2, 302001)))
    plane.changes()
    plane.set(Tunnel(PE2, (TWO,)))
    updates = plane.changes()
    assert [(u.verb, u.entity.key[0]) for u in updates] == [
        (Verb.INSERT, "nhlfe"),
        (Verb.MODIFY, "tunnel"),
        (Verb.DELETE, "nhlfe"),
    ]


def test_frames_from_the_core_are_never_copied_to_the_core() -> None:
    plane = Plane(PeRenderer())
    for intent in PE:
        plane.set(intent)
    groups = {e.group: e.replicas for e in plane.desired.values() if isinstance(e, MulticastGroup)}
    assert {port for port, _rid in groups[1]} == {1, 2, 3}
    assert {port for port, _rid in groups[FROM_CORE_GROUP + 1]} == {2, 3}
    redirect = [e for e in plane.desired.values() if isinstance(e, TableEntry) and e.table == "flood"]
    assert {dict(e.match)["kind"] for e in redirect if dict(e.match)["split_horizon_group"] == 1} == {1, 2, 3}


def test_flooded_copies_follow_their_tunnel() -> None:
    plane = Plane(PeRenderer())
    for intent in [*CIRCUITS, FloodList(1, (1,), (Remote(PE2, 302101),))]:
        plane.set(intent)

    def ports() -> set[int]:
        return {port for port, _rid in plane.desired["multicast", 1].replicas}  # type: ignore[union-attr]

    assert ports() == {2}
    plane.set(Tunnel(PE2, (ONE,)))
    assert ports() == {1, 2}
    plane.unset(("tunnel", PE2))
    assert ports() == {2}


@pytest.mark.parametrize("hops", [(ONE,), (ONE, TWO)])
@pytest.mark.parametrize("watch", [True, False])
def test_ports_are_watched_unless_that_would_end_the_switch(hops: tuple[Hop, ...], watch: bool) -> None:
    label, tunnel = TransportLabel(16002, hops), Tunnel(PE2, hops)
    for name, table, renderer, intent in (
        ("lsr", "incoming_label", LsrRenderer(watch_ports=watch), label),
        ("pe", "tunnel", PeRenderer(watch_ports=watch), tunnel),
    ):
        (group,) = (each for each in renderer.render(intent, {}) if each.key[0] == table)
        written = codec(name).entity(group)
        members = written.table_entry.action.action_profile_action_set.action_profile_actions
        assert [bool(member.watch_port) for member in members] == [watch] * len(hops)
        assert codec(name).read(written) == group, "a controller that restarts finds nothing to write"


def test_an_idle_notification_names_a_key_alone() -> None:
    written = codec("pe").entity(
        entry(
            "source_mac",
            {"bridge_domain": 1, "mac": 7},
            action("learned", attachment=1),
            idle_timeout_ns=10**9,
        )
    )
    written.table_entry.ClearField("action")
    read = codec("pe").read(written)
    assert isinstance(read, TableEntry)
    assert (read.table, dict(read.match)) == ("source_mac", {"bridge_domain": 1, "mac": 7})
