"""Commands that look at a lab or help to run one: trace, cli, capture, web, doctor, config, controller."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from testbed.cli.calls import call, control_socket, print_json
from testbed.cli.options import AsJson, Destination, ModeOption, Name, ReflectorOption, Source, Topology
from testbed.lab.errors import LabError
from testbed.lab.switches import Target


def trace(
    source: Source,
    destination: Destination,
    name: Name = "lab",
    as_json: AsJson = False,
) -> int:
    """Send one echo, and tell its way there and back.

    By what the switches of a running lab saw of it.
    """
    from testbed.cli import states

    found = call(name, "trace", source=source, destination=destination)
    if as_json:
        print_json(found)
    else:
        print(states.trace(found))
    return 0 if found["answered"] else 1


def cli(
    name: Name = "lab",
    script: Annotated[Path | None, typer.Option(help="File of commands to run instead of asking.")] = None,
) -> int:
    """Open Mininet's command line on a running lab.

    Beside Mininet's own it has the commands `migrate` and `where`.
    """
    from testbed.lab.console import command

    if script is not None and not script.is_file():
        raise LabError(f"--script {script} is not a file: name one with a command a line")
    argv = command(name) + ([str(script.absolute())] if script else [])
    return subprocess.run(argv, check=False).returncode


def capture(
    link: Annotated[str, typer.Argument(help="A link as NODE--NODE, an interface, or `all`.")],
    file: Annotated[Path, typer.Argument(help="pcapng file to write.")],
    seconds: Annotated[float | None, typer.Option(min=0, help="How long; without, until Ctrl-C.")] = None,
    snap: Annotated[int, typer.Option(min=64, max=9216, help="Bytes kept of each frame.")] = 2048,
    name: Name = "lab",
) -> None:
    """Capture the frames on a link of a running lab.

    Both directions, tags and labels included.
    """
    from testbed.cli.capturing import capture as run
    from testbed.cli.capturing import interfaces

    run(name, interfaces(call(name, "status")["wires"], link), file.absolute(), seconds, snap)


def web(
    name: Name = "lab",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; any free one without.")] = 0,
) -> None:
    """Serve a page that shows a running lab.

    Its machines can be moved on it. Until Ctrl-C.
    """
    from testbed.web.serve import serve

    with contextlib.suppress(KeyboardInterrupt):
        serve(control_socket(name), port, lambda address: print(f"{address}\nCtrl-C ends it", flush=True))


def doctor(as_json: AsJson = False) -> int:
    """Check whether labs can run on this machine.

    Tells what to do where they cannot.
    """
    from testbed.cli.health import checks, report

    found = list(checks())
    if as_json:
        print_json([check.as_json() for check in found])
    else:
        print(report(found))
    return 0 if all(check.good or not check.needed for check in found) else 1


def config(topology: Topology = "wan", mode: ModeOption = None, reflector: ReflectorOption = None) -> None:
    """Print what `vmto controller` is told, as JSON."""
    from testbed.experiments.defaults import lab_spec
    from testbed.lab.fabric_config import fabric_config
    from testbed.model.load import load_plan

    spec = lab_spec(topology, mode=mode, reflector=reflector, target=Target.EMBEDDED, logs=None)
    print(fabric_config(load_plan(spec.topology), spec.mode, spec.reflector).to_json().decode())


def controller(
    node: Annotated[list[str] | None, typer.Argument(help="Switches to control; all without.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="What controllers are told, as `vmto config` prints it; not of a lab.")
    ] = None,
    target: Annotated[Target, typer.Option(help="Which P4 switch runs the pipelines.")] = Target.EMBEDDED,
    name: Name = "lab",
) -> int:
    """Run the controllers of switches, until Ctrl-C.

    The switches are those of a running lab, which gives up its own controllers for that time, or with
    --config those that someone else started.
    """
    import asyncio

    from testbed.experiments.controllers import read_config, serve

    if config is None:
        from testbed.cli.controlling import control

        return control(name, node or [])
    settings = read_config(config, node or [])
    try:
        asyncio.run(serve(settings, node or None, target, lambda line: print(line, flush=True)))
    except KeyboardInterrupt:
        print("stopped; the switches forward on", file=sys.stderr)
    return 0


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (trace, cli, capture, web, doctor, config, controller):
        app.command()(command)
