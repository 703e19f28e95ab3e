"""What is to be run, as it goes from the command line into a lab's container."""

from __future__ import annotations

from pathlib import Path
from typing import final

from pydantic import BaseModel, ConfigDict

from testbed.experiments.scenario.parts import Cast
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
    """One run of a scenario in a lab of its own. `results` is the folder that its file goes to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lab: LabSpec
    scenario: Path
    cast: Cast
    blackout_ms: float
    announce: Announce
    results: Path = Path()
    seed: int = 0
    repetition: int = 0
    """From 0; with the seed what moments and orders are drawn from."""
    capture: Path | None = None
    """File that the captures on the links are kept in, those of the first repetition."""
    talks: bool = False
    """Prints what it does."""

    @property
    def file(self) -> str:
        """Name of the file that it writes."""
        return f"{self.lab.mode}-{self.repetition}.json"
