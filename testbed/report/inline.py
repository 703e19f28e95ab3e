"""What a notebook shows of a lab: its drawing with the ways of packets, and rows as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import final

from testbed import resources
from testbed.api import Lab, Trace
from testbed.model.load import load_plan
from testbed.report.drawing import Route, Scene, draw
from testbed.report.theme import Theme


@final
class Picture:
    """The lab as it is now, and the ways that an echo took."""

    def __init__(self, lab: Lab, *traces: Trace, topology: str = "wan") -> None:
        """Traces as the lab gave them; `topology` is the one it was started with."""
        plan = load_plan(resources.topology(topology))
        at = {name: slot for name in lab.vms if (slot := lab.vm(name).slot) is not None}
        routes = [route for number, trace in enumerate(traces) for route in _routes(number, trace)]
        self.svg = str(draw(plan, Scene(tuple(routes), at, theme=Theme.LIGHT, addresses=False)))

    def _repr_svg_(self) -> str:
        return self.svg


def _routes(number: int, trace: Trace) -> Iterable[Route]:
    ends = trace.source, trace.destination
    yield Route(f"there-{number}", *ends, trace.there.nodes, trombone=trace.there.trombone)
    yield Route(f"back-{number}", *ends[::-1], trace.back.nodes, back=True, trombone=trace.back.trombone)


@final
class Table:
    """Rows with the same keys, or those of them that are named."""

    def __init__(self, rows: Iterable[Mapping[str, object]], *keys: str) -> None:
        self.rows = list(rows)
        self.keys = keys or tuple(self.rows[0] if self.rows else ())

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(key)}</th>" for key in self.keys)
        body = "".join(f"<tr>{self._cells(row)}</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _cells(self, row: Mapping[str, object]) -> str:
        return "".join(f"<td>{escape(str(row.get(key, '')))}</td>" for key in self.keys)
