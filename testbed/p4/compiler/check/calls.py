"""Calls: which declaration, which arguments, which type arguments (specification, 6.8 and 8.20 - 8.23)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.check.arguments import ArgumentBinder, fits
from testbed.p4.compiler.check.core_rules import check_core_call
from testbed.p4.compiler.check.scope import call_params
from testbed.p4.compiler.check.sizes import size_in_bits
from testbed.p4.compiler.check.unify import Unifier, apply_params
from testbed.p4.compiler.diagnostics import Note, a_or_an

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIZES = ("minSizeInBits", "minSizeInBytes", "maxSizeInBits", "maxSizeInBytes")


class CallChecker(ArgumentBinder):
    """Resolves calls of functions, methods, actions, tables, parsers, controls and constructors."""

    def check_call(self, call: ast.Call) -> ast.Expression:
        """See `ExpressionChecker`."""
        for arg in call.args:
            arg.expr = self.infer(arg.expr)
        match call.func:
            case ast.TypeNameExpr():
                self.constructor_call(call, call.func.ref)
                self._concrete(call)
            case ast.Member():
                return self._method_call(call, call.func)
            case ast.PathExpr():
                self._function_call(call, call.func)
            case _:
                self.infer(call.func)
                self.error(call.func.span, "this cannot be called")
        return call

    def _concrete(self, call: ast.Call) -> None:
        """An extern with abstract methods needs a declaration that gives them."""
        if isinstance(call.decl, ast.ExternDecl) and any(m.abstract for m in call.decl.methods):
            message = f"{call.decl.name} has abstract methods: declare an instance that gives them bodies"
            self.error(call.span, message)

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
        self.bind(call, [(p, p.type) for p in target.params], params, returns)
        if target.name == "static_assert" and isinstance(target, ast.ExternFunctionDecl):
            self._static_assert(call)
        check_core_call(call, self)

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
            self.error(call.func.span, f"{name} is {a_or_an(found[0].kind)} and cannot be called", note)
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
        self.bind(call, params, [], t.VOID, runtime_values=True)

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
                if any(p.default is None and not p.optional for p in call_params(of.decl)):
                    self.error(
                        func.span, f"{of} has constructor parameters: declare an instance and apply that"
                    )
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
        self.bind(call, params, method.type_params, returns, still_open=still_open)
        check_core_call(call, self)

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
        self.bind(call, apply_params(of), [], t.VOID)

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
        of = self._constructed(call, ref)
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

    def _constructed(self, call: ast.Call, ref: ast.TypeRef) -> t.Type:
        """The type to construct; of several of one name, the one that the arguments fit."""
        found = self.here.lookup(ref.name) if isinstance(ref, ast.TypeName) else None
        fitting = [d for d in found or () if isinstance(d, ast.TypeDecl) and fits(call_params(d), call.args)]
        if found is None or len(found) < 2 or len(fitting) != 1 or not isinstance(ref, ast.TypeName):
            return self.resolve(ref)
        self.used.update(found)
        ref.decl = fitting[0]
        ref.type = self.declared_type(fitting[0])
        return ref.type

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
        unifier = self.bind(
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
            self.bind(call, [(p, t.substitute(p.type, env)) for p in params], [], of, constructing=True)
            call.type = of
        else:
            typed = [(p, p.type) for p in params]
            unifier = self.bind(call, typed, of.decl.type_params, of, may_stay_open=True, constructing=True)
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


def _shown(param: ast.Parameter) -> str:
    return f"{param.type} {param.name}"
