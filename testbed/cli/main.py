"""The `vmto` command. `vmto p4c` and `vmto switch` take the options of the tools they stand in for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence


def _p4c(arguments: Sequence[str]) -> int:
    from testbed.p4.compiler.main import main as p4c

    return p4c(list(arguments))


def _switch(arguments: Sequence[str]) -> int:
    from testbed.p4.switch.main import main as switch

    return switch(list(arguments))


TOOLS: dict[str, Callable[[Sequence[str]], int]] = {"p4c": _p4c, "switch": _switch}
"""Commands with a command line of their own, reached without loading anything else."""


def main() -> None:
    """Entry point. Exit code 0: done, 1: the experiment failed, 2: bad input, 130: interrupted."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in TOOLS:
        sys.exit(TOOLS[arguments[0]](arguments[1:]))
    try:
        from testbed.cli.app import run_command

        code = run_command(arguments)
    except KeyboardInterrupt:  # while all that is still being loaded
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
