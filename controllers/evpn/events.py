"""What happens to an EVPN PE: what happens to any PE, and what its operator does."""

from __future__ import annotations

from typing import TypeAlias, final

from msgspec import Struct

from controllers.pe import events
from controllers.pe.events import (
    AcDown,
    AcUp,
    GleanMissed,
    MacAged,
    MacLearned,
    NeighborKind,
    NeighborSeen,
    NextHopChanged,
    RarpSeen,
    Tick,
)

__all__ = [
    "AcDown",
    "AcUp",
    "AddStaticMac",
    "ClearDuplicate",
    "Event",
    "GleanMissed",
    "MacAged",
    "MacLearned",
    "NeighborKind",
    "NeighborSeen",
    "NextHopChanged",
    "RarpSeen",
    "RemoveStaticMac",
    "Tick",
]


@final
class ClearDuplicate(Struct, frozen=True):
    """Operator: the cause of a duplicate is gone; `mac` None for all of the bridge domain, IPs too."""

    bd: int
    mac: int | None = None


@final
class AddStaticMac(Struct, frozen=True):
    """Operator: `mac` lives behind `ac` and does not move."""

    bd: int
    ac: int
    mac: int


@final
class RemoveStaticMac(Struct, frozen=True):
    """Operator: `mac` is no longer tied to a circuit."""

    bd: int
    mac: int


Event: TypeAlias = events.Event | ClearDuplicate | AddStaticMac | RemoveStaticMac
