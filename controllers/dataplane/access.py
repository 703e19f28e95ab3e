"""Intents to the tables of p4src/access.p4: an IEEE 802.1Q bridge with local learning."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, final

from msgspec import Struct

from controllers.dataplane.entity import Entity, EntityKey, MulticastGroup, action, entry
from controllers.dataplane.local import SelfRendering
from controllers.dataplane.plane import Keyed


@final
class VlanPort(Struct, frozen=True):
    """A port in a VLAN, tagged (trunk) or untagged (access)."""

    port: int
    vlan: int
    tagged: bool

    @property
    def key(self) -> tuple[str, int, int]:
        """Port and VLAN."""
        return ("vlan-port", self.port, self.vlan)


@final
class VlanFlood(Struct, frozen=True):
    """The ports of a VLAN that get its flooded frames."""

    vlan: int
    ports: tuple[int, ...]

    @property
    def key(self) -> tuple[str, int]:
        """The VLAN."""
        return ("vlan-flood", self.vlan)


@final
class LearnedMac(Struct, frozen=True):
    """A MAC (int) seen on a port; `ageing` in seconds, reported and not removed by the switch."""

    vlan: int
    mac: int
    port: int
    ageing: float

    @property
    def key(self) -> tuple[str, int, int]:
        """VLAN and MAC."""
        return ("learned-mac", self.vlan, self.mac)


@final
class AccessRenderer:
    """Renders the intents of one access switch. A bridge port's number is that of its port."""

    def __init__(self) -> None:
        self._renderers: dict[type, Callable[[Any], Iterable[Entity]]] = {
            VlanPort: self._vlan_port,
            VlanFlood: self._vlan_flood,
            LearnedMac: self._learned_mac,
        }

    def render(self, intent: Keyed, _others: Mapping[Hashable, Keyed]) -> Iterable[Entity]:
        """The entities of one intent."""
        if isinstance(intent, SelfRendering):
            return intent.entities()
        return self._renderers[type(intent)](intent)

    def depends(self, _intent: Keyed) -> Iterable[Hashable]:
        """On nothing."""
        return ()

    def rank(self, entity: Entity) -> int:
        """Ways out before what sends there, what lets frames in last."""
        order = {"egress_vlan": 0, "multicast": 1, "destination_mac": 2, "source_mac": 3, "port_vlan": 4}
        return order.get(str(entity.key[0]), 0)

    def freed(self, _key: EntityKey) -> None:
        """No ids are handed out here."""

    def _vlan_port(self, member: VlanPort) -> Iterator[Entity]:
        received = {"port": member.port, "vlan_id": member.vlan if member.tagged else 0}
        yield entry("port_vlan", {**received}, action("admit", vlan=member.vlan, bridge_port=member.port))
        send = action("send_tagged" if member.tagged else "send_untagged")
        yield entry("egress_vlan", {"port": member.port, "vlan": member.vlan}, send)

    def _vlan_flood(self, flood: VlanFlood) -> Iterator[Entity]:
        yield MulticastGroup(flood.vlan, tuple((port, port) for port in sorted(flood.ports)))

    def _learned_mac(self, mac: LearnedMac) -> Iterator[Entity]:
        learned = action("learned", attachment=mac.port)
        idle = int(mac.ageing * 1e9)
        yield entry("source_mac", {"bridge_domain": mac.vlan, "mac": mac.mac}, learned, idle_timeout_ns=idle)
        forward = action("forward_port", bridge_port=mac.port, port=mac.port)
        yield entry("destination_mac", {"vlan": mac.vlan, "mac": mac.mac}, forward)
