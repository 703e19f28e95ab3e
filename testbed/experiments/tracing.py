"""One echo between two machines of a running lab, and the way that every switch saw it take."""

from __future__ import annotations

import time
from typing import Any

from testbed.experiments.running import RunningLab
from testbed.lab.machines import Guest
from testbed.observe.flows import PingFlow
from testbed.observe.paths import Trace
from testbed.observe.postcards import between

ATTEMPTS = 2
"""Echoes at most: the first one to a silent machine is lost, and has its PE ask for the machine."""

REPORTED_SECONDS = 1.0
"""How long reports of switches may take after the echo is back, or given up."""


async def trace(lab: RunningLab, source: Guest, destination: Guest) -> dict[str, Any]:
    """Both ways of one echo, `there` and `back`; a way is None if nobody saw a packet of it.

    `answered` is false if no echo came back; the ways then end where the last one was seen. `lost` counts
    those before it.
    """
    watches = await lab.watch_pings([(source, destination)])
    rtt, lost, started = None, -1, 0.0
    try:
        while rtt is None and lost < ATTEMPTS - 1:
            lost, started = lost + 1, time.monotonic()
            rtt = await _echo(source, destination)
        there = await _way(lab, source, destination, started)
        back = await _way(lab, destination, source, started)
    finally:
        lab.unwatch(watches)
    return {
        "source": source.name,
        "destination": destination.name,
        "answered": rtt is not None,
        "lost": lost,
        "rtt_ms": None if rtt is None else round(rtt, 3),
        "there": there,
        "back": back,
    }


async def _echo(source: Guest, destination: Guest) -> float | None:
    flow = PingFlow(source, str(destination.plan.address.ip), count=1)
    await flow.start()
    return (await flow.stop()).rtt_ms()


async def _way(lab: RunningLab, source: Guest, destination: Guest, since: float) -> dict[str, Any] | None:
    matches = between(str(source.plan.address.ip), str(destination.plan.address.ip), "icmp")
    try:
        found = await lab.postcards.delivered(matches, since=since, within=REPORTED_SECONDS)
    except TimeoutError:
        seen = list(lab.postcards.traces(matches, since))
        if not seen:
            return None
        found = seen[-1]
    return _as_json(found)


def _as_json(found: Trace) -> dict[str, Any]:
    """The way that reached its destination, or else all that there are."""
    whole = found.as_json()
    arrived = found.delivered
    return {
        "delivered": arrived is not None,
        "flooded": found.flooded,
        "branches": [arrived.as_json()] if arrived else whole["branches"],
        "inconsistencies": whole["inconsistencies"],
    }
