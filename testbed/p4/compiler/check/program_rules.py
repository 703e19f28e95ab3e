"""Rules about the program as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.p4.compiler.check.scope import ScopeKeeper

_V1MODEL_VERSIONS = (20180101, 20200408)


def check_program(program: ast.Program, checker: ScopeKeeper) -> None:
    """Report what can only be seen when all declarations are known."""
    for declaration in program.declarations:
        match declaration:
            case ast.ParserDecl():
                _check_reaches_end(declaration, checker)
            case ast.ConstDecl(name="__v1model_version", init=init):
                _check_version(init, checker)
        if declaration.name == "main":
            _check_main(declaration, checker)
    _check_no_action(program, checker)


def _check_main(main: ast.Declaration, checker: ScopeKeeper) -> None:
    if isinstance(main, ast.CallableDecl):
        return  # a function of that name is harmless
    of = main.type if isinstance(main, ast.InstanceDecl) else None
    if of != t.UNKNOWN and not isinstance(of, t.PackageType):
        checker.error(main.span, "main must be an instance of a package, such as V1Switch(...) main")


def _check_version(init: ast.Expression, checker: ScopeKeeper) -> None:
    operand = init.operand if isinstance(init, ast.Cast) else init
    version = operand.value
    first, last = _V1MODEL_VERSIONS
    if isinstance(version, int) and not first <= version <= last:
        checker.error(init.span, f"V1MODEL_VERSION is {first} to {last}, not {version}")


def _check_no_action(program: ast.Program, checker: ScopeKeeper) -> None:
    """Tables without a default action use NoAction of the core library."""
    table = next((t for t in _tables(program) if t.default_action is None), None)
    if table is None:
        return
    found = checker.globals.names.get("NoAction", [])
    if not found:
        message = f"the table {table.name} has no default_action, and there is no NoAction: include core.p4"
        checker.error(table.span, message)
    elif not isinstance(found[0], ast.ActionDecl) or found[0].params or found[0].body.body:
        checker.error(found[0].span, "NoAction is an action without parameters and body, as in core.p4")


def _tables(program: ast.Program) -> Iterator[ast.TableDecl]:
    for declaration in program.declarations:
        if isinstance(declaration, ast.ControlDecl):
            yield from (d for d in declaration.locals if isinstance(d, ast.TableDecl))


def _check_reaches_end(parser: ast.ParserDecl, checker: ScopeKeeper) -> None:
    """From `start` some way must lead to accept or reject."""
    start = next((s for s in parser.states if s.name == "start"), None)
    if start is None:
        return
    seen: set[ast.StateDecl] = set()
    open_states = [start]
    while open_states:
        state = open_states.pop()
        if state.builtin:
            return
        if state in seen:
            continue
        seen.add(state)
        match state.transition:
            case None:
                return
            case ast.PathExpr(decl=target):
                targets = [target]
            case ast.Select(cases=cases):
                targets = [c.state.decl for c in cases]
                if not any(len(c.keys) == 1 and isinstance(c.keys[0], ast.DontCare) for c in cases):
                    return  # no case fits: reject
        open_states += [s for s in targets if isinstance(s, ast.StateDecl)]
        if any(s is None for s in targets):
            return
    checker.error(parser.span, f"the parser {parser.name} never reaches accept or reject")
