"""Figures know whether they reach their goal."""

from __future__ import annotations

import pytest

from testbed.experiments.bench.control import Row


@pytest.mark.parametrize(
    ("value", "goal", "at_least", "met"),
    [(4.0, 5.0, False, True), (6.0, 5.0, False, False), (6.0, 5.0, True, True), (6.0, None, False, None)],
)
def test_a_goal_is_a_bound(value: float, goal: float | None, at_least: bool, met: bool | None) -> None:
    assert Row("measure", "embedded", value, "ms", goal, at_least=at_least).met is met
