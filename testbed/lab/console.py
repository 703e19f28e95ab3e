"""Mininet's command line on a lab, with commands for machines that move.

In a network that this process built (`mn --custom`), or attached to a lab that runs elsewhere
(`python -m testbed.lab.console NAME`): then the process enters the lab's namespaces first, its nodes are new
shells in the same networks, and what changes the lab goes over its control socket.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mininet.cli import CLI
from mininet.link import Link
from mininet.log import error, output, setLogLevel
from mininet.net import Mininet
from mininet.node import Host, Node

from testbed.lab.container import find
from testbed.lab.control import ControlClient
from testbed.lab.errors import LabError
from testbed.lab.interface import Interface

CONTROL = "VMTO_CONTROL"


class LabCLI(CLI):  # type: ignore[misc]
    """Mininet's commands, and `migrate` and `where`."""

    prompt = "vmto> "

    def do_migrate(self, line: str) -> None:
        """Move a machine live.
        Usage: migrate vm slot [blackout in ms [garp|rarp|qemu|none]]"""
        words = line.split()
        try:
            if not 2 <= len(words) <= 4:
                raise LabError("usage: migrate vm slot [blackout in ms [garp|rarp|qemu|none]]")
            machine = self._movable(words[0])
            options: dict[str, Any] = {}
            if len(words) > 2:
                options["blackout_ms"] = float(words[2])
            if len(words) > 3:
                options["announce"] = words[3]
            machine.move(words[1], **options)
            output(f"{words[0]} is at {words[1]}\n")
        except (LabError, ValueError) as problem:
            error(f"{problem}\n")

    def do_where(self, _line: str) -> None:
        """Tell in which slot each movable machine is."""
        for node in self.mn.hosts:
            if hasattr(node, "move"):
                output(f"{node.name}: {where(node)}\n")

    def _movable(self, name: str) -> Any:
        movable = {node.name: node for node in self.mn.hosts if hasattr(node, "move")}
        if name not in movable:
            raise LabError(f"no virtual machine {name!r}: use one of {', '.join(movable)}")
        return movable[name]


def where(node: Any) -> str:
    """The slot of a virtual machine, built here or attached to."""
    if isinstance(node, AttachedVm):
        return str(node.status()["slot"])
    return node.slot.name if node.slot else "off the network"


class Attached(Host):  # type: ignore[misc]
    """A new shell in the network of a machine that is there already; leaving it leaves the machine."""

    def __init__(self, name: str, *, network_of: int, address: str = "", **params: Any) -> None:
        self._network_of = network_of
        self.address = address
        Host.__init__(self, name, **params)

    def startShell(self, mnopts: str | None = None) -> None:  # noqa: N802, ARG002 - Mininet's names
        """A shell attached to the network instead of one in a network of its own."""
        Node.startShell(self, f"-cda{self._network_of}" if self._network_of else "-cd")

    def config(self, **_params: Any) -> dict[str, Any]:
        """Nothing is to be configured."""
        return {}


class AttachedVm(Attached):
    """A machine that moves, moved by its lab."""

    def move(self, to: str, **options: Any) -> Any:
        """As `VirtualMachine.move`."""
        with ControlClient(Path(os.environ[CONTROL])) as lab:
            return lab.call("migrate", machine=self.name, to=to, **options)

    def status(self) -> dict[str, Any]:
        """What its lab says of it."""
        with ControlClient(Path(os.environ[CONTROL])) as lab:
            return dict(lab.call("status")["machines"][self.name])


class _Seen(Link):  # type: ignore[misc]
    """A link that is there already."""

    def __init__(self, node1: Any, name1: str, node2: Any, name2: str) -> None:
        self.intf1 = Interface(name1, address=node1.address, node=node1, link=self)
        self.intf2 = Interface(name2, address=node2.address, node=node2, link=self)


def attach(status: dict[str, Any]) -> Mininet:
    """A Mininet network of shells in a running lab, from what its control socket says of it."""
    Mininet.inited = True
    net = Mininet(topo=None, controller=None, build=False)
    for name, machine in status["machines"].items():
        cls = AttachedVm if "slots" in machine else Attached
        net.addHost(name, cls=cls, network_of=machine["pid"], address=machine["address"])
    for name in status["switches"]:
        net.nameToNode[name] = node = Attached(name, network_of=0, inNamespace=False)
        net.switches.append(node)
    net.links += [_Seen(net[a], a_name, net[b], b_name) for a, a_name, b, b_name in status["wires"]]
    return net


def enter(name: str, argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` in the namespaces of a running lab. Raises `LabError`."""
    lab = find(name)
    if lab is None:
        raise LabError(f"lab {name!r} is not up: `vmto up --name {name}` starts it")
    target = str(lab.init.pid)
    return ["nsenter", "--target", target, "--net", "--mount", "--pid", "--wd=.", "--", *argv]


def command(name: str) -> list[str]:
    """The command line of a console on a running lab. Raises `LabError`."""
    control = find(name)
    argv = [sys.executable, "-m", "testbed.lab.console", str(control.control if control else "")]
    return enter(name, argv)


def main(arguments: Sequence[str]) -> int:
    """Entry point, inside the lab's namespaces: the path of its control socket, [a script of commands]."""
    os.environ[CONTROL] = arguments[0]
    setLogLevel("output")
    with ControlClient(Path(arguments[0])) as lab:
        net = attach(lab.call("status"))
    try:
        LabCLI(net, script=arguments[1] if len(arguments) > 1 else None)
    finally:
        for node in net.values():
            node.terminate()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LabError as problem:
        sys.exit(f"vmto: {problem}")
