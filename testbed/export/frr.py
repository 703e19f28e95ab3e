"""The lab's route reflector as an FRR configuration. Pure."""

from __future__ import annotations

from controllers.runtime.bgp.reflectors import ReflectorPlan, frr_config
from controllers.wire.types import EVPN, VPNV4
from testbed.model.plan import Plan

FILE = "frr.conf"

HEAD = """\
! Route reflector of the lab {name}, for FRR 8.4 or later: bgpd, and zebra for the address on lo.
! FRR's own parser checks its syntax in the tests of this testbed; it has not been run with other routers.
!
! What to know:
! - The clients connect to {address}: the IGP of the PEs must know the way to it.
! - FRR has no RT constraint (RFC 4684): PEs that offer the family route-target get every route.
! - VPNv4 is for PEs that carry host routes as L3VPN routes, as the Junos configuration of this lab does.
!
"""


def frr_reflector(plan: Plan) -> str:
    """The whole file."""
    clients = tuple(pe.loopback for pe in plan.pes if pe.loopback is not None)
    reflector = ReflectorPlan(
        asn=plan.defaults.asn,
        router_id=plan.reflector,
        address=plan.reflector,
        clients=clients,
        families=(EVPN, VPNV4),
    )
    address = f"interface lo\n ip address {plan.reflector}/32\nexit\n!\n"
    head = HEAD.format(name=plan.name, address=plan.reflector)
    return f"{head}frr defaults datacenter\nhostname reflector\n!\n{address}{frr_config(reflector)}exit\n"
