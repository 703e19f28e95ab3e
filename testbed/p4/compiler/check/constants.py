"""Which expressions are left-values and which are known at compile time (specification, 6.7 and 18.1)."""

from __future__ import annotations

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t

OUTGOING = (ast.Direction.OUT, ast.Direction.INOUT)


def is_left_value(expr: ast.Expression) -> bool:
    """Whether the expression can be assigned to."""
    match expr:
        case ast.PathExpr(decl=ast.VariableDecl()):
            return True
        case ast.PathExpr(decl=ast.Parameter(direction=direction)):
            return direction in OUTGOING
        case ast.Member(base=base, name=name):
            if isinstance(base.type, t.StackType) and name != "next":
                return False
            return is_left_value(base)
        case ast.Index(base=base) | ast.Slice(base=base) | ast.PlusSlice(base=base):
            return is_left_value(base)
    return False


def written_to(expr: ast.Expression) -> ast.Declaration | None:
    """The declaration of what an assignment to the expression would change, if it has one."""
    while isinstance(expr, ast.Member | ast.Index | ast.Slice | ast.PlusSlice):
        expr = expr.base
    return expr.decl if isinstance(expr, ast.PathExpr) else None


def is_compile_time(expr: ast.Expression) -> bool:
    """Whether the expression is known once the program is instantiated.

    Such are constants, instances, constructor calls and directionless parameters, and what is made of them.
    """
    if expr.value is not None:
        return True
    match expr:
        case ast.PathExpr(decl=declaration):
            if isinstance(declaration, ast.Parameter):
                return declaration.direction is ast.Direction.NONE
            return isinstance(declaration, ast.ConstDecl | ast.InstanceDecl)
        case ast.Member(base=base):
            return isinstance(base.type, t.MetaType) or is_compile_time(base)
        case ast.Call(kind=ast.CallKind.CONSTRUCTOR) | ast.InvalidHeader() | ast.DefaultValue():
            return True
        case ast.Call():
            return isinstance(expr.type, t.ExternType) or _is_size(expr) or _is_pure(expr)
        case ast.Cast(operand=operand) | ast.Unary(operand=operand):
            return is_compile_time(operand)
        case ast.Binary(left=left, right=right) | ast.Mask(left=left, right=right):
            return is_compile_time(left) and is_compile_time(right)
        case ast.Range(low=low, high=high):
            return is_compile_time(low) and is_compile_time(high)
        case ast.Ternary(condition=condition, then=then, otherwise=otherwise):
            return is_compile_time(condition) and is_compile_time(then) and is_compile_time(otherwise)
        case ast.Slice(base=base):
            return is_compile_time(base)
        case ast.Index(base=base, index=index) | ast.PlusSlice(base=base, low=index):
            return is_compile_time(base) and is_compile_time(index)
        case ast.ListExpr(elements=elements):
            return all(map(is_compile_time, elements))
        case ast.StructExpr(fields=fields):
            return all(is_compile_time(f.expr) for f in fields)
    return False


def _is_pure(call: ast.Call) -> bool:
    """Whether the call is of a `@pure` function with arguments known at compile time."""
    if not isinstance(call.decl, ast.ExternFunctionDecl) or call.decl.annotation("pure") is None:
        return False
    return all(a.expr is not None and is_compile_time(a.expr) for a in call.bound)


def _is_size(call: ast.Call) -> bool:
    return call.builtin.startswith(("minSizeIn", "maxSizeIn"))
