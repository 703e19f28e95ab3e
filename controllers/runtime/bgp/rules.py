"""An operator's rules for routes as a configuration has them, and the policies that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final, Literal, TypeVar, final

from controllers.bgp.policy import MacPattern, Match, Policy, Statement, Verdict
from controllers.wire.types import EVPN, MAC_MAX, VPLS, VPNV4, VPNV6, RouteTarget, mac_from_text

S = TypeVar("S")
T = TypeVar("T")

_SERVICES: Final = frozenset({EVPN, VPLS, VPNV4, VPNV6})
"""RT memberships are not for rules: who rejects them hears of nothing."""


@final
@dataclass(frozen=True, slots=True)
class PolicyRule:
    """All conditions that are given must hold. `local_preference` and `add_community` change what passes.

    `mac` is a MAC, or the first bits of some as `02:00:0a:00:00:00/24`; `prefix` holds the prefixes and the
    host addresses within it; `route_type` is of EVPN (RFC 7432 §7); `route_target` is written `65000:10`,
    communities `65000:100`. A condition on MAC or IP addresses does not hold for a route that has none.
    """

    action: Literal["accept", "reject"]
    mac: str | None = None
    prefix: str | None = None
    route_type: int | None = None
    route_target: str | None = None
    community: str | None = None
    local_preference: int | None = None
    add_community: str | None = None


def policy(rules: Iterable[PolicyRule], remove_kinds: tuple[type, ...] = ()) -> Policy | None:
    """The first rule that matches decides; what none matches is accepted. None: nothing is to be done.

    `remove_kinds`: extended communities that no route keeps. ValueError for a rule that cannot be read.
    """
    statements = [_statement(rule, remove_kinds) for rule in rules]
    if remove_kinds:
        statements.append(Statement(remove_kinds=remove_kinds))
    return Policy(tuple(statements)) if statements else None


def _statement(rule: PolicyRule, remove_kinds: tuple[type, ...]) -> Statement:
    match = Match(
        families=_SERVICES,
        route_types=frozenset(_read(rule.route_type, int)),
        macs=_read(rule.mac, _pattern),
        networks=_read(rule.prefix, ip_network),
        targets=frozenset(_read(rule.route_target, RouteTarget.parse)),
        communities=frozenset(_read(rule.community, _community)),
    )
    return Statement(
        match,
        Verdict(rule.action),
        local_pref=rule.local_preference,
        add_communities=_read(rule.add_community, _community),
        remove_kinds=remove_kinds,
    )


def _read(value: S | None, parse: Callable[[S], T]) -> tuple[T, ...]:
    return () if value is None else (parse(value),)


def _pattern(text: str) -> MacPattern:
    mac, _, bits = text.partition("/")
    return MacPattern(mac_from_text(mac), MAC_MAX ^ MAC_MAX >> int(bits) if bits else MAC_MAX)


def _community(text: str) -> int:
    high, low = map(int, text.split(":"))
    return high << 16 | low
