"""What a PE has promised itself to do later: a heap of tasks; the runtime only ever sees the next time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TypeAlias, final

from controllers.wire.types import IpAddress


@final
@dataclass(frozen=True, slots=True)
class RefreshBinding:
    """Ask whether a local host still has this address."""

    bd: int
    ip: IpAddress


@final
@dataclass(frozen=True, slots=True)
class ForgetMoved:
    """Stop forwarding to an address whose MAC moved away and which nobody advertised since."""

    bd: int
    ip: IpAddress


@final
@dataclass(frozen=True, slots=True)
class RetryDuplicate:
    """Give a duplicate MAC another chance."""

    bd: int
    mac: int


@final
@dataclass(frozen=True, slots=True)
class RetryDuplicateIp:
    """Give a duplicate address another chance."""

    bd: int
    ip: IpAddress


@final
@dataclass(frozen=True, slots=True)
class DropStale:
    """Give up routes that have been without a session for too long."""


Task: TypeAlias = RefreshBinding | ForgetMoved | RetryDuplicate | RetryDuplicateIp | DropStale


@final
class Agenda:
    """Tasks by time. A task is there once: scheduling it again moves it."""

    def __init__(self) -> None:
        self._due: dict[Task, float] = {}
        self._heap: list[tuple[float, int, Task]] = []
        self._count = 0

    def schedule(self, task: Task, at: float) -> None:
        """Do `task` at `at`, and at no other time."""
        self._due[task] = at
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, task))

    def cancel(self, task: Task) -> None:
        """Do not do `task`."""
        self._due.pop(task, None)

    def due(self, now: float) -> list[Task]:
        """Take out what is due, in order of time."""
        tasks = []
        while self._heap and self._heap[0][0] <= now:
            at, _, task = heapq.heappop(self._heap)
            if self._due.get(task) == at:
                del self._due[task]
                tasks.append(task)
        return tasks

    def next_time(self) -> float | None:
        """When something is due next."""
        while self._heap:
            at, _, task = self._heap[0]
            if self._due.get(task) == at:
                return at
            heapq.heappop(self._heap)
        return None
