"""A lab, inside its container: switches, hosts and virtual machines of a plan, up and running."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, final

from testbed.lab import delay, netlink, wires
from testbed.lab.container import LAB_NAME
from testbed.lab.errors import LabError
from testbed.lab.links import PatchLink
from testbed.lab.machines import Guest, VirtualMachine
from testbed.lab.netlink import Netlink
from testbed.lab.network import PlanTopo, delay_cables, delay_ends, mininet, prepare_namespace
from testbed.lab.switches import P4Switch, SwitchProgram, Target
from testbed.model.derive import copy_interface
from testbed.model.plan import Cable, Plan
from testbed.model.topology import Announce, Role
from testbed.observe.timeline import Timeline


@final
class Lab:
    """Usable only by the program of a container (`run_in_lab`): its interfaces live in this namespace.

    `start` and `stop` block (about two seconds, most of it the switches'); the rest is quick or async.
    """

    def __init__(
        self,
        plan: Plan,
        target: Target | str = Target.EMBEDDED,
        *,
        program: SwitchProgram | None = None,
        pipelines: Mapping[Role, Path] | None = None,
        timeline: Timeline | None = None,
        logs: Path | None = None,
    ) -> None:
        """`program` replaces the target's; `logs` is an existing directory for what switches print."""
        if LAB_NAME not in os.environ:
            raise LabError("a lab can only be built inside its container: start it by `vmto up`")
        self.plan = plan
        self.program = program or SwitchProgram.of(Target(target))
        self.timeline = timeline or Timeline()
        self.topo = PlanTopo(
            plan=plan, program=self.program, pipelines=pipelines, timeline=self.timeline, logs=logs
        )
        self.net = mininet(self.topo)
        self._delay: subprocess.Popen[bytes] | None = None
        self._cut: set[str] = set()
        self._dead: set[str] = set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Build everything and wait until every switch serves P4Runtime. Raises `LabError`."""
        prepare_namespace(self.plan)
        # Mininet would wait for ever for the shell of a machine that mnexec could not make.
        tried = subprocess.run(["mnexec", "-n", "true"], capture_output=True, text=True, check=False)
        if tried.returncode:
            raise LabError(f"mnexec cannot make a network namespace here: {tried.stderr.strip()}")
        self.net.build()
        self._delay = delay.start(delay_cables(self.plan, self.program))
        self.net.start()
        self.timeline.stamp("up", "lab")

    def stop(self) -> None:
        """End all processes. Interfaces go with the container's namespace."""
        for switch in self.switches.values():
            switch.stop(deleteIntfs=False)
        for machine in self.machines.values():
            machine.terminate()
        if self._delay:
            self._delay.kill()
            self._delay.communicate()

    @property
    def switches(self) -> dict[str, P4Switch]:
        """All switches by name."""
        return {switch.name: switch for switch in self.net.switches}

    @property
    def machines(self) -> dict[str, Guest]:
        """Hosts and virtual machines by name."""
        return {guest.name: guest for guest in self.net.hosts}

    @property
    def hosts(self) -> dict[str, Guest]:
        """Machines that stay."""
        return {name: self.machines[name] for name in self.plan.hosts}

    @property
    def vms(self) -> dict[str, VirtualMachine]:
        """Machines that move."""
        return {name: guest for name, guest in self.machines.items() if isinstance(guest, VirtualMachine)}

    def machine(self, name: str) -> Guest:
        """A host or virtual machine. Raises `LabError` that names those there are."""
        if name not in self.machines:
            raise LabError(f"no machine {name!r}: use one of {', '.join(self.machines)}")
        return self.machines[name]

    def vm(self, name: str) -> VirtualMachine:
        """A virtual machine. Raises `LabError` that names those there are."""
        if name not in self.vms:
            raise LabError(f"no virtual machine {name!r}: use one of {', '.join(self.vms)}")
        return self.vms[name]

    def switch(self, name: str) -> P4Switch:
        """A switch. Raises `LabError` that names those there are."""
        if name not in self.switches:
            raise LabError(f"no switch {name!r}: use one of {', '.join(self.switches)}")
        return self.switches[name]

    def split(self, vm: str, slot: str, announce: Announce | str = Announce.GARP) -> VirtualMachine:
        """Start a second copy of a machine in another slot: same MAC, same addresses, both on the network.

        The copy is a machine of its own by the name `VM-copy`, until `merge` ends it.
        """
        plan = self.vm(vm).plan
        name = f"{vm}-copy"
        if name in self.machines:
            raise LabError(f"{vm} is split already: merge it first")
        try:
            port = plan.slot(slot).port
        except KeyError as error:
            raise LabError(str(error.args[0])) from None
        if any(machine.slot == plan.slot(slot) for machine in self.vms.values()):
            raise LabError(f"{vm} is at {slot} already: choose another of its slots")
        twin = replace(plan, name=name, tap=copy_interface(vm), at=slot)
        copy = self.net.addHost(name, cls=VirtualMachine, plan=twin, timeline=self.timeline)
        self.net.addLink(copy, self.switch(port.node), cls=PatchLink)
        copy.configDefault()
        copy.wait_active(copy.plan.slot(slot))
        self.timeline.stamp("split", vm, slot=slot)
        copy.announce(announce)
        return self.vm(name)

    def merge(self, vm: str) -> None:
        """End the copy of a machine that was split."""
        copy = self.vm(f"{vm}-copy")
        copy.unplug()
        for link in [link for link in self.net.links if link.intf1.node is copy]:
            self.net.links.remove(link)
        copy.cable.close()
        wires.remove(copy.plan.tap)
        self.net.hosts.remove(copy)
        del self.net.nameToNode[copy.name]
        copy.terminate()
        self.timeline.stamp("merged", vm, slot=self.vm(vm).cable.slot)

    def greet(self) -> None:
        """Have every machine announce itself, as after booting; for when controllers are there to hear it."""
        for machine in self.machines.values():
            machine.greet()

    def ping(self, source: str, destination: str, *, count: int = 1, interval: float = 0.2) -> str:
        """What ping(8) says from one machine to another's address."""
        address = str(self.machine(destination).plan.address.ip)
        argv = ["ping", "-n", "-c", str(count), "-i", f"{interval:g}", "-W", "1", address]
        return self.machine(source).run(argv).stdout

    def cable(self, a: str, b: str) -> Cable:
        """The first cable between two nodes. Raises `LabError`."""
        for cable in self.plan.cables:
            if {cable.a.node, cable.b.node} == {a, b}:
                return cable
        raise LabError(f"no link between {a!r} and {b!r}")

    def set_link(self, a: str, b: str, *, up: bool) -> None:
        """Cut the cable between two nodes, or mend it; both switches lose and regain their carrier."""
        cable = self.cable(a, b)
        (self._cut.discard if up else self._cut.add)(cable.name)
        self._carry([cable])
        self.timeline.stamp("link up" if up else "link down", f"{cable.a.node}--{cable.b.node}")

    def set_node(self, name: str, *, up: bool) -> None:
        """Have the neighbours of a switch lose its carrier, as if its power were gone, or regain it.

        Its own ports stay usable, so that a switch process can start on them. Hosts notice nothing: their
        addresses and routes would be gone.
        """
        switch = self.switch(name)
        (self._dead.discard if up else self._dead.add)(switch.name)
        self._carry(cable for cable in self.plan.cables if name in (cable.a.node, cable.b.node))
        self.timeline.stamp("node up" if up else "node down", name)

    def _carry(self, cables: Iterable[Cable]) -> None:
        """An end of a cable is up while the cable is whole and the switch at the other end is alive."""
        with Netlink() as kernel:
            for cable in cables:
                ends = [self.plan.port(end).interface for end in (cable.a, cable.b)]
                if not self.program.delays:
                    ends = list(delay_ends(cable))
                for end, far in zip(ends, (cable.b.node, cable.a.node), strict=True):
                    up = cable.name not in self._cut and far not in self._dead
                    kernel.send(netlink.link(kernel.index(end), up=up, arp=False))

    def _is_up(self, cable: Cable) -> bool:
        return cable.name not in self._cut and not self._dead & {cable.a.node, cable.b.node}

    def status(self) -> dict[str, Any]:
        """Liveness of every part, as plain values."""
        parts: list[P4Switch | Guest] = [*self.switches.values(), *self.machines.values()]
        return {
            "name": self.plan.name,
            "alive": all(part.alive for part in parts),
            "switches": {
                name: {
                    "role": str(switch.plan.role),
                    "alive": switch.alive,
                    "pid": switch.process.pid if switch.process else None,
                    "grpc": switch.plan.grpc_address,
                }
                for name, switch in self.switches.items()
            },
            "machines": {name: self._machine_status(guest) for name, guest in self.machines.items()},
            "wires": [
                [i for end in (link.intf1, link.intf2) for i in (end.node.name, end.name)]
                for link in self.net.links
            ],
            "links": {cable.name: self._is_up(cable) for cable in self.plan.cables},
            "time": time.monotonic(),
        }

    def _machine_status(self, guest: Guest) -> dict[str, Any]:
        plan = guest.plan
        result: dict[str, Any] = {
            "alive": guest.alive,
            "pid": guest.pid,
            "address": str(plan.address),
            "mac": plan.mac,
        }
        if isinstance(guest, VirtualMachine):
            slot = guest.slot
            result |= {"slot": slot.name if slot else None, "slots": [s.name for s in guest.plan.slots]}
        return result

    def popen(self, machine: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a program in a machine's network; options of `subprocess.Popen`."""
        return subprocess.Popen(self.machine(machine).command(argv), **options)
