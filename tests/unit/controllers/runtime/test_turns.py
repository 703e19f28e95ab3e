"""Speakers on one event loop take turns."""

from __future__ import annotations

import asyncio
from functools import partial

from controllers.runtime.bgp.turns import turns


async def test_what_one_starts_comes_before_the_next_ones_turn() -> None:
    done: list[str] = []

    def decide(name: str) -> None:
        done.append(f"{name} decides")
        loop = asyncio.get_running_loop()
        # A task wakes up, and starts another one that writes.
        loop.call_soon(loop.call_soon, done.append, f"{name} writes")

    for name in ("pe1", "pe2"):
        turns().add(partial(decide, name))
    await asyncio.sleep(0)
    assert done == ["pe1 decides"]
    for _ in range(6):
        await asyncio.sleep(0)
    assert done == ["pe1 decides", "pe1 writes", "pe2 decides", "pe2 writes"]


async def test_a_turn_that_is_cancelled_or_fails_holds_nobody_up() -> None:
    done: list[str] = []
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))

    def fail() -> None:
        raise ValueError("mine")

    turns().add(fail)
    turns().add(partial(done.append, "cancelled")).cancel()
    turns().add(partial(done.append, "last"))
    for _ in range(8):
        await asyncio.sleep(0)
    assert done == ["last"]
    assert [str(failure) for failure in failures] == ["mine"]
