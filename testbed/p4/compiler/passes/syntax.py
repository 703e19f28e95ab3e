"""Questions about the tree that need no types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from testbed.p4.compiler import ast


def walk(node: object) -> Iterator[ast.Node]:
    """A node and everything below it, as written (resolved declarations are not followed)."""
    if isinstance(node, list):
        for part in node:
            yield from walk(part)
    elif isinstance(node, ast.Node):
        yield node
        for f in fields(node):
            if f.init:
                yield from walk(getattr(node, f.name))


def root(expr: ast.Expression | None) -> ast.Declaration | None:
    """The declaration of the variable that an expression is part of, or None."""
    while isinstance(expr, ast.Member | ast.Index | ast.Slice):
        expr = expr.base
    if isinstance(expr, ast.Cast):
        return root(expr.operand)
    return expr.decl if isinstance(expr, ast.PathExpr) else None


def assigned(code: ast.Node) -> set[ast.Declaration]:
    """The variables that code may change."""
    found: set[ast.Declaration | None] = set()
    for node in walk(code):
        match node:
            case ast.Assign(left=left):
                found.add(root(left))
            case ast.Call(bound=bound, receiver=receiver):
                found |= {
                    root(b.expr)
                    for b in bound
                    if b.param.direction in (ast.Direction.OUT, ast.Direction.INOUT)
                }
                found.add(root(receiver))
            case ast.ForIn(variable=ast.Expression() as variable):
                found.add(root(variable))
    return {decl for decl in found if decl is not None}


def may_leave_unset(body: ast.Block, param: ast.Parameter) -> bool:
    """Whether an `out` parameter may be read before it is set, or stay unset: False only if it cannot."""
    return param.direction is ast.Direction.OUT and not _sets(body, param)


def _sets(node: object, param: ast.Parameter) -> bool:
    """Whether all of a parameter is set for certain, and not used before."""
    match node:
        case ast.Block(body=body):
            for item in body:
                if _sets(item, param):
                    return True
                if _uses_or_leaves(item, param):
                    return False
        case ast.If(condition=condition, then=then, otherwise=otherwise):
            return not _uses_or_leaves(condition, param) and _sets(then, param) and _sets(otherwise, param)
        case ast.Assign(left=ast.PathExpr(decl=decl), right=right, op="="):
            return decl is param and not _uses_or_leaves(right, param)
    return False


def _uses_or_leaves(node: object, param: ast.Parameter) -> bool:
    return any(
        isinstance(n, ast.Return | ast.Exit) or (isinstance(n, ast.PathExpr) and n.decl is param)
        for n in walk(node)
    )
