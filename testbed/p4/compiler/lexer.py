"""Tokens of P4_16 and of its preprocessor (P4_16 specification 1.2.5, section 6.4)."""

from __future__ import annotations

import re
from typing import NamedTuple

from testbed.p4.compiler.source import Span

WORD = "identifier"
NUMBER = "number"
TEXT = "string literal"
NEWLINE = "newline"
END = "end of file"
BAD = "unexpected character"

_KEYWORD_LIST = """
    abstract action actions apply bit bool break const continue control default else entries enum error exit
    extern false for header header_union if in inout int key list match_kind out package parser priority
    return select state string struct switch table this transition true tuple type typedef value_set varbit
    void _
"""
KEYWORDS = frozenset(_KEYWORD_LIST.split())

_OPERATORS = (
    "{#} |+|= |-|= |+| |-| &&& <<= ... .. ++ << && || == != >= <= += -= *= /= %= &= |= ^= +: ## "
    "+ - * / % & | ^ ~ ( ) [ ] { } < > ! : , ? . = ; @ # \\"
)

_TOKEN = re.compile(
    r"""
    (?P<space>   [ \t\r\f\v]+ | \\\r?\n | //[^\n]* | /\*[^*]*\*+(?:[^/*][^*]*\*+)*/ )
    | (?P<newline>    \n )
    | (?P<identifier> [A-Za-z_]\w*(?:\\\r?\n\w+)* )
    | (?P<number>     [0-9]\w*(?:\\\r?\n\w+)* )
    | (?P<string>     "(?:[^"\\]|\\.)*" )
    | (?P<unclosed>   /\* )
    | (?P<operator>   """
    + "|".join(map(re.escape, _OPERATORS.split()))
    + r""" )
    | (?P<bad>        . )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


_SPLICE = re.compile(r"\\\r?\n")
_KINDS = {"identifier": WORD, "number": NUMBER, "string": TEXT, "unclosed": BAD, "bad": BAD}


class Token(NamedTuple):
    """A token: `kind` is the operator itself or one of the constants above; keywords are WORD until parsed.

    `space` tells whether white space, a comment or a line's start stands before it; `hidden` are the macros
    that may no longer expand it.
    """

    kind: str
    text: str
    span: Span
    space: bool = False
    hidden: frozenset[str] = frozenset()


def tokenize(text: str, file: str) -> list[Token]:
    """All tokens of a file, NEWLINE tokens included, without comments; never fails: see BAD."""
    tokens: list[Token] = []
    add = tokens.append
    line, line_start, space = 1, 0, True
    for match in _TOKEN.finditer(text):
        group = match.lastgroup or "bad"
        start, end = match.span()
        if group == "space":
            space = True
            if "\n" in (skipped := match.group()):
                line += skipped.count("\n")
                line_start = start + skipped.rindex("\n") + 1
            continue
        col = start - line_start + 1
        if group == "newline":
            add(Token(NEWLINE, "\n", Span(file, line, col, line, col + 1)))
            line += 1
            line_start = end
            space = True
            continue
        word = match.group()
        kind = word if group == "operator" else _KINDS[group]
        span = Span(file, line, col, line, col + end - start)
        if "\n" in word:  # a string, or a word that goes on behind a backslash
            line += word.count("\n")
            line_start = start + word.rindex("\n") + 1
            span = Span(file, span.line, col, line, end - line_start + 1)
            word = word if kind is TEXT else _SPLICE.sub("", word)
        add(Token(kind, word, span, space))
        space = False
    col = len(text) - line_start + 1
    add(Token(END, "", Span(file, line, col, line, col), space))
    return tokens


def describe(token: Token) -> str:
    """How a message names a token."""
    if token.kind == END:
        return END
    return f"'{token.text}'"
