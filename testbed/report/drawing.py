"""A lab as a picture: its plan, and the ways that packets took, as SVG. Pure.

Every part has an id made of its name, so that a page can move machines, light up links and put other routes
in: `site-NAME`, `node-NAME`, `link-A--B` (ends in the order of the plan), `machine-NAME`, `slot-VM-SLOT`,
`routes` and in it `route-NAME`. Machines, slots and nodes are groups whose `transform` is the place of their
middle. Colours are custom properties (see `theme`).

Routes keep to the right, like traffic on a road: the way there and the way back lie side by side.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, final

from testbed.model.plan import HostPlan, Plan, PortKind, Switch, VmPlan
from testbed.model.topology import Role
from testbed.report.layout import Box, Layout, Wire, layout, slot_of
from testbed.report.shapes import Line, Point, at, displaced, joined_up, length, rounded
from testbed.report.svg import Svg, joined, tag, words
from testbed.report.theme import Theme, sheet

LANE_FIRST: Final = 5.0
"""From the middle of a cable to the first route beside it, px."""
LANE_NEXT: Final = 7.5
CORNER: Final = 12.0
ARROW_EVERY: Final = 150.0
"""Px of cable for each arrow."""
HIDDEN: Final = 20.0
"""Px of cable that a node covers at each end, or a corner takes."""
SHORTEST: Final = 16.0
"""Px of cable that can be seen and still has an arrow."""
ARROW: Final = "M6.5 0L-4.5 -5.5L-2 0L-4.5 5.5Z"
"""Path data of an arrow's head that points to the right."""
KEY_LINE: Final = 22.0
ROLES: Final = {Role.PE: "PE", Role.P: "P router", Role.ACCESS: "access switch"}


@final
@dataclass(frozen=True, slots=True)
class Route:
    """The way that packets of one direction took."""

    name: str
    """Letters, digits and `-`; becomes part of an id."""
    source: str
    """The machine that sent them."""
    target: str
    nodes: tuple[str, ...]
    """Switches in the order they passed."""
    back: bool = False
    """Is it the way back (from the machine of interest)? Drawn in another colour, and dashed."""
    trombone: bool = False


@final
@dataclass(frozen=True, slots=True)
class Scene:
    """What is to be seen on a drawing."""

    routes: tuple[Route, ...] = ()
    at: Mapping[str, str] | None = None
    """The slot of each virtual machine; where the topology puts it unless given."""
    title: str = ""
    description: str = ""
    prefix: str = ""
    """Before every id, so that a page can hold several drawings."""
    addresses: bool = True
    """Show the machines' addresses."""
    key: bool = True
    """Explain the routes below the drawing."""
    theme: Theme | None = None
    """The colours that it brings along; None inside a page that has them (`theme.RULES`)."""


def draw(plan: Plan, scene: Scene = Scene()) -> Svg:
    """The drawing. KeyError for a route over a link, or a machine in a slot, that the plan does not have."""
    where = layout(plan, addresses=scene.addresses)
    places = {name: place(where, plan, name, scene.at or {}) for name in plan.machines}
    key = _key(plan, scene, where) if scene.key and scene.routes else []
    height = where.height + (KEY_LINE * len(key) + 8 if key else 0)
    title = scene.title or f"The lab {plan.name}"
    parts = [
        tag("title", words(title), id=f"{scene.prefix}title"),
        tag("desc", words(scene.description or describe(plan, scene)), id=f"{scene.prefix}desc"),
        *([tag("style", words(sheet(scene.theme)))] if scene.theme else []),
        tag("g", *(_site(plan, where, name, scene) for name in plan.sites), class_="sites"),
        tag("g", *_links(where, scene), class_="links"),
        tag("g", *_leads(plan, where, scene), class_="leads"),
        draw_routes(plan, where, scene),
        tag("g", *(_delay(wire, where, scene) for wire in where.wires.values()), class_="delays"),
        tag(
            "g",
            *(_node(switch, where.nodes[name], scene) for name, switch in plan.switches.items()),
            class_="nodes",
        ),
        tag("g", *_flags(plan, where, scene), id=f"{scene.prefix}flags", class_="flags"),
        tag("g", *_slots(plan, where, scene), class_="slots"),
        tag(
            "g",
            *(_machine(plan.machines[name], box, scene) for name, box in places.items()),
            class_="machines",
        ),
        *([tag("g", *key, class_="key")] if key else []),
    ]
    return tag(
        "svg",
        joined(parts),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {where.width:g} {height:g}",
        width=where.width,
        height=height,
        class_="vmto",
        role="img",
        aria_labelledby=f"{scene.prefix}title {scene.prefix}desc",
    )


