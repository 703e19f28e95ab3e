"""Switches under test, in each engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from testbed.p4.switch.native.engine import NativeTarget
from testbed.p4.switch.reference.target import ReferenceTarget
from tests.unit.p4src.harness import PipelineUnderTest
from tests.unit.p4src.provider_edge import configure

ENGINES = [ReferenceTarget, NativeTarget]

Maker = Callable[[str], PipelineUnderTest]


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.__name__.removesuffix("Target").lower())
def switch(request: pytest.FixtureRequest) -> Iterator[Maker]:
    """Makes switches that run a program of p4src, with empty tables."""
    made: list[PipelineUnderTest] = []

    def make(name: str) -> PipelineUnderTest:
        made.append(PipelineUnderTest(name, request.param))
        return made[-1]

    yield make
    for pipeline in made:
        pipeline.close()


@pytest.fixture
def pe(switch: Maker) -> PipelineUnderTest:
    """The PE of provider_edge.py."""
    made = switch("pe")
    configure(made)
    return made
