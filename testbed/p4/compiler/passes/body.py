"""The code of one callee: statements, expressions and calls, with what the objects of controls need.

The work is in the layers below: `statements` over `calls` over `expressions` over `assignments`. This one
enters control and parser instances and elaborates their tables and actions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from testbed.p4.compiler import ast, ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes import extern_objects, parsers, tables
from testbed.p4.compiler.passes.narrow import expect, known
from testbed.p4.compiler.passes.statements import Statements
from testbed.p4.compiler.passes.syntax import walk
from testbed.p4.compiler.passes.unit import RefusedError
from testbed.p4.compiler.passes.values import ActionClosure, Binding, Env, Frame, Instance, TableSlot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.p4.compiler.source import Span


APPLICATIONS = (ast.CallKind.PARSER_APPLY, ast.CallKind.CONTROL_APPLY)


@final
class Body(Statements):
    """Elaborates the code of one callee in its environment."""

    # --- instances ---------------------------------------------------------------------------------------

    def make_instance(self, call: ast.Call, name: str) -> Instance:
        """A parser or control instance from its constructor call, with the objects declared inside.

        Applying a type makes an instance, too: as p4c has it, behind those that are declared.
        """
        decl = _block_decl(call)
        env = Env(self.unit.globals, name)
        made = self.env.type_of(call)
        if isinstance(made, t.ParserType | t.ControlType):
            env.types = {
                t.TypeVar(p): self.env.resolve(a) for p, a in zip(decl.type_params, made.args, strict=False)
            }
        for bound in call.bound:
            if bound.expr is not None:
                env.bind(bound.param, self._constructor_argument(bound, name))
        instance = Instance(decl, name, env)
        inside = self.enter_env(env)
        inside.declare_objects(decl.locals, name, instance.orders)
        for node in walk(decl.body if isinstance(decl, ast.ControlDecl) else decl.states):
            if (
                isinstance(node, ast.Call)
                and node.kind in APPLICATIONS
                and isinstance(node.receiver, ast.TypeNameExpr)
            ):
                env.bind(node, inside._direct_instance(node, node.receiver))
        return instance

    def enter_env(self, env: Env) -> Body:
        """A body for code in another environment, with its own statements."""
        return Body(self.unit, env, self.block, [], Frame())

    def _constructor_argument(self, bound: ast.BoundArg, name: str) -> Binding:
        expr = bound.expr
        if isinstance(expr, ast.PathExpr):
            found = self.env.find(expr.decl)
            if isinstance(found, ir.ExternObject | Instance):
                return found
        if isinstance(expr, ast.Call) and expr.kind is ast.CallKind.CONSTRUCTOR:
            inner = f"{name}.{bound.param.name}"
            if isinstance(expr.decl, ast.ParserDecl | ast.ControlDecl):
                return self.make_instance(expr, inner)
            return self._declare_extern(bound.param, expr, inner)
        expr = known(expr)
        return self.convert(self.value(expr), self.env.resolve(bound.type), expr.span)

    def declare_objects(
        self, declarations: Sequence[ast.Declaration], prefix: str, orders: dict[int, int] | None = None
    ) -> None:
        """Bind the constants, instances and value sets among declarations: what lives for good.

        `orders` gets the places of actions and tables: as p4c has it, an instance's are where it is declared.
        """
        for decl in declarations:
            match decl:
                case ast.ActionDecl() | ast.TableDecl() if orders is not None:
                    orders[id(decl)] = self.unit.next_order()
                case ast.ConstDecl(init=init):
                    self.env.bind(
                        decl, self.convert(self.value(init), self.env.resolve(decl.type), decl.span)
                    )
                case ast.InstanceDecl(call=call):
                    name = self.unit.external_name(decl, prefix)
                    if isinstance(call.decl, ast.ParserDecl | ast.ControlDecl):
                        self.env.bind(decl, self.make_instance(call, name))
                    else:
                        self._declare_extern(decl, call, name)
                case ast.ValueSetDecl():
                    self.env.bind(decl, parsers.make_value_set(self, decl, prefix))

    def _declare_extern(self, decl: ast.Declaration, call: ast.Call, name: str) -> ir.ExternObject:
        if any(e.name == name for e in self.unit.program.externs):
            raise RefusedError(decl.span, f"two extern instances have the control plane name {name}")
        if isinstance(decl, ast.InstanceDecl) and decl.body is not None:
            raise RefusedError(
                decl.span, "extern instances with abstract methods are not supported by this target"
            )
        made = extern_objects.make_instance(self, decl, call, name)
        made.order = self.unit.next_order()
        self.unit.program.externs.append(made)
        self.env.bind(decl, made)
        return made

    def instance_of(self, call: ast.Call) -> Instance:
        """The instance that an apply call means."""
        receiver = call.receiver
        found = self.env.find(receiver.decl if isinstance(receiver, ast.PathExpr) else call)
        if isinstance(found, Instance):
            return found
        raise RefusedError(call.span, "what is applied here is not known at compile time")

    def _direct_instance(self, call: ast.Call, receiver: ast.TypeNameExpr) -> Instance:
        decl = _block_decl(call)
        constructor = ast.Call(call.span, receiver, [], [])
        constructor.kind, constructor.decl = ast.CallKind.CONSTRUCTOR, decl
        constructor.type = receiver.ref.type
        name = f"{self.env.prefix}.{decl.name}" if self.env.prefix else decl.name
        return self.make_instance(constructor, name)

    # --- controls ----------------------------------------------------------------------------------------

    def apply_control(self, instance: Instance, call: ast.Call) -> None:
        """Inline the application of a control instance."""
        decl = instance.decl
        decl = expect(decl, ast.ControlDecl)
        env = Env(instance.env)
        copies = self.bind(_bound_by(decl, call), env, call.span)
        self._enter(instance, env, call.span)
        self.inline(env, ast.Block(decl.span, [*_variables(decl), *decl.body.body]), copies, None, call.span)

    def run_control(self, instance: Instance, env: Env) -> None:
        """Elaborate a control of the package, parameters bound already."""
        decl = instance.decl
        decl = expect(decl, ast.ControlDecl)
        self._enter(instance, env, decl.span)
        self.inline(env, ast.Block(decl.span, [*_variables(decl), *decl.body.body]), [], None, decl.span)

    def _enter(self, instance: Instance, env: Env, span: Span) -> None:
        """Bind the tables and actions of a control for one application."""
        first = instance.applied
        for decl in instance.decl.locals:
            if isinstance(decl, ast.ActionDecl):
                name = self.unit.external_name(decl, instance.name)
                env.bind(decl, ActionClosure(decl, env, name, instance.orders[id(decl)]))
            elif isinstance(decl, ast.TableDecl):
                if first is not None:
                    raise RefusedError(span, f"{instance.name} has tables and is applied more than once")
                name = self.unit.external_name(decl, instance.name)
                env.bind(decl, TableSlot(decl, env, name, instance.orders[id(decl)]))
        instance.applied = env

    def apply_parser(self, instance: Instance, call: ast.Call) -> None:
        """Inline the application of a parser instance."""
        env = Env(instance.env)
        copies = self.bind(_bound_by(instance.decl, call), env, call.span)
        parsers.enter(self, instance, env, call.span)
        self.copy_out(copies, call.span)

    # --- tables and actions ------------------------------------------------------------------------------

    def elaborate_table(self, slot: TableSlot) -> ir.Table:
        """The table, elaborated when first applied; appends the evaluation of its keys."""
        inside = Body(self.unit, slot.env, self.block, self.out, self.frame)
        if slot.table is None:
            slot.table = tables.make_table(inside, slot)
            self.unit.program.tables.append(slot.table)
        tables.evaluate_keys(inside, slot.table, slot.decl)
        return slot.table

    def action_body(
        self, closure: ActionClosure, env: Env, directed: Sequence[ast.BoundArg], span: Span
    ) -> list[ir.Stmt]:
        """The code of a table's action; the directed parameters get the arguments from the action list."""
        inside = self.enter_env(self.env)
        inside.frame = Frame(in_action=True)
        copies = inside.bind(directed, env, span, list(inside.exposed(closure)))
        inside.inline(env, closure.decl.body, copies, None, closure.decl.span, closure.name)
        return inside.out


def _block_decl(call: ast.Call) -> ast.ParserDecl | ast.ControlDecl:
    if isinstance(call.decl, ast.ParserDecl | ast.ControlDecl):
        return call.decl
    raise RefusedError(call.span, "a parser or control is expected here")


def _bound_by(decl: ast.ParserDecl | ast.ControlDecl, call: ast.Call) -> list[ast.BoundArg]:
    """The arguments for the parameters of what is applied, which the call may know by its type only."""
    return [ast.BoundArg(p, b.type, b.expr) for p, b in zip(decl.params, call.bound, strict=True)]


def _variables(decl: ast.ControlDecl) -> list[ast.Declaration]:
    return [d for d in decl.locals if isinstance(d, ast.VariableDecl)]
