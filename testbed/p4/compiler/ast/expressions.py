"""Types as written, and expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from testbed.p4.compiler import types as t
from testbed.p4.compiler.ast.base import CallKind, Node, filled, node

if TYPE_CHECKING:
    from testbed.p4.compiler.ast.declarations import (
        CallTarget,
        Declaration,
        EnumMember,
        ErrorMember,
        FieldDecl,
        MethodDecl,
        Parameter,
        TypeDecl,
        TypeParam,
    )


@node
class TypeRef(Node):
    """A type as written; `type` is its meaning."""

    type: t.Type = filled(t.UNKNOWN)


@node
class BaseTypeRef(TypeRef):
    """`bool`, `error`, `match_kind`, `string`, `int`, `void`, `_`."""

    name: str


@node
class BitsTypeRef(TypeRef):
    """`bit<w>`, `int<w>`, `varbit<w>`; `width` may be any constant expression. `bit` alone has None."""

    keyword: str
    width: Expression | None


@node
class TypeName(TypeRef):
    """A name of a type, `.name` if `absolute`."""

    name: str
    absolute: bool = False
    decl: TypeDecl | TypeParam | None = filled()


@node
class SpecializedTypeRef(TypeRef):
    """`base<args>`."""

    base: TypeName
    args: list[TypeRef]


@node
class StackTypeRef(TypeRef):
    """`element[size]`."""

    element: TypeRef
    size: Expression


@node
class TupleTypeRef(TypeRef):
    """`tuple<...>`, or `list<e>` with keyword "list" and one element."""

    keyword: str
    elements: list[TypeRef]


Constant = Any
"""Folded value: int, bool, str, EnumMember or ErrorMember (the declaration; of serializable enums the int),
tuple of Constant (elements, or struct fields in order), or None where it is not known at compile time."""


@node
class Expression(Node):
    """An expression; `value` is its value where known at compile time (see `Constant`)."""

    type: t.Type = filled(t.UNKNOWN)
    value: Constant = filled()


@node
class IntLiteral(Expression):
    """An integer; `width` None for `int`. `base` (2, 8, 10, 16) is the one written."""

    number: int
    width: int | None = None
    signed: bool = False
    base: int = 10


@node
class BoolLiteral(Expression):
    """`true` or `false`."""

    literal: bool


@node
class StringLiteral(Expression):
    """A string, escapes resolved."""

    text: str


@node
class PathExpr(Expression):
    """A name, `.name` if `absolute`."""

    name: str
    absolute: bool = False
    decl: Declaration | None = filled()


@node
class TypeNameExpr(Expression):
    """A type used as the base of a member or call: `E.A`, `error.X`, `P.apply()`, `Extern<T>(...)`."""

    ref: TypeRef


@node
class ThisExpr(Expression):
    """`this`, inside abstract method bodies."""


@node
class Member(Expression):
    """`base.name`: a field, enum or error member, stack property, apply result or method.

    `decl` is the FieldDecl, EnumMember, ErrorMember or MethodDecl; None for built-in properties
    (`next`, `last`, `lastIndex`, `size`, `hit`, `miss`, `action_run`) and methods.
    """

    base: Expression
    name: str
    decl: FieldDecl | EnumMember | ErrorMember | MethodDecl | None = filled()


@node
class Index(Expression):
    """`base[index]` of a header stack, tuple or list."""

    base: Expression
    index: Expression


@node
class Slice(Expression):
    """`base[high:low]`. The bounds have folded values."""

    base: Expression
    high: Expression
    low: Expression


@node
class PlusSlice(Expression):
    """`base[low+:width]` with a `low` known at run time only; with a constant one it became a Slice."""

    base: Expression
    low: Expression
    width: Expression


@node
class Unary(Expression):
    """`op` is one of `-`, `+`, `~`, `!`."""

    op: str
    operand: Expression


@node
class Binary(Expression):
    """`op` as written: `* / % + - |+| |-| << >> & ^ | ++ == != < <= > >= && ||`."""

    op: str
    left: Expression
    right: Expression


@node
class Ternary(Expression):
    """`condition ? then : otherwise`."""

    condition: Expression
    then: Expression
    otherwise: Expression


@node
class Cast(Expression):
    """`(ref) operand`; `type` is the target. `ref` is None when implicit (made by the checker)."""

    ref: TypeRef | None
    operand: Expression
    implicit: bool = False


@node
class Argument(Node):
    """An argument as written; `expr` is a `DontCare` for `_`."""

    name: str | None
    expr: Expression


@node
class BoundArg:
    """One parameter of a resolved call with what it gets.

    `type` has type arguments substituted. `expr` is None for `_` (an ignored `out`), for an `@optional`
    parameter left out, and in action lists for control-plane parameters; default values are filled in.
    """

    param: Parameter
    type: t.Type
    expr: Expression | None


@node
class Call(Expression):
    """A function, method, action, apply or constructor call; see `CallKind` for the resolution."""

    func: Expression
    type_args: list[TypeRef]
    args: list[Argument]
    kind: CallKind = filled(CallKind.BUILTIN)
    decl: CallTarget | None = filled()
    receiver: Expression | None = filled()
    builtin: str = filled("")
    bound_types: tuple[t.Type, ...] = filled(())
    bound: list[BoundArg] = filled(())


@node
class ListExpr(Expression):
    """`{a, b}`: type TupleType, ListType or StackType when checked (else it became a StructExpr)."""

    elements: list[Expression]


@node
class NamedExpr(Node):
    """`name = expr` inside a StructExpr."""

    name: str
    expr: Expression


@node
class StructExpr(Expression):
    """`{a = x, b = y}`; of a HeaderType it is a valid header."""

    fields: list[NamedExpr]


@node
class InvalidHeader(Expression):
    """`{#}`."""


@node
class DefaultValue(Expression):
    """`...` in an initializer; the checker replaces it."""


@node
class DontCare(Expression):
    """`_` as an argument or in a keyset, and `default` in a keyset."""

    keyword: str = "_"


@node
class Mask(Expression):
    """`left &&& right`, a set."""

    left: Expression
    right: Expression


@node
class Range(Expression):
    """`low .. high`, a set."""

    low: Expression
    high: Expression
