"""Duplicate detection: what moves too often is on two sites at once (RFC 7432 §15.1, RFC 9721 §8)."""

from __future__ import annotations

from itertools import takewhile
from typing import Generic, TypeVar, final

from controllers.evpn.config import Mobility

T = TypeVar("T")


@final
class MoveCounter(Generic[T]):
    """Counts the moves that this PE caused by learning locally.

    The first move starts a window of M seconds; the Nth within it makes a duplicate. A window that ends
    without that is forgotten, and the next move starts another one.
    """

    def __init__(self, config: Mobility) -> None:
        self._config = config
        self._windows: dict[T, tuple[float, int]] = {}
        """Start and moves, in the order of the starts."""
        self._frozen: dict[T, float] = {}

    def moved(self, address: T, now: float) -> bool:
        """Count a move; True if that makes the address a duplicate."""
        ended = takewhile(lambda window: now - window[1][0] >= self._config.window, self._windows.items())
        for forgotten, _ in tuple(ended):
            del self._windows[forgotten]
        start, moves = self._windows.get(address, (now, 0))
        moves += 1
        if moves < self._config.max_moves:
            self._windows[address] = (start, moves)
            return False
        self._windows.pop(address, None)
        self._frozen[address] = now + self._config.retry
        return True

    def frozen(self, address: T) -> bool:
        """True between detection and `clear`."""
        return address in self._frozen

    def retry_time(self, address: T) -> float:
        """When a duplicate is to be given another chance. Raises KeyError for what is none."""
        return self._frozen[address]

    def clear(self, address: T) -> bool:
        """Forget moves and verdict; True if there was a verdict."""
        self._windows.pop(address, None)
        return self._frozen.pop(address, None) is not None

    def all_frozen(self) -> list[T]:
        """Every duplicate there is."""
        return list(self._frozen)
