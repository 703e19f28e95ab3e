"""Speakers on one event loop take turns, so that what one decides goes out before the next one begins."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import final
from weakref import WeakKeyDictionary


@final
class Turn:
    """A piece of work that waits for its turn."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work: Callable[[], None] | None = work

    def cancel(self) -> None:
        """Do not do it."""
        self._work = None

    def take(self) -> None:
        """Do it, unless it was cancelled."""
        if self._work is not None:
            self._work()


@final
class Turns:
    """Work done in order, with two turns of the event loop after each piece.

    When a reflector tells all PEs of one process at once, the first one's switch is already busy with its
    table writes while the last one still decides. A write takes two turns to leave: the task that writes
    wakes up, and gRPC sends in a task of its own.
    """

    def __init__(self) -> None:
        self._waiting: deque[Turn] = deque()

    def add(self, work: Callable[[], None]) -> Turn:
        """Do this when all that was added before is done, at the next turn at the earliest."""
        turn = Turn(work)
        self._waiting.append(turn)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._next)
        return turn

    def _next(self) -> None:
        try:
            self._waiting[0].take()
        finally:
            self._waiting.popleft()
            if self._waiting:
                loop = asyncio.get_running_loop()
                loop.call_soon(loop.call_soon, self._next)


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns() -> Turns:
    """The turns of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _turns.get(loop)
    if found is None:
        found = _turns[loop] = Turns()
    return found