def draw_routes(plan: Plan, where: Layout, scene: Scene) -> Svg:
    """The group of all routes alone: what changes on a drawing when packets take other ways."""
    lanes: dict[tuple[str, str], int] = defaultdict(int)
    drawn = [_route(plan, where, route, lanes, scene) for route in scene.routes]
    halos, routes = [halo for halo, _ in drawn if halo], [route for _, route in drawn]
    return tag("g", *halos, *routes, id=f"{scene.prefix}routes", class_="routes")


def place(where: Layout, plan: Plan, machine: str, at: Mapping[str, str]) -> Box:
    """The box of a machine when virtual machines are in the slots that `at` says."""
    vm = plan.vms.get(machine)
    return where.hosts[machine] if vm is None else where.slots[machine][slot_of(vm, at).name]


def describe(plan: Plan, scene: Scene) -> str:
    """The drawing in words, for those who do not see it."""
    found = [plan.description or f"The lab {plan.name}"]
    for site in plan.sites.values():
        here = [name for name in plan.machines if _site_of(plan, name, scene.at or {}) == site.name]
        found.append(f"{site.label or site.name}: {', '.join([*site.pes, *site.access, *here])}")
    for route in scene.routes:
        found.append(
            f"{route.source} to {route.target}: {' '.join(route.nodes)}{', a trombone' * route.trombone}"
        )
    return ". ".join(found) + "."


def foreign(plan: Plan, route: Route) -> tuple[str, ...]:
    """The PEs that a tromboning route visits although neither sender nor receiver is there."""
    pes = [name for name in route.nodes if plan.switches[name].role is Role.PE]
    return (
        tuple(dict.fromkeys(name for name in pes[1:-1] if name not in (pes[0], pes[-1])))
        if route.trombone
        else ()
    )


def _site_of(plan: Plan, machine: str, at: Mapping[str, str]) -> str:
    vm = plan.vms.get(machine)
    return plan.hosts[machine].site if vm is None else slot_of(vm, at).site


def _site(plan: Plan, where: Layout, name: str, scene: Scene) -> Svg:
    box, site = where.sites[name], plan.sites[name]
    return tag(
        "g",
        tag("rect", x=box.left, y=box.top, width=box.width, height=box.height, rx=12, class_="site-area"),
        tag("text", words(site.label or name), x=box.left + 14, y=box.top + 21, class_="site-name"),
        id=f"{scene.prefix}site-{name}",
        class_=f"site {site.kind.value}",
        data_name=name,
    )


def _links(where: Layout, scene: Scene) -> Iterator[Svg]:
    """Cables; further ones between the same nodes have a number behind their id."""
    seen: Counter[str] = Counter()
    for wire in where.wires.values():
        name = f"{wire.cable.a.node}--{wire.cable.b.node}"
        seen[name] += 1
        yield _link(wire, f"{scene.prefix}link-{name}" + (f"-{seen[name]}" if seen[name] > 1 else ""))


def _link(wire: Wire, identifier: str) -> Svg:
    cable = wire.cable
    about = f"{cable.a.node} to {cable.b.node}" + (f", {cable.delay_ms:g} ms" if cable.delay_ms else "")
    return tag(
        "g",
        tag("title", words(about)),
        tag("path", d=rounded(wire.line, CORNER), class_="cable"),
        id=identifier,
        class_=f"link {'core' if cable.kind is PortKind.CORE else 'edge'}",
        data_name=cable.name,
    )


