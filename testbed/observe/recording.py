"""A capture while a lab runs, and the frames in it afterwards."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import final

from testbed.observe.pcapng import Captured, read
from testbed.observe.programs import Program


@final
class Recording:
    """Frames on interfaces of this network namespace, into a pcapng file."""

    def __init__(self, path: Path, interfaces: Sequence[str] = (), *, snap: int = 256) -> None:
        """Without `interfaces` all but lo; `snap` bytes are kept of each frame."""
        self.path = path
        self.lost = 0
        """Frames for which the kernel had no room; known after `stop`."""
        argv = [sys.executable, "-m", "testbed.observe.capture", str(path), *interfaces, "--snap", str(snap)]
        self._program = Program(argv)

    async def start(self) -> None:
        """Begin; everything from now on is captured."""
        await self._program.start()

    async def stop(self) -> int:
        """End; how many frames there are."""
        report = await self._program.stop()
        self.lost = int(report["lost"])
        return int(report["frames"])

    async def kill(self) -> None:
        """End at once; the file may be cut short."""
        await self._program.kill()

    def frames(self) -> list[Captured]:
        """All frames in the order of the file. Raises `PcapngError` if it is damaged."""
        return list(read(self.path.read_bytes()))
