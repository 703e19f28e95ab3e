"""Arguments of control verbs, checked."""

from __future__ import annotations

from typing import Any

from testbed.lab.errors import LabError


def text(args: dict[str, Any], name: str) -> str:
    """An argument that must be there. LabError if it is not."""
    value = args.get(name)
    if not isinstance(value, str):
        raise LabError(f"'{name}' is missing: give a name")
    return value


def number(args: dict[str, Any], name: str, default: float, low: float, high: float) -> float:
    """A number between two bounds, both included. LabError for anything else."""
    value = args.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise LabError(f"{name} {value!r}: write {low:g} to {high:g}")
    return value
