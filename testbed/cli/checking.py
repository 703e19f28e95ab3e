"""`vmto check`: does every pair of machines of a running lab reach each other as it should, by all tables?"""

from __future__ import annotations

import typer

from testbed.cli.calls import call, print_json
from testbed.cli.options import AsJson, Name


def check(name: Name = "lab", as_json: AsJson = False) -> int:
    """Follow every pair of machines through all tables.

    IPv4 and IPv6. Tells loops, black holes, trombones and leaks between tenants, and where switches do not
    hold what their controllers wrote. Exit code 1 if there is any.
    """
    from testbed.cli.states import columns

    found = call(name, "check")
    broken, differences = found["violations"], found["differences"]
    if as_json:
        print_json(found)
    elif broken:
        rows = (
            (
                each["source"],
                each["destination"],
                f"IPv{each['version']}",
                each["kind"],
                " ".join(each["pes"]),
            )
            for each in broken
        )
        print(columns(("from", "to", "packets", "what", "by way of"), rows))
    else:
        print(f"{found['pairs']} pairs: no loop, no black hole, no trombone, no leak")
    if not as_json:
        for line in differences:
            print(line)
    return 1 if broken or differences else 0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)
