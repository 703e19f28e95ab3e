"""Errors and warnings of a compilation: collected, and rendered with the source line and an underline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from testbed.p4.compiler.source import Span


def a_or_an(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What to put behind a message about an unknown name: the known one that it resembles, if any."""
    from difflib import get_close_matches  # only where something is wrong

    close = get_close_matches(name, sorted(set(known)), 1, 0.6)
    return f"; did you mean {close[0]}?" if close else ""


MAX_ERRORS = 20
"""Reporting stops after this many errors, as p4c does by default."""


class CompileError(Exception):
    """The program has errors; `diagnostics` holds them and the warnings so far. `str()` renders all."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        super().__init__(f"{diagnostics.error_count} errors")
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return self.diagnostics.render()


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that explains an error, such as an earlier declaration."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message; `name` is the warning class (`unused`, `uninitialized_use` ...), empty for most errors."""

    severity: Literal["error", "warning"]
    span: Span
    message: str
    name: str = ""
    notes: tuple[Note, ...] = ()


@dataclass(slots=True)
class Diagnostics:
    """What one compilation reports.

    `disabled` and `as_errors` are warning classes (--Wdisable, --Werror), with `_` or `-`; `*` is all.
    """

    disabled: frozenset[str] = frozenset()
    as_errors: frozenset[str] = frozenset()
    items: list[Diagnostic] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict, repr=False)
    error_count: int = 0
    _seen: set[tuple[Span, str]] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        self.disabled = frozenset(n.replace("-", "_") for n in self.disabled)
        self.as_errors = frozenset(n.replace("-", "_") for n in self.as_errors)

    def error(self, span: Span, message: str, *notes: Note) -> None:
        """Report an error; the same one twice is reported once.

        Raises:
            CompileError: when there are too many to be of use.
        """
        self._add(Diagnostic("error", span, message, "", notes))

    def warn(self, name: str, span: Span, message: str, *notes: Note) -> None:
        """Report a warning of class `name`, unless disabled."""
        if name in self.disabled or "*" in self.disabled:
            return
        is_error = name in self.as_errors or "*" in self.as_errors
        severity: Literal["error", "warning"] = "error" if is_error else "warning"
        self._add(Diagnostic(severity, span, message, name, notes))

    def _add(self, item: Diagnostic) -> None:
        key = (item.span, item.message)
        if key in self._seen:
            return
        self._seen.add(key)
        self.items.append(item)
        if item.severity == "error":
            self.error_count += 1
            if self.error_count >= MAX_ERRORS:
                raise CompileError(self)

    def check(self) -> None:
        """Stop here if there were errors.

        Raises:
            CompileError: when there were.
        """
        if self.error_count:
            raise CompileError(self)

    @property
    def errors(self) -> list[Diagnostic]:
        """The errors, in order of report."""
        return [d for d in self.items if d.severity == "error"]

    @property
    def warnings(self) -> list[Diagnostic]:
        """The warnings, in order of report."""
        return [d for d in self.items if d.severity == "warning"]

    def render(self, items: Iterable[Diagnostic] | None = None) -> str:
        """The messages (all by default) as text, each with its source line and underline."""
        return "\n".join(self._render_one(d) for d in (self.items if items is None else items))

    def _render_one(self, item: Diagnostic) -> str:
        option = "Werror" if item.severity == "error" else "Wwarn"
        name = f"[--{option}={item.name}] " if item.name else ""
        parts = [f"{item.span}: {item.severity}: {name}{item.message}", *self._excerpt(item.span)]
        for note in item.notes:
            parts += [f"{note.span}: note: {note.message}", *self._excerpt(note.span)]
        return "\n".join(parts)

    def _excerpt(self, span: Span) -> list[str]:
        lines = self.sources.get(span.file, "").splitlines()
        if not 0 < span.line <= len(lines):
            return []
        line = lines[span.line - 1]
        end = span.end_col if span.end_line == span.line else len(line) + 1
        lead = "".join("\t" if c == "\t" else " " for c in line[: span.col - 1])
        return [f"    {line}", f"    {lead}{'^' * max(1, end - span.col)}"]
