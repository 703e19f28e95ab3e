"""Annotations of a program in P4Info messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from testbed.p4.compiler import ast

ELSEWHERE = frozenset({"name", "id", "brief", "description"})  # annotations with fields of their own


def annotate(message: Any, annotations: Sequence[ast.Annotation], *, documented: bool = True) -> None:
    """Add annotations to a message, documentation in its own field."""
    for annotation in annotations:
        if annotation.entries is not None:
            _structured(message.structured_annotations.add(name=annotation.name), annotation.entries)
        elif annotation.name not in ELSEWHERE:
            message.annotations.append(annotation_text(annotation))
        elif documented and annotation.name in ("brief", "description") and annotation.args:
            setattr(message.doc, annotation.name, str(annotation.args[0]))


def annotation_text(annotation: ast.Annotation) -> str:
    """An unstructured annotation as in the source."""
    if not annotation.tokens:
        return f"@{annotation.name}"
    body = " ".join(annotation.tokens)
    return f"@{annotation.name}({body})"


def _structured(message: Any, entries: list[ast.AnnotationEntry]) -> None:
    for entry in entries:
        if entry.key is None:
            target = message.expression_list.expressions.add()
        else:
            target = message.kv_pair_list.kv_pairs.add(key=entry.key).value
        match entry.value.value:
            case bool() as truth:
                target.bool_value = truth
            case int() as number:
                target.int64_value = number
            case str() as text:
                target.string_value = text
