"""What each mode must show; that tables lead there is tested with random labs in `invariants`."""

from __future__ import annotations

import pytest
import yaml

from testbed.experiments.expectation import trombones
from testbed.model import derive, topology_from_text
from testbed.model.plan import Plan
from testbed.model.topology import Mode
from testbed.resources import topology

AFTER = {
    Mode.VPLS: (True, True),
    Mode.EVPN: (True, True),
    Mode.EVPN_EGRESS: (True, False),
    Mode.EVPN_VMTO: (False, False),
}
"""Trombones to and from a machine that has left the site of the gateway, for a client at a branch."""


def both(plan: Plan, mode: Mode, client: str, slot: str | None) -> tuple[bool, bool]:
    slots = {"vm1": slot}
    return trombones(plan, mode, client, "vm1", slots), trombones(plan, mode, "vm1", client, slots)


@pytest.mark.parametrize("mode", list(Mode))
def test_the_truth_of_each_mode(plan: Plan, mode: Mode) -> None:
    assert both(plan, mode, "client", "dc2") == AFTER[mode]
    assert both(plan, mode, "client", "dc1") == (False, False), "the gateway is beside it"
    assert both(plan, mode, "client", None) == (False, False), "it has not moved"
    assert both(plan, mode, "h3", "dc2") == (False, False), "bridged"


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        # Both VLANs have their gateway at dc1, and db2 is at dc2.
        (Mode.VPLS, {"dc2": (True, True), "dc3": (True, True)}),
        (Mode.EVPN, {"dc2": (True, True), "dc3": (True, True)}),
        # Every data center has both VLANs: the PE beside the sender knows where the receiver is.
        (Mode.EVPN_EGRESS, {"dc2": (False, False), "dc3": (False, False)}),
        (Mode.EVPN_VMTO, {"dc2": (False, False), "dc3": (False, False)}),
    ],
)
def test_a_client_in_a_data_center(plan: Plan, mode: Mode, expected: dict[str, tuple[bool, bool]]) -> None:
    for slot, ways in expected.items():
        assert both(plan, mode, "db2", slot) == ways


def test_a_client_beside_the_gateway_sees_no_trombone() -> None:
    text = yaml.safe_load(topology("wan").read_text())
    text["hosts"]["db1"] = {"bridge_domain": "databases", "at": "dc1", "address": "10.0.20.13"}
    plan = derive(topology_from_text(yaml.safe_dump(text)))
    for mode in Mode:
        assert both(plan, mode, "db1", "dc2") == (False, False)


def test_a_gateway_that_is_known_where_it_was_met_only() -> None:
    text = yaml.safe_load(topology("wan").read_text())
    text["bridge_domains"]["servers"]["gateway_mode"] = "per-pe-no-community"
    plan = derive(topology_from_text(yaml.safe_dump(text)))
    assert both(plan, Mode.EVPN_VMTO, "client", "dc2") == (False, True)
