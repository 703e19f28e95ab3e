"""What must come out of an experiment: for any move, and for each mode. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from testbed.experiments.result import Compared, Result
from testbed.model.plan import Plan
from testbed.model.topology import Mode


@final
@dataclass(frozen=True, slots=True)
class Truth:
    """What a mode does to routed traffic once a machine has left the site of the first gateway."""

    ingress: bool
    """Packets to the machine trombone."""
    egress: bool
    """Packets from the machine trombone."""
    floods: bool
    """Unicast may be flooded over the WAN."""


TRUTHS: Final = {
    Mode.VPLS: Truth(ingress=True, egress=True, floods=True),
    Mode.EVPN: Truth(ingress=True, egress=True, floods=False),
    Mode.EVPN_EGRESS: Truth(ingress=True, egress=False, floods=False),
    Mode.EVPN_VMTO: Truth(ingress=False, egress=False, floods=False),
}


def truth(plan: Plan, mode: Mode, machine: str, client: str, destination: str) -> Truth:
    """What must hold: nothing trombones within a VLAN, or where the first gateway is beside the machine."""
    vm = plan.vms[machine]
    vlan = plan.bridge_domains[vm.bridge_domain]
    site = vm.slot(destination).site
    bridged = plan.machines[client].bridge_domain == vm.bridge_domain
    expected = TRUTHS[mode]
    if bridged or vlan.gateway_pe in plan.sites[site].pes:
        return Truth(ingress=False, egress=False, floods=expected.floods)
    return expected


def broken(expected: Truth, found: Compared) -> list[str]:
    """In what a mode is not as it must be, a line for each; empty if in nothing."""
    after = found.after
    problems = [
        f"packets {words} the machine {'trombone' if seen else 'do not trombone'} after the move"
        for words, seen, wanted in (
            ("to", after.ingress.trombone, expected.ingress),
            ("from", after.egress.trombone, expected.egress),
        )
        if seen is not wanted
    ]
    if found.flooded and not expected.floods:
        problems.append(f"PEs made {found.flooded} copies of unicast packets")
    return problems + failures(found)


def failures(found: Result) -> list[str]:
    """What is wrong in any mode: sessions that died, paths that captures contradict. A line for each."""
    sessions = {found.setting.client: found.move, **{name: each.move for name, each in found.others.items()}}
    problems = [
        f"the TCP session of {name} did not survive the move"
        for name, move in sessions.items()
        if not move.tcp_survived
    ]
    if found.proof is not None and found.proof.differences:
        count = found.proof.compared - found.proof.agreeing
        problems.append(f"captures contradict the switches for {count} packets: {found.proof.differences[0]}")
    return problems
