"""`vmto export`: a topology as configurations of other people's routers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, final

import typer

from testbed import resources
from testbed.cli.options import ModeOption, Topology
from testbed.lab.errors import LabError

app = typer.Typer(help="Write a topology as configurations of other routers.", no_args_is_help=True)


@final
class Form(StrEnum):
    """How Junos configurations are written."""

    BRACES = "braces"
    SET = "set"


Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="Folder for a file per router; printed without.")
]


@app.command()
def junos(
    topology: Topology = "wan",
    output: Output = None,
    mode: ModeOption = None,
    node: Annotated[str | None, typer.Option(help="One PE or P router; all without.")] = None,
    form: Annotated[Form, typer.Option("--format", help="With braces, or as set commands.")] = Form.BRACES,
    virtual_gateway: Annotated[
        bool,
        typer.Option(
            "--virtual-gateway",
            help="An address of its own on each PE, the gateway's address shared beside it.",
        ),
    ] = False,
) -> None:
    """Write the PEs and P routers as Junos MX configurations (untested on a device)."""
    from testbed.export.junos import Options, head
    from testbed.export.junos import junos as made
    from testbed.export.statements import braces, sets
    from testbed.model.load import load_plan

    plan = load_plan(resources.topology(topology))
    options = Options(mode or plan.defaults.mode, virtual_gateway)
    routers = made(plan, options)
    if node is not None and node not in routers:
        raise LabError(f"no PE or P router {node!r}: use one of {', '.join(routers)}")
    files = {}
    for name, statements in routers.items():
        if node in (None, name):
            if form is Form.SET:
                files[f"{name}.set"] = _remarks(head(plan, name, options.mode)) + sets(statements)
            else:
                files[f"{name}.conf"] = head(plan, name, options.mode) + braces(statements)
    _out(files, output)


@app.command()
def frr(topology: Topology = "wan", output: Output = None) -> None:
    """Write the route reflector as an FRR configuration."""
    from testbed.export.frr import FILE, frr_reflector
    from testbed.model.load import load_plan

    _out({FILE: frr_reflector(load_plan(resources.topology(topology)))}, output)


def _remarks(head: str) -> str:
    """A remark as lines that a terminal in configuration mode skips."""
    lines = (line.strip(" */") for line in head.splitlines())
    return "".join(f"# {line}\n" for line in lines if line)


def _out(files: dict[str, str], folder: Path | None) -> None:
    if folder is None:
        print("\n".join(files.values()), end="")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise LabError(f"{folder} cannot be written ({error.strerror}): name another folder") from None
    print(f"written to {folder}: {', '.join(files)}")
