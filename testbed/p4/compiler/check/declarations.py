"""Top-level declarations, parsers and controls (P4_16 specification 1.2.5, sections 7.2, 10, 13 and 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.check.dataflow import warn_uninitialized
from testbed.p4.compiler.check.program_rules import check_program
from testbed.p4.compiler.check.tables import TableChecker
from testbed.p4.compiler.check.typerefs import may_contain
from testbed.p4.compiler.check.unused import warn_unused
from testbed.p4.compiler.diagnostics import Note, a_or_an

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.p4.compiler.diagnostics import Diagnostics


class Checker(TableChecker):
    """Checks a whole program, in the order of its declarations."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        """See `ScopeKeeper`."""
        super().__init__(diagnostics)
        self.instances = []

    def check(self, program: ast.Program) -> None:
        """Fill the tree; errors go to the diagnostics."""
        self.program = program
        for declaration in program.declarations:
            self._declaration(declaration)
        program.errors = list(self.errors.values())
        for instance in self.instances:
            instance.type = instance.call.type = self.close_type(instance.call.type, instance.span)
            if isinstance(instance.type, t.ExternType):
                instance.call.bound_types = instance.type.args
        check_program(program, self)
        if not self.diagnostics.error_count:
            warn_unused(self.watched, self.used, self.diagnostics)
            warn_uninitialized(program, self.used, self.diagnostics)

    def _declaration(self, declaration: ast.Declaration) -> None:
        match declaration:
            case ast.FunctionDecl():
                self.function(declaration)
            case ast.ActionDecl():
                self._action_decl(declaration)
            case ast.ErrorDecl(members=members):
                self._errors(members)
            case ast.MatchKindDecl(members=kinds):
                for kind in kinds:
                    self._once(kind, self.match_kinds.setdefault(kind.name, kind))
            case ast.ExternFunctionDecl():
                self._extern_function(declaration)
                self.declare(declaration)
            case ast.TypeDecl():
                self.annotations(declaration.annotations)
                self._declare_type(declaration)
            case _:
                self.local_declaration(declaration)

    def _errors(self, members: list[ast.ErrorMember]) -> None:
        for member in members:
            member.number = len(self.errors)
            self._once(member, self.errors.setdefault(member.name, member))

    def _once(self, declaration: ast.Declaration, known: ast.Declaration) -> None:
        if known is not declaration:
            note = Note(known.span, f"the other {declaration.name}")
            self.error(declaration.span, f"{declaration.name} is declared twice", note)

    # Types

    def _declare_type(self, declaration: ast.TypeDecl) -> None:
        match declaration:
            case ast.StructLikeDecl():
                self._struct_like(declaration)
            case ast.EnumDecl(members=members):
                self._distinct(members)
            case ast.SerEnumDecl():
                self._serializable_enum(declaration)
                return
            case ast.TypedefDecl(ref=ref):
                declaration.type = self.complete(ref, self.resolve(ref))
            case ast.NewTypeDecl():
                self._new_type(declaration)
            case ast.ExternDecl():
                self._extern(declaration)
                return
            case ast.ParserDecl():
                self._parser(declaration)
            case ast.ControlDecl():
                self._control(declaration)
            case ast.ParserTypeDecl() | ast.ControlTypeDecl() | ast.PackageTypeDecl():
                with self.scope(declaration):
                    self._type_params(declaration.type_params)
                    is_package = isinstance(declaration, ast.PackageTypeDecl)
                    self.parameters(declaration.params, declaration, constructor=is_package)
        self.declare(declaration)

    def _type_params(self, params: list[ast.TypeParam]) -> None:
        for param in params:
            self.declare(param)

    def _distinct(self, members: Sequence[ast.Declaration]) -> None:
        seen: dict[str, ast.Declaration] = {}
        for member in members:
            self.annotations(member.annotations)
            self._once(member, seen.setdefault(member.name, member))

    def _struct_like(self, declaration: ast.StructLikeDecl) -> None:
        with self.scope():
            self._type_params(declaration.type_params)
            for field in declaration.fields:
                field.type = self.complete(field.ref, self.resolve(field.ref))
                if field.type != t.UNKNOWN and not may_contain(declaration, field.type):
                    message = f"a {declaration.kind} cannot have a field of type {field.type}"
                    self.error(field.ref.span, message)
        self._distinct(declaration.fields)

    def _serializable_enum(self, declaration: ast.SerEnumDecl) -> None:
        underlying = self.resolve(declaration.ref)
        if not isinstance(underlying, t.BitsType):
            if underlying != t.UNKNOWN:
                message = f"the underlying type of an enum is bit<n> or int<n>, not {underlying}"
                self.error(declaration.ref.span, message)
            underlying = t.bits(32)
        declaration.type = t.SerEnumType(declaration, underlying)
        self._distinct(declaration.members)
        self.declare(declaration)
        with self.scope():
            for member in declaration.members:
                if member.init is None:
                    continue
                what = f"the value of {declaration.name}.{member.name}"
                member.init = self.expect(member.init, underlying, what)
                if member.init.type != t.UNKNOWN and self.compile_time(member.init, what):
                    member.number = member.init.value if isinstance(member.init.value, int) else 0
                self.here.names.setdefault(member.name, [member])

    def _new_type(self, declaration: ast.NewTypeDecl) -> None:
        underlying = self.complete(declaration.ref, self.resolve(declaration.ref))
        if underlying == t.UNKNOWN:
            return
        if not isinstance(underlying, t.BitsType | t.NewType) and underlying != t.BOOL:
            message = f"type makes new types of bit<n>, int<n> and bool, not of {underlying}"
            self.error(declaration.ref.span, message)
        declaration.type = t.NewType(declaration, underlying)

    # Externs

    def _extern(self, declaration: ast.ExternDecl) -> None:
        self.declare(declaration)
        with self.scope(declaration):
            self._type_params(declaration.type_params)
            for method in declaration.methods:
                self.annotations(method.annotations)
                self._extern_function(method)
            self._check_overloads(declaration)

    def _check_overloads(self, declaration: ast.ExternDecl) -> None:
        seen: list[ast.MethodDecl] = []
        for method in declaration.methods:
            for other in seen:
                if other.name == method.name and not self._overloads_by_arity(method, other):
                    note = Note(other.span, "the other one")
                    message = f"calls cannot tell this {method.name} from the other by number of arguments"
                    self.error(method.span, message, note)
            seen.append(method)

    @staticmethod
    def _overloads_by_arity(one: ast.MethodDecl, other: ast.MethodDecl) -> bool:
        return len(one.params) != len(other.params) or {p.name for p in one.params} != {
            p.name for p in other.params
        }

    def _extern_function(self, declaration: ast.ExternFunctionDecl | ast.MethodDecl) -> None:
        with self.scope(declaration):
            self._type_params(declaration.type_params)
            if declaration.return_ref is not None:
                returns = self.resolve(declaration.return_ref)
                declaration.return_type = self.complete(declaration.return_ref, returns)
                if isinstance(declaration, ast.MethodDecl):
                    self._method_result(declaration, declaration.return_ref)
            is_constructor = declaration.return_ref is None
            self.parameters(declaration.params, declaration, constructor=is_constructor)

    def _method_result(self, method: ast.MethodDecl, ref: ast.TypeRef) -> None:
        if method.return_type in (t.INT, t.STRING):
            self.error(ref.span, f"a method cannot return {method.return_type}")
        if method.owner is not None and method.name == method.owner.name:
            self.error(ref.span, "a constructor has no result: write its name and parameters only")

    # Actions, parsers, controls

    def _action_decl(self, action: ast.ActionDecl) -> None:
        self.annotations(action.annotations)
        with self.scope(action):
            self.parameters(action.params, action)
            self._action_parameters(action)
            with self.scope():
                self.body(action.body.body)
        self.declare(action)

    def _action_parameters(self, action: ast.ActionDecl) -> None:
        undirected = False
        for param in action.params:
            if param.direction is ast.Direction.NONE:
                undirected = True
            elif undirected:
                message = f"{param.name}: parameters with a direction stand before those without in an action"
                self.error(param.span, message)
            if isinstance(param.type, t.ExternType):
                self.error(param.span, f"an action cannot have a parameter of type {param.type}")

    def _parser(self, parser: ast.ParserDecl) -> None:
        with self.scope(parser):
            self._type_params(parser.type_params)
            self.parameters(parser.params, parser)
            self.parameters(parser.constructor_params, parser, constructor=True)
            with self.scope():
                for declaration in parser.locals:
                    if isinstance(declaration, ast.ValueSetDecl):
                        self._value_set(declaration)
                    else:
                        self.local_declaration(declaration)
                self._states(parser)

    def _value_set(self, declaration: ast.ValueSetDecl) -> None:
        self.annotations(declaration.annotations)
        element = self.complete(declaration.element, self.resolve(declaration.element))
        declaration.type = t.SetType(element)
        declaration.size = self.infer(declaration.size)
        self.compile_time(declaration.size, "the size of a value_set")
        self.declare(declaration)

    def _states(self, parser: ast.ParserDecl) -> None:
        for name in ("accept", "reject"):
            self.declare(ast.StateDecl(parser.span, name, [], [], None, True))
        for state in parser.states:
            if state.name in ("accept", "reject"):
                self.error(state.span, f"the state {state.name} is built in and cannot be declared")
            else:
                self.declare(state)
        if not any(s.name == "start" for s in parser.states):
            self.error(parser.span, f"the parser {parser.name} has no state named start")
        for state in parser.states:
            self.annotations(state.annotations)
            with self.scope(state):
                self.running += 1
                self.body(state.body)
                self.running -= 1
                match state.transition:
                    case ast.PathExpr():
                        self._state_name(state.transition)
                    case ast.Select():
                        self._select(state.transition)

    def _state_name(self, path: ast.PathExpr) -> None:
        found = self.lookup(path.span, path.name)
        if not found:
            return
        state = found[0]
        if not isinstance(state, ast.StateDecl):
            self.error(path.span, f"{path.name} is {a_or_an(state.kind)}, and a state is needed")
            return
        path.decl, path.type = state, t.STATE

    def _select(self, select: ast.Select) -> None:
        select.exprs = [self.infer(e) for e in select.exprs]
        types = [e.type for e in select.exprs]
        for expr in select.exprs:
            if expr.type != t.UNKNOWN and not _selectable(expr.type):
                self.error(expr.span, f"select cannot look at a value of type {expr.type}")
        for case in select.cases:
            self._select_case(case, types)
            self._state_name(case.state)

    def _select_case(self, case: ast.SelectCase, types: list[t.Type]) -> None:
        keys = case.keys
        if len(keys) == 1 and isinstance(keys[0], ast.DontCare):
            keys[0].type = t.DONT_CARE
            return
        if len(keys) == len(types):
            case.keys = [self._select_key(k, of) for k, of in zip(keys, types, strict=True)]
            return
        if len(keys) == 1:
            key = self.infer(keys[0])
            if isinstance(key, ast.ListExpr) and len(key.elements) == len(types):
                case.keys = [self.fit_keyset(k, of) for k, of in zip(key.elements, types, strict=True)]
                return
            if isinstance(key.type, t.SetType) and _flat(key.type.element) == types:
                case.keys = [key]
                return
            if key.type == t.UNKNOWN:
                return
        self.error(case.span, f"this case has {len(keys)} keys, and select has {len(types)} expressions")

    def _select_key(self, key: ast.Expression, of: t.Type) -> ast.Expression:
        checked = self.infer(key)
        if isinstance(checked, ast.Call) and not checked.builtin:
            self.error(key.span, "functions cannot be called in the key of a case")
        if isinstance(checked.type, t.SetType) and _flat(checked.type.element) == _flat(of):
            return checked
        return self.fit_keyset(checked, of)

    def _control(self, control: ast.ControlDecl) -> None:
        with self.scope(control):
            self._type_params(control.type_params)
            self.parameters(control.params, control)
            self.parameters(control.constructor_params, control, constructor=True)
            with self.scope():
                for declaration in control.locals:
                    match declaration:
                        case ast.ActionDecl():
                            self._action_decl(declaration)
                        case ast.TableDecl():
                            self.table(declaration)
                        case _:
                            self.local_declaration(declaration)
                self.running += 1
                self.block(control.body)
                self.running -= 1


def _selectable(of: t.Type) -> bool:
    of = t.representation(of)
    if isinstance(of, t.TupleType):
        return all(map(_selectable, of.elements))
    return isinstance(of, t.BitsType | t.EnumType | t.TypeVar) or of in (t.BOOL, t.ERROR)


def _flat(of: t.Type) -> list[t.Type]:
    """The scalars in a struct, tuple or scalar, in order."""
    if isinstance(of, t.StructType):
        return [part for f in of.fields for part in _flat(f.type)]
    if isinstance(of, t.TupleType):
        return [part for e in of.elements for part in _flat(e)]
    return [of]
