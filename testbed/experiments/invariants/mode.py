"""What a mode implies: which gateway a machine uses, and which PEs may lie on a routed path."""

from __future__ import annotations

from typing import final

from controllers.intents import GatewayMac
from controllers.pe.config import virtual_mac
from controllers.pe.walk import Tables
from controllers.wire.types import mac_from_text
from testbed.experiments.expectation import ONE_GATEWAY, home_pe
from testbed.model.plan import BridgeDomainPlan, HostPlan, Plan, VmPlan
from testbed.model.topology import GatewayMode, Mode

Machine = HostPlan | VmPlan


@final
class Ways:
    """The expectations of one mode."""

    def __init__(self, plan: Plan, mode: Mode, tables: Tables) -> None:
        self._plan = plan
        self._mode = mode
        self._get = tables.get

    def gateway_mac(self, machine: Machine, version: int) -> int:
        """The gateway's MAC (int) as a machine has learned it: where it started, and it keeps it."""
        domain = self._domain(machine)
        if self._mode is Mode.VPLS:
            return virtual_mac(domain.vrid, version)
        if domain.gateway_mode is GatewayMode.ANYCAST:
            return mac_from_text(domain.shared_mac)
        pe = domain.gateway_pe if self._mode is Mode.EVPN else home_pe(self._plan, domain, machine)
        return mac_from_text(domain.instances[pe].gateway_mac)

    def detours(self, a: Machine, b: Machine, version: int, *, bridged: bool) -> set[str]:
        """PEs that may lie between those of two machines: the gateways, where there is one for all."""
        if bridged:
            return set()
        near, far = self._domain(a), self._domain(b)
        if self._mode in ONE_GATEWAY:
            return {pe for domain in (near, far) for pe in domain.pes if self._routes(pe, domain, version)}
        allowed = set()
        if near.gateway_mode is GatewayMode.PER_PE_NO_COMMUNITY:
            allowed.add(home_pe(self._plan, near, a))
        if self._mode is Mode.EVPN_EGRESS:
            # The subnet's summary leads to its first PE; without that, to another one.
            there = [pe for pe in far.pes if self._routes(pe, far, version)]
            allowed |= set(there[:1])
        return allowed

    def _routes(self, pe: str, domain: BridgeDomainPlan, version: int) -> bool:
        """Has a PE an active gateway in a bridge domain?"""
        if self._mode is Mode.VPLS:
            macs = {virtual_mac(domain.vrid, version)}
        else:
            macs = {mac_from_text(domain.shared_mac), mac_from_text(domain.instances[pe].gateway_mac)}
        return any(isinstance(self._get(pe, ("GatewayMac", domain.ordinal, mac)), GatewayMac) for mac in macs)

    def _domain(self, machine: Machine) -> BridgeDomainPlan:
        return self._plan.bridge_domains[machine.bridge_domain]
