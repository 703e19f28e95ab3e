"""`vmto check`: the static proof on a running lab, and whether its journal tells the truth."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any

from controllers.dataplane.access import AccessRenderer
from controllers.dataplane.entity import Entity, EntityKey
from controllers.dataplane.lsr import LsrRenderer
from controllers.dataplane.pe import PeRenderer
from controllers.dataplane.plane import Keyed, Plane, Renderer
from testbed.experiments.invariants import Violation, check_now
from testbed.experiments.readback import read_entities
from testbed.experiments.running import RunningLab
from testbed.lab.control import Emit, Json
from testbed.model.topology import Role


def renderer(role: Role, *, watch_ports: bool) -> Renderer:
    """As the controller of a switch has it; `watch_ports`: see `Program`."""
    match role:
        case Role.PE:
            return PeRenderer(watch_ports=watch_ports)
        case Role.P:
            return LsrRenderer(watch_ports=watch_ports)
        case Role.ACCESS:
            return AccessRenderer()


async def differences(lab: RunningLab) -> list[str]:
    """What living switches hold and the journal does not say, or the other way round: none, if all is well.

    Reads the tables of all switches over P4Runtime. LabError for a switch that does not answer.
    """
    await lab.fabric.settled()
    found = []
    for name, controller in lab.fabric.controllers.items():
        if lab.lab.switches[name].alive:
            session = controller.switch.session
            role = lab.plan.switches[name].role
            as_written = renderer(role, watch_ports=session.program.watch_ports)
            said = rendered(as_written, lab.journal.holds.get(name, {}))
            there = {entity.key: entity for entity in await read_entities(session)}
            found += [f"{name}: {line}" for line in compare(said, there)]
    return found


def rendered(renderer: Renderer, intents: Mapping[Hashable, Keyed]) -> Mapping[EntityKey, Entity]:
    """The entities that intents mean."""
    plane = Plane(renderer)
    for intent in intents.values():
        plane.set(intent)
    return plane.desired


def compare(said: Mapping[EntityKey, Entity], there: Mapping[EntityKey, Entity]) -> list[str]:
    """One line for each entity that only one side has, or that both have and that differs."""
    lines = [f"lacks {said[key]}" for key in said.keys() - there.keys()]
    lines += [f"has, unasked, {there[key]}" for key in there.keys() - said.keys()]
    both = said.keys() & there.keys()
    lines += [f"has {there[key]} where {said[key]} was written" for key in both if there[key] != said[key]]
    return sorted(lines)


def as_json(violation: Violation, origin: float) -> dict[str, Any]:
    """Plain values; `start_ms` counts from `origin`."""
    return {
        "kind": violation.kind.value,
        "source": violation.source,
        "destination": violation.destination,
        "version": violation.version,
        "start_ms": round((violation.start - origin) * 1e3, 3),
        "ms": round(violation.ms, 3),
        "pes": list(violation.pes),
    }


def verb(lab: RunningLab) -> Callable[[dict[str, Any], Emit], Awaitable[Json]]:
    """The control socket's verb: what is broken now, and where the journal is wrong."""

    async def check(_args: dict[str, Any], _emit: Emit) -> Json:
        machines = len(lab.plan.machines)
        return {
            "pairs": machines * (machines - 1),
            "violations": [as_json(each, each.end) for each in check_now(lab.journal, lab.plan)],
            "differences": await differences(lab),
        }

    return check
