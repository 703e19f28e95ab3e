"""What is to be run, as it goes from the command line into a lab's container."""

from __future__ import annotations

from pathlib import Path
from typing import final

from pydantic import BaseModel, ConfigDict

from testbed.lab.switches import Target
from testbed.model.topology import Announce, Mode, Reflector


@final
class LabSpec(BaseModel):
    """A lab: its topology file and how to run it. `logs` takes what switches print."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topology: Path
    mode: Mode
    reflector: Reflector
    target: Target
    logs: Path | None = None


@final
class RunSpec(BaseModel):
    """A move in a lab of its own. `results` is the folder that result.json goes to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lab: LabSpec
    machine: str
    destination: str
    clients: tuple[str, ...]
    blackout_ms: float
    announce: Announce
    results: Path
