"""What a PE has promised itself to do later: a heap of tasks; the runtime only ever sees the next time."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar, final

TaskT = TypeVar("TaskT", bound=Hashable)


@final
class Agenda(Generic[TaskT]):
    """Tasks by time. A task is there once: scheduling it again moves it."""

    def __init__(self) -> None:
        self._due: dict[TaskT, float] = {}
        self._heap: list[tuple[float, int, TaskT]] = []
        self._count = 0

    def schedule(self, task: TaskT, at: float) -> None:
        """Do `task` at `at`, and at no other time."""
        self._due[task] = at
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, task))

    def cancel(self, task: TaskT) -> None:
        """Do not do `task`."""
        self._due.pop(task, None)

    def due(self, now: float) -> list[TaskT]:
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
