"""Topology file -> Topology and Plan, or a `TopologyError` with file, line and what to write instead."""

from __future__ import annotations

import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from testbed.model.check import check
from testbed.model.derive import derive
from testbed.model.errors import Problem, TopologyError, closest, suggest
from testbed.model.plan import Plan
from testbed.model.source import MAX_BYTES, Source, parse
from testbed.model.topology import Topology


def load_topology(path: str | Path) -> Topology:
    """Read and check a topology file. Raises `TopologyError`."""
    path = Path(path)
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TopologyError(
            [Problem(str(path), 1, f"cannot be read ({reason})", "give a topology file")]
        ) from None
    return topology_from_text(text, str(path))


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
        raise TopologyError([_problem(source, detail) for detail in _distinct(error.errors())]) from None
    problems = check(topology, source)
    if problems:
        raise TopologyError(problems)
    return topology


def _distinct(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without the "missing" that a misspelt key causes beside its own "unknown"."""
    unknown = [detail["loc"] for detail in details if detail["type"] == "extra_forbidden"]
    return [
        detail
        for detail in details
        if detail["type"] != "missing"
        or not any(
            loc[:-1] == detail["loc"][:-1] and closest(str(loc[-1]), [str(detail["loc"][-1])])
            for loc in unknown
        )
    ]


def _problem(source: Source, detail: ErrorDetails) -> Problem:
    """One of pydantic's errors in our words."""
    path = tuple(part for part in detail["loc"] if part != "[key]")
    kind, key = detail["type"], str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        known = _fields_at(path[:-1])
        return source.problem(path, f"unknown key {key!r}", suggest(key, known))
    if kind == "missing":
        where = f" in {'.'.join(str(part) for part in path[:-1])!r}" if path[:-1] else ""
        return source.problem(path, f"missing key {key!r}{where}", f"add `{key}: ...` ({_describe(path)})")
    label = ".".join(str(part) for part in path)
    if kind == "value_error":
        what, _, instead = str(detail["ctx"]["error"]).partition(": ")
        return source.problem(path, f"{label}: {what}", instead)
    if kind == "enum":
        expected = str(detail["ctx"]["expected"])
        options = [option.strip("'") for option in expected.replace(" or ", ", ").split(", ")]
        return source.problem(
            path, f"{label}: unknown value {detail['input']!r}", suggest(str(detail["input"]), options)
        )
    if kind == "tuple_type":
        return source.problem(
            path, f"{label}: {detail['input']!r} is not a list", f"write [{detail['input']}]"
        )
    given = repr(detail["input"])
    given = given if len(given) <= 40 else given[:37] + "..."
    return source.problem(
        path, f"{label}: {given} is not allowed", detail["msg"][:1].lower() + detail["msg"][1:]
    )


def _model_at(path: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model that a path of keys leads to."""
    current: Any = Topology
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            info = current.model_fields.get(str(part))
            current = info.annotation if info else None
        else:
            current = next((a for a in reversed(typing.get_args(current)) if a is not Ellipsis), None)
        if isinstance(current, types.UnionType):
            current = typing.get_args(current)[0]
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _fields_at(path: tuple[str | int, ...]) -> list[str]:
    model = _model_at(path)
    return list(model.model_fields) if model else []


def _describe(path: tuple[str | int, ...]) -> str:
    model = _model_at(path[:-1])
    description = model.model_fields[str(path[-1])].description if model else None
    return (description or "required").rstrip(".").splitlines()[0]
