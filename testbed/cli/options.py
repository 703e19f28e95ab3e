"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from testbed.cli import completion
from testbed.model.topology import Announce, Mode, Reflector

Topology = Annotated[
    str,
    typer.Argument(
        help="Topology file, or the name of one that comes along.", autocompletion=completion.topologies
    ),
]
Name = Annotated[
    str,
    typer.Option(
        "--name", help="Name of the lab; several can run side by side.", autocompletion=completion.labs
    ),
]
ModeOption = Annotated[
    Mode | None, typer.Option("--mode", help="How layer 2 is stretched and where gateways are.")
]
ReflectorOption = Annotated[
    Reflector | None, typer.Option("--reflector", help="Who reflects the BGP routes.")
]
Blackout = Annotated[
    float | None, typer.Option("--blackout-ms", min=0, max=60_000, help="Silence of the machine, ms.")
]
AnnounceOption = Annotated[
    Announce | None, typer.Option("--announce", help="How the moved machine is announced.")
]
MachineOption = Annotated[str | None, typer.Option("--machine", help="The machine that moves.")]
ToOption = Annotated[str | None, typer.Option("--to", help="The slot it moves to.")]
ClientOption = Annotated[list[str] | None, typer.Option("--client", help="Who talks to it; may be repeated.")]
Logs = Annotated[Path | None, typer.Option("--logs", help="Existing folder for what switches print.")]
Source = Annotated[str, typer.Argument(help="The machine that asks.", autocompletion=completion.machines)]
Destination = Annotated[
    str, typer.Argument(help="The machine that answers.", autocompletion=completion.machines)
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
