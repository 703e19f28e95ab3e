"""What a person reads on the terminal after an experiment."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from testbed.experiments.result import Directions, Event, PathSeen, Proof, Result, Sessions
from testbed.model.plan import Plan
from testbed.model.topology import Role

STYLES = {Role.PE: "bold cyan", Role.P: "dim", Role.ACCESS: ""}


def show(result: Result, plan: Plan, console: Console) -> None:
    """Paths before and after for every client, what the sessions saw, and the steps of the move."""
    setting = result.setting
    first = Sessions(before=result.before, after=result.after, move=result.move)
    seen = {setting.client: first, **result.others}
    console.print()
    console.print(
        f"[bold]{setting.machine}[/] moved from [bold]{setting.origin}[/] to [bold]{setting.destination}[/]"
        f"   mode {result.mode}, blackout {setting.blackout_ms:g} ms, announced by {setting.announce}"
    )
    console.print(_paths(setting.machine, seen, plan))
    console.print(_sessions(setting.machine, seen))
    console.print(_timeline(result.move.timeline))
    if result.proof is not None:
        console.print(_proof(result.proof))


def _proof(proof: Proof) -> Text:
    """What the captures say of the switches' reports."""
    words = f"\n{proof.agreeing} of {proof.compared} echoes: captures on the links show the same ways"
    return Text(words, "green" if proof.agreeing == proof.compared else "bold red")


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
        rtt = f"{path.rtt_ms:.1f} ms" if path is directions.ingress else ""
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
            Text("lives", "green") if move.tcp_survived else Text("died", "bold red"),
        )
    return table


def _timeline(events: list[Event]) -> Table:
    table = Table(title="\nThe move, step by step", title_justify="left", box=None, pad_edge=False)
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
