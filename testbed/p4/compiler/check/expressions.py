"""Types and values of expressions (P4_16 specification 1.2.5, section 8)."""

from __future__ import annotations

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.check import folding
from testbed.p4.compiler.check.constants import is_compile_time, is_left_value
from testbed.p4.compiler.check.conversions import (
    Conversions,
    constant_tuple,
    explicit_cast_allowed,
    fold_cast,
    with_value,
)
from testbed.p4.compiler.check.scope import is_error
from testbed.p4.compiler.diagnostics import Note

_SHIFTS = ("<<", ">>")
_LOGICAL = ("&&", "||")
_EQUALITY = ("==", "!=")
_ORDER = ("<", ">", "<=", ">=")
_SATURATING = ("|+|", "|-|")
MAX_INT_BITS = 1 << 17
"""Compile-time integers may not grow beyond this many bits."""


class ExpressionChecker(Conversions):
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
                self._binary(expr)
            case ast.Call():
                return self.check_call(expr)
            case ast.Unary():
                self._unary(expr)
            case ast.Cast():
                return self._cast(expr)
            case ast.BoolLiteral(literal=literal):
                expr.type, expr.value = t.BOOL, literal
            case ast.StringLiteral(text=text):
                expr.type, expr.value = t.STRING, text
            case ast.Slice():
                self._slice(expr)
            case ast.Index():
                self._index(expr)
            case ast.Ternary():
                self._ternary(expr)
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
                expr.left, expr.right = self._set_operands(expr, left, right)
            case ast.Range(low=low, high=high):
                expr.low, expr.high = self._set_operands(expr, low, high)
            case ast.DefaultValue():
                expr.type = t.DEFAULT
            case ast.DontCare():
                expr.type = t.DONT_CARE
            case ast.ThisExpr():
                self._this(expr)
        return expr

    # Names

    def _path(self, expr: ast.PathExpr) -> None:
        found = self.lookup(expr.span, expr.name, absolute=expr.absolute)
        if not found:
            return
        declaration = expr.decl = found[0]
        match declaration:
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
                self.error(expr.span, f"{expr.name} is a {declaration.kind}, and a value is needed", note)

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
                self._no_member(expr, f"a field {expr.name}")
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
        if index.value is not None and not 0 <= index.value < size:
            self.error(index.span, f"index {index.value} is out of range: {base.type} has {size} elements")
        elif index.value is not None and isinstance(base.value, tuple):
            expr.value = base.value[index.value]

    def _slice(self, expr: ast.Slice) -> None:
        base = expr.base = self._unwrap_enum(self.infer(expr.base))
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

    # Operators

    def _unwrap_enum(self, expr: ast.Expression) -> ast.Expression:
        """A serializable enum's value as its number."""
        if isinstance(expr.type, t.SerEnumType):
            return self.cast(expr, expr.type.underlying)
        return expr

    def _unary(self, expr: ast.Unary) -> None:
        operand = expr.operand = self.infer(expr.operand)
        if expr.op == "!":
            if operand.type == t.BOOL:
                expr.type = t.BOOL
                expr.value = None if operand.value is None else not operand.value
            elif operand.type != t.UNKNOWN:
                self.error(expr.span, f"! needs a bool, not {operand.type}")
            return
        operand = expr.operand = self._unwrap_enum(operand)
        if operand.type == t.UNKNOWN:
            return
        if not isinstance(operand.type, t.BitsType) and (expr.op == "~" or operand.type != t.INT):
            needs = "an integer with a width" if expr.op == "~" else "an integer"
            self.error(expr.span, f"{expr.op} needs {needs}, not {operand.type}")
            return
        expr.type = operand.type
        if operand.value is not None:
            expr.value = folding.unary(expr.op, operand.value, operand.type)

    def _binary(self, expr: ast.Binary) -> None:
        expr.left = self.infer(expr.left)
        expr.right = self.infer(expr.right)
        if is_error(expr.left.type, expr.right.type):
            if expr.op in _LOGICAL or expr.op in _EQUALITY or expr.op in _ORDER:
                expr.type = t.BOOL
            return
        try:
            if expr.op in _LOGICAL:
                self._logical(expr)
            elif expr.op in _EQUALITY:
                self._equality(expr)
            elif expr.op in _SHIFTS:
                self._shift(expr)
            elif expr.op == "++":
                self._concat(expr)
            else:
                self._arithmetic(expr)
        except folding.FoldError as error:
            self.error(expr.span, str(error))

    def _logical(self, expr: ast.Binary) -> None:
        for side in (expr.left, expr.right):
            if side.type != t.BOOL:
                self.error(side.span, f"{expr.op} needs bool operands, not {side.type}")
                return
        expr.type = t.BOOL
        left, right = expr.left.value, expr.right.value
        decided = expr.op == "||"
        if left is decided:
            expr.value = decided
        elif left is not None and right is not None:
            expr.value = right

    def _operands(self, expr: ast.Binary) -> t.Type | None:
        """Bring both numbers to one type; None (reported) if they have none in common."""
        left = expr.left = self._unwrap_enum(expr.left)
        right = expr.right = self._unwrap_enum(expr.right)
        for side in (left, right):
            if not isinstance(side.type, t.BitsType) and side.type != t.INT:
                self.error(side.span, f"{expr.op} needs integers, not {side.type}")
                return None
        if left.type == t.INT and right.type != t.INT:
            expr.left = self.convert(left, right.type, "the left operand")
        elif right.type == t.INT and left.type != t.INT:
            expr.right = self.convert(right, left.type, "the right operand")
        elif left.type != right.type:
            message = f"{expr.op} needs operands of one type, not {left.type} and {right.type}"
            self.error(expr.span, message + ": cast one of them")
            return None
        return expr.left.type

    def _arithmetic(self, expr: ast.Binary) -> None:
        of = self._operands(expr)
        if of is None:
            return
        left, right = expr.left.value, expr.right.value
        known = left is not None and right is not None
        if expr.op in _ORDER:
            expr.type = t.BOOL
            if known:
                expr.value = folding.compare(expr.op, left, right)
            return
        if expr.op in ("/", "%") and isinstance(of, t.BitsType):
            if of.signed:
                self.error(expr.span, f"{expr.op} is not defined on signed values ({of})")
                return
            if right == 0:
                self.error(expr.span, "division by zero" if expr.op == "/" else "modulo by zero")
                return
        if expr.op in _SATURATING and of == t.INT:
            self.error(expr.span, f"{expr.op} needs operands with a width, such as 8w1")
            return
        expr.type = of
        if known:
            self._check_size(expr, left, right)
            expr.value = folding.binary(expr.op, left, right, of)

    @staticmethod
    def _check_size(expr: ast.Binary, left: int, right: int) -> None:
        if left.bit_length() + right.bit_length() > MAX_INT_BITS and expr.op == "*":
            raise folding.FoldError(f"the product has more than {MAX_INT_BITS} bits")

    def _shift(self, expr: ast.Binary) -> None:
        left = expr.left = self._unwrap_enum(expr.left)
        right = expr.right = self._unwrap_enum(expr.right)
        if not isinstance(left.type, t.BitsType) and left.type != t.INT:
            self.error(left.span, f"{expr.op} shifts integers, not {left.type}")
            return
        if not isinstance(right.type, t.BitsType) and right.type != t.INT:
            self.error(right.span, f"the amount of a shift is an integer, not {right.type}")
            return
        if right.value is not None and right.value < 0:
            self.error(right.span, f"a shift by {right.value}: the amount cannot be negative")
            return
        if isinstance(right.type, t.BitsType) and right.type.signed and right.value is None:
            self.error(right.span, f"the amount of a shift is unsigned, not {right.type}")
            return
        if left.type == t.INT and right.value is None:
            message = "the left operand of a shift by an unknown amount needs a width, such as 8w1"
            self.error(left.span, message)
            return
        expr.type = left.type
        if right.value is None:
            return
        if isinstance(left.type, t.BitsType) and right.value >= left.type.width:
            message = f"a shift of {left.type} by {right.value} leaves nothing of it"
            self.diagnostics.warn("overflow", expr.span, message)
        if left.value is not None:
            if left.value.bit_length() > MAX_INT_BITS:
                raise folding.FoldError(f"the value has more than {MAX_INT_BITS} bits")
            expr.value = folding.shift(expr.op, left.value, right.value, left.type)

    def _concat(self, expr: ast.Binary) -> None:
        left = expr.left = self._unwrap_enum(expr.left)
        right = expr.right = self._unwrap_enum(expr.right)
        known = left.value is not None and right.value is not None
        if left.type == right.type == t.STRING:
            expr.type = t.STRING
            expr.value = left.value + right.value if known else None
            return
        for side in (left, right):
            if not isinstance(side.type, t.BitsType):
                needs = "give it a width, such as 8w1" if side.type == t.INT else f"not {side.type}"
                self.error(side.span, f"++ joins values of type bit<n> or int<n>: {needs}")
                return
        if isinstance(left.type, t.BitsType) and isinstance(right.type, t.BitsType):
            expr.type = t.bits(left.type.width + right.type.width, signed=left.type.signed)
            if known:
                expr.value = folding.concat(left.value, left.type, right.value, right.type)

    def _equality(self, expr: ast.Binary) -> None:
        expr.type = t.BOOL
        left = expr.left = self._unwrap_for(expr.left, expr.right.type)
        right = expr.right = self._unwrap_for(expr.right, left.type)
        if _untyped(left) and not _untyped(right):
            left = expr.left = self.convert(left, right.type, "the left operand")
        elif _untyped(right) and not _untyped(left):
            right = expr.right = self.convert(right, left.type, "the right operand")
        elif isinstance(left, ast.ListExpr) and isinstance(right, ast.ListExpr):
            self._unify_lists(left, right)
        if is_error(left.type, right.type):
            return
        if left.type != right.type:
            self.error(expr.span, f"{left.type} cannot be compared with {right.type}: cast one of them")
        elif not _comparable(left.type):
            self.error(expr.span, f"values of type {left.type} cannot be compared")
        elif left.value is not None and right.value is not None:
            expr.value = (left.value == right.value) == (expr.op == "==")

    def _unwrap_for(self, expr: ast.Expression, other: t.Type) -> ast.Expression:
        """Compare two values of one enum as such, others by their numbers."""
        return expr if expr.type == other else self._unwrap_enum(expr)

    def _unify_lists(self, left: ast.ListExpr, right: ast.ListExpr) -> None:
        """Give `int` elements of two compared lists the width of their counterparts."""
        if len(left.elements) != len(right.elements):
            return
        for number, (one, other) in enumerate(zip(left.elements, right.elements, strict=True)):
            if one.type == t.INT:
                left.elements[number] = self.convert(one, other.type, "an element")
            elif other.type == t.INT:
                right.elements[number] = self.convert(other, one.type, "an element")
        left.type = t.TupleType(tuple(e.type for e in left.elements))
        right.type = t.TupleType(tuple(e.type for e in right.elements))

    def _ternary(self, expr: ast.Ternary) -> None:
        condition = expr.condition = self.infer(expr.condition)
        then = expr.then = self.infer(expr.then)
        otherwise = expr.otherwise = self.infer(expr.otherwise)
        if is_error(condition.type, then.type, otherwise.type):
            return
        if condition.type != t.BOOL:
            self.error(condition.span, f"the condition before ? is a bool, not {condition.type}")
            return
        if then.type == otherwise.type == t.INT:
            if condition.value is None:
                message = "one of the branches of ? needs a width, such as 8w1"
                self.error(expr.span, message)
                return
        elif _untyped(then):
            then = expr.then = self.convert(then, otherwise.type, "the first branch of ?")
        elif _untyped(otherwise) or then.type != otherwise.type:
            otherwise = expr.otherwise = self.convert(otherwise, then.type, "the second branch of ?")
        expr.type = then.type
        if condition.value is not None:
            expr.value = then.value if condition.value else otherwise.value

    def _set_operands(
        self, expr: ast.Mask | ast.Range, left: ast.Expression, right: ast.Expression
    ) -> tuple[ast.Expression, ast.Expression]:
        """The operands of &&& and .. brought to one type."""
        left, right = self._unwrap_enum(self.infer(left)), self._unwrap_enum(self.infer(right))
        if is_error(left.type, right.type):
            return left, right
        if left.type == t.INT and right.type != t.INT:
            left = self.convert(left, right.type, "the left operand")
        elif right.type == t.INT:
            right = self.convert(right, left.type, "the right operand")
        for side in (left, right):
            if not isinstance(side.type, t.BitsType) and side.type != t.INT:
                self.error(side.span, f"a set of keys is made of integers, not {side.type}")
                return left, right
        if left.type != right.type:
            self.error(expr.span, f"a set of keys needs one type, not {left.type} and {right.type}")
            return left, right
        expr.type = t.SetType(left.type)
        return left, right

    # Casts

    def _cast(self, expr: ast.Cast) -> ast.Expression:
        if expr.ref is None:
            return expr  # made by the checker
        to = self.complete(expr.ref, self.resolve(expr.ref))
        operand = expr.operand = self.infer(expr.operand)
        if is_error(to, operand.type):
            return expr
        if isinstance(
            to, t.StructType | t.HeaderType | t.HeaderUnionType | t.ListType | t.StackType | t.TupleType
        ):
            if isinstance(operand, ast.ListExpr | ast.StructExpr | ast.InvalidHeader) or operand.type == to:
                return self.convert(operand, to, "the value")
        elif explicit_cast_allowed(operand.type, to):
            if operand.type == t.INT and isinstance(to, t.BitsType):
                return self._resized(expr, to)
            expr.type = to
            expr.value = fold_cast(operand.value, operand.type, to)
            return expr
        self.error(expr.span, f"{operand.type} cannot be cast to {to}")
        return with_value(expr, None)

    def _resized(self, expr: ast.Cast, to: t.BitsType) -> ast.Expression:
        """A literal cast to a width: as an implicit cast, but without doubt about what is meant."""
        expr.type = to
        expr.value = fold_cast(expr.operand.value, t.INT, to)
        return expr

    # What can stand where

    def left_value(self, expr: ast.Expression, what: str) -> bool:
        """Whether `expr` can be written to; reported if not."""
        if expr.type == t.UNKNOWN:
            return False
        if not is_left_value(expr):
            self.error(expr.span, f"{what} must be something that can be written to")
            return False
        return True

    def compile_time(self, expr: ast.Expression, what: str) -> bool:
        """Whether `expr` is known when the program is compiled; reported if not."""
        if expr.type != t.UNKNOWN and not is_compile_time(expr):
            self.error(expr.span, f"{what} must be known at compile time")
            return False
        return True


def _untyped(expr: ast.Expression) -> bool:
    """Whether the expression takes its type from what it is used with."""
    if isinstance(expr, ast.ListExpr | ast.StructExpr):
        return isinstance(expr.type, t.TupleType | t.AnonymousStructType)
    return isinstance(expr, ast.InvalidHeader | ast.DefaultValue) or expr.type == t.INT


def _comparable(of: t.Type) -> bool:
    if isinstance(of, t.CompositeType | t.AnonymousStructType):
        return all(_comparable(f.type) for f in of.fields)
    if isinstance(of, t.TupleType):
        return all(map(_comparable, of.elements))
    return not isinstance(
        of,
        t.ExternType
        | t.ParserType
        | t.ControlType
        | t.PackageType
        | t.TableType
        | t.ApplyResultType
        | t.ActionRunType
        | t.CallableType
        | t.TypeVar
        | t.MetaType,
    ) and of not in (t.VOID, t.STATE)
