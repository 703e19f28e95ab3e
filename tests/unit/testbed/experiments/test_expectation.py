"""What each mode must show."""

from __future__ import annotations

import pytest

from testbed.experiments.expectation import TRUTHS, truth
from testbed.model.plan import Plan
from testbed.model.topology import Mode


def test_every_mode_has_a_truth() -> None:
    assert set(TRUTHS) == set(Mode)


@pytest.mark.parametrize("mode", list(Mode))
def test_where_nothing_can_trombone(plan: Plan, mode: Mode) -> None:
    bridged = truth(plan, mode, "vm1", "h3", "dc2")
    at_the_gateway = truth(plan, mode, "vm1", "client", "dc1")
    assert (
        (bridged.ingress, bridged.egress) == (at_the_gateway.ingress, at_the_gateway.egress) == (False, False)
    )
    assert truth(plan, mode, "vm1", "client", "dc2") == TRUTHS[mode]
