"""Where everything goes on a drawing: sites side by side, PEs at their feet, the P core beneath. Pure.

```
+------ site ------+  +------ site ------+
|  h1   vm1        |  |  h2   (vm1)      |     machines, and slots that a machine can move to
|     acc1         |  |     acc2         |     access switches
|      pe1         |  |      pe2         |     PEs
+------------------+  +------------------+
       p1 ------------------ p2                P routers, row by row: by the number of hops from a PE
        \\___________________/                  links that would run through a third one go round below
```

Links join nodes of the same row or of neighbouring rows only, since rows are distances; so no straight link
runs through a node. The same plan always gives the same drawing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, final

import networkx as nx

from testbed.model.plan import Cable, HostPlan, Plan, PortKind, SitePlan, Slot, VmPlan
from testbed.model.topology import Role
from testbed.report.shapes import Line, Point

MARGIN: Final = 12.0
SITE_GAP: Final = 26.0
SITE_PADDING: Final = 16.0
SITE_HEADING: Final = 34.0
CARD_GAP: Final = 10.0
CARDS_ACROSS: Final = 4
"""Machines side by side at one access switch; more go into a second row."""

NODE_HEIGHT: Final = 30.0
NODE_GAP: Final = 26.0
ACCESS_DROP: Final = 50.0
"""From the lowest machines to the access switches, and so on down."""
PE_DROP: Final = 76.0
SITE_FOOT: Final = 32.0
ROW_DROP: Final = 76.0
CHANNEL_FIRST: Final = 46.0
"""From a row to the first link that runs below it."""
CHANNEL_NEXT: Final = 30.0
DOOR: Final = 14.0
"""Between two links that leave a node downwards."""


@final
@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its middle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> Point:
        """Its middle."""
        return Point(self.x, self.y)

    @property
    def left(self) -> float:
        """The x of its left side."""
        return self.x - self.width / 2

    @property
    def top(self) -> float:
        """The y of its upper side."""
        return self.y - self.height / 2


@final
@dataclass(frozen=True, slots=True)
class Wire:
    """A cable as a line from the middle of one node to that of the other."""

    cable: Cable
    line: Line


@final
@dataclass(frozen=True, slots=True)
class Layout:
    """A drawing's coordinates, in px."""

    width: float
    height: float
    sites: dict[str, Box]
    nodes: dict[str, Box]
    hosts: dict[str, Box]
    slots: dict[str, dict[str, Box]]
    """By virtual machine and name of the slot."""
    wires: dict[str, Wire]
    """By the cable's name."""

    def line(self, one: str, other: str) -> Line:
        """The first cable between two nodes, from one to the other. KeyError if there is none."""
        for wire in self.wires.values():
            ends = wire.cable.a.node, wire.cable.b.node
            if ends == (one, other):
                return wire.line
            if ends == (other, one):
                return wire.line[::-1]
        raise KeyError(f"no link between {one} and {other}")


def layout(plan: Plan, *, addresses: bool = True) -> Layout:
    """Place all of a plan; with `addresses` the machines' boxes have room for them."""
    groups = {name: _Group.of(plan, name) for name in plan.switches}
    measures = _Measures.of(plan, max((group.rows for group in groups.values()), default=0), addresses)
    placed = _Placed({}, {}, {})
    x = MARGIN
    for site in plan.sites.values():
        x = _place_site(site, x, groups, measures, placed) + SITE_GAP
    return _with_core(plan, placed, measures, x - SITE_GAP + MARGIN)


@final
@dataclass(frozen=True, slots=True)
class _Placed:
    """What has its place already."""

    sites: dict[str, Box]
    nodes: dict[str, Box]
    cards: dict[tuple[str, str], Box]
    """Machines by name and slot; a host's slot is empty."""


