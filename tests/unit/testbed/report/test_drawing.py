"""Drawings of labs: nothing overlaps, everything has its id, packets' ways are where they should be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from testbed.model.plan import Plan
from testbed.report.drawing import Route, Scene, describe, draw, draw_routes, foreign
from testbed.report.layout import Box, Layout, layout
from testbed.report.shapes import Point, at, displaced, length, rounded
from testbed.report.theme import Theme

LabMaker = Callable[..., Plan]
SVG = "{http://www.w3.org/2000/svg}"
THERE = Route(
    "to",
    "client",
    "vm1",
    ("acc4", "pe4", "p4", "p1", "pe1", "p1", "p2", "pe2", "acc2"),
    trombone=True,
)
BACK = Route("from", "vm1", "client", ("acc2", "pe2", "p2", "p4", "pe4", "acc4"), back=True)
AFTER = Scene(routes=(THERE, BACK), at={"vm1": "dc2"})


def boxes(found: Layout) -> list[Box]:
    cards = [box for slots in found.slots.values() for box in slots.values()]
    return [*found.nodes.values(), *found.hosts.values(), *cards]


def overlap(one: Box, other: Box) -> bool:
    across = abs(one.x - other.x) < (one.width + other.width) / 2
    return across and abs(one.y - other.y) < (one.height + other.height) / 2


@settings(max_examples=20, deadline=None)
@given(
    sites=st.integers(2, 6),
    routers=st.integers(0, 7),
    vms=st.integers(0, 6),
    chords=st.integers(0, 3),
    addresses=st.booleans(),
)
def test_nothing_overlaps(
    lab: LabMaker, sites: int, routers: int, vms: int, chords: int, addresses: bool
) -> None:
    assume(routers or sites == 2)  # PEs carry no transit
    plan = lab(sites, routers, vms=vms, chords=chords)
    found = layout(plan, addresses=addresses)
    for one, other in combinations(boxes(found), 2):
        assert not overlap(one, other), (one, other)
    for box in boxes(found):
        assert box.left >= 0
        assert box.left + box.width <= found.width
        assert 0 <= box.top <= found.height - box.height


@settings(max_examples=20, deadline=None)
@given(sites=st.integers(2, 6), routers=st.integers(0, 7), chords=st.integers(0, 3))
def test_no_link_runs_through_a_third_node(lab: LabMaker, sites: int, routers: int, chords: int) -> None:
    assume(routers or sites == 2)  # PEs carry no transit
    plan = lab(sites, routers, chords=chords)
    found = layout(plan)
    for wire in found.wires.values():
        steps = [at(wire.line, n / 100)[0] for n in range(101)]
        for name, box in found.nodes.items():
            if name not in (wire.cable.a.node, wire.cable.b.node):
                inside = [p for p in steps if abs(p.x - box.x) < box.width / 2 and abs(p.y - box.y) < 14]
                assert not inside, (wire, name)


def test_every_part_has_its_id_once_and_the_same_plan_the_same_drawing(plan: Plan) -> None:
    text = draw(plan, AFTER)
    assert text == draw(plan, AFTER)
    root = ElementTree.fromstring(text)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    wanted = {f"node-{name}" for name in plan.switches} | {f"machine-{name}" for name in plan.machines}
    wanted |= {f"link-{cable.a.node}--{cable.b.node}" for cable in plan.cables}
    wanted |= {f"site-{name}" for name in plan.sites}
    wanted |= {
        "slot-vm1-dc1",
        "slot-vm1-dc2",
        "slot-vm1-dc3",
        "routes",
        "route-to",
        "route-from",
        "title",
        "desc",
    }
    assert wanted <= set(ids)
    assert root.get("aria-labelledby") == "title desc"


def test_prefixes_keep_drawings_on_one_page_apart(plan: Plan) -> None:
    ids = re.findall(r' id="([^"]*)"', draw(plan, Scene(routes=(THERE, BACK), prefix="evpn-")))
    assert ids
    assert all(each.startswith("evpn-") for each in ids)


def test_the_trombone_is_marked_where_packets_turn(plan: Plan) -> None:
    root = ElementTree.fromstring(draw(plan, AFTER))
    flags = [element for element in root.iter(f"{SVG}g") if element.get("class") == "trombone"]
    assert [flag.get("data-name") for flag in flags] == ["pe1"]
    marked = [
        element.get("id") for element in root.iter(f"{SVG}g") if "detour" in (element.get("class") or "")
    ]
    assert marked == ["route-to"]
    assert foreign(plan, THERE) == ("pe1",)
    assert foreign(plan, BACK) == ()


def test_there_and_back_lie_side_by_side(plan: Plan) -> None:
    """Two routes over the same links in opposite directions: outside the nodes they never meet."""
    back = Route("from", "vm1", "client", tuple(reversed(THERE.nodes)), back=True, trombone=True)
    root = ElementTree.fromstring(draw(plan, Scene(routes=(THERE, back), at={"vm1": "dc2"})))
    ways, nodes = {}, layout(plan).nodes.values()
    for name in ("to", "from"):
        path = next(element for element in root.iter(f"{SVG}path") if element.get("id") == f"way-{name}")
        numbers = [float(each) for each in re.findall(r"-?[\d.]+", path.get("d") or "")]
        points = zip(numbers[::2], numbers[1::2], strict=True)
        ways[name] = {(x, y) for x, y in points if not any(overlap(Box(x, y, 1, 1), box) for box in nodes)}
    assert min(math.dist(one, other) for one in ways["to"] for other in ways["from"]) > 7


def test_a_moved_machine_is_in_its_slot(plan: Plan) -> None:
    root = ElementTree.fromstring(draw(plan, AFTER))
    places = {element.get("id"): element for element in root.iter(f"{SVG}g")}
    assert places["machine-vm1"].get("transform") == places["slot-vm1-dc2"].get("transform")
    assert places["machine-vm1"].get("data-slot") == "dc2"
    with pytest.raises(KeyError, match="no slot"):
        draw(plan, Scene(at={"vm1": "mars"}))


def test_names_cannot_put_markup_into_a_drawing(lab: LabMaker) -> None:
    plan = lab(2, 1, label='<script>alert("x")</script>')
    root = ElementTree.fromstring(draw(plan, Scene(title="<b>&", theme=Theme.AUTO)))
    assert not list(root.iter("script"))
    assert not list(root.iter(f"{SVG}script"))


def test_words_for_those_who_do_not_see_it(plan: Plan) -> None:
    text = describe(plan, AFTER)
    assert "client to vm1: acc4 pe4 p4 p1 pe1 p1 p2 pe2 acc2, a trombone" in text
    assert "vm1 to client: acc2 pe2 p2 p4 pe4 acc4." in text
    assert "Data center 2: pe2, acc2, h2, db2, vm1" in text


def test_routes_alone_are_those_of_the_drawing(plan: Plan) -> None:
    assert draw_routes(plan, layout(plan), AFTER) in draw(plan, AFTER)


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_a_file_for_converters_needs_no_custom_properties(plan: Plan, theme: Theme) -> None:
    text = draw(plan, Scene(theme=theme))
    assert "var(" not in text
    assert "@media" not in text


@given(st.floats(-20, 20), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=6))
def test_a_displaced_line_keeps_its_distance_at_both_ends(
    distance: float, corners: list[tuple[int, int]]
) -> None:
    line = tuple(Point(100.0 * x, 100.0 * y) for x, y in corners)
    if any(a == b for a, b in pairwise(line)):
        return
    moved = displaced(line, distance)
    assert math.dist(line[0], moved[0]) == pytest.approx(abs(distance))
    assert math.dist(line[-1], moved[-1]) == pytest.approx(abs(distance))
    assert rounded(moved, 10).startswith("M")


def test_right_is_right() -> None:
    east = (Point(0, 0), Point(10, 0))
    assert displaced(east, 2) == (Point(0, 2), Point(10, 2))
    corner = (Point(0, 0), Point(10, 0), Point(10, 10))
    assert displaced(corner, 2)[1] == pytest.approx(Point(8, 2))
    assert length(corner) == 20
    assert at(corner, 0.75) == (Point(10, 5), 90)
