"""What the target stores: layouts, header instances and stacks."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from testbed.p4.compiler import types as t
from testbed.p4.compiler.ir.base import value

if TYPE_CHECKING:
    from testbed.p4.compiler.ir.expressions import Expr

VALID = "$valid$"  # the target's hidden field that tells a header's validity


@value
class Layout:
    """A header or metadata type: its name and its fields (name, type), in order."""

    name: str
    fields: tuple[tuple[str, t.Type], ...]

    def index_of(self, name: str) -> int:
        """The position of the field of that name."""
        return next(i for i, (n, _) in enumerate(self.fields) if n == name)

    @property
    def width(self) -> int:
        """Bits in all, varbit fields with their maximum."""
        return sum(width_of(f) for _, f in self.fields)


class HeaderRef:
    """Base of what names a header instance."""

    __slots__ = ()
    layout: Layout


@value
class Header(HeaderRef):
    """A header or metadata instance; `stack` and `index` tell its place if it is an element of a stack."""

    name: str
    layout: Layout = field(compare=False, repr=False)
    stack: str | None = field(default=None, compare=False, repr=False)
    index: int = field(default=0, compare=False, repr=False)
    in_union: bool = field(
        default=False, compare=False, repr=False
    )  # then `stack` is the union or union stack


@value
class Stack:
    """A header stack."""

    name: str
    layout: Layout = field(compare=False, repr=False)
    size: int = field(compare=False)

    def element(self, index: int) -> Header:
        """The instance at a constant index, from 0."""
        return Header(f"{self.name}[{index}]", self.layout, self.name, index)


@value
class StackElement(HeaderRef):
    """An element at an index known at run time only."""

    stack: Stack
    index: Expr

    @property
    def layout(self) -> Layout:  # type: ignore[override]
        """The layout of every element."""
        return self.stack.layout


@value
class StackNext(HeaderRef):
    """`stack.next`: where a parser extracts to."""

    stack: Stack

    @property
    def layout(self) -> Layout:  # type: ignore[override]
        """The layout of every element."""
        return self.stack.layout


@value
class StackLast(HeaderRef):
    """`stack.last`: the element extracted last."""

    stack: Stack

    @property
    def layout(self) -> Layout:  # type: ignore[override]
        """The layout of every element."""
        return self.stack.layout


@value
class Union:
    """A header union: at most one of its headers is valid, which the target sees to."""

    name: str
    type_name: str = field(compare=False, repr=False)
    members: tuple[tuple[str, Header], ...] = field(compare=False, repr=False)

    def member(self, name: str) -> Header:
        """The header of that name."""
        return next(h for n, h in self.members if n == name)


@value
class UnionStack:
    """A stack of header unions."""

    name: str
    type_name: str = field(compare=False, repr=False)
    elements: tuple[Union, ...] = field(compare=False, repr=False)


@value
class UnionNext:
    """`stack.next` of a stack of unions."""

    stack: UnionStack


@value
class UnionLast:
    """`stack.last` of a stack of unions."""

    stack: UnionStack


@value
class UnionStackMember(HeaderRef):
    """A member of the next or the last element of a stack of unions."""

    element: UnionNext | UnionLast
    name: str

    @property
    def layout(self) -> Layout:  # type: ignore[override]
        """The layout of that member."""
        return self.element.stack.elements[0].member(self.name).layout

    @property
    def position(self) -> int:
        """Which member it is, from 0."""
        names = [n for n, _ in self.element.stack.elements[0].members]
        return names.index(self.name)


Storage = HeaderRef | Stack | Union | UnionStack
SCALARS = Header("scalars", Layout("scalars_t", ()))
STANDARD_METADATA = "standard_metadata"


def width_of(type_: t.Type) -> int:
    """Bits that a value of a type of this representation takes (varbit: at most)."""
    match type_:
        case t.BitsType(width):
            return width
        case t.VarbitType(max_width):
            return max_width
    return 1


def is_signed(type_: t.Type) -> bool:
    """Whether it is an `int<n>`."""
    return isinstance(type_, t.BitsType) and type_.signed
