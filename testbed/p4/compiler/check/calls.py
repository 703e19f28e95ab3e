"""Calls: which declaration, which arguments, which type arguments (specification, 6.8 and 8.20 - 8.23)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.check.expressions import ExpressionChecker
from testbed.p4.compiler.check.scope import is_error
from testbed.p4.compiler.check.sizes import size_in_bits
from testbed.p4.compiler.check.unify import Unifier, apply_params
from testbed.p4.compiler.diagnostics import Note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.p4.compiler.diagnostics import Diagnostics

_SIZES = ("minSizeInBits", "minSizeInBytes", "maxSizeInBits", "maxSizeInBytes")
_OUTGOING = (ast.Direction.OUT, ast.Direction.INOUT)
_NOT_VALUES = (t.TableType, t.CallableType, t.MetaType, t.ParserType, t.ControlType, t.PackageType)

Params = list[tuple[ast.Parameter, t.Type]]


class CallChecker(ExpressionChecker):
    """Resolves calls of functions, methods, actions, tables, parsers, controls and constructors."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        """See `ScopeKeeper`."""
        super().__init__(diagnostics)
        self.open_types: dict[t.TypeVar, t.Type] = {}
        """Type arguments of extern instances that the constructor call left open, and what uses told."""

    def check_call(self, call: ast.Call) -> ast.Expression:
        """See `ExpressionChecker`."""
        for arg in call.args:
            arg.expr = self.infer(arg.expr)
        match call.func:
            case ast.TypeNameExpr():
                return self.constructor_call(call, call.func.ref)
            case ast.Member():
                return self._method_call(call, call.func)
            case ast.PathExpr():
                self._function_call(call, call.func)
            case _:
                self.infer(call.func)
                self.error(call.func.span, "this cannot be called")
        return call

    # By name

    def _function_call(self, call: ast.Call, path: ast.PathExpr) -> None:
        found = self.lookup(path.span, path.name, absolute=path.absolute)
        if not found:
            return
        target = self._overload(call, path.name, found)
        if target is None:
            return
        path.decl, path.type = target, t.CallableType(target)
        if isinstance(target, ast.ActionDecl):
            self._action_call(call, target)
            return
        if isinstance(target, ast.FunctionDecl):
            call.kind, returns, params = ast.CallKind.FUNCTION, target.return_type, target.type_params
        elif isinstance(target, ast.ExternFunctionDecl):
            call.kind, returns, params = ast.CallKind.EXTERN_FUNCTION, target.return_type, target.type_params
        else:
            raise AssertionError(target)
        call.decl = target
        self._deprecated(call.span, target)
        self._bind(call, [(p, p.type) for p in target.params], params, returns)
        if target.name == "static_assert" and isinstance(target, ast.ExternFunctionDecl):
            self._static_assert(call)

    def _overload(
        self, call: ast.Call, name: str, found: Sequence[ast.Declaration]
    ) -> ast.FunctionDecl | ast.ExternFunctionDecl | ast.ActionDecl | ast.MethodDecl | None:
        """The one of several declarations that the arguments fit; None is reported."""
        callable_ones = [
            d
            for d in found
            if isinstance(d, ast.FunctionDecl | ast.ExternFunctionDecl | ast.ActionDecl | ast.MethodDecl)
        ]
        if not callable_ones:
            note = Note(found[0].span, f"{name} is declared here")
            self.error(call.func.span, f"{name} is a {found[0].kind} and cannot be called", note)
            return None
        if len(callable_ones) == 1:
            return callable_ones[0]
        fitting = [d for d in callable_ones if fits(d.params, call.args)]
        if len(fitting) == 1:
            return fitting[0]
        which = "several declarations" if fitting else "no declaration"
        notes = [Note(d.span, f"{name}({', '.join(p.name for p in d.params)})") for d in callable_ones]
        self.error(call.span, f"{which} of {name} fit these arguments", *notes)
        return None

    def _action_call(self, call: ast.Call, action: ast.ActionDecl) -> None:
        call.kind, call.decl = ast.CallKind.ACTION, action
        if self.enclosing(ast.ParserDecl) is not None:
            self.error(call.span, "actions cannot be called in parsers")
        elif self.enclosing(ast.FunctionDecl) is not None:
            self.error(call.span, "actions cannot be called in functions")
        params = [(p, p.type) for p in action.params]
        self._bind(call, params, [], t.VOID, runtime_values=True)

    def _static_assert(self, call: ast.Call) -> None:
        condition = call.bound[0].expr if call.bound else None
        if condition is None or condition.type == t.UNKNOWN:
            return
        if condition.value is None:
            self.error(condition.span, "the condition of static_assert must be known at compile time")
        elif condition.value is False:
            text = call.bound[1].expr.value if len(call.bound) > 1 and call.bound[1].expr else ""
            self.error(call.span, f"static_assert failed{': ' if text else ''}{text}")
        call.value = True

    def _deprecated(self, span: ast.Span, declaration: ast.Declaration) -> None:
        annotation = declaration.annotation("deprecated")
        if annotation is not None:
            text = " ".join(str(a) for a in annotation.args)
            self.diagnostics.warn("deprecated", span, f"{declaration.name} is deprecated. {text}")

    # Methods

    def _method_call(self, call: ast.Call, func: ast.Member) -> ast.Expression:
        base = func.base = self.infer(func.base)
        name = func.name
        match base.type:
            case t.UNKNOWN:
                return call
            case t.MetaType(t.ParserType() | t.ControlType() as of) if name == "apply":
                call.receiver = base
                self._apply(call, of)
            case t.ParserType() | t.ControlType() if name == "apply":
                call.receiver = base
                self._apply(call, base.type)
            case t.TableType(table) if name == "apply":
                call.receiver = base
                self._table_apply(call, table)
            case t.ExternType():
                self._extern_method(call, func, base)
            case _ if name in _SIZES:
                return self._size(call, base)
            case _:
                self._builtin(call, func, base)
        return call

    def _extern_method(self, call: ast.Call, func: ast.Member, base: ast.Expression) -> None:
        of = self._known(base.type)
        if not isinstance(of, t.ExternType):
            return
        methods = [m for m in of.decl.methods if m.name == func.name and m.return_ref is not None]
        if not methods:
            note = Note(of.decl.span, f"{of.decl.name} is declared here")
            self.error(func.span, f"{of} has no method {func.name}", note)
            return
        method = self._overload(call, func.name, methods)
        if not isinstance(method, ast.MethodDecl):
            return
        call.kind, call.decl, call.receiver = ast.CallKind.EXTERN_METHOD, method, base
        func.decl, func.type = method, t.CallableType(method)
        self._deprecated(call.span, method)
        env: dict[t.TypeVar, t.Type] = dict(zip(map(t.TypeVar, of.decl.type_params), of.args, strict=True))
        params = [(p, t.substitute(p.type, env)) for p in method.params]
        returns = t.substitute(method.return_type, env)
        still_open = [a for a in of.args if isinstance(a, t.TypeVar) and a in self.open_types]
        self._bind(call, params, method.type_params, returns, still_open=still_open)

    def _known(self, of: t.Type) -> t.Type:
        """`of` with the type arguments found since."""
        found = {v: a for v, a in self.open_types.items() if a != t.UNKNOWN}
        return t.substitute(of, found) if found else of

    def _apply(self, call: ast.Call, of: t.ParserType | t.ControlType) -> None:
        is_parser = isinstance(of, t.ParserType)
        call.kind = ast.CallKind.PARSER_APPLY if is_parser else ast.CallKind.CONTROL_APPLY
        call.decl = of.decl
        around = self.enclosing(ast.ParserDecl, ast.ControlDecl)
        if isinstance(around, ast.ParserDecl) != is_parser or self.enclosing(
            ast.ActionDecl, ast.FunctionDecl
        ):
            where = "states of parsers" if is_parser else "the apply blocks of controls"
            self.error(call.span, f"a {'parser' if is_parser else 'control'} can be applied in {where} only")
        self._bind(call, apply_params(of), [], t.VOID)

    def _table_apply(self, call: ast.Call, table: ast.TableDecl) -> None:
        call.kind, call.decl = ast.CallKind.TABLE_APPLY, table
        call.type = t.ApplyResultType(table)
        if self.enclosing(ast.ActionDecl, ast.FunctionDecl) is not None:
            self.error(call.span, "tables can be applied in the apply block of a control only")
        if call.args:
            self.error(call.args[0].span, "apply() of a table takes no arguments")

    def _size(self, call: ast.Call, base: ast.Expression) -> ast.Expression:
        func = call.func
        assert isinstance(func, ast.Member)  # noqa: S101
        of = base.type.type if isinstance(base.type, t.MetaType) else base.type
        size = size_in_bits(of, most=func.name.startswith("max"))
        call.builtin, call.receiver, call.type = func.name, base, t.INT
        if size is None:
            self.error(call.span, f"the type {of} has no size in bits")
            return call
        if call.args:
            self.error(call.args[0].span, f"{func.name}() takes no arguments")
        call.value = size if func.name.endswith("Bits") else (size + 7) // 8
        return call

    def _builtin(self, call: ast.Call, func: ast.Member, base: ast.Expression) -> None:
        name = func.name
        call.builtin, call.receiver = name, base
        match base.type:
            case t.HeaderType() if name in ("isValid", "setValid", "setInvalid"):
                call.type = t.BOOL if name == "isValid" else t.VOID
                self._arguments_of_builtin(call, 0)
                if name != "isValid":
                    self.left_value(base, f"what {name}() changes")
            case t.HeaderUnionType() if name == "isValid":
                call.type = t.BOOL
                self._arguments_of_builtin(call, 0)
            case t.StackType() if name in ("push_front", "pop_front"):
                call.type = t.VOID
                self._arguments_of_builtin(call, 1)
                if self.enclosing(ast.ParserDecl) is not None:
                    self.error(call.span, f"{name} cannot be used in parsers")
                self.left_value(base, f"what {name}() changes")
            case _:
                self.error(func.span, f"{base.type} has no method {name}")

    def _arguments_of_builtin(self, call: ast.Call, count: int) -> None:
        if len(call.args) != count:
            self.error(call.span, f"{call.builtin}() takes {count} arguments, and {len(call.args)} are given")
        for arg in call.args:
            if arg.expr.type != t.INT and not isinstance(arg.expr.type, t.BitsType):
                if arg.expr.type != t.UNKNOWN:
                    self.error(arg.span, f"{call.builtin}() takes an integer, not {arg.expr.type}")
            else:
                self.compile_time(arg.expr, f"the argument of {call.builtin}()")

    # Constructors

    def constructor_call(self, call: ast.Call, ref: ast.TypeRef) -> ast.Call:
        """`T(args)`, as an expression or in an instantiation; the arguments are typed already."""
        of = self.resolve(ref)
        call.kind = ast.CallKind.CONSTRUCTOR
        match of:
            case t.UNKNOWN:
                pass
            case t.ExternType():
                self._extern_constructor(call, of, ref)
            case (
                t.ParserType(decl=ast.ParserDecl() as declaration)
                | t.ControlType(decl=ast.ControlDecl() as declaration)
            ):
                self._constructor(call, of, declaration, declaration.constructor_params)
            case t.PackageType(decl=declaration):
                self._constructor(call, of, declaration, declaration.params)
            case _:
                self.error(ref.span, f"{of} is not a type that can be instantiated")
        return call

    def _constructor(
        self,
        call: ast.Call,
        of: t.ParserType | t.ControlType | t.PackageType,
        declaration: ast.ParserDecl | ast.ControlDecl | ast.PackageTypeDecl,
        params: list[ast.Parameter],
    ) -> None:
        call.decl = declaration
        variables = [v for v in of.args if isinstance(v, t.TypeVar) and v.decl in declaration.type_params]
        env: dict[t.TypeVar, t.Type] = dict(
            zip(map(t.TypeVar, declaration.type_params), of.args, strict=True)
        )
        typed = [(p, t.substitute(p.type, env)) for p in params]
        may_stay_open = not isinstance(of, t.PackageType)
        unifier = self._bind(
            call, typed, [v.decl for v in variables], of, may_stay_open=may_stay_open, constructing=True
        )
        if unifier is not None:
            call.type = unifier.resolve(of)
            call.bound_types = getattr(call.type, "args", ())

    def _extern_constructor(self, call: ast.Call, of: t.ExternType, ref: ast.TypeRef) -> None:
        constructors = [m for m in of.decl.methods if m.return_ref is None]
        call.decl = of.decl
        fitting = [c for c in constructors if fits(c.params, call.args)]
        if len(fitting) != 1 and (constructors or call.args):
            message = f"no constructor of {of.decl.name} takes these {len(call.args)} arguments"
            notes = [Note(c.span, f"{c.name}({', '.join(map(_shown, c.params))})") for c in constructors]
            self.error(call.span, message, *notes)
            return
        params = fitting[0].params if fitting else []
        generic = tuple(map(t.TypeVar, of.decl.type_params))
        specialized = isinstance(ref, ast.SpecializedTypeRef) or of.args != generic
        if specialized or not generic:
            env: dict[t.TypeVar, t.Type] = dict(zip(generic, of.args, strict=True))
            self._bind(call, [(p, t.substitute(p.type, env)) for p in params], [], of, constructing=True)
            call.type = of
        else:
            typed = [(p, p.type) for p in params]
            unifier = self._bind(call, typed, of.decl.type_params, of, may_stay_open=True, constructing=True)
            if unifier is None:
                return
            call.type = t.ExternType(of.decl, tuple(self._or_open(unifier, v) for v in generic))
        if isinstance(call.type, t.ExternType):
            call.bound_types = call.type.args
        self._deprecated(ref.span, of.decl)

    def _or_open(self, unifier: Unifier, variable: t.TypeVar) -> t.Type:
        """What the constructor's arguments told of a type argument, or a variable that uses will fill."""
        found = unifier.bindings.get(variable)
        if found is not None and found != t.INT:
            return found
        fresh = t.TypeVar(ast.TypeParam(variable.decl.span, variable.decl.name, []))
        self.open_types[fresh] = t.UNKNOWN
        return fresh

    def close_type(self, of: t.Type, span: ast.Span) -> t.Type:
        """The final type of an instance; what no use told is an error."""
        if not isinstance(of, t.ExternType) or not self.open_types:
            return of
        known = self._known(of)
        if isinstance(known, t.ExternType) and any(
            isinstance(a, t.TypeVar) and a in self.open_types for a in known.args
        ):
            params = ", ".join(p.name for p in of.decl.type_params)
            name = of.decl.name
            self.error(span, f"the type arguments of {name} cannot be inferred: write {name}<{params}>(...)")
        return known

    # Arguments

    def _bind(
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
        unifier = Unifier({*variables, *still_open})
        if not self._explicit_types(call, variables, unifier):
            return None
        errors_before = self.diagnostics.error_count
        for (param, of), arg in zip(params, matched, strict=True):
            if arg is not None and not unifier.unify(of, arg.expr.type):
                self._mismatch(call, param, unifier.resolve(of), arg)
        if self.diagnostics.error_count != errors_before:
            call.type = unifier.resolve(returns)
            return None
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
        self.error(arg.span, f"this argument of {name} has type {given}, and {param.name} is {needed}", note)

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
            if found == variable and any(_mentions(of, variable) for of in absent):
                unifier.bindings[variable] = t.DONT_CARE
            elif found == variable:
                name = self._called(call)
                message = (
                    f"the type argument {variable} of {name} cannot be inferred: write {name}<type>(...)"
                )
                self.error(call.span, message)
                return False
        return True

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
        if (
            of == t.INT
            and not constructing
            and param.direction is not ast.Direction.NONE
            and expr.type == t.INT
        ):
            self.error(arg.span, f"the width of this argument is not known: write it as 8w{expr.value}")
            return expr
        if isinstance(of, t.ExternType) and param.direction is not ast.Direction.NONE:
            self.error(param.span, f"the extern {of} cannot be passed {param.direction.value}")
        if param.direction in _OUTGOING:
            self._outgoing(param, of, expr)
            return expr
        if isinstance(of, _NOT_VALUES) and not constructing:
            if isinstance(of, t.TableType | t.CallableType | t.MetaType):
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


def _mentions(of: t.Type, variable: t.TypeVar) -> bool:
    return t.substitute(of, {variable: t.UNKNOWN}) != of


def _shown(param: ast.Parameter) -> str:
    return f"{param.type} {param.name}"
