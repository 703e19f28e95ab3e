"""Work that can wait until nothing more is coming."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import final


@final
class Lull:
    """Calls `work` once: `quiet` seconds after the last `touch`, or `limit` seconds after the first one."""

    def __init__(self, work: Callable[[], None], *, quiet: float, limit: float) -> None:
        self._work = work
        self._quiet = quiet
        self._limit = limit
        self._timer: asyncio.TimerHandle | None = None
        self._due = self._latest = 0.0

    def touch(self) -> None:
        """Begin to wait, or wait on."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._timer is None:
            self._latest = now + self._limit
        self._due = min(now + self._quiet, self._latest)
        if self._timer is None:
            self._timer = loop.call_at(self._due, self._fire)

    def cancel(self) -> None:
        """Do not call."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._due:
            self._timer = loop.call_at(self._due, self._fire)
            return
        self._timer = None
        self._work()
