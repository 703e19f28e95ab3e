"""Wait for something to become true, with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class NotInTime(AssertionError):  # noqa: N818 - reads as what happened
    """The deadline passed; the text says for what."""


def eventually(probe: Callable[[], T], *, within: float = 5.0, every: float = 0.02, what: str = "") -> T:
    """The first true value of `probe()`. Raises `NotInTime` with `what`, the last value or the last error.

    An `AssertionError` or `OSError` of the probe counts as "not yet".
    """
    deadline = time.monotonic() + within
    while True:
        last: object
        try:
            last = value = probe()
            if value:
                return value
        except (AssertionError, OSError) as error:
            last = error
        if time.monotonic() >= deadline:
            raise NotInTime(f"{what or 'condition'}: not within {within:g} s, last: {last!r}")
        time.sleep(every)


async def eventually_async(
    probe: Callable[[], T | Awaitable[T]], *, within: float = 5.0, every: float = 0.02, what: str = ""
) -> T:
    """The same where an event loop runs; the probe may be a coroutine function."""
    deadline = time.monotonic() + within
    while True:
        last: object
        try:
            answer = probe()
            value: T = await answer if isinstance(answer, Awaitable) else answer
            last = value
            if value:
                return value
        except (AssertionError, OSError) as error:
            last = error
        if time.monotonic() >= deadline:
            raise NotInTime(f"{what or 'condition'}: not within {within:g} s, last: {last!r}")
        await asyncio.sleep(every)
