"""The lab that moves are measured in: PEs around one P router, racks of machines straight on their circuits.

Access switches are left out: what is measured begins with a frame at a PE and ends with frames from PEs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from testbed.lab import wires
from testbed.model.derive import derive
from testbed.model.load import topology_from_text
from testbed.model.plan import Plan, PortKind
from testbed.model.topology import Role

VLAN: Final = 10
SUBNET: Final = "10.0.0.0/14"
"""Room for 20,000 hosts at each of eight PEs: `announcement` counts from 10.0.0.1."""

GATEWAY: Final = "10.3.255.254"


def bench_plan(pes: int) -> Plan:
    """So many PEs with one bridge domain, without delays on links."""
    numbers = range(1, pes + 1)
    lines = [
        "name: bench",
        "tenants: {red: {}}",
        "bridge_domains:",
        f"  servers: {{vlan: {VLAN}, tenant: red, sites: [{', '.join(f'dc{n}' for n in numbers)}],"
        f" subnet: {SUBNET}, gateway: {GATEWAY}}}",
        "sites:",
        *(f"  dc{n}: {{}}" for n in numbers),
        "nodes:",
        "  p1: {role: p}",
        *(f"  pe{n}: {{role: pe, site: dc{n}}}" for n in numbers),
        *(f"  acc{n}: {{role: access, site: dc{n}}}" for n in numbers),
        "links:",
        *(f"  - {{ends: [pe{n}, p1]}}" for n in numbers),
        *(f"  - {{ends: [acc{n}, pe{n}]}}" for n in numbers),
    ]
    plan = derive(topology_from_text("\n".join(lines), "bench"))
    switches = {name: switch for name, switch in plan.switches.items() if switch.role is not Role.ACCESS}
    return replace(
        plan, switches=switches, cables=tuple(cable for cable in plan.cables if cable.kind is PortKind.CORE)
    )


def connect_racks(plan: Plan) -> list[str]:
    """Wire a rack to each PE's circuit; interfaces in the order of the PEs. Before the switches start."""
    racks = []
    for number, pe in enumerate(plan.pes, start=1):
        (port,) = (port for port in pe.ports if port.kind is PortKind.EDGE)
        rack = f"rack{number}"
        wires.connect(port.interface, rack, a_mac=port.mac)
        racks.append(rack)
    return racks
