"""What all of one compilation shares: the program being made, names, storage and messages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from testbed.p4.compiler import ast, ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes import fold
from testbed.p4.compiler.passes.narrow import expect
from testbed.p4.compiler.passes.values import Env, HeaderLiteral, StackLiteral, StructValue, Text, Value

if TYPE_CHECKING:
    from testbed.p4.compiler.diagnostics import Diagnostics
    from testbed.p4.compiler.source import Span

ENUM_WIDTH = 32  # bits that the target uses for enums without representation, and for errors
FIRST_ERROR = 1  # the number of NoError: p4c counts errors from 1, and control planes may match on them


class RefusedError(Exception):
    """A construct that cannot be compiled; reported where a following statement can still be tried."""

    def __init__(self, span: Span, message: str) -> None:
        super().__init__(message)
        self.span = span
        self.message = message


@dataclass(slots=True)
class Unit:
    """The state of elaboration."""

    program: ir.Program
    diagnostics: Diagnostics
    globals: Env = field(default_factory=Env)
    actions: dict[tuple[ast.ActionDecl, Env], ir.Action] = field(default_factory=dict)
    _names: set[str] = field(default_factory=lambda: {ir.SCALARS.name})
    _labels: int = 0
    _order: int = 0
    _layouts: dict[t.Type, ir.Layout] = field(default_factory=dict)

    @property
    def no_action(self) -> ast.ActionDecl:
        """`NoAction` of core.p4, what tables do by default."""
        return next(
            d for d in self.globals.bindings if isinstance(d, ast.ActionDecl) and d.name == "NoAction"
        )

    # --- names -------------------------------------------------------------------------------------------

    def unique(self, hint: str) -> str:
        """`hint`, or `hint_0`, `hint_1` ... if it is taken; instances, scalars and states share one space."""
        name, count = hint, 0
        while name in self._names:
            name, count = f"{hint}_{count}", count + 1
        self._names.add(name)
        return name

    def reserve(self, name: str) -> None:
        """Keep a name that the control plane knows from being made up again."""
        self._names.add(name)

    def next_order(self) -> int:
        """The place of the next declared object."""
        self._order += 1
        return self._order

    def label(self) -> str:
        """A name for a scope."""
        self._labels += 1
        return f"end{self._labels}"

    def external_name(self, decl: ast.Declaration, prefix: str) -> str:
        """The control plane's name of a declaration inside what `prefix` names."""
        annotation = decl.annotation("name")
        own = str(annotation.args[0]) if annotation is not None and annotation.args else decl.name
        if own.startswith("."):
            return own[1:]
        return f"{prefix}.{own}" if prefix else own

    def statement_name(self, span: Span) -> str:
        """A name for an action made of statements: the file's stem and the line."""
        stem = re.sub(r"\W", "_", PurePath(span.file or self.program.path).stem)
        return self.unique(f"{stem}{span.line or ''}")

    # --- types -------------------------------------------------------------------------------------------

    def scalar_type(self, type_: t.Type, span: Span) -> t.Type:
        """The IR type of a scalar P4 type."""
        below = t.representation(type_)
        if isinstance(below, t.BitsType | t.VarbitType) or below in (t.BOOL, t.INT):
            return below
        if isinstance(below, t.EnumType) or below == t.ERROR:
            return t.bits(ENUM_WIDTH)
        raise RefusedError(span, f"values of type {type_} are not supported here")

    def layout(self, type_: t.HeaderType, span: Span) -> ir.Layout:
        """The header type as the target knows it: flat fields.

        Raises:
            RefusedError: if the target cannot have such headers.
        """
        found = self._layouts.get(type_)
        if found is None:
            fields = tuple(self._flat_fields(type_, "", span))
            name = re.sub(r"[^\w.]+", "_", str(type_)).strip("_")
            annotation = type_.decl.annotation("name")
            if annotation is not None and annotation.args and not type_.args:
                name = str(annotation.args[0]).removeprefix(".")
            found = self._layouts[type_] = ir.Layout(name, fields)
            if found.width % 8:
                raise RefusedError(
                    type_.decl.span,
                    f"header {type_} has {found.width} bits: the target takes whole bytes only",
                )
            if sum(isinstance(f, t.VarbitType) for _, f in fields) > 1:
                raise RefusedError(type_.decl.span, f"header {type_} has more than one varbit field")
        return found

    def _flat_fields(self, type_: t.CompositeType, prefix: str, span: Span) -> list[tuple[str, t.Type]]:
        result: list[tuple[str, t.Type]] = []
        for f in type_.fields:
            if isinstance(f.type, t.StructType):
                result += self._flat_fields(f.type, f"{prefix}{f.name}.", span)
            else:
                result.append((prefix + f.name, self.scalar_type(f.type, span)))
        return result

    # --- storage -----------------------------------------------------------------------------------------

    def allocate(self, type_: t.Type, hint: str, span: Span) -> Value:
        """Storage for a variable of any type."""
        match type_:
            case t.StructType(fields=fields) | t.AnonymousStructType(fields=fields):
                parts = {f.name: self.allocate(f.type, f"{hint}.{f.name}", span) for f in fields}
                return StructValue(type_, parts)
            case t.TupleType(elements):
                items = {str(i): self.allocate(e, f"{hint}.{i}", span) for i, e in enumerate(elements)}
                return StructValue(type_, items)
            case t.HeaderType():
                return self.new_header(hint, self.layout(type_, span))
            case t.StackType(t.HeaderType() as element, size):
                return self.new_stack(hint, self.layout(element, span), size)
            case t.HeaderUnionType():
                return self.new_union(self.unique(hint), type_, span)
            case t.StackType(t.HeaderUnionType() as element, size):
                return self.new_union_stack(hint, element, size, span)
        scalar = self.scalar_type(type_, span)
        if isinstance(scalar, t.VarbitType):
            layout = ir.Layout(f"$varbit{scalar.max_width}", (("field", scalar),))
            return ir.Field(self.new_header(hint, layout, metadata=True), "field", scalar)
        if scalar == t.INT:
            raise RefusedError(span, f"{hint}: a variable cannot have type int without a width")
        return self.scalar(hint, scalar)

    def scalar(self, hint: str, type_: t.Type) -> ir.Field:
        """A new field of the scalars."""
        name = self.unique(hint)
        self.program.scalars[name] = type_
        return ir.Field(ir.SCALARS, name, type_)

    def new_header(self, hint: str, layout: ir.Layout, *, metadata: bool = False) -> ir.Header:
        """A new header (or metadata) instance."""
        self.program.layouts.setdefault(layout.name, layout)
        header = ir.Header(self.unique(hint), layout)
        self.program.headers.append((header, metadata))
        return header

    def new_stack(self, hint: str, layout: ir.Layout, size: int) -> ir.Stack:
        """A new header stack with its elements."""
        self.program.layouts.setdefault(layout.name, layout)
        stack = ir.Stack(self.unique(hint), layout, size)
        self.program.headers += [(stack.element(i), False) for i in range(size)]
        self.program.stacks.append(stack)
        return stack

    def new_union(
        self, name: str, type_: t.HeaderUnionType, span: Span, stack: str | None = None, index: int = 0
    ) -> ir.Union:
        """A new header union with its headers; `stack` and `index` tell its place in a stack."""
        members: list[tuple[str, ir.Header]] = []
        for f in type_.fields:
            layout = self.layout(expect(f.type, t.HeaderType), span)
            self.program.layouts.setdefault(layout.name, layout)
            header = ir.Header(self.unique(f"{name}.{f.name}"), layout, stack or name, index, in_union=True)
            self.program.headers.append((header, False))
            members.append((f.name, header))
        union = ir.Union(name, str(type_), tuple(members))
        self.program.unions.append(union)
        return union

    def new_union_stack(self, hint: str, type_: t.HeaderUnionType, size: int, span: Span) -> ir.UnionStack:
        """A new stack of header unions."""
        name = self.unique(hint)
        elements = tuple(self.new_union(f"{name}[{i}]", type_, span, name, i) for i in range(size))
        stack = ir.UnionStack(name, str(type_), elements)
        self.program.union_stacks.append(stack)
        return stack

    def field(self, header: ir.HeaderRef, path: str, type_: t.Type, span: Span) -> Value:
        """The field at `path` (flat name or prefix of several) of a header."""
        if isinstance(type_, t.StructType):
            parts = {f.name: self.field(header, f"{path}.{f.name}", f.type, span) for f in type_.fields}
            return StructValue(type_, parts)
        return ir.Field(header, path, self.scalar_type(type_, span))

    # --- constants ---------------------------------------------------------------------------------------

    def constant(self, type_: t.Type, number: ast.Constant, span: Span) -> Value:
        """The value of an expression folded by the checker."""
        match number:
            case bool():
                return fold.boolean(number)
            case int():
                return fold.const(number, self.scalar_type(type_, span))
            case str():
                return Text(number)
            case ast.EnumMember():
                return fold.const(number.number, t.bits(ENUM_WIDTH))
            case ast.ErrorMember():
                return fold.const(number.number + FIRST_ERROR, t.bits(ENUM_WIDTH))
            case tuple():
                return self._composite_constant(type_, number, span)
        raise RefusedError(span, f"constants of type {type_} are not supported")

    def _composite_constant(self, type_: t.Type, parts: tuple[ast.Constant, ...], span: Span) -> Value:
        match type_:
            case t.StructType(fields=fields) | t.AnonymousStructType(fields=fields):
                pairs = zip(fields, parts, strict=True)
                return StructValue(type_, {f.name: self.constant(f.type, p, span) for f, p in pairs})
            case t.HeaderType(fields=fields):
                literal: dict[str, ir.Expr] = {}
                for f, p in zip(fields, parts, strict=True):
                    flatten_into(literal, f.name, self.constant(f.type, p, span))
                return HeaderLiteral(self.layout(type_, span), literal, valid=True)
            case t.TupleType(elements):
                items = zip(elements, parts, strict=True)
                return StructValue(
                    type_, {str(i): self.constant(e, p, span) for i, (e, p) in enumerate(items)}
                )
            case t.StackType(element) | t.ListType(element):
                return StackLiteral(tuple(self.constant(element, p, span) for p in parts))
        raise RefusedError(span, f"constants of type {type_} are not supported")


def flatten_into(parts: dict[str, ir.Expr], path: str, value: Value) -> None:
    """Put the scalars of a value into `parts` under flat names that start with `path`."""
    if isinstance(value, StructValue):
        for name, part in value.fields.items():
            flatten_into(parts, f"{path}.{name}", part)
    else:
        value = expect(value, ir.Expr)
        parts[path] = value
