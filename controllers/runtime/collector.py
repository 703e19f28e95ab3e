"""Python's cycle collector, at work only while there is little else to do."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from controllers.runtime.load import BUSY, Load

T = TypeVar("T")

PERIOD: Final = 0.5
"""Seconds between two looks."""

LATE: Final = 0.003
"""Seconds by which a timer of a busy event loop is late."""

FEW: Final = 2_000
MANY: Final = 2_000_000
"""Objects since the last time: with so few it is not worth it, with so many it must not wait for a lull."""


def run_calmly(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, without pauses of the cycle collector while the event loop is busy.

    Tables free what they drop by reference counts. To look through 100,000 new objects takes a tenth of a
    second, and large tables are looked through again and again in vain. What has outlived a look is not
    looked at any more: a cycle that breaks only then stays until the process ends.
    """

    async def tended() -> T:
        _look_again(asyncio.get_running_loop(), Load())
        return await main

    gc.freeze()
    gc.disable()
    try:
        return asyncio.run(tended())
    finally:
        gc.enable()


def _look_again(loop: asyncio.AbstractEventLoop, load: Load) -> None:
    due = loop.time() + PERIOD
    loop.call_at(due, _look, loop, load, due)


def _look(loop: asyncio.AbstractEventLoop, load: Load, due: float) -> None:
    new, late = gc.get_count()[0], loop.time() - due
    idle = load.share() < BUSY and late < LATE
    if new > MANY or (new > FEW and idle):
        gc.collect(0)
        gc.freeze()
    _look_again(loop, load)
