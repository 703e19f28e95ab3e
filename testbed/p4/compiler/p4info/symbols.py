"""Ids and aliases of control plane objects (P4Runtime specification, section 6.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from testbed.p4.compiler.passes.unit import RefusedError

if TYPE_CHECKING:
    from testbed.p4.compiler import ast

ACTION, TABLE, VALUE_SET, CONTROLLER_HEADER = 1, 2, 3, 4
ACTION_PROFILE, COUNTER, DIRECT_COUNTER, METER, DIRECT_METER, REGISTER, DIGEST = 17, 18, 19, 20, 21, 22, 23


def one_at_a_time(text: str) -> int:
    """Bob Jenkins' one-at-a-time hash of the UTF-8 bytes, 32 bits."""
    result = 0
    for byte in text.encode():
        result = (result + byte) * 1025 & 0xFFFFFFFF
        result ^= result >> 6
    result = result * 9 & 0xFFFFFFFF
    result ^= result >> 11
    return result * 32769 & 0xFFFFFFFF


def id_annotation(annotations: Sequence[ast.Annotation]) -> int | None:
    """The number in `@id`, or None."""
    found = next((a for a in annotations if a.name == "id"), None)
    return int(found.args[0]) if found is not None and found.args else None


class Symbols:
    """The names of all objects, by type; ids and aliases once all are known."""

    def __init__(self) -> None:
        self._fixed: dict[tuple[int, str], int] = {}
        self._names: dict[int, dict[str, None]] = {}
        self._ids: dict[tuple[int, str], int] = {}
        self._suffixes: Counter[tuple[str, ...]] = Counter()

    def add(self, kind: int, name: str, owner: ast.Declaration | None = None) -> None:
        """Register an object; doing so twice is harmless.

        Raises:
            RefusedError: if its `@id` is not one of its type or is taken.
        """
        names = self._names.setdefault(kind, {})
        if name in names:
            return
        names[name] = None
        number = id_annotation(owner.annotations) if owner is not None else None
        if number is None or owner is None:
            return
        if number >> 24 not in (0, kind):
            raise RefusedError(
                owner.span,
                f"@id({number:#x}) has the wrong 8-bit prefix: {owner.kind} ids start with {kind:#x}",
            )
        number |= kind << 24
        if number in self._fixed.values():
            raise RefusedError(owner.span, f"@id({number:#x}) is used more than once")
        self._fixed[kind, name] = number

    def assign(self) -> None:
        """Give everything its id and its alias."""
        taken = set(self._fixed.values())
        self._ids = dict(self._fixed)
        for kind in sorted(self._names):
            for name in sorted(self._names[kind]):
                if (kind, name) in self._ids:
                    continue
                number = one_at_a_time(name) & 0xFFFFFF
                while kind << 24 | number in taken:
                    number = number + 1 & 0xFFFFFF
                taken.add(kind << 24 | number)
                self._ids[kind, name] = kind << 24 | number
        for name in {n for names in self._names.values() for n in names}:
            parts = tuple(name.split("."))
            self._suffixes.update(parts[i:] for i in range(len(parts)))

    def id(self, kind: int, name: str) -> int:
        """The id of an object."""
        return self._ids[kind, name]

    def alias(self, name: str) -> str:
        """The shortest suffix of the name, at a dot, that no other name has."""
        parts = tuple(name.split("."))
        for i in range(len(parts) - 1, 0, -1):
            if self._suffixes[parts[i:]] < 2:
                return ".".join(parts[i:])
        return name


def field_ids(owners: Iterable[Sequence[ast.Annotation]]) -> list[int]:
    """Ids of match fields, parameters or metadata from their annotations: `@id`, else counted from 1.

    Raises:
        RefusedError: if two have the same `@id`.
    """
    fixed: list[int | None] = []
    taken: set[int] = set()
    for owner in owners:
        number = id_annotation(owner)
        if number in taken:
            span = next(a.span for a in owner if a.name == "id")
            raise RefusedError(span, f"@id({number}) is used more than once")
        fixed.append(number)
        taken |= {number} if number is not None else set()
    result: list[int] = []
    index = 1
    for number in fixed:
        if number is not None:
            result.append(number)
            index += 1
            continue
        while index in taken:
            index += 1
        taken.add(index)
        result.append(index)
    return result
