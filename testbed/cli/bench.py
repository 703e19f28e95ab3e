"""`vmto bench`: figures of this machine, side by side with what they are to be compared with, in one run."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from typing import Annotated

import typer

from testbed.lab.errors import LabError

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
        if as_json:
            print(json.dumps(asdict(row)), flush=True)
            return
        what = f"{row.switch:<20} {row.program:<8} {row.frame_bytes:>5} B x{row.switches}"
        print(f"{row.measure:<16} {what} {row.value:>14,.1f} {row.unit:<10} {row.note}", flush=True)

    if os.geteuid() != 0:
        raise LabError("the benchmark needs root for a network of its own: run with sudo")
    try:
        run_dataplane_bench(resources.p4src() / "pe.p4", seconds=seconds, report=report)
    except RuntimeError as error:
        raise LabError(str(error)) from None


@app.command()
def control() -> None:
    """Measure route reflection: ours, gobgpd and FRR, as far as they are installed."""
    from controllers.runtime.bgp.reflectors import ReflectorKind, is_installed
    from controllers.runtime.bgp_bench import bench_reflectors, report

    kinds = [kind for kind in ReflectorKind if is_installed(kind)]
    print(report(asyncio.run(bench_reflectors(kinds))))
