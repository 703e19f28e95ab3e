"""Expressions: type-value objects of the JSON -> `model.Expr`, with their kinds checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from testbed.p4.switch.loader.cursor import MAX_BITS, Cursor
from testbed.p4.switch.loader.scope import Scope
from testbed.p4.switch.model import (
    VALID,
    Binary,
    Bool,
    Const,
    Expr,
    HeaderField,
    HeaderRef,
    HeaderType,
    Kind,
    Local,
    RegisterCell,
    StackItem,
    StackLast,
    StackRef,
    Ternary,
    Unary,
    UnionMember,
    UnionRef,
    UnionStackItem,
    UnionStackRef,
)

MAX_DEPTH: Final = 250

_ARITHMETIC: Final = frozenset(["+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^"])
_CASTS: Final = frozenset(["two_comp_mod", "usat_cast", "sat_cast"])
_ORDER: Final = frozenset([">", ">=", "<", "<="])
_EQUALITY: Final = frozenset(["==", "!="])
_LOGIC: Final = frozenset(["and", "or"])
_UNARY: Final[dict[str, tuple[Kind, Kind]]] = {
    "not": ("bool", "bool"),
    "~": ("data", "data"),
    "d2b": ("data", "bool"),
    "b2d": ("bool", "data"),
    "valid": ("header", "bool"),
    "valid_union": ("union", "bool"),
}
_STACK_SIZES: Final = frozenset(["last_stack_index", "size_stack"])


class ExpressionLoader:
    """Builds expressions in one place of the program; `locals_` is the number of runtime data there."""

    def __init__(self, scope: Scope, locals_: int = 0) -> None:
        self._scope = scope
        self._locals = locals_
        self._depth = 0

    def load(self, at: Cursor, want: Kind) -> Expr:
        """An expression of a kind; integers and truth values are converted into each other."""
        expr, kind = self.load_any(at)
        if kind == want:
            return expr
        if (kind, want) == ("data", "bool"):
            return Unary("d2b", expr)
        if (kind, want) == ("bool", "data"):
            return Unary("b2d", expr)
        raise at.error(f"expected an expression of kind {want}, got {kind}")

    def load_any(self, at: Cursor) -> tuple[Expr, Kind]:
        """An expression and its kind."""
        kind = at.get("type").text()
        loader = _BY_TYPE.get(kind)
        if loader is None:
            raise at.get("type").error(f"no expression has type '{kind}'")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise at.error(f"expression nested more than {MAX_DEPTH} deep")
        result = loader(self, at.get("value"))
        self._depth -= 1
        return result

    # -- leaves ----------------------------------------------------------------------------------------------

    def _field(self, at: Cursor) -> tuple[Expr, Kind]:
        return self._scope.field_ref(at), "data"

    def _header(self, at: Cursor) -> tuple[Expr, Kind]:
        return self._scope.header(at), "header"

    def _stack(self, at: Cursor) -> tuple[Expr, Kind]:
        return StackRef(self._scope.stack_names.find(at)), "stack"

    def _union(self, at: Cursor) -> tuple[Expr, Kind]:
        return UnionRef(self._scope.union_names.find(at)), "union"

    def _union_stack(self, at: Cursor) -> tuple[Expr, Kind]:
        return UnionStackRef(self._scope.union_stack_names.find(at)), "union_stack"

    def _stack_field(self, at: Cursor) -> tuple[Expr, Kind]:
        stack_at, field_at = at.tuple(2)
        stack = self._scope.stack_names.find(stack_at)
        return StackLast(stack, self._scope.field_of(self._scope.stacks[stack].type, field_at)), "data"

    def _bool(self, at: Cursor) -> tuple[Expr, Kind]:
        return Bool(at.flag()), "bool"

    def _hexstr(self, at: Cursor) -> tuple[Expr, Kind]:
        return Const(at.hexstr()), "data"

    def _local(self, at: Cursor) -> tuple[Expr, Kind]:
        if self._locals == 0:
            raise at.error("there is no runtime data here")
        return Local(at.number(0, self._locals - 1)), "data"

    def _register(self, at: Cursor) -> tuple[Expr, Kind]:
        register_at, index_at = at.tuple(2)
        register = self._scope.register_names.find(register_at)
        return RegisterCell(register, self.load(index_at, "data")), "data"

    # -- operations ------------------------------------------------------------------------------------------

    def _operation(self, at: Cursor) -> tuple[Expr, Kind]:
        if at.opt("type") is not None:  # a parameter of type expression wraps one
            return self.load_any(at)
        op = at.get("op").text()
        if op in _UNARY:
            argument, result = _UNARY[op]
            return Unary(op, self.load(at.get("right"), argument)), result
        if op in _STACK_SIZES:
            return self._stack_size(op, at.get("right"))
        if op in ("+", "-") and at.opt("left") is None:
            return Binary(op, Const(0), self.load(at.get("right"), "data")), "data"
        if op in _CASTS:
            return self._cast(op, at), "data"
        if op in _ARITHMETIC:
            return self._binary(op, at, "data"), "data"
        if op in _ORDER:
            return self._binary(op, at, "data"), "bool"
        if op in _LOGIC:
            return self._binary(op, at, "bool"), "bool"
        if op in _EQUALITY:
            return self._equality(op, at), "bool"
        if op == "?":
            return self._ternary(at)
        return self._access(op, at)

    def _binary(self, op: str, at: Cursor, kind: Kind) -> Expr:
        return Binary(op, self.load(at.get("left"), kind), self.load(at.get("right"), kind))

    def _cast(self, op: str, at: Cursor) -> Expr:
        width = self.load(at.get("right"), "data")
        if not isinstance(width, Const) or not 1 <= width.value <= MAX_BITS:
            raise at.get("right").error(f"'{op}' needs a constant width")
        return Binary(op, self.load(at.get("left"), "data"), width)

    def _equality(self, op: str, at: Cursor) -> Expr:
        left, kind = self.load_any(at.get("left"))
        if kind not in ("data", "bool", "header", "union"):
            raise at.get("left").error(f"values of kind {kind} cannot be compared")
        return Binary(op, left, self.load(at.get("right"), kind))

    def _ternary(self, at: Cursor) -> tuple[Expr, Kind]:
        cond = self.load(at.get("cond"), "bool")
        left, kind = self.load_any(at.get("left"))
        if kind not in ("data", "bool", "header"):
            raise at.error(f"a choice between values of kind {kind}")
        return Ternary(cond, left, self.load(at.get("right"), kind)), kind

    def _stack_size(self, op: str, at: Cursor) -> tuple[Expr, Kind]:
        stack, kind = self.load_any(at)
        if kind not in ("stack", "union_stack"):
            raise at.error(f"expected a stack, got {kind}")
        return Unary(op, stack), "data"

    def _access(self, op: str, at: Cursor) -> tuple[Expr, Kind]:
        if op in ("dereference_header_stack", "dereference_stack"):
            stack = cast(StackRef, self.load(at.get("left"), "stack"))
            return StackItem(stack.stack, self.load(at.get("right"), "data")), "header"
        if op == "dereference_union_stack":
            union_stack = cast(UnionStackRef, self.load(at.get("left"), "union_stack"))
            return UnionStackItem(union_stack.stack, self.load(at.get("right"), "data")), "union"
        if op == "access_field":
            header = self.load(at.get("left"), "header")
            count = len(header_type(self._scope, header).fields)
            position = at.get("right").number(0, count)
            return HeaderField(header, VALID if position == count else position), "data"
        if op == "access_union_header":
            union = self.load(at.get("left"), "union")
            members = len(union_types(self._scope, union))
            return UnionMember(union, at.get("right").number(0, members - 1)), "header"
        raise at.get("op").error(f"unknown operation '{op}'")


def header_type(scope: Scope, expr: Expr) -> HeaderType:
    """The type of an expression of kind header."""
    match expr:
        case StackItem(stack, _):
            return scope.stacks[stack].type
        case UnionMember(union, member):
            return union_types(scope, union)[member]
        case Ternary(_, left, _):
            return header_type(scope, left)
        case _:
            return scope.headers[cast(HeaderRef, expr).header].type


def union_types(scope: Scope, expr: Expr) -> list[HeaderType]:
    """The member types of an expression of kind union."""
    match expr:
        case UnionStackItem(stack, _):
            return [t for _, t in scope.union_members[stack]]
        case _:
            union = scope.unions[cast(UnionRef, expr).union]
            return [scope.headers[h].type for h in union.headers]


_BY_TYPE: Final[dict[str, Callable[[ExpressionLoader, Cursor], tuple[Expr, Kind]]]] = {
    "field": ExpressionLoader._field,
    "header": ExpressionLoader._header,
    "header_stack": ExpressionLoader._stack,
    "header_union": ExpressionLoader._union,
    "header_union_stack": ExpressionLoader._union_stack,
    "stack_field": ExpressionLoader._stack_field,
    "bool": ExpressionLoader._bool,
    "hexstr": ExpressionLoader._hexstr,
    "local": ExpressionLoader._local,
    "runtime_data": ExpressionLoader._local,
    "register": ExpressionLoader._register,
    "expression": ExpressionLoader._operation,
}
