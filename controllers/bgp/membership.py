"""RT constraint: which routes a neighbour has asked for (RFC 4684)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, final

from controllers.wire.types import EVPN, VPLS, VPNV4, VPNV6

CONSTRAINED: Final = frozenset((VPNV4, VPNV6, EVPN, VPLS))
"""Families whose routes carry targets, and are held back until asked for."""


@final
class Membership:
    """The targets that a neighbour's RT membership routes name."""

    __slots__ = ("_everything", "_exact", "_prefixes")

    def __init__(self, keys: Iterable[bytes] = ()) -> None:
        """Read the keys of membership routes: length in bits, origin AS, target (RFC 4684 §4)."""
        exact, prefixes = set(), []
        self._everything = False
        for key in keys:
            bits = key[0] - 32
            if bits <= 0:
                self._everything = True
            elif bits == 64:
                exact.add(key[5:])
            else:
                shift = 64 - bits
                prefixes.append((shift, int.from_bytes(key[5:].ljust(8, b"\0"), "big") >> shift))
        self._exact = frozenset(exact)
        self._prefixes = tuple(prefixes)

    def wants(self, targets: frozenset[bytes]) -> bool:
        """True if one of a route's targets was asked for."""
        if self._everything or not self._exact.isdisjoint(targets):
            return True
        return any(
            int.from_bytes(target, "big") >> shift == prefix
            for shift, prefix in self._prefixes
            for target in targets
        )
