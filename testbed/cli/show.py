"""`vmto show`: the state of a running lab, in tables as routers print them, or as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from testbed.cli import states
from testbed.cli.calls import call, print_json
from testbed.cli.options import AsJson, Name

app = typer.Typer(
    help="Show what controllers know and switches hold.", no_args_is_help=True, rich_markup_mode=None
)

Pe = Annotated[str, typer.Argument(help="A PE.")]
Node = Annotated[str, typer.Argument(help="A switch.")]


def _show(verb: str, node: str | None, name: str, as_json: bool, render: Callable[[Any], str]) -> None:
    found = call(name, f"show {verb}", node=node)
    if as_json:
        print_json(found)
    else:
        print(render(found))


@app.command()
def bgp(
    pe: Annotated[str | None, typer.Argument(help="A PE; without, the sessions of all.")] = None,
    name: Name = "lab",
    as_json: AsJson = False,
) -> None:
    """BGP sessions, or the routes of one PE."""
    _show("bgp", pe, name, as_json, states.bgp_routes if pe else states.bgp_sessions)


@app.command()
def evpn(pe: Pe, name: Name = "lab", as_json: AsJson = False) -> None:
    """MACs and addresses with the PE that has them, and sequence numbers."""
    _show("evpn", pe, name, as_json, states.evpn)


@app.command()
def vpls(pe: Pe, name: Name = "lab", as_json: AsJson = False) -> None:
    """Pseudo-wires to the other sites, and who is master of the gateway (mode vpls)."""
    _show("vpls", pe, name, as_json, states.vpls)


@app.command()
def mac(node: Node, name: Name = "lab", as_json: AsJson = False) -> None:
    """The MAC tables of a PE or an access switch."""
    _show("mac", node, name, as_json, states.macs)


@app.command()
def route(pe: Pe, name: Name = "lab", as_json: AsJson = False) -> None:
    """The IP-VRFs of a PE."""
    _show("route", pe, name, as_json, states.routes)


@app.command()
def labels(node: Node, name: Name = "lab", as_json: AsJson = False) -> None:
    """What incoming labels mean on a PE or P router."""
    _show("labels", node, name, as_json, states.labels)


@app.command()
def tables(node: Node, name: Name = "lab", as_json: AsJson = False) -> None:
    """All entries of a switch as it holds them, with their counters."""
    _show("tables", node, name, as_json, states.tables)
