"""Flows as a slow switch can carry them."""

from __future__ import annotations

import pytest

from testbed.experiments.scenario.flows import AnyFlow, Bulk, Tcp, Udp, gentle
from testbed.experiments.scenario.load import find, load, names


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (Udp.model_validate({"udp": "a <> b", "rate": 250}), {"rate": 50.0}),
        (Udp.model_validate({"udp": "a > b", "rate": 20, "size": 100}), {"rate": 20.0, "size": 100}),
        (Bulk.model_validate({"bulk": "a > b"}), {"mbps": 0.5}),
        (Tcp.model_validate({"tcp": "a > b"}), {"interval_ms": 20.0}),
    ],
)
def test_only_rates_that_are_too_high_change(flow: AnyFlow, expected: dict[str, float]) -> None:
    found = gentle(flow).model_dump()
    assert found == flow.model_dump() | expected


def test_every_scenario_stays_as_it_is_but_for_its_rates() -> None:
    for name in names():
        scenario, _ = load(find(name))
        for flow in scenario.flows:
            assert gentle(gentle(flow)) == gentle(flow)
            assert type(gentle(flow)) is type(flow)
