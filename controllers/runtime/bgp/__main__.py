"""Our reflector as a program of its own: `python -m controllers.runtime.bgp reflector.json`."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

from controllers.runtime.bgp.reflectors import ReflectorPlan, read_plan
from controllers.runtime.bgp.speaker import reflector
from controllers.runtime.collector import run_calmly


async def serve(plan: ReflectorPlan) -> None:
    """Reflect until asked to end."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    speaker = reflector(
        plan.asn, plan.router_id, plan.address, plan.clients, port=plan.port, families=plan.families
    )
    async with speaker:
        await ended.wait()


def main(arguments: list[str]) -> int:
    """Read the plan and serve. The exit code: 2 for a plan that cannot be read or an address not ours."""
    if len(arguments) != 1:
        print("usage: python -m controllers.runtime.bgp PLAN.json", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    try:
        plan = read_plan(Path(arguments[0]).read_text())
        run_calmly(serve(plan))
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
