"""Third layer of `body`: calls, inlined with the calling convention of the specification (section 6.8).

Parameters stand for the arguments themselves wherever that cannot be told from copying in and out; where it
can, because arguments overlap or the callee reaches them by another name, they are copied.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from testbed.p4.compiler import ast, ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes import effects, extern_calls, values
from testbed.p4.compiler.passes.expressions import NEXT, Expressions, valid
from testbed.p4.compiler.passes.narrow import expect, known
from testbed.p4.compiler.passes.syntax import may_leave_unset, walk
from testbed.p4.compiler.passes.unit import RefusedError
from testbed.p4.compiler.passes.values import (
    ActionClosure,
    Argument,
    Copied,
    CopyOut,
    Env,
    Frame,
    HeaderLiteral,
    Instance,
    Object,
    Packet,
    SliceTarget,
    Value,
    headers_of,
    is_next,
)

if TYPE_CHECKING:
    from testbed.p4.compiler.source import Span

OUT = (ast.Direction.OUT, ast.Direction.INOUT)


class Calls(Expressions):
    """Does calls of everything but tables."""

    @abstractmethod
    def block_of(self, body: ast.Block) -> None:
        """Elaborate a block."""

    @abstractmethod
    def apply_control(self, instance: Instance, call: ast.Call) -> None:
        """Inline the application of a control."""

    @abstractmethod
    def apply_parser(self, instance: Instance, call: ast.Call) -> None:
        """Inline the application of a parser."""

    @abstractmethod
    def apply_table(self, call: ast.Call) -> ir.Apply:
        """Append the application of a table."""

    @abstractmethod
    def instance_of(self, call: ast.Call) -> Instance:
        """The instance that an apply call means."""

    def call(self, call: ast.Call) -> Value | None:
        """Do a call of any kind."""
        match call.kind:
            case ast.CallKind.FUNCTION:
                return self._function(call)
            case ast.CallKind.ACTION:
                return self._action(call)
            case ast.CallKind.EXTERN_FUNCTION:
                return extern_calls.call_function(self, call)
            case ast.CallKind.EXTERN_METHOD:
                return extern_calls.call_method(self, call)
            case ast.CallKind.BUILTIN:
                return self._builtin(call)
            case ast.CallKind.TABLE_APPLY:
                self.apply_table(call)
            case ast.CallKind.CONTROL_APPLY:
                self.apply_control(self.instance_of(call), call)
            case ast.CallKind.PARSER_APPLY:
                self.apply_parser(self.instance_of(call), call)
            case _:
                raise RefusedError(call.span, f"a {call.kind.value} is not supported here")
        return None

    # --- parameters --------------------------------------------------------------------------------------

    def bind(
        self,
        bound: Sequence[ast.BoundArg],
        env: Env,
        span: Span,
        exposed: Sequence[effects.Place] = (),
        callee: ast.Block | None = None,
    ) -> list[CopyOut]:
        """Give parameters their meaning in the callee's `env`; what to copy when the call ends.

        `exposed` are the places that the callee may use without its parameters. `callee` is the body of a
        function or action: what it leaves unset in an `out` parameter is unset in the argument too, as with
        p4c (which lets parameters of controls stand for their arguments).
        """
        arguments = self.arguments(bound, span)
        written = [
            list(values.places(v)) if arg.param.direction in OUT else []
            for arg, v in zip(bound, arguments, strict=True)
        ]
        copies: list[CopyOut] = []
        for i, (arg, value) in enumerate(zip(bound, arguments, strict=True)):
            changed = [p for j, places in enumerate(written) if j != i for p in places]
            meaning: Value | Object
            if isinstance(value, Instance | ir.ExternObject):
                meaning = value
            elif isinstance(value, Copied):
                meaning = value.variable
                copies.append(CopyOut(value.target, meaning))
            elif arg.param.direction not in OUT:
                kept = effects.disjoint(values.reads(value), [*changed, *exposed])
                meaning = self.current(value) if kept else self.save(value, span, arg.param.name)
            elif (
                isinstance(value, SliceTarget)
                or not effects.disjoint(written[i], [*changed, *exposed])
                or (callee is not None and may_leave_unset(callee, arg.param))
            ):
                meaning = self.unit.allocate(self.env.resolve(arg.type), arg.param.name, span)
                if arg.param.direction is ast.Direction.INOUT:
                    self.assign(meaning, self.current(value), span)
                copies.append(CopyOut(value, meaning))
            else:
                meaning = value
            if arg.param.direction is ast.Direction.OUT:
                self.invalidate(meaning, span)
            env.bind(arg.param, meaning)
        return copies

    def arguments(self, bound: Sequence[ast.BoundArg], span: Span) -> list[Argument]:
        """The values of `in` arguments and the targets of the others, evaluated from left to right."""
        result: list[Argument] = []
        for arg in bound:
            before = len(self.out)
            new: Argument
            if arg.expr is None:
                new = self.unit.allocate(self.env.resolve(arg.type), arg.param.name, span)
            elif isinstance(self.env.resolve(arg.type), t.ExternType | t.ControlType | t.ParserType):
                new = self.object(arg.expr)
            elif arg.param.direction in OUT:
                new = self.freeze(self.target(arg.expr), span)
            else:
                new = self.value(arg.expr)
            if is_next(new):
                raise RefusedError(span, NEXT)
            self._protect_arguments(bound, result, before, span)
            result.append(new)
        return result

    def object(self, expr: ast.Expression) -> Object | Packet:
        """The extern object or instance that an expression names."""
        found = self.env.find(expr.decl) if isinstance(expr, ast.PathExpr) else None
        if isinstance(found, Packet | ir.ExternObject | Instance):
            return found
        raise RefusedError(expr.span, "what this names is not known at compile time")

    def _protect_arguments(
        self, bound: Sequence[ast.BoundArg], earlier: list[Argument], before: int, span: Span
    ) -> None:
        if len(self.out) == before:
            return
        changed = list(effects.writes(self.out[before:]))
        for i, old in enumerate(earlier):
            if isinstance(old, Instance | ir.ExternObject | Copied) or effects.disjoint(
                values.reads(old), changed
            ):
                continue
            direction = bound[i].param.direction
            count = len(self.out)
            if direction is ast.Direction.INOUT:
                earlier[i] = Copied(old, self.save(old, span, bound[i].param.name, at=before))
            elif direction is not ast.Direction.OUT:
                earlier[i] = self.save(old, span, at=before)
            before += len(self.out) - count

    def invalidate(self, variable: Argument, span: Span) -> None:
        """Make all headers of a variable invalid, as they are when it comes to life."""
        for leaf in values.leaves(variable):
            self.out += [ir.SetValid(span, h, False) for h in headers_of(leaf)]

    # --- functions and actions ---------------------------------------------------------------------------

    def inline(
        self,
        env: Env,
        body: ast.Block,
        copies: list[CopyOut],
        result: Value | None,
        span: Span,
        action: str | None = None,
    ) -> None:
        """Append a callee's body in its environment, as a scope that `return` leaves.

        `action` names the callee if it is an action.
        """
        in_action = action is not None or self.frame.in_action
        frame = Frame(self.frame, self.unit.label(), result, in_action, copies)
        outer_out, outer_env, outer_frame = self.out, self.env, self.frame
        self.out, self.env, self.frame = [], env, frame
        try:
            self.block_of(body)
            inner = self.out
        finally:
            self.out, self.env, self.frame = outer_out, outer_env, outer_frame
        called = action if not self.frame.in_action else None
        self.out.append(ir.Scope(span, frame.label, inner, called))
        self.copy_out(copies, span)

    def _function(self, call: ast.Call) -> Value | None:
        decl = call.decl
        decl = expect(decl, ast.FunctionDecl)
        env = Env(self.unit.globals)
        env.types = {
            t.TypeVar(p): self.env.resolve(a)
            for p, a in zip(decl.type_params, call.bound_types, strict=False)
        }
        copies = self.bind(call.bound, env, call.span, callee=decl.body)
        returned = env.resolve(decl.return_type)
        result = (
            None if returned == t.VOID else self.unit.allocate(returned, f"{decl.name}_result", call.span)
        )
        self.inline(env, decl.body, copies, result, call.span)
        return result

    def _action(self, call: ast.Call) -> Value | None:
        closure = self.env.find(call.decl)
        closure = expect(closure, ActionClosure)
        env = Env(closure.env)
        exposed = list(self.exposed(closure))
        copies = self.bind(call.bound, env, call.span, exposed, closure.decl.body)
        if not self.frame.in_action:
            called = ir.Action(closure.name, [], [], closure.decl, closure.decl.span, order=closure.order)
            self.unit.program.called.append((self.block, called))
        self.inline(env, closure.decl.body, copies, None, call.span, closure.name)
        return None

    def exposed(self, closure: ActionClosure) -> Iterator[effects.Place]:
        """The places that an action uses without its parameters, perhaps more."""
        for node in walk(closure.decl.body):
            if isinstance(node, ast.PathExpr) and isinstance(node.decl, ast.Declaration):
                found = closure.env.find(node.decl)
                if isinstance(found, ActionClosure) and found is not closure:
                    yield from self.exposed(found)
                elif isinstance(found, Value):
                    yield from values.reads(found)

    # --- built-in methods --------------------------------------------------------------------------------

    def _builtin(self, call: ast.Call) -> Value | None:
        if call.builtin in ("minSizeInBits", "minSizeInBytes", "maxSizeInBits", "maxSizeInBytes"):
            if call.value is None:
                raise RefusedError(call.span, f"{call.builtin} is supported for constant sizes only")
            return self.unit.constant(t.INT, call.value, call.span)
        receiver = self.value(known(call.receiver))
        if is_next(receiver):
            raise RefusedError(call.span, NEXT)
        match call.builtin:
            case "isValid" if isinstance(receiver, ir.HeaderRef | HeaderLiteral | ir.Union):
                return valid(receiver)
            case "setValid" | "setInvalid" if isinstance(receiver, ir.HeaderRef):
                self.out.append(ir.SetValid(call.span, receiver, call.builtin == "setValid"))
                return None
            case "push_front" | "pop_front" if isinstance(receiver, ir.Stack | ir.UnionStack):
                count = self.number(call.args[0].expr)
                self.out.append(ir.Shift(call.span, receiver, call.builtin == "push_front", count))
                return None
        raise RefusedError(
            call.span, f"{call.builtin}() is not supported yet on {self.env.type_of(known(call.receiver))}"
        )
