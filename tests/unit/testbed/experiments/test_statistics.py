"""Medians and their confidence intervals."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.experiments.statistics import CONFIDENCE, coverage, spread

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


@given(values)
def test_the_interval_has_the_median_in_it_and_is_of_values(given_values: list[float]) -> None:
    found = spread(given_values)
    assert min(given_values) <= found.low <= found.median <= found.high <= max(given_values)
    assert found.low in given_values
    assert found.high in given_values
    assert found.confidence >= CONFIDENCE or len(given_values) < 6


@given(values)
def test_the_order_of_runs_does_not_matter(given_values: list[float]) -> None:
    assert spread(given_values) == spread(list(reversed(given_values)))


@given(values, st.floats(-1e3, 1e3))
def test_all_later_is_the_same_later(given_values: list[float], shift: float) -> None:
    moved, still = spread([value + shift for value in given_values]), spread(given_values)
    assert moved.median == pytest.approx(still.median + shift, abs=1e-6)
    assert moved.low == pytest.approx(still.low + shift, abs=1e-6)


@pytest.mark.parametrize(("count", "rank"), [(1, 1), (5, 1), (6, 1), (8, 2), (11, 3)])
def test_coverage_is_what_counting_says(count: int, rank: int) -> None:
    good = sum(rank <= sum(sides) <= count - rank for sides in product((0, 1), repeat=count))
    assert coverage(count, rank) == pytest.approx(good / 2**count)


def test_known_ranks() -> None:
    # Conover, Practical Nonparametric Statistics: 20 values, the 6th and the 15th.
    assert (spread(range(1, 21)).low, spread(range(1, 21)).high) == (6, 15)
    assert spread(range(1, 6)).confidence == pytest.approx(0.9375)


def test_nothing_has_no_median() -> None:
    with pytest.raises(ValueError, match="no values"):
        spread([])
