"""How busy a thread is."""

from __future__ import annotations

import time

from controllers.runtime.load import Load


def test_a_thread_that_waits_is_idle_and_one_that_computes_is_busy() -> None:
    load = Load()
    time.sleep(0.05)
    idle = load.share()
    until = time.thread_time() + 0.02
    while time.thread_time() < until:
        pass
    assert 0 <= idle < load.share() <= 1.01
