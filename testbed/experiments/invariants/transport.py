"""Follow labels through the core, link by link, as P routers would switch them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

from controllers.dataplane.local import CoreInterface
from controllers.pe.walk import Fate, Tables
from controllers.underlay.transport import Hop, TransportLabel, Tunnel
from controllers.wire.types import IpAddress
from testbed.experiments.invariants.journal import LAB, alive, cable
from testbed.model.plan import Endpoint, Plan

MAX_LABEL_HOPS: Final = 32
"""Links a packet may cross on its way between two PEs before it counts as a loop."""


@final
class Core:
    """Cables, and the label tables at their ends."""

    def __init__(self, plan: Plan, tables: Tables) -> None:
        self._plan = plan
        self._get = tables.get
        self._cable_of = {end: each.name for each in plan.cables for end in (each.a, each.b)}

    def cross(self, out: Endpoint) -> Endpoint | None:
        """The port at the other end of a cable; None if it is cut, or nobody lives there."""
        far = self._plan.far_end(out)
        if far is None or self._get(LAB, cable(self._cable_of[out])) is False:
            return None
        return None if self._get(LAB, alive(far.node)) is False else far

    def tunnel(self, pe: str, loopback: IpAddress) -> str | Fate:
        """Where all equal-cost paths of a tunnel end, or what becomes of the packet if they differ."""
        found = self._get(pe, ("tunnel", loopback))
        if not isinstance(found, Tunnel):
            return Fate.DROPPED
        ends = {end for hop in found.hops for end in self._follow(pe, hop, (), 1)}
        if Fate.LOOPED in ends:
            return Fate.LOOPED
        return ends.pop() if len(ends) == 1 else Fate.DROPPED

    def _follow(self, node: str, hop: Hop, beneath: tuple[int, ...], crossed: int) -> Iterator[str | Fate]:
        """The ends of a packet that leaves `node` by `hop`, with the labels `beneath` those of the hop."""
        far = self.cross(Endpoint(node, hop.port))
        door = None if far is None else self._get(far.node, ("core-interface", far.port))
        if far is None or not isinstance(door, CoreInterface) or door.mac != hop.destination_mac:
            yield Fate.DROPPED
            return
        stack = (*hop.labels, *beneath)
        while stack:
            found = self._get(far.node, ("transport-label", stack[0]))
            if not isinstance(found, TransportLabel):
                yield Fate.DROPPED
                return
            stack = stack[1:]
            if found.hops:
                if crossed == MAX_LABEL_HOPS:
                    yield Fate.LOOPED
                    return
                for each in found.hops:
                    yield from self._follow(far.node, each, stack, crossed + 1)
                return
        yield far.node
