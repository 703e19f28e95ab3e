"""Controllers alone, for switches that someone else started: `vmto controller`, and `mn --custom`, which runs
`python -m testbed.experiments.controllers TOPOLOGY [MODE]`.

The latter writes `ready` once every switch holds its tables, and runs until standard input ends. Embedded
target.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from controllers.runtime.collector import run_calmly
from controllers.runtime.config import FabricConfig
from controllers.runtime.fabric import Fabric
from controllers.runtime.switch import Observer
from testbed import resources
from testbed.experiments.programs import programs
from testbed.lab.errors import LabError
from testbed.lab.fabric_config import fabric_config
from testbed.lab.switches import READY_SECONDS, Target
from testbed.model.load import load_plan
from testbed.model.topology import Mode, Reflector


def read_config(file: Path, nodes: Sequence[str]) -> FabricConfig:
    """A configuration from a file. LabError if it is none, or has not these switches."""
    try:
        config = FabricConfig.from_json(file.read_bytes())
    except OSError as error:
        raise LabError(
            f"{file}: {(error.strerror or str(error)).lower()}: `vmto config` prints one"
        ) from None
    except ValueError as error:
        reason = " ".join(str(error).splitlines()[1:3])
        raise LabError(f"{file}: not what controllers are told ({reason}): `vmto config` prints it") from None
    switches = [pe.switch for pe in config.pes] + [p.switch for p in config.lsrs]
    known = [switch.name for switch in (*switches, *(access.switch for access in config.access))]
    for node in nodes:
        if node not in known:
            raise LabError(f"{file} has no switch {node!r}: use one of {', '.join(known)}")
    return config


async def serve(
    config: FabricConfig, nodes: Sequence[str] | None, target: Target, say: Callable[[str], None]
) -> None:
    """Control switches, all without `nodes`, until cancelled. OSError if BGP's address cannot be bound."""
    try:
        with tempfile.TemporaryDirectory(prefix="vmto-") as files:
            await _run(Fabric(config, programs(target), Observer(), Path(files), nodes), say)
    except OSError as error:
        raise LabError(f"BGP: {error.strerror or error}: are the loopbacks there, and free?") from None


async def _run(fabric: Fabric, say: Callable[[str], None]) -> None:
    async with fabric:
        try:
            await fabric.ready(READY_SECONDS)
        except TimeoutError as error:
            raise LabError(str(error)) from None
        say("ready")
        await asyncio.Event().wait()


async def control(topology: str, mode: str) -> None:
    """Control the switches of a topology until standard input ends."""
    plan = load_plan(resources.topology(topology))
    config = fabric_config(plan, Mode(mode or plan.defaults.mode), Reflector.EMBEDDED)
    serving = asyncio.create_task(serve(config, None, Target.EMBEDDED, lambda line: print(line, flush=True)))
    asyncio.get_running_loop().add_reader(0, lambda: serving.cancel() if not os.read(0, 4096) else None)
    await asyncio.wait([serving])
    if not serving.cancelled():
        serving.result()


def main(arguments: Sequence[str]) -> int:
    """Entry point."""
    try:
        run_calmly(control(arguments[0], arguments[1] if len(arguments) > 1 else ""))
    except LabError as error:
        print(f"vmto: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
