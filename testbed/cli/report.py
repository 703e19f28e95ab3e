"""`vmto report`: results as a page, pictures and tables."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from testbed import resources
from testbed.cli.calls import again
from testbed.cli.progress import Progress
from testbed.lab.errors import LabError

if TYPE_CHECKING:
    from testbed.model.plan import Plan

RESULTS = Path("results/latest")

Report = Annotated[bool, typer.Option("--report", help="Also write the report, as `vmto report` does.")]


def report(
    results: Annotated[
        list[Path] | None,
        typer.Argument(help="result.json or compare.json, or folders with them; results/latest without."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder to write; `report` beside the first result without."),
    ] = None,
    topology: Annotated[
        str | None, typer.Option(help="Topology of the results, if it is not one that comes along.")
    ] = None,
) -> None:
    """Turn results into one HTML page.

    Its pictures are beside it as SVG and PNG, its data as CSV.
    """
    from testbed.model.load import load_plan

    plan = load_plan(resources.topology(topology)) if topology else None
    print(f"report written to {make(results or [RESULTS], output, plan)}")


def make(results: list[Path], output: Path | None = None, plan: Plan | None = None) -> Path:
    """Write a report; returns the page's path. `plan` is that of labs that did not come along.

    LabError for what is not a result, and for a folder that cannot be written.
    """
    from testbed.report.page import report as made
    from testbed.report.runs import read_runs
    from testbed.report.write import fonts, write

    runs = read_runs(results, plan)
    if not fonts():
        print("vmto: no fonts here, PNG files lack words: install fonts-dejavu-core", file=sys.stderr)
    folder = output or runs[0].source.parent / "report"
    try:
        with Progress("drawing"):
            return write(made(runs), folder)
    except OSError as error:
        raise LabError(f"{folder} cannot be written ({error.strerror}): name another one with -o") from None


def told(file: Path, plan: Plan, wanted: bool) -> str:
    """What a command says that has written a result: where its report is, or how to make it."""
    if wanted:
        return f"report written to {make([file], plan=plan)}"
    return f"as a page with pictures: {again()} report {shlex.quote(_shortest(file))}"


def _shortest(file: Path) -> str:
    """A path as one would type it: relative only where that leads down."""
    return min(os.path.relpath(file), str(file.absolute()), key=len)
