"""The `source_info` of JSON objects: where in the source they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbed.p4.compiler.source import Span

Json = dict[str, Any]


class Sources:
    """The texts of the source files, by name, for excerpts."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._lines: dict[str, list[str]] = {}

    def info(self, span: Span) -> Json:
        """`{"source_info": ...}` for a place, nothing for code without a place."""
        if not span.line:
            return {}
        where = {
            "filename": span.file,
            "line": span.line,
            "column": span.col - 1,
            "source_fragment": self._fragment(span),
        }
        return {"source_info": where}

    def _fragment(self, span: Span) -> str:
        lines = self._lines.get(span.file)
        if lines is None:
            lines = self._lines[span.file] = self._texts.get(span.file, "").splitlines()
        if span.line > len(lines):
            return ""
        line = lines[span.line - 1]
        if span.end_line > span.line:
            return line[span.col - 1 :].rstrip() + " ..."
        return line[span.col - 1 : span.end_col - 1].removesuffix(";")
