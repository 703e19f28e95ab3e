"""Rules for the entries of a table: match kinds and priorities (P4_16 specification 1.2.5, 14.2.1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.diagnostics import Note

if TYPE_CHECKING:
    from testbed.p4.compiler.check.scope import ScopeKeeper

_WITHOUT_PRIORITY = ("exact", "lpm")
_MAX_PRIORITY = (1 << 31) - 1
_FORMS: dict[str, tuple[type[ast.Expression], ...]] = {
    "exact": (),
    "lpm": (ast.Mask, ast.DontCare),
    "ternary": (ast.Mask, ast.DontCare),
    "range": (ast.Range, ast.DontCare),
    "optional": (ast.DontCare,),
}
"""What may stand for a key of a match kind, besides a value."""


def check_entries(table: ast.TableDecl, checker: ScopeKeeper) -> None:
    """Report entries that do not fit the match kinds of their keys, and misplaced priorities."""
    keys = table.keys or []
    for entry in table.entries or ():
        if len(entry.keys) == len(keys):
            for element, key in zip(entry.keys, keys, strict=True):
                _check_form(element, key, checker)
    _check_priorities(table, checker)
    if keys and all(k.match_kind == "exact" for k in keys):
        _check_repeated(table, checker)


def _check_form(element: ast.Expression, key: ast.KeyElement, checker: ScopeKeeper) -> None:
    allowed = _FORMS.get(key.match_kind)
    if allowed is None or not isinstance(element, ast.Mask | ast.Range | ast.DontCare):
        return
    if not isinstance(element, allowed):
        form = {ast.Mask: "a mask", ast.Range: "a range", ast.DontCare: "no value"}[type(element)]
        checker.error(element.span, f"a key that matches {key.match_kind} cannot have {form}")
    elif key.match_kind == "lpm" and isinstance(element, ast.Mask):
        width = getattr(t.representation(key.expr.type), "width", 0)
        mask = element.right.value
        if isinstance(mask, int) and not _is_prefix(mask, width):
            checker.error(
                element.right.span, f"the mask {mask:#x} is no prefix of {width} bits, as lpm needs"
            )


def _is_prefix(mask: int, width: int) -> bool:
    inverse = ~mask & ((1 << width) - 1)
    return inverse & (inverse + 1) == 0


def _check_priorities(table: ast.TableDecl, checker: ScopeKeeper) -> None:
    entries = table.entries or []
    first = next((e for e in entries if e.priority is not None), None)
    largest_wins, delta = _properties(table, checker)
    needed = any(k.match_kind not in _WITHOUT_PRIORITY for k in table.keys or ())
    if first is not None and table.const_entries:
        checker.error(first.span, "const entries have no priorities: their order tells which one wins")
    elif first is not None and not needed:
        checker.error(first.span, "entries have priorities only with a ternary, range or optional key")
    elif first is not None and first is not entries[0]:
        message = "the first entry needs a priority, as another one has one"
        checker.error(entries[0].span, message, Note(first.span, "that one"))
    elif first is not None:
        _check_range(entries, -delta if largest_wins else delta, checker)


def _check_range(entries: list[ast.TableEntry], step: int, checker: ScopeKeeper) -> None:
    """Every priority, given or counted on from the one before, must fit."""
    priority = 0
    for entry in entries:
        given = entry.priority.value if entry.priority is not None else None
        priority = given if isinstance(given, int) else priority + step
        if not 0 <= priority <= _MAX_PRIORITY:
            checker.error(entry.span, f"the priority {priority} of this entry is out of range")
            return


def _properties(table: ast.TableDecl, checker: ScopeKeeper) -> tuple[bool, int]:
    """`largest_priority_wins` and `priority_delta`, or their defaults."""
    largest_wins, delta = True, 1
    wins = table.property_named("largest_priority_wins")
    if wins is not None:
        if isinstance(wins.value.value, bool):
            largest_wins = wins.value.value
        else:
            checker.error(wins.value.span, "largest_priority_wins is true or false")
    step = table.property_named("priority_delta")
    if step is not None:
        value = step.value.value
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            delta = value
        else:
            checker.error(step.value.span, "priority_delta is a positive number")
    return largest_wins, delta


def _check_repeated(table: ast.TableDecl, checker: ScopeKeeper) -> None:
    seen: dict[tuple[object, ...], ast.TableEntry] = {}
    for entry in table.entries or ():
        values = tuple(k.value for k in entry.keys)
        if None in values:
            continue
        other = seen.setdefault(values, entry)
        if other is not entry:
            note = Note(other.span, "the entry that always wins")
            checker.diagnostics.warn("keys", entry.span, "this entry never matches", note)
