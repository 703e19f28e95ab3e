"""The program of a bench's container: `moves REQUEST FILE` or `scale REQUEST FILE`; JSON goes to FILE."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path


def main(arguments: Sequence[str]) -> int:
    """Entry point. Exit code 1: a lab that does not do what it is measured at."""
    try:
        return _bench(*arguments)
    except KeyboardInterrupt:
        return 130


def _bench(what: str, text: str, file: str) -> int:
    # Takes a second to load, in which Ctrl-C may come as at any other time.
    from controllers.runtime.collector import run_calmly
    from testbed.experiments.bench.moves import bench_moves
    from testbed.experiments.bench.scale import bench_scale
    from testbed.lab.errors import LabError
    from testbed.model.topology import Reflector

    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    request = json.loads(text)
    request["reflector"] = Reflector(request["reflector"])
    try:
        if what == "moves":
            found = asdict(run_calmly(bench_moves(**request)))
        else:
            found = asdict(run_calmly(bench_scale(**request)))
    except LabError as error:
        print(f"vmto: {error}", file=sys.stderr)
        return 1
    Path(file).write_text(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
