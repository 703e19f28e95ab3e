"""Many runs as one result."""

from __future__ import annotations

from collections.abc import Callable

from testbed.experiments.repeat import together
from testbed.experiments.result import Compared

Build = Callable[..., Compared]


def run(build: Build, gap: float, *, lives: bool = True, holds: bool = True) -> Compared:
    move = build().move
    gaps = move.gap_ms.model_copy(update={"ingress": gap})
    check = {"phase": "after", "about": "path", "expected": "no trombone", "seen": "a b", "holds": holds}
    moved = move.model_copy(update={"gap_ms": gaps, "tcp_survived": lives})
    return build(changed={"move": moved, "checks": [check], "seed": 7})


def test_one_run_is_itself(compared: Build) -> None:
    one = run(compared, 130.0)
    assert together([one]) is one


def test_medians_and_what_went_wrong(compared: Build) -> None:
    runs = [run(compared, 100.0 + n) for n in range(6)]
    runs += [run(compared, 500.0, lives=False), run(compared, 120.0, holds=False)]
    found = together(runs)
    assert found.model_copy(update={"repeated": None}) == runs[0]
    repeated = found.repeated
    assert repeated is not None
    assert (repeated.runs, repeated.seed) == (8, 7)
    assert (repeated.wrong_paths, repeated.dead_sessions, repeated.failed) == (1, 1, 1)
    assert repeated.failures == ["run 8: after: no trombone: a b"]
    gap = repeated.figures["gap_ingress_ms"]
    assert (gap.median, gap.low, gap.high) == (103.5, 100.0, 500.0)
    assert gap.confidence > 0.95
    assert repeated.figures["dip_ms"].median is None, "there was no bulk session"
