"""Fourth layer of `body`: statements."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from testbed.p4.compiler import ast, ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes import effects, fold, loops, simplify, values
from testbed.p4.compiler.passes.calls import Calls
from testbed.p4.compiler.passes.narrow import expect
from testbed.p4.compiler.passes.unit import RefusedError
from testbed.p4.compiler.passes.values import Frame, SliceTarget, TableSlot

if TYPE_CHECKING:
    pass


class Statements(Calls):
    """Elaborates statements."""

    def block_of(self, body: ast.Block) -> None:
        """All statements of a block; those that are refused are reported and left out."""
        self.statements(body.body)

    def statements(self, body: list[ast.Statement | ast.Declaration]) -> None:
        """Statements in a row."""
        for item in body:
            if self.out and isinstance(self.out[-1], ir.Leave | ir.Exit):
                break  # the rest is never reached
            try:
                if isinstance(item, ast.Declaration):
                    self.declaration(item)
                else:
                    self.statement(item)
            except RefusedError as error:
                self.unit.diagnostics.error(error.span, error.message)

    def nested(self, *parts: ast.Statement | None) -> list[ir.Stmt]:
        """What statements become, not appended."""
        outer, self.out = self.out, []
        try:
            self.statements([p for p in parts if p is not None])
            return self.out
        finally:
            self.out = outer

    def declaration(self, decl: ast.Declaration) -> None:
        """A local variable, constant or instance."""
        match decl:
            case ast.VariableDecl(name=name, init=init):
                value = self.value(init) if init is not None else None
                variable = self.unit.allocate(self.env.resolve(decl.type), name, decl.span)
                if value is None:
                    self.invalidate(variable, decl.span)
                else:
                    self.assign(variable, value, decl.span)
                self.env.bind(decl, variable)
            case ast.ConstDecl(init=init):
                self.env.bind(decl, self.convert(self.value(init), self.env.resolve(decl.type), decl.span))
            case _:
                raise RefusedError(decl.span, f"a {decl.kind} is not supported here")

    def statement(self, stmt: ast.Statement) -> None:
        """Any statement."""
        match stmt:
            case ast.Block():
                self.block_of(stmt)
            case ast.Assign():
                self._assign(stmt)
            case ast.CallStatement(call=call):
                self.call(call)
            case ast.If():
                self._if(stmt)
            case ast.Switch():
                self._switch(stmt)
            case ast.Return(expr=expr):
                self._return(stmt, expr)
            case ast.Exit():
                self._exit(stmt)
            case ast.Empty():
                pass
            case ast.For():
                loops.unroll(self, stmt)
            case ast.ForIn():
                loops.unroll_over(self, stmt)
            case ast.Break() | ast.Continue():
                labels = self.frame.loops[-1]
                label = labels.end if isinstance(stmt, ast.Break) else labels.iteration
                self.out.append(ir.Leave(stmt.span, label))
            case _:
                raise RefusedError(stmt.span, "this statement is not supported")

    def _assign(self, stmt: ast.Assign) -> None:
        target = self.target(stmt.left)
        before = len(self.out)
        if stmt.op == "=":
            source = self.value(stmt.right)
        else:
            old = self.current(target)
            right = self.scalar(stmt.right)
            old = expect(old, ir.Expr)
            source = fold.binary(stmt.op[:-1], old, right)
        changed = list(effects.writes(self.out[before:]))
        if changed and not effects.disjoint(_index_places(target), changed):
            late = self.out[before:]
            del self.out[before:]
            target = self.freeze(target, stmt.span)
            self.out += late
        self.assign(target, source, stmt.span)

    def _if(self, stmt: ast.If) -> None:
        applied = _table_result(stmt.condition)
        if applied is not None:
            call, positive = applied
            node = self.apply_table(call)
            hit, miss = (stmt.then, stmt.otherwise) if positive else (stmt.otherwise, stmt.then)
            node.hit, node.miss = self.nested(hit), self.nested(miss)
            return
        cond = self.scalar(stmt.condition)
        if isinstance(cond, ir.Const):
            chosen = stmt.then if cond.value else stmt.otherwise
            if chosen is not None:
                self.statement(chosen)
            return
        then, otherwise = self.nested(stmt.then), self.nested(stmt.otherwise)
        self.out.append(ir.If(stmt.condition.span, cond, then, otherwise))

    def _switch(self, stmt: ast.Switch) -> None:
        if isinstance(stmt.subject.type, t.ActionRunType):
            self._switch_action(stmt)
            return
        subject = self.scalar(stmt.subject)
        if not isinstance(subject, ir.Const | ir.Param):
            subject = self.save_scalar(subject, stmt.subject.span, "switch")
        groups, default = _groups(stmt)
        otherwise = self.nested(default) if default is not None else []
        for labels, block in reversed(groups):
            tests = [fold.binary("==", subject, self.scalar(label)) for label in labels]
            cond: ir.Expr = ir.FALSE
            for test in tests:
                cond = fold.binary("||", cond, test)
            if isinstance(cond, ir.Const):
                otherwise = self.nested(block) if cond.value else otherwise
            else:
                otherwise = [ir.If(stmt.subject.span, cond, self.nested(block), otherwise)]
        self.out += otherwise

    def _switch_action(self, stmt: ast.Switch) -> None:
        subject = stmt.subject
        if not (isinstance(subject, ast.Member) and isinstance(subject.base, ast.Call)):
            raise RefusedError(subject.span, "action_run is supported directly on apply() only")
        node = self.apply_table(subject.base)
        decls: list[ast.Declaration | None] = [use.action.decl for use in node.table.uses]
        groups, default = _groups(stmt)
        for labels, block in groups:
            positions = [decls.index(lb.decl) for lb in labels if isinstance(lb, ast.PathExpr)]
            node.cases.append((positions, self.nested(block)))
        node.default = self.nested(default)

    def _return(self, stmt: ast.Return, expr: ast.Expression | None) -> None:
        if expr is not None:
            value = self.value(expr)
            if self.frame.result is None:
                raise RefusedError(stmt.span, "there is nothing to return to")
            self.assign(self.frame.result, value, stmt.span)
        self.out.append(ir.Leave(stmt.span, self.frame.label))

    def _exit(self, stmt: ast.Exit) -> None:
        frame: Frame | None = self.frame
        while frame is not None:
            self.copy_out(frame.copy_outs, stmt.span)
            frame = frame.caller
        self.out.append(ir.Exit(stmt.span))

    # --- tables ------------------------------------------------------------------------------------------

    def apply_table(self, call: ast.Call) -> ir.Apply:
        """Append the application of a table and give it, for branches to be added."""
        if self.frame.in_action:
            raise RefusedError(call.span, "a table cannot be applied in an argument of an action")
        slot = self.env.find(call.decl)
        slot = expect(slot, TableSlot)
        table = self.elaborate_table(slot)
        if self.frame.pending() and any(simplify.can_exit(u.action.body) for u in table.uses):
            raise RefusedError(
                call.span,
                "exit in an action of a table is not supported inside a control whose arguments are copied",
            )
        node = ir.Apply(call.span, table)
        self.out.append(node)
        return node

    @abstractmethod
    def elaborate_table(self, slot: TableSlot) -> ir.Table:
        """The table, elaborated when first applied; appends the evaluation of its keys."""

    def apply_result(self, call: ast.Call, name: str) -> ir.Expr:
        """Apply a table and give `hit` or `miss`."""
        node = self.apply_table(call)
        result = self.unit.scalar(name, t.BOOL)
        node.hit.append(ir.Assign(call.span, result, fold.boolean(name == "hit")))
        node.miss.append(ir.Assign(call.span, result, fold.boolean(name == "miss")))
        return result


def _index_places(target: values.Target) -> list[effects.Place]:
    result: list[effects.Place] = []
    for leaf in values.leaves(target.base if isinstance(target, SliceTarget) else target):
        header = leaf.header if isinstance(leaf, ir.Field) else leaf
        if isinstance(header, ir.StackElement):
            result += effects.reads(header.index)
        elif isinstance(header, ir.StackLast):
            result.append(effects.place_of(header.stack))
    return result


def _table_result(cond: ast.Expression) -> tuple[ast.Call, bool] | None:
    """The call and whether to take `then` on a hit, for `t.apply().hit`, `.miss` and their negations."""
    positive = True
    while isinstance(cond, ast.Unary) and cond.op == "!":
        cond, positive = cond.operand, not positive
    if isinstance(cond, ast.Member) and isinstance(cond.base, ast.Call) and cond.name in ("hit", "miss"):
        return (
            (cond.base, positive == (cond.name == "hit"))
            if isinstance(cond.base.type, t.ApplyResultType)
            else None
        )
    return None


def _groups(stmt: ast.Switch) -> tuple[list[tuple[list[ast.Expression], ast.Block]], ast.Block | None]:
    """The labels of each block, fall-through resolved, and the default block."""
    groups: list[tuple[list[ast.Expression], ast.Block]] = []
    default: ast.Block | None = None
    labels: list[ast.Expression] = []
    falls_to_default = False
    for case in stmt.cases:
        if case.label is None:
            falls_to_default = True
        else:
            labels.append(case.label)
        if case.block is None:
            continue
        if falls_to_default:
            default = case.block
        if labels:
            groups.append((labels, case.block))
        labels, falls_to_default = [], False
    if labels:
        groups.append((labels, ast.Block(stmt.span, [])))
    return groups, default
