"""Implicit conversions and the values of `...` (P4_16 specification 1.2.5, sections 8.11 and 8.26)."""

from __future__ import annotations

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.check import folding
from testbed.p4.compiler.check.typerefs import TypeResolver
from testbed.p4.compiler.check.unify import Unifier


class Conversions(TypeResolver):
    """Makes typed expressions fit a type."""

    def convert(self, expr: ast.Expression, to: t.Type, what: str) -> ast.Expression:
        """`expr` as a value of type `to`, with casts made explicit; `what` names its role in the error."""
        of = expr.type
        if isinstance(expr, ast.DefaultValue):
            return self.default_value(expr.span, to)
        if of == t.INVALID and isinstance(to, t.HeaderType | t.HeaderUnionType):
            expr.type = to
            return expr
        if isinstance(expr, ast.Ternary) and untyped(expr):
            expr.then = self.convert(expr.then, to, what)
            expr.otherwise = self.convert(expr.otherwise, to, what)
            expr.type = to
            return expr
        if isinstance(expr, ast.ListExpr):
            return self._convert_list(expr, to, what)
        if isinstance(expr, ast.StructExpr):
            return self._convert_struct(expr, to, what)
        if of == to or t.UNKNOWN in (of, to) or to == t.DONT_CARE:
            return expr
        wide = isinstance(to, t.BitsType | t.NewType) and isinstance(t.representation(to), t.BitsType)
        if of == t.INT and wide:
            return self.cast(expr, to)  # to a `type` too, as p4c does and programs rely on
        if isinstance(of, t.SerEnumType) and of.underlying == to:
            return self.cast(expr, to)
        if isinstance(of, t.BitsType) and to == t.INT:
            return self.cast(expr, to)
        if _left_open(to) | _left_open(of) and Unifier(set()).unify(to, of):
            return expr
        self.error(expr.span, f"{what} has type {of}, and {to} is needed{self._hint(of, to)}")
        return expr

    @staticmethod
    def _hint(of: t.Type, to: t.Type) -> str:
        if explicit_cast_allowed(of, to):
            return f"; write ({to}) before it to cast"
        return ""

    def cast(self, expr: ast.Expression, to: t.Type, ref: ast.TypeRef | None = None) -> ast.Cast:
        """A cast of `expr`, implicit without `ref`, with its value if that is known."""
        cast = ast.Cast(expr.span, ref, expr, ref is None)
        cast.type = to
        cast.value = fold_cast(expr.value, expr.type, to)
        if isinstance(to, t.BitsType) and expr.type == t.INT and cast.value != expr.value:
            low, high = folding.limits(to)
            sign = "negative and " if expr.value < 0 and not to.signed else ""
            message = (
                f"{expr.value} is {sign}out of range for {to} ({low} .. {high}); it becomes {cast.value}"
            )
            self.diagnostics.warn("mismatch" if sign else "overflow", expr.span, message)
        return cast

    # Lists and structs

    def _convert_list(self, expr: ast.ListExpr, to: t.Type, what: str) -> ast.Expression:
        """A list expression to a struct, header, tuple, list or stack."""
        match to:
            case t.StructType() | t.HeaderType():
                elements = self._elements(expr, [f.type for f in to.fields], to, what)
                if elements is None:
                    return expr
                pairs = zip(to.fields, elements, strict=True)
                return self._struct(expr.span, to, [ast.NamedExpr(e.span, f.name, e) for f, e in pairs])
            case t.TupleType(types):
                elements = self._elements(expr, list(types), to, what)
            case t.StackType(element, size):
                elements = self._elements(expr, [element] * size, to, what)
            case t.ListType(element):
                elements = self._elements(expr, [element] * len(expr.elements), to, what)
            case _:
                if expr.type != to and to not in (t.UNKNOWN, t.DONT_CARE):
                    self.error(expr.span, f"{what} is a list, and {to} is needed")
                return expr
        if elements is not None:
            expr.elements = elements
            expr.type = to
            expr.value = constant_tuple(elements)
        return expr

    def _elements(
        self, expr: ast.ListExpr, types: list[t.Type], to: t.Type, what: str
    ) -> list[ast.Expression] | None:
        """The elements converted to `types`, a final `...` filled up."""
        given = expr.elements
        if given and isinstance(given[-1], ast.DefaultValue):
            dots = given[-1]
            given = given[:-1] + [dots] * (len(types) - len(given) + 1)
        if len(given) != len(types):
            self.error(expr.span, f"{what} has {len(given)} elements, and {to} has {len(types)}")
            return None
        return [
            self.convert(e, of, f"element {n} of the list")
            for n, (e, of) in enumerate(zip(given, types, strict=True), 1)
        ]

    def _convert_struct(self, expr: ast.StructExpr, to: t.Type, what: str) -> ast.Expression:
        """`{a = x}` to a struct or header, its fields put in order."""
        if not isinstance(to, t.StructType | t.HeaderType):
            if expr.type != to and t.UNKNOWN not in (expr.type, to) and to != t.DONT_CARE:
                self.error(expr.span, f"{what} is a structure, and {to} is needed")
            return expr
        given = {f.name: f for f in expr.fields}
        dots = given.pop("...", None)
        for name, extra in given.items():
            if to.field_named(name) is None:
                self.error(extra.span, f"{to.keyword} {to} has no field {name}")
        fields: list[ast.NamedExpr] = []
        for wanted in to.fields:
            field = given.get(wanted.name)
            if field is not None:
                field.expr = self.convert(field.expr, wanted.type, f"the field {wanted.name}")
                fields.append(field)
            elif dots is not None:
                value = self.default_value(dots.span, wanted.type)
                fields.append(ast.NamedExpr(dots.span, wanted.name, value))
            else:
                self.error(expr.span, f"the field {wanted.name} of {to} has no value")
                return expr
        return self._struct(expr.span, to, fields)

    @staticmethod
    def _struct(span: ast.Span, of: t.Type, fields: list[ast.NamedExpr]) -> ast.StructExpr:
        struct = ast.StructExpr(span, fields)
        struct.type = of
        struct.value = constant_tuple([f.expr for f in fields])
        return struct

    # Default values

    def default_value(self, span: ast.Span, of: t.Type) -> ast.Expression:
        """What `...` stands for: zero, false, NoError, an enum's 0 or first member, an invalid header."""
        value = self._default_value(span, of)
        value.type = of
        return value

    def _default_value(self, span: ast.Span, of: t.Type) -> ast.Expression:
        match of:
            case t.BitsType() | t.VarbitType() | t.INT:
                width = of.width if isinstance(of, t.BitsType) else None
                return with_value(ast.IntLiteral(span, 0, width, getattr(of, "signed", False)), 0)
            case t.BOOL:
                return with_value(ast.BoolLiteral(span, False), False)
            case t.STRING:
                return with_value(ast.StringLiteral(span, ""), "")
            case t.ERROR if "NoError" in self.errors:
                return self._member(span, ast.BaseTypeRef(span, "error"), of, self.errors["NoError"])
            case t.EnumType(declaration):
                ref = ast.TypeName(span, declaration.name)
                return self._member(span, ref, of, declaration.members[0])
            case t.SerEnumType() | t.NewType():
                return self.cast(self.default_value(span, of.underlying), of, ast.TypeName(span, str(of)))
            case t.HeaderType() | t.HeaderUnionType():
                return ast.InvalidHeader(span)
            case t.StructType(_, _, fields):
                named = [ast.NamedExpr(span, f.name, self.default_value(span, f.type)) for f in fields]
                return self._struct(span, of, named)
            case t.TupleType(types):
                elements = [self.default_value(span, e) for e in types]
                return with_value(ast.ListExpr(span, elements), constant_tuple(elements))
            case t.StackType(element, size):
                return ast.ListExpr(span, [self.default_value(span, element) for _ in range(size)])
        if of != t.UNKNOWN:
            self.error(span, f"the type {of} has no default value for '...'")
        return ast.DefaultValue(span)

    def _member(
        self, span: ast.Span, ref: ast.TypeRef, of: t.Type, member: ast.EnumMember | ast.ErrorMember
    ) -> ast.Expression:
        ref.type = of
        base = ast.TypeNameExpr(span, ref)
        base.type = t.MetaType(of)
        expr = ast.Member(span, base, member.name)
        expr.decl = member
        expr.value = member
        return expr