@final
@dataclass(frozen=True, slots=True)
class _Measures:
    """Sizes and heights that all sites have in common, px."""

    card_width: float
    card_height: float
    node_width: float
    cards_bottom: float

    @classmethod
    def of(cls, plan: Plan, rows: int, addresses: bool) -> _Measures:
        height = 38.0 if addresses else 26.0
        return cls(
            card_width=_card_width(plan, addresses),
            card_height=height,
            node_width=max(58.0, 20 + 7.6 * max(len(name) for name in plan.switches)),
            cards_bottom=MARGIN + SITE_HEADING + rows * (height + CARD_GAP) - CARD_GAP,
        )

    @property
    def access_y(self) -> float:
        return self.cards_bottom + ACCESS_DROP

    @property
    def pe_y(self) -> float:
        return self.access_y + PE_DROP

    @property
    def site_bottom(self) -> float:
        return self.pe_y + SITE_FOOT


def _place_site(
    site: SitePlan, x: float, groups: Mapping[str, _Group], measures: _Measures, placed: _Placed
) -> float:
    """Place a site and all in it, its left side at x; returns that of its right side."""
    widths = [max(measures.node_width, groups[name].width(measures)) for name in site.access]
    width = _site_width(site, widths, measures.node_width) + 2 * SITE_PADDING
    middle, bottom = x + width / 2, measures.site_bottom
    placed.sites[site.name] = Box(middle, (MARGIN + bottom) / 2, width, bottom - MARGIN)
    for name, at in zip(site.access, _spread(widths, middle), strict=True):
        placed.nodes[name] = Box(at, measures.access_y, measures.node_width, NODE_HEIGHT)
        placed.cards.update(groups[name].cards(at, measures))
    for name, at in zip(site.pes, _spread([measures.node_width] * len(site.pes), middle), strict=True):
        placed.nodes[name] = Box(at, measures.pe_y, measures.node_width + 8, NODE_HEIGHT + 4)
    return x + width


