"""Processes as the kernel lists them."""

from __future__ import annotations

from pathlib import Path


def descendants(pid: int) -> set[int]:
    """A process and all below it. OSError if one ends meanwhile: look again."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {pid}.union(*(descendants(int(child)) for child in children))
