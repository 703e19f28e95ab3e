"""A plan as a Mininet network: the one description both `vmto up` and `mn --custom` build from."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from mininet.net import Mininet
from mininet.topo import Topo

from testbed.lab import netlink
from testbed.lab.delay import DelayCable
from testbed.lab.links import PatchLink, Wire
from testbed.lab.machines import Guest, VirtualMachine
from testbed.lab.namespaces import sysctl
from testbed.lab.netlink import Netlink
from testbed.lab.switches import P4Switch, SwitchProgram, thrift_port
from testbed.model.plan import Cable, Plan
from testbed.model.topology import Role
from testbed.observe.timeline import Timeline


class PlanTopo(Topo):  # type: ignore[misc]
    """Every switch, machine and cable of a plan, each with its Mininet class."""

    def build(
        self,
        plan: Plan,
        program: SwitchProgram,
        *,
        pipelines: Mapping[Role, Path] | None = None,
        timeline: Timeline | None = None,
        logs: Path | None = None,
        **_params: Any,
    ) -> None:
        """`pipelines`: bmv2 JSON that switches of a role start with; without, they wait for P4Runtime."""
        pipelines = pipelines or {}
        self.plan = plan
        slots: dict[str, list[tuple[int, str]]] = {name: [] for name in plan.switches}
        for vm in plan.vms.values():
            for slot in vm.slots:
                slots[slot.port.node].append((slot.port.port, slot.interface))
        for name, switch in plan.switches.items():
            self.addSwitch(
                name,
                cls=P4Switch,
                plan=switch,
                program=program,
                slots=slots[name],
                pipeline=pipelines.get(switch.role),
                logs=logs,
            )
        for cable in plan.cables:
            delayed = None if program.delays else delay_ends(cable)
            ports = {"port1": cable.a.port, "port2": cable.b.port}
            self.addLink(cable.a.node, cable.b.node, cls=Wire, delayed=delayed, **ports)
        for host in plan.hosts.values():
            self.addHost(host.name, cls=Guest, plan=host, timeline=timeline)
            self.addLink(host.name, host.port.node, port1=0, port2=host.port.port, cls=Wire)
        for vm in plan.vms.values():
            self.addHost(vm.name, cls=VirtualMachine, plan=vm, timeline=timeline)
            start = vm.slot(vm.at).port
            self.addLink(vm.name, start.node, port1=0, port2=start.port, cls=PatchLink)


def prepare_namespace(plan: Plan) -> None:
    """Loopback addresses of all routers and the reflector; no IPv6 and no ARP of the kernel's own.

    No connection may leave from a port that a switch is about to listen on.
    """
    if Path("/proc/sys/net/ipv6").exists():
        sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    sysctl("net.ipv4.conf.all.arp_ignore", 8)
    served = [port for switch in plan.switches.values() for port in (switch.grpc_port, thrift_port(switch))]
    sysctl("net.ipv4.ip_local_reserved_ports", ",".join(map(str, served)))
    loopbacks = [switch.loopback for switch in plan.switches.values() if switch.loopback]
    with Netlink() as kernel:
        lo = kernel.index("lo")
        kernel.send(netlink.link(lo, up=True))
        kernel.send(*(netlink.address(lo, IPv4Interface((a, 32))) for a in (*loopbacks, plan.reflector)))


def delay_ends(cable: Cable) -> tuple[str, str]:
    """The interfaces at which a delay cable takes over from the switches' own."""
    return f"{cable.a.node}-d{cable.a.port}", f"{cable.b.node}-d{cable.b.port}"


def delay_cables(plan: Plan, program: SwitchProgram) -> list[DelayCable]:
    """A delay cable for each cable, with or without delay; none if the target has delay lines.

    A cut takes the carrier at the far ends of the delay cable, and leaves the switch's own interfaces up:
    simple_switch_grpc hears nothing on any port once one of its own is set down.
    """
    if program.delays:
        return []
    return [DelayCable(*delay_ends(cable), cable.delay_ms) for cable in plan.cables]


def mininet(topo: PlanTopo) -> Mininet:
    """The network, not yet built. Mininet's tuning of the whole machine is left out."""
    Mininet.inited = True
    return Mininet(topo=topo, controller=None, build=False, waitConnected=False)
