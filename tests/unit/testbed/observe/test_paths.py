"""Paths from sightings: any order, floods, loops, losses; and what does not fit is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.model import Endpoint, load_plan
from testbed.observe.frames import Flow, PacketId
from testbed.observe.paths import Hop, Trace, assemble, differences

PLAN = load_plan(Path(__file__).parents[4] / "topologies" / "wan.yaml")


def port_to(node: str, peer: str, slot: str | None = None) -> int:
    """The port of a node to its neighbour (of a virtual machine: the one of a slot)."""
    if slot:
        return PLAN.vms[peer].slot(slot).port.port
    return next(port.number for port in PLAN.switches[node].ports if port.peer == peer)


def way(*names: str, slots: tuple[str | None, str | None] = (None, None)) -> list[Hop]:
    """Hops of a way from machine to machine; labels as in the lab: node SID of the next PE, service label."""
    hops = []
    for i in range(1, len(names) - 1):
        before, node, after = names[i - 1 : i + 2]
        ingress = port_to(node, before, slots[0] if i == 1 else None)
        egress = port_to(node, after, slots[1] if i == len(names) - 2 else None)
        target = next((name for name in names[i + 1 : -1] if name.startswith("pe")), None)
        core = target and not node.startswith("acc") and not after.startswith("acc")
        label = PLAN.switches[target].sid_label or 0 if target else 0
        hops.append(Hop(node, ingress, egress, (label, 100_000 + label) if core else (), entered=float(i)))
    return hops


BEFORE = way("client", "acc4", "pe4", "p4", "p1", "pe1", "acc1", "vm1", slots=(None, "dc1"))
DIRECT = way("client", "acc4", "pe4", "p4", "p2", "pe2", "acc2", "vm1", slots=(None, "dc2"))
TROMBONE = way(
    "client", "acc4", "pe4", "p4", "p1", "pe1", "p1", "p2", "pe2", "acc2", "vm1", slots=(None, "dc2")
)
LOCAL = way("h2", "acc2", "db2")


def trace(*hops: Hop, to: str = "10.0.10.11") -> Trace:
    flow = Flow("10.0.40.10", to, "udp", 7, 7)
    return assemble(PLAN, PacketId(flow, 1, 1, 1), hops)


@pytest.mark.parametrize(
    ("hops", "crossings", "trombone"),
    [(BEFORE, 1, False), (DIRECT, 1, False), (TROMBONE, 2, True), (LOCAL, 0, False)],
    ids=["before", "direct", "trombone", "local"],
)
def test_whole_paths(hops: list[Hop], crossings: int, trombone: bool) -> None:
    to = PLAN.machines[PLAN.port(Endpoint(hops[-1].node, hops[-1].egress or 0)).peer]
    result = trace(*hops, to=str(to.address.ip))
    assert result.inconsistencies == ()
    branch = result.delivered
    assert branch
    assert branch.nodes == tuple(hop.node for hop in hops)
    assert (branch.crossings, branch.trombone) == (crossings, trombone)
    assert (branch.hops, branch.delivered) == (tuple(hops), True)


def test_sender_and_receiver() -> None:
    branch = trace(*DIRECT).to("vm1")
    assert branch
    assert (branch.sender, branch.receiver) == ("client", "vm1")
    assert trace(*DIRECT).to("h2") is None


def test_a_local_packet_by_way_of_a_far_gateway_is_a_trombone() -> None:
    hops = way("h2", "acc2", "pe2", "p2", "p1", "pe1", "p1", "p2", "pe2", "acc2", "db2")
    branch = trace(*hops, to="10.0.20.12").delivered
    assert branch
    assert (branch.crossings, branch.trombone) == (2, True)


@given(st.permutations(TROMBONE))
def test_order_of_arrival_does_not_matter(hops: list[Hop]) -> None:
    assert trace(*hops) == trace(*TROMBONE)


@given(st.integers(0, len(DIRECT) - 1))
def test_a_missing_sighting_is_reported(missing: int) -> None:
    result = trace(*(hop for i, hop in enumerate(DIRECT) if i != missing))
    assert result.inconsistencies
    assert missing == len(DIRECT) - 1 or result.delivered is None


def test_a_drop_ends_the_way_and_is_no_inconsistency() -> None:
    dropped = Hop("p2", DIRECT[3].ingress, None, DIRECT[2].labels, drop="ttl")
    result = trace(*DIRECT[:3], dropped)
    assert result.inconsistencies == ()
    (branch,) = result.branches
    assert (branch.delivered, branch.hops[-1].drop) == (False, "ttl")


def flood() -> list[Hop]:
    """From h1 to h2 and h3 with a copy for each PE; both leave pe1 by one port and enter p1 by one."""
    copies = [
        way("h1", "acc1", "pe1", "p1", "p2", "pe2", "acc2", "h2"),
        way("h1", "acc1", "pe1", "p1", "p2", "p3", "pe3", "acc3", "h3"),
    ]
    return [copies[0][0], *copies[0][1:], *copies[1][1:]]


@given(st.permutations(flood()))
def test_copies_that_share_cables_are_told_apart(hops: list[Hop]) -> None:
    result = trace(*hops)
    assert result.inconsistencies == ()
    assert {branch.receiver for branch in result.branches} == {"h2", "h3"}
    assert all(branch.crossings == 1 and not branch.trombone for branch in result.branches)
    assert result.flooded
    assert result.delivered is None
    assert trace(*hops, to="10.0.10.103").delivered == result.to("h3")
    assert trace(*hops, to="10.0.10.255").delivered is None


def test_a_loop_is_followed_and_ends() -> None:
    circle = way(
        "client",
        "acc4",
        "pe4",
        "p4",
        "p2",
        "p3",
        "p4",
        "p2",
        "p3",
        "p4",
        "p2",
        "pe2",
        "acc2",
        "vm1",
        slots=(None, "dc2"),
    )
    branch = trace(*circle).delivered
    assert branch
    assert branch.nodes.count("p3") == 2


def test_what_cannot_be_is_reported() -> None:
    result = trace(Hop("x9", 1, 2), Hop("p1", 77, 1), Hop("p1", 1, 2, (16001,)))
    assert result.branches == ()
    assert result.inconsistencies == (
        "seen at x9, which is not in the lab",
        "seen at p1:77, a port that does not exist",
        "seen entering p1:1, but not leaving p2:1",
    )


hop_strategy = st.builds(
    Hop,
    st.sampled_from([*PLAN.switches, "x9"]),
    st.integers(-1, 6),
    st.none() | st.integers(-1, 6),
    st.sampled_from([(), (16001,), (16002, 120001)]),
    entered=st.sampled_from([0.0, 1.0, 2.0]),
)


@given(st.lists(hop_strategy, max_size=40))
def test_any_sightings_are_each_used_or_reported(hops: list[Hop]) -> None:
    result = trace(*hops)
    for branch in result.branches:
        for one, two in zip(branch.hops, branch.hops[1:], strict=False):
            assert one.egress is not None
            assert PLAN.far_end(Endpoint(one.node, one.egress)) == Endpoint(two.node, two.ingress)
    used = {id(hop) for branch in result.branches for hop in branch.hops}
    assert len(used) == len(hops) or result.inconsistencies


def test_differences() -> None:
    assert differences(trace(*DIRECT), trace(*reversed(DIRECT))) == ()
    found = differences(trace(*DIRECT), trace(*TROMBONE))
    assert [text.split(":")[0] for text in found[:2]] == ["only in postcards", "only in captures"]
    changed = [Hop(h.node, h.ingress, h.egress, h.labels, entered=h.entered) for h in DIRECT]
    p4 = changed[2]
    changed[2] = Hop("p4", p4.ingress, p4.egress, (7, *p4.labels[1:]), entered=p4.entered)
    (text,) = differences(trace(*DIRECT), trace(*changed))
    assert text == f"labels out of p4:{DIRECT[2].egress} differ: {p4.labels} and {changed[2].labels}"
