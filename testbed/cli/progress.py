"""What is under way, and for how long: a line on the terminal for what takes over two seconds.

Standard error carries it, so that results can go into a file or a pipe. Where that is no terminal, nothing is
said.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO, final

DELAY = 2.0
"""Seconds until something is worth a word."""

TICK = 0.5
CLEAR = "\r\x1b[K"


@final
class Progress:
    """A context manager; its line is gone at the end. Threads: one draws, the caller's says what."""

    def __init__(self, what: str, stream: TextIO | None = None, delay: float = DELAY) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._what, self._delay = what, delay
        self._since = time.monotonic()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._drawn = False
        self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if self.shown:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self._erase()

    @property
    def shown(self) -> bool:
        """Is there a terminal to say it on?"""
        return self._stream.isatty()

    def now(self, what: str) -> None:
        """Something else is under way from now on."""
        with self._lock:
            self._what, self._since = what, time.monotonic()
        self._erase()

    def tell(self, line: str) -> None:
        """A line that stays, on the terminal only."""
        self._erase()
        if self.shown:
            print(line, file=self._stream, flush=True)

    def result(self, line: str) -> None:
        """A line of what was found: on standard output, terminal or not."""
        self._erase()
        print(line, flush=True)

    def _draw(self) -> None:
        wait = self._delay
        while not self._over.wait(wait):
            with self._lock:
                seconds = time.monotonic() - self._since
                text = f"{self._what}: {seconds:.0f} s"
                self._write(f"{CLEAR}{text[: _width(self._stream) - 1]}")
                self._drawn = True
            wait = TICK

    def _erase(self) -> None:
        with self._lock:
            if self._drawn:
                self._write(CLEAR)
                self._drawn = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _width(stream: TextIO) -> int:
    """A line that were longer than the terminal could not be erased."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
