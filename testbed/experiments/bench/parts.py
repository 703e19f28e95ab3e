"""What of the control plane can be measured; apart, so that the command line imports nothing else."""

from __future__ import annotations

from enum import StrEnum
from typing import final


@final
class Part(StrEnum):
    """What can be measured."""

    REFLECTION = "reflection"
    MOVES = "moves"
    SCALE = "scale"
