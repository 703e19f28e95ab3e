"""The program of a bench's container: REQUEST as JSON in, one JSON object out to a file."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from controllers.runtime.bgp.collector import calm_collector
from testbed.experiments.bench.moves import bench_moves
from testbed.lab.errors import LabError
from testbed.model.topology import Reflector


def main(arguments: Sequence[str]) -> int:
    """Entry point: REQUEST FILE."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    request, file = json.loads(arguments[0]), Path(arguments[1])
    calm_collector()
    try:
        found = asyncio.run(bench_moves(**{**request, "reflector": Reflector(request["reflector"])}))
    except LabError as error:
        print(f"vmto: {error}", file=sys.stderr)
        return 1
    file.write_text(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
