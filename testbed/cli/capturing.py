"""`vmto capture`: frames of a running lab's link into a file."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from testbed.cli.progress import Progress
from testbed.lab.errors import LabError
from testbed.lab.tap import Tap


def interfaces(wires: Sequence[Sequence[str]], link: str) -> list[str]:
    """The interfaces of the lab's namespace to capture at: one end of a link; none stands for all.

    `wires` are (node, interface, node, interface) as `vmto status --json` has them; LabError for no link.
    """
    if link == "all":
        return []
    wanted = set(link.split("--"))
    for a, a_interface, b, b_interface in wires:
        # A machine's own end is in a namespace of its own.
        end = b_interface if a_interface == "eth0" else a_interface
        if {a, b} == wanted or link in (a_interface, b_interface):
            return [link if link in (a_interface, b_interface) and link != "eth0" else end]
    known = ", ".join(f"{a}--{b}" for a, _, b, _ in wires)
    raise LabError(f"no link {link!r}: use one of {known}, an interface, or all")


def capture(lab: str, names: Sequence[str], file: Path, seconds: float | None, snap: int) -> None:
    """Capture until the time is over or Ctrl-C. LabError if it cannot, or the lab ends before."""
    with Tap(lab, file, names, snap=snap) as tap:
        what = f"capturing on {', '.join(names) or 'all interfaces'}{'' if seconds else ', until Ctrl-C'}"
        with contextlib.suppress(KeyboardInterrupt), Progress(what, delay=0):
            tap.wait(seconds)
    if not tap.whole:
        raise LabError(f"lab {lab!r} ended before the capture: what passed until then is in {file}")
    lost = f", {tap.lost} lost for want of room" if tap.lost else ""
    print(f"{tap.frames} frames in {file}{lost}")
