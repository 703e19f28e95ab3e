"""Header types and instances, stacks and unions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a header type. `width`: bits; of a varbit field its maximum."""

    name: str
    width: int
    signed: bool = False
    saturating: bool = False
    varbit: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes its value takes when packed alone (`target`)."""
        return (self.width + 7) // 8


@dataclass(frozen=True)
class HeaderType:
    """A header or struct type."""

    name: str
    fields: tuple[Field, ...]

    @cached_property
    def fixed_bits(self) -> int:
        """Bits on the wire without the varbit field: whole bytes, except in metadata."""
        return sum(f.width for f in self.fields if not f.varbit)

    @cached_property
    def varbit(self) -> int | None:
        """Position of the varbit field, if there is one."""
        return next((i for i, f in enumerate(self.fields) if f.varbit), None)

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Field positions by name."""
        return {f.name: i for i, f in enumerate(self.fields)}


@dataclass(frozen=True, slots=True)
class Header:
    """A header or metadata instance. `union`: (union, position in it) where it is a member of one."""

    name: str
    type: HeaderType
    metadata: bool = False
    union: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """A header stack: its headers in order."""

    name: str
    type: HeaderType
    headers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Union:
    """A header union: its headers in order."""

    name: str
    headers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UnionStack:
    """A stack of header unions, in order."""

    name: str
    unions: tuple[int, ...]
