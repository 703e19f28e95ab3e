"""Python's cycle collector, told about large tables."""

from __future__ import annotations

import gc


def calm_collector() -> None:
    """Have the cycle collector look rarely: a large table is many objects and no garbage.

    Tables free what they drop by reference counts; a full collection over 100,000 routes would hold up
    every message for a tenth of a second. For processes that do little else; call it once, at the start.
    """
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
