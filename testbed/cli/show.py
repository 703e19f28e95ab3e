"""`vmto show`: the state of a running lab, in tables as routers print them, or as JSON.

The words are those of routers: `show bgp l2vpn evpn` as in FRR, `show evpn database` and `show mac-table` as
in Junos. Where a switch can be named and is not, all that can answer are asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from testbed.cli import states
from testbed.cli.calls import call, print_json
from testbed.cli.completion import pes, switches
from testbed.cli.options import AsJson, Name
from testbed.model.topology import Role


def _group(words: str) -> typer.Typer:
    return typer.Typer(help=words, no_args_is_help=True, rich_markup_mode=None)


app = _group("Show what controllers know and switches hold.")
bgp = _group("BGP sessions, and the routes of each family.")
l2vpn = _group("BGP routes of layer-2 services.")
ipv4 = _group("BGP routes to IPv4 prefixes.")
ipv6 = _group("BGP routes to IPv6 prefixes.")
evpn = _group("What a PE knows by EVPN.")

Rows = list[dict[str, Any]]
Pe = Annotated[str | None, typer.Argument(help="A PE; all without.", autocompletion=pes)]
Node = Annotated[str | None, typer.Argument(help="A switch; all without.", autocompletion=switches)]
Switch = Annotated[str, typer.Argument(help="A switch.", autocompletion=switches)]


def _show(
    verb: str,
    node: str | None,
    name: str,
    as_json: bool,
    render: Callable[[Rows], str],
    *,
    roles: tuple[Role, ...] = (Role.PE,),
    family: str | None = None,
) -> None:
    """Ask a switch, or all of some roles; of BGP's routes, those of a family."""

    def ask(one: str) -> Rows:
        rows: Rows = call(name, f"show {verb}", node=one)
        return [row for row in rows if family in (None, row.get("family"))]

    if node is not None:
        found = ask(node)
        print_json(found) if as_json else print(render(found))
        return
    asked = [one for one, switch in call(name, "status")["switches"].items() if switch["role"] in roles]
    every = {one: ask(one) for one in asked}
    if as_json:
        print_json(every)
    else:
        print("\n\n".join(f"--- {one}\n{render(rows)}" for one, rows in every.items()))


@bgp.command()
def summary(name: Name = "lab", as_json: AsJson = False) -> None:
    """The BGP sessions of all PEs."""
    found = call(name, "show bgp", node=None)
    print_json(found) if as_json else print(states.bgp_sessions(found))


@l2vpn.command("evpn")
def l2vpn_evpn(pe: Pe = None, name: Name = "lab", as_json: AsJson = False) -> None:
    """EVPN routes (RFC 7432, RFC 9136)."""
    _show("bgp", pe, name, as_json, states.bgp_routes, family="evpn")


@l2vpn.command("vpls")
def l2vpn_vpls(pe: Pe = None, name: Name = "lab", as_json: AsJson = False) -> None:
    """VPLS routes (RFC 4761)."""
    _show("bgp", pe, name, as_json, states.bgp_routes, family="vpls")


@ipv4.command("vpn")
def ipv4_vpn(pe: Pe = None, name: Name = "lab", as_json: AsJson = False) -> None:
    """VPN-IPv4 routes (RFC 4364)."""
    _show("bgp", pe, name, as_json, states.bgp_routes, family="vpnv4")


@ipv6.command("vpn")
def ipv6_vpn(pe: Pe = None, name: Name = "lab", as_json: AsJson = False) -> None:
    """VPN-IPv6 routes (RFC 4659)."""
    _show("bgp", pe, name, as_json, states.bgp_routes, family="vpnv6")


@bgp.command()
def rt_constraint(pe: Pe = None, name: Name = "lab", as_json: AsJson = False) -> None:
    """Which route targets somebody wants (RFC 4684)."""
    _show("bgp", pe, name, as_json, states.bgp_routes, family="rt-constraint")


@evpn.command()
def database(pe: Pe = None, name: Name = "lab", as_json: AsJson = False) -> None:
    """MACs and addresses, and the PE that has them."""
    _show("evpn", pe, name, as_json, states.evpn)


@app.command()
def vpls(pe: Pe = None, name: Name = "lab", as_json: AsJson = False) -> None:
    """Pseudo-wires and gateway masters (mode vpls)."""
    _show("vpls", pe, name, as_json, states.vpls)


@app.command()
def mac_table(node: Node = None, name: Name = "lab", as_json: AsJson = False) -> None:
    """The MAC tables of PEs and access switches."""
    _show("mac", node, name, as_json, states.macs, roles=(Role.PE, Role.ACCESS))


@app.command()
def route(pe: Pe = None, name: Name = "lab", as_json: AsJson = False) -> None:
    """The IP-VRFs of a PE."""
    _show("route", pe, name, as_json, states.routes)


@app.command()
def labels(node: Node = None, name: Name = "lab", as_json: AsJson = False) -> None:
    """What incoming labels mean on a PE or P router."""
    _show("labels", node, name, as_json, states.labels, roles=(Role.PE, Role.P))


@app.command()
def tables(node: Switch, name: Name = "lab", as_json: AsJson = False) -> None:
    """All entries of a switch, with their counters."""
    _show("tables", node, name, as_json, states.tables)


for part, name in ((l2vpn, "l2vpn"), (ipv4, "ipv4"), (ipv6, "ipv6")):
    bgp.add_typer(part, name=name)
app.add_typer(bgp, name="bgp")
app.add_typer(evpn, name="evpn")
