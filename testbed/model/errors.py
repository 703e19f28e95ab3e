"""What is wrong with a topology file, said so that its author can repair it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: where it stands, what is wrong, and what to write instead."""

    file: str
    line: int
    what: str
    instead: str = ""

    def __str__(self) -> str:
        advice = f": {self.instead}" if self.instead else ""
        text = f"{self.file}:{self.line}: {self.what}{advice}"
        # What a file says may hold line ends and escapes: they are shown, not obeyed.
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


@final
class TopologyError(ValueError):
    """A topology cannot be used; `str()` gives one line for each problem, in the order of the file."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def closest(given: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like this one, if any does."""
    return next(iter(difflib.get_close_matches(given, list(known), n=1)), None)


def suggest(given: str, known: Iterable[str]) -> str:
    """What to write instead of a name nobody knows: the closest known one, or all of them."""
    names = list(known)
    close = closest(given, names)
    if close:
        return f"did you mean {close!r}?"
    return f"use one of {', '.join(names)}" if names else "define one first"
