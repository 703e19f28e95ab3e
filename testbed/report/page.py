"""The report as one HTML page that needs nothing from outside. Pure.

Whatever a file says is text: Jinja2 escapes it, and drawings escape their own. The page allows itself one
style sheet and one script, known by their hashes, and no network at all.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from testbed.report import figures, tables
from testbed.report.figures import Figure
from testbed.report.runs import Run
from testbed.report.sheets import Sheet, sheets
from testbed.report.tables import Table
from testbed.report.theme import CHART_RULES, DARK, LIGHT, RULES, properties

HERE: Final = Path(__file__).parent / "page"


@final
@dataclass(frozen=True, slots=True)
class Shown:
    """A figure on the page, and what it shows as a table or in words."""

    figure: Figure
    table: Table | None = None

    @property
    def svg(self) -> Markup:
        """The drawing, as markup."""
        return Markup(self.figure.inline)  # noqa: S704 - made by `svg.tag`, which escapes


@final
@dataclass(frozen=True, slots=True)
class Client:
    """What one client saw in a run."""

    name: str
    drawings: tuple[Shown, ...]
    plots: tuple[Shown, ...]


@final
@dataclass(frozen=True, slots=True)
class Chapter:
    """A run on the page."""

    run: Run
    verdicts: tuple[tuple[str, str], ...]
    """(sentence, good or bad)."""
    clients: tuple[Client, ...]
    steps: Shown
    plots: tuple[Shown, ...]
    """Of the run as a whole."""
    paths: Table
    sessions: Table
    more: tuple[Table, ...]
    """What only some results have: flows, expectations, repetitions."""


@final
@dataclass(frozen=True, slots=True)
class Report:
    """All that is on the page and beside it."""

    runs: tuple[Run, ...]
    chapters: tuple[Chapter, ...]
    glance: tuple[Shown, ...]
    """The paths after the move, of all runs; empty of a single one."""
    overview: tuple[Shown, ...]
    sheets: tuple[Sheet, ...]

    @property
    def title(self) -> str:
        """What was done."""
        moves = dict.fromkeys(_move(run) for run in self.runs)
        told = next(iter(moves)) if len(moves) == 1 else f"{len(self.runs)} moves"
        return told if len(self.runs) == 1 else f"{told}, {_count(len(self.runs))} compared"

    @property
    def figures(self) -> Iterator[Figure]:
        """All figures."""
        for shown in self.overview:
            yield shown.figure
        for chapter in self.chapters:
            yield chapter.steps.figure
            yield from (shown.figure for shown in chapter.plots)
            for client in chapter.clients:
                yield from (shown.figure for shown in (*client.drawings, *client.plots))


def report(runs: Sequence[Run]) -> Report:
    """Everything made, nothing written."""
    seen = tuple(Shown(figure) for figure in figures.overview(runs))
    glance = tuple(
        Shown(figures.at_a_glance(run, run.plan)) for run in runs if run.plan is not None and len(runs) > 1
    )
    return Report(tuple(runs), tuple(_chapter(run) for run in runs), glance, seen, sheets(runs))


def html(made: Report, captures: Mapping[str, str] | None = None) -> str:
    """The page; `captures` are files to link to, by their name."""
    script, style = (HERE / "report.js").read_text(), _style()
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=made,
            first=made.runs[0].result.setting,
            figures_table=tables.figures(made.runs),
            settings=[tables.setting(run) for run in made.runs],
            captures=captures or {},
            script=Markup(script),  # noqa: S704 - a file of ours
            style=Markup(style),  # noqa: S704 - a file of ours
            script_hash=_hash(script),
            style_hash=_hash(style),
        )
    )


MORE: Final = (tables.checks, tables.flows, tables.violations, tables.repeated)


def _chapter(run: Run) -> Chapter:
    clients = tuple(_client(run, name) for name in run.clients)
    return Chapter(
        run,
        tuple(_verdicts(run)),
        clients,
        Shown(figures.steps(run), tables.timeline(run)),
        tuple(
            Shown(figure, table)
            for figure, table in zip(figures.goodput(run), tables.goodput(run), strict=True)
        ),
        tables.paths(run),
        tables.sessions(run),
        tuple(table for make in MORE if (table := make(run)) is not None),
    )


def _client(run: Run, name: str) -> Client:
    plan = run.plan
    drawings = (
        () if plan is None else tuple(Shown(figures.topology(run, plan, name, v)) for v in run.views(name))
    )
    move = run.clients[name].move
    if move.series is None:
        return Client(name, drawings, ())
    machine, series = run.result.setting.machine, move.series
    columns = (
        [(f"to {machine}", series.ingress), (f"from {machine}", series.egress)],
        [("echoes", series.echoes)],
    )
    plots = tuple(
        Shown(figure, tables.binned(figure.caption, each))
        for figure, each in zip(figures.samples(run, name, move, series), columns, strict=True)
    )
    return Client(name, drawings, plots)


def _verdicts(run: Run) -> Iterator[tuple[str, str]]:
    machine, after = run.result.setting.machine, run.result.after
    for way, path in ((f"to {machine}", after.ingress), (f"from {machine}", after.egress)):
        if not path.nodes:
            yield f"Packets {way}: no path was seen", "bad"
        elif path.trombone:
            yield f"Packets {way}: trombone, {path.crossings} WAN crossings", "bad"
        else:
            yield (
                f"Packets {way}: straight, {path.crossings} WAN crossing{'s' * (path.crossings != 1)}",
                "good",
            )
    lives = run.lives(run.result.setting.client)
    if lives is not None:
        yield (f"The TCP session {'lives' if lives else 'died'}", "good" if lives else "bad")


def _move(run: Run) -> str:
    setting = run.result.setting
    if not run.moves_once:
        return f"{run.result.scenario.capitalize()} with {setting.machine}"
    return f"{setting.machine} moves from {setting.origin} to {setting.destination}"


def _count(number: int) -> str:
    return {2: "two runs", 3: "three runs", 4: "four runs"}.get(number, f"{number} runs")


def _style() -> str:
    dark = properties(DARK)
    colours = (
        f":root {{ color-scheme: light dark; {properties(LIGHT)} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ {dark} }} }}\n"
        f"@media screen {{ :root[data-theme=dark] {{ color-scheme: dark; {dark} }} }}\n"
        f"@media screen {{ :root[data-theme=light] {{ color-scheme: light; }} }}\n"
        "@media print { :root { color-scheme: light; } }\n"
    )
    return "\n".join((colours, RULES, CHART_RULES, (HERE / "report.css").read_text()))


def _hash(text: str) -> str:
    """As a content security policy names an inline script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
