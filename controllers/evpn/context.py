"""What all parts of one EVPN PE's decision core share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Never, final

from controllers.evpn.config import PeConfig
from controllers.evpn.originate import Originator
from controllers.evpn.tasks import Task
from controllers.pe import context


@final
@dataclass(slots=True)
class Context(context.Context[PeConfig, Task, Never]):
    """As for any PE, and who makes its routes."""

    originator: Originator = field(init=False)

    def __post_init__(self) -> None:
        self.originator = Originator(self.config)
