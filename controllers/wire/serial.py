"""Serial number arithmetic (RFC 1982), for MAC mobility sequences.

The number space wraps after 2^32 - 1, which RFC 7432 §15 asks to be handled and leaves open how.
"""

from __future__ import annotations

from typing import Final

BITS: Final = 32
MODULUS: Final = 1 << BITS
HALF: Final = 1 << (BITS - 1)


def newer(a: int, b: int) -> bool:
    """Tell whether `a` comes after `b` (RFC 1982 §3.2); of two that are half the space apart, the larger."""
    distance = (a - b) % MODULUS
    return 0 < distance < HALF or (distance == HALF and a > b)


def latest(a: int, b: int) -> int:
    """The one of two that comes after the other."""
    return a if newer(a, b) else b


def after(sequence: int) -> int:
    """The next number (RFC 1982 §3.1)."""
    return (sequence + 1) % MODULUS
