"""What a lab has counted so far: bytes on the WAN, BGP UPDATEs, P4Runtime writes.

Interfaces, speakers and P4Runtime sessions each count for themselves; two readings and a subtraction give a
span of time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from controllers.runtime.fabric import Fabric
from testbed.model.plan import Plan, PortKind

INTERFACES = Path("/sys/class/net")


@final
@dataclass(frozen=True, slots=True)
class Tally:
    """Counters at one moment, or what two readings differ by."""

    wan_bytes: int
    """Bytes sent on all links between PEs and P routers, both directions, on every link that they cross."""
    updates: int
    """UPDATE messages that PEs sent (RFC 4271 §4.3)."""
    writes: int
    """P4Runtime updates that switches accepted."""

    def __sub__(self, earlier: Tally) -> Tally:
        return Tally(
            self.wan_bytes - earlier.wan_bytes, self.updates - earlier.updates, self.writes - earlier.writes
        )


def tally(plan: Plan, fabric: Fabric, interfaces: Path = INTERFACES) -> Tally:
    """Read all counters now. `interfaces` is where the kernel of the lab's namespace shows its own."""
    peers = [peer for pe in fabric.pes.values() for peer in pe.speaker.peers()]
    return Tally(
        wan_bytes=sum(_sent(interfaces / name) for name in core_interfaces(plan)),
        updates=sum(peer.counters.updates_out for peer in peers),
        writes=sum(each.switch.session.writes for each in fabric.controllers.values()),
    )


def core_interfaces(plan: Plan) -> Iterable[str]:
    """Both ends of every WAN link."""
    for switch in plan.switches.values():
        for port in switch.ports:
            if port.kind is PortKind.CORE:
                yield port.interface


def _sent(interface: Path) -> int:
    return int((interface / "statistics" / "tx_bytes").read_text())
