"""What a neighbour can make a speaker keep: no more than its routes."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from controllers.bgp.neighbor import ANSWERS
from controllers.bgp.paths import Audience, SharedPath, Source
from controllers.wire.types import RouteTarget
from tests.unit.controllers.bgp.fabric import REFLECTOR, Fabric, mac_route, pe


@pytest.fixture
def no_collector() -> Iterator[None]:
    """As in a lab: what is not freed by reference counts stays (`controllers.runtime.collector`)."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def shared_objects() -> int:
    return sum(isinstance(thing, Source | SharedPath | Audience) for thing in gc.get_objects())


@pytest.mark.usefixtures("no_collector")
def test_a_route_that_changes_without_end_takes_no_more_and_more_memory() -> None:
    fabric = Fabric()
    fabric.star(2)
    before = shared_objects()
    for number in range(4 * ANSWERS):
        fabric.engines[pe(1)].announce(mac_route(1, 1, target=RouteTarget.of_as(65000, number)))
        fabric.settle()
    assert shared_objects() - before <= 2 * ANSWERS + 20


@pytest.mark.usefixtures("no_collector")
def test_a_session_that_flaps_leaves_nothing_behind() -> None:
    fabric = Fabric()
    fabric.star(2)
    for mac in range(20):
        fabric.engines[pe(1)].announce(mac_route(1, mac, target=RouteTarget.of_as(65000, mac)))
    fabric.settle()
    before = shared_objects()
    for _ in range(50):
        fabric.disconnect(REFLECTOR, pe(1))
        fabric.settle()
        fabric.connect(REFLECTOR, pe(1), a_sees={"client": True})
        fabric.settle()
    assert shared_objects() - before <= 2 * ANSWERS
