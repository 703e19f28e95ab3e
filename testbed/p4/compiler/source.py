"""Source positions."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """A stretch of source text: lines and columns count from 1, `end_col` is one past the last character."""

    file: str
    line: int
    col: int
    end_line: int
    end_col: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.col}" if self.line else self.file

    def to(self, last: Span) -> Span:
        """From the start of this one to the end of `last`; just this one if that is in another file."""
        if last.file != self.file:
            return self
        return Span(self.file, self.line, self.col, last.end_line, last.end_col)


NO_SPAN = Span("", 0, 0, 0, 0)
