"""Which access switches a living path joins, whatever the tables say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from controllers.pe.walk import Tables
from testbed.experiments.invariants.journal import LAB, alive, cable
from testbed.model.plan import Plan
from testbed.model.topology import Role


@final
class Reach:
    """Paths of cables and switches that live: from an access switch up to a PE, over P routers, and down.

    A PE carries no transit.
    """

    def __init__(self, plan: Plan, tables: Tables) -> None:
        self._plan = plan
        self._get = tables.get
        self._pes_of: dict[str, tuple[str, ...]] = {}
        self._connected: dict[tuple[str, str, bool], bool] = {}

    def changed(self) -> set[tuple[str, str]]:
        """A cable or a switch came or went: pairs of access switches for which that makes a difference."""
        before, self._connected = self._connected, {}
        return {
            (a, b)
            for (a, b, bridged), joined in before.items()
            if self.connected(a, b, bridged=bridged) is not joined
        }

    def pes(self, access: str) -> tuple[str, ...]:
        """The PEs that an access switch hangs on, alive or not."""
        if access not in self._pes_of:
            self._pes_of[access] = tuple(
                far.node
                for port in self._plan.switches[access].ports
                if (far := self._plan.far_end(port.endpoint)) is not None
                and self._plan.switches[far.node].role is Role.PE
            )
        return self._pes_of[access]

    def connected(self, a: str, b: str, *, bridged: bool) -> bool:
        """Is there a living path between two access switches? What is not bridged needs a PE in any case."""
        asked = (a, b, bridged)
        if asked not in self._connected:
            beside = a == b and bridged
            self._connected[asked] = self._alive(a) and self._alive(b) and (beside or self._joined(a, b))
        return self._connected[asked]

    def _joined(self, a: str, b: str) -> bool:
        up, down = set(self._up(a)), set(self._up(b))
        if up & down:
            return True
        seen, todo = set(up), list(up)
        while todo:
            for far in self._neighbors(todo.pop()):
                role = self._plan.switches[far].role
                if far in down:
                    return True
                if role is Role.P and far not in seen:
                    seen.add(far)
                    todo.append(far)
        return False

    def _up(self, access: str) -> Iterator[str]:
        return (far for far in self._neighbors(access) if self._plan.switches[far].role is Role.PE)

    def _neighbors(self, node: str) -> Iterator[str]:
        for each in self._plan.cables:
            if node in (each.a.node, each.b.node) and self._get(LAB, cable(each.name)) is not False:
                far = each.b.node if each.a.node == node else each.a.node
                if self._alive(far):
                    yield far

    def _alive(self, node: str) -> bool:
        return self._get(LAB, alive(node)) is not False
