"""Loops with a number of iterations known at compile time, unrolled (specification 1.2.5, section 12.9).

While a loop is unrolled its counters stand for numbers, so its condition, and conditions inside that depend
on them only, are decided here. The target has no other loops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast, ir
from testbed.p4.compiler.passes import fold, values
from testbed.p4.compiler.passes.syntax import assigned
from testbed.p4.compiler.passes.unit import RefusedError
from testbed.p4.compiler.passes.values import LoopLabels, Value

if TYPE_CHECKING:
    from testbed.p4.compiler.passes.statements import Statements

MAX_ITERATIONS = 4096
UNKNOWN = "the number of iterations of this loop is not known at compile time"


def unroll(body: Statements, stmt: ast.For) -> None:
    """Append a `for (init; condition; update)` loop, iteration by iteration."""
    counters = _counters(body, stmt)
    with _Loop(body, stmt) as loop:
        for _ in range(MAX_ITERATIONS):
            cond = body.scalar(stmt.condition)
            if not isinstance(cond, ir.Const):
                raise RefusedError(stmt.condition.span, UNKNOWN)
            if not cond.value:
                break
            loop.iteration(stmt.body)
            for update in stmt.update:
                _update(body, update, counters)
        else:
            raise RefusedError(stmt.span, f"this loop does not end within {MAX_ITERATIONS} iterations")
    for decl, storage in counters.items():
        if storage is not None:
            body.env.bind(decl, storage)


def _counters(body: Statements, stmt: ast.For) -> dict[ast.Declaration, Value | None]:
    """The loop's variables, bound to numbers; with the storage of those that exist outside the loop."""
    changed = assigned(stmt.body)
    result: dict[ast.Declaration, Value | None] = {}
    for item in stmt.init:
        match item:
            case ast.VariableDecl(init=ast.Expression() as init) if item not in changed:
                body.env.bind(item, _number(body, init))
                result[item] = None
            case ast.Assign(left=ast.PathExpr(decl=ast.VariableDecl() as decl), right=right, op="="):
                storage = body.env.find(decl)
                if decl in changed or not isinstance(storage, ir.Field):
                    raise RefusedError(item.span, UNKNOWN)
                body.assign(storage, _bind(body, decl, _number(body, right)), item.span)
                result[decl] = storage
            case _:
                raise RefusedError(item.span, UNKNOWN)
    return result


def _number(body: Statements, expr: ast.Expression) -> ir.Const:
    found = body.scalar(expr)
    if isinstance(found, ir.Const):
        return found
    raise RefusedError(expr.span, UNKNOWN)


def _bind(body: Statements, decl: ast.Declaration, number: ir.Const) -> ir.Const:
    body.env.bind(decl, number)
    return number


def _update(body: Statements, stmt: ast.Statement, counters: dict[ast.Declaration, Value | None]) -> None:
    if not (
        isinstance(stmt, ast.Assign) and isinstance(stmt.left, ast.PathExpr) and stmt.left.decl in counters
    ):
        raise RefusedError(stmt.span, UNKNOWN)
    decl = stmt.left.decl
    new: ir.Expr = _number(body, stmt.right)
    if stmt.op != "=":
        new = fold.binary(stmt.op[:-1], _number(body, stmt.left), new)
    if not isinstance(new, ir.Const):
        raise RefusedError(stmt.span, UNKNOWN)
    body.env.bind(decl, new)
    storage = counters[decl]
    if storage is not None:
        body.assign(storage, new, stmt.span)


def unroll_over(body: Statements, stmt: ast.ForIn) -> None:
    """Append a `for (variable in collection)` loop, iteration by iteration."""
    with _Loop(body, stmt) as loop:
        for element in _elements(body, stmt.collection):
            _set_variable(body, stmt, element)
            loop.iteration(stmt.body)


def _elements(body: Statements, collection: ast.Expression) -> list[Value]:
    match collection:
        case ast.Range(low=low, high=high):
            first, last = _number(body, low), _number(body, high)
            if last.value - first.value >= MAX_ITERATIONS:
                raise RefusedError(collection.span, f"this range has more than {MAX_ITERATIONS} elements")
            return [ir.Const(n, first.type) for n in range(first.value, last.value + 1)]
        case ast.ListExpr(elements=elements):
            return body.sequence(elements)
    found = body.value(collection)
    match found:
        case ir.Stack(size=size):
            return [found.element(i) for i in range(size)]
        case values.StackLiteral(elements=parts):
            return list(parts)
        case values.StructValue(fields=fields):
            return list(fields.values())
    raise RefusedError(collection.span, "a loop over this collection is not supported")


def _set_variable(body: Statements, stmt: ast.ForIn, element: Value) -> None:
    variable = stmt.variable
    if not isinstance(variable, ast.VariableDecl):
        body.assign(body.target(variable), element, stmt.span)
        return
    type_ = body.env.resolve(variable.type)
    element = body.convert(element, type_, stmt.span)
    if isinstance(element, ir.Const) and variable not in assigned(stmt.body):
        body.env.bind(variable, element)
        return
    storage = body.unit.allocate(type_, variable.name, variable.span)
    body.assign(storage, element, stmt.span)
    body.env.bind(variable, storage)


class _Loop:
    """Collects iterations in a scope that `break` leaves, each in one that `continue` leaves."""

    def __init__(self, body: Statements, stmt: ast.Statement) -> None:
        self.body = body
        self.stmt = stmt
        self.end = body.unit.label()
        self.outer = body.out

    def __enter__(self) -> _Loop:
        self.body.out = []
        return self

    def iteration(self, code: ast.Statement) -> None:
        """Append the loop's body once."""
        body, label = self.body, self.body.unit.label()
        body.frame.loops.append(LoopLabels(self.end, label))
        try:
            inner = body.nested(code)
        finally:
            body.frame.loops.pop()
        body.out.append(ir.Scope(self.stmt.span, label, inner))

    def __exit__(self, failed: object, *_: object) -> None:
        inner, self.body.out = self.body.out, self.outer
        if failed is None:
            self.body.out.append(ir.Scope(self.stmt.span, self.end, inner))
