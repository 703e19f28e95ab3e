"""All pictures of a report: each can be drawn into the page, or as a file with colours of its own. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, final

from testbed.experiments.result import Arrivals, Event, GoodputSeen, Move, Series
from testbed.model.plan import Plan
from testbed.report import charts
from testbed.report.charts import Band, Bar, Frame, Group, Lane, Points
from testbed.report.drawing import Scene, draw
from testbed.report.runs import Run, View, slug
from testbed.report.svg import Svg
from testbed.report.theme import Theme

STEPS: Final = (
    "paused",
    "unplugged",
    "resumed",
    "announced",
    "learned",
    "advertised",
    "received",
    "moved-away",
    "withdrawn",
    "programmed",
    "first packet",
)
"""The story of a move in its order; what else was done to the lab comes before."""

ECHO_REACH: Final = 80.0
"""Echoes not further apart than this, ms, are joined by a line: one that is lost breaks it."""


@final
@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with a name that is unique in the report, and good as that of a file."""

    name: str
    caption: str
    paint: Callable[[str, Theme | None], Svg]
    """With a prefix for its ids."""

    @property
    def inline(self) -> Svg:
        """For the page."""
        return self.paint(f"{self.name}-", None)

    def file(self, theme: Theme) -> Svg:
        """For a file."""
        return self.paint("", theme)


def topology(run: Run, plan: Plan, client: str, view: View) -> Figure:
    """The lab with the packets' ways."""
    setting = run.result.setting
    title = f"{run.result.mode}, {view.title.lower()}: packets between {client} and {setting.machine}"

    def paint(prefix: str, theme: Theme | None) -> Svg:
        scene = Scene(
            routes=view.routes, at=view.at, title=title, prefix=prefix, addresses=False, theme=theme
        )
        return draw(plan, scene)

    return Figure(_name(run, client, view.name), title, paint)


def at_a_glance(run: Run, plan: Plan) -> Figure:
    """The packets' ways of the first client after the move."""
    after = run.views(run.result.setting.client)[-1]

    def paint(prefix: str, theme: Theme | None) -> Svg:
        scene = Scene(
            routes=after.routes, at=after.at, title=run.title, prefix=prefix, addresses=False, theme=theme
        )
        return draw(plan, scene)

    return Figure(f"{run.name}-glance", run.title, paint)


def steps(run: Run) -> Figure:
    """The steps of the move."""
    title = f"{run.result.mode}: what happened, step by step"
    events = run.result.move.timeline
    found = [Lane(name, moments) for name, moments in by_step(events) if moments]
    off = blackout(events)
    told = "; ".join(f"{lane.name} {lane.moments[0][0]:.0f} ms" for lane in found)

    def paint(prefix: str, theme: Theme | None) -> Svg:
        band = Band(f"{run.result.setting.machine} is off the network", *off, "off") if off else None
        frame = Frame(title, f"First moment of each step: {told}.", prefix, theme)
        return charts.lanes(frame, found, f"ms after {run.zero}", band)

    return Figure(_name(run, "", "steps"), title, paint)


def by_step(events: Iterable[Event]) -> Iterator[tuple[str, tuple[tuple[float, str], ...]]]:
    """(time in ms, node) of each step."""
    known = list(events)
    more = dict.fromkeys(event.event for event in known if event.event not in STEPS)
    for name in (*more, *STEPS):
        yield name, tuple((event.t_ms, event.node) for event in known if event.event == name)


def blackout(events: Sequence[Event]) -> tuple[float, float] | None:
    """From the first pause to the next time the machine is back, ms."""
    start = next((event.t_ms for event in events if event.event == "paused"), None)
    end = next((event.t_ms for event in events if event.event == "resumed"), None)
    return (start, end) if start is not None and end is not None else None


def samples(run: Run, client: str, move: Move, series: Series) -> Iterator[Figure]:
    """Datagrams and echoes of a client around the move."""
    machine = run.result.setting.machine
    yield _datagrams(run, client, move, series)
    title = f"{run.result.mode}: round-trip time of echoes from {client} to {machine}"
    echoes = Points("echo there and back", "to", _points(series.echoes), joined=ECHO_REACH)
    off = blackout(move.timeline)
    bands = [Band("blackout", *off, "off")] if off else []
    span = _span(series.echoes, 0.0)
    seen = f"{len(echoes.values)} echoes came back."

    def paint(prefix: str, theme: Theme | None) -> Svg:
        return charts.samples(
            Frame(title, seen, prefix, theme), [echoes], bands, span, f"ms after {run.zero}"
        )

    yield Figure(_name(run, client, "echoes"), title, paint)


def _datagrams(run: Run, client: str, move: Move, series: Series) -> Figure:
    machine = run.result.setting.machine
    title = f"{run.result.mode}: datagrams between {client} and {machine}"
    found = [
        Points(f"to {machine}", "to", _points(series.ingress)),
        Points(f"from {machine}", "from", _points(series.egress)),
    ]
    silent, span = _silent(run, client, series), _span(series.ingress, 10.0)
    gap = move.gap_ms.ingress
    shown = silent is not None and silent[0] < span[1] and span[0] < silent[1]
    bands = [Band(f"gap to {machine}: {gap:.0f} ms", *silent, "gap")] if silent and shown else []
    seen = f"Longest silence to the machine {gap:.1f} ms, from it {move.gap_ms.egress:.1f} ms."

    def paint(prefix: str, theme: Theme | None) -> Svg:
        return charts.samples(Frame(title, seen, prefix, theme), found, bands, span, f"ms after {run.zero}")

    return Figure(_name(run, client, "datagrams"), title, paint)


