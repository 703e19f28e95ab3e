"""One run of a scenario in a lab of its own, inside the lab's container: what `inside scenario SPEC` does."""

from __future__ import annotations

import shutil
import sys
import time
from importlib.metadata import version
from platform import python_version, release
from typing import Any

from testbed.awake import awake
from testbed.experiments import result
from testbed.experiments.engine import Setting, play
from testbed.experiments.judge import judge
from testbed.experiments.observed import Observed
from testbed.experiments.outcome import Outcome
from testbed.experiments.plausible import plausible
from testbed.experiments.proof import capture_file
from testbed.experiments.result import Check, Compared, Proof
from testbed.experiments.running import RunningLab, Setup
from testbed.experiments.scenario.actions import Moving
from testbed.experiments.scenario.flows import gentle
from testbed.experiments.scenario.load import load
from testbed.experiments.scenario.model import Scenario
from testbed.experiments.spec import RunSpec
from testbed.lab.errors import LabError
from testbed.lab.switches import Target
from testbed.model.load import load_plan
from testbed.model.plan import Plan

VERSIONED = ("vmto-testbed", "finsy", "grpcio", "protobuf", "mininet")


async def measure(spec: RunSpec) -> None:
    """Run it, and write what was found to a file of `spec.results`. LabError if it cannot be run."""
    scenario, _ = load(spec.scenario)
    plan = scenario.on(load_plan(spec.lab.topology))
    started = time.monotonic()

    def say(line: str) -> None:
        if spec.talks:
            # On a line of its own, whatever stands on the terminal's last one.
            print(f"\r\x1b[K{line}", file=sys.stderr, flush=True)

    setup = Setup(spec.lab.mode, spec.lab.reflector, spec.lab.target)
    async with RunningLab(plan, setup, logs=spec.lab.logs) as lab:
        say(f"lab {plan.name} is up after {time.monotonic() - started:.1f} s: {_inventory(lab)}")
        origin = lab.lab.vm(spec.cast.machine).plan.at
        defaults = plan.defaults.model_copy(
            update={"blackout_ms": spec.blackout_ms, "announce": spec.announce}
        )
        slow = spec.lab.target is Target.BMV2
        flows = tuple(gentle(flow) for flow in scenario.flows) if slow else scenario.flows
        played = scenario.model_copy(update={"flows": flows})
        setting = Setting(played, spec.cast, defaults, f"{spec.seed}/{spec.repetition}")
        with awake():
            observed, proof = await play(lab, setting, say)
        if spec.capture is not None and spec.repetition == 0:
            shutil.copyfile(capture_file(), spec.capture)
            result.give_to_caller(spec.capture)
    found = _compared(spec, scenario, plan, origin, observed, proof)
    result.write(found, spec.results, spec.file)


def _compared(
    spec: RunSpec, scenario: Scenario, plan: Plan, origin: str, observed: Observed, proof: Proof
) -> Compared:
    outcome = Outcome(observed, spec.cast)
    sessions = outcome.sessions()
    if not sessions:
        raise LabError(f"scenario {scenario.name} has no ping from a client to {spec.cast.machine}: add one")
    (client, first), *others = sessions.items()
    setting = result.Setting(
        topology=plan.name,
        machine=spec.cast.machine,
        client=client,
        origin=origin,
        destination=observed.spans[-1].slots.get(spec.cast.machine) or spec.cast.to,
        **how_moved(scenario, spec),
        reflector=spec.lab.reflector.value,
        target=spec.lab.target.value,
        versions=_versions(),
    )
    return Compared(
        mode=spec.lab.mode.value,
        before=first.before,
        after=first.after,
        move=first.move,
        others=dict(others),
        setting=setting,
        proof=proof,
        scenario=scenario.name,
        seed=spec.seed,
        phases=outcome.phases(),
        flows=outcome.flows(),
        checks=[
            *judge(scenario, plan, spec.lab.mode, spec.cast, observed),
            plausible(plan, observed),
            _agreement(proof),
        ],
        violations=outcome.violations(),
        **outcome.cost(),
    )


def how_moved(scenario: Scenario, spec: RunSpec) -> dict[str, Any]:
    """How the first machine that moves does it, by the keys of a result's setting."""
    move = next((step for step in scenario.timeline if isinstance(step, Moving)), Moving())
    blackout, announce = move.blackout_ms, move.announce
    return {
        "blackout_ms": spec.blackout_ms if blackout is None else blackout,
        "announce": (spec.announce if announce is None else announce).value,
    }


def _agreement(proof: Proof) -> Check:
    """An expectation of every scenario: two methods see the same."""
    seen = f"{proof.agreeing} of {proof.compared} echoes"
    if proof.left_out:
        seen += f", {proof.left_out} left out"
    return Check(
        phase="",
        about="proof",
        expected="captures on the links show the ways that switches reported",
        seen=f"{seen}: {proof.differences[0]}" if proof.differences else seen,
        holds=0 < proof.compared == proof.agreeing and not proof.differences,
    )


def _inventory(lab: RunningLab) -> str:
    roles = [str(switch.role) for switch in lab.plan.switches.values()]
    parts = [f"{roles.count(role)} {name}" for role, name in (("pe", "PE"), ("p", "P"), ("access", "access"))]
    machines = f"{len(lab.plan.hosts)} hosts, {len(lab.plan.vms)} moving"
    setup = lab.setup
    return f"{', '.join(parts)} switches ({setup.target}), {machines}, reflector {setup.reflector}"


def _versions() -> dict[str, str]:
    return {name: version(name) for name in VERSIONED} | {"python": python_version(), "kernel": release()}
