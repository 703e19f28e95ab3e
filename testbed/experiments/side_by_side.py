"""A comparison as a person reads it on the terminal: one column for each mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from testbed.experiments.present import nodes
from testbed.experiments.result import Compared, Comparison, Figure, PathSeen
from testbed.model.plan import Plan

Cell = str | Text


def show(found: Comparison, plan: Plan, console: Console) -> None:
    """Paths of each mode line by line, then all figures in one table."""
    first = next(iter(found.modes.values()))
    setting = first.setting
    console.print()
    console.print(
        f"[bold]{first.scenario}[/]: {setting.machine} from {setting.origin} to {setting.destination}, "
        f"blackout {setting.blackout_ms:g} ms, announced by {setting.announce}, seen by {setting.client}"
    )
    console.print(_paths(found, plan))
    console.print(_figures(found))
    if first.repeated:
        runs, seed = first.repeated.runs, first.repeated.seed
        sure = min(
            figure.confidence for figure in first.repeated.figures.values() if figure.median is not None
        )
        console.print(
            f"\n[italic]Median of {runs} runs, seed {seed}, and its {sure:.0%} confidence interval[/]"
        )
        console.print(_repeated(found))


def _paths(found: Comparison, plan: Plan) -> Table:
    table = Table(
        title="Paths, as the switches saw the packets", title_justify="left", box=None, pad_edge=False
    )
    for heading in ("mode", "", "direction"):
        table.add_column(heading, no_wrap=True)
    table.add_column("nodes", overflow="fold")
    for name, mode in found.modes.items():
        client, machine = mode.setting.client, mode.setting.machine
        for phase, seen in (("before", mode.before), ("after", mode.after)):
            first = phase == "before"
            table.add_row(name if first else "", phase, f"{client} > {machine}", nodes(seen.ingress, plan))
            table.add_row("", "", f"{machine} > {client}", nodes(seen.egress, plan))
    return table


def _figures(found: Comparison) -> Table:
    table = Table(title="\nThe same move, side by side", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for name in found.modes:
        table.add_column(name, justify="right", no_wrap=True)
    for heading, figure in FIGURES:
        table.add_row(heading, *(figure(mode) for mode in found.modes.values()))
    return table


def _repeated(found: Comparison) -> Table:
    """Medians over all runs, each with its confidence interval."""
    runs = {name: mode.repeated for name, mode in found.modes.items() if mode.repeated}
    some = next(iter(runs.values()))
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in runs:
        table.add_column(name, justify="right", no_wrap=True)
    for figure in some.figures:
        table.add_row(figure, *(_median(each.figures[figure]) for each in runs.values()))
    table.add_row("runs with a wrong path", *(str(each.wrong_paths) for each in runs.values()))
    table.add_row("sessions that died", *(str(each.dead_sessions) for each in runs.values()))
    table.add_row("runs that failed", *(str(each.failed) for each in runs.values()))
    return table


def _median(figure: Figure) -> str:
    if figure.median is None or figure.low is None or figure.high is None:
        return "-"
    return f"{figure.median:.1f} ({figure.low:.1f}-{figure.high:.1f})"


def _yes_no(bad: bool) -> Text:
    return Text("yes", "bold red") if bad else Text("no", "green")


def _trombone(path: Callable[[Compared], PathSeen]) -> Callable[[Compared], Cell]:
    return lambda mode: _yes_no(path(mode).trombone)


def _proof(mode: Compared) -> Cell:
    proof = mode.proof
    if proof is None:
        return "-"
    style = "green" if proof.agreeing == proof.compared else "bold red"
    return Text(f"{proof.agreeing} of {proof.compared}", style)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _dip(mode: Compared) -> Cell:
    """Of the bulk session: how low, and how long below half of the usual."""
    for flow in mode.flows:
        if flow.goodput:
            share = flow.goodput.lowest / flow.goodput.median * 100
            return f"{share:.0f} %; {flow.goodput.dip_ms:.0f} ms"
    return "-"


def _at(step: str) -> Callable[[Compared], Cell]:
    """When a step happened first after the machine was back."""

    def first(mode: Compared) -> Cell:
        events = mode.move.timeline
        back = min((event.t_ms for event in events if event.event == "resumed"), default=0.0)
        times = [event.t_ms for event in events if event.event == step and event.t_ms >= back]
        return f"{times[0]:.1f}" if times else "-"

    return first


def _first_packet(mode: Compared) -> Cell:
    """When the first packet to the machine that came through was sent."""
    entry = mode.after.ingress.nodes[:1]
    times = [e.t_ms for e in mode.move.timeline if e.event == "first packet" and [e.node] == entry]
    return f"{times[0]:.1f}" if times else "-"


def _worst(kind: str) -> Callable[[Compared], Cell]:
    """The longest time for which the tables of all switches broke an invariant for a pair of machines."""
    return lambda mode: f"{max((each.ms for each in mode.violations if each.kind == kind), default=0.0):.1f}"


def _all_live(mode: Compared) -> Cell:
    moves = [mode.move, *(other.move for other in mode.others.values())]
    if all(move.tcp_survived is None for move in moves):
        return "-"
    dead = sum(move.tcp_survived is False for move in moves)
    return Text(f"{dead} died", "bold red") if dead else Text("live", "green")


STEPS: Final = ("resumed", "announced", "learned", "advertised", "received", "programmed")

FIGURES: Final[tuple[tuple[str, Callable[[Compared], Cell]], ...]] = (
    ("trombone to the machine, after", _trombone(lambda mode: mode.after.ingress)),
    ("trombone from the machine, after", _trombone(lambda mode: mode.after.egress)),
    ("RTT before, ms", lambda mode: _ms(mode.before.ingress.rtt_ms)),
    ("RTT after, ms", lambda mode: _ms(mode.after.ingress.rtt_ms)),
    (
        "WAN crossings before, to / from",
        lambda mode: f"{mode.before.ingress.crossings} / {mode.before.egress.crossings}",
    ),
    (
        "WAN crossings after, to / from",
        lambda mode: f"{mode.after.ingress.crossings} / {mode.after.egress.crossings}",
    ),
    ("gap to the machine, ms", lambda mode: f"{mode.move.gap_ms.ingress:.1f}"),
    ("gap from the machine, ms", lambda mode: f"{mode.move.gap_ms.egress:.1f}"),
    ("datagrams lost", lambda mode: f"{mode.move.lost} of {mode.move.sent}"),
    ("TCP sessions of all clients", _all_live),
    ("goodput falls to; is below half for", _dip),
    ("flooded unicast copies", lambda mode: str(mode.flooded)),
    ("BGP UPDATEs for the move", lambda mode: str(mode.updates)),
    ("P4Runtime writes for the move", lambda mode: str(mode.writes)),
    ("WAN bytes per payload byte, after", lambda mode: f"{mode.wan_bytes_per_byte:.2f}"),
    ("echoes on which captures agree", _proof),
    ("black hole in the tables, at worst, ms", _worst("black-hole")),
    ("loop in the tables, at worst, ms", _worst("loop")),
    *((f"{step}, ms after the pause" if step == "resumed" else step, _at(step)) for step in STEPS),
    ("first packet that arrives", _first_packet),
    ("expectations met", lambda mode: f"{sum(c.holds for c in mode.checks)} of {len(mode.checks)}"),
)
"""The rows of the table."""
