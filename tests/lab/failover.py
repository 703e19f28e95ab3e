"""Program of a lab container: the PE that is master of the gateway dies, and comes back. Prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from controllers.vpls.pe import VplsPe
from testbed.experiments.faults import Faults
from testbed.experiments.running import RunningLab, Setup
from testbed.experiments.tracing import trace
from testbed.lab.eventually import eventually_async
from testbed.lab.switches import Target
from testbed.model.load import load_plan
from testbed.model.topology import Mode, Reflector
from testbed.observe.flows import TcpFlow
from testbed.resources import topology

WITHIN = 15.0


def masters(lab: RunningLab) -> list[str]:
    """The living PEs that hold the gateway of the machine's VLAN."""
    vlan = lab.plan.bridge_domains["servers"]
    found = []
    for name in vlan.pes:
        core = lab.fabric.pes[name].core
        assert isinstance(core, VplsPe)
        gateway = core.instances[vlan.ordinal].gateway
        if gateway is not None and gateway.master and lab.lab.switch(name).alive:
            found.append(name)
    return found


async def main() -> dict[str, Any]:
    plan = load_plan(topology("wan"))
    async with RunningLab(plan, Setup(Mode.VPLS, Reflector.EMBEDDED, Target.EMBEDDED)) as lab:
        faults, vm, client = Faults(lab), lab.lab.vm("vm1"), lab.lab.machine("client")
        found: dict[str, Any] = {}

        async def look(name: str, master: str) -> None:
            """Wait until only `master` holds the gateway and the client's packets go through it."""
            await eventually_async(
                lambda: masters(lab) == [master], within=WITHIN, what=f"{master} is master"
            )

            async def by_the_master() -> bool:
                seen = found[name] = await trace(lab, client, vm)
                ways = [seen[way]["branches"] if seen[way] else [] for way in ("there", "back")]
                return bool(seen["answered"]) and all(
                    any(master in branch["nodes"] for branch in branches) for branches in ways
                )

            await eventually_async(by_the_master, within=WITHIN, what=f"packets go by {master}")

        await lab.reachable(client, vm)
        await vm.migrate("dc2", blackout_ms=20)
        await look("before", "pe1")
        session = TcpFlow(client, vm, str(vm.plan.address.ip), 8000, bulk=False)
        await session.start()
        await faults.kill("pe1")
        await look("dead", "pe2")
        await faults.revive("pe1")
        await look("back", "pe1")
        found["session"] = (await session.stop()).broken
        return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main())))
    sys.exit(0)
