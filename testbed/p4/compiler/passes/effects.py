"""What code reads and writes, to keep the order of side effects when expressions are moved.

A place is a triple: the instance or stack, the element (None for any of a stack), the field (None for all of
it with validity).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from testbed.p4.compiler import ir

Place = tuple[str, int | None, str | None]


def place_of(header: ir.Storage, field: str | None = None) -> Place:
    """The place of a field of a header, or of all of it. A union is one place with all its headers."""
    match header:
        case ir.Header(stack=str(stack), index=index):
            return stack, index, None if header.in_union else field
        case ir.Header(name=name):
            return name, None, field
        case ir.Stack(name=name) | ir.Union(name=name) | ir.UnionStack(name=name):
            return name.partition("[")[0], None, None
        case ir.UnionStackMember(element=element):
            return element.stack.name, None, None
        case ir.StackElement(stack=s) | ir.StackNext(stack=s) | ir.StackLast(stack=s):
            return s.name, None, field
    raise AssertionError(header)


def overlap(a: Place, b: Place) -> bool:
    """Whether two places may be the same."""
    return a[0] == b[0] and all(x is None or y is None or x == y for x, y in zip(a[1:], b[1:], strict=True))


def disjoint(some: Iterable[Place], others: Iterable[Place]) -> bool:
    """Whether no place of the one may be one of the other."""
    others = list(others)
    return not any(overlap(a, b) for a in some for b in others)


def reads(expr: object) -> Iterator[Place]:
    """The places that a value depends on."""
    match expr:
        case ir.Field(header, name):
            yield place_of(header, name)
            yield from _index_reads(header)
        case ir.Unary(operand=operand) | ir.Cast(operand=operand):
            yield from reads(operand)
        case ir.Binary(left=left, right=right):
            yield from reads(left)
            yield from reads(right)
        case ir.Ternary(cond, then, otherwise):
            for part in (cond, then, otherwise):
                yield from reads(part)
        case ir.IsValid(header):
            yield place_of(header, ir.VALID)
            yield from _index_reads(header)
        case ir.LastIndex(stack):
            yield place_of(stack)
        case ir.HeaderRef() | ir.Stack() | ir.Union() | ir.UnionStack():
            yield place_of(expr)
            yield from _index_reads(expr)
        case tuple():
            for part in expr:
                yield from reads(part)


def _index_reads(header: ir.Storage) -> Iterator[Place]:
    match header:
        case ir.StackElement(_, index):
            yield from reads(index)
        case ir.StackLast(stack) | ir.StackNext(stack):
            yield place_of(stack)
        case ir.UnionStackMember(element=element):
            yield place_of(element.stack)


def writes(statements: Iterable[ir.Stmt]) -> Iterator[Place]:
    """The places that statements may change."""
    for stmt in statements:
        match stmt:
            case ir.Assign(target=target):
                yield place_of(target.header, target.name)
            case ir.AssignHeader(target=header) | ir.SetValid(header=header) | ir.Extract(header=header):
                yield place_of(header)
            case ir.AssignStack(target=stack) | ir.Shift(stack=stack) | ir.AssignUnionStack(target=stack):
                yield place_of(stack)
            case ir.Primitive(args=args):
                yield from _primitive_writes(stmt, args)
            case ir.If(then=then, otherwise=otherwise):
                yield from writes(then)
                yield from writes(otherwise)
            case ir.Scope(body=body):
                yield from writes(body)
            case ir.Apply():
                yield from _apply_writes(stmt)


def _primitive_writes(stmt: ir.Primitive, args: list[ir.Operand]) -> Iterator[Place]:
    for position in stmt.writes:
        match args[position]:
            case ir.Field(header, name):
                yield place_of(header, name)
            case ir.HeaderRef() as header:
                yield place_of(header)


def _apply_writes(stmt: ir.Apply) -> Iterator[Place]:
    for use in stmt.table.uses:
        yield from writes(use.action.body)
    if stmt.table.meter is not None and stmt.table.meter.result is not None:
        result = stmt.table.meter.result
        yield place_of(result.header, result.name)
    for body in (stmt.hit, stmt.miss, stmt.default, *(body for _, body in stmt.cases)):
        yield from writes(body)
