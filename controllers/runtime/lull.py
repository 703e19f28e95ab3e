"""Work that can wait until nothing more is coming."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import final

from controllers.runtime.load import BUSY, Load


@final
class Lull:
    """Calls `work` once: after `quiet` seconds without a `touch` in which the event loop had little to do, or
    `limit` seconds after the first one."""

    def __init__(self, work: Callable[[], None], *, quiet: float, limit: float) -> None:
        self._work = work
        self._quiet = quiet
        self._limit = limit
        self._timer: asyncio.TimerHandle | None = None
        self._due = self._latest = 0.0
        self._load = Load()

    def touch(self) -> None:
        """Begin to wait, or wait on."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._timer is None:
            self._latest = now + self._limit
        self._due = min(now + self._quiet, self._latest)
        if self._timer is None:
            self._load = Load()
            self._timer = loop.call_at(self._due, self._fire)

    def cancel(self) -> None:
        """Do not call."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        loop = asyncio.get_running_loop()
        now, load = loop.time(), self._load.share()
        if load > BUSY:
            self._due = min(max(self._due, now + self._quiet), self._latest)
        if now < self._due:
            self._timer = loop.call_at(self._due, self._fire)
            return
        self._timer = None
        self._work()