def goodput(run: Run) -> Iterator[Figure]:
    """What bulk sessions delivered, window by window."""
    phases = run.result.phases
    for flow in run.result.flows:
        if flow.goodput and flow.goodput.series and phases:
            yield _goodput(run, f"{flow.source} to {flow.destination}", flow.goodput, phases[0].t_ms)


def _goodput(run: Run, ends: str, found: GoodputSeen, start: float) -> Figure:
    title = f"{run.result.mode}: goodput of the bulk session from {ends}"
    rates = [rate * 8 / 1e6 for rate in found.series]
    times = [start + found.window_ms * number for number in range(len(rates))]
    span = times[0], times[-1] + found.window_ms
    line = Points("delivered", "to", tuple(zip(times, rates, strict=True)), joined=2 * found.window_ms)
    seen = f"Median {found.median * 8 / 1e6:.2f} Mbit/s, below half of it for {found.dip_ms:.0f} ms at most."
    off = blackout(run.result.move.timeline)
    bands = [Band("blackout", *off, "off")] if off else []

    def paint(prefix: str, theme: Theme | None) -> Svg:
        frame = Frame(title, seen, prefix, theme)
        return charts.samples(frame, [line], bands, span, f"ms after {run.zero}", unit="Mbit/s")

    return Figure(_name(run, "", f"goodput-{slug(ends)}"), title, paint)


def _silent(run: Run, client: str, series: Series) -> tuple[float, float] | None:
    """When nothing came to the machine for longest, ms: the series are cut, and may not show it."""
    ends = "udp", client, run.result.setting.machine
    for flow in run.result.flows:
        if (flow.kind, flow.source, flow.destination) == ends:
            return flow.gap_t_ms, flow.gap_t_ms + flow.gap_ms
    return silence(series.ingress)


def silence(arrivals: Arrivals) -> tuple[float, float] | None:
    """The longest span without an arrival, ms."""
    moments = sorted(sent + delay for sent, delay in zip(arrivals.sent_ms, arrivals.delay_ms, strict=True))
    return max(pairwise(moments), key=lambda pair: pair[1] - pair[0], default=None)


def overview(runs: Sequence[Run]) -> Iterator[Figure]:
    """What is compared, side by side: round-trip times and gaps."""
    delays, gaps = [], []
    for run in runs:
        before, after = run.result.before.ingress.rtt_ms, run.result.after.ingress.rtt_ms
        gap = run.result.move.gap_ms
        delays.append(
            Group(
                run.name,
                (
                    _bar(run, "before", "before", "rtt_before_ms", before),
                    _bar(run, "after", "after", "rtt_after_ms", after),
                ),
            )
        )
        gaps.append(
            Group(
                run.name,
                (
                    _bar(run, "to", "to", "gap_ingress_ms", gap.ingress),
                    _bar(run, "from", "from", "gap_egress_ms", gap.egress),
                ),
            )
        )
    off = {run.result.setting.blackout_ms if run.moves_once else None for run in runs}
    common = off.pop() if len(off) == 1 else None
    mark = None if common is None else (common, "blackout")
    yield _bars("rtt", "Round-trip time before and after the move, by mode", delays)
    yield _bars("gaps", "Longest silence to and from the machine, by mode", gaps, mark)


def _bars(name: str, title: str, groups: list[Group], mark: tuple[float, str] | None = None) -> Figure:
    told = "; ".join(
        f"{group.name}: "
        + ", ".join(
            f"{bar.name} {'none' if bar.value is None else f'{bar.value:.1f} ms'}" for bar in group.bars
        )
        for group in groups
    )

    def paint(prefix: str, theme: Theme | None) -> Svg:
        return charts.bars(Frame(title, f"{told}.", prefix, theme), groups, "ms", mark)

    return Figure(name, title, paint)


def _points(arrivals: Arrivals) -> tuple[tuple[float, float], ...]:
    return tuple(zip(arrivals.sent_ms, arrivals.delay_ms, strict=True))


def _span(arrivals: Arrivals, margin: float) -> tuple[float, float]:
    times = arrivals.sent_ms or [0.0, 1.0]
    return min(times) - margin, max(*times, min(times) + 1.0) + margin


def _name(run: Run, client: str, what: str) -> str:
    """The first client's figures need no name of a client."""
    further = client and client != run.result.setting.client
    return f"{run.name}-{slug(client)}-{what}" if further else f"{run.name}-{what}"


def _bar(run: Run, name: str, kind: str, key: str, single: float | None) -> Bar:
    """One run's figure, or the median of all repetitions with its interval."""
    found = run.result.repeated.figures.get(key) if run.result.repeated else None
    if found is None or found.median is None:
        return Bar(name, single, kind)
    ends = None if found.low is None or found.high is None else (found.low, found.high)
    return Bar(name, found.median, kind, ends)
