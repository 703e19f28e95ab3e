"""The samples of a move that plots are made of: what arrived when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from testbed.experiments.result import Arrivals, Series
from testbed.observe.flows import PingResult, UdpResult
from testbed.observe.samples import Sample

LEAD: Final = 0.3
"""Seconds before the pause from which datagrams are kept; echoes are kept all."""

TRAIL: Final = 0.7
"""Seconds after the machine is back."""


def series(
    ping: PingResult, ingress: UdpResult, egress: UdpResult, *, paused: float, plugged: float
) -> Series:
    """Of one client's sessions around one move; times in seconds by the clock of the samples."""
    span = paused - LEAD, plugged + TRAIL
    everything = float("-inf"), float("inf")
    return Series(
        echoes=_arrivals(ping.samples, everything, paused),
        ingress=_arrivals(ingress.samples, span, paused),
        egress=_arrivals(egress.samples, span, paused),
    )


def _arrivals(samples: Iterable[Sample], span: tuple[float, float], zero: float) -> Arrivals:
    kept = sorted((each for each in samples if span[0] <= each.sent <= span[1]), key=lambda each: each.sent)
    return Arrivals(
        sent_ms=[round((each.sent - zero) * 1e3, 2) for each in kept],
        delay_ms=[round(each.delay * 1e3, 3) for each in kept],
    )
