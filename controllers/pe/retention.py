"""What becomes of routes when BGP goes silent: they stay in use for a while (after RFC 4724 §4.2).

A PE that has lost its last reflector knows nothing new, but what it knew is still the best guess: the other
PEs forward as before. Withdrawals that only say that the session is gone are put off until the new session
has sent its table, or until the time is up.
"""

from __future__ import annotations

from typing import final

from controllers.wire.types import Family, IpAddress, RouteKey


@final
class Retention:
    """Which routes are stale, and whether withdrawals are to be put off."""

    def __init__(self) -> None:
        self._up: set[IpAddress] = set()
        self._cut_off = False
        self._stale: set[RouteKey] = set()

    @property
    def stale(self) -> frozenset[RouteKey]:
        """The routes in use that no session stands for."""
        return frozenset(self._stale)

    def peer_changed(self, peer: IpAddress, *, up: bool) -> None:
        """A session came up or went down."""
        if up:
            self._up.add(peer)
            self._cut_off = False
        elif peer in self._up:
            self._up.discard(peer)
            self._cut_off = not self._up

    def puts_off(self, key: RouteKey) -> bool:
        """Tell whether the withdrawal of a route is to be ignored for now."""
        if self._cut_off:
            self._stale.add(key)
        return self._cut_off

    def renewed(self, key: RouteKey) -> None:
        """A session stands for the route again, or it is gone for good."""
        self._stale.discard(key)

    def take(self, family: Family | None = None) -> list[RouteKey]:
        """Hand over what is still stale and must go: of one family, or all."""
        keys = sorted(key for key in self._stale if family is None or key.family == family)
        self._stale.difference_update(keys)
        if family is None:
            self._cut_off = False
        return keys
