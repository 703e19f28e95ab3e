"""Topology file -> Topology and Plan, or a `TopologyError` with file, line and what to write instead."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from testbed import resources
from testbed.model.check import check
from testbed.model.derive import derive
from testbed.model.errors import Problem, TopologyError
from testbed.model.explain import explain
from testbed.model.plan import Plan
from testbed.model.source import MAX_BYTES, parse
from testbed.model.topology import Topology


def load_topology(path: str | Path) -> Topology:
    """Read and check a topology file. Raises `TopologyError`."""
    instead = f"give a topology file, or use one of {', '.join(resources.topology_names())}"
    return topology_from_text(read(Path(path), instead), str(path))


def load_plan(path: str | Path) -> Plan:
    """Read and check a topology file and derive its plan. Raises `TopologyError`."""
    return derive(load_topology(path))


def topology_from_text(text: str | bytes, file: str = "<text>") -> Topology:
    """Read and check a topology. Raises `TopologyError`."""
    source = parse(text, file)
    if not isinstance(source.data, dict):
        raise TopologyError([source.problem((), "the file is not a mapping", "start with `name: my-lab`")])
    try:
        topology = Topology.model_validate(source.data)
    except ValidationError as error:
        raise TopologyError(explain(Topology, source, error)) from None
    problems = check(topology, source)
    if problems:
        raise TopologyError(problems)
    return topology


def read(path: Path, instead: str) -> bytes:
    """The text of a file, as much of it as may be. Raises `TopologyError`, with what to give instead."""
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TopologyError([Problem(str(path), 1, f"cannot be read ({reason})", instead)]) from None
