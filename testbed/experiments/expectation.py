"""The way that a mode must give to packets between two machines, wherever they are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from testbed.model.plan import BridgeDomainPlan, HostPlan, Plan, VmPlan
from testbed.model.topology import GatewayMode, Mode

Machine = HostPlan | VmPlan

ONE_GATEWAY = (Mode.VPLS, Mode.EVPN)
"""Modes in which a VLAN has its active gateway at one PE only."""


def trombones(plan: Plan, mode: Mode, source: str, destination: str, slots: Mapping[str, str | None]) -> bool:
    """Must packets from one machine to another visit a PE that is at neither's site?

    `slots` are those of machines that moved; one that is in none, or is not named, counts where it started.
    """
    a, b = plan.machines[source], plan.machines[destination]
    ends = {_site(a, slots), _site(b, slots)}
    if a.bridge_domain == b.bridge_domain:
        return False
    return any(plan.switches[pe].site not in ends for pe in gateways(plan, mode, a, b, slots))


def gateways(
    plan: Plan, mode: Mode, source: Machine, destination: Machine, slots: Mapping[str, str | None]
) -> Iterator[str]:
    """The PEs that route packets between two VLANs, in order, with all of them alive."""
    near, far = plan.bridge_domains[source.bridge_domain], plan.bridge_domains[destination.bridge_domain]
    first = _first_gateway(plan, mode, source, near, slots)
    yield first
    # A gateway that has no interface in the other subnet follows the summary to the one that leads there.
    # With EVPN a PE whose gateway is not active has none.
    connected = first == far.gateway_pe if mode is Mode.EVPN else first in far.pes
    if mode is not Mode.EVPN_VMTO and not connected:
        yield far.gateway_pe


def _first_gateway(
    plan: Plan, mode: Mode, machine: Machine, domain: BridgeDomainPlan, slots: Mapping[str, str | None]
) -> str:
    if mode in ONE_GATEWAY:
        return domain.gateway_pe
    if domain.gateway_mode is GatewayMode.PER_PE_NO_COMMUNITY:
        # It sends to the MAC that it learned where it started, and only that PE routes for it.
        return home_pe(plan, domain, machine)
    return _pe(plan, domain, _site(machine, slots))


def home_pe(plan: Plan, domain: BridgeDomainPlan, machine: Machine) -> str:
    """The PE whose gateway a machine met first, where each PE has one."""
    return _pe(plan, domain, _site(machine, {}))


def _pe(plan: Plan, domain: BridgeDomainPlan, site: str) -> str:
    return next((pe for pe in plan.sites[site].pes if pe in domain.pes), domain.gateway_pe)


def _site(machine: Machine, slots: Mapping[str, str | None]) -> str:
    if isinstance(machine, HostPlan):
        return machine.site
    return machine.slot(slots.get(machine.name) or machine.at).site
