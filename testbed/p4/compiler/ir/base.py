"""Decorators of the classes of the representation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

C = TypeVar("C", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: C) -> C:
    """Class decorator: immutable, compared by content."""
    return dataclass(frozen=True, slots=True)(cls)  # type: ignore[return-value]


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def entity(cls: C) -> C:
    """Class decorator: mutable, compared by identity."""
    return dataclass(slots=True, eq=False)(cls)  # type: ignore[return-value]
