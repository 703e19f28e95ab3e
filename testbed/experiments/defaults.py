"""What is not said on the command line: the topology's defaults, else what a newcomer would want to see."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from controllers.runtime.bgp.reflectors import ReflectorKind, is_installed
from testbed import resources
from testbed.experiments.modes import modes
from testbed.experiments.scenario.actions import Moving
from testbed.experiments.scenario.load import check, find, is_topology, load, topology_of
from testbed.experiments.scenario.model import Scenario
from testbed.experiments.scenario.parts import CLIENT, CLIENTS, MACHINE, TO, Cast
from testbed.experiments.spec import LabSpec, RunSpec
from testbed.lab.errors import LabError
from testbed.lab.fabric_config import fabric_config
from testbed.lab.switches import BMV2, Target
from testbed.model.errors import TopologyError, suggest
from testbed.model.load import load_plan
from testbed.model.plan import Plan, VmPlan
from testbed.model.source import Source
from testbed.model.topology import Announce, Mode, Reflector, SiteKind

BMV2_PROGRAMS: Final = ("p4c-bm2-ss", BMV2)
"""What the target bmv2 is made of."""

DEFAULT: Final = "move"
"""The scenario that is run unless another one is asked for."""


def lab_spec(
    topology: str,
    *,
    mode: Mode | None,
    reflector: Reflector | None,
    target: Target,
    logs: Path | None,
) -> LabSpec:
    """A lab. TopologyError or LabError for what cannot be run."""
    path = resources.topology(topology).absolute()
    plan = load_plan(path)
    mode = mode or plan.defaults.mode
    reflector = reflector or plan.defaults.reflector
    if not is_installed(ReflectorKind(reflector.value)):
        raise LabError(f"reflector {reflector} is not installed: `make setup` does it, or use embedded")
    missing = [name for name in BMV2_PROGRAMS if target is Target.BMV2 and shutil.which(name) is None]
    if missing:
        raise LabError(
            f"{' and '.join(missing)} not on PATH: install them (docs/how-to/real-bmv2.md), "
            "or use --target embedded"
        )
    fabric_config(plan, mode, reflector)
    if logs is not None and not logs.is_dir():
        raise LabError(f"--logs {logs} is not a folder: make it, or leave the option out")
    return LabSpec(topology=path, mode=mode, reflector=reflector, target=target, logs=logs)


@final
@dataclass(frozen=True, slots=True)
class Chosen:
    """A scenario that can be run: read, checked, with all roles given."""

    scenario: Scenario
    path: Path
    topology: str
    plan: Plan
    cast: Cast

    def modes(self, reflector: Reflector | None) -> tuple[Mode, ...]:
        """Those that it is for, and that have controllers for the topology."""
        able = modes(self.plan, reflector or self.plan.defaults.reflector)
        return tuple(mode for mode in able if mode in (self.scenario.modes or able))

    def in_mode(self, mode: Mode | None) -> Mode:
        """The mode asked for, else the topology's, else the first there is. LabError if it is not for it."""
        wanted = self.scenario.modes
        if mode is not None and wanted and mode not in wanted:
            raise LabError(f"scenario {self.scenario.name} is not for {mode}: use one of {', '.join(wanted)}")
        default = self.plan.defaults.mode
        return mode or (default if not wanted or default in wanted else wanted[0])


def choose(
    name: str | None,
    *,
    topology: str | None = None,
    machine: str | None = None,
    to: str | None = None,
    clients: Sequence[str] | None = None,
) -> Chosen:
    """A scenario by name or path; of a topology by name or path, and of nothing, a move.

    TopologyError or LabError for what cannot be run.
    """
    if name is not None and is_topology(name):
        name, topology = None, topology or name
    path = find(name or DEFAULT).absolute()
    scenario, source = load(path)
    file = resources.topology(topology) if topology else topology_of(scenario, source, path)
    plan = scenario.on(load_plan(file))
    for option, given, roles in (
        ("--machine", machine, {MACHINE}),
        ("--to", to, {TO}),
        ("--client", clients, {CLIENT, CLIENTS}),
    ):
        if given and not roles & scenario.roles:
            raise LabError(f"{option} means nothing to scenario {scenario.name}: it has no {min(roles)}")
    with _in_file(source, "machine", given=machine):
        vm = _machine(plan, machine or scenario.machine)
    with _in_file(source, "to", given=to):
        destination = _destination(vm, to or scenario.to)
    with _in_file(source, "clients", given=clients):
        talking = _talking(plan, vm, clients or scenario.clients)
    cast = Cast(machine=vm.name, to=destination, clients=talking)
    check(scenario, source, cast, plan)
    return Chosen(scenario, path, str(file), plan, cast)


