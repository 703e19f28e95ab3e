"""`vmto run` and `vmto compare`: scenarios in labs of their own, told and recorded."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from testbed.cli import completion
from testbed.cli.options import (
    AnnounceOption,
    Blackout,
    ClientOption,
    Logs,
    MachineOption,
    ModeOption,
    Name,
    ReflectorOption,
    ToOption,
)
from testbed.cli.progress import Progress
from testbed.cli.report import Report, told
from testbed.lab.errors import LabError
from testbed.lab.switches import Target
from testbed.model.topology import Mode

if TYPE_CHECKING:
    from rich.console import Console

    from testbed.experiments.result import Compared
    from testbed.experiments.spec import RunSpec

WIDTH = 110


ScenarioArgument = Annotated[
    str | None,
    typer.Argument(
        help="Scenario file, or the name of one that comes along. A move without.",
        autocompletion=completion.scenarios,
        show_default=False,
    ),
]
TopologyOption = Annotated[
    str | None,
    typer.Option(
        "--topology",
        help="Topology file or name; the scenario's own without.",
        show_default=False,
        autocompletion=completion.topologies,
    ),
]
TargetOption = Annotated[Target, typer.Option(help="Which P4 switch runs the pipelines.")]
Repeat = Annotated[int, typer.Option("--repeat", min=1, max=1000, help="How often, each in a new lab.")]
Seed = Annotated[
    int, typer.Option("--seed", min=0, help="What moments and orders that may vary are drawn from.")
]
Results = Annotated[Path, typer.Option(help="Folder for what is found.")]
Pcap = Annotated[
    bool,
    typer.Option("--pcap", help="Also keep the captures on all links, a MODE.pcapng beside the results."),
]


def run(
    scenario: ScenarioArgument = None,
    topology: TopologyOption = None,
    machine: MachineOption = None,
    to: ToOption = None,
    client: ClientOption = None,
    mode: ModeOption = None,
    reflector: ReflectorOption = None,
    target: TargetOption = Target.EMBEDDED,
    blackout_ms: Blackout = None,
    announce: AnnounceOption = None,
    repeat: Repeat = 1,
    seed: Seed = 0,
    name: Name = "run",
    results: Results = Path("results/latest"),
    logs: Logs = None,
    pcap: Pcap = False,
    report: Report = False,
) -> int:
    """Run a scenario in one mode.

    Builds a lab, does what the scenario says, tells and records what happened.
    """
    from testbed.experiments import present
    from testbed.experiments.defaults import choose, run_spec
    from testbed.experiments.result import write

    chosen = choose(scenario, topology=topology, machine=machine, to=to, clients=client)
    _folder(results)
    spec = run_spec(
        chosen,
        chosen.in_mode(mode),
        reflector=reflector,
        target=target,
        blackout_ms=blackout_ms,
        announce=announce,
        seed=seed,
        logs=logs,
    )
    talks = repeat == 1 and sys.stderr.isatty()
    found = _measured([spec.model_copy(update={"talks": talks})], repeat, name, _captures(results, pcap))
    for only in found.values():
        present.show(only, chosen.plan, _console())
        file = write(only, results.absolute())
        print(f"\nwritten to {file}\n{told(file, chosen.plan, report)}")
    return _verdict(found)


def compare(
    scenario: ScenarioArgument = None,
    topology: TopologyOption = None,
    machine: MachineOption = None,
    to: ToOption = None,
    client: ClientOption = None,
    mode: Annotated[list[Mode] | None, typer.Option(help="A mode; may be repeated. All without.")] = None,
    reflector: ReflectorOption = None,
    target: TargetOption = Target.EMBEDDED,
    blackout_ms: Blackout = None,
    announce: AnnounceOption = None,
    repeat: Repeat = 1,
    seed: Seed = 0,
    name: Name = "compare",
    results: Results = Path("results/latest"),
    logs: Logs = None,
    pcap: Pcap = False,
    report: Report = False,
) -> int:
    """Run a scenario in every mode, side by side."""
    from testbed.experiments import side_by_side
    from testbed.experiments.defaults import choose, run_spec
    from testbed.experiments.result import COMPARISON, Comparison, write

    chosen = choose(scenario, topology=topology, machine=machine, to=to, clients=client)
    _folder(results)
    specs = [
        run_spec(
            chosen,
            each,
            reflector=reflector,
            target=target,
            blackout_ms=blackout_ms,
            announce=announce,
            seed=seed,
            logs=logs,
        )
        for each in (map(chosen.in_mode, dict.fromkeys(mode)) if mode else chosen.modes(reflector))
    ]
    found = _measured(specs, repeat, name, _captures(results, pcap))
    if found:
        comparison = Comparison(modes=found)
        side_by_side.show(comparison, chosen.plan, _console())
        file = write(comparison, results.absolute(), COMPARISON)
        print(f"\nwritten to {file}\n{told(file, chosen.plan, report)}")
    return _verdict(found)


def _captures(results: Path, wanted: bool) -> dict[Mode, Path]:
    """Where the captures of each mode go to, if anywhere. Those of earlier runs would belong to no result."""
    files = {mode: results.absolute() / f"{mode}.pcapng" for mode in Mode}
    for file in files.values():
        file.unlink(missing_ok=True)
    return files if wanted else {}


def _measured(
    specs: Sequence[RunSpec], repeat: int, name: str, captures: dict[Mode, Path]
) -> dict[str, Compared]:
    """What was found in each mode; nothing, said on standard error, if a lab failed.

    SIGTERM is as good as Ctrl-C: files of the runs so far are removed.
    """
    from testbed.experiments.launch import QUIET
    from testbed.experiments.repeat import NotMeasuredError, run_all

    kept = [spec.model_copy(update={"capture": captures.get(spec.lab.mode)}) for spec in specs]
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Progress("starting") as progress:
            return run_all(kept, repeat, name, QUIET, now=progress.now, tell=progress.tell)
    except NotMeasuredError as error:
        print(f"vmto: {error}", file=sys.stderr)
        return {}
    finally:
        signal.signal(signal.SIGTERM, before)


def _folder(results: Path) -> None:
    """Make it now: what takes minutes to find must not be lost for want of a place."""
    from testbed.experiments.result import make_folder

    try:
        make_folder(results)
        with tempfile.TemporaryFile(dir=results):
            pass
    except OSError as error:
        words = f"--results {results} cannot be written ({error.strerror})"
        raise LabError(f"{words}: name another folder") from None


def _verdict(found: dict[str, Compared]) -> int:
    """Exit code; expectations that were not met go to standard error, a line each."""
    from testbed.experiments.repeat import failures

    wrong = [f"{mode}: {line}" for mode, each in found.items() for line in failures(each)]
    for line in wrong:
        print(f"vmto: {line}", file=sys.stderr)
    return 1 if wrong or not found else 0


def _console() -> Console:
    """Paths need room: where no terminal sets the width, lines are as long as they have to be."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def register(app: typer.Typer) -> None:
    """Put both into a command line."""
    app.command()(run)
    app.command()(compare)
