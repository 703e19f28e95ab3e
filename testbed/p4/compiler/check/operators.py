"""Operators and casts (P4_16 specification 1.2.5, sections 8.5 to 8.12)."""

from __future__ import annotations

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.check import folding
from testbed.p4.compiler.check.conversions import (
    Conversions,
    explicit_cast_allowed,
    fold_cast,
    untyped,
    with_value,
)
from testbed.p4.compiler.check.scope import is_error

_SHIFTS = ("<<", ">>")
_LOGICAL = ("&&", "||")
_EQUALITY = ("==", "!=")
_ORDER = ("<", ">", "<=", ">=")
_SATURATING = ("|+|", "|-|")
MAX_INT_BITS = 1 << 17
"""Compile-time integers may not grow beyond this many bits."""


class OperatorChecker(Conversions):
    """Types and values of operators and casts."""

    def infer(self, expr: ast.Expression) -> ast.Expression:
        """Type an expression; see `ExpressionChecker`."""
        raise NotImplementedError

    def unwrap_enum(self, expr: ast.Expression) -> ast.Expression:
        """A serializable enum's value as its number."""
        if isinstance(expr.type, t.SerEnumType):
            return self.cast(expr, expr.type.underlying)
        return expr

    def unary(self, expr: ast.Unary) -> None:
        """Type `!`, `-`, `+` and `~`."""
        operand = expr.operand = self.infer(expr.operand)
        if expr.op == "!":
            if operand.type == t.BOOL:
                expr.type = t.BOOL
                expr.value = None if operand.value is None else not operand.value
            elif operand.type != t.UNKNOWN:
                self.error(expr.span, f"! needs a bool, not {operand.type}")
            return
        operand = expr.operand = self.unwrap_enum(operand)
        if operand.type == t.UNKNOWN:
            return
        if not isinstance(operand.type, t.BitsType) and (expr.op == "~" or operand.type != t.INT):
            needs = "an integer with a width" if expr.op == "~" else "an integer"
            self.error(expr.span, f"{expr.op} needs {needs}, not {operand.type}")
            return
        expr.type = operand.type
        if operand.value is not None:
            expr.value = folding.unary(expr.op, operand.value, operand.type)

    def binary(self, expr: ast.Binary) -> None:
        """Type the infix operators."""
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
        left = expr.left = self.unwrap_enum(expr.left)
        right = expr.right = self.unwrap_enum(expr.right)
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
        if expr.op in ("/", "%") and isinstance(expr.right.value, int) and expr.right.value < 0:
            raise folding.FoldError(f"{expr.op} is not defined on negative numbers")
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
        left = expr.left = self.unwrap_enum(expr.left)
        right = expr.right = self.unwrap_enum(expr.right)
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
        left = expr.left = self.unwrap_enum(expr.left)
        right = expr.right = self.unwrap_enum(expr.right)
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
        if untyped(left) and not untyped(right):
            left = expr.left = self.convert(left, right.type, "the left operand")
        elif untyped(right) and not untyped(left):
            right = expr.right = self.convert(right, left.type, "the right operand")
        elif isinstance(left, ast.StructExpr) and isinstance(right, ast.StructExpr) and untyped(left):
            self.error(expr.span, "two structures without a type cannot be compared: cast one of them")
            return
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
        return expr if expr.type == other else self.unwrap_enum(expr)

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

    def ternary(self, expr: ast.Ternary) -> None:
        """Type `condition ? then : otherwise`."""
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
        elif untyped(then):
            then = expr.then = self.convert(then, otherwise.type, "the first branch of ?")
        elif untyped(otherwise) or then.type != otherwise.type:
            otherwise = expr.otherwise = self.convert(otherwise, then.type, "the second branch of ?")
        expr.type = then.type
        if condition.value is not None:
            expr.value = then.value if condition.value else otherwise.value

    def set_operands(
        self, expr: ast.Mask | ast.Range, left: ast.Expression, right: ast.Expression
    ) -> tuple[ast.Expression, ast.Expression]:
        """The operands of &&& and .. brought to one type."""
        left, right = self.unwrap_enum(self.infer(left)), self.unwrap_enum(self.infer(right))
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

    def cast_expression(self, expr: ast.Cast) -> ast.Expression:
        """Type an explicit cast."""
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
            if to == t.BOOL and operand.type == t.INT and operand.value not in (0, 1, None):
                self.error(expr.span, f"only 0 and 1 can be cast to bool, not {operand.value}")
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
