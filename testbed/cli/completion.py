"""What the shell completes: names of labs, of what is in them, and of files that come along.

Called by a shell in the middle of a line: whatever cannot be found out now is no suggestion, and no words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import typer

from testbed.lab.errors import LabError


def labs(incomplete: str) -> list[str]:
    """Labs that are up."""
    from testbed.lab.container import running

    return _starting(incomplete, (lab.name for lab in running()))


def topologies(incomplete: str) -> list[str]:
    """Topologies that come along."""
    from testbed import resources

    return _starting(incomplete, resources.topology_names())


def scenarios(incomplete: str) -> list[str]:
    """Scenarios that come along."""
    from testbed.experiments.scenario.load import names

    return _starting(incomplete, names())


def switches(ctx: typer.Context, incomplete: str) -> list[str]:
    """Switches of the lab that is asked."""
    return _starting(incomplete, _status(ctx).get("switches", {}))


def pes(ctx: typer.Context, incomplete: str) -> list[str]:
    """PEs of the lab that is asked."""
    found = _status(ctx).get("switches", {})
    return _starting(incomplete, (name for name, switch in found.items() if switch["role"] == "pe"))


def machines(ctx: typer.Context, incomplete: str) -> list[str]:
    """Machines of the lab that is asked."""
    return _starting(incomplete, _status(ctx).get("machines", {}))


def movable(ctx: typer.Context, incomplete: str) -> list[str]:
    """Machines that can be moved."""
    found = _status(ctx).get("machines", {})
    return _starting(incomplete, (name for name, machine in found.items() if "slots" in machine))


def slots(ctx: typer.Context, incomplete: str) -> list[str]:
    """Slots of the machine that was named before."""
    machine = _status(ctx).get("machines", {}).get(ctx.params.get("machine"), {})
    return _starting(incomplete, machine.get("slots", ()))


def _starting(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _status(ctx: typer.Context) -> dict[str, Any]:
    from testbed.cli.calls import call

    try:
        found: dict[str, Any] = call(ctx.params.get("name") or "lab", "status")
    except LabError:
        return {}
    return found
