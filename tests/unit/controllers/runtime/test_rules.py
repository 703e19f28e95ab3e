"""An operator's rules as policies: what they match, and what is left out of what a reflector cannot take."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import pytest

from controllers.bgp.paths import Path, Source, to_route
from controllers.bgp.policy import Policy
from controllers.bgp.routes import Route
from controllers.evpn.originate import Originator
from controllers.evpn.simulation import Lan, stretched_lan
from controllers.pe.ip_paths import host_prefix
from controllers.runtime.bgp.reflectors import ReflectorKind, export_policy
from controllers.runtime.bgp.rules import PolicyRule, policy
from controllers.wire.attributes import PathAttributes
from controllers.wire.extended import ArpNd
from controllers.wire.nlri import keyed
from controllers.wire.types import RouteTarget
from controllers.wire.update import AttributeSet
from controllers.wire.vpn import RtMembership

MAC, IP, IP6 = 0x02000A000A0B, ip_address("10.1.0.11"), ip_address("2001:db8::b")
CONFIG = stretched_lan(["pe1", "pe2"], Lan())[0]
ORIGINATOR = Originator(CONFIG)
SOURCE = Source(None, IPv4Address("10.255.0.1"))


def as_path(route: Route) -> Path:
    return Path(SOURCE.share(AttributeSet.of(route.key.family, route.attributes)), keyed(route.nlri)[1])


def hosts_routes() -> dict[str, Path]:
    bd, vrf = CONFIG.bds[0], CONFIG.vrfs[0]
    flags = {"sticky": False, "router": False, "override": True}
    made = {
        "mac": ORIGINATOR.mac(bd, MAC, 0, sticky=False),
        "ip": ORIGINATOR.mac_ip(bd, vrf, MAC, IP, 0, **flags),
        "ip6": ORIGINATOR.mac_ip(bd, vrf, MAC, IP6, 0, **flags),
        "host": ORIGINATOR.host(vrf, host_prefix(IP), 0),
    }
    return {name: as_path(route) for name, route in made.items()}


def passing(made: Policy | None) -> list[str]:
    assert made is not None
    return [name for name, path in hosts_routes().items() if made.apply(path) is not None]


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        (PolicyRule("reject"), []),
        (PolicyRule("reject", mac="02:00:0a:00:0a:0b"), ["host"]),
        (PolicyRule("reject", mac="02:00:0a:00:0a:0c"), ["mac", "ip", "ip6", "host"]),
        (PolicyRule("reject", mac="02:00:0a:00:0a:08/45"), ["host"]),
        (PolicyRule("reject", mac="02:00:0b:00:00:00/24"), ["mac", "ip", "ip6", "host"]),
        (PolicyRule("reject", mac="00:00:00:00:00:00/0"), ["host"]),
        (PolicyRule("reject", prefix="10.1.0.0/24"), ["mac", "ip6"]),
        (PolicyRule("reject", prefix="10.1.0.11/32"), ["mac", "ip6"]),
        (PolicyRule("reject", prefix="2001:db8::/32"), ["mac", "ip", "host"]),
        (PolicyRule("reject", route_type=5), ["mac", "ip", "ip6"]),
        (PolicyRule("reject", route_type=2, prefix="10.1.0.0/24"), ["mac", "ip6", "host"]),
        (PolicyRule("reject", route_target="65000:10"), ["host"]),
        (PolicyRule("reject", route_target="65000:11"), ["mac", "ip", "ip6", "host"]),
    ],
)
def test_what_a_rule_matches(rule: PolicyRule, left: list[str]) -> None:
    assert passing(policy([rule])) == left


def test_the_first_rule_decides() -> None:
    rules = [PolicyRule("accept", prefix="10.1.0.11/32"), PolicyRule("reject", route_type=2)]
    assert passing(policy(rules)) == ["ip", "host"]
    assert passing(policy(reversed(rules))) == ["host"]


def test_what_is_changed_can_be_matched() -> None:
    marking = policy([PolicyRule("accept", route_type=5, local_preference=50, add_community="65000:100")])
    assert marking is not None
    marked = marking.apply(hosts_routes()["host"])
    assert marked is not None
    attributes = to_route(marked).attributes
    assert (attributes.local_pref, attributes.communities) == (50, (65000 << 16 | 100,))
    for community, passes in (("65000:100", False), ("65000:101", True)):
        minding = policy([PolicyRule("reject", community=community)])
        assert minding is not None
        assert (minding.apply(marked) is not None) is passes


def test_no_rule_is_about_memberships() -> None:
    everything = policy([PolicyRule("reject")])
    target = RouteTarget.of_as(65000, 10).to_bytes()
    membership = Route(RtMembership(65000, target), PathAttributes(CONFIG.loopback))
    assert everything is not None
    assert everything.apply(as_path(membership)) is not None


@pytest.mark.parametrize("rules", [(), (PolicyRule("accept", route_type=2),)])
def test_gobgpd_is_spared_what_it_does_not_know(rules: tuple[PolicyRule, ...]) -> None:
    made = export_policy(ReflectorKind.GOBGP, rules)
    assert made is not None
    given = made.apply(hosts_routes()["ip6"])
    assert given is not None
    assert not any(isinstance(each, ArpNd) for each in to_route(given).attributes.extended_communities)


def test_nothing_to_do() -> None:
    assert policy([]) is None
    assert export_policy(ReflectorKind.EMBEDDED) is None


def test_a_rule_that_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="route target"):
        policy([PolicyRule("reject", route_target="x")])