def _delay(wire: Wire, where: Layout, scene: Scene) -> Svg:
    """The delay beside the middle of a cable, clear of the lanes that this scene uses."""
    cable = wire.cable
    if not cable.delay_ms:
        return Svg("")
    a, b = cable.a.node, cable.b.node
    hops = [hop for route in scene.routes for hop in pairwise(route.nodes)]
    lanes = max(hops.count((a, b)), hops.count((b, a)))
    clear = 5 + (LANE_FIRST + LANE_NEXT * (lanes - 1) + 2 if lanes else 0)
    middle, degrees = at(wire.line, 0.5)
    text = words(f"{cable.delay_ms:g} ms")
    if abs(degrees % 180 - 90) < 30:
        return tag("text", text, x=middle.x + clear + 2, y=middle.y + 4, class_="delay")
    lower_twin = len(wire.line) == 2 and wire.line[0].y > where.nodes[a].y
    y = middle.y + clear + 9 if lower_twin else middle.y - clear
    return tag("text", text, x=middle.x, y=y, text_anchor="middle", class_="delay")


def _leads(plan: Plan, where: Layout, scene: Scene) -> list[Svg]:
    """Lines from machines and slots to their access switches."""
    ends = [(where.hosts[host.name], host.port.node) for host in plan.hosts.values()]
    ends += [(place(where, plan, vm.name, scene.at or {}), _port_node(vm, scene)) for vm in plan.vms.values()]
    return [
        tag("line", x1=box.x, y1=box.y, x2=where.nodes[node].x, y2=where.nodes[node].y, class_="lead")
        for box, node in ends
    ]


def _port_node(vm: VmPlan, scene: Scene) -> str:
    return slot_of(vm, scene.at or {}).port.node


def _node(switch: Switch, box: Box, scene: Scene) -> Svg:
    about = [ROLES[switch.role]]
    if switch.loopback is not None:
        about.append(f"loopback {switch.loopback}")
    if switch.sid_label is not None:
        about.append(f"label {switch.sid_label}")
    return tag(
        "g",
        tag("title", words(f"{switch.name}: {', '.join(about)}")),
        _rect(box, NODE_ROUND[switch.role]),
        tag("text", words(switch.name), y=4.5),
        id=f"{scene.prefix}node-{switch.name}",
        class_=f"node {switch.role.value}",
        transform=_translate(box),
        data_name=switch.name,
    )


NODE_ROUND: Final = {Role.PE: 6.0, Role.P: 15.0, Role.ACCESS: 3.0}
"""Radius of the corners by role."""


def _slots(plan: Plan, where: Layout, scene: Scene) -> list[Svg]:
    """Every slot that a machine is not in is an outline; the others are there too, under the machine."""
    found = []
    for vm in plan.vms.values():
        here = slot_of(vm, scene.at or {}).name
        for name, box in where.slots[vm.name].items():
            found.append(
                tag(
                    "g",
                    tag("title", words(f"a slot for {vm.name} at {name}")),
                    _rect(box, 7),
                    tag("text", words(vm.name), y=4.5, text_anchor="middle", font_size="12"),
                    id=f"{scene.prefix}slot-{vm.name}-{name}",
                    class_="slot taken" if name == here else "slot",
                    transform=_translate(box),
                    data_vm=vm.name,
                    data_slot=name,
                )
            )
    return found


def _machine(machine: HostPlan | VmPlan, box: Box, scene: Scene) -> Svg:
    vm = isinstance(machine, VmPlan)
    address = str(machine.address.ip)
    rows = [tag("text", words(machine.name), y=-3 if scene.addresses else 4)]
    if scene.addresses:
        rows.append(tag("text", words(address), y=11.5, class_="address"))
    return tag(
        "g",
        tag("title", words(f"{machine.name}: {address}, {machine.mac}, {machine.bridge_domain}")),
        _rect(box, 7),
        *rows,
        id=f"{scene.prefix}machine-{machine.name}",
        class_=f"machine {'vm' if vm else 'host'}",
        transform=_translate(box),
        data_name=machine.name,
        data_slot=slot_of(machine, scene.at or {}).name if isinstance(machine, VmPlan) else None,
    )


