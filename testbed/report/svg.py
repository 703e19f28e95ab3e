"""SVG as text: elements whose attributes and words are always escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NewType
from xml.sax.saxutils import escape, quoteattr

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Svg = NewType("Svg", str)
"""Markup that is safe to put into a document."""


def words(text: str) -> Svg:
    """Text as content of an element."""
    return Svg(escape(_legible(text)))


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    return f"{round(value, 1) + 0.0:g}"


def tag(name: str, *children: Svg, **attributes: str | float | None) -> Svg:
    """An element. `class_` means class and `a_b` a-b; an attribute that is None is left out."""
    written = [
        f" {key.rstrip('_').replace('_', '-')}={_quoted(value)}"
        for key, value in attributes.items()
        if value is not None
    ]
    opening = name + "".join(written)
    return Svg(f"<{opening}>{''.join(children)}</{name}>" if children else f"<{opening}/>")


def joined(parts: Iterable[Svg]) -> Svg:
    """Elements one after the other, a line each."""
    return Svg("\n".join(parts))


def _quoted(value: str | float) -> str:
    return quoteattr(_legible(value) if isinstance(value, str) else number(value))


def _legible(text: str) -> str:
    """Characters that XML does not have become replacement characters (XML 1.0 section 2.2)."""
    return _NOT_XML.sub("\ufffd", text)
