"""For all tests: properties are judged by what they find, not by how long a busy machine takes.

On a developer's machine every run tries new examples; in CI the same ones each time, so that a change is
blamed only for what it did. `--hypothesis-seed` replays a run.
"""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("default")

SHRINKING = 600
"""Seconds. Hypothesis makes a failing example smaller for at most 300: a time limit that strikes meanwhile
counts as another failure, one that does not come again (`Flaky`), and hides the one that was found."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give properties the time to tell what they found."""
    for item in items:
        if item.get_closest_marker("hypothesis") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SHRINKING))


def pytest_collection_finish() -> None:
    """Thousands of tests stay to the end: the garbage collector need not look at them again and again."""
    gc.collect()
    gc.freeze()