@final
@dataclass(frozen=True, slots=True)
class _Group:
    """What hangs on an access switch: (machine, slot) in the order of the file; a host's slot is empty."""

    members: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, plan: Plan, access: str) -> _Group:
        found = [(host.name, "") for host in plan.hosts.values() if host.port.node == access]
        found += [
            (vm.name, slot.name) for vm in plan.vms.values() for slot in vm.slots if slot.port.node == access
        ]
        return cls(tuple(found))

    @property
    def rows(self) -> int:
        return -(-len(self.members) // CARDS_ACROSS)

    def width(self, measures: _Measures) -> float:
        columns = min(CARDS_ACROSS, len(self.members))
        return columns * (measures.card_width + CARD_GAP) - CARD_GAP

    def cards(self, middle: float, measures: _Measures) -> Iterable[tuple[tuple[str, str], Box]]:
        """The box of each; the last row lowest."""
        width, height = measures.card_width, measures.card_height
        for row in range(self.rows):
            members = self.members[row * CARDS_ACROSS : (row + 1) * CARDS_ACROSS]
            y = measures.cards_bottom - height / 2 - (self.rows - 1 - row) * (height + CARD_GAP)
            for member, x in zip(members, _spread([width] * len(members), middle, CARD_GAP), strict=True):
                yield member, Box(x, y, width, height)


def _card_width(plan: Plan, addresses: bool) -> float:
    machines: Sequence[HostPlan | VmPlan] = list(plan.machines.values())
    names = max((len(machine.name) for machine in machines), default=0)
    texts = max((len(str(machine.address.ip)) for machine in machines), default=0) if addresses else 0
    return max(46.0, 16 + 7.4 * names, 14 + 6.4 * texts)


def _site_width(site: SitePlan, widths: Sequence[float], node_width: float) -> float:
    access = sum(widths) + NODE_GAP * (len(widths) - 1)
    pes = len(site.pes) * (node_width + 8 + NODE_GAP) - NODE_GAP
    heading = 8.0 * len(site.label or site.name)
    return max(access, pes, heading, 92.0)


def _spread(widths: Sequence[float], middle: float, gap: float = NODE_GAP) -> list[float]:
    """Middles of boxes side by side, all together around `middle`."""
    x = middle - (sum(widths) + gap * (len(widths) - 1)) / 2
    found = []
    for width in widths:
        found.append(x + width / 2)
        x += width + gap
    return found


def _with_core(plan: Plan, placed: _Placed, measures: _Measures, width: float) -> Layout:
    """Rows of P routers below the sites, which take `width`; and all links."""
    nodes, cards = placed.nodes, placed.cards
    y = measures.site_bottom
    graph: nx.Graph[str] = nx.Graph()
    graph.add_edges_from((c.a.node, c.b.node) for c in plan.cables if c.kind is PortKind.CORE)
    rows = _rows(plan, graph)
    links: dict[str, Line] = {}
    for number, row in enumerate(rows):
        if number:
            y += ROW_DROP
            wanted = {name: _barycentre(graph, name, nodes, rows[number - 1]) for name in row}
            for name, x in _apart(wanted, measures.node_width + NODE_GAP, width).items():
                nodes[name] = Box(x, y, measures.node_width, NODE_HEIGHT)
        top = nodes[row[0]].y if row else y
        detours = [cable for cable in _inside(plan, row) if _third_between(cable, row, nodes)]
        next_row = rows[number + 1] if number + 1 < len(rows) else []
        busy = {name for name in row if set(graph.adj.get(name, ())) & set(next_row)}
        below, deepest = _channels(detours, nodes, max(top, y) if number else y - 10, busy)
        links |= below
        y = max(y, deepest)
    width = max(width, *(box.x + box.width / 2 + MARGIN for box in nodes.values()))
    wires = {
        cable.name: Wire(cable, links.get(cable.name) or _straight(cable, plan, nodes))
        for cable in plan.cables
    }
    hosts = {name: cards[name, ""] for name in plan.hosts}
    slots = {vm.name: {slot.name: cards[vm.name, slot.name] for slot in vm.slots} for vm in plan.vms.values()}
    return Layout(width, y + NODE_HEIGHT / 2 + MARGIN, placed.sites, nodes, hosts, slots, wires)


def _rows(plan: Plan, graph: nx.Graph[str]) -> list[list[str]]:
    """PEs, then P routers by their distance from the nearest PE."""
    pes = [switch.name for switch in plan.pes]
    rows = [pes]
    seen = set(pes)
    rest = [switch.name for switch in plan.with_role(Role.P)]
    while rest:
        near = [name for name in rest if name in graph and seen & set(graph[name])] or rest
        rows.append(near)
        seen |= set(near)
        rest = [name for name in rest if name not in seen]
    return rows


def _barycentre(graph: nx.Graph[str], name: str, nodes: Mapping[str, Box], above: Iterable[str]) -> float:
    neighbours = [nodes[other].x for other in above if graph.has_edge(name, other)]
    return (
        sum(neighbours) / len(neighbours) if neighbours else sum(box.x for box in nodes.values()) / len(nodes)
    )


def _apart(wanted: Mapping[str, float], gap: float, width: float) -> dict[str, float]:
    """As near as can be to where they want to be, a gap between them; the row as a whole not to one side."""
    found: dict[str, float] = {}
    last = float("-inf")
    for name in sorted(wanted, key=lambda each: wanted[each]):
        last = found[name] = max(wanted[name], last + gap)
    if not found:
        return found
    shift = sum(wanted[name] - x for name, x in found.items()) / len(found)
    room = width - MARGIN - gap / 2 - max(found.values())
    shift = max(min(shift, room), MARGIN + gap / 2 - min(found.values()))
    return {name: x + shift for name, x in found.items()}


def _inside(plan: Plan, row: Sequence[str]) -> list[Cable]:
    members = set(row)
    return [cable for cable in plan.cables if {cable.a.node, cable.b.node} <= members]


def _third_between(cable: Cable, row: Sequence[str], nodes: Mapping[str, Box]) -> bool:
    left, right = sorted((nodes[cable.a.node].x, nodes[cable.b.node].x))
    return any(left < nodes[name].x < right for name in row)


def _channels(
    cables: Sequence[Cable], nodes: Mapping[str, Box], y: float, busy: Set[str]
) -> tuple[dict[str, Line], float]:
    """Links that run below a row, short ones above long ones; and the y of the lowest.

    Nodes that are `busy` have other links straight down.
    """

    def span(cable: Cable) -> tuple[float, float]:
        left, right = sorted((nodes[cable.a.node].x, nodes[cable.b.node].x))
        return left, right

    ordered = sorted(cables, key=lambda cable: (span(cable)[1] - span(cable)[0], cable.name))
    channel: dict[str, int] = {}
    for number, cable in enumerate(ordered):
        left, right = span(cable)
        taken = {channel[o.name] for o in ordered[:number] if span(o)[0] < right and left < span(o)[1]}
        channel[cable.name] = next(each for each in range(len(ordered)) if each not in taken)
    doors = _doors(ordered, channel, nodes, busy)
    lines: dict[str, Line] = {}
    deepest = y
    for cable in ordered:
        depth = y + CHANNEL_FIRST + CHANNEL_NEXT * channel[cable.name]
        deepest = max(deepest, depth)
        a, b = (nodes[end.node] for end in (cable.a, cable.b))
        xa, xb = (doors[cable.name, end.node] for end in (cable.a, cable.b))
        lines[cable.name] = (Point(xa, a.y), Point(xa, depth), Point(xb, depth), Point(xb, b.y))
    return lines, deepest


def _doors(
    cables: Sequence[Cable], channel: Mapping[str, int], nodes: Mapping[str, Box], busy: Set[str]
) -> dict[tuple[str, str], float]:
    """Where links leave a node downwards, in an order in which they do not cross."""
    leaving: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for name in busy:
        leaving[name].append((0.0, ""))
    for cable in cables:
        for end, far in ((cable.a.node, cable.b.node), (cable.b.node, cable.a.node)):
            leftwards = nodes[far].x < nodes[end].x
            depth = channel[cable.name] + 1
            # A link to the left comes from the right end of its channel: the deeper, the further right.
            leaving[end].append((-1 / depth if leftwards else 1 / depth, cable.name))
    doors = {}
    for node, found in leaving.items():
        box = nodes[node]
        step = min(DOOR, (box.width - 12) / max(1, len(found) - 1))
        for number, (_, name) in enumerate(sorted(found)):
            doors[name, node] = box.x + (number - (len(found) - 1) / 2) * step
    return doors


def _straight(cable: Cable, plan: Plan, nodes: Mapping[str, Box]) -> Line:
    """From middle to middle; cables between the same two nodes side by side."""
    a, b = nodes[cable.a.node], nodes[cable.b.node]
    ends = {cable.a.node, cable.b.node}
    twins = [other.name for other in plan.cables if {other.a.node, other.b.node} == ends]
    aside = (twins.index(cable.name) - (len(twins) - 1) / 2) * DOOR
    if abs(a.y - b.y) < 1:
        return Point(a.x, a.y + aside), Point(b.x, b.y + aside)
    # Only between the rows do they slant, so that they miss the neighbours.
    down = 1 if a.y < b.y else -1
    leaves, enters = a.y + down * a.height / 2, b.y - down * b.height / 2
    xa, xb = a.x + aside, b.x + aside
    return Point(xa, a.y), Point(xa, leaves), Point(xb, enters), Point(xb, b.y)


def slot_of(vm: VmPlan, at: Mapping[str, str]) -> Slot:
    """Where a machine is: as `at` says, else where the topology puts it. KeyError for an unknown slot."""
    return vm.slot(at.get(vm.name, vm.at))
