"""Program of a lab container: tables are broken by hand, and each of the proofs says what it sees of it.

The static check follows what controllers wrote, `differences` reads what switches hold, postcards and
captures show packets. Prints JSON.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Hashable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from controllers.dataplane.entity import TableEntry, Update, Verb
from controllers.dataplane.plane import Keyed
from controllers.intents import Drop, IpRoute, Remote
from controllers.runtime.switch import SwitchController
from testbed.experiments.checking import differences
from testbed.experiments.invariants import check_now
from testbed.experiments.proof import Witness
from testbed.experiments.readback import read_entities
from testbed.experiments.running import RunningLab, Setup
from testbed.lab.eventually import eventually_async
from testbed.lab.switches import Target
from testbed.model.load import load_plan
from testbed.model.topology import Mode, Reflector
from testbed.observe.flows import PingFlow
from testbed.observe.frames import Flow
from testbed.observe.paths import Trace

WAN = Path(__file__).parents[2] / "topologies" / "wan.yaml"
ECHOES = 5


class Patient:
    """A lab, and what its proofs say of it."""

    def __init__(self, lab: RunningLab) -> None:
        self.lab = lab
        self.found: dict[str, Any] = {}

    def switch(self, node: str) -> SwitchController:
        return self.lab.fabric.controllers[node].switch

    def route(self, node: str, machine: str) -> IpRoute:
        """The host route to a machine."""
        prefix = IPv4Network(self.lab.plan.machines[machine].address.ip)
        routes = self.switch(node).plane.intents.values()
        return next(each for each in routes if isinstance(each, IpRoute) and each.prefix == prefix)

    async def write(self, node: str, intent: Keyed) -> None:
        """As the controller of a switch writes: it is in the journal."""
        self.switch(node).set(intent)
        await asyncio.sleep(0)
        await self.lab.fabric.settled()

    async def erase(self, node: str, key: Hashable) -> None:
        """The same for what is to go."""
        self.switch(node).unset(key)
        await asyncio.sleep(0)
        await self.lab.fabric.settled()

    async def tamper(self, node: str, table: str) -> None:
        """Take all entries out of a table behind the controller's back."""
        session = self.switch(node).session
        there = [each for each in await read_entities(session) if isinstance(each, TableEntry)]
        session.write([Update(Verb.DELETE, each) for each in there if each.table == table])
        await session.flushed()

    async def look(self, name: str, source: str, destination: str) -> None:
        """What all proofs say now; packets are echoes from one machine to another."""
        machines = [self.lab.lab.machine(each) for each in (source, destination)]
        one, other = machines
        witness = Witness(self.lab, [(one, other)])
        self.lab.postcards.clear()
        await witness.start()
        flow = PingFlow(one, str(other.plan.address.ip), interval=0.02, count=ECHOES)
        await flow.start()
        await asyncio.sleep(0.3)
        answered = len((await flow.stop()).samples)
        await witness.stop()
        proof = await witness.proof(lambda _sent, _seen: ())
        ends = tuple(str(each.plan.address.ip) for each in machines)

        def there(flow: Flow) -> bool:
            return (flow.source, flow.destination) == ends

        self.found[name] = {
            "tables": sorted({(each.kind.value, each.source, each.destination) for each in check_now(
                self.lab.journal, self.lab.plan
            )}),
            "held": await differences(self.lab),
            "ways": sorted({_last(trace) for trace in self.lab.postcards.traces(there)}),
            "answered": answered,
            "compared": proof.compared,
            "agreeing": proof.agreeing,
            "differences": proof.differences[:1],
        }  # fmt: skip


def _last(trace: Trace) -> str:
    """The nodes of a packet's ways, with why one ended before the receiver."""
    ends = [(branch.nodes, branch.hops[-1].drop) for branch in trace.branches]
    return "; ".join(" ".join([*nodes, drop]).strip() for nodes, drop in ends)


async def main() -> dict[str, Any]:
    async with RunningLab(load_plan(WAN), Setup(Mode.EVPN_VMTO, Reflector.EMBEDDED, Target.EMBEDDED)) as lab:
        patient = Patient(lab)
        client, vm = lab.lab.machine("client"), lab.lab.vm("vm1")
        for machine in ("h2", "h3", "vm1"):
            await lab.reachable(client, lab.lab.machine(machine))
        await vm.migrate("dc2", blackout_ms=20)
        await eventually_async(lambda: not check_now(lab.journal, lab.plan), within=10)
        await lab.watch_pings((client, lab.lab.machine(each)) for each in ("h2", "vm1"))
        await patient.look("sound", "client", "vm1")

        host_route = patient.route("pe4", "vm1")
        await patient.erase("pe4", host_route.key)
        await patient.look("no host route", "client", "vm1")
        await patient.write("pe4", host_route)

        good = patient.route("pe4", "h2")
        pe3 = lab.plan.switches["pe3"].loopback
        label = lab.plan.tenants["red"].vrfs["pe3"].label
        assert pe3 is not None
        await patient.write("pe4", replace(good, via=Remote(pe3, label)))
        await patient.look("wrong next hop", "client", "h2")
        await patient.write("pe4", replace(good, via=Drop()))
        await patient.look("black hole", "client", "h2")
        await patient.write("pe4", good)

        await patient.tamper("p2", "incoming_label")
        await patient.look("tables that no controller wrote", "client", "vm1")
        await lab.fabric.restart("p2")
        await eventually_async(lab.fabric.controllers["p2"].switch.ready.is_set, within=30)
        await patient.tamper("p2", "watch_ipv4")
        await patient.look("a switch that keeps silent", "client", "vm1")
        return patient.found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main())))
