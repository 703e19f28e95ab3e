"""The parser's place in the token list: names, scopes of type names, errors and recovery."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from testbed.p4.compiler.lexer import BAD, END, KEYWORDS, WORD, Token, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testbed.p4.compiler.diagnostics import Diagnostics
    from testbed.p4.compiler.source import Span

_T = TypeVar("_T")

SOFT_KEYWORDS = frozenset(("apply", "key", "actions", "state", "entries", "type", "priority", "list"))
"""Keywords that also serve as names (P4_16 grammar, nonTypeName)."""

NAME_KINDS = SOFT_KEYWORDS | {WORD}
MAX_NESTING = 400


class ParseError(Exception):
    """The source does not continue as the grammar demands; caught where parsing can resume."""

    def __init__(self, span: Span, message: str) -> None:
        super().__init__(message)
        self.span = span


class UnclosedBlockError(ParseError):
    """Something begins that no block can contain: one before it is not closed, and nobody knows which."""


class Cursor:
    """Reads tokens; knows which names are types, which P4's grammar needs."""

    def __init__(self, tokens: list[Token], diagnostics: Diagnostics) -> None:
        """`tokens` end with END."""
        self.tokens = tokens
        self.kinds = [t.text if t.kind == WORD and t.text in KEYWORDS else t.kind for t in tokens]
        self.kinds += [END, END]  # for looking ahead
        self.at = 0
        self.diagnostics = diagnostics
        self.scopes: list[dict[str, bool]] = [{}]
        self.nesting = 0
        self.blocks: list[Span] = []  # where the blocks around the place begin

    # Tokens

    def take(self) -> Token:
        """The token at hand; moves on unless it is the end."""
        token = self.tokens[self.at]
        if token.kind != END:
            self.at += 1
        return token

    def accept(self, kind: str) -> bool:
        """Take a token of that kind if it is at hand."""
        if self.kinds[self.at] == kind:
            self.at += 1
            return True
        return False

    def expect(self, kind: str, context: str) -> Token:
        """Take a token of that kind, or fail with what was expected `context` (as in "after a field")."""
        if self.kinds[self.at] != kind:
            raise self.unexpected(f"'{kind}' {context}")
        self.at += 1
        return self.tokens[self.at - 1]

    def name(self, what: str) -> Token:
        """Take a name; `what` it names is said in the error."""
        if self.kinds[self.at] not in NAME_KINDS:
            raise self.unexpected(what)
        self.at += 1
        return self.tokens[self.at - 1]

    def adjacent(self, kind: str) -> bool:
        """Whether the token after the one at hand is of that kind and stands directly behind it."""
        at = self.at + 1
        return self.kinds[at] == kind and not self.tokens[at].space

    def since(self, start: Span) -> Span:
        """From `start` to the last token taken."""
        return start.to(self.tokens[self.at - 1].span)

    @property
    def span(self) -> Span:
        """Of the token at hand."""
        return self.tokens[self.at].span

    # Errors

    def unexpected(self, expected: str) -> ParseError:
        """The error for a token that is not what was expected."""
        token = self.tokens[self.at]
        if token.kind == BAD:
            return ParseError(token.span, f"unexpected character {token.text!r}; expected {expected}")
        hint = ""
        if token.text in KEYWORDS and expected.startswith(("a name", "the name")):
            hint = " (a keyword)"
        if expected.startswith("';'") and self.at:
            return ParseError(self.after_last(), f"expected {expected}, before {describe(token)}")
        return ParseError(token.span, f"expected {expected}, not {describe(token)}{hint}")

    def after_last(self) -> Span:
        """The place directly after the last token."""
        last = self.tokens[self.at - 1].span
        return last._replace(line=last.end_line, col=last.end_col, end_col=last.end_col + 1)

    def report(self, error: ParseError) -> None:
        """Record a parse error."""
        self.diagnostics.error(error.span, str(error))

    def recover(self, *, in_block: bool) -> None:
        """Skip the rest of a broken construct: past its `;` or `}`, up to the `}` of the block around it."""
        depth = 0
        while (kind := self.kinds[self.at]) != END:
            if kind == "}" and depth == 0 and in_block:
                return
            self.at += 1
            if kind == "{":
                depth += 1
            elif kind == "}":
                depth -= 1
                if depth <= 0 and self.kinds[self.at] not in (";", "else", ")"):
                    return
            elif kind == ";" and depth <= 0:
                return

    def repeated(self, parse: Callable[[], _T], *stops: str) -> list[_T]:
        """What `parse` reads up to `}` or one of `stops`; after an error in one, the next is tried."""
        items: list[_T] = []
        while (kind := self.kinds[self.at]) not in ("}", END) and kind not in stops:
            before, nesting, level, depth = self.at, self.nesting, len(self.scopes), len(self.blocks)
            try:
                items.append(parse())
            except UnclosedBlockError:
                raise
            except ParseError as error:
                self.report(error)
                self.nesting = nesting
                del self.scopes[level:]
                del self.blocks[depth:]
                self.recover(in_block=True)
                if self.at == before and self.kinds[self.at] != "}":
                    self.take()
        return items

    def deeper(self) -> None:
        """Enter a level of nesting; the caller leaves it with `self.nesting -= 1`."""
        if self.nesting >= MAX_NESTING:
            raise ParseError(self.span, f"nested more than {MAX_NESTING} levels deep")
        self.nesting += 1

    # Scopes

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Names declared inside are forgotten after."""
        self.scopes.append({})
        try:
            yield
        finally:
            self.scopes.pop()

    def declare(self, name: str, *, is_type: bool = False) -> None:
        """Note a name of the innermost scope."""
        self.scopes[-1][name] = is_type

    def is_type(self, name: str) -> bool:
        """Whether the name means a type here."""
        for scope in reversed(self.scopes):
            found = scope.get(name)
            if found is not None:
                return found
        return False
