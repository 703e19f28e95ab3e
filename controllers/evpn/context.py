"""What all parts of one PE's decision core share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Never, final

from controllers.evpn.config import PeConfig
from controllers.evpn.originate import Originator
from controllers.evpn.tasks import Task
from controllers.pe.agenda import Agenda
from controllers.pe.outputs import Effects
from controllers.wire.types import IpAddress


@final
@dataclass(slots=True)
class Context:
    """Configuration, outputs, promises and the clock. `now` is that of the event being handled.

    `metrics` holds the underlay's distance by PE; one that cannot be reached stands there with None, one that
    is not there is near.
    """

    config: PeConfig
    originator: Originator
    effects: Effects[Never] = field(default_factory=Effects)
    agenda: Agenda[Task] = field(default_factory=Agenda)
    metrics: dict[IpAddress, int | None] = field(default_factory=dict)
    now: float = 0.0

    def reachable(self, pe: IpAddress) -> bool:
        """False if the underlay said so."""
        return self.metrics.get(pe, 0) is not None