def _left_open(of: t.Type) -> bool:
    """Whether the type has type arguments left open with `_`."""
    return t.contains(of, lambda part: part == t.DONT_CARE)


def untyped(expr: ast.Expression) -> bool:
    """Whether the expression takes its type from what it is used with."""
    match expr:
        case ast.ListExpr() | ast.StructExpr():
            return isinstance(expr.type, t.TupleType | t.AnonymousStructType)
        case ast.Ternary(then=then, otherwise=otherwise):
            return untyped(then) and untyped(otherwise)
    return expr.type in (t.INT, t.INVALID, t.DEFAULT)


def with_value(expr: ast.Expression, value: ast.Constant) -> ast.Expression:
    """`expr` with its folded value set."""
    expr.value = value
    return expr


def constant_tuple(elements: list[ast.Expression]) -> ast.Constant:
    """The value of a list of these, None unless all are known."""
    values = tuple(e.value for e in elements)
    return None if None in values else values


def fold_cast(value: ast.Constant, of: t.Type, to: t.Type) -> ast.Constant:
    """The value of a cast, None if it is not known."""
    if value is None:
        return None
    source, target = t.representation(of), t.representation(to)
    if target == t.BOOL and isinstance(value, int):
        return bool(value)
    if source == t.BOOL and isinstance(target, t.BitsType | t.SimpleType) and isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return folding.wrap(value, target)
    return value


def explicit_cast_allowed(of: t.Type, to: t.Type) -> bool:
    """Whether `(to) value` is legal for a value of type `of` (specification, section 8.11.1)."""
    if of == to:
        return True
    match of, to:
        case _, t.NewType():
            return of in (to.underlying, t.INT) or explicit_cast_allowed_to_base(of, to)
        case t.NewType(), _:
            return of.underlying == to
        case t.BitsType(), t.BitsType():
            return of.width == to.width or of.signed == to.signed
        case t.BitsType(), t.SerEnumType():
            return of == to.underlying
        case t.BitsType(), t.INT:
            return True
        case (t.BitsType(), t.BOOL):
            return of.width == 1 and not of.signed
        case (t.BOOL, t.BitsType()):
            return to.width == 1 and not to.signed
        case t.INT, t.BitsType() | t.SimpleType():
            return to == t.BOOL or isinstance(to, t.BitsType)
        case t.INT, t.SerEnumType():
            return True
        case t.SerEnumType(), t.BitsType():
            return of.underlying == to
        case t.SerEnumType(), t.SerEnumType():
            return of.underlying == to.underlying
    return False


def explicit_cast_allowed_to_base(of: t.Type, to: t.NewType) -> bool:
    """A literal `int` cast to a `type` of a `type`."""
    base = t.representation(to)
    return of == t.INT and isinstance(base, t.BitsType)
