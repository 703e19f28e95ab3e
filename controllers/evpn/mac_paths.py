"""Paths to a MAC, and which of two is better. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from controllers.wire.serial import newer
from controllers.wire.types import Esi, IpAddress, RouteKey


@final
@dataclass(slots=True, eq=False)
class MacPath:
    """A MAC/IP advertisement route as one bridge domain sees it. Identity is equality: one object per update.

    `label2` is None where the route offers none. `router`, `override`, `immutable` are the flags of RFC 9047
    §2.
    """

    key: RouteKey
    pe: IpAddress
    mac: int
    ip: IpAddress | None
    label: int
    label2: int | None
    esi: Esi
    sequence: int
    sticky: bool
    gateway: bool
    local_pref: int
    router: bool = False
    override: bool = True
    immutable: bool = False


def better(a: MacPath, b: MacPath) -> MacPath:
    """Choose between two paths to one MAC (RFC 7432 §15, draft-ietf-bess-rfc7432bis §7.13.1).

    Default gateway, static bit, sequence, local preference, then the lowest PE address. The distance to the
    PE is left out on purpose: all PEs must name the same owner.
    """
    if a.gateway is not b.gateway:
        return a if a.gateway else b
    if a.sticky is not b.sticky:
        return a if a.sticky else b
    if a.sequence != b.sequence:
        return a if newer(a.sequence, b.sequence) else b
    if a.local_pref != b.local_pref:
        return a if a.local_pref > b.local_pref else b
    return a if int(a.pe) <= int(b.pe) else b


def best(paths: Iterable[MacPath]) -> MacPath | None:
    """The best of all paths to one MAC."""
    chosen: MacPath | None = None
    for path in paths:
        chosen = path if chosen is None else better(chosen, path)
    return chosen


def takes_over(path: MacPath, sequence: int, *, sticky: bool, pe: IpAddress) -> bool:
    """Tell whether a remote path wins over a MAC that this PE, `pe`, learned itself with `sequence`.

    Equal sequences: the lowest PE address, "against oneself" too (RFC 7432 §15).
    """
    if path.sticky is not sticky:
        return path.sticky
    if path.sequence != sequence:
        return newer(path.sequence, sequence)
    return int(path.pe) < int(pe)
