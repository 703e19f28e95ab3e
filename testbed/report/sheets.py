"""What a report says, as CSV files: one thing a line. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from testbed.experiments.result import Compared
from testbed.report.runs import Run

Value = str | int | float


@final
@dataclass(frozen=True, slots=True)
class Sheet:
    """A CSV file: one thing a line, units in the head."""

    name: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


def sheets(runs: Sequence[Run]) -> tuple[Sheet, ...]:
    """All CSV files."""
    found = (
        Sheet("figures", "All figures", ("run", "mode", "figure", "value"), tuple(_figure_rows(runs))),
        Sheet(
            "paths",
            "All paths",
            ("run", "phase", "from", "to", "nodes", "wan_crossings", "trombone", "rtt_ms"),
            tuple(_path_rows(runs)),
        ),
        Sheet("timeline", "All events", ("run", "t_ms", "event", "node"), tuple(_event_rows(runs))),
        Sheet(
            "samples",
            "What arrived around the move",
            ("run", "client", "flow", "sent_ms", "delay_ms"),
            tuple(_sample_rows(runs)),
        ),
        Sheet(
            "repetitions",
            "Every figure of every repetition",
            ("run", "figure", "repetition", "value"),
            tuple(_repetition_rows(runs)),
        ),
    )
    return tuple(sheet for sheet in found if sheet.rows)


def _figure_rows(runs: Sequence[Run]) -> Iterator[tuple[Value, ...]]:
    for run in runs:
        result = run.result
        values: dict[str, Value | None] = {
            "rtt_before_ms": result.before.ingress.rtt_ms,
            "rtt_after_ms": result.after.ingress.rtt_ms,
            "crossings_to_after": result.after.ingress.crossings,
            "crossings_from_after": result.after.egress.crossings,
            "gap_to_ms": result.move.gap_ms.ingress,
            "gap_from_ms": result.move.gap_ms.egress,
            "datagrams_lost": result.move.lost,
            "datagrams_sent": result.move.sent,
            "tcp_survived": None if result.move.tcp_survived is None else int(result.move.tcp_survived),
        }
        if isinstance(result, Compared):
            values |= {
                "flooded": result.flooded,
                "updates": result.updates,
                "writes": result.writes,
                "wan_bytes_per_byte": result.wan_bytes_per_byte,
            }
        yield from (
            (run.name, result.mode, name, "" if value is None else value) for name, value in values.items()
        )


def _path_rows(runs: Sequence[Run]) -> Iterator[tuple[Value, ...]]:
    for run in runs:
        machine = run.result.setting.machine
        for client, seen in run.clients.items():
            for phase, both in (("before", seen.before), ("after", seen.after)):
                rtt = both.ingress.rtt_ms
                for ends, path in (((client, machine), both.ingress), ((machine, client), both.egress)):
                    facts = path.crossings, int(path.trombone), "" if rtt is None else rtt
                    yield run.name, phase, *ends, " ".join(path.nodes), *facts


def _event_rows(runs: Sequence[Run]) -> Iterator[tuple[Value, ...]]:
    for run in runs:
        yield from ((run.name, event.t_ms, event.event, event.node) for event in run.result.move.timeline)


def _sample_rows(runs: Sequence[Run]) -> Iterator[tuple[Value, ...]]:
    for run in runs:
        for client, seen in run.clients.items():
            series = seen.move.series
            flows = (
                (("echo", series.echoes), ("to", series.ingress), ("from", series.egress)) if series else ()
            )
            for flow, arrivals in flows:
                for sent, delay in zip(arrivals.sent_ms, arrivals.delay_ms, strict=True):
                    yield run.name, client, flow, sent, delay


def _repetition_rows(runs: Sequence[Run]) -> Iterator[tuple[Value, ...]]:
    for run in runs:
        for name, figure in (run.result.repeated.figures if run.result.repeated else {}).items():
            for number, value in enumerate(figure.values, start=1):
                yield run.name, name, number, "" if value is None else value
