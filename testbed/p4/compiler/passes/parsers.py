"""Parsers: states with structured bodies (`parser_flow` reworks those), selects, value sets."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from testbed.p4.compiler import ast, ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes import tables
from testbed.p4.compiler.passes.narrow import expect
from testbed.p4.compiler.passes.unit import RefusedError

if TYPE_CHECKING:
    from testbed.p4.compiler.passes.body import Body
    from testbed.p4.compiler.passes.values import Env, Instance
    from testbed.p4.compiler.source import Span


def make_value_set(body: Body, decl: ast.ValueSetDecl, prefix: str) -> ir.ValueSet:
    """A value set of a parser."""
    element = body.env.resolve(decl.type)
    if isinstance(element, t.SetType):
        element = element.element
    parts = list(_parts(element))
    width = sum(ir.width_of(body.unit.scalar_type(p, decl.span)) for p in parts)
    name = body.unit.external_name(decl, prefix)
    made = ir.ValueSet(name, width, body.size(decl.size), decl, element)
    body.unit.program.value_sets.append(made)
    return made


def _parts(type_: t.Type) -> list[t.Type]:
    match type_:
        case t.StructType(fields=fields):
            return [p for f in fields for p in _parts(f.type)]
        case t.TupleType(elements):
            return [p for e in elements for p in _parts(e)]
    return [type_]


def run(body: Body, instance: Instance, env: Env) -> None:
    """Elaborate the parser of the package, parameters bound already; its first state comes first."""
    _states(body, instance, env, None)


def enter(body: Body, instance: Instance, env: Env, span: Span) -> None:
    """Append the call of a sub-parser: enter its states, and go on behind the call where they accept."""
    exit_name = body.unit.unique(f"{instance.decl.name}_done")
    start = _states(body, instance, env, exit_name)
    body.out.append(ir.Enter(span, start, exit_name))


def _states(body: Body, instance: Instance, env: Env, accept: str | None) -> str:
    decl = instance.decl
    decl = expect(decl, ast.ParserDecl)
    inside = body.enter_env(env)
    reachable = _reachable(decl)
    names = {s: body.unit.unique(s.name) for s in reachable}
    variables = [d for d in decl.locals if isinstance(d, ast.VariableDecl)]
    first = _initial(inside, decl, variables, names[reachable[0]])
    for state in reachable:
        inside.out = []
        made = ir.State(names[state], [], [], [], state.span)
        body.unit.program.states.append(made)
        inside.statements(state.body)
        try:
            _transition(inside, state, made, names, accept)
        except RefusedError as error:
            body.unit.diagnostics.error(error.span, error.message)
        made.body = inside.out
    return first


def _initial(inside: Body, decl: ast.ParserDecl, variables: list[ast.VariableDecl], start: str) -> str:
    """The state that a parser begins with: `start`, or one before it that initializes variables."""
    inside.out = []
    inside.statements(list(variables))
    if not inside.out:
        return start
    name = inside.unit.unique(f"{decl.name}_init")
    made = ir.State(name, inside.out, [], [ir.Case([], start)], decl.span)
    inside.unit.program.states.append(made)
    return name


def _reachable(decl: ast.ParserDecl) -> list[ast.StateDecl]:
    """The states in order of discovery, `start` first."""
    start = next(s for s in decl.states if s.name == "start")
    found, work = [start], [start]
    while work:
        state = work.pop(0)
        transition = state.transition
        paths = [c.state for c in transition.cases] if isinstance(transition, ast.Select) else [transition]
        for path in paths:
            target = path.decl if path is not None else None
            if isinstance(target, ast.StateDecl) and not target.builtin and target not in found:
                found.append(target)
                work.append(target)
    return found


def _transition(
    body: Body, state: ast.StateDecl, made: ir.State, names: dict[ast.StateDecl, str], accept: str | None
) -> None:
    def target(path: ast.PathExpr | None) -> str | None:
        decl = path.decl if path is not None else None
        if isinstance(decl, ast.StateDecl) and not decl.builtin:
            return names[decl]
        if path is not None and path.name == "accept":
            return accept
        if path is not None:
            body.unit.diagnostics.warn(
                "unsupported", path.span, "explicit transition to reject ends parsing without an error here"
            )
        return None

    transition = state.transition
    if not isinstance(transition, ast.Select):
        made.cases.append(ir.Case([], target(transition)))
        return
    types = _keys(body, transition, made)
    for case in transition.cases:
        _case(body, case, made, target(case.state), types)


def _keys(body: Body, select: ast.Select, made: ir.State) -> list[t.Type]:
    """Set the state's keys; the scalar types of what is selected on."""
    types: list[t.Type] = []
    for value, expr in zip(body.sequence(select.exprs), select.exprs, strict=True):
        if not isinstance(value, ir.Expr) or isinstance(value.type, t.VarbitType):
            raise RefusedError(
                expr.span, f"select on a value of type {body.env.type_of(expr)} is not supported"
            )
        types.append(value.type)
        match value:
            case ir.Field(header=ir.Header() | ir.StackLast()):
                made.keys.append(value)
            case _:
                key = body.unit.scalar("key", value.type)
                body.out.append(ir.Assign(expr.span, key, value))
                made.keys.append(key)
    return types


def _case(body: Body, case: ast.SelectCase, made: ir.State, target: str | None, types: list[t.Type]) -> None:
    if all(isinstance(k, ast.DontCare) for k in case.keys):
        made.cases.append(ir.Case([], target))
        return
    value_set = _value_set(body, case)
    if value_set is not None:
        made.cases.append(ir.Case([], target, value_set.name))
        return
    choices = [
        _masks(tables.key_set(body, k, t_), ir.width_of(t_)) for k, t_ in zip(case.keys, types, strict=True)
    ]
    for keys in product(*choices):
        made.cases.append(ir.Case(list(keys), target))


def _value_set(body: Body, case: ast.SelectCase) -> ir.ValueSet | None:
    for key in case.keys:
        found = body.env.find(key.decl) if isinstance(key, ast.PathExpr) else None
        if isinstance(found, ir.ValueSet):
            if len(case.keys) > 1:
                raise RefusedError(key.span, "a value set next to other keys is not supported by this target")
            return found
    return None


def _masks(keys: ir.KeySet, width: int) -> list[ir.KeyMask]:
    match keys.kind:
        case "any":
            return [ir.KeyMask(0, 0)]
        case "value":
            return [ir.KeyMask(keys.low)]
        case "mask":
            return [ir.KeyMask(keys.low, keys.high)]
    if keys.low > keys.high:  # a signed range that contains zero
        return range_masks(keys.low, (1 << width) - 1, width) + range_masks(0, keys.high, width)
    return range_masks(keys.low, keys.high, width)


def range_masks(low: int, high: int, width: int) -> list[ir.KeyMask]:
    """The fewest aligned blocks that cover low..high, as value and mask."""
    ones, result = (1 << width) - 1, []
    while low <= high:
        size = low & -low if low else 1 << width
        while low + size - 1 > high:
            size >>= 1
        result.append(ir.KeyMask(low, ones & ~(size - 1)))
        low += size
    return result
