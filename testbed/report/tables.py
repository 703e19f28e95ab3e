"""All tables of a report's page. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final, final

from testbed.experiments.result import (
    Arrivals,
    Compared,
    Directions,
    Event,
    Figure,
    PathSeen,
    PhaseSeen,
    Result,
)
from testbed.report.runs import Run, words

ROWS: Final = 60
"""A table beside a plot has that many lines at most, or one or two more."""


@final
@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table on the page."""

    text: str
    kind: str = ""
    """A class of the style sheet: good, bad, number."""


@final
@dataclass(frozen=True, slots=True)
class Table:
    """A table on the page; the first column names the row."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def figures(runs: Sequence[Run]) -> Table:
    """All figures, a column for each run."""
    rows = []
    for name, cell in FIGURES:
        cells = [_right(cell(run)) for run in runs]
        if any(each.text for each in cells):
            rows.append((Cell(name), *cells))
    many = any(run.result.repeated for run in runs)
    caption = "The same figures for every run"
    if many:
        caption += ": medians of all repetitions, with their intervals; without an interval, of the first one"
    return Table(caption, ("", *(run.name for run in runs)), tuple(rows))


def paths(run: Run) -> Table:
    """The paths of all phases, or of all clients before and after."""
    if run.result.phases:
        return _ways(run.result.phases)
    machine = run.result.setting.machine
    rows = []
    for client, seen in run.clients.items():
        for phase, both in (("before", seen.before), ("after", seen.after)):
            for ends, path in (
                (f"{client} to {machine}", both.ingress),
                (f"{machine} to {client}", both.egress),
            ):
                rows.append(
                    (
                        Cell(ends),
                        Cell(phase),
                        Cell(words(path), "path"),
                        Cell(str(path.crossings), "number"),
                        _trombone(path),
                        Cell(_ms(both.ingress.rtt_ms), "number"),
                    )
                )
    head = ("packets", "move", "switches they passed", "WAN crossings", "trombone", "RTT, ms")
    return Table("Paths, as the switches reported the packets", head, tuple(rows))


def _ways(phases: Iterable[PhaseSeen]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for phase in phases:
        for seen in phase.traffic:
            ends = Cell(f"{seen.source} to {seen.destination}"), Cell(phase.name)
            rtt = Cell(_ms(seen.rtt_ms), "number")
            for way in seen.ways:
                counts = Cell(str(way.packets), "number"), Cell(str(way.crossings), "number")
                rows.append((*ends, Cell(" ".join(way.nodes), "path"), *counts, _yes(way.trombone), rtt))
            if not seen.ways:
                nothing = Cell("none whole", "bad"), Cell("0", "number"), Cell("-", "number"), Cell("-")
                rows.append((*ends, *nothing, rtt))
    head = ("packets", "phase", "switches they passed", "echoes", "WAN crossings", "trombone", "RTT, ms")
    return Table("Paths, as the switches reported the packets", head, tuple(rows))


def flows(run: Run) -> Table | None:
    """All flows from the beginning to the end."""
    rows = tuple(
        (
            Cell(f"{flow.kind} {flow.source} to {flow.destination}"),
            Cell(str(flow.sent), "number"),
            Cell(str(flow.lost), "number"),
            Cell(_ms(flow.gap_ms), "number"),
            Cell(_ms(flow.gap_t_ms), "number"),
            Cell(flow.broken or "no", "bad" if flow.broken else "good"),
        )
        for flow in run.result.flows
    )
    head = ("flow", "sent", "lost", "longest silence, ms", "from, ms", "broken")
    return Table("Flows from the beginning to the end", head, rows) if rows else None


def checks(run: Run) -> Table | None:
    """What was expected, and whether it holds."""
    rows = tuple(
        (
            Cell(check.expected),
            Cell(check.phase or "the whole"),
            Cell(check.seen),
            Cell("yes", "good") if check.holds else Cell("no", "bad"),
        )
        for check in run.result.checks
    )
    return Table("What was expected", ("expected", "phase", "seen", "holds"), rows) if rows else None


def violations(run: Run) -> Table | None:
    """When an invariant of all tables did not hold."""
    rows = tuple(
        (
            Cell(each.kind),
            Cell(f"{each.source} to {each.destination}" + (" (IPv6)" if each.version == 6 else "")),
            Cell(f"{each.t_ms:.1f}", "number"),
            Cell(f"{each.ms:.1f}", "number"),
        )
        for each in run.result.violations
    )
    head = ("what", "packets", "from, ms", "for, ms")
    return Table("While tables changed: what did not hold for a time", head, rows) if rows else None


def repeated(run: Run) -> Table | None:
    """Medians of all repetitions, with their intervals."""
    found = run.result.repeated
    if found is None:
        return None
    rows = tuple(
        (
            Cell(name),
            Cell(_plain(figure.median), "number"),
            Cell("-" if figure.low is None else f"{_plain(figure.low)} to {_plain(figure.high)}", "number"),
            Cell(f"{figure.confidence:.0%}", "number"),
            Cell(", ".join(_plain(value) for value in figure.values)),
        )
        for name, figure in found.figures.items()
        if figure.median is not None
    )
    head = ("figure", "median", "interval", "confidence", "by repetition")
    caption = (
        f"All {found.runs} runs, {found.failed} of which missed an expectation; drawn from seed {found.seed}"
    )
    return Table(caption, head, rows)


def sessions(run: Run) -> Table:
    """What each client's sessions saw of the move."""
    machine = run.result.setting.machine
    rows = tuple(
        (
            Cell(client),
            Cell(_ms(seen.move.gap_ms.ingress), "number"),
            Cell(_ms(seen.move.gap_ms.egress), "number"),
            Cell(f"{seen.move.lost} of {seen.move.sent}", "number"),
            _lives(run.lives(client)),
        )
        for client, seen in run.clients.items()
    )
    head = ("client", f"gap to {machine}, ms", f"gap from {machine}, ms", "datagrams lost", "TCP session")
    return Table("Sessions", head, rows)


