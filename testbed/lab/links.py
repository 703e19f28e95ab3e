"""Mininet links that are made by netlink, without a process for each."""

from __future__ import annotations

from typing import Any

from mininet.link import Link

from testbed.lab import wires
from testbed.lab.interface import Interface
from testbed.lab.machines import Guest, VirtualMachine
from testbed.lab.patch import PatchCable
from testbed.lab.switches import P4Switch
from testbed.model.plan import Port, Slot


class Wire(Link):  # type: ignore[misc]
    """A cable between two switches, or from a host to a switch. Its two ports are named in the plan."""

    def __init__(
        self, node1: P4Switch | Guest, node2: P4Switch, port1: int = 0, port2: int = 0, **params: Any
    ) -> None:
        """`delayed` (a pair of interfaces) leaves room for a delay cable between two switches."""
        far = node2.plan.port(port2)
        if isinstance(node1, P4Switch):
            near = node1.plan.port(port1)
            self._between(near, far, params.get("delayed"))
            if near.rate_mbps and not node1.program.delays:
                for port in (near, far):
                    wires.limit(port.interface, near.rate_mbps)
            self.intf1 = self._switch_end(node1, near)
        else:
            wires.connect_guest(far.interface, node1.plan, node1.pid, mac=far.mac)
            self.intf1 = self._guest_end(node1)
        self.intf2 = self._switch_end(node2, far)

    @staticmethod
    def _between(near: Port, far: Port, delayed: tuple[str, str] | None) -> None:
        if delayed:
            wires.connect(near.interface, delayed[0], a_mac=near.mac)
            wires.connect(far.interface, delayed[1], a_mac=far.mac)
        else:
            wires.connect(near.interface, far.interface, a_mac=near.mac, b_mac=far.mac)

    def _switch_end(self, switch: P4Switch, port: Port) -> Interface:
        return Interface(port.interface, node=switch, port=port.number, link=self, mac=port.mac)

    def _guest_end(self, guest: Guest) -> Interface:
        plan = guest.plan
        return Interface(
            plan.interface, address=str(plan.address), node=guest, port=0, link=self, mac=plan.mac
        )


class PatchLink(Wire):
    """A virtual machine's cable to the slot it is in; the slots were made with their switches."""

    def __init__(self, node1: VirtualMachine, node2: P4Switch, **_params: Any) -> None:
        vm = node1.plan
        wires.connect_guest(vm.tap, vm, node1.pid)
        node1.cable = PatchCable(vm.tap, {slot.name: (slot.interface, _port(slot)) for slot in vm.slots})
        node1.cable.plug(vm.at)
        node1.replugged = self.replugged
        self.intf1 = self._guest_end(node1)
        self.intf2 = node2.intfs[vm.slot(vm.at).port.port]
        self.intf2.link = self

    def replugged(self, slot: Slot) -> None:
        """Have Mininet see the link where it is now."""
        self.intf2.link = None
        self.intf2 = P4Switch.by_name[slot.port.node].intfs[slot.port.port]
        self.intf2.link = self


def _port(slot: Slot) -> str:
    """The interface of the switch's port at a slot."""
    return P4Switch.by_name[slot.port.node].plan.port(slot.port.port).interface
