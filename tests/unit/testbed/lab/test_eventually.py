"""Waiting with a deadline."""

from __future__ import annotations

import pytest

from testbed.lab.eventually import NotInTime, eventually, eventually_async


def test_first_true_value() -> None:
    values = iter([0, None, "", "here"])
    assert eventually(lambda: next(values), every=0) == "here"


def test_errors_of_the_probe_are_not_yet() -> None:
    values = iter([OSError("refused"), AssertionError("no"), 7])

    def probe() -> object:
        value = next(values)
        if isinstance(value, Exception):
            raise value
        return value

    assert eventually(probe, every=0) == 7


def test_deadline_says_what_and_last() -> None:
    with pytest.raises(NotInTime, match="port open: not within 0 s, last: 0"):
        eventually(lambda: 0, within=0, what="port open")


async def test_async_probe() -> None:
    values = iter([False, True])

    async def probe() -> bool:
        return next(values)

    assert await eventually_async(probe, every=0)
    with pytest.raises(NotInTime):
        await eventually_async(lambda: False, within=0)