def timeline(run: Run) -> Table:
    """The steps of the move; several of a kind in a row are one line."""
    rows = tuple(
        (Cell(f"{t:.1f}", "number"), Cell(step), Cell(" ".join(nodes)))
        for t, step, nodes in _grouped(run.result.move.timeline)
    )
    return Table("What happened, step by step", (f"ms after {run.zero}", "step", "where"), rows)


def binned(caption: str, columns: Sequence[tuple[str, Arrivals]]) -> Table:
    """What a plot shows, in spans of time: how many arrived, and the median of their delay."""
    times = [sent for _, arrivals in columns for sent in arrivals.sent_ms] or [0.0]
    width = next(w for w in _widths() if (max(times) - min(times)) / w <= ROWS)
    head = ["sent, ms"]
    spans: dict[int, list[Cell]] = {}
    for number in range(int(min(times) // width), int(max(times) // width) + 1):
        spans[number] = [Cell(f"{number * width:g} to {(number + 1) * width:g}")]
    for name, arrivals in columns:
        head += [f"{name}: arrived", f"{name}: median delay, ms"]
        delays: dict[int, list[float]] = {number: [] for number in spans}
        for sent, delay in zip(arrivals.sent_ms, arrivals.delay_ms, strict=True):
            delays[int(sent // width)].append(delay)
        for number, cells in spans.items():
            found = delays[number]
            cells.append(Cell(str(len(found)), "number"))
            cells.append(Cell(f"{statistics.median(found):.1f}" if found else "-", "number"))
    return Table(caption, tuple(head), tuple(tuple(cells) for cells in spans.values()))


def _widths() -> Iterator[float]:
    """Round ones: 100, 200, 500, 1000 ms and so on."""
    return (step * 10.0**power for power in count(2) for step in (1, 2, 5))


def goodput(run: Run) -> Iterator[Table]:
    """What each bulk session delivered, window by window; those that figures are drawn of."""
    for flow in run.result.flows:
        found, phases = flow.goodput, run.result.phases
        if found and found.series and phases:
            rows = tuple(
                (
                    Cell(f"{phases[0].t_ms + number * found.window_ms:.0f}"),
                    Cell(f"{rate * 8 / 1e6:.2f}", "number"),
                )
                for number, rate in enumerate(found.series)
            )
            yield Table(f"Goodput from {flow.source} to {flow.destination}", ("from, ms", "Mbit/s"), rows)


def setting(run: Run) -> Table:
    """What was run, and with what."""
    found = run.result.setting
    rows = [
        ("topology", found.topology),
        ("machine", f"{found.machine}, from {found.origin} to {found.destination}"),
        ("clients", ", ".join(run.clients)),
        ("blackout", f"{found.blackout_ms:g} ms"),
        ("announced by", found.announce),
        ("route reflector", found.reflector),
        ("switches", found.target),
        *((name, version) for name, version in found.versions.items()),
        *((("scenario", run.result.scenario), ("seed", str(run.result.seed))) if run.result.scenario else ()),
        ("result file", str(run.source)),
    ]
    cells = tuple((Cell(name), Cell(value)) for name, value in rows)
    return Table(f"What made the result of {run.name}", ("", "value"), cells)


def _right(cell: Cell) -> Cell:
    return cell if "number" in cell.kind else Cell(cell.text, f"number {cell.kind}")


def _grouped(events: Iterable[Event]) -> list[tuple[float, str, list[str]]]:
    lines: list[tuple[float, str, list[str]]] = []
    for event in events:
        if lines and lines[-1][1] == event.event:
            if event.node not in lines[-1][2]:
                lines[-1][2].append(event.node)
        else:
            lines.append((event.t_ms, event.event, [event.node]))
    return lines


def _ms(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f}"


def _plain(value: float | None) -> str:
    """With as many decimals as it deserves."""
    return "none" if value is None else f"{value:.{1 if abs(value) >= 10 else 2}f}".rstrip("0").rstrip(".")


def _figure(key: str, single: Callable[[Result], float | None]) -> Callable[[Run], Cell]:
    """A figure of one run, or the median of all with its interval."""

    def cell(run: Run) -> Cell:
        result = run.result
        found = result.repeated.figures.get(key) if result.repeated else None
        if found is None or found.median is None:
            return Cell(_ms(single(result)), "number")
        return _with_interval(found, 1)

    return cell


def _trombone(path: PathSeen) -> Cell:
    if not path.nodes:
        return Cell("none seen", "bad")
    return _yes(path.trombone)


def _yes(bad: bool) -> Cell:
    return Cell("yes", "bad") if bad else Cell("no", "good")


def _lives(alive: bool | None) -> Cell:
    if alive is None:
        return Cell("none")
    return Cell("lives", "good") if alive else Cell("died", "bad")


def _of_compared(key: str, single: Callable[[Compared], float], digits: int = 0) -> Callable[[Run], Cell]:
    """A figure that only comparisons have; as `_figure`."""

    def cell(run: Run) -> Cell:
        result = run.result
        if not isinstance(result, Compared):
            return Cell("")
        found = result.repeated.figures.get(key) if result.repeated else None
        if found is None or found.median is None:
            return Cell(f"{single(result):.{digits}f}", "number")
        return _with_interval(found, digits)

    return cell


def _with_interval(found: Figure, digits: int) -> Cell:
    return Cell(f"{found.median:.{digits}f} ({_plain(found.low)} to {_plain(found.high)})", "number")


def _proof(run: Run) -> Cell:
    proof = run.result.proof
    if proof is None:
        return Cell("")
    good = proof.agreeing == proof.compared
    return Cell(f"{proof.agreeing} of {proof.compared}", "number good" if good else "number bad")


def _met(run: Run) -> Cell:
    checks = run.result.checks
    kept = sum(check.holds for check in checks)
    good = kept == len(checks)
    return Cell(f"{kept} of {len(checks)}" if checks else "", f"number {'good' if good else 'bad'}")


def _crossings(both: Directions) -> Cell:
    return Cell(f"{both.ingress.crossings} / {both.egress.crossings}", "number")


FIGURES: Final[tuple[tuple[str, Callable[[Run], Cell]], ...]] = (
    ("trombone to the machine, after", lambda run: _trombone(run.result.after.ingress)),
    ("trombone from the machine, after", lambda run: _trombone(run.result.after.egress)),
    ("RTT before, ms", _figure("rtt_before_ms", lambda result: result.before.ingress.rtt_ms)),
    ("RTT after, ms", _figure("rtt_after_ms", lambda result: result.after.ingress.rtt_ms)),
    ("WAN crossings before, to / from", lambda run: _crossings(run.result.before)),
    ("WAN crossings after, to / from", lambda run: _crossings(run.result.after)),
    ("gap to the machine, ms", _figure("gap_ingress_ms", lambda result: result.move.gap_ms.ingress)),
    ("gap from the machine, ms", _figure("gap_egress_ms", lambda result: result.move.gap_ms.egress)),
    ("datagrams lost", lambda run: Cell(f"{run.result.move.lost} of {run.result.move.sent}", "number")),
    ("TCP session", lambda run: _lives(run.lives(run.result.setting.client))),
    ("flooded unicast copies", _of_compared("flooded", lambda result: result.flooded)),
    ("BGP UPDATEs for the move", _of_compared("updates", lambda result: result.updates)),
    ("P4Runtime writes for the move", _of_compared("writes", lambda result: result.writes)),
    (
        "WAN bytes per payload byte, after",
        _of_compared("wan_bytes_per_byte", lambda result: result.wan_bytes_per_byte, 2),
    ),
    ("echoes on which captures agree", _proof),
    ("runs", lambda run: Cell(str(run.result.repeated.runs) if run.result.repeated else "", "number")),
    ("expectations met", _met),
)
"""The rows of the table of all runs."""
