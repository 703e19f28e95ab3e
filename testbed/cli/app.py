"""The commands of `vmto`: options in, calls out, one line for a mistake."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from testbed import resources
from testbed.cli import bench, checking, completion, export, report, scenarios, show, tools
from testbed.cli.calls import again, call, print_json
from testbed.cli.mistakes import in_words
from testbed.cli.options import (
    AnnounceOption,
    AsJson,
    Blackout,
    Destination,
    Logs,
    ModeOption,
    Name,
    ReflectorOption,
    Source,
    Topology,
)
from testbed.cli.progress import Progress
from testbed.lab.errors import LabError
from testbed.lab.switches import Target
from testbed.model.errors import TopologyError

app = typer.Typer(
    help="EVPN-MPLS testbed in P4: machines move between data centers, packets prove their paths.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

TargetOption = Annotated[Target, typer.Option(help="Which P4 switch runs the pipelines.")]


scenarios.register(app)


@app.command()
def up(
    topology: Topology = "wan",
    mode: ModeOption = None,
    reflector: ReflectorOption = None,
    target: TargetOption = Target.EMBEDDED,
    name: Name = "lab",
    logs: Logs = None,
) -> None:
    """Start a lab in the background."""
    from testbed.experiments.defaults import lab_spec
    from testbed.experiments.launch import up as start

    spec = lab_spec(topology, mode=mode, reflector=reflector, target=target, logs=logs)
    with Progress(f"starting lab {name}"):
        start(name, spec, detached=True)
    named = "" if name == "lab" else f" --name {name}"
    first = f"{again(root=True)} status{named}"
    print(f"lab {name} is up: `{first}` tells more, and likewise there are migrate, trace, show, down")


@app.command()
def down(name: Name = "lab") -> None:
    """End a lab and all that is in it."""
    from testbed.lab.container import stop

    with Progress(f"ending lab {name}"):
        ended = stop(name)
    print(f"lab {name} is down" if ended else f"lab {name} was not up")


@app.command()
def status(name: Name = "lab", as_json: AsJson = False) -> int:
    """Show whether every part of a lab lives."""
    found: dict[str, Any] = call(name, "status")
    if as_json:
        print_json(found)
    else:
        from testbed.cli.views import show_status

        show_status(found)
    return 0 if found["alive"] else 1


@app.command()
def migrate(
    machine: Annotated[
        str, typer.Argument(help="The machine that moves.", autocompletion=completion.movable)
    ],
    to: Annotated[str, typer.Argument(help="The slot it moves to.", autocompletion=completion.slots)],
    blackout_ms: Blackout = None,
    announce: AnnounceOption = None,
    name: Name = "lab",
    as_json: AsJson = False,
) -> None:
    """Move a machine of a running lab live."""
    options = {"blackout_ms": blackout_ms, "announce": announce.value if announce else None}
    given = {key: value for key, value in options.items() if value is not None}
    moved: dict[str, Any] = call(name, "migrate", machine=machine, to=to, **given)
    text = (
        f"{moved['vm']}: {moved['source']} > {moved['target']}, {moved['blackout_ms']:.1f} ms off the network"
    )
    print(json.dumps(moved) if as_json else text)


@app.command()
def ping(
    source: Source,
    destination: Destination,
    count: Annotated[int, typer.Option("--count", "-c", min=1, max=100)] = 3,
    name: Name = "lab",
) -> int:
    """Ping from one machine to another."""
    words: str = call(name, "ping", source=source, destination=destination, count=count)
    print(words, end="")
    return 0 if ", 0% packet loss" in words else 1


@app.command()
def validate(topology: Topology = "wan", as_json: AsJson = False) -> None:
    """Check a topology, and show all that follows."""
    from testbed.cli.views import show_plan
    from testbed.model.load import load_plan

    plan = load_plan(resources.topology(topology))
    if as_json:
        print_json(plan.as_json())
    else:
        show_plan(plan)


@app.command(context_settings={"ignore_unknown_options": True})
def shell(
    node: Annotated[str, typer.Argument(help="The switch to talk to.", autocompletion=completion.switches)],
    arguments: Annotated[list[str] | None, typer.Argument(help="More arguments for p4runtime-shell.")] = None,
    name: Name = "lab",
) -> int:
    """Open p4runtime-shell on a switch.

    It reads beside the controller.
    """
    from testbed.cli.shell import p4runtime_shell

    return p4runtime_shell(name, call(name, "status"), node, arguments or [])


tools.register(app)
checking.register(app)
app.command()(report.report)
app.add_typer(export.app, name="export")
app.add_typer(show.app, name="show")
app.add_typer(bench.app, name="bench")


@app.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
def p4c(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> int:
    """Compile P4, with the options of p4c-bm2-ss."""
    from testbed.p4.compiler.main import main

    return main(arguments or [])


@app.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
def switch(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> int:
    """Run a P4 switch.

    With the options of simple_switch_grpc.
    """
    from testbed.p4.switch.main import main

    return main(arguments or [])


def run_command(arguments: Sequence[str]) -> int:
    """Run one command line. Exit code 0: done, 1: it failed, 2: a mistake in what was asked for."""
    try:
        code = app(list(arguments), prog_name="vmto", standalone_mode=False)
    except (LabError, TopologyError) as error:
        print(f"vmto: {error}" if isinstance(error, LabError) else error, file=sys.stderr)
        return 2
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        words = in_words(error)
        if words is None:
            raise
        print(words, file=sys.stderr)
        return 2
    return code if isinstance(code, int) else 0
