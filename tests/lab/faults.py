"""Program of a lab container: everything fails once, machines talk all the while, all tables are proved.

Its argument is the reflector. Prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from testbed.experiments.checking import differences
from testbed.experiments.faults import Faults
from testbed.experiments.invariants import check, check_now
from testbed.experiments.running import RunningLab, Setup
from testbed.experiments.tracing import trace
from testbed.lab.errors import LabError
from testbed.lab.eventually import eventually_async
from testbed.lab.switches import Target
from testbed.model.load import load_plan
from testbed.model.topology import Mode, Reflector
from testbed.observe.flows import UdpFlow

PAIRS = (("client", "vm1"), ("vm1", "client"), ("h3", "h1"), ("h1", "h2"), ("client", "db2"))
WAN = Path(__file__).parents[2] / "topologies" / "wan.yaml"


class Trial:
    """A lab, and what was found in it."""

    def __init__(self, lab: RunningLab) -> None:
        self.lab = lab
        self.faults = Faults(lab)
        self.found: dict[str, Any] = {}

    @asynccontextmanager
    async def traffic(self, name: str) -> AsyncIterator[None]:
        """Datagrams between all pairs; how many were lost, by pair."""
        flows = []
        for number, (source, destination) in enumerate(PAIRS):
            a, b = self.lab.lab.machine(source), self.lab.lab.machine(destination)
            flow = UdpFlow(a, b, str(b.plan.address.ip), 7000 + number, rate=100, size=200, number=number)
            flows.append(flow)
        await asyncio.gather(*(flow.start() for flow in flows))
        yield
        results = await asyncio.gather(*(flow.stop() for flow in flows))
        stats = [result.stats(0.0, time.monotonic()) for result in results]
        self.found[name] = {
            "sent": sum(each.sent for each in stats),
            "lost": {
                f"{a} to {b}": each.lost for (a, b), each in zip(PAIRS, stats, strict=True) if each.lost
            },
        }

    async def reach(self, *pairs: tuple[str, str]) -> None:
        for source, destination in pairs:
            await self.lab.reachable(self.lab.lab.machine(source), self.lab.lab.machine(destination))

    async def nodes(self, source: str, destination: str) -> list[str]:
        """The way of one echo."""
        answer = await trace(self.lab, self.lab.lab.machine(source), self.lab.lab.machine(destination))
        branches = answer["there"]["branches"] if answer["there"] else []
        return list(branches[0]["nodes"]) if answer["answered"] and branches else []

    async def proof(self, name: str, act: Callable[[], Awaitable[object]]) -> None:
        """What the tables say of the time from an action until nothing is broken any more."""
        start = time.monotonic()
        await act()
        await eventually_async(lambda: not check_now(self.lab.journal, self.lab.plan), within=10)
        broken = check(self.lab.journal, self.lab.plan, start, time.monotonic())
        self.found[name] = sorted({(each.kind.value, each.source, each.destination) for each in broken})

    async def mistakes(self) -> list[str]:
        tries: list[Awaitable[None]] = [
            self.faults.cut("p1", "pe4"),
            self.faults.kill("pe9"),
            self.faults.revive("pe1"),
            self.faults.restart_controller("vm1"),
            self.faults.restore_reflector(),
        ]
        said = []
        for each in tries:
            try:
                await each
            except LabError as error:
                said.append(str(error))
        return said


def users(lab: RunningLab, dead: str) -> list[str]:
    """The other PEs that send anything to one."""
    way = f"pe={lab.plan.switches[dead].loopback!r}"
    return [
        name
        for name, pe in lab.fabric.pes.items()
        if name != dead and any(way in repr(each) for each in pe.switch.plane.intents.values())
    ]


async def whole(trial: Trial) -> None:
    """All faults, with our own reflector."""
    lab, faults, found = trial.lab, trial.faults, trial.found
    found["mistakes"] = await trial.mistakes()
    async with trial.traffic("controllers"):
        for node in ("pe1", "pe4", "p1", "acc1"):
            await faults.restart_controller(node)
    await trial.proof("cut", lambda: faults.cut("p1", "p4"))
    found["around"] = await trial.nodes("client", "h1")
    async with trial.traffic("mended"):
        await faults.mend("p4", "p1")
        await asyncio.sleep(0.3)
    found["straight"] = await trial.nodes("client", "h1")

    await trial.proof("dead", lambda: faults.kill("pe2"))
    await eventually_async(lambda: not users(lab, "pe2"), within=10, what="pe2 is nobody's next hop")
    found["alive"] = [await trial.nodes("client", "vm1"), await trial.nodes("h3", "h1")]
    await trial.proof("revived", lambda: faults.revive("pe2"))
    await trial.reach(("client", "h2"), ("h1", "h2"), ("client", "db2"))
    await trial.proof("moved", lambda: lab.lab.vm("vm1").migrate("dc2", blackout_ms=20))


async def reflected(trial: Trial) -> None:
    """The reflector goes and comes back, and a controller restarts with it."""
    async with trial.traffic("without reflector"):
        await trial.faults.lose_reflector()
        await asyncio.sleep(0.3)
    async with trial.traffic("reflector back"):
        await trial.faults.restore_reflector()
        # Until what the reflector would not mention again would count as gone.
        await asyncio.sleep(4.5)
    async with trial.traffic("controller back"):
        await trial.faults.restart_controller("pe1")


async def main(reflector: Reflector) -> dict[str, Any]:
    async with RunningLab(load_plan(WAN), Setup(Mode.EVPN_VMTO, reflector, Target.EMBEDDED)) as lab:
        trial = Trial(lab)
        await trial.reach(*PAIRS)
        if reflector is Reflector.EMBEDDED:
            await whole(trial)
        await reflected(trial)
        trial.found["now"] = [str(each) for each in check_now(lab.journal, lab.plan)]
        trial.found["differences"] = await differences(lab)
        return trial.found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(Reflector(sys.argv[1])))))
    sys.exit(0)
