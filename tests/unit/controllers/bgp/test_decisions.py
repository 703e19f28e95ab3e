"""Path selection, policy and membership: the pure parts."""

from __future__ import annotations

import itertools
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.bgp.best_path import best_path
from controllers.bgp.membership import Membership
from controllers.bgp.paths import Path, Source
from controllers.bgp.policy import MacPattern, Match, Policy, Statement, Verdict
from controllers.bgp.routes import Route
from controllers.wire.attributes import AsSegment, LargeCommunity
from controllers.wire.extended import DefaultGateway, MacMobility
from controllers.wire.nlri import encode_nlri, key_of
from controllers.wire.types import EVPN, VPNV4, RouteTarget
from controllers.wire.update import AttributeSet
from controllers.wire.vpn import RtMembership
from tests.unit.controllers.bgp.fabric import TARGET, mac_route, pe, vpn_route

SERIAL = st.integers(0, 0xFFFF_FFFF)


def path(route: Route, source: Source | None = None, number: int = 1) -> Path:
    source = source or Source(pe(number), pe(number))
    return Path(source.share(AttributeSet.of(route.family, route.attributes)), encode_nlri(route.nlri))


def mac_path(number: int, *communities: Any, **attributes: Any) -> Path:
    return path(mac_route(1, 1, *communities, **attributes), number=number)


def vpn_path(number: int, **attributes: Any) -> Path:
    return path(vpn_route(1, "10.0.0.0/24", **attributes), number=number)


STICKY, GATEWAY = MacMobility(0, sticky=True), DefaultGateway()
LOCAL = Source(None, pe(9))

BETTER_MACS = {
    "a gateway before a static MAC": (mac_path(2, GATEWAY), mac_path(1, STICKY)),
    "our own gateway before another": (
        path(mac_route(1, 1, GATEWAY), LOCAL),
        mac_path(1, GATEWAY, local_pref=500),
    ),
    "a static MAC before a high sequence": (mac_path(2, STICKY), mac_path(1, MacMobility(99))),
    "a high sequence before local preference": (
        mac_path(2, MacMobility(2)),
        mac_path(1, MacMobility(1), local_pref=500),
    ),
    "sequence 1 before none": (mac_path(2, MacMobility(1)), mac_path(1)),
    "0 after a wrap before 0xFFFFFFFF": (mac_path(2, MacMobility(0)), mac_path(1, MacMobility(0xFFFF_FFFF))),
    "local preference at last": (mac_path(2, local_pref=101), mac_path(1)),
    "then the lowest neighbour": (mac_path(1), mac_path(2)),
}


@pytest.mark.parametrize(("better", "worse"), BETTER_MACS.values(), ids=BETTER_MACS)
def test_macs_prefer(better: Path, worse: Path) -> None:
    """draft-ietf-bess-rfc7432bis §7.13.1."""
    assert best_path([better, worse]) is best_path([worse, better]) is better


def as_path(*asns: int) -> tuple[AsSegment, ...]:
    return (AsSegment(2, asns),)


EXTERNAL = Source(pe(7), pe(7), external=True)

BETTER = {
    "local preference": (vpn_path(2, local_pref=101), vpn_path(1, as_path=as_path())),
    "absent local preference counts as 100": (vpn_path(2, local_pref=None), vpn_path(1, local_pref=99)),
    "what we originate": (path(vpn_route(1, "10.0.0.0/24"), LOCAL), vpn_path(1)),
    "short AS path": (vpn_path(2, as_path=as_path(1)), vpn_path(1, as_path=as_path(1, 2))),
    "low origin": (vpn_path(2, origin=0), vpn_path(1, origin=2)),
    "low MED of one neighbouring AS": (
        vpn_path(2, as_path=as_path(1), med=1),
        vpn_path(1, as_path=as_path(1), med=2),
    ),
    "MED of different ones does not count": (
        vpn_path(1, as_path=as_path(1), med=9),
        vpn_path(2, as_path=as_path(2), med=1),
    ),
    "external before internal": (path(vpn_route(1, "10.0.0.0/24"), EXTERNAL), vpn_path(1)),
    "the lowest originator (RFC 4456 §9)": (
        vpn_path(2, originator_id=pe(1)),
        vpn_path(1, originator_id=pe(2)),
    ),
    "the shorter cluster list (RFC 4456 §9)": (
        vpn_path(2, originator_id=pe(1), cluster_list=()),
        vpn_path(1, originator_id=pe(1), cluster_list=(pe(9),)),
    ),
    "the lowest neighbour address": (vpn_path(1, originator_id=pe(5)), vpn_path(2, originator_id=pe(5))),
}


@pytest.mark.parametrize(("better", "worse"), BETTER.values(), ids=BETTER)
def test_prefer(better: Path, worse: Path) -> None:
    """RFC 4271 §9.1."""
    assert best_path([better, worse]) is best_path([worse, better]) is better


