"""The timeline: what happened where, and when, on one clock.

Times are seconds of CLOCK_MONOTONIC, which all processes and namespaces of one machine share.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, final

from msgspec import Struct


@final
class Event(Struct, frozen=True):
    """One thing that happened; `event` is a word of the vocabulary, `node` where."""

    t: float
    event: str
    node: str
    details: dict[str, Any] = {}

    def as_json(self, origin: float = 0.0) -> dict[str, Any]:
        """With `t_ms` counted from `origin`."""
        details = {"details": self.details} if self.details else {}
        return {"t_ms": round((self.t - origin) * 1e3, 3), "event": self.event, "node": self.node, **details}


@final
class Timeline:
    """Collects events in the order of time; those who listen hear each at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._events: list[Event] = []
        self._listeners: list[Callable[[Event], None]] = []

    def stamp(self, event: str, node: str, t: float | None = None, **details: Any) -> Event:
        """Note that something happened now, or at `t`."""
        entry = Event(self._clock() if t is None else t, event, node, details)
        self._events.append(entry)
        for listener in self._listeners:
            listener(entry)
        return entry

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` for every event from now on; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def events(self) -> tuple[Event, ...]:
        """All events by time."""
        return tuple(sorted(self._events, key=lambda event: event.t))

    def between(self, start: float, end: float) -> tuple[Event, ...]:
        """The events of a span of time, both ends included."""
        return tuple(event for event in self.events if start <= event.t <= end)

    def as_json(self, origin: float = 0.0) -> list[dict[str, Any]]:
        """All events as plain values, `t_ms` counted from `origin`."""
        return to_json(self.events, origin)


def to_json(events: Iterable[Event], origin: float) -> list[dict[str, Any]]:
    """Events as plain values, `t_ms` counted from `origin`."""
    return [event.as_json(origin) for event in events]
