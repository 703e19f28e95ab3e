"""What a result says of how it came about."""

from __future__ import annotations

import pytest

from testbed.experiments.defaults import choose, run_spec
from testbed.experiments.measure import how_moved
from testbed.lab.switches import Target


@pytest.mark.parametrize(
    ("scenario", "blackout_ms", "announce"),
    [
        ("move", 100.0, "garp"),
        ("silent", 30.0, "none"),
        ("evacuate", 50.0, "qemu"),
        ("link-down", 100.0, "garp"),
    ],
)
def test_an_action_says_how_a_machine_moves(scenario: str, blackout_ms: float, announce: str) -> None:
    chosen = choose(scenario)
    spec = run_spec(
        chosen,
        chosen.in_mode(None),
        reflector=None,
        target=Target.EMBEDDED,
        blackout_ms=None,
        announce=None,
        seed=0,
        logs=None,
    )
    assert how_moved(chosen.scenario, spec) == {"blackout_ms": blackout_ms, "announce": announce}
