"""Files of results -> runs to tell of, each with its plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, final

from pydantic import ValidationError

from testbed import resources
from testbed.experiments.result import Compared, Comparison, Directions, PathSeen, Result, Sessions
from testbed.lab.errors import LabError
from testbed.model.load import load_plan
from testbed.model.plan import Plan
from testbed.report.drawing import Route

FILES: Final = ("compare.json", "result.json")
"""What experiments write into a folder."""

LARGEST: Final = 1e12
"""Of any number in a result."""

MODES: Final = {
    "vpls": "VPLS, one active gateway",
    "evpn": "EVPN, one active gateway",
    "evpn-egress": "EVPN, a gateway on every PE",
    "evpn-vmto": "EVPN, gateways everywhere and host routes",
}
"""What a mode is, in a few words."""


@final
@dataclass(frozen=True, slots=True)
class View:
    """A span of a run in which packets took some paths: before the move, after it."""

    name: str
    title: str
    at: Mapping[str, str]
    """The slots of machines."""
    routes: tuple[Route, ...]


@final
@dataclass(frozen=True, slots=True)
class Run:
    """One mode of one result."""

    name: str
    """Unique on the page; letters, digits and `-`."""
    result: Result
    plan: Plan | None
    """None if nobody knows the topology: then nothing is drawn."""
    source: Path
    clients: Mapping[str, Sessions] = field(default_factory=dict)
    """What each client saw, the first one first."""

    @property
    def title(self) -> str:
        """The mode and what it is."""
        about = MODES.get(self.result.mode)
        return f"{self.result.mode}: {about}" if about else self.result.mode

    @property
    def moves_once(self) -> bool:
        """Is it one move, with a look before and after it? If not, it is a scenario of its own."""
        moved = any(event.event == "paused" for event in self.result.move.timeline)
        return len(self.result.phases) <= 2 and (moved or not self.result.scenario)

    @property
    def zero(self) -> str:
        """What times are counted from: the first thing that was done."""
        events = self.result.move.timeline
        return (
            "the pause"
            if not events or events[0].event == "paused"
            else f"the first event: {events[0].event}"
        )

    def lives(self, client: str) -> bool | None:
        """Did the TCP session of a client live? None if there was none."""
        ends = {client, self.result.setting.machine}
        sessions = [flow for flow in self.result.flows if flow.kind == "tcp"]
        if self.result.flows and not any({flow.source, flow.destination} == ends for flow in sessions):
            return None
        return self.clients[client].move.tcp_survived

    def views(self, client: str) -> tuple[View, ...]:
        """All phases of the run, or what was before and after the move; of one client."""
        setting, seen = self.result.setting, self.clients[client]
        if len(self.result.phases) > 2:
            return tuple(self._phases(client))
        return (
            View(
                "before",
                "Before the move",
                {setting.machine: setting.origin},
                self._routes(client, seen.before),
            ),
            View(
                "after",
                "After the move",
                {setting.machine: setting.destination},
                self._routes(client, seen.after),
            ),
        )

    def _phases(self, client: str) -> Iterator[View]:
        """A machine that is unplugged stays on the drawing where it was."""
        machine = self.result.setting.machine
        at: dict[str, str] = {}
        for phase in self.result.phases:
            at = {**at, **{name: slot for name, slot in phase.at.items() if slot is not None}}
            routes = []
            for traffic in phase.traffic:
                way = next((way for way in traffic.ways if way.nodes), None)
                if {traffic.source, traffic.destination} == {client, machine} and way:
                    back = traffic.source == machine
                    ends = "from" if back else "to", traffic.source, traffic.destination
                    routes.append(Route(*ends, tuple(way.nodes), back=back, trombone=way.trombone))
            yield View(slug(phase.name), f"Phase {phase.name}", at, tuple(routes))

    def _routes(self, client: str, seen: Directions) -> tuple[Route, ...]:
        machine = self.result.setting.machine
        both = (("to", client, machine, seen.ingress), ("from", machine, client, seen.egress))
        return tuple(
            Route(name, source, target, tuple(path.nodes), back=name == "from", trombone=path.trombone)
            for name, source, target, path in both
            if path.nodes
        )


def slug(text: str) -> str:
    """Text as part of an id and of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "run"


def words(path: PathSeen) -> str:
    """A path as a line of text."""
    return " ".join(path.nodes) or "none seen"


