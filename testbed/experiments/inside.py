"""The program of a lab's container: `scenario SPEC` runs a scenario and writes what was found, `up SPEC`
serves until ended.

SPEC is a `RunSpec` or a `LabSpec` as JSON. Exit code 1: it could not be done.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Entry point."""
    try:
        # Takes a second to load, in which Ctrl-C may come as at any other time.
        from testbed.experiments.contained import run

        return run(arguments)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
