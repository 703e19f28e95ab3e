"""Arguments and type arguments of calls (P4_16 specification 1.2.5, sections 6.8 and 8.20 - 8.23)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.check.expressions import ExpressionChecker
from testbed.p4.compiler.check.scope import is_error
from testbed.p4.compiler.check.unify import Unifier, explain_mismatch
from testbed.p4.compiler.diagnostics import Note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.p4.compiler.diagnostics import Diagnostics

_OUTGOING = (ast.Direction.OUT, ast.Direction.INOUT)
_NOT_VALUES = (t.TableType, t.CallableType, t.MetaType, t.ParserType, t.ControlType, t.PackageType)

Params = list[tuple[ast.Parameter, t.Type]]


class ArgumentBinder(ExpressionChecker):
    """Matches arguments with parameters and finds type arguments."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        """See `ScopeKeeper`."""
        super().__init__(diagnostics)
        self.open_types: dict[t.TypeVar, t.Type] = {}
        """Type arguments of extern instances that the constructor call left open, and what uses told."""

    def bind(
        self,
        call: ast.Call,
        params: Params,
        type_params: list[ast.TypeParam],
        returns: t.Type,
        *,
        still_open: Sequence[t.TypeVar] = (),
        may_stay_open: bool = False,
        runtime_values: bool = False,
        constructing: bool = False,
    ) -> Unifier | None:
        """Match arguments with parameters, infer type arguments, convert; sets the call's resolution.

        `runtime_values` allows any value for directionless parameters (actions called directly).
        """
        matched = self._match(call, [p for p, _ in params])
        if matched is None:
            return None
        variables = [t.TypeVar(p) for p in type_params]
        open_args = [v for arg in call.args for v in _open_variables(arg.expr)]
        unifier = Unifier({*variables, *still_open, *open_args})
        if not self._explicit_types(call, variables, unifier):
            return None
        errors_before = self.diagnostics.error_count
        for (param, of), arg in zip(params, matched, strict=True):
            if arg is not None and not unifier.unify(of, arg.expr.type):
                self._mismatch(call, param, unifier.resolve(of), arg)
        if self.diagnostics.error_count != errors_before:
            call.type = unifier.resolve(returns)
            return None
        for arg in matched if open_args else ():
            if arg is not None and isinstance(arg.expr, ast.Call):
                arg.expr.type = unifier.resolve(arg.expr.type)
                arg.expr.bound_types = getattr(arg.expr.type, "args", ())
        for opened in still_open:
            self.open_types[opened] = unifier.bindings.get(opened, t.UNKNOWN)
        if not may_stay_open and not self._all_inferred(call, variables, unifier, params, matched):
            return None
        call.bound = [
            ast.BoundArg(param, final, self._argument(param, final, arg, runtime_values, constructing))
            for (param, of), arg in zip(params, matched, strict=True)
            for final in (unifier.resolve(of),)
        ]
        call.bound_types = tuple(unifier.resolve(v) for v in variables)
        call.type = unifier.resolve(returns)
        return unifier

    def _match(self, call: ast.Call, params: list[ast.Parameter]) -> list[ast.Argument | None] | None:
        """The argument of each parameter; None (reported) if they do not go together."""
        return self.match_arguments(call.span, self._called(call), params, call.args)

    @staticmethod
    def _called(call: ast.Call) -> str:
        return call.decl.name if call.decl is not None else "this call"

    def match_arguments(
        self,
        span: ast.Span,
        name: str,
        params: list[ast.Parameter],
        args: list[ast.Argument],
        *,
        partial: bool = False,
    ) -> list[ast.Argument | None] | None:
        """The same for any list; with `partial` directionless parameters may lack an argument."""
        by_name = {p.name: n for n, p in enumerate(params)}
        matched: list[ast.Argument | None] = [None] * len(params)
        positional = 0
        for arg in args:
            if arg.name is None:
                place: int | None = positional
                positional += 1
                if positional > len(params):
                    self.error(arg.span, f"{name} takes {len(params)} arguments, and {len(args)} are given")
                    return None
            else:
                place = by_name.get(arg.name)
                if place is None:
                    self.error(arg.span, f"{name} has no parameter {arg.name}")
                    return None
            if place is not None and matched[place] is not None:
                self.error(arg.span, f"the parameter {params[place].name} of {name} has two arguments")
                return None
            if place is not None:
                matched[place] = arg
        if any(a.name for a in args) and any(a.name is None for a in args):
            self.error(span, "either all arguments have names or none has")
            return None
        for param, given in zip(params, matched, strict=True):
            needed = param.default is None and not param.optional
            if given is None and needed and not (partial and param.direction is ast.Direction.NONE):
                note = Note(param.span, "the parameter")
                self.error(span, f"the parameter {param.name} of {name} has no argument", note)
                return None
        return matched

    def _explicit_types(self, call: ast.Call, variables: list[t.TypeVar], unifier: Unifier) -> bool:
        if not call.type_args:
            return True
        types = [self.resolve(a) for a in call.type_args]
        if len(types) != len(variables):
            message = f"{self._called(call)} has {len(variables)} type parameters, and {len(types)} are given"
            self.error(call.span, message)
            return False
        for ref, variable, of in zip(call.type_args, variables, types, strict=True):
            if of != t.DONT_CARE:
                unifier.bindings[variable] = self.complete(ref, of)
        return True

    def _mismatch(self, call: ast.Call, param: ast.Parameter, needed: t.Type, arg: ast.Argument) -> None:
        note = Note(param.span, f"the parameter {param.name}")
        name = self._called(call)
        given = arg.expr.type
        message = f"this argument of {name} has type {given}, and {param.name} is {needed}"
        self.error(arg.span, message + explain_mismatch(needed, given), note)

    def _all_inferred(
        self,
        call: ast.Call,
        variables: list[t.TypeVar],
        unifier: Unifier,
        params: Params,
        matched: list[ast.Argument | None],
    ) -> bool:
        absent = [of for (_, of), arg in zip(params, matched, strict=True) if arg is None]
        for variable in variables:
            found = unifier.resolve(variable)
            if t.contains(found, lambda part: part == t.INT) and not call.type_args:
                self._report_widthless(call)
                return False
            if t.contains(found, lambda part: isinstance(part, t.AnonymousStructType)):
                self.error(call.span, "a structure without a type cannot be an argument here: cast it")
                return False
            if found == variable and any(_mentions(of, variable) for of in absent):
                unifier.bindings[variable] = t.DONT_CARE
            elif found == variable and any(_is_wrong(arg) for arg in matched):
                return False  # which was reported
            elif found == variable:
                name = self._called(call)
                message = (
                    f"the type argument {variable} of {name} cannot be inferred: write {name}<type>(...)"
                )
                self.error(call.span, message)
                return False
        return True

    def _report_widthless(self, call: ast.Call) -> None:
        """Point at the integers whose width nothing tells."""
        for arg in call.args:
            elements = arg.expr.elements if isinstance(arg.expr, ast.ListExpr) else [arg.expr]
            for element in elements:
                if t.contains(element.type, lambda part: part == t.INT):
                    hint = f", as 8w{element.value}" if isinstance(element.value, int) else ""
                    self.error(element.span, f"the width of this number is not known: write it{hint}")

    def _argument(
        self, param: ast.Parameter, of: t.Type, arg: ast.Argument | None, runtime: bool, constructing: bool
    ) -> ast.Expression | None:
        if arg is None:
            return param.default
        expr = arg.expr
        if isinstance(expr, ast.DontCare):
            if param.direction is not ast.Direction.OUT:
                self.error(arg.span, f"_ ignores a result; the parameter {param.name} is not out")
            return None
        if is_error(of, expr.type):
            return expr
        if of == t.DONT_CARE and not constructing:
            self.error(arg.span, f"the type of the parameter {param.name} is left open by '_'")
            return expr
        if of == t.STRING and param.direction is not ast.Direction.NONE:
            self.error(arg.span, f"a string cannot be passed for {param.name}, which has a direction")
        if isinstance(of, t.ExternType) and param.direction is not ast.Direction.NONE:
            self.error(param.span, f"the extern {of} cannot be passed {param.direction.value}")
        if param.direction in _OUTGOING:
            self._outgoing(param, of, expr)
            return expr
        if isinstance(of, _NOT_VALUES) and not constructing:
            self.error(arg.span, f"{of} cannot be an argument")
            return expr
        if not isinstance(of, t.ParserType | t.ControlType | t.PackageType):
            expr = self.convert(expr, of, f"the argument for {param.name}")
        if param.direction is ast.Direction.NONE and not runtime:
            self.compile_time(expr, f"the argument for {param.name}, which has no direction,")
        return expr

    def _outgoing(self, param: ast.Parameter, of: t.Type, expr: ast.Expression) -> None:
        direction = param.direction.value
        if (
            self.left_value(expr, f"the argument for the {direction} parameter {param.name}")
            and expr.type != of
        ):
            message = f"the {direction} parameter {param.name} is {of}, and its argument {expr.type}"
            self.error(expr.span, message)


def fits(params: list[ast.Parameter], args: list[ast.Argument]) -> bool:
    """Whether arguments go with parameters by number and names."""
    names = {p.name for p in params}
    given = {a.name for a in args if a.name is not None}
    positional = sum(a.name is None for a in args)
    if not given <= names or positional > len(params):
        return False
    filled = {p.name for p in params[:positional]}
    if filled & given:
        return False
    return all(p.name in filled or p.name in given or p.default is not None or p.optional for p in params)


def _open_variables(expr: ast.Expression) -> list[t.TypeVar]:
    """Type arguments that a constructor call among the arguments leaves to its context."""
    if not isinstance(expr, ast.Call) or not isinstance(expr.type, t.ParserType | t.ControlType):
        return []
    own = expr.type.decl.type_params
    return [a for a in expr.type.args if isinstance(a, t.TypeVar) and a.decl in own]


def _mentions(of: t.Type, variable: t.TypeVar) -> bool:
    return t.substitute(of, {variable: t.UNKNOWN}) != of


def _is_wrong(arg: ast.Argument | None) -> bool:
    """Whether the type of an argument is not known because of an error in it."""
    return arg is not None and t.contains(arg.expr.type, lambda part: part == t.UNKNOWN)
