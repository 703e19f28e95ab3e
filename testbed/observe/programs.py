"""Measuring programs as children: started, waited for, told to end, their reports read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, final

_ROOT = Path(__file__).resolve().parents[2]
_LINE = 256 << 20
"""Longest report, bytes."""


class ProgramError(RuntimeError):
    """A program could not start, or ended by itself; one line."""


@final
class Program:
    """One program: `ready`, then work until its standard input ends, then a report as one JSON object."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = list(argv)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, within: float = 15.0) -> Self:
        """Start it and wait until it is ready."""
        path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
        self._process = await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            limit=_LINE,
        )
        if self._process.stdout is None or self._process.stderr is None:
            raise ProgramError("the program has no output")
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), within)
        except TimeoutError:
            await self.kill()
            raise ProgramError(f"a program is not ready after {within:g} s: {self._words()}") from None
        if line != b"ready\n":
            problem = (await self._process.stderr.read()).decode(errors="replace").strip().splitlines()
            await self.kill()
            raise ProgramError(problem[-1] if problem else f"a program did not start: {self._words()}")
        return self

    async def stop(self, within: float = 15.0) -> dict[str, Any]:
        """Tell it to end; its report."""
        process = self._process
        if process is None or process.stdin is None:
            raise ProgramError("the program was not started")
        process.stdin.close()
        try:
            out, err = await asyncio.wait_for(self._rest(process), within)
        except TimeoutError:
            await self.kill()
            raise ProgramError(f"a program did not report within {within:g} s: {self._words()}") from None
        try:
            report = json.loads(out.splitlines()[-1])
        except (IndexError, ValueError):
            words = err.decode(errors="replace").strip().splitlines()
            raise ProgramError(words[-1] if words else f"a program died: {self._words()}") from None
        return dict(report)

    @staticmethod
    async def _rest(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
        if process.stdout is None or process.stderr is None:
            return b"", b""
        out, err = await asyncio.gather(process.stdout.read(), process.stderr.read())
        await process.wait()
        return out, err

    async def kill(self) -> None:
        """End it at once; without a report."""
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def _words(self) -> str:
        return " ".join(self._argv[-6:])
