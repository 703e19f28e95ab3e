"""Clean-up of structured code: scopes that nothing leaves, empty conditionals, what is never reached."""

from __future__ import annotations

from testbed.p4.compiler import ir
from testbed.p4.compiler.passes import fold


def simplify(program: ir.Program) -> None:
    """Simplify all code of the program, in place."""
    for pipeline in program.pipelines:
        pipeline.body = statements(pipeline.body)
    for state in program.states:
        state.body = statements(state.body)
    for action in program.actions:
        action.body = statements(action.body)


def statements(body: list[ir.Stmt]) -> list[ir.Stmt]:
    """The same code in fewer statements."""
    result: list[ir.Stmt] = []
    for stmt in body:
        result += _statement(stmt)
        if result and isinstance(result[-1], ir.Leave | ir.Exit):
            break
    return result


def _statement(stmt: ir.Stmt) -> list[ir.Stmt]:
    match stmt:
        case ir.If():
            return _conditional(stmt)
        case ir.Scope(label=label):
            inner = drop_tail(statements(stmt.body), label)
            if stmt.action is None and not leaves(inner, label):
                return inner
            if not inner:
                return []
            stmt.body = inner
        case ir.Apply():
            for branch in branches(stmt):
                branch[:] = statements(branch)
    return [stmt]


def _conditional(stmt: ir.If) -> list[ir.Stmt]:
    stmt.then, stmt.otherwise = statements(stmt.then), statements(stmt.otherwise)
    if isinstance(stmt.cond, ir.Const):
        return stmt.then if stmt.cond.value else stmt.otherwise
    if not stmt.then:
        if not stmt.otherwise:
            return []
        stmt.cond, stmt.then, stmt.otherwise = fold.unary("!", stmt.cond), stmt.otherwise, []
    return [stmt]


def branches(stmt: ir.Apply) -> list[list[ir.Stmt]]:
    """The code that follows a table, by outcome."""
    return [stmt.hit, stmt.miss, stmt.default, *(body for _, body in stmt.cases)]


def drop_tail(body: list[ir.Stmt], label: str) -> list[ir.Stmt]:
    """The code without those `Leave(label)` that would come to its end anyway."""
    if not body:
        return body
    match last := body[-1]:
        case ir.Leave(label=found) if found == label:
            return drop_tail(body[:-1], label)
        case ir.If():
            last.then, last.otherwise = drop_tail(last.then, label), drop_tail(last.otherwise, label)
            return [*body[:-1], *_conditional(last)]
        case ir.Scope():
            last.body = drop_tail(last.body, label)
        case ir.Apply():
            for branch in branches(last):
                branch[:] = drop_tail(branch, label)
    return body


def can_exit(body: list[ir.Stmt]) -> bool:
    """Whether the code of an action can end the pipeline."""
    for stmt in body:
        match stmt:
            case ir.Exit():
                return True
            case ir.If(then=then, otherwise=otherwise):
                if can_exit(then) or can_exit(otherwise):
                    return True
            case ir.Scope(body=inner):
                if can_exit(inner):
                    return True
    return False


def leaves(body: list[ir.Stmt], label: str) -> bool:
    """Whether the code can leave the scope of that label."""
    for stmt in body:
        match stmt:
            case ir.Leave(label=found):
                if found == label:
                    return True
            case ir.If(then=then, otherwise=otherwise):
                if leaves(then, label) or leaves(otherwise, label):
                    return True
            case ir.Scope(body=inner):
                if leaves(inner, label):
                    return True
            case ir.Apply():
                if any(leaves(branch, label) for branch in branches(stmt)):
                    return True
    return False
