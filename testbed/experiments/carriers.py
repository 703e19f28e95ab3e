"""Which ports of switches had no carrier, and when: what a switch sends there is on no wire. Pure.

Told from the timeline: machines leave their slots, links are cut, switches die.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from testbed.model.plan import Endpoint, Plan
from testbed.observe.timeline import Event

IN_FLIGHT = 0.5
"""Seconds that a packet may be under way: it may meet all that happens within them."""

SLACK = 0.02
"""Seconds by which the clocks of captures and of the timeline may differ."""


@final
@dataclass(frozen=True, slots=True)
class Dark:
    """The ports without carrier from a moment on."""

    since: float
    ports: frozenset[Endpoint]


@final
class Carriers:
    """The history of all ports that can lose their carrier."""

    def __init__(self, plan: Plan, at: Mapping[str, str | None], events: Iterable[Event]) -> None:
        """`at`: the slot of each machine before the first of `events`, which are in the order of time."""
        self._history = list(_history(plan, at, events))

    def dark(self, sent: float | None, seen: float | None = None) -> Sequence[frozenset[Endpoint]]:
        """The ports without carrier for a packet sent then: one of several sets where something changed.

        `seen`: when it was last seen, which may be long after where switches are slow.
        """
        if sent is None:
            return tuple({each.ports: None for each in self._history})
        first = max((i for i, each in enumerate(self._history) if each.since <= sent - SLACK), default=0)
        met = [each for each in self._history[first:] if each.since <= (seen or sent) + IN_FLIGHT]
        return tuple({each.ports: None for each in met or self._history[:1]})


def _history(plan: Plan, at: Mapping[str, str | None], events: Iterable[Event]) -> Iterator[Dark]:
    everywhere = frozenset(slot.port for vm in plan.vms.values() for slot in vm.slots)
    slots: dict[str, Endpoint | None] = {vm: _slot(plan, vm, name) for vm, name in at.items()}
    cut: set[str] = set()
    dead: set[str] = set()
    yield Dark(0.0, everywhere - set(slots.values()))
    for event in events:
        match event.event:
            case "unplugged":
                slots[event.node] = None
            case "resumed":
                slots[event.node] = _slot(plan, event.node, event.details.get("slot"))
            case "split":
                slots[f"{event.node}-copy"] = _slot(plan, event.node, event.details.get("slot"))
            case "merged":
                slots.pop(f"{event.node}-copy", None)
            case "link down":
                cut.add(event.node)
            case "link up":
                cut.discard(event.node)
            case "node down":
                dead.add(event.node)
            case "node up":
                dead.discard(event.node)
            case _:
                continue
        ports = {port for port in everywhere if port not in slots.values()}
        yield Dark(event.t, frozenset(ports | _ends(plan, cut, dead)))


def _slot(plan: Plan, machine: str, name: str | None) -> Endpoint | None:
    vm = plan.vms[machine.removesuffix("-copy")]
    return None if name is None else vm.slot(name).port


def _ends(plan: Plan, cut: set[str], dead: set[str]) -> set[Endpoint]:
    """Both ends of cut links, and what neighbours of dead switches have towards them."""
    ports = set()
    for cable in plan.cables:
        a, b = cable.a.node, cable.b.node
        if {f"{a}--{b}", f"{b}--{a}"} & cut or {a, b} & dead:
            ports |= {cable.a, cable.b}
    return ports


def unsure(events: Iterable[Event]) -> Callable[[float | None], bool]:
    """Of which packets, by the time at which they were sent, switches may have told nobody.

    A switch that dies takes reports with it, and one whose controller is away has nobody to report to. What
    waits for a link that is cut has been reported as sent, and never is.
    """
    away: dict[str, float] = {}
    spans: list[tuple[float, float]] = []
    for event in events:
        match event.event:
            case "controller down":
                away[event.node] = event.t
            case "controller up" if event.node in away:
                spans.append((away.pop(event.node) - IN_FLIGHT, event.t + IN_FLIGHT))
            case "node down" | "node up" | "link down":
                spans.append((event.t - IN_FLIGHT, event.t + IN_FLIGHT))
    spans += [(t - IN_FLIGHT, float("inf")) for t in away.values()]
    return lambda sent: sent is not None and any(start <= sent <= end for start, end in spans)
