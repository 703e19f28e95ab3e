"""Targets that close themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from testbed.p4.switch.native import NativeTarget
from testbed.p4.switch.target import TargetOptions


@pytest.fixture
def make_target() -> Iterator[Callable[..., NativeTarget]]:
    """A function that makes targets."""
    targets: list[NativeTarget] = []

    def make(**options: object) -> NativeTarget:
        targets.append(NativeTarget(TargetOptions(**options)))  # type: ignore[arg-type]
        return targets[-1]

    yield make
    for target in targets:
        target.close()


@pytest.fixture
def target(make_target: Callable[..., NativeTarget]) -> NativeTarget:
    """A target with a CPU port."""
    return make_target(cpu_port=510)
