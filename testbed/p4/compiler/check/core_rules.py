"""What the core library's functions take, beyond their declared types (specification, 13.8 and 16)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t

if TYPE_CHECKING:
    from testbed.p4.compiler.check.scope import ScopeKeeper


def check_core_call(call: ast.Call, checker: ScopeKeeper) -> None:
    """Report what is wrong with a resolved call of packet_in, packet_out or verify."""
    match call.decl:
        case ast.ExternFunctionDecl(name="verify"):
            if checker.enclosing(ast.ParserDecl) is None:
                checker.error(call.span, "verify can be called in parsers only")
        case ast.MethodDecl(name=name, owner=ast.ExternDecl(name="packet_in")) if (
            call.bound or call.bound_types
        ):
            if name == "extract":
                _check_extract(call, checker)
            elif name == "lookahead":
                _check_lookahead(call, checker)
        case ast.MethodDecl(name="emit", owner=ast.ExternDecl(name="packet_out")) if call.bound:
            of = call.bound[0].type
            if of != t.UNKNOWN and not _can_be_emitted(of):
                checker.error(call.span, f"emit takes headers and what is made of headers, not {of}")


def _check_extract(call: ast.Call, checker: ScopeKeeper) -> None:
    of = call.bound[0].type
    if of in (t.UNKNOWN, t.DONT_CARE):
        return
    if not isinstance(of, t.HeaderType):
        checker.error(call.args[0].span, f"extract takes a header, not {of}")
    elif len(call.bound) == 1 and has_varbit(of):
        message = f"{of} has a varbit field: extract needs its size in bits as a second argument"
        checker.error(call.args[0].span, message)
    elif sum(isinstance(f.type, t.VarbitType) for f in of.fields) > 1:
        checker.error(call.args[0].span, f"{of} has several varbit fields, and extract can read one")
    elif len(call.bound) == 2 and not has_varbit(of):
        checker.error(call.args[0].span, f"{of} has no varbit field: extract takes no size for it")


def _check_lookahead(call: ast.Call, checker: ScopeKeeper) -> None:
    of = call.bound_types[0]
    if of == t.VOID or has_varbit(of):
        checker.error(call.span, f"lookahead needs a type of fixed size, not {of}")


def has_varbit(of: t.Type) -> bool:
    """Whether a part of the type has no fixed size."""
    return t.contains(of, lambda part: isinstance(part, t.VarbitType | t.HeaderUnionType))


def _can_be_emitted(of: t.Type) -> bool:
    match of:
        case t.HeaderType() | t.HeaderUnionType() | t.StackType() | t.TypeVar():
            return True
        case t.StructType(fields=fields) | t.AnonymousStructType(fields=fields):
            return all(_can_be_emitted(f.type) for f in fields)
        case t.TupleType(elements):
            return all(map(_can_be_emitted, elements))
    return False