def read_runs(files: Sequence[Path], own: Plan | None = None) -> list[Run]:
    """All runs of result and comparison files; a folder stands for the newer one in it.

    `own` is the plan of runs in a lab that did not come along. LabError for what is not a result.
    """
    found: list[Run] = []
    plans: dict[str, Plan | None] = {}
    for file in (_in_folder(file) for file in files):
        for result in _results(file):
            name = result.setting.topology
            if name not in plans:
                plans[name] = own if own and own.name == name else _shipped(name)
            found.append(_run(result, plans[name], file, {run.name for run in found}))
    return found


def _run(result: Result, plan: Plan | None, file: Path, taken: set[str]) -> Run:
    first = Sessions(before=result.before, after=result.after, move=result.move)
    name = next(each for each in _names(slug(result.mode)) if each not in taken)
    return Run(name, result, _fitting(plan, result), file, {result.setting.client: first, **result.others})


def _names(mode: str) -> Iterable[str]:
    yield mode
    number = 2
    while True:
        yield f"{mode}-{number}"
        number += 1


def _fitting(plan: Plan | None, result: Result) -> Plan | None:
    """The plan, unless it cannot be that of the run: a topology file may have changed since."""
    if plan is None or result.setting.machine not in plan.vms:
        return None
    setting = result.setting
    seen: list[Result | Sessions] = [result, *result.others.values()]
    paths = [p.nodes for each in seen for d in (each.before, each.after) for p in (d.ingress, d.egress)]
    paths += [way.nodes for phase in result.phases for each in phase.traffic for way in each.ways]
    places = {(setting.machine, setting.origin), (setting.machine, setting.destination)}
    places |= {(name, slot) for phase in result.phases for name, slot in phase.at.items() if slot is not None}
    slots = {(vm.name, slot.name) for vm in plan.vms.values() for slot in vm.slots}
    machines = {setting.client, *result.others} <= set(plan.machines)
    return plan if machines and places <= slots and all(_is_way(plan, nodes) for nodes in paths) else None


def _is_way(plan: Plan, nodes: Sequence[str]) -> bool:
    links = {ends for c in plan.cables for ends in ((c.a.node, c.b.node), (c.b.node, c.a.node))}
    return all(node in plan.switches for node in nodes) and all(hop in links for hop in pairwise(nodes))


def _shipped(name: str) -> Plan | None:
    path = resources.topologies() / f"{slug(name)}.yaml"
    return load_plan(path) if path.is_file() else None


def _in_folder(path: Path) -> Path:
    try:
        if not path.is_dir():
            return path
    except OSError:
        return path  # who reads it says why nobody can
    present = [path / name for name in FILES if (path / name).is_file()]
    if not present:
        raise LabError(f"{path} holds no result: run `vmto run` or `vmto compare` first, or name a file")
    return max(present, key=lambda file: file.stat().st_mtime)


def _results(file: Path) -> list[Result]:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise LabError(
            f"{file} cannot be read ({error.strerror}): name a result.json or compare.json"
        ) from None
    try:
        if b'"modes"' in text[:64]:
            found: list[Result] = list(Comparison.model_validate_json(text).modes.values())
        else:
            kind = Compared if b'"wan_bytes_per_byte"' in text else Result
            found = [kind.model_validate_json(text)]
        for result in found:
            _check(result.model_dump(), "result")
    except ValidationError as error:
        first = error.errors()[0]
        raise _refused(file, ".".join(map(str, first["loc"])) or "the whole", first["msg"]) from None
    except _AbsurdError as error:
        raise _refused(file, *error.args) from None
    return found


def _refused(file: Path, where: str, why: str) -> LabError:
    what = " ".join(f"{where}: {why}".split())
    return LabError(f"{file} is no result of this version ({what}): run the experiment again")


@final
class _AbsurdError(Exception):
    """Where in a result something is that no experiment finds, and why it cannot be."""


def _check(value: object, where: str) -> None:
    """Models leave numbers and columns free; plots need finite numbers, and columns of the same length."""
    if isinstance(value, float | int) and not abs(value) <= LARGEST:
        raise _AbsurdError(where, f"{value} is out of range")
    if isinstance(value, dict):
        if {"sent_ms", "delay_ms"} <= value.keys() and len(value["sent_ms"]) != len(value["delay_ms"]):
            raise _AbsurdError(where, "columns differ in length")
        for name, each in value.items():
            _check(each, f"{where}.{name}")
    elif isinstance(value, list):
        for each in value:
            _check(each, where)
