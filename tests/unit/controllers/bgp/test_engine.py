"""Tables, reflection and export, with engines joined in memory."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from controllers.bgp.policy import MacPattern, Match, Policy, Statement, Verdict
from controllers.bgp.routes import Route
from controllers.wire.attributes import AsSegment, PathAttributes, UnknownAttribute
from controllers.wire.errors import DecodeError
from controllers.wire.evpn import UnknownEvpnRoute, encode_evpn
from controllers.wire.extended import MacMobility, UnknownExtendedCommunity
from controllers.wire.messages import MAX_EXTENDED_MESSAGE
from controllers.wire.types import EVPN, IPV4_UNICAST, VPNV4
from controllers.wire.update import AttributeSet, decode_update, encode_announcements, encode_end_of_rib
from controllers.wire.vpn import Unicast
from tests.unit.controllers.bgp.fabric import REFLECTOR, TARGET, Fabric, mac_route, pe, vpn_route

NO_EXPORT, NO_ADVERTISE = 0xFFFF_FF01, 0xFFFF_FF02


def test_a_reflector_passes_routes_on_with_their_history() -> None:
    """RFC 4456 §8: ORIGINATOR_ID and CLUSTER_LIST; next hop and all else untouched."""
    fabric = Fabric()
    fabric.star(2)
    route = mac_route(1, 1, MacMobility(3), unknown=(UnknownAttribute(200, b"x", 0xE0),))
    fabric.engines[pe(1)].announce(route)
    fabric.settle()
    (event,) = fabric.events[pe(2)]
    assert event.key == route.key
    assert event.nlri == route.nlri
    assert event.route is not None
    assert event.route.attributes == replace(route.attributes, originator_id=pe(1), cluster_list=(REFLECTOR,))
    assert (event.route.peer, event.route.peer_id, event.route.originator) == (REFLECTOR, REFLECTOR, pe(1))


def test_nothing_is_sent_back_to_where_it_came_from() -> None:
    fabric = Fabric()
    fabric.star(2)
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    fabric.settle()
    assert fabric.sent[REFLECTOR, pe(1)] == [encode_end_of_rib(EVPN)]
    assert fabric.events[pe(1)] == []


def test_equal_routes_share_a_message_and_every_client_gets_the_same_bytes() -> None:
    fabric = Fabric()
    fabric.star(3)
    for mac in range(50):
        fabric.engines[pe(1)].announce(mac_route(1, mac))
    fabric.settle()
    messages = fabric.sent[REFLECTOR, pe(2)]
    assert len(messages) == 2
    assert all(a is b for a, b in zip(messages[1:], fabric.sent[REFLECTOR, pe(3)][1:], strict=True))


def test_a_change_and_a_withdrawal_arrive() -> None:
    fabric = Fabric()
    fabric.star(2)
    engine = fabric.engines[pe(1)]
    route = mac_route(1, 1)
    engine.announce(route)
    fabric.settle()
    engine.announce(mac_route(1, 1, label=17))
    fabric.settle()
    engine.withdraw(route.key)
    fabric.settle()
    engine.withdraw(route.key)
    fabric.settle()
    labels = [event.route and event.route.nlri.label for event in fabric.events[pe(2)]]  # type: ignore[union-attr]
    assert labels == [16, 17, None]
    assert fabric.events[pe(2)][-1].nlri == mac_route(1, 1, label=17).nlri


def test_what_comes_and_goes_between_two_flushes_is_not_told() -> None:
    fabric = Fabric()
    fabric.star(2)
    engine = fabric.engines[pe(1)]
    engine.announce(mac_route(1, 1))
    engine.withdraw(mac_route(1, 1).key)
    fabric.settle()
    assert fabric.events[pe(2)] == []
    assert fabric.sent[pe(1), REFLECTOR] == [encode_end_of_rib(EVPN)]


def test_announcing_the_same_again_is_not_told() -> None:
    fabric = Fabric()
    fabric.star(2)
    for _ in range(3):
        fabric.engines[pe(1)].announce(mac_route(1, 1))
        fabric.settle()
    assert len(fabric.events[pe(2)]) == 1


def test_routes_leave_with_their_session() -> None:
    fabric = Fabric()
    fabric.star(3)
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    fabric.settle()
    fabric.disconnect(REFLECTOR, pe(1))
    fabric.settle()
    assert fabric.known(pe(2)) == fabric.known(REFLECTOR) == {}
    assert [event.route for event in fabric.events[pe(2)]][-1] is None
    fabric.connect(REFLECTOR, pe(1), a_sees={"client": True})
    fabric.settle()
    assert len(fabric.known(pe(2))) == 1


def test_without_clients_nothing_internal_is_passed_on() -> None:
    fabric = Fabric()
    for number in (1, 2, 3):
        fabric.add(pe(number))
    fabric.connect(pe(1), pe(2))
    fabric.connect(pe(2), pe(3))
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    fabric.settle()
    assert len(fabric.known(pe(2))) == 1
    assert fabric.known(pe(3)) == {}


def test_two_reflectors_do_not_loop() -> None:
    """The cluster list stops a route that has been there (RFC 4456 §8)."""
    fabric = Fabric()
    second = pe(101)
    fabric.add(REFLECTOR)
    fabric.add(second)
    fabric.connect(REFLECTOR, second, a_sees={"client": True}, b_sees={"client": True})
    for number in (1, 2):
        fabric.add(pe(number))
        fabric.connect(REFLECTOR, pe(number), a_sees={"client": True})
        fabric.connect(second, pe(number), a_sees={"client": True})
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    fabric.settle()
    (route,) = fabric.known(pe(2)).values()
    assert len(route.attributes.cluster_list) == 1
    fabric.engines[pe(1)].withdraw(route.key)
    fabric.settle()
    assert all(fabric.known(address) == {} for address in fabric.engines)


def test_another_as_sees_our_as_and_not_our_preferences() -> None:
    fabric = Fabric()
    fabric.add(pe(1))
    fabric.add(pe(2), 65002)
    fabric.add(pe(3), 65002)
    fabric.connect(pe(1), pe(2))
    fabric.connect(pe(2), pe(3))
    fabric.engines[pe(1)].announce(mac_route(1, 1, local_pref=300, med=9))
    fabric.engines[pe(1)].announce(mac_route(1, 2, communities=(NO_EXPORT,)))
    fabric.settle()
    (route,) = fabric.known(pe(2)).values()
    assert route.attributes.as_path == (AsSegment(2, (65000,)),)
    assert (route.attributes.local_pref, route.attributes.med) == (None, 9)
    (route,) = fabric.known(pe(3)).values()
    assert route.attributes.local_pref == 100
    fabric.disconnect(pe(2), pe(3))
    fabric.add(pe(4), 65000)
    fabric.connect(pe(2), pe(4))
    fabric.settle()
    assert fabric.known(pe(4)) == {}, "a path through our own AS is a loop"


def test_non_transitive_communities_stay_in_the_as() -> None:
    """RFC 4360 §2; here the origin validation state of RFC 8097."""
    state = UnknownExtendedCommunity(bytes.fromhex("4300000000000001"))
    fabric = Fabric()
    for number, asn in ((1, 65000), (2, 65000), (3, 65003)):
        fabric.add(pe(number), asn)
    fabric.connect(pe(1), pe(2))
    fabric.connect(pe(1), pe(3))
    route = mac_route(1, 1)
    attributes = replace(
        route.attributes, extended_communities=(state, *route.attributes.extended_communities)
    )
    fabric.engines[pe(1)].announce(replace(route, attributes=attributes))
    fabric.engines[pe(1)].announce(
        replace(mac_route(1, 2), attributes=replace(attributes, extended_communities=(state,)))
    )
    fabric.settle()
    inside, outside = (
        {r.nlri.mac: r.attributes.extended_communities for r in fabric.known(pe(number)).values()}  # type: ignore[union-attr]
        for number in (2, 3)
    )
    assert inside == {1: attributes.extended_communities, 2: (state,)}
    assert outside == {1: route.attributes.extended_communities, 2: ()}


def test_another_as_gets_our_next_hop_for_plain_routes_and_the_pes_for_labelled_ones() -> None:
    fabric = Fabric()
    families = (EVPN, IPV4_UNICAST)
    fabric.add(pe(1))
    fabric.add(pe(2))
    fabric.add(pe(3), 65003)
    fabric.connect(pe(1), pe(2), families=families)
    fabric.connect(pe(2), pe(3), families=families)
    plain = Route(Unicast(ip_network("10.0.0.0/8")), PathAttributes(next_hop=pe(1)))
    fabric.engines[pe(1)].announce(plain)
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    fabric.settle()
    assert [route.next_hop for route in fabric.known(pe(3), IPV4_UNICAST).values()] == [pe(2)]
    assert [route.next_hop for route in fabric.known(pe(3)).values()] == [pe(1)]


def test_no_advertise_stays() -> None:
    fabric = Fabric()
    fabric.star(2)
    fabric.engines[pe(1)].announce(mac_route(1, 1, communities=(NO_ADVERTISE,)))
    fabric.settle()
    assert fabric.known(REFLECTOR) == {}


def test_the_better_path_of_one_nlri_is_passed_on() -> None:
    fabric = Fabric()
    fabric.star(3, (VPNV4,))
    for number, preference in ((1, 100), (2, 200)):
        fabric.engines[pe(number)].announce(vpn_route(number, "10.0.0.0/24", local_pref=preference))
    fabric.settle()
    (route,) = fabric.known(pe(3), VPNV4).values()
    assert route.next_hop == pe(2)
    (route,) = fabric.known(pe(1), VPNV4).values()
    assert route.next_hop == pe(2)
    fabric.engines[pe(2)].withdraw(route.key)
    fabric.settle()
    (route,) = fabric.known(pe(3), VPNV4).values()
    assert route.next_hop == pe(1)
    (route,) = fabric.known(pe(2), VPNV4).values()
    assert route.next_hop == pe(1)


def test_a_blocked_neighbour_gets_the_state_and_not_the_history() -> None:
    fabric = Fabric()
    fabric.star(3)
    slow = fabric.sessions[REFLECTOR, pe(2)]
    slow.blocked = True
    engine = fabric.engines[pe(1)]
    for label in range(16, 30):
        engine.announce(mac_route(1, 1, label=label))
        fabric.settle()
    engine.announce(mac_route(1, 2))
    fabric.settle()
    engine.withdraw(mac_route(1, 2).key)
    fabric.settle()
    assert fabric.known(pe(2)) == {}
    slow.blocked = False
    fabric.settle()
    (route,) = fabric.known(pe(2)).values()
    assert route.nlri == mac_route(1, 1, label=29).nlri
    assert len(fabric.sent[REFLECTOR, pe(2)]) == 3


def test_a_refresh_sends_all_again() -> None:
    fabric = Fabric()
    fabric.star(2)
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    fabric.settle()
    before = len(fabric.sent[REFLECTOR, pe(2)])
    fabric.engines[REFLECTOR].resend(fabric.sessions[REFLECTOR, pe(2)], EVPN)
    fabric.settle()
    assert len(fabric.sent[REFLECTOR, pe(2)]) == before + 1
    assert len(fabric.events[pe(2)]) == 1, "what does not change is not reported"


def test_a_large_table_is_sent_in_pieces_and_its_end_marked_last() -> None:
    fabric = Fabric()
    fabric.star(1)
    for mac in range(5000):
        fabric.engines[pe(1)].announce(mac_route(1, mac))
    fabric.settle()
    fabric.add(pe(2))
    fabric.connect(REFLECTOR, pe(2), a_sees={"client": True})
    fabric.flush(REFLECTOR)
    first = len(fabric.sent[REFLECTOR, pe(2)])
    fabric.settle()
    messages = fabric.sent[REFLECTOR, pe(2)]
    assert 0 < first < len(messages)
    assert messages[-1] == encode_end_of_rib(EVPN)
    assert len(fabric.known(pe(2))) == 5000


def test_a_mac_storm_ends_the_session_that_brings_it() -> None:
    fabric = Fabric()
    fabric.add(pe(1))
    fabric.add(pe(2))
    fabric.connect(pe(1), pe(2), a_sees={"max_routes": 10})
    for mac in range(11):
        fabric.engines[pe(2)].announce(mac_route(2, mac))
    with pytest.raises(DecodeError, match="more than 10 routes") as error:
        fabric.settle()
    assert (error.value.code, error.value.subcode) == (6, 1)


def test_attributes_that_fill_a_message_harm_no_other_route() -> None:
    """With what a reflector adds they fit into no message of 65,535 bytes (RFC 8654 §4)."""
    fabric = Fabric()
    fabric.star(2)
    reflector = fabric.engines[REFLECTOR]
    for number in (1, 2):
        session = fabric.sessions[REFLECTOR, pe(number)]
        session.export_key = session.export_key._replace(max_message=MAX_EXTENDED_MESSAGE)
    long = mac_route(1, 1, unknown=(UnknownAttribute(200, bytes(65430)),))
    shared, nlri = AttributeSet.of(EVPN, long.attributes), encode_evpn(long.nlri)  # type: ignore[arg-type]
    (message,) = encode_announcements(shared, [nlri], MAX_EXTENDED_MESSAGE)
    reflector.receive(fabric.sessions[REFLECTOR, pe(1)], decode_update(message[19:], internal=True))
    fabric.engines[pe(1)].announce(mac_route(1, 2))
    fabric.settle()
    assert [route.nlri.mac for route in fabric.known(pe(2)).values()] == [2]  # type: ignore[union-attr]


def test_unknown_evpn_types_and_families_are_discarded(caplog: pytest.LogCaptureFixture) -> None:
    fabric = Fabric()
    fabric.star(1)
    session = fabric.sessions[REFLECTOR, pe(1)]
    attributes = AttributeSet.of(EVPN, PathAttributes(next_hop=pe(1)))
    for value in (b"1", b"2"):
        raw = encode_evpn(UnknownEvpnRoute(99, value))
        update = decode_update(encode_announcements(attributes, [raw])[0][19:], internal=True)
        fabric.engines[REFLECTOR].receive(session, update)
    assert session.counters.discarded == 2
    assert len(caplog.records) == 1, "logged once per cause"


def test_import_policy_keeps_macs_out_and_can_be_replaced() -> None:
    fabric = Fabric()
    fabric.add(pe(1))
    fabric.add(pe(2))
    ours = Policy((Statement(Match(macs=(MacPattern(0x02AA_0000_0000, 0xFFFF_0000_0000),)), Verdict.REJECT),))
    fabric.connect(pe(1), pe(2), a_sees={"import_policy": ours})
    fabric.engines[pe(2)].announce(mac_route(2, 0x02AA_0000_0001))
    fabric.engines[pe(2)].announce(mac_route(2, 0x02BB_0000_0001))
    fabric.settle()
    session = fabric.sessions[pe(1), pe(2)]
    assert [route.nlri.mac for route in fabric.known(pe(1)).values()] == [0x02BB_0000_0001]  # type: ignore[union-attr]
    assert session.counters.discarded == 1
    fabric.engines[pe(1)].set_policies(session, None, None)
    fabric.settle()
    assert len(fabric.known(pe(1))) == 2


def test_export_policy_changes_what_others_see() -> None:
    fabric = Fabric()
    fabric.add(pe(1))
    fabric.add(pe(2))
    lower = Policy((Statement(Match(targets=frozenset({TARGET})), local_pref=50),))
    fabric.connect(pe(1), pe(2), a_sees={"export_policy": lower})
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    fabric.settle()
    assert [route.attributes.local_pref for route in fabric.known(pe(2)).values()] == [50]
    session = fabric.sessions[pe(1), pe(2)]
    assert [r.attributes.local_pref for r in fabric.engines[pe(1)].sent(session, EVPN)] == [50]
    nothing = Policy(otherwise=Verdict.REJECT)
    fabric.engines[pe(1)].set_policies(session, None, nothing)
    fabric.settle()
    assert fabric.known(pe(2)) == {}


def test_what_goes_together_with_the_leave_to_send_it_is_withdrawn() -> None:
    fabric = Fabric()
    fabric.add(pe(1))
    fabric.add(pe(2))
    fabric.connect(pe(1), pe(2))
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    fabric.settle()
    fabric.engines[pe(1)].withdraw(mac_route(1, 1).key)
    nothing = Policy(otherwise=Verdict.REJECT)
    fabric.engines[pe(1)].set_policies(fabric.sessions[pe(1), pe(2)], None, nothing)
    fabric.settle()
    assert fabric.known(pe(2)) == {}


def test_counters_count() -> None:
    fabric = Fabric()
    fabric.star(2)
    fabric.engines[pe(1)].announce(mac_route(1, 1))
    fabric.settle()
    fabric.engines[pe(1)].withdraw(mac_route(1, 1).key)
    fabric.settle()
    counters = fabric.engines[REFLECTOR].counters(pe(1))
    assert (counters.updates_in, counters.announced_in, counters.withdrawn_in) == (3, 1, 1)
    assert fabric.engines[REFLECTOR].counters(pe(2)).updates_out == 3


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["announce", "withdraw", "flush", "deliver", "down", "up", "block", "unblock"]),
        st.integers(1, 3),
        st.integers(1, 4),
        st.integers(0, 2),
    ),
    max_size=40,
)


@settings(max_examples=80, deadline=None)
@given(STEPS)
def test_any_course_of_events_ends_in_the_same_tables(steps: list[tuple[str, int, int, int]]) -> None:
    """However updates, flaps and slow neighbours interleave: at rest everyone has what is announced."""
    fabric = Fabric()
    fabric.star(3)
    announced: dict[tuple[int, int], Route] = {}
    for what, number, mac, variant in steps:
        up = (REFLECTOR, pe(number)) in fabric.sessions
        match what:
            case "announce":
                route = mac_route(number, mac, MacMobility(variant))
                announced[number, mac] = route
                fabric.engines[pe(number)].announce(route)
            case "withdraw":
                announced.pop((number, mac), None)
                fabric.engines[pe(number)].withdraw(mac_route(number, mac).key)
            case "flush":
                fabric.flush(REFLECTOR if variant else pe(number))
            case "deliver":
                for local, remote in ((REFLECTOR, pe(number)), (pe(number), REFLECTOR)):
                    if up and fabric.queues[local, remote]:
                        fabric.deliver(local, remote)
            case "down" if up:
                fabric.disconnect(REFLECTOR, pe(number))
            case "up" if not up:
                fabric.connect(REFLECTOR, pe(number), a_sees={"client": True})
            case "block" | "unblock" if up:
                fabric.sessions[REFLECTOR, pe(number)].blocked = what == "block"
    for number in (1, 2, 3):
        if (REFLECTOR, pe(number)) in fabric.sessions:
            fabric.sessions[REFLECTOR, pe(number)].blocked = False
        else:
            fabric.connect(REFLECTOR, pe(number), a_sees={"client": True})
    fabric.settle()
    expected = {str(r.nlri): r.attributes.extended_communities for r in announced.values()}
    for address in fabric.engines:
        found = {text: r.attributes.extended_communities for text, r in fabric.known(address).items()}
        assert found == expected
    for number in (1, 2, 3):
        mirror: dict[object, object] = {}
        for event in fabric.events[pe(number)]:
            if event.route is None:
                del mirror[event.key]
            else:
                mirror[event.key] = event.route.attributes.extended_communities
        own = {str(r.nlri) for (owner, _), r in announced.items() if owner == number}
        assert len(mirror) == len(expected.keys() - own), "events alone rebuild the table"


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.none() | st.integers(100, 104), st.booleans()), max_size=30),
    st.integers(0, 3),
)
def test_competing_paths_end_with_the_best_one_everywhere(
    steps: list[tuple[int, int | None, bool]], lost: int
) -> None:
    """One NLRI from several PEs, changing and going; one PE may be cut off for good."""
    fabric = Fabric()
    fabric.star(3, (VPNV4,))
    announced: dict[int, int] = {}
    for number, preference, settle in steps:
        route = vpn_route(number, "10.0.0.0/24", local_pref=preference or 100)
        if preference is None:
            announced.pop(number, None)
            fabric.engines[pe(number)].withdraw(route.key)
        else:
            announced[number] = preference
            fabric.engines[pe(number)].announce(route)
        if settle:
            fabric.settle()
        else:
            fabric.flush(pe(number))
    if lost:
        fabric.disconnect(REFLECTOR, pe(lost))
        announced.pop(lost, None)
    fabric.settle()
    best = min(announced, key=lambda number: (-announced[number], number), default=None)
    for address in (REFLECTOR, *(pe(number) for number in (1, 2, 3) if number != lost)):
        routes = list(fabric.known(address, VPNV4).values())
        if best is None:
            assert routes == []
        else:
            (route,) = routes
            assert route.attributes.local_pref == announced[best]
            if address == REFLECTOR:
                assert route.next_hop == pe(best)
