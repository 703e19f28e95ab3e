"""Warnings for values that are read before they are set.

Walks every parser, control and function along its possible executions with the set of places (variables and
fields of variables) that may still be unset. Actions and tables are entered where they are called. Elements
of header stacks and members of unions are not followed; a whole header is never unset: it starts invalid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.check.annotations import is_silenced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from testbed.p4.compiler.diagnostics import Diagnostics

USE = "uninitialized_use"
OUT_PARAM = "uninitialized_out_param"
_OUTGOING = (ast.Direction.OUT, ast.Direction.INOUT)

Place = tuple[ast.Declaration, tuple[str, ...]]
State = set[Place] | None
"""The places that may be unset; None where execution does not come."""


@dataclass(slots=True)
class _Exits:
    """Where execution leaves a body other than at its end."""

    returns: list[State] = field(default_factory=list)
    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


def warn_uninitialized(program: ast.Program, used: set[ast.Declaration], diagnostics: Diagnostics) -> None:
    """Warn of reads of unset places and of `out` parameters that may stay unset, in what is `used`."""
    for declaration in program.declarations:
        if declaration not in used:
            continue
        match declaration:
            case ast.ControlDecl():
                _Walker(used, diagnostics).control(declaration)
            case ast.ParserDecl():
                _Walker(used, diagnostics).parser(declaration)
            case ast.FunctionDecl():
                _Walker(used, diagnostics).function(declaration)


class _Walker:
    def __init__(self, used: set[ast.Declaration], diagnostics: Diagnostics) -> None:
        self.used = used
        self.diagnostics = diagnostics
        self.state: State = set()
        self.exits = _Exits()
        self.silent = 0
        self.applied: dict[tuple[ast.TableDecl, frozenset[Place]], State] = {}

    # Whole declarations

    def control(self, control: ast.ControlDecl) -> None:
        self._enter(control.params)
        self.silent += is_silenced(control.annotations, USE)
        for declaration in control.locals:
            if isinstance(declaration, ast.VariableDecl):
                self._variable(declaration)
        self._statement(control.body)
        self._leave(control, control.params)

    def function(self, function: ast.FunctionDecl) -> None:
        self._enter(function.params)
        self.silent += is_silenced(function.annotations, USE)
        self._statement(function.body)
        self._leave(function, function.params)

    def parser(self, parser: ast.ParserDecl) -> None:
        self._enter(parser.params)
        for declaration in parser.locals:
            if isinstance(declaration, ast.VariableDecl):
                self._variable(declaration)
        states = {s.name: s for s in parser.states}
        before: dict[str, State] = {"start": self.state}
        waiting = ["start"]
        self.silent += 1
        while waiting:
            name = waiting.pop()
            for successor, state in self._parser_state(states.get(name), before[name]):
                joined = _join([before.get(successor), state])
                if successor not in before or joined != before[successor]:
                    before[successor] = joined
                    waiting.append(successor)
        self.silent -= 1
        self.silent += is_silenced(parser.annotations, USE)
        for state_decl in parser.states:
            if state_decl.name in before:
                self._parser_state(state_decl, before[state_decl.name])
        self.state = before.get("accept")
        self._leave(parser, parser.params)

    def _parser_state(self, state: ast.StateDecl | None, before: State) -> list[tuple[str, State]]:
        """The successors of a state with what is unset when they are entered."""
        if state is None:
            return []
        self.state = _copy(before)
        for item in state.body:
            self._item(item)
        match state.transition:
            case ast.PathExpr(name=name):
                return [(name, self.state)]
            case ast.Select(exprs=exprs, cases=cases):
                for expr in exprs:
                    self._read(expr)
                for case in cases:
                    for key in case.keys:
                        self._read(key)
                return [(case.state.name, self.state) for case in cases]
        return []

    def _enter(self, params: list[ast.Parameter]) -> None:
        for param in params:
            if param.direction is ast.Direction.OUT:
                self._unset(param, param.type)

    def _leave(self, declaration: ast.Declaration, params: list[ast.Parameter]) -> None:
        """At the end of a callable, every `out` parameter should be set."""
        self.state = final = _join([self.state, *self.exits.returns])
        for param in params:
            if param.direction is not ast.Direction.OUT or not final or self.silent:
                continue
            if any(_counts(param.type, path) for owner, path in final if owner is param):
                message = f"{param.name} may be unset when {declaration.name} ends"
                if not is_silenced(param.annotations, OUT_PARAM):
                    self.diagnostics.warn(OUT_PARAM, param.span, message)

    # Places

    def _unset(self, declaration: ast.Declaration, of: t.Type) -> None:
        if self.state is not None:
            self.state.update((declaration, path) for path in _leaves(of))

    def _set(self, place: Place | None) -> None:
        if place is None or not self.state:
            return
        declaration, path = place
        length = len(path)
        self.state -= {p for p in self.state if p[0] is declaration and p[1][:length] == path}

    def _use(self, place: Place, expr: ast.Expression) -> None:
        if not self.state:
            return
        declaration, path = place
        length = len(path)
        unset = {
            p
            for p in self.state
            if p[0] is declaration and p[1][:length] == path and _counts(expr.type, p[1][length:])
        }
        if unset and not self.silent:
            name = ".".join((declaration.name, *path))
            self.diagnostics.warn(USE, expr.span, f"{name} may be read before it is set")

    # Statements

    def _item(self, item: ast.Statement | ast.Declaration) -> None:
        if isinstance(item, ast.VariableDecl):
            self._variable(item)
        elif isinstance(item, ast.Statement) and self.state is not None:
            self._statement(item)

    def _variable(self, declaration: ast.VariableDecl) -> None:
        if declaration.init is not None:
            if declaration in self.used or isinstance(declaration.init, ast.Call):
                self._read(declaration.init)
            self._set((declaration, ()))
        elif not is_silenced(declaration.annotations, USE):
            self._unset(declaration, declaration.type)

    def _statement(self, statement: ast.Statement) -> None:
        match statement:
            case ast.Assign(left=left, right=right, op=op):
                self._read(right)
                self._assign(left, compound=op != "=")
            case ast.CallStatement(call=call):
                self._read(call)
            case ast.Block(body=body, annotations=annotations):
                silenced = is_silenced(annotations, USE)
                self.silent += silenced
                for item in body:
                    self._item(item)
                self.silent -= silenced
            case ast.If():
                self._if(statement)
            case ast.Switch():
                self._switch(statement)
            case ast.Return(expr=expr):
                if expr is not None:
                    self._read(expr)
                self.exits.returns.append(self.state)
                self.state = None
            case ast.Exit():
                self.state = None
            case ast.Break():
                self.exits.breaks.append(self.state)
                self.state = None
            case ast.Continue():
                self.exits.continues.append(self.state)
                self.state = None
            case ast.For() | ast.ForIn():
                self._loop(statement)

    def _assign(self, left: ast.Expression, *, compound: bool = False) -> None:
        """Write to a left-value; what selects the element is read."""
        if compound:
            self._read(left)
        else:
            self._read_selectors(left)
        self._set(_place(left))

    def _read_selectors(self, left: ast.Expression) -> None:
        match left:
            case ast.Index(base=base, index=index):
                self._read_selectors(base)
                self._read(index)
            case ast.PlusSlice(base=base, low=low):
                self._read_selectors(base)
                self._read(low)
            case ast.Member(base=base) | ast.Slice(base=base):
                self._read_selectors(base)

    def _if(self, statement: ast.If) -> None:
        """A chain of if and else if, without recursion."""
        ends: list[State] = []
        current: ast.Statement | None = statement
        while isinstance(current, ast.If):
            self._read(current.condition)
            known = current.condition.value
            before = self.state
            if known is not False:
                self.state = _copy(before)
                self._statement(current.then)
                ends.append(self.state)
            self.state = None if known is True else before
            current = current.otherwise
            if self.state is None:
                break
        if current is not None and self.state is not None:
            self._statement(current)
        self.state = _join([*ends, self.state])

    def _switch(self, statement: ast.Switch) -> None:
        self._read(statement.subject)
        before = self.state
        ends: list[State] = []
        for case in statement.cases:
            if case.block is not None:
                self.state = _copy(before)
                self._statement(case.block)
                ends.append(self.state)
        if not any(c.label is None for c in statement.cases):
            ends.append(before)
        self.state = _join(ends)

    def _loop(self, statement: ast.For | ast.ForIn) -> None:
        outer = self.exits
        self.exits = _Exits(outer.returns)
        if isinstance(statement, ast.For):
            for item in statement.init:
                self._item(item)
        else:
            self._read(statement.collection)
            if isinstance(statement.variable, ast.VariableDecl):
                self._set((statement.variable, ()))
            else:
                self._assign(statement.variable)
        entry = self.state
        while True:
            self.state = _copy(entry)
            if isinstance(statement, ast.For):
                self._read(statement.condition)
            skipped = _copy(self.state)
            self._statement(statement.body)
            self.state = _join([self.state, *self.exits.continues])
            if isinstance(statement, ast.For):
                for update in statement.update:
                    self._item(update)
            joined = _join([entry, self.state])
            if joined == entry:
                break
            entry = joined
        self.state = _join([skipped, *self.exits.breaks])
        self.exits = outer

    # Expressions

    def _read(self, expr: ast.Expression) -> None:
        match expr:
            case ast.PathExpr() | ast.Member():
                place = _place(expr)
                if place is not None:
                    self._use(place, expr)
                elif isinstance(expr, ast.Member):
                    self._read_base(expr)
            case ast.Call():
                self._call(expr)
            case ast.Index(base=base, index=index):
                self._read(index)
                self._read(base)
            case ast.PlusSlice(base=base, low=low):
                self._read(base)
                self._read(low)
            case _ if expr.value is None:
                for child in _operands(expr):
                    self._read(child)

    def _read_base(self, expr: ast.Member) -> None:
        if isinstance(expr.base.type, t.StackType):
            self._read_selectors(expr.base)
        elif not isinstance(expr.base, ast.TypeNameExpr):
            self._read(expr.base)

    def _call(self, call: ast.Call) -> None:
        self._arguments(call.bound)
        match call.kind:
            case ast.CallKind.ACTION if isinstance(call.decl, ast.ActionDecl):
                self._action(call.decl)
            case ast.CallKind.TABLE_APPLY if isinstance(call.decl, ast.TableDecl):
                self._table(call.decl)
        for arg in call.bound:
            if arg.expr is not None and arg.param.direction in _OUTGOING:
                self._set(_place(arg.expr))

    def _arguments(self, bound: Iterable[ast.BoundArg]) -> None:
        for arg in bound:
            if arg.expr is None:
                continue
            if arg.param.direction is ast.Direction.OUT:
                self._read_selectors(arg.expr)
            else:
                self._read(arg.expr)

    def _action(self, action: ast.ActionDecl) -> None:
        """Run an action's body; what it returns early joins its end."""
        outer, self.exits = self.exits, _Exits()
        silenced = is_silenced(action.annotations, USE)
        self.silent += silenced
        self._enter(action.params)
        self._statement(action.body)
        self._leave(action, action.params)
        self.silent -= silenced
        for param in action.params:
            self._set((param, ()))
        self.exits = outer

    def _table(self, table: ast.TableDecl) -> None:
        """Apply a table: any of its actions may run."""
        for key in table.keys or ():
            self._read(key.expr)
        before = self.state
        if before is None:
            return
        memo = (table, frozenset(before))
        if memo not in self.applied:
            ends: list[State] = []
            for ref in table.actions:
                self.state = _copy(before)
                if ref.decl is not None:
                    self._arguments(ref.bound)
                    self._action(ref.decl)
                ends.append(self.state)
            if table.default_action is None:
                ends.append(before)
            self.applied[memo] = _join(ends)
        self.state = _copy(self.applied[memo])


