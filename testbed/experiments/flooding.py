"""Which copies of a packet the WAN carried in vain. Pure."""

from __future__ import annotations

from testbed.model.plan import Plan
from testbed.model.topology import Role
from testbed.observe.paths import Hop, Trace


def copies(plan: Plan, trace: Trace) -> int:
    """How many copies too many PEs made of a packet: ways that part at a PE, beyond the first.

    What an access switch floods within its site (IEEE 802.1Q §8.8.9, an address that it has not learned) is
    not counted: no service of the WAN decides about that.
    """
    ways = {_up_to_last_pe(plan, branch.hops) for branch in trace.branches}
    return max(0, len(ways) - 1)


def _up_to_last_pe(plan: Plan, hops: tuple[Hop, ...]) -> tuple[tuple[str, int, int | None], ...]:
    places = [(hop.node, hop.ingress, hop.egress) for hop in hops]
    at = [i for i, hop in enumerate(hops) if plan.switches[hop.node].role is Role.PE]
    return tuple(places[: at[-1] + 1]) if at else ()
