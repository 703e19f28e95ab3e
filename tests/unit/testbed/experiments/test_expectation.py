"""What each mode must show, and what is said where it does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from testbed.experiments.expectation import TRUTHS, broken, failures, truth
from testbed.experiments.result import Compared
from testbed.model.plan import Plan
from testbed.model.topology import Mode

Build = Callable[..., Compared]


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


@pytest.mark.parametrize("mode", list(Mode))
def test_what_is_as_it_must_be(compared: Build, mode: Mode) -> None:
    expected = TRUTHS[mode]
    found = compared(mode.value, ingress=expected.ingress, egress=expected.egress)
    assert broken(expected, found) == []


def test_what_is_not(compared: Build) -> None:
    found = compared("evpn-vmto", ingress=True, changed={"flooded": 3})
    assert broken(TRUTHS[Mode.EVPN_VMTO], found) == [
        "packets to the machine trombone after the move",
        "PEs made 3 copies of unicast packets",
    ]
    found = compared("evpn", ingress=True)
    assert broken(TRUTHS[Mode.EVPN], found) == ["packets from the machine do not trombone after the move"]
    assert (
        broken(TRUTHS[Mode.VPLS], compared("vpls", ingress=True, egress=True, changed={"flooded": 3})) == []
    )


def test_sessions_and_proof(compared: Build) -> None:
    good = compared()
    dead = good.move.model_copy(update={"tcp_survived": False})
    other = {"before": good.before, "after": good.after, "move": dead}
    proof = {"compared": 10, "agreeing": 8, "differences": ["icmp a > b #1: only in captures: x"]}
    found = compared(changed={"others": {"h3": other}, "proof": proof})
    assert failures(found) == [
        "the TCP session of h3 did not survive the move",
        "captures contradict the switches for 2 packets: icmp a > b #1: only in captures: x",
    ]
