"""Program of a lab container: a site's active PE, which is master of the gateway too, dies and comes back.

Its argument is the topology. Prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from controllers.vpls.pe import VplsPe
from testbed.experiments.faults import Faults
from testbed.experiments.running import RunningLab, Setup
from testbed.experiments.tracing import trace
from testbed.lab.eventually import eventually_async
from testbed.lab.machines import Guest
from testbed.lab.switches import Target
from testbed.model.load import load_plan
from testbed.model.topology import Mode, Reflector
from testbed.observe.flows import TcpFlow

WITHIN = 15.0


def masters(lab: RunningLab) -> list[str]:
    """The living PEs that hold the gateway of the machine's VLAN."""
    vlan = lab.plan.bridge_domains["servers"]
    found = []
    for name in vlan.pes:
        core = lab.fabric.pes[name].core
        assert isinstance(core, VplsPe)
        if core.instances[vlan.ordinal].gateways[4].master and lab.lab.switch(name).alive:
            found.append(name)
    return found


async def main(topology: Path) -> dict[str, Any]:
    plan = load_plan(topology)
    async with RunningLab(plan, Setup(Mode.VPLS, Reflector.EMBEDDED, Target.EMBEDDED)) as lab:
        faults, vm, client, h1 = Faults(lab), *(lab.lab.machine(each) for each in ("vm1", "client", "h1"))
        found: dict[str, Any] = {}

        async def ways(machine: Guest, by: str) -> tuple[list[str], ...]:
            """The ways there and back, once both are by a PE."""
            seen: tuple[list[str], ...] = ()

            async def taken() -> bool:
                nonlocal seen
                echo = await trace(lab, client, machine)
                branches = [
                    branch for way in ("there", "back") if echo[way] for branch in echo[way]["branches"]
                ]
                seen = tuple(branch["nodes"] for branch in branches)
                return bool(echo["answered"]) and all(by in nodes for nodes in seen)

            await eventually_async(taken, within=WITHIN, what=f"packets to {machine.name} go by {by}")
            return seen

        async def look(name: str, master: str) -> None:
            what = f"{master} alone is master"
            await eventually_async(lambda: masters(lab) == [master], within=WITHIN, what=what)
            found[name] = {"vm1": await ways(vm, master), "h1": await ways(h1, master)}

        await lab.reachable(client, vm)
        await lab.lab.vm("vm1").migrate("dc2", blackout_ms=20)
        await look("before", "pe1")
        session = TcpFlow(client, vm, str(vm.plan.address.ip), 8000, bulk=False)
        await session.start()
        await faults.kill("pe1")
        await look("dead", "pe5")
        await faults.revive("pe1")
        await look("back", "pe1")
        found["session"] = (await session.stop()).broken
        return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(Path(sys.argv[1])))))
