"""What a runtime or a simulation needs of a decision core, whichever it is."""

from __future__ import annotations

from typing import Any, Protocol

from controllers.bgp.routes import Route
from controllers.wire.types import IpAddress


class CoreConfig(Protocol):
    """What must be known of a PE."""

    @property
    def loopback(self) -> IpAddress:
        """The PE's address."""


class Core(Protocol):
    """A decision core: `EvpnPe` or `VplsPe`."""

    @property
    def config(self) -> Any:
        """A `CoreConfig`."""

    @property
    def originated(self) -> tuple[Route, ...]:
        """Every route the PE announces."""

    def start(self, now: float) -> list[Any]:
        """Bring up what is configured."""

    def handle(self, event: Any, now: float) -> list[Any]:
        """Decide what follows from an event."""
