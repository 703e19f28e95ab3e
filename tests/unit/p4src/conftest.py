"""Switches under test, in each engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from testbed.p4.switch.native.engine import NativeTarget
from testbed.p4.switch.reference.target import ReferenceTarget
from tests.unit.p4src import real_switch
from tests.unit.p4src.harness import PipelineUnderTest
from tests.unit.p4src.provider_edge import configure

ENGINES = [ReferenceTarget, NativeTarget]
REAL = pytest.param("bmv2", id="bmv2", marks=[pytest.mark.needs_bmv2, pytest.mark.needs_root])
"""p4c and simple_switch_grpc, where they are; `test_real_switch_is_tested_too` says where they are not."""

Maker = Callable[[str], PipelineUnderTest]


@pytest.fixture(scope="session", autouse=True)
def interfaces_go() -> Iterator[None]:
    """The interfaces of real switches outlive switches, not the tests."""
    yield
    real_switch.close_links()


@pytest.fixture(
    params=[
        *(pytest.param(engine, id=engine.__name__.removesuffix("Target").lower()) for engine in ENGINES),
        *([] if real_switch.missing() else [REAL]),
    ]
)
def switch(request: pytest.FixtureRequest) -> Iterator[Maker]:
    """Makes switches that run a program of p4src, with empty tables."""
    made: list[PipelineUnderTest] = []

    def make(name: str) -> PipelineUnderTest:
        real = request.param == "bmv2"
        made.append(real_switch.RealSwitch(name) if real else PipelineUnderTest(name, request.param))
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
