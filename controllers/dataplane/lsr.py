"""Intents to the tables of p4src/lsr.p4: transport labels, and nothing of the services beneath them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import final

from controllers.dataplane.entity import Entity, EntityKey, Member, TableEntry, action, entry
from controllers.dataplane.local import SelfRendering
from controllers.dataplane.nhlfe import Nhlfes
from controllers.dataplane.plane import Keyed
from controllers.underlay.transport import Hop, TransportLabel


@final
class LsrRenderer:
    """Renders the intents of one P router."""

    def __init__(self, *, watch_ports: bool = True) -> None:
        """`watch_ports`: see `Program`."""
        self._watch_ports = watch_ports
        self._nhlfes = Nhlfes()

    def render(self, intent: Keyed, _others: Mapping[Hashable, Keyed]) -> Iterable[Entity]:
        """The entities of one intent."""
        if isinstance(intent, TransportLabel):
            return self._transport_label(intent)
        if isinstance(intent, SelfRendering):
            return intent.entities()
        raise TypeError(f"a P router has no use for {type(intent).__name__}")

    def depends(self, _intent: Keyed) -> Iterable[Hashable]:
        """On nothing."""
        return ()

    def rank(self, entity: Entity) -> int:
        """Links before the labels that lead to them, labels before what lets packets in."""
        return {"nhlfe": 0, "incoming_label": 1}.get(str(entity.key[0]), 2)

    def freed(self, key: EntityKey) -> None:
        """Give ids back."""
        self._nhlfes.freed(key)

    def _transport_label(self, label: TransportLabel) -> Iterator[Entity]:
        members = []
        for hop in label.hops:
            member, nhlfe = self._member(hop)
            yield nhlfe
            members.append(member)
        if members:
            yield entry("incoming_label", {"label": label.label}, tuple(members))

    def _member(self, hop: Hop) -> tuple[Member, TableEntry]:
        """Pop where no label is left, else swap to the last one and push what a repair path puts above it."""
        number, nhlfe = self._nhlfes.of(hop, hop.labels[:-1])
        does = (
            action("swap", port=hop.port, label=hop.labels[-1], nhlfe_id=number)
            if hop.labels
            else action("pop", port=hop.port, nhlfe_id=number)
        )
        return Member(does, watch_port=hop.port if self._watch_ports else 0), nhlfe
