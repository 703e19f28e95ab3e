"""Mininet links and interfaces that are made by netlink, without a process for each."""

from __future__ import annotations

from typing import Any

from mininet.link import Intf, Link

from testbed.lab import wires
from testbed.lab.machines import Guest, VirtualMachine
from testbed.lab.patch import PatchCable
from testbed.lab.switches import P4Switch
from testbed.model.plan import Port


class Interface(Intf):  # type: ignore[misc]
    """An interface that is ready when Mininet hears of it."""

    def config(self, **_params: Any) -> dict[str, Any]:
        """Nothing is left to configure."""
        return {}


class Wire(Link):  # type: ignore[misc]
    """A cable between two switches, or from a switch to a host. Its two ports are named in the plan."""

    def __init__(
        self, node1: P4Switch | Guest, node2: P4Switch, port1: int = 0, port2: int = 0, **params: Any
    ) -> None:
        """`node1` may be a host; `delayed` (a pair of interfaces) puts a delay cable in between."""
        delayed: tuple[str, str] | None = params.get("delayed")
        far = node2.plan.port(port2)
        if isinstance(node1, P4Switch):
            near = node1.plan.port(port1)
            near_name = near.interface
            if delayed:
                wires.connect(near.interface, delayed[0], a_mac=near.mac)
                wires.connect(far.interface, delayed[1], a_mac=far.mac)
            else:
                wires.connect(near.interface, far.interface, a_mac=near.mac, b_mac=far.mac)
            if near.rate_mbps and not node1.program.delays:
                for port in (near, far):
                    wires.limit(port.interface, near.rate_mbps)
        else:
            near_name = node1.plan.interface
            wires.connect_guest(far.interface, node1.plan, node1.pid, mac=far.mac)
        self._adopt(node1, near_name, port1, node2, far)

    def _adopt(self, node1: P4Switch | Guest, name1: str, port1: int, node2: P4Switch, far: Port) -> None:
        """Tell Mininet of both interfaces."""
        self.intf1 = Interface(
            name1, node=node1, port=port1, link=self, mac=_mac(node1, port1), moveIntfFn=_stay
        )
        self.intf2 = Interface(far.interface, node=node2, port=far.number, link=self, mac=far.mac)
        if isinstance(node1, Guest):
            self.intf1.ip = str(node1.plan.address.ip)
            self.intf1.prefixLen = node1.plan.address.network.prefixlen


class PatchLink(Wire):
    """A virtual machine's cable to the slot it starts in; the slots were made with their switches."""

    def __init__(
        self, node1: VirtualMachine, node2: P4Switch, port1: int = 0, port2: int = 0, **_params: Any
    ) -> None:
        vm = node1.plan
        wires.connect_guest(vm.tap, vm, node1.pid)
        node1.cable = PatchCable(vm.tap, {slot.name: slot.interface for slot in vm.slots})
        node1.cable.plug(vm.at)
        self._adopt(node1, vm.interface, port1, node2, node2.plan.port(port2))


def _mac(node: P4Switch | Guest, port: int) -> str:
    return node.plan.mac if isinstance(node, Guest) else node.plan.port(port).mac


def _stay(*_args: object) -> None:
    """The interface was made where it belongs."""