candidates = st.lists(
    st.builds(
        vpn_path,
        st.integers(1, 3),
        local_pref=st.sampled_from([None, 100, 200]),
        as_path=st.sampled_from([(), as_path(1), as_path(2), as_path(1, 2)]),
        med=st.sampled_from([None, 0, 1, 2]),
        originator_id=st.sampled_from([None, pe(1), pe(2)]),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda p: p.shared.source.address,
)


@given(candidates)
def test_the_order_of_arrival_does_not_matter(paths: list[Path]) -> None:
    assert len({id(best_path(list(order))) for order in itertools.permutations(paths)}) == 1


@given(st.lists(SERIAL, min_size=1, max_size=3, unique=True))
def test_nor_does_it_for_sequences_that_form_a_circle(sequences: list[int]) -> None:
    paths = [mac_path(number, MacMobility(s)) for number, s in enumerate(sequences, 1)]
    assert len({id(best_path(list(order))) for order in itertools.permutations(paths)}) == 1


IPV4_HOST = mac_route(
    1,
    0x02AA_0000_0001,
    ip=ip_address("10.1.2.3"),
    communities=(5, 6),
    large_communities=(LargeCommunity(1, 2, 3),),
)
PREFIX = vpn_route(1, "10.1.2.0/25")

MATCHES = {
    "no condition": (Match(), IPV4_HOST, True),
    "family": (Match(families=frozenset({EVPN})), IPV4_HOST, True),
    "another family": (Match(families=frozenset({VPNV4})), IPV4_HOST, False),
    "route type": (Match(route_types=frozenset({2, 3})), IPV4_HOST, True),
    "route type of a family without": (Match(route_types=frozenset({2})), PREFIX, False),
    "vendor part of a MAC": (Match(macs=(MacPattern(0x02AA_0000_0000, 0xFFFF_0000_0000),)), IPV4_HOST, True),
    "another MAC": (Match(macs=(MacPattern(0x02AA_0000_0002),)), IPV4_HOST, False),
    "a MAC where there is none": (Match(macs=(MacPattern(0, 0),)), PREFIX, False),
    "host in a network": (Match(networks=(ip_network("10.1.0.0/16"),)), IPV4_HOST, True),
    "host elsewhere": (Match(networks=(ip_network("10.2.0.0/16"), ip_network("::/0"))), IPV4_HOST, False),
    "prefix in a network": (Match(networks=(ip_network("10.1.2.0/24"),)), PREFIX, True),
    "prefix wider than the network": (Match(networks=(ip_network("10.1.2.0/26"),)), PREFIX, False),
    "no address": (Match(networks=(ip_network("0.0.0.0/0"),)), mac_route(1, 1), False),
    "target": (Match(targets=frozenset({TARGET})), IPV4_HOST, True),
    "another target": (Match(targets=frozenset({RouteTarget.parse("1:1")})), IPV4_HOST, False),
    "any of the communities": (Match(communities=frozenset({6, 7})), IPV4_HOST, True),
    "large community": (Match(large_communities=frozenset({LargeCommunity(1, 2, 3)})), IPV4_HOST, True),
    "extended community": (Match(extended_communities=frozenset({STICKY})), IPV4_HOST, False),
    "all conditions": (
        Match(families=frozenset({EVPN}), communities=frozenset({5}), targets=frozenset({TARGET})),
        IPV4_HOST,
        True,
    ),
    "one of them fails": (Match(families=frozenset({EVPN}), communities=frozenset({9})), IPV4_HOST, False),
}


@pytest.mark.parametrize(("match", "route", "expected"), MATCHES.values(), ids=MATCHES)
def test_match(match: Match, route: Route, expected: bool) -> None:
    policy = Policy((Statement(match, Verdict.REJECT),))
    assert (policy.apply(path(route)) is None) == expected


def test_the_first_statement_that_matches_decides() -> None:
    first = Statement(Match(communities=frozenset({5})), local_pref=7)
    second = Statement(Match(), Verdict.REJECT)
    policy = Policy((first, second))
    passed = policy.apply(path(IPV4_HOST))
    assert passed is not None
    assert passed.shared.attributes.typed.local_pref == 7
    assert policy.apply(path(PREFIX)) is None


def test_what_no_statement_matches_has_the_last_word_of_the_policy() -> None:
    statements = (Statement(Match(communities=frozenset({99})), local_pref=1),)
    one = path(IPV4_HOST)
    assert Policy(statements).apply(one) is one
    assert Policy(statements, Verdict.REJECT).apply(one) is None


def test_communities_are_added_and_removed() -> None:
    statement = Statement(
        add_communities=(7, 5),
        remove_communities=frozenset({6}),
        add_extended=(STICKY,),
        remove_extended=frozenset({TARGET}),
        med=3,
    )
    passed = Policy((statement,)).apply(path(IPV4_HOST))
    assert passed is not None
    found = passed.shared.attributes.typed
    assert (found.communities, found.extended_communities, found.med) == ((5, 7), (STICKY,), 3)


def test_changed_routes_go_on_sharing_their_attributes() -> None:
    source = Source(pe(1), pe(1))
    policy = Policy((Statement(local_pref=7),))
    shared = source.share(AttributeSet.of(EVPN, IPV4_HOST.attributes))
    one, two = (policy.apply(Path(shared, encode_nlri(mac_route(1, mac).nlri))) for mac in (1, 2))
    assert one is not None
    assert two is not None
    assert one.shared is two.shared


RED, BLUE = (RouteTarget.parse(text) for text in ("65000:1", "65000:2"))


def membership(*routes: RtMembership) -> Membership:
    return Membership(key_of(route).prefix for route in routes)


def wants(found: Membership, *targets: RouteTarget) -> bool:
    return found.wants(frozenset(target.to_bytes() for target in targets))


def test_membership() -> None:
    """RFC 4684 §4."""
    assert not wants(membership(), RED)
    assert wants(membership(RtMembership.of(65000, RED)), RED, BLUE)
    assert not wants(membership(RtMembership.of(65000, RED)), BLUE)
    assert wants(membership(RtMembership.everything()))
    assert not wants(membership(RtMembership.of(65000, RED)))


@given(st.integers(33, 96))
def test_membership_by_prefix(bits: int) -> None:
    value = int.from_bytes(RED.to_bytes(), "big") >> (96 - bits) << (96 - bits)
    found = membership(RtMembership(65000, value.to_bytes(8, "big"), bits))
    assert wants(found, RED)
    assert wants(found, BLUE) == (bits <= 94)
    assert not wants(found, RouteTarget.parse("10.0.0.1:1")) or bits < 40
