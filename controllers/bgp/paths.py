"""Paths as the tables hold them: what many routes share is one object, a route adds its bytes.

A reflector with 50,000 MACs has a few dozen `SharedPath`s. Decisions about them (who may see it, how it
looks to whom) are taken once each and not once per route.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Final, NamedTuple, final
from weakref import WeakValueDictionary

from controllers.bgp.routes import Route
from controllers.wire.nlri import CODECS, Nlri
from controllers.wire.types import Family, IpAddress
from controllers.wire.update import AttributeSet


class Scope(IntEnum):
    """How far a route may go, by its well-known communities (RFC 1997)."""

    EVERYWHERE = 0
    INTERNAL = 1
    NOWHERE = 2


_NO_EXPORT: Final = 0xFFFF_FF01
_NO_ADVERTISE: Final = 0xFFFF_FF02
_NO_EXPORT_SUBCONFED: Final = 0xFFFF_FF03


def _scope(attributes: AttributeSet) -> Scope:
    communities = attributes.typed.communities if attributes.has_communities else ()
    if _NO_ADVERTISE in communities:
        return Scope.NOWHERE
    if _NO_EXPORT in communities or _NO_EXPORT_SUBCONFED in communities:
        return Scope.INTERNAL
    return Scope.EVERYWHERE


@final
class Audience:
    """Paths for which every neighbour decides alike whether it may have them."""

    __slots__ = ("__weakref__", "family", "scope", "source", "targets")

    def __init__(self, source: Source, family: Family, targets: frozenset[bytes], scope: Scope) -> None:
        self.source = source
        self.family = family
        self.targets = targets
        self.scope = scope


@final
class SharedPath:
    """What routes of one source with the same attributes have in common. Compared by identity.

    `exports` keeps how the path looks to each kind of neighbour, by the export group's key.
    """

    __slots__ = ("__weakref__", "attributes", "audience", "exports", "source")

    def __init__(self, source: Source, attributes: AttributeSet, audience: Audience) -> None:
        self.source = source
        self.attributes = attributes
        self.audience = audience
        self.exports: dict[object, AttributeSet] = {}


@final
class Path(NamedTuple):
    """One route in a table: shared attributes and the NLRI as it came."""

    shared: SharedPath
    nlri: bytes


@final
class Source:
    """Where paths come from: a neighbour during one session, or this speaker itself (`address` None).

    What its paths share lasts as long as one of them does: a neighbour that changes its routes without end,
    or ends its sessions, leaves nothing behind.
    """

    __slots__ = ("_audiences", "_shared", "address", "client", "external", "router_id")

    def __init__(
        self,
        address: IpAddress | None,
        router_id: IPv4Address | None,
        *,
        external: bool = False,
        client: bool = False,
    ) -> None:
        self.address = address
        self.router_id = router_id
        self.external = external
        self.client = client
        self._shared: WeakValueDictionary[AttributeSet, SharedPath] = WeakValueDictionary()
        self._audiences: WeakValueDictionary[tuple[Family, frozenset[bytes], Scope], Audience] = (
            WeakValueDictionary()
        )

    @property
    def local(self) -> bool:
        """True for routes that this speaker originates."""
        return self.address is None

    def share(self, attributes: AttributeSet) -> SharedPath:
        """The one `SharedPath` for these attributes."""
        shared = self._shared.get(attributes)
        if shared is None:
            shared = self._shared[attributes] = SharedPath(self, attributes, self._audience(attributes))
        return shared

    def _audience(self, attributes: AttributeSet) -> Audience:
        key = (attributes.family, attributes.targets, _scope(attributes))
        audience = self._audiences.get(key)
        if audience is None:
            audience = self._audiences[key] = Audience(self, *key)
        return audience


@lru_cache(maxsize=1 << 17)
def _decoded(family: Family, nlri: bytes) -> Nlri:
    """One object per NLRI, however many speakers of this process have heard of it."""
    return CODECS[family].decode(nlri)


def nlri_of(path: Path) -> Nlri:
    """What a path leads to, decoded."""
    return _decoded(path.shared.attributes.family, path.nlri)


def to_route(path: Path) -> Route:
    """Decode a path for those who want to read it."""
    shared = path.shared
    return Route(nlri_of(path), shared.attributes.typed, shared.source.address, shared.source.router_id)
