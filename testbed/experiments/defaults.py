"""What is not said on the command line: the topology's defaults, else what a newcomer would want to see."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from controllers.runtime.bgp.reflectors import ReflectorKind, is_installed
from testbed import resources
from testbed.experiments.spec import LabSpec, RunSpec
from testbed.lab.errors import LabError
from testbed.lab.fabric_config import fabric_config
from testbed.lab.switches import Target
from testbed.model.load import load_plan
from testbed.model.plan import Plan, VmPlan
from testbed.model.topology import Announce, Mode, Reflector, SiteKind


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
    fabric_config(plan, mode, reflector)
    if logs is not None and not logs.is_dir():
        raise LabError(f"--logs {logs} is not a folder: make it, or leave the option out")
    return LabSpec(topology=path, mode=mode, reflector=reflector, target=target, logs=logs)


def run_spec(
    topology: str,
    *,
    machine: str | None,
    to: str | None,
    clients: Sequence[str] | None,
    mode: Mode | None,
    reflector: Reflector | None,
    target: Target,
    blackout_ms: float | None,
    announce: Announce | None,
    results: Path,
    logs: Path | None,
) -> RunSpec:
    """A move. TopologyError or LabError for what cannot be run."""
    lab = lab_spec(topology, mode=mode, reflector=reflector, target=target, logs=logs)
    plan = load_plan(lab.topology)
    vm = _machine(plan, machine)
    return RunSpec(
        lab=lab,
        machine=vm.name,
        destination=_destination(vm, to),
        clients=tuple(clients) if clients else _clients(plan, vm),
        blackout_ms=plan.defaults.blackout_ms if blackout_ms is None else blackout_ms,
        announce=announce or plan.defaults.announce,
        results=results.absolute(),
    )


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
