"""How busy a thread is."""

from __future__ import annotations

from time import monotonic, thread_time
from typing import Final, final

BUSY: Final = 0.5
"""The share of its time at work from which on a thread is better left alone."""


@final
class Load:
    """The share of its time that the thread which asks has been at work."""

    def __init__(self) -> None:
        self._asked, self._used = monotonic(), thread_time()

    def share(self) -> float:
        """From 0 to 1, since it was last asked."""
        asked, used = self._asked, self._used
        self._asked, self._used = monotonic(), thread_time()
        return (self._used - used) / max(self._asked - asked, 1e-6)
