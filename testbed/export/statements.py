"""Junos configuration as a tree of statements, written with braces or as `set` commands, and read. Pure.

A statement is its words; with others inside it is a container. `[` and `]` are words of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, final

INDENT: Final = "    "
_TOKEN: Final = re.compile(r'/\*.*?\*/|"[^"\n]*"|[{};]|[^\s{};"]+', re.DOTALL)


@final
class StatementError(ValueError):
    """Text that is no configuration."""


@final
@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, and what is inside."""

    text: str
    """Its words with one space between."""
    inside: tuple[Statement, ...] = ()
    why: str = ""
    """A remark for people, before it; no part of what it is."""


def block(text: str, *inside: Statement | None, why: str = "") -> Statement:
    """A container; what is None is left out."""
    return Statement(text, tuple(each for each in inside if each is not None), why)


def leaf(text: str, why: str = "") -> Statement:
    """A statement with nothing inside."""
    return Statement(text, (), why)


def braces(statements: Iterable[Statement], depth: int = 0) -> str:
    """As `show configuration` prints it."""
    lines: list[str] = []
    pad = INDENT * depth
    for each in statements:
        if each.why:
            lines.append(f"{pad}/* {each.why} */")
        if each.inside:
            lines += [f"{pad}{each.text} {{", braces(each.inside, depth + 1).rstrip("\n"), f"{pad}}}"]
        else:
            lines.append(f"{pad}{each.text};")
    return "\n".join(lines) + "\n"


def sets(statements: Iterable[Statement]) -> str:
    """As `show configuration | display set` prints it."""
    return "".join(f"set {path}\n" for path in _paths(statements, ""))


def _paths(statements: Iterable[Statement], before: str) -> Iterator[str]:
    for each in statements:
        path = f"{before} {each.text}".strip()
        if each.inside:
            yield from _paths(each.inside, path)
        else:
            yield path


def parse(text: str) -> tuple[Statement, ...]:
    """Read what `braces` writes; remarks are skipped. Raises StatementError."""
    if re.sub(r"\s", "", _TOKEN.sub("", text)):
        raise StatementError("something is neither word, brace nor semicolon")
    tokens = (token for token in _TOKEN.findall(text) if not token.startswith("/*"))
    return _inside(tokens, outermost=True)


def _inside(tokens: Iterator[str], *, outermost: bool) -> tuple[Statement, ...]:
    found: list[Statement] = []
    words: list[str] = []
    for word in tokens:
        if word in "{};" and not words and word != "}":
            raise StatementError(f"{word!r} without a statement before it")
        if word == "}":
            if words or outermost:
                raise StatementError(f"}} ends nothing after {' '.join(words)!r}")
            return tuple(found)
        if word == ";":
            found.append(Statement(_words(words)))
            words = []
        elif word == "{":
            found.append(Statement(_words(words), _inside(tokens, outermost=False)))
            words = []
        else:
            words.append(word)
    if words or not outermost:
        raise StatementError(f"the text ends after {' '.join(words)!r}: }} or ; is missing")
    return tuple(found)


def _words(words: list[str]) -> str:
    if words.count("[") != words.count("]") or words.count("[") > 1:
        raise StatementError(f"brackets do not match in {' '.join(words)!r}")
    return " ".join(words)
