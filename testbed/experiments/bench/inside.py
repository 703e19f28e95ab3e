"""The program of a bench's container: `moves REQUEST FILE` or `scale REQUEST FILE`; JSON goes to FILE."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from controllers.runtime.collector import run_calmly
from testbed.experiments.bench.moves import MoveResult, bench_moves
from testbed.experiments.bench.scale import ScaleResult, bench_scale
from testbed.lab.errors import LabError
from testbed.model.topology import Reflector


async def _bench(what: str, request: dict[str, Any]) -> MoveResult | ScaleResult:
    return await bench_moves(**request) if what == "moves" else await bench_scale(**request)


def main(arguments: Sequence[str]) -> int:
    """Entry point. Exit code 1: a lab that does not do what it is measured at."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    what, text, file = arguments
    request = json.loads(text)
    request["reflector"] = Reflector(request["reflector"])
    try:
        found = run_calmly(_bench(what, request))
    except LabError as error:
        print(f"vmto: {error}", file=sys.stderr)
        return 1
    Path(file).write_text(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
