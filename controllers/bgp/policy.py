"""Import and export policy: administrative control of routes, MAC routes among them.

A policy is a list of statements; the first that matches a route decides, and what none matches is
accepted as it is. Policies are values: changing one means giving the speaker another.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import final

from msgspec.structs import replace

from controllers.bgp.paths import Path
from controllers.wire.attributes import LargeCommunity, PathAttributes
from controllers.wire.evpn import IpPrefix, MacIpAdvertisement
from controllers.wire.extended import ExtendedCommunity
from controllers.wire.nlri import CODECS, Nlri
from controllers.wire.types import MAC_MAX, Family, RouteTarget
from controllers.wire.update import AttributeSet
from controllers.wire.vpn import IpNetwork, Unicast, VpnPrefix


@final
@dataclass(frozen=True, slots=True)
class MacPattern:
    """MAC addresses that agree with `value` in the bits of `mask`; both are ints of 48 bits."""

    value: int
    mask: int = MAC_MAX

    def __contains__(self, mac: int) -> bool:
        return mac & self.mask == self.value & self.mask


@final
@dataclass(frozen=True, slots=True)
class Match:
    """Conditions that must all hold; an empty one always does. Within one, any member will do.

    A condition on MAC or IP addresses does not hold for a route that has none. `networks` matches
    prefixes and host addresses that lie within one of them.
    """

    families: frozenset[Family] = frozenset()
    route_types: frozenset[int] = frozenset()
    macs: tuple[MacPattern, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    targets: frozenset[RouteTarget] = frozenset()
    communities: frozenset[int] = frozenset()
    large_communities: frozenset[LargeCommunity] = frozenset()
    extended_communities: frozenset[ExtendedCommunity] = frozenset()

    def holds(self, path: Path) -> bool:
        """Judge a route. It is decoded only if a condition is about the NLRI."""
        attributes = path.shared.attributes
        if self.families and attributes.family not in self.families:
            return False
        if (self.route_types or self.macs or self.networks) and not self._nlri_holds(
            CODECS[attributes.family].decode(path.nlri)
        ):
            return False
        return self._communities_hold(attributes.typed)

    def _nlri_holds(self, nlri: Nlri) -> bool:
        return (
            (not self.route_types or _route_type(nlri) in self.route_types)
            and (not self.macs or _mac_in(nlri, self.macs))
            and (not self.networks or _address_in(nlri, self.networks))
        )

    def _communities_hold(self, attributes: PathAttributes) -> bool:
        wanted: tuple[tuple[frozenset[object], tuple[object, ...]], ...] = (
            (self.targets, attributes.extended_communities),
            (self.communities, attributes.communities),
            (self.large_communities, attributes.large_communities),
            (self.extended_communities, attributes.extended_communities),
        )
        return all(not any_of or not any_of.isdisjoint(present) for any_of, present in wanted)


class Verdict(Enum):
    """What happens to a route that a statement matches."""

    ACCEPT = "accept"
    REJECT = "reject"


@final
@dataclass(frozen=True, slots=True)
class Statement:
    """If `match` holds: reject the route, or accept it with the changes named here.

    `remove_kinds` takes classes: all extended communities of those kinds are removed.
    """

    match: Match = Match()
    verdict: Verdict = Verdict.ACCEPT
    local_pref: int | None = None
    med: int | None = None
    add_communities: tuple[int, ...] = ()
    remove_communities: frozenset[int] = frozenset()
    add_extended: tuple[ExtendedCommunity, ...] = ()
    remove_extended: frozenset[ExtendedCommunity] = frozenset()
    remove_kinds: tuple[type, ...] = ()

    def change(self, attributes: PathAttributes) -> PathAttributes:
        """The attributes after this statement's changes."""
        kept = tuple(c for c in attributes.communities if c not in self.remove_communities)
        kept_extended = tuple(
            c
            for c in attributes.extended_communities
            if c not in self.remove_extended and not isinstance(c, self.remove_kinds)
        )
        return replace(
            attributes,
            local_pref=attributes.local_pref if self.local_pref is None else self.local_pref,
            med=attributes.med if self.med is None else self.med,
            communities=(*kept, *(c for c in self.add_communities if c not in kept)),
            extended_communities=(*kept_extended, *(c for c in self.add_extended if c not in kept_extended)),
        )


@final
@dataclass(frozen=True, slots=True)
class Policy:
    """Statements in the order in which they are tried, and the verdict if none matches."""

    statements: tuple[Statement, ...] = ()
    otherwise: Verdict = Verdict.ACCEPT

    def apply(self, path: Path) -> Path | None:
        """The path as it may pass, or None if it may not."""
        shared = path.shared
        for statement in self.statements:
            if statement.match.holds(path):
                if statement.verdict is Verdict.REJECT:
                    return None
                changed = _changed(statement, shared.attributes)
                return path if changed is shared.attributes else Path(shared.source.share(changed), path.nlri)
        return path if self.otherwise is Verdict.ACCEPT else None


@lru_cache(maxsize=8192)
def _changed(statement: Statement, attributes: AttributeSet) -> AttributeSet:
    """One result for all routes that share attributes, so that they still share them afterwards."""
    changed = statement.change(attributes.typed)
    return attributes if changed == attributes.typed else AttributeSet.of(attributes.family, changed)


def _route_type(nlri: Nlri) -> int | None:
    return getattr(nlri, "route_type", None)


def _mac_in(nlri: Nlri, patterns: tuple[MacPattern, ...]) -> bool:
    return isinstance(nlri, MacIpAdvertisement) and any(nlri.mac in pattern for pattern in patterns)


def _network(nlri: Nlri) -> IpNetwork | None:
    """The addresses that a route is about: its prefix, or its host."""
    if isinstance(nlri, MacIpAdvertisement) and nlri.ip is not None:
        return ip_network(nlri.ip)
    if isinstance(nlri, IpPrefix | VpnPrefix | Unicast):
        return nlri.prefix
    return None


def _address_in(nlri: Nlri, networks: tuple[IpNetwork, ...]) -> bool:
    address = _network(nlri)
    if address is None:
        return False
    return any(
        address.version == network.version and address.subnet_of(network)  # type: ignore[arg-type]
        for network in networks
    )
