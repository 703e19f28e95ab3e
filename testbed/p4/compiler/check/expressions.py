"""Types and values of expressions (P4_16 specification 1.2.5, section 8)."""

from __future__ import annotations

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.check import folding
from testbed.p4.compiler.check.constants import OUTGOING, is_compile_time, is_left_value, written_to
from testbed.p4.compiler.check.conversions import constant_tuple
from testbed.p4.compiler.check.operators import OperatorChecker
from testbed.p4.compiler.check.scope import is_error
from testbed.p4.compiler.diagnostics import Note, a_or_an, did_you_mean

_HEADER_METHODS = frozenset(("isValid", "setValid", "setInvalid"))


class ExpressionChecker(OperatorChecker):
    """Infers types bottom-up; returns each expression, changed where a conversion went in."""

    def check_call(self, call: ast.Call) -> ast.Expression:
        """Resolve a call; see `CallChecker`."""
        raise NotImplementedError

    # Entry points

    def expect(self, expr: ast.Expression, to: t.Type, what: str) -> ast.Expression:
        """Check `expr` and make it a value of type `to`."""
        return self.convert(self.infer(expr), to, what)

    def constant_int(self, expr: ast.Expression, what: str) -> int | None:
        """See `TypeResolver`; the expression is typed in place."""
        checked = self.infer(expr)
        value = checked.value
        if isinstance(value, int) and not isinstance(value, bool):
            expr.type, expr.value = checked.type, value
            return value
        if checked.type != t.UNKNOWN:
            self.error(expr.span, f"{what} must be an integer known at compile time")
        return None

    def infer(self, expr: ast.Expression) -> ast.Expression:
        """Type `expr` from its parts."""
        match expr:
            case ast.PathExpr():
                self._path(expr)
            case ast.IntLiteral(number=number, width=width, signed=signed):
                expr.type = t.INT if width is None else t.bits(width, signed=signed)
                expr.value = number
            case ast.Member():
                self._member_of(expr)
            case ast.Binary():
                self.binary(expr)
            case ast.Call():
                return self.check_call(expr)
            case ast.Unary():
                self.unary(expr)
            case ast.Cast():
                return self.cast_expression(expr)
            case ast.BoolLiteral(literal=literal):
                expr.type, expr.value = t.BOOL, literal
            case ast.StringLiteral(text=text):
                expr.type, expr.value = t.STRING, text
            case ast.Slice():
                self._slice(expr)
            case ast.Index():
                self._index(expr)
            case ast.Ternary():
                self.ternary(expr)
            case ast.TypeNameExpr(ref=ref):
                of = self.resolve(ref)
                expr.type = t.UNKNOWN if of == t.UNKNOWN else t.MetaType(of)
            case ast.ListExpr(elements=elements):
                expr.elements = [self.infer(e) for e in elements]
                expr.type = t.TupleType(tuple(e.type for e in expr.elements))
                expr.value = constant_tuple(expr.elements)
            case ast.StructExpr():
                self._struct_expr(expr)
            case ast.Mask(left=left, right=right):
                expr.left, expr.right = self.set_operands(expr, left, right)
            case ast.Range(low=low, high=high):
                expr.low, expr.high = self.set_operands(expr, low, high)
            case ast.DefaultValue():
                expr.type = t.DEFAULT
            case ast.DontCare():
                expr.type = t.DONT_CARE
            case ast.InvalidHeader():
                expr.type = t.INVALID if expr.type == t.UNKNOWN else expr.type
            case ast.PlusSlice():
                return self._plus_slice(expr)
            case ast.ThisExpr():
                self._this(expr)
        return expr

    # Names

    def _path(self, expr: ast.PathExpr) -> None:
        kind = self.match_kinds.get(expr.name)
        if kind is not None and self.here.lookup(expr.name) is None:
            expr.decl, expr.type, expr.value = kind, t.MATCH_KIND, kind
            return
        found = self.lookup(expr.span, expr.name, absolute=expr.absolute)
        if not found:
            return
        declaration = expr.decl = found[0]
        match declaration:
            case ast.EnumMember(owner=ast.SerEnumDecl() as enum):
                expr.type, expr.value = enum.type, declaration.number
            case ast.VariableDecl() | ast.InstanceDecl() | ast.ValueSetDecl():
                expr.type = declaration.type
            case ast.Parameter():
                expr.type = declaration.type
            case ast.ConstDecl():
                expr.type, expr.value = declaration.type, declaration.init.value
            case ast.TableDecl():
                expr.type = t.TableType(declaration)
                if self.enclosing(ast.TableDecl) is declaration:
                    self.error(expr.span, f"the table {expr.name} cannot refer to itself")
            case ast.CallableDecl():
                expr.type = t.CallableType(declaration)
            case ast.StateDecl():
                expr.type = t.STATE
            case _:
                note = Note(declaration.span, f"{expr.name} is declared here")
                self.error(
                    expr.span, f"{expr.name} is {a_or_an(declaration.kind)}, and a value is needed", note
                )

    def _this(self, expr: ast.ThisExpr) -> None:
        instance = self.enclosing(ast.InstanceDecl)
        if isinstance(instance, ast.InstanceDecl):
            expr.type = instance.type
        else:
            self.error(expr.span, "'this' has a meaning in implementations of abstract methods only")

    def _struct_expr(self, expr: ast.StructExpr) -> None:
        seen: set[str] = set()
        for field in expr.fields:
            field.expr = self.infer(field.expr)
            if field.name in seen:
                self.error(field.span, f"the field {field.name} has two values")
            seen.add(field.name)
        expr.type = t.AnonymousStructType(tuple(t.Field(f.name, f.expr.type, None) for f in expr.fields))
        expr.value = constant_tuple([f.expr for f in expr.fields])

    # Members

    def _member_of(self, expr: ast.Member) -> None:
        base = expr.base = self.infer(expr.base)
        match base.type:
            case t.UNKNOWN:
                return
            case t.MetaType(of):
                self._type_member(expr, of)
            case t.CompositeType(fields=fields) | t.AnonymousStructType(fields=fields):
                for number, field in enumerate(fields):
                    if field.name == expr.name:
                        expr.type, expr.decl = field.type, field.decl
                        if isinstance(base.value, tuple) and len(base.value) == len(fields):
                            expr.value = base.value[number]
                        return
                hint = did_you_mean(expr.name, [field.name for field in fields])
                if isinstance(base.type, t.HeaderType) and expr.name in _HEADER_METHODS:
                    hint = f"; the method is called as {expr.name}()"
                self._no_member(expr, f"a field {expr.name}{hint}")
            case t.StackType():
                self._stack_member(expr, base.type)
            case t.ApplyResultType(table):
                if expr.name in ("hit", "miss"):
                    expr.type = t.BOOL
                elif expr.name == "action_run":
                    expr.type = t.ActionRunType(table)
                else:
                    self._no_member(expr, f"a member {expr.name}: only hit, miss and action_run")
            case t.ExternType() | t.TableType() | t.ParserType() | t.ControlType():
                self.error(expr.span, f"{expr.name} can only be called")
            case _:
                self._no_member(expr, f"a member {expr.name}")

    def _no_member(self, expr: ast.Member, what: str) -> None:
        self.error(expr.span, f"{expr.base.type} does not have {what}")

    def _type_member(self, expr: ast.Member, of: t.Type) -> None:
        match of:
            case t.EnumType(declaration) | t.SerEnumType(declaration):
                member = next((m for m in declaration.members if m.name == expr.name), None)
                if member is None:
                    note = Note(declaration.span, f"{of} is declared here")
                    self.error(expr.span, f"{of} has no member {expr.name}", note)
                    return
                expr.type, expr.decl = of, member
                expr.value = member.number if isinstance(of, t.SerEnumType) else member
            case t.ERROR:
                error = self.errors.get(expr.name)
                if error is None:
                    self.error(expr.span, f"there is no error {expr.name}: declare it with error {{ ... }}")
                    return
                expr.type, expr.decl, expr.value = t.ERROR, error, error
            case _:
                self.error(expr.span, f"the type {of} has no members")

    def _stack_member(self, expr: ast.Member, of: t.StackType) -> None:
        if expr.name != "size" and not isinstance(of.element, t.HeaderType | t.HeaderUnionType | t.TypeVar):
            self.error(expr.span, f"{expr.name} can be used on header stacks only, not on {of}")
            return
        in_parser = self.enclosing(ast.ParserDecl) is not None
        if expr.name in ("next", "last", "lastIndex") and not in_parser:
            self.error(expr.span, f"{expr.name} of a header stack can be used in parsers only")
        match expr.name:
            case "next" | "last":
                expr.type = of.element
            case "size":
                expr.type, expr.value = t.bits(32), of.size
            case "lastIndex":
                expr.type = t.bits(32)
            case _:
                self._no_member(expr, f"a member {expr.name}: only next, last, lastIndex and size")

    def _index(self, expr: ast.Index) -> None:
        base = expr.base = self.infer(expr.base)
        index = expr.index = self.infer(expr.index)
        if is_error(base.type, index.type):
            return
        representation = t.representation(index.type)
        if representation != t.INT and not isinstance(representation, t.BitsType):
            self.error(index.span, f"an index is an integer, not {index.type}")
            return
        match base.type:
            case t.StackType(element, size):
                expr.type = element
            case t.TupleType(elements):
                size = len(elements)
                if index.value is None:
                    self.error(index.span, "the index of a tuple must be known at compile time")
                    return
                if 0 <= index.value < size:
                    expr.type = elements[index.value]
            case t.ListType(element):
                expr.type = element
                return
            case _:
                self.error(expr.span, f"{base.type} cannot be indexed: only header stacks and tuples")
                return
        if index.value is not None and size and not 0 <= index.value < size:
            self.error(index.span, f"index {index.value} is out of range: {base.type} has {size} elements")
        elif index.value is not None and isinstance(base.value, tuple):
            expr.value = base.value[index.value]

    def _slice(self, expr: ast.Slice) -> None:
        base = expr.base = self.unwrap_enum(self.infer(expr.base))
        high = self.constant_int(expr.high, "the upper bound of a slice")
        low = self.constant_int(expr.low, "the lower bound of a slice")
        if high is None or low is None or base.type == t.UNKNOWN:
            return
        if not isinstance(base.type, t.BitsType):
            self.error(expr.span, f"{base.type} has no bits to slice: only bit<n> and int<n> have")
            return
        if not 0 <= low <= high < base.type.width:
            last = base.type.width - 1
            message = f"the slice [{high}:{low}] of {base.type}: bits go from {last} down to 0"
            self.error(expr.span, message)
            return
        expr.type = t.bits(high - low + 1)
        if base.value is not None:
            expr.value = folding.bit_slice(base.value, high, low)

    def _plus_slice(self, expr: ast.PlusSlice) -> ast.Expression:
        """`base[low+:width]`: an ordinary slice if `low` is constant."""
        width = self.constant_int(expr.width, "the width of a slice")
        low = expr.low = self.unwrap_enum(self.infer(expr.low))
        if width is not None and isinstance(low.value, int):
            high = ast.IntLiteral(low.span, low.value + width - 1)
            literal = ast.IntLiteral(low.span, low.value)
            return self.infer(ast.Slice(expr.span, expr.base, high, literal))
        base = expr.base = self.unwrap_enum(self.infer(expr.base))
        if width is None or is_error(base.type, low.type):
            return expr
        if not isinstance(base.type, t.BitsType) or not 0 < width <= base.type.width:
            self.error(expr.span, f"{base.type} has no slice of {width} bits")
        elif not isinstance(low.type, t.BitsType):
            self.error(low.span, f"the lower bound of a slice is an integer, not {low.type}")
        else:
            expr.type = t.bits(width)
        return expr

    # What can stand where

    def left_value(self, expr: ast.Expression, what: str) -> bool:
        """Whether `expr` can be written to; reported if not."""
        if expr.type == t.UNKNOWN:
            return False
        if not is_left_value(expr):
            written = written_to(expr)
            if isinstance(written, ast.Parameter) and written.direction not in OUTGOING:
                direction = written.direction.value or "directionless"
                self.error(
                    expr.span,
                    f"{written.name} is {a_or_an(direction)} parameter, which cannot be written to",
                    Note(written.span, "the parameter"),
                )
            else:
                self.error(expr.span, f"{what} must be something that can be written to")
            return False
        return True

    def compile_time(self, expr: ast.Expression, what: str) -> bool:
        """Whether `expr` is known when the program is compiled; reported if not."""
        if expr.type != t.UNKNOWN and not is_compile_time(expr):
            self.error(expr.span, f"{what} must be known at compile time")
            return False
        return True
