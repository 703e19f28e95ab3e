"""What `mn --custom` needs to run a topology: the topology, its controllers, the command line.

Mininet's own runner is put into a container first, so that it leaves as little behind as `vmto up` does.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

from mininet.net import Mininet
from mininet.node import Controller, Node

from testbed import resources
from testbed.lab.console import LabCLI
from testbed.lab.container import LAB_NAME, run_in_lab
from testbed.lab.errors import LabError
from testbed.lab.machines import Guest
from testbed.lab.network import PlanTopo, prepare_namespace
from testbed.lab.switches import READY_SECONDS, SwitchProgram, Target
from testbed.model.errors import TopologyError
from testbed.model.load import load_plan


def contain(name: str = "mn") -> None:
    """Run this program again in a container and end with it, unless it is in one already."""
    if LAB_NAME in os.environ:
        Mininet.inited = True  # or it would tune the whole machine
        return
    try:
        code = run_in_lab(name, [sys.executable, *sys.argv]).wait()
    except LabError as error:
        print(f"vmto: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)


def topology(name: str = "wan") -> PlanTopo:
    """The topology of a file, or of one that comes along: `--topo vmto,wan`."""
    path = resources.topology(name)
    try:
        plan = load_plan(path)
    except TopologyError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    prepare_namespace(plan)
    FabricController.topology = path
    return PlanTopo(plan=plan, program=SwitchProgram.of(Target.EMBEDDED))


class FabricController(Controller):  # type: ignore[misc]
    """All controllers and the route reflector of the topology, in one process: `--controller fabric,evpn`."""

    topology: Path

    def __init__(self, name: str, mode: str = "", **params: Any) -> None:
        """`mode` as in topology files; the topology's default unless given."""
        self.mode = mode
        self.process: subprocess.Popen[bytes] | None = None
        self._ready = False
        Node.__init__(self, name, inNamespace=False, **params)

    def start(self) -> None:
        """Start them; `in_control` tells when they have all switches."""
        module = "testbed.experiments.controllers"  # above this in the house: started, not imported
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, str(self.topology), self.mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def in_control(self) -> bool:
        """Do all switches hold their tables?"""
        if self.process is None or self.process.stdout is None:
            return False
        if not self._ready and select.select([self.process.stdout], [], [], 0)[0]:
            self._ready = self.process.stdout.readline() == b"ready\n"
            if not self._ready:
                raise LabError("the controllers ended: see above")
            for guest in Guest.by_name.values():
                guest.greet()
        return self._ready

    def stop(self, *args: Any, **options: Any) -> None:
        """End them."""
        if self.process:
            self.process.terminate()
            self.process.wait()
        Node.stop(self, *args, **options)


class PatientCLI(LabCLI):
    """The command line, once the controllers are in control."""

    def __init__(self, mininet: Mininet, *args: Any, **options: Any) -> None:
        mininet.waitConnected(timeout=READY_SECONDS)
        super().__init__(mininet, *args, **options)
