"""The controller of a P router: the link-state database decides, labels follow."""

from __future__ import annotations

from typing import final

from controllers.dataplane.entity import Entity, TableEntry
from controllers.dataplane.local import ControllerChannel, CoreInterface
from controllers.dataplane.lsr import LsrRenderer
from controllers.dataplane.p4runtime import Program
from controllers.runtime.config import LsrSetup
from controllers.runtime.switch import Observer, SwitchController
from controllers.underlay.lsdb import LinkState
from controllers.underlay.transport import interfaces, transport_labels


@final
class LsrController:
    """Switches labels on one P router."""

    def __init__(self, setup: LsrSetup, link_state: LinkState, program: Program, observer: Observer) -> None:
        renderer = LsrRenderer(watch_ports=program.watch_ports)
        self.switch = SwitchController(setup.switch, program, renderer, self, observer)
        self.switch.set(ControllerChannel())
        for interface in interfaces(link_state, setup.switch.name):
            self.switch.set(CoreInterface(interface.port, interface.mac))
        self.topology(link_state)

    def topology(self, link_state: LinkState) -> None:
        """The WAN changed: reroute every label, and forget those whose owner cannot be reached."""
        labels = transport_labels(link_state, self.switch.config.name)
        self.switch.replace(("transport-label",), labels)

    def carrier(self, port: int, up: bool) -> None:
        """Link failures reach every router through the link-state database."""

    def digest(self, _name: str, _samples: list[dict[str, int]]) -> None:
        """A P router learns nothing from packets."""

    def idle(self, _entries: list[TableEntry]) -> None:
        """Labels do not age."""

    def adopt(self, _present: list[Entity]) -> bool:
        """What labels mean is known from the start: nothing has to be waited for."""
        return False

    def packet_in(self, _metadata: dict[str, int], _packet: bytes) -> None:
        """Reports go to the observer; nothing else is punted."""