def _copy(state: State) -> State:
    return None if state is None else set(state)


def _join(states: list[State]) -> State:
    """What may be unset where several executions meet."""
    coming = [s for s in states if s is not None]
    return set().union(*coming) if coming else None


def _leaves(of: t.Type) -> Iterator[tuple[str, ...]]:
    """Paths to the scalars of a type that are followed."""
    match of:
        case t.StructType(fields=fields) | t.HeaderType(fields=fields):
            for part in fields:
                for path in _leaves(part.type):
                    yield (part.name, *path)
        case t.StackType() | t.HeaderUnionType() | t.ExternType() | t.TypeVar():
            return
        case _:
            yield ()


def _counts(of: t.Type, path: tuple[str, ...]) -> bool:
    """Whether reading a whole value of the type reads the scalar at `path`: not those inside headers."""
    for name in path:
        if not isinstance(of, t.StructType):
            return False
        part = of.field_named(name)
        if part is None:
            return False
        of = part.type
    return True


def _place(expr: ast.Expression) -> Place | None:
    """The place that a left-value names, if it is one that is followed."""
    match expr:
        case ast.PathExpr(decl=ast.VariableDecl() | ast.Parameter() as declaration):
            return declaration, ()
        case ast.Member(base=base, name=name) if isinstance(base.type, t.StructType | t.HeaderType):
            place = _place(base)
            return None if place is None else (place[0], (*place[1], name))
        case ast.Slice(base=base) | ast.PlusSlice(base=base):
            return _place(base)
    return None


def _operands(expr: ast.Expression) -> list[ast.Expression]:
    match expr:
        case ast.Binary(left=left, right=right) | ast.Mask(left=left, right=right):
            return [left, right]
        case ast.Unary(operand=operand) | ast.Cast(operand=operand):
            return [operand]
        case ast.Slice(base=base):
            return [base]
        case ast.Ternary(condition=condition, then=then, otherwise=otherwise):
            if condition.value is not None:
                return [then if condition.value else otherwise]
            return [condition, then, otherwise]
        case ast.ListExpr(elements=elements):
            return elements
        case ast.StructExpr(fields=fields):
            return [f.expr for f in fields]
        case ast.Range(low=low, high=high):
            return [low, high]
    return []
