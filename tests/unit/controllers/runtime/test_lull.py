"""Work that waits for a lull."""

from __future__ import annotations

import asyncio

import pytest

from controllers.runtime import lull as lull_module
from controllers.runtime.lull import Lull


async def test_it_is_done_once_nothing_more_comes() -> None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[float] = loop.create_future()
    lull = Lull(lambda: done.set_result(loop.time()), quiet=0.02, limit=60)
    for _ in range(3):
        await asyncio.sleep(0)
        last = loop.time()
        lull.touch()
    assert await done >= last + 0.02


async def test_it_is_done_at_its_limit_while_more_comes() -> None:
    done = asyncio.Event()
    lull = Lull(done.set, quiet=60, limit=0.01)
    lull.touch()
    while not done.is_set():
        lull.touch()
        await asyncio.sleep(0)


async def test_it_can_be_called_off_and_begun_anew() -> None:
    calls: list[str] = []
    done = asyncio.Event()

    def work() -> None:
        calls.append("done")
        done.set()

    lull = Lull(work, quiet=0.001, limit=60)
    lull.touch()
    lull.cancel()
    lull.cancel()
    lull.touch()
    await done.wait()
    assert calls == ["done"]


async def test_it_waits_on_while_there_is_much_else_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = [0.9, 0.7, 0.2]

    class Busy:
        def share(self) -> float:
            return loads.pop(0)

    monkeypatch.setattr(lull_module, "Load", Busy)
    loop = asyncio.get_running_loop()
    done: asyncio.Future[float] = loop.create_future()
    began = loop.time()
    Lull(lambda: done.set_result(loop.time()), quiet=0.01, limit=60).touch()
    assert await done >= began + 0.03
    assert loads == []
