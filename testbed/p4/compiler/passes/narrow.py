"""Types that the checker has made sure of."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def known(value: T | None) -> T:
    """`value`, which is there.

    Raises:
        TypeError: if it is None: the checker let something through.
    """
    if value is None:
        raise TypeError("expected a value, not None")
    return value


def expect(value: object, kind: type[T]) -> T:
    """`value`, which is of this kind.

    Raises:
        TypeError: if it is not: the checker let something through.
    """
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, not {type(value).__name__}")
    return value
