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
                _check_states(declaration, checker)
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


def _check_states(parser: ast.ParserDecl, checker: ScopeKeeper) -> None:
    """From `start` some way must lead to accept or reject."""
    open_states = [s.name for s in parser.states if s.name == "start"]
    by_name = {s.name: s for s in parser.states}
    reached: set[str] = set()
    while open_states:
        name = open_states.pop()
        if name not in reached:
            reached.add(name)
            open_states += _successors(by_name[name]) if name in by_name else []
    if "start" not in by_name:
        return
    if not reached & {"accept", "reject"}:
        checker.error(parser.span, f"the parser {parser.name} never reaches accept or reject")
    elif "accept" not in reached:
        checker.diagnostics.warn("unreachable", parser.span, f"the parser {parser.name} never accepts")
    for state in parser.states:
        if state.transition is None:
            message = f"the state {state.name} has no transition and rejects"
            checker.diagnostics.warn("parser_transition", state.span, message)


def _successors(state: ast.StateDecl) -> list[str]:
    match state.transition:
        case ast.PathExpr(name=name):
            return [name]
        case ast.Select(cases=cases):
            names = [c.state.name for c in cases]
            has_default = any(len(c.keys) == 1 and isinstance(c.keys[0], ast.DontCare) for c in cases)
            return names if has_default else [*names, "reject"]
    return ["reject"]
