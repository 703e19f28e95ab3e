"""What a person reads on the terminal after an experiment."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from testbed.experiments.result import (
    Check,
    Directions,
    Event,
    FlowSeen,
    PathSeen,
    Repeated,
    Result,
    Sessions,
    Violated,
)
from testbed.model.plan import Plan
from testbed.model.topology import Role

STYLES = {Role.PE: "bold cyan", Role.P: "dim", Role.ACCESS: ""}


def show(result: Result, plan: Plan, console: Console) -> None:
    """Paths before and after for every client, what the sessions saw, the steps, and the expectations."""
    setting = result.setting
    first = Sessions(before=result.before, after=result.after, move=result.move)
    seen = {setting.client: first, **result.others}
    console.print()
    console.print(
        f"[bold]{result.scenario}[/] in mode [bold]{result.mode}[/]: {setting.machine} from {setting.origin} "
        f"to {setting.destination}, blackout {setting.blackout_ms:g} ms, announced by {setting.announce}"
    )
    console.print(_paths(setting.machine, seen, plan))
    console.print(_sessions(setting.machine, seen))
    if result.flows:
        console.print(_flows(result.flows))
    console.print(_timeline(result.move.timeline))
    if result.violations:
        console.print(_violations(result.violations))
    if result.checks:
        console.print(_checks(result.checks))
    if result.repeated:
        many = result.repeated
        console.print(
            f"\n[italic]{many.runs} runs, seed {many.seed}: {many.failed} failed, {many.wrong_paths} with "
            f"wrong paths, {many.dead_sessions} dead sessions[/]"
        )
        console.print(_repeated(many))


def _checks(checks: list[Check]) -> Table:
    """Every expectation with what was seen."""
    table = Table(title="\nExpected, and seen", title_justify="left", box=None, pad_edge=False)
    for heading in ("", "phase"):
        table.add_column(heading, no_wrap=True)
    for heading in ("expected", "seen"):
        table.add_column(heading, overflow="fold")
    for check in checks:
        verdict = Text("holds", "green") if check.holds else Text("fails", "bold red")
        table.add_row(verdict, check.phase or "all", check.expected, check.seen)
    return table


def _violations(violations: list[Violated]) -> Table:
    """By kind and time; pairs that were hit together are on one line."""
    table = Table(title="\nWrong in the tables", title_justify="left", box=None, pad_edge=False)
    for heading in ("ms", "for, ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("pairs")
    together: dict[tuple[float, float, str], list[str]] = {}
    for each in violations:
        pairs = together.setdefault((each.t_ms, each.ms, each.kind), [])
        pairs.append(f"{each.source} > {each.destination}" + (" (IPv6)" if each.version == 6 else ""))
    for (t_ms, ms, kind), pairs in together.items():
        table.add_row(f"{t_ms:.1f}", f"{ms:.1f}", kind, ", ".join(pairs))
    return table


def _flows(flows: list[FlowSeen]) -> Table:
    table = Table(title="\nFlows, from beginning to end", title_justify="left", box=None, pad_edge=False)
    for heading in ("flow", ""):
        table.add_column(heading, no_wrap=True)
    for heading in ("longest gap", "lost", "goodput", "worst", "below half"):
        table.add_column(heading, justify="right", no_wrap=True)
    for flow in flows:
        rates = ("", "", "")
        if flow.goodput:
            median, lowest = (f"{rate / 1e3:.0f} kB/s" for rate in (flow.goodput.median, flow.goodput.lowest))
            rates = (median, lowest, f"{flow.goodput.dip_ms:.0f} ms")
        lost = "" if flow.kind == "bulk" else f"{flow.lost} of {flow.sent}"
        ends = f"{flow.source} > {flow.destination}"
        table.add_row(flow.kind, ends, f"{flow.gap_ms:.1f} ms", flow.broken or lost, *rates)
    return table


def _repeated(repeated: Repeated) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in ("median", "from", "to", "confidence"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, figure in repeated.figures.items():
        if figure.median is not None and figure.low is not None and figure.high is not None:
            numbers = (f"{value:.2f}" for value in (figure.median, figure.low, figure.high))
            table.add_row(name, *numbers, f"{figure.confidence * 100:.0f} %")
    return table


def _paths(machine: str, seen: dict[str, Sessions], plan: Plan) -> Table:
    table = Table(
        title="Paths, as the switches saw the packets", title_justify="left", box=None, pad_edge=False
    )
    table.add_column("", no_wrap=True)
    table.add_column("direction", no_wrap=True)
    table.add_column("nodes", overflow="fold")
    for heading in ("crossings", "trombone", "RTT"):
        table.add_column(heading, justify="right", no_wrap=True)
    for client, sessions in seen.items():
        for phase, directions in (("before", sessions.before), ("after", sessions.after)):
            _add_paths(table, (client, machine), phase, directions, plan)
    return table


def _add_paths(table: Table, ends: tuple[str, str], phase: str, directions: Directions, plan: Plan) -> None:
    client, machine = ends
    for path, source, target in (
        (directions.ingress, client, machine),
        (directions.egress, machine, client),
    ):
        rtt = ""
        if path is directions.ingress:
            rtt = "none" if path.rtt_ms is None else f"{path.rtt_ms:.1f} ms"
        table.add_row(
            phase if path is directions.ingress else "",
            f"{source} > {target}",
            nodes(path, plan),
            str(path.crossings),
            Text("yes", "bold red") if path.trombone else Text("no", "green"),
            rtt,
        )


def nodes(path: PathSeen, plan: Plan) -> Text:
    """The switches of a path, each in the colour of its role."""
    if not path.nodes:
        return Text("nothing arrives", "bold red")
    return Text(" ").join(Text(node, STYLES[plan.switches[node].role]) for node in path.nodes)


def _sessions(machine: str, seen: dict[str, Sessions]) -> Table:
    table = Table(title="\nSessions through the move", title_justify="left", box=None, pad_edge=False)
    table.add_column("client", no_wrap=True)
    for heading in (f"gap to {machine}", f"gap from {machine}", "datagrams lost", "TCP session"):
        table.add_column(heading, justify="right", no_wrap=True)
    for client, sessions in seen.items():
        move = sessions.move
        table.add_row(
            client,
            f"{move.gap_ms.ingress:.1f} ms",
            f"{move.gap_ms.egress:.1f} ms",
            f"{move.lost} of {move.sent}",
            _lives(move.tcp_survived),
        )
    return table


def _lives(survived: bool | None) -> Text:
    if survived is None:
        return Text("-")
    return Text("lives", "green") if survived else Text("died", "bold red")


def _timeline(events: list[Event]) -> Table:
    table = Table(title="\nStep by step", title_justify="left", box=None, pad_edge=False)
    table.add_column("ms", justify="right", no_wrap=True)
    table.add_column("step", no_wrap=True)
    table.add_column("node")
    for t_ms, step, nodes in _grouped(events):
        table.add_row(f"{t_ms:.1f}", step, " ".join(nodes))
    return table


def _grouped(events: list[Event]) -> list[tuple[float, str, list[str]]]:
    """Steps of the same name in a row become one line, at the time of the first."""
    lines: list[tuple[float, str, list[str]]] = []
    for event in events:
        if lines and lines[-1][1] == event.event:
            if event.node not in lines[-1][2]:
                lines[-1][2].append(event.node)
        else:
            lines.append((event.t_ms, event.event, [event.node]))
    return lines
