"""Scenario file -> Scenario, checked against its topology. Mistakes are told by file and line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, final

from pydantic import ValidationError

from testbed import resources
from testbed.experiments.scenario import actions as act
from testbed.experiments.scenario import expectations as want
from testbed.experiments.scenario.flows import kind_and_ends
from testbed.experiments.scenario.model import Expectations, Phase, Scenario
from testbed.experiments.scenario.parts import Cast, Ends
from testbed.model.errors import Problem, TopologyError, suggest
from testbed.model.explain import explain
from testbed.model.load import read
from testbed.model.plan import Plan
from testbed.model.source import Path as Place
from testbed.model.source import Source, parse
from testbed.model.topology import Reflector

FOLDER: Final = "scenarios"


def folder() -> Path:
    """Where the scenarios that come along are."""
    return resources.topologies() / FOLDER


def names() -> list[str]:
    """The scenarios that come along."""
    return sorted(path.stem for path in folder().glob("*.yaml"))


def find(name: str) -> Path:
    """A scenario by path, or by the name of one that comes along. TopologyError if there is none."""
    path = Path(name)
    shipped = folder() / f"{name.removesuffix('.yaml')}.yaml"
    try:
        if path.is_file():
            return path
        if shipped.is_file():
            return shipped
    except OSError:
        return path  # who reads it says why nobody can
    raise TopologyError([Problem(name, 1, "no such scenario", suggest(name, names()))])


def is_topology(name: str) -> bool:
    """Is this the name or the path of a topology, and not of a scenario?"""
    path = Path(name)
    if not resources.is_file(path):
        shipped = resources.topology(name)
        return name not in names() and shipped.parent == resources.topologies() and resources.is_file(shipped)
    try:
        data = parse(read(path, ""), name).data
    except TopologyError:
        return False
    return isinstance(data, dict) and "nodes" in data


def load(path: Path) -> tuple[Scenario, Source]:
    """Read a scenario. TopologyError for what is none."""
    return from_text(read(path, "give a scenario file"), str(path))


def from_text(text: str | bytes, file: str = "<text>") -> tuple[Scenario, Source]:
    """Read a scenario. TopologyError for what is none."""
    source = parse(text, file)
    if not isinstance(source.data, dict):
        raise TopologyError(
            [source.problem((), "the file is not a mapping", "start with `name: my-scenario`")]
        )
    try:
        return Scenario.model_validate(source.data), source
    except ValidationError as error:
        raise TopologyError(explain(Scenario, source, error)) from None


def topology_of(scenario: Scenario, source: Source, path: Path) -> Path:
    """The topology file that a scenario names: one beside it, else one that comes along.

    TopologyError if there is none.
    """
    for file in (path.parent / scenario.topology, resources.topology(scenario.topology)):
        if resources.is_file(file):
            return file
    what, known = f"no topology {scenario.topology!r}", resources.topology_names()
    raise TopologyError([source.problem(("topology",), what, suggest(scenario.topology, known))])


def check(scenario: Scenario, source: Source, cast: Cast, plan: Plan) -> None:
    """TopologyError for names that the topology has not, and for what no flow can show."""
    problems = list(_Check(scenario, source, cast, plan).problems())
    if problems:
        raise TopologyError(problems)


@final
class _Check:
    def __init__(self, scenario: Scenario, source: Source, cast: Cast, plan: Plan) -> None:
        self.scenario, self.source, self.cast, self.plan = scenario, source, cast, plan
        slots = [slot for vm in plan.vms.values() for slot in vm.slots]
        self.slots = sorted({slot.name for slot in slots})
        self.places = sorted({name for slot in slots for name in (slot.name, slot.site, slot.port.node)})
        self.pairs: dict[str, set[tuple[str, str]]] = {}
        for flow in scenario.flows:
            kind, ends = kind_and_ends(flow)
            self.pairs.setdefault(kind, set()).update(cast.pairs(ends))

    def problems(self) -> Iterator[Problem]:
        # What is wrong with the flows would show in all that looks at them.
        yield from list(self._flows()) or list(self._pings()) or self._timeline()

    def _timeline(self) -> Iterator[Problem]:
        phases: set[str] = set()
        for number, step in enumerate(self.scenario.timeline):
            place: Place = ("timeline", number)
            if isinstance(step, Phase):
                if step.phase in phases:
                    yield self.source.problem(
                        (*place, "phase"), f"two phases {step.phase!r}", "give each a name of its own"
                    )
                phases.add(step.phase)
                yield from self._expectations(step.expect, (*place, "expect"))
            else:
                yield from self._action(step, place)
        if not phases:
            yield self.source.problem(
                ("timeline",), "nothing is looked at", "add `- phase: after` at its end"
            )
        elif not isinstance(self.scenario.timeline[-1], Phase):
            last = ("timeline", len(self.scenario.timeline) - 1)
            yield self.source.problem(
                last, "nothing looks at what this does", "add `- phase: after` below it"
            )
        yield from self._expectations(self.scenario.expect, ("expect",))

    def _flows(self) -> Iterator[Problem]:
        seen: set[tuple[str, str, str]] = set()
        for number, flow in enumerate(self.scenario.flows):
            kind, ends = kind_and_ends(flow)
            place: Place = ("flows", number, kind)
            yield from self._ends(ends, place)
            for source, destination in self.cast.pairs(ends):
                if source == destination:
                    yield self.source.problem(place, f"{source} has no flow to itself", "name two machines")
                if (kind, source, destination) in seen:
                    yield self.source.problem(
                        place, f"a second {kind} from {source} to {destination}", "one of each kind is enough"
                    )
                seen.add((kind, source, destination))

    def _pings(self) -> Iterator[Problem]:
        """A result tells the paths between a client and the machine: there are pings to see them."""
        machine, pings = self.cast.machine, self.pairs.get("ping", set())
        if not any({(client, machine), (machine, client)} & pings for client in self.cast.clients):
            what, flow = f"no ping between a client and {machine}", f"{self.cast.clients[0]} > {machine}"
            yield self.source.problem(("flows",), what, f"add `{{ping: {flow}}}`, which tells its paths")

    def _action(self, step: act.Act, place: Place) -> Iterator[Problem]:
        match step:
            case act.Migrate(migrate=vm, to=to):
                yield from self._moves(vm, to, (*place, "migrate"), (*place, "to"))
            case act.PingPong(ping_pong=vm, to=to):
                yield from self._moves(vm, to, (*place, "ping-pong"), (*place, "to"))
            case act.Split(split=vm, to=to):
                yield from self._moves(vm, to, (*place, "split"), (*place, "to"))
            case act.Evacuate(evacuate=rack, to=to):
                yield from self._known(
                    self.cast.one(rack),
                    self.places,
                    "site or access switch of machines",
                    (*place, "evacuate"),
                )
                yield from self._known(self.cast.one(to), self.slots, "slot", (*place, "to"))
            case act.MigrateBack(migrate_back=vm):
                yield from self._known(self.cast.one(vm), self.plan.vms, "machine that moves", place)
            case act.Merge(merge=vm):
                yield from self._known(self.cast.one(vm), self.plan.vms, "machine that moves", place)
            case act.Pin(pin=vm) | act.Unpin(unpin=vm):
                yield from self._known(self.cast.one(vm), self.plan.machines, "machine", place)
            case act.Speak(speak=vm):
                vms = [*self.plan.vms, *(f"{name}-copy" for name in self.plan.vms)]
                yield from self._known(self.cast.one(vm), vms, "machine that moves", place)
            case act.PeDown(pe_down=pe) | act.PeUp(pe_up=pe) | act.RestartController(restart_controller=pe):
                yield from self._known(pe, [switch.name for switch in self.plan.pes], "PE", place)
            case act.LinkDown(link_down=ends) | act.LinkUp(link_up=ends):
                if not any({cable.a.node, cable.b.node} == set(ends) for cable in self.plan.cables):
                    known = [f"[{cable.a.node}, {cable.b.node}]" for cable in self.plan.cables]
                    what = f"no link between {ends[0]} and {ends[1]}"
                    yield self.source.problem(place, what, f"use one of {', '.join(known)}")

    def _moves(self, vm: str, to: str, at_vm: Place, at_to: Place) -> Iterator[Problem]:
        name, slot = self.cast.one(vm), self.cast.one(to)
        yield from self._known(name, self.plan.vms, "machine that moves", at_vm)
        if name in self.plan.vms:
            slots = [each.name for each in self.plan.vms[name].slots]
            yield from self._known(slot, slots, f"slot of {name}", at_to)

    def _expectations(self, expect: Expectations, place: Place) -> Iterator[Problem]:
        for mode, expected in expect.items():
            for number, each in enumerate(expected):
                yield from self._expectation(each, (*place, mode, number))

    def _expectation(self, each: object, place: Place) -> Iterator[Problem]:
        match each:
            case want.PathExpected(path=ends, nodes=nodes, via=via, avoids=avoids):
                yield from self._shown(ends, ("ping",), place, both_ways=True)
                for name in (*(nodes or ()), *via, *avoids):
                    yield from self._known(name, self.plan.switches, "switch", place)
            case want.GapExpected(gap=ends) | want.LossExpected(loss=ends):
                yield from self._shown(ends, ("udp",), place, others=("ping", "tcp", "http"))
            case want.SessionExpected(session=ends):
                yield from self._shown(ends, ("tcp",), place, both_ways=True, others=("http", "bulk"))
            case want.DipExpected(dip=ends):
                yield from self._shown(ends, ("bulk",), place)
            case want.OwnerExpected(owner=machine, pe=pe):
                yield from self._known(self.cast.one(machine), self.plan.machines, "machine", place)
                if pe is not None:
                    yield from self._known(pe, [switch.name for switch in self.plan.pes], "PE", place)
            case want.StepExpected(node=str(node)):
                yield from self._known(self.cast.one(node), self._stamped(), "switch or machine", place)

    def _stamped(self) -> list[str]:
        """What can stand on the timeline as the place where something happened."""
        plan = self.plan
        links = [f"{cable.a.node}--{cable.b.node}" for cable in plan.cables]
        copies = [f"{name}-copy" for name in plan.vms]
        return [*plan.switches, *plan.machines, *copies, *links, *Reflector]

    def _shown(
        self, ends: Ends, kinds: tuple[str, ...], place: Place, *, both_ways: bool = False,
        others: tuple[str, ...] = (),
    ) -> Iterator[Problem]:  # fmt: skip
        """There is a flow that shows what is expected; those of `others` show both ways."""
        yield from self._ends(ends, place)
        for source, destination in self.cast.pairs(ends):
            pair, back = (source, destination), (destination, source)
            ways = [pair, back] if both_ways else [pair]
            fitting = any(way in self.pairs.get(kind, ()) for kind in kinds for way in ways)
            if not fitting and not any(way in self.pairs.get(k, ()) for k in others for way in (pair, back)):
                what = f"no flow shows this from {source} to {destination}"
                yield self.source.problem(
                    place, what, f"add `{{{kinds[0]}: {source} > {destination}}}` to flows"
                )
                return

    def _ends(self, ends: Ends, place: Place) -> Iterator[Problem]:
        for actor in (ends.source, ends.destination):
            for name in self.cast.all(actor):
                yield from self._known(name, self.plan.machines, "machine", place)

    def _known(self, name: str, known: Iterable[str], what: str, place: Place) -> Iterator[Problem]:
        if name not in known:
            yield self.source.problem(place, f"no {what} {name!r}", suggest(name, known))
