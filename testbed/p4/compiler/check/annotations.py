"""Annotations with a meaning to the compiler: their form (P4_16 specification 1.2.5, section 20)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.parser.literals import parse_number, string_value

if TYPE_CHECKING:
    from testbed.p4.compiler.check.expressions import ExpressionChecker

_TEXT = frozenset(
    ("name", "deprecated", "noWarn", "brief", "description", "controller_header", "selector_size_semantics")
)
_NUMBERS = {
    "id": range(1, 1 << 32),
    "max_group_size": range(1 << 31),
    "max_member_weight": range(1 << 31),
}
_INT64 = range(-(1 << 63), 1 << 63)
_MAX_WIDTH = 1 << 20  # of bit<W>


def check_annotations(annotations: list[ast.Annotation], checker: ExpressionChecker) -> None:
    """Fold structured annotations; report malformed and repeated ones."""
    seen: dict[str, ast.Annotation] = {}
    for annotation in annotations:
        other = seen.setdefault(annotation.name, annotation)
        if other is not annotation and (annotation.entries is not None or other.entries is not None):
            checker.error(annotation.span, f"the structured annotation @{annotation.name} is given twice")
        _check_entries(annotation, checker)
        if annotation.name in _TEXT and not _is_text(annotation):
            example = f'@{annotation.name}("text")'
            checker.error(annotation.span, f"@{annotation.name} takes one string: {example}")
        elif annotation.name in _TEXT:
            annotation.args = ["".join(string_value(x) for x in annotation.tokens[::2])]
        elif annotation.exprs:
            what = f"what @{annotation.name} lists"
            numbers = [checker.constant_int(e, what) for e in annotation.exprs]
            annotation.args = [n for n in numbers if n is not None]
        elif annotation.name in _NUMBERS and not _is_number(annotation):
            last = _NUMBERS[annotation.name][-1]
            text = f"@{annotation.name} takes one number, at most {last}: @{annotation.name}(1)"
            checker.error(annotation.span, text)
        elif annotation.name == "p4runtime_translation":
            _check_translation(annotation, checker)


def is_silenced(annotations: list[ast.Annotation], warning: str) -> bool:
    """Whether `@noWarn` turns off a class of warnings here."""
    return any(
        a.name == "noWarn" and warning in (str(x).replace("-", "_") for x in a.args) for a in annotations
    )


def _check_entries(annotation: ast.Annotation, checker: ExpressionChecker) -> None:
    for entry in annotation.entries or ():
        value = entry.value = checker.infer(entry.value)
        if value.type != t.UNKNOWN and (value.value is None or value.type not in (t.INT, t.STRING, t.BOOL)):
            checker.error(value.span, "a value in a structured annotation is a constant int, string or bool")
        elif isinstance(value.value, int) and value.value not in _INT64:
            checker.error(value.span, f"{value.value} in a structured annotation has more than 64 bits")


def _check_translation(annotation: ast.Annotation, checker: ExpressionChecker) -> None:
    """Leave the URI and the controller's width in `args`, 0 for a string."""
    match annotation.tokens:
        case [uri, ",", "string"] if uri.startswith('"'):
            annotation.args = [string_value(uri), 0]
            return
        case [uri, ",", width] | [uri, ",", "bit", "<", width, ">"] if uri.startswith('"'):
            number = parse_number(width)
            if number is not None and 0 < number.value <= _MAX_WIDTH:
                annotation.args = [string_value(uri), number.value]
                return
    example = '@p4runtime_translation("", 32)'
    checker.error(annotation.span, f"@{annotation.name} takes a string and a width or `string`: {example}")


def _is_text(annotation: ast.Annotation) -> bool:
    """One string, or several joined by ++."""
    values, joins = annotation.tokens[::2], annotation.tokens[1::2]
    return bool(values) and all(v.startswith('"') for v in values) and all(j == "++" for j in joins)


def _is_number(annotation: ast.Annotation) -> bool:
    match annotation.args:
        case [int(number)]:
            return number in _NUMBERS[annotation.name]
    return False
