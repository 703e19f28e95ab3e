"""What each mode must do to the traffic of a machine that moved. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

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


TRUTHS: Final = {
    Mode.VPLS: Truth(ingress=True, egress=True),
    Mode.EVPN: Truth(ingress=True, egress=True),
    Mode.EVPN_EGRESS: Truth(ingress=True, egress=False),
    Mode.EVPN_VMTO: Truth(ingress=False, egress=False),
}


def truth(plan: Plan, mode: Mode, machine: str, client: str, destination: str) -> Truth:
    """What must hold: nothing trombones within a VLAN, or where the first gateway is beside the machine."""
    vm = plan.vms[machine]
    vlan = plan.bridge_domains[vm.bridge_domain]
    site = vm.slot(destination).site
    bridged = plan.machines[client].bridge_domain == vm.bridge_domain
    expected = TRUTHS[mode]
    if bridged or vlan.gateway_pe in plan.sites[site].pes:
        return Truth(ingress=False, egress=False)
    return expected
