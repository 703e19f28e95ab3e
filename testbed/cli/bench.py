"""`vmto bench`: figures of this machine, side by side with what they are to be compared with, in one run."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from testbed.awake import awake
from testbed.cli.progress import Progress
from testbed.experiments.bench.parts import Part
from testbed.lab.errors import LabError
from testbed.model.topology import Reflector

app = typer.Typer(help="Measure data plane and control plane.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def dataplane(
    seconds: Annotated[float, typer.Option(min=0.2, max=60, help="For each rate.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Measure the switch against a null forwarder, and simple_switch_grpc where it is on PATH."""
    from testbed import resources
    from testbed.p4.switch.bench.dataplane import Row, run_dataplane_bench

    def report(row: Row) -> None:
        progress.now("measuring")
        if as_json:
            goal = None if row.goal is None else str(row.goal)
            progress.result(json.dumps({**asdict(row), "goal": goal, "met": row.met}))
            return
        what = f"{row.switch:<18} {row.program:<6} {row.frame_bytes or '':>4} x{row.switches:<2}"
        verdict = {None: "", True: "met", False: "missed"}[row.met]
        figure = f"{row.value:>10,.10g} {row.unit:<18} {row.goal or ''!s:>7} {verdict:<6}"
        progress.result(f"{row.measure:<23} {what} {figure} {row.note}".rstrip())

    if os.geteuid() != 0:
        raise LabError("the benchmark needs root for a network of its own: run with sudo")
    try:
        with Progress("measuring") as progress, awake():
            rows = run_dataplane_bench(resources.p4src() / "pe.p4", seconds=seconds, report=report)
    except RuntimeError as error:
        raise LabError(str(error)) from None
    verdicts = [row.met for row in rows if row.met is not None]
    if not as_json:
        print(f"{verdicts.count(True)} of {len(verdicts)} goals met")


@app.command()
def control(
    reflector: Annotated[
        list[Reflector] | None, typer.Option(help="May be repeated. All that are installed without.")
    ] = None,
    part: Annotated[list[Part] | None, typer.Option(help="May be repeated. All without.")] = None,
    moves: Annotated[int, typer.Option(min=1, max=2000, help="Machines that move one by one.")] = 100,
    machines: Annotated[int, typer.Option(min=0, max=5000, help="Machines that move at once.")] = 1000,
    hosts: Annotated[int, typer.Option(min=1, max=20_000, help="Hosts of each PE.")] = 10_000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> int:
    """Measure reflection, moves and scale: ours, gobgpd and FRR, as far as they are installed."""
    from controllers.runtime.bgp.reflectors import ReflectorKind, is_installed
    from testbed.experiments.bench.control import Row, Sizes, bench_control

    def report(row: Row) -> None:
        progress.now("measuring")
        if as_json:
            progress.result(json.dumps({**asdict(row), "met": row.met}))
            return
        sign = ">=" if row.at_least else "<="
        goal = "" if row.goal is None else f"{sign} {row.goal:,.10g}"
        verdict = {None: "", True: "met", False: "missed"}[row.met]
        line = (
            f"{row.measure:<36} {row.reflector:<9} {row.value:>12,.2f} {row.unit:<9} {goal:>10} {verdict:<7}"
        )
        progress.result(f"{line} load {row.load:4.1f}  {row.note}".rstrip())

    if os.geteuid() != 0:
        raise LabError("the benchmark needs root for labs of its own: run with sudo")
    wanted = [ReflectorKind(each.value) for each in reflector] if reflector else list(ReflectorKind)
    kinds = [kind for kind in wanted if is_installed(kind)]
    with Progress("measuring") as progress, awake():
        failures = bench_control(kinds, part or list(Part), Sizes(moves, machines, hosts), report)
    failures += [f"{kind.value} is not installed" for kind in wanted if kind not in kinds]
    for line in failures:
        print(f"vmto: not measured: {line}", file=sys.stderr)
    return 1 if failures and reflector else 0
