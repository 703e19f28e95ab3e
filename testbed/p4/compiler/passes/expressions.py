"""Second layer of `body`: expressions.

Evaluating an expression may append statements (calls are inlined, table results and lookaheads are saved);
the value itself is free of side effects. Where a later operand appends statements that change what an earlier
one reads, the earlier one is saved first, so the order is that of the specification (section 8.3).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from testbed.p4.compiler import ast, ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes import fold
from testbed.p4.compiler.passes.assignments import Assignments
from testbed.p4.compiler.passes.narrow import expect
from testbed.p4.compiler.passes.unit import RefusedError, flatten_into
from testbed.p4.compiler.passes.values import (
    HeaderLiteral,
    SliceTarget,
    StackLiteral,
    StructValue,
    Target,
    Value,
    is_next,
)

if TYPE_CHECKING:
    from testbed.p4.compiler.source import Span

NEXT = "next is supported as the argument of extract() only"


class Expressions(Assignments, ABC):
    """Evaluates expressions."""

    # --- what the other layers do ------------------------------------------------------------------------

    @abstractmethod
    def call(self, call: ast.Call) -> Value | None:
        """Do a call; its value, None for void."""

    @abstractmethod
    def apply_result(self, call: ast.Call, name: str) -> ir.Expr:
        """Apply a table and give `hit` or `miss`."""

    # --- several at once -----------------------------------------------------------------------------------

    def sequence(self, exprs: Sequence[ast.Expression]) -> list[Value]:
        """The values of expressions evaluated from left to right."""
        result: list[Value] = []
        for expr in exprs:
            before = len(self.out)
            new = self.value(expr)
            self.protect(result, before, expr.span)
            result.append(new)
        return result

    def scalars(self, *exprs: ast.Expression) -> list[ir.Expr]:
        """The values of scalar expressions evaluated from left to right."""
        return [self._scalar(v, e) for v, e in zip(self.sequence(exprs), exprs, strict=True)]

    def scalar(self, expr: ast.Expression) -> ir.Expr:
        """The value of a scalar expression."""
        return self._scalar(self.value(expr), expr)

    def _scalar(self, value: Value, expr: ast.Expression) -> ir.Expr:
        if not isinstance(value, ir.Expr):
            raise RefusedError(expr.span, f"a value of type {self.env.type_of(expr)} is not supported here")
        return value

    def number(self, expr: ast.Expression) -> int:
        """The value of a compile-time number.

        Raises:
            RefusedError: if it is not known.
        """
        found = self.scalar(expr)
        if not isinstance(found, ir.Const):
            raise RefusedError(expr.span, "this must be known at compile time")
        return found.value

    def size(self, expr: ast.Expression) -> int:
        """The size of a table or of an array, at most what P4Info can say.

        Raises:
            RefusedError: if it is not known, or none.
        """
        found = self.number(expr)
        if not 0 <= found < 1 << 31:
            raise RefusedError(expr.span, f"a size of {found} is not supported: use 0 to {(1 << 31) - 1}")
        return found

    def pure(self, expr: ast.Expression) -> tuple[Value, list[ir.Stmt]]:
        """A value and the statements needed to get it, which are not appended."""
        outer, self.out = self.out, []
        try:
            result = self.value(expr)
            return result, self.out
        finally:
            self.out = outer

    # --- values ------------------------------------------------------------------------------------------

    def value(self, expr: ast.Expression) -> Value:
        """The value of any expression."""
        if expr.value is not None and not isinstance(expr, ast.Call):
            return self.unit.constant(self.env.type_of(expr), expr.value, expr.span)
        match expr:
            case ast.PathExpr():
                return self._path(expr)
            case ast.Member():
                return self._member(expr)
            case ast.Index(base=base, index=index):
                return self._index(base, index)
            case ast.Slice(base=base, high=high, low=low):
                return fold.slice_(self.scalar(base), self.number(high), self.number(low))
            case ast.Unary(op=op, operand=operand):
                return fold.unary(op, self.scalar(operand))
            case ast.Binary():
                return self._binary(expr)
            case ast.Ternary():
                return self._ternary(expr)
            case ast.Cast(operand=operand):
                return self.convert(self.value(operand), self.env.type_of(expr), expr.span)
            case ast.Call():
                result = self.call(expr)
                if result is None:
                    raise RefusedError(expr.span, "this call has no value")
                return result
            case ast.ListExpr(elements=elements):
                return self._list(self.env.type_of(expr), self.sequence(elements))
            case ast.StructExpr(fields=fields):
                parts = self.sequence([f.expr for f in fields])
                named = dict(zip((f.name for f in fields), parts, strict=True))
                return self._struct(self.env.type_of(expr), named, expr.span)
            case ast.InvalidHeader():
                type_ = self.env.type_of(expr)
                if isinstance(type_, t.HeaderType):
                    return HeaderLiteral(self.unit.layout(type_, expr.span), {}, valid=False)
        raise RefusedError(expr.span, f"{_kind(expr)} is not supported here")

    def _path(self, expr: ast.PathExpr) -> Value:
        if isinstance(expr.decl, ast.ConstDecl) and self.env.find(expr.decl) is None:
            return self.convert(self.value(expr.decl.init), expr.decl.type, expr.span)
        found = self.env.find(expr.decl)
        if found is None:
            raise RefusedError(expr.span, f"{expr.name} is not supported here")
        if isinstance(found, Value):
            return found
        raise RefusedError(expr.span, f"{expr.name} is not a value")

    def _member(self, expr: ast.Member) -> Value:
        if isinstance(expr.base, ast.Call) and isinstance(expr.base.type, t.ApplyResultType):
            if expr.name in ("hit", "miss"):
                return self.apply_result(expr.base, expr.name)
            raise RefusedError(expr.span, "action_run is supported as the subject of a switch only")
        base = self.value(expr.base)
        match base:
            case StructValue(fields=fields):
                return fields[expr.name]
            case ir.StackNext() | ir.UnionStackMember(element=ir.UnionNext()):
                raise RefusedError(expr.span, "the fields of next cannot be read")
            case ir.HeaderRef():
                return self.unit.field(base, expr.name, self.env.type_of(expr), expr.span)
            case HeaderLiteral(layout, fields=parts):
                return self._literal_field(layout, parts, expr)
            case ir.Stack() as stack:
                return self._stack_member(stack, expr)
            case ir.Union():
                return base.member(expr.name)
            case ir.UnionStack():
                return self._union_stack_member(base, expr)
            case ir.UnionNext() | ir.UnionLast():
                return ir.UnionStackMember(base, expr.name)
        raise RefusedError(expr.span, f"member {expr.name} is not supported here")

    def _literal_field(self, layout: ir.Layout, parts: dict[str, ir.Expr], expr: ast.Member) -> Value:
        if expr.name in parts:
            return parts[expr.name]
        type_ = self.env.type_of(expr)
        if isinstance(type_, t.StructType):
            raise RefusedError(expr.span, "a struct inside a header expression is not supported here")
        return fold.const(0, dict(layout.fields)[expr.name])

    def _stack_member(self, stack: ir.Stack, expr: ast.Member) -> Value:
        match expr.name:
            case "next":
                return ir.StackNext(stack)
            case "last":
                return ir.StackLast(stack)
            case "lastIndex":
                return ir.LastIndex(stack)
            case "size":
                return fold.const(stack.size, t.bits(32))
        raise RefusedError(expr.span, f"member {expr.name} of a stack is not supported")

    def _union_stack_member(self, stack: ir.UnionStack, expr: ast.Member) -> Value:
        match expr.name:
            case "next":
                return ir.UnionNext(stack)
            case "last":
                return ir.UnionLast(stack)
            case "lastIndex":
                return ir.LastIndex(stack)
            case "size":
                return fold.const(len(stack.elements), t.bits(32))
        raise RefusedError(expr.span, f"member {expr.name} of a stack is not supported")

    def _index(self, base: ast.Expression, index: ast.Expression) -> Value:
        stack, position = self.sequence([base, index])
        position = expect(position, ir.Expr)
        if isinstance(position, ir.Const):
            return self._element(stack, position.value, index)
        if isinstance(stack, ir.Stack):
            return ir.StackElement(stack, position)
        raise RefusedError(
            index.span, "an index known at run time only is supported for header stacks in variables only"
        )

    def _element(self, stack: Value, position: int, index: ast.Expression) -> Value:
        match stack:
            case ir.Stack(size=size) if position in range(size):
                return stack.element(position)
            case StackLiteral(elements) if position in range(len(elements)):
                return elements[position]
            case ir.UnionStack(elements=unions) if position in range(len(unions)):
                return unions[position]
            case StructValue(fields=fields) if str(position) in fields:
                return fields[str(position)]
        raise RefusedError(index.span, f"index {position} is out of range")

    def _binary(self, expr: ast.Binary) -> Value:
        if expr.op in ("&&", "||"):
            return self._logical(expr)
        left, right = self.sequence([expr.left, expr.right])
        if expr.op == "++":
            return fold.concat(self._scalar(left, expr.left), self._scalar(right, expr.right))
        plain = isinstance(left, ir.Expr) and not isinstance(left.type, t.VarbitType)
        if expr.op in ("==", "!=") and not plain:
            same = self.equal(left, right, expr.span)
            return same if expr.op == "==" else fold.unary("!", same)
        return fold.binary(expr.op, self._scalar(left, expr.left), self._scalar(right, expr.right))

    def _logical(self, expr: ast.Binary) -> ir.Expr:
        left = self.scalar(expr.left)
        decisive = expr.op == "||"
        if isinstance(left, ir.Const) and bool(left.value) == decisive:
            return left
        right, statements = self.pure(expr.right)
        right = expect(right, ir.Expr)
        if not statements:
            return fold.binary(expr.op, left, right)
        result = self.unit.scalar("tmp", t.BOOL)
        self.out.append(ir.Assign(expr.span, result, left))
        then = [*statements, ir.Assign(expr.span, result, right)]
        cond = fold.unary("!", result) if decisive else result
        self.out.append(ir.If(expr.span, cond, then, []))
        return result

    def _ternary(self, expr: ast.Ternary) -> Value:
        cond = self.scalar(expr.condition)
        if isinstance(cond, ir.Const):
            return self.value(expr.then if cond.value else expr.otherwise)
        then, first = self.pure(expr.then)
        otherwise, second = self.pure(expr.otherwise)
        if not first and not second and isinstance(then, ir.Expr) and isinstance(otherwise, ir.Expr):
            return fold.ternary(cond, then, otherwise)
        result = self.unit.allocate(self.env.type_of(expr), "tmp", expr.span)
        choice = ir.If(expr.span, cond, first, second)
        for branch, chosen in ((first, then), (second, otherwise)):
            outer, self.out = self.out, branch
            self.assign(result, chosen, expr.span)
            self.out = outer
        self.out.append(choice)
        return result

    def _list(self, type_: t.Type, parts: list[Value]) -> Value:
        if isinstance(type_, t.StackType | t.ListType):
            return StackLiteral(tuple(parts))
        return StructValue(type_, {str(i): v for i, v in enumerate(parts)})

    def _struct(self, type_: t.Type, parts: dict[str, Value], span: Span) -> Value:
        if not isinstance(type_, t.HeaderType):
            return StructValue(type_, parts)
        flat: dict[str, ir.Expr] = {}
        for name, part in parts.items():
            flatten_into(flat, name, part)
        return HeaderLiteral(self.unit.layout(type_, span), flat, valid=True)

    def convert(self, value: Value, type_: t.Type, span: Span) -> Value:
        """A cast; composite values are converted part by part, by position."""
        if isinstance(value, ir.Expr):
            if isinstance(type_, t.CompositeType | t.TupleType | t.StackType):
                raise RefusedError(span, f"a conversion to {type_} is not supported here")
            return fold.cast(value, self.unit.scalar_type(type_, span))
        if not isinstance(value, StructValue):
            return value
        parts = list(value.fields.values())
        match type_:
            case t.HeaderType(fields=fields):
                named = {f.name: self.convert(p, f.type, span) for f, p in zip(fields, parts, strict=True)}
                return self._struct(type_, named, span)
            case t.StructType(fields=fields):
                named = {f.name: self.convert(p, f.type, span) for f, p in zip(fields, parts, strict=True)}
                return StructValue(type_, named)
            case t.TupleType(elements):
                items = enumerate(zip(elements, parts, strict=True))
                return StructValue(type_, {str(i): self.convert(p, e, span) for i, (e, p) in items})
            case t.StackType():
                return StackLiteral(tuple(parts))
        return value

    # --- comparison --------------------------------------------------------------------------------------

    def equal(self, a: Value, b: Value, span: Span) -> ir.Expr:
        """`a == b` for any values (section 8.17): headers are equal if invalid or alike."""
        if isinstance(a, ir.Expr) and isinstance(b, ir.Expr):
            if isinstance(a.type, t.VarbitType):
                text = "varbit values are compared as numbers by this target, whatever their widths"
                self.unit.diagnostics.warn("unsupported", span, text)
            return fold.binary("==", a, b)
        if isinstance(a, StructValue) and isinstance(b, StructValue):
            pairs = zip(a.fields.values(), b.fields.values(), strict=True)
            return fold.conjunction([self.equal(x, y, span) for x, y in pairs])
        if isinstance(a, ir.Stack | StackLiteral) and isinstance(b, ir.Stack | StackLiteral):
            pairs = zip(_elements(a), _elements(b), strict=True)
            return fold.conjunction([self.equal(x, y, span) for x, y in pairs])
        if isinstance(a, ir.Union) and isinstance(b, ir.Union):
            pairs = zip((h for _, h in a.members), (h for _, h in b.members), strict=True)
            return fold.conjunction([self.equal(x, y, span) for x, y in pairs])
        if isinstance(a, ir.UnionStack) and isinstance(b, ir.UnionStack):
            pairs = zip(a.elements, b.elements, strict=True)
            return fold.conjunction([self.equal(x, y, span) for x, y in pairs])
        if isinstance(a, HeaderLiteral | ir.HeaderRef) and isinstance(b, HeaderLiteral | ir.HeaderRef):
            return self._equal_headers(a, b, span)
        raise RefusedError(span, "this comparison is not supported")

    def _equal_headers(
        self, a: HeaderLiteral | ir.HeaderRef, b: HeaderLiteral | ir.HeaderRef, span: Span
    ) -> ir.Expr:
        valid_a, valid_b = valid(a), valid(b)
        layout = a.layout
        both = [valid_a, valid_b]
        if ir.FALSE not in both:
            both += [self.equal(field_of(a, n, f), field_of(b, n, f), span) for n, f in layout.fields]
        neither = fold.binary("&&", fold.unary("!", valid_a), fold.unary("!", valid_b))
        return fold.binary("||", neither, fold.conjunction(both))

    # --- targets -----------------------------------------------------------------------------------------

    def target(self, expr: ast.Expression) -> Target:
        """What an assignment to the expression changes."""
        match expr:
            case ast.Slice(base=base, high=high, low=low):
                inner = self.target(base)
                top, bottom = self.number(high), self.number(low)
                if isinstance(inner, SliceTarget):
                    return SliceTarget(inner.base, inner.low + top, inner.low + bottom)
                if isinstance(inner, ir.Field):
                    return SliceTarget(inner, top, bottom)
            case ast.Cast(operand=operand, implicit=True):
                return self.target(operand)
            case _:
                found = self.value(expr)
                if is_next(found) and not self.may_extract:
                    raise RefusedError(expr.span, NEXT)
                if isinstance(found, ir.Field | ir.Storage | StructValue):
                    return found
        raise RefusedError(expr.span, "this cannot be assigned to")


def _elements(stack: ir.Stack | StackLiteral) -> list[Value]:
    if isinstance(stack, StackLiteral):
        return list(stack.elements)
    return [stack.element(i) for i in range(stack.size)]


def valid(header: HeaderLiteral | ir.HeaderRef | ir.Union) -> ir.Expr:
    """Validity of a header value, or of a union: whether one of its headers is valid."""
    if isinstance(header, ir.Union):
        result: ir.Expr = ir.FALSE
        for _, member in header.members:
            result = fold.binary("||", result, ir.IsValid(member))
        return result
    if isinstance(header, HeaderLiteral):
        return fold.boolean(header.valid)
    if isinstance(header, ir.StackLast):
        return ir.IsValid(ir.StackElement(header.stack, ir.LastIndex(header.stack)))
    return ir.IsValid(header)


def field_of(header: HeaderLiteral | ir.HeaderRef, name: str, type_: t.Type) -> ir.Expr:
    """A field of a header value by its flat name."""
    if isinstance(header, HeaderLiteral):
        return header.fields.get(name, fold.const(0, type_))
    return ir.Field(header, name, type_)


def _kind(node: ast.Node) -> str:
    return type(node).__name__
