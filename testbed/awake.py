"""Processors that stay awake while something is measured."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LATENCY_REQUEST: Final = Path("/dev/cpu_dma_latency")
"""Takes the latency in us that its holder bears, 4 bytes, for as long as it is open (the kernel's PM QoS)."""


@contextmanager
def awake(device: Path = LATENCY_REQUEST) -> Iterator[bool]:
    """Ask the kernel to let idle processors poll; yields whether it does, which needs root and such a device.

    A processor that has slept takes 50 us and more to wake up, and is slow for a while after: at a packet
    every 20 ms that would be most of what is measured.
    """
    try:
        request = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        os.write(request, (0).to_bytes(4, sys.byteorder))
        yield True
    finally:
        os.close(request)