def _route(
    plan: Plan, where: Layout, route: Route, lanes: dict[tuple[str, str], int], scene: Scene
) -> tuple[Svg, Svg]:
    """What shines below all routes where this one makes a detour, and the route itself."""
    start, end = (place(where, plan, name, scene.at or {}).centre for name in (route.source, route.target))
    first, last = (where.nodes[route.nodes[n]].centre for n in (0, -1))
    hops: list[tuple[tuple[str, str], Line]] = [((route.source, route.nodes[0]), (start, first))]
    hops += [((a, b), where.line(a, b)) for a, b in pairwise(route.nodes)]
    hops.append(((route.nodes[-1], route.target), (last, end)))
    lines = []
    for ends, line in hops:
        lines.append(displaced(line, LANE_FIRST + LANE_NEXT * lanes[ends]))
        lanes[ends] += 1
    halo = Svg("")
    pes = [number for number, name in enumerate(route.nodes) if plan.switches[name].role is Role.PE]
    if route.trombone and len(pes) > 1:
        # lines[n] leads to nodes[n].
        detour = joined_up(lines[pes[0] + 1 : pes[-1] + 1])
        halo = tag("path", d=rounded(detour, CORNER), class_="halo", data_name=route.name)
    way = rounded(joined_up(lines), CORNER)
    about = f"{route.source} to {route.target}: {' '.join(route.nodes)}{', a trombone' * route.trombone}"
    return halo, tag(
        "g",
        tag("title", words(about)),
        tag("path", d=way, class_="way", id=f"{scene.prefix}way-{route.name}"),
        *(arrow for line in lines for arrow in _arrows(line)),
        id=f"{scene.prefix}route-{route.name}",
        class_=" ".join(["route", "from" if route.back else "to", *(["detour"] if route.trombone else [])]),
        data_name=route.name,
    )


def _arrows(line: Line) -> list[Svg]:
    """Along the straight parts of a cable, the more the longer they are."""
    found = []
    for part in pairwise(line):
        seen = length(part) - 2 * HIDDEN
        if seen < SHORTEST:
            continue
        count = max(1, round(seen / ARROW_EVERY))
        for number in range(count):
            point, degrees = at(part, (HIDDEN + seen * (number + 0.5) / count) / length(part))
            move = f"translate({point.x:.1f} {point.y:.1f}) rotate({degrees:.0f})"
            found.append(tag("path", d=ARROW, transform=move, class_="arrow"))
    return found


def _flags(plan: Plan, where: Layout, scene: Scene) -> list[Svg]:
    """A frame around each PE that packets visit for nothing, and the word for it."""
    visited = dict.fromkeys(name for route in scene.routes for name in foreign(plan, route))
    found = []
    for name in visited:
        box = where.nodes[name]
        frame = replace(box, width=box.width + 8, height=box.height + 8)
        found.append(
            tag(
                "g",
                _rect(frame, 9),
                tag("rect", x=-39, y=-box.height / 2 - 25, width=78, height=18, rx=9, class_="flag"),
                tag("text", words("trombone"), y=-box.height / 2 - 12),
                class_="trombone",
                transform=_translate(box),
                data_name=name,
            )
        )
    return found


def _key(plan: Plan, scene: Scene, where: Layout) -> list[Svg]:
    rows = []
    for number, route in enumerate(scene.routes):
        y = where.height + 6 + KEY_LINE * number
        line: Line = (Point(16, y), Point(64, y))
        by_way_of = foreign(plan, route)
        verdict = (
            tag("tspan", words(f"trombone by way of {', '.join(by_way_of)}"), class_="alarm")
            if route.trombone
            else tag("tspan", words("straight"), class_="good")
        )
        rows.append(
            tag(
                "g",
                tag("path", d=rounded(line, 0), class_="way"),
                tag("path", d=ARROW, transform=f"translate(58 {y:g})", class_="arrow"),
                tag("text", words(f"{route.source} to {route.target}: "), verdict, x=76, y=y + 4),
                class_=f"route {'from' if route.back else 'to'}",
            )
        )
    return rows


def _rect(box: Box, radius: float) -> Svg:
    return tag("rect", x=-box.width / 2, y=-box.height / 2, width=box.width, height=box.height, rx=radius)


def _translate(box: Box) -> str:
    return f"translate({box.x:.1f} {box.y:.1f})"
