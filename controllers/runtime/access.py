"""The controller of an access switch: IEEE 802.1Q learning and ageing, and a flush when a carrier goes."""

from __future__ import annotations

from typing import Final, final

from controllers.dataplane.access import AccessRenderer, LearnedMac, VlanFlood, VlanPort
from controllers.dataplane.adoption import learned
from controllers.dataplane.entity import Entity, TableEntry
from controllers.dataplane.local import ControllerChannel
from controllers.dataplane.p4runtime import Program
from controllers.dataplane.pe import MAC_LEARN_DIGEST
from controllers.runtime.config import AccessSetup
from controllers.runtime.switch import Observer, SwitchController

AGEING: Final = 300.0
"""Seconds, IEEE 802.1Q 8.8.3."""


@final
class AccessController:
    """Bridges the VLANs of one access switch."""

    def __init__(self, setup: AccessSetup, program: Program, observer: Observer) -> None:
        self.switch = SwitchController(setup.switch, program, AccessRenderer(), self, observer)
        self._macs: dict[tuple[int, int], int] = {}
        """Port by VLAN and MAC (int)."""
        self._members: dict[int, list[int]] = {}
        """Ports by VLAN."""
        self._down: set[int] = set()
        self.switch.set(ControllerChannel((MAC_LEARN_DIGEST,), program.digest_list))
        for port in setup.ports:
            for vlan in port.vlans:
                self.switch.set(VlanPort(port.port, vlan, port.tagged))
                self._members.setdefault(vlan, []).append(port.port)
        for vlan, ports in self._members.items():
            self.switch.set(VlanFlood(vlan, tuple(ports)))

    @property
    def macs(self) -> dict[tuple[int, int], int]:
        """Port by VLAN and MAC (int)."""
        return self._macs

    def carrier(self, port: int, up: bool) -> None:
        """A port without carrier has no machines any more."""
        if up:
            self._down.discard(port)
        else:
            self._down.add(port)
            for vlan, mac in [key for key, where in self._macs.items() if where == port]:
                self._forget(vlan, mac)

    def digest(self, _name: str, samples: list[dict[str, int]]) -> None:
        """A MAC is new, or came in elsewhere."""
        for sample in samples:
            self._learn(sample["bridge_domain"], sample["mac"], sample["attachment"])

    def adopt(self, present: list[Entity]) -> bool:
        """Go on with the MACs that an earlier controller learned, where they can still be."""
        for host in learned(present):
            port = host.attachment
            if port in self._members.get(host.bd, ()) and port not in self._down:
                self._learn(host.bd, host.mac, port)
        return False

    def _learn(self, vlan: int, mac: int, port: int) -> None:
        self._macs[vlan, mac] = port
        self.switch.set(LearnedMac(vlan, mac, port, AGEING))

    def idle(self, entries: list[TableEntry]) -> None:
        """MACs not heard of for the ageing time."""
        for entry in entries:
            if entry.table == "source_mac":
                match = dict(entry.match)
                self._forget(int(match["bridge_domain"]), int(match["mac"]))  # type: ignore[arg-type]

    def packet_in(self, _metadata: dict[str, int], _packet: bytes) -> None:
        """Access switches punt nothing."""

    def _forget(self, vlan: int, mac: int) -> None:
        self._macs.pop((vlan, mac), None)
        self.switch.unset(("learned-mac", vlan, mac))
