"""What all parts of one VPLS PE's decision core share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias, final

from controllers.pe.agenda import Agenda
from controllers.pe.outputs import Effects
from controllers.vpls.config import VplsPeConfig
from controllers.vpls.events import SendGratuitous, SendVrrp
from controllers.wire.types import IpAddress


@final
@dataclass(frozen=True, slots=True)
class RefreshHost:
    """Ask whether a host still has its address."""

    bd: int
    ip: IpAddress


@final
@dataclass(frozen=True, slots=True)
class VrrpTimer:
    """A deadline of the virtual router of a bridge domain."""

    bd: int


@final
@dataclass(frozen=True, slots=True)
class DropStale:
    """Give up routes that have been without a session for too long."""


Task: TypeAlias = RefreshHost | VrrpTimer | DropStale


@final
@dataclass(slots=True)
class Context:
    """Configuration, outputs, promises, the clock; `metrics` by PE, None for one that cannot be reached."""

    config: VplsPeConfig
    effects: Effects[SendVrrp | SendGratuitous] = field(default_factory=Effects)
    agenda: Agenda[Task] = field(default_factory=Agenda)
    metrics: dict[IpAddress, int | None] = field(default_factory=dict)
    now: float = 0.0
