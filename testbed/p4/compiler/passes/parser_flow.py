"""Parser states as the target has them: straight code, then one select.

Conditionals become selects on a saved condition; scopes, sub-parsers and what follows them become states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ir
from testbed.p4.compiler import types as t

if TYPE_CHECKING:
    from testbed.p4.compiler.passes.unit import Unit
    from testbed.p4.compiler.source import Span

Ending = tuple[list[ir.Field], list[ir.Case]]


def flatten_states(unit: Unit) -> None:
    """Replace the states of the program by ones whose bodies have no control flow."""
    flow = _Flow(unit)
    for state in unit.program.states:
        flow.add(state.name, state.body, (state.keys, state.cases), state.span)
    unit.program.states = flow.states


def goto(target: str | None) -> Ending:
    """An unconditional transition."""
    return [], [ir.Case([], target)]


class _Flow:
    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.states: list[ir.State] = []
        self.labels: dict[str, str] = {}

    def add(self, name: str, body: list[ir.Stmt], ending: Ending, span: Span) -> None:
        """Add the state of that name, and those that its body needs."""
        state = ir.State(name, [], *ending, span)
        self.states.append(state)
        for i, stmt in enumerate(body):
            rest = body[i + 1 :]
            match stmt:
                case ir.If():
                    state.keys, state.cases = self._conditional(state, stmt, rest, ending)
                    return
                case ir.Scope(label=label, body=inner):
                    end, inside = self.unit.unique(f"{name}_end"), self.unit.unique(f"{name}_in")
                    self.labels[label] = end
                    state.keys, state.cases = goto(inside)
                    self.add(inside, inner, goto(end), stmt.span)
                    self.add(end, rest, ending, span)
                    return
                case ir.Leave(label=label):
                    state.keys, state.cases = goto(self.labels[label])
                    return
                case ir.Enter(entry=entry, resume=resume):
                    state.keys, state.cases = goto(entry)
                    self.add(resume, rest, ending, span)
                    return
            state.body.append(stmt)

    def _conditional(self, state: ir.State, stmt: ir.If, rest: list[ir.Stmt], ending: Ending) -> Ending:
        cond = self.unit.scalar("cond", t.BOOL)
        state.body.append(ir.Assign(stmt.span, cond, stmt.cond))
        then = self.unit.unique(f"{state.name}_true")
        join = self.unit.unique(f"{state.name}_join")
        otherwise = self.unit.unique(f"{state.name}_false") if stmt.otherwise else join
        self.add(then, stmt.then, goto(join), stmt.span)
        if stmt.otherwise:
            self.add(otherwise, stmt.otherwise, goto(join), stmt.span)
        self.add(join, rest, ending, stmt.span)
        return [cond], [ir.Case([ir.KeyMask(1)], then), ir.Case([], otherwise)]
