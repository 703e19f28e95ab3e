"""The controllers of a topology alone: `python -m testbed.experiments.controllers TOPOLOGY [MODE]`.

For switches that someone else started, such as `mn --custom`. Writes `ready` once every switch holds its
tables, and runs until standard input ends. Embedded target.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

from controllers.runtime.fabric import Fabric
from controllers.runtime.switch import Observer
from testbed import resources
from testbed.experiments.programs import programs
from testbed.lab.fabric_config import fabric_config
from testbed.lab.switches import Target
from testbed.model.load import load_plan
from testbed.model.topology import Mode, Reflector

READY_SECONDS = 30.0


async def control(topology: str, mode: str) -> None:
    """Control the switches of a topology until standard input ends."""
    plan = load_plan(resources.topology(topology))
    config = fabric_config(plan, Mode(mode or plan.defaults.mode), Reflector.EMBEDDED)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, lambda: ended.set() if not os.read(0, 4096) else None)
    async with Fabric(config, programs(Target.EMBEDDED), Observer()) as fabric:
        await fabric.ready(READY_SECONDS)
        print("ready", flush=True)
        await ended.wait()


def main(arguments: Sequence[str]) -> int:
    """Entry point."""
    asyncio.run(control(arguments[0], arguments[1] if len(arguments) > 1 else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