def run_spec(
    chosen: Chosen,
    mode: Mode,
    *,
    reflector: Reflector | None,
    target: Target,
    blackout_ms: float | None,
    announce: Announce | None,
    seed: int,
    logs: Path | None,
) -> RunSpec:
    """One run. LabError for what cannot be run."""
    moves = [step for step in chosen.scenario.timeline if isinstance(step, Moving)]
    for option, given, says in (
        ("--blackout-ms", blackout_ms, [move.blackout_ms for move in moves]),
        ("--announce", announce, [move.announce for move in moves]),
    ):
        if given is not None and None not in says:
            why = "its moves say themselves" if moves else "nothing moves in it"
            raise LabError(f"{option} means nothing to scenario {chosen.scenario.name}: {why}, leave it out")
    defaults = chosen.plan.defaults
    return RunSpec(
        lab=lab_spec(chosen.topology, mode=mode, reflector=reflector, target=target, logs=logs),
        scenario=chosen.path,
        cast=chosen.cast,
        blackout_ms=defaults.blackout_ms if blackout_ms is None else blackout_ms,
        announce=announce or defaults.announce,
        seed=seed,
    )


@contextlib.contextmanager
def _in_file(source: Source, key: str, *, given: object) -> Iterator[None]:
    """Tells by file and line what is wrong with a name that is the scenario's, not the command line's."""
    try:
        yield
    except LabError as error:
        if given or key not in source.data:
            raise
        what, _, instead = str(error).partition(": ")
        raise TopologyError([source.problem((key,), what, instead)]) from None


def _machine(plan: Plan, name: str | None) -> VmPlan:
    if not plan.vms:
        raise LabError(f"topology {plan.name} has no machine that moves: add one under `vms:`")
    if name is not None and name not in plan.vms:
        raise LabError(f"no machine {name!r} that moves: use one of {', '.join(plan.vms)}")
    return plan.vms[name] if name is not None else next(iter(plan.vms.values()))


def _destination(vm: VmPlan, to: str | None) -> str:
    others = [slot.name for slot in vm.slots if slot.name != vm.at]
    if to is not None and to not in others:
        raise LabError(f"{vm.name} cannot move from {vm.at} to {to!r}: use one of {', '.join(others)}")
    if not others:
        raise LabError(f"{vm.name} has one slot only: add another one to move to")
    return to if to is not None else others[0]


def _talking(plan: Plan, vm: VmPlan, wanted: Sequence[str]) -> tuple[str, ...]:
    """Those who talk to a machine."""
    for number, client in enumerate(wanted):
        others = [name for name in plan.machines if name != vm.name]
        if client not in plan.machines:
            raise LabError(f"no machine {client!r}: {suggest(client, others)}")
        if client == vm.name:
            raise LabError(f"{client} is the machine that moves: use one of {', '.join(others)}")
        if client in wanted[:number]:
            raise LabError(f"client {client!r} is named twice: once is enough")
    return tuple(wanted) or _clients(plan, vm)


def _clients(plan: Plan, vm: VmPlan) -> tuple[str, ...]:
    """One at a branch, and one in the machine's own VLAN at a site that it neither leaves nor goes to."""
    at_branch = [h.name for h in plan.hosts.values() if plan.sites[h.site].kind is SiteKind.BRANCH]
    beside = [
        host.name
        for host in plan.hosts.values()
        if host.bridge_domain == vm.bridge_domain and host.site not in [s.site for s in vm.slots[:2]]
    ]
    chosen = tuple(at_branch[:1] + beside[:1])
    if not chosen:
        raise LabError(f"topology {plan.name} has nobody to talk to {vm.name}: name a host with --client")
    return chosen
