"""One address of one bridge domain, and who has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from controllers.evpn.events import NeighborKind, NeighborSeen
from controllers.evpn.mac_paths import MacPath
from controllers.wire.types import IpAddress, RouteKey


@final
@dataclass(slots=True)
class Binding:
    """One address. `local` is the MAC that has it behind a circuit of this PE, `moved` one that took it away,
    `asked` one that came here and has not answered yet whether it brought the address along.

    `owner` is the MAC that counts it among its addresses. `tries` counts the questions that were not answered
    since `confirmed`, of which `wide` ones go to everybody.
    """

    ip: IpAddress
    local: int | None = None
    moved: int | None = None
    asked: int | None = None
    owner: int | None = None
    paths: dict[RouteKey, MacPath] = field(default_factory=dict)
    best: MacPath | None = None
    router: bool = False
    override: bool = True
    originated: RouteKey | None = None
    confirmed: float = 0.0
    tries: int = 0
    wide: bool = False

    def take_flags(self, event: NeighborSeen) -> bool:
        """Take the flags of what `event.mac` said of itself; True if they changed.

        A solicitation has none (RFC 4861 §4.3): then those that the host is known with stand.
        """
        former = (self.router, self.override)
        if event.kind is not NeighborKind.REQUEST:
            self.router, self.override = event.router, event.override
        elif self.local != event.mac:
            known = self.best if self.best is not None and self.best.mac == event.mac else None
            self.router = known is not None and known.router
            self.override = known is None or known.override
        return former != (self.router, self.override)
