"""One batch of updates: what the engine has to do, and how to take it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from testbed.p4.switch.target import Op


class Transaction:
    """Stores change their own state at once and record here what the engine must follow with."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self._undo: list[tuple[Callable[..., object], tuple[Any, ...]]] = []

    def on_undo(self, call: Callable[..., object], *args: object) -> None:
        """Remember how to take back the change just made."""
        self._undo.append((call, args))

    def mark(self) -> tuple[int, int]:
        """A point to return to."""
        return len(self.ops), len(self._undo)

    def undo_to(self, mark: tuple[int, int] = (0, 0)) -> None:
        """Take back everything since a mark, the last change first."""
        ops, undo = mark
        del self.ops[ops:]
        while len(self._undo) > undo:
            call, args = self._undo.pop()
            call(*args)

    def undo_between(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Take back the changes between two marks only; `ops` stays, as it was handed over already."""
        for call, args in reversed(self._undo[start[1] : end[1]]):
            call(*args)
        self._undo[start[1] : end[1]] = [(_nothing, ())] * (end[1] - start[1])


def _nothing() -> None:
    """What remains of a change that was taken back."""
