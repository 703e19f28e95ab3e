"""Values of literals (P4_16 specification 1.2.5, section 6.4.3)."""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMBER = re.compile(
    r"(?:(?P<width>[0-9]+)(?P<sign>[ws]))?"
    r"(?:0[xX](?P<hex>[0-9a-fA-F_]+)|0[oO](?P<oct>[0-7_]+)|0[bB](?P<bin>[01_]+)|0[dD](?P<dec0>[0-9_]+)"
    r"|(?P<dec>[0-9_]+))",
    re.ASCII,
)
_BASES = {"hex": 16, "oct": 8, "bin": 2, "dec0": 10, "dec": 10}
_ESCAPE = re.compile(r'\\(["\\n])')
MAX_WIDTH_DIGITS = 9


class Number(NamedTuple):
    """A parsed integer literal, not yet reduced to its width (None: infinite precision)."""

    value: int
    width: int | None
    signed: bool
    base: int


def parse_number(text: str) -> Number | None:
    """The value of a number token, None if it is malformed."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    kind = next(k for k in _BASES if match[k] is not None)
    digits = match[kind].replace("_", "")
    if not digits or (match["width"] and len(match["width"]) > MAX_WIDTH_DIGITS):
        return None
    base = _BASES[kind]
    if base == 10 and len(digits) > 4000:  # beyond it Python refuses, and no header is that wide
        return None
    width = int(match["width"]) if match["width"] else None
    return Number(int(digits, base), width, match["sign"] == "s", base)


def string_value(text: str) -> str:
    """The text inside a string token, escapes resolved."""
    return _ESCAPE.sub(lambda m: "\n" if m[1] == "n" else m[1], text[1:-1])
