"""What all parts of one PE's decision core share."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar, final

from controllers.pe.agenda import Agenda
from controllers.pe.outputs import Effects
from controllers.wire.types import IpAddress

ConfigT = TypeVar("ConfigT")
TaskT = TypeVar("TaskT", bound=Hashable)
ExtraT = TypeVar("ExtraT")


@final
@dataclass(frozen=True, slots=True)
class DropStale:
    """Task: give up routes that have been without a session for too long."""


@dataclass(slots=True)
class Context(Generic[ConfigT, TaskT, ExtraT]):
    """Configuration, outputs, promises and the clock. `now` is that of the event being handled.

    `metrics` holds the underlay's distance by PE, None for one that cannot be reached.
    """

    config: ConfigT
    effects: Effects[ExtraT] = field(default_factory=Effects)
    agenda: Agenda[TaskT | DropStale] = field(default_factory=Agenda)
    metrics: dict[IpAddress, int | None] = field(default_factory=dict)
    now: float = 0.0

    def reachable(self, pe: IpAddress) -> bool:
        """True for a PE that the underlay knows a way to: only then is it a next hop (RFC 4271 §9.1.2.1)."""
        return self.metrics.get(pe) is not None
