"""The null forwarder as a process: `python -m testbed.p4.switch.bench.null PORT@INTERFACE ...`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Final

from testbed.p4.switch.native import NativeTarget
from testbed.p4.switch.target import PortConfig

SOURCE: Final = Path(__file__).parent / "null_program.c"


def main(arguments: list[str]) -> None:
    """Forward between even ports and the odd ones after them until SIGTERM."""
    target = NativeTarget()
    target.load_source(SOURCE.read_text(), "null forwarder")
    for argument in arguments:
        port, _, interface = argument.partition("@")
        target.add_port(PortConfig(int(port), interface))
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    target.close()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(sys.argv[1:])
