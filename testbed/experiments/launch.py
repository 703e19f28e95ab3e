"""A lab that stays up, started from outside."""

from __future__ import annotations

import subprocess
import sys
from typing import IO, Final

from testbed.experiments.spec import LabSpec
from testbed.lab.container import LabProcess, run_in_lab

QUIET: Final = {"GRPC_VERBOSITY": "NONE"}
"""gRPC's C core reports every connection that a switch closes; what matters comes as an exception."""


def up(
    name: str, spec: LabSpec, *, detached: bool, output: IO[bytes] | int = subprocess.DEVNULL
) -> LabProcess:
    """Start a lab and wait until it answers on its control socket; ends with this process unless detached.

    `output` takes what its program prints. LabError if it cannot come up.
    """
    program = [sys.executable, "-m", "testbed.experiments.inside", "up", spec.model_dump_json()]
    lab = run_in_lab(name, program, detached=detached, env=QUIET, output=output)
    try:
        lab.wait_ready()
    except BaseException:
        lab.stop()
        raise
    return lab
