"""Samples for plots: counted from the pause, in the order of sending, those around the move only."""

from __future__ import annotations

from testbed.experiments.series import series
from testbed.observe.flows import PingResult, UdpResult
from testbed.observe.samples import Sample


def test_times_count_from_the_pause_and_far_datagrams_are_left_out() -> None:
    echoes = PingResult(3, (Sample(0, 90.0, 90.02), Sample(2, 100.5, 100.51), Sample(1, 99.0, 99.02)))
    datagrams = UdpResult(4, tuple(Sample(n, t, t + 0.007) for n, t in enumerate((90.0, 99.9, 100.2, 110.0))))
    found = series(echoes, datagrams, UdpResult(0, ()), paused=100.0, plugged=100.1)
    assert found.echoes.sent_ms == [-10_000.0, -1_000.0, 500.0]
    assert found.echoes.delay_ms == [20.0, 20.0, 10.0]
    assert found.ingress.sent_ms == [-100.0, 200.0]
    assert found.ingress.delay_ms == [7.0, 7.0]
    assert found.egress.sent_ms == []
