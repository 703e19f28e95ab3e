"""Inference of type arguments (P4_16 specification 1.2.5, section 8.23)."""

from __future__ import annotations

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t


class Unifier:
    """Finds types for the type variables of one call.

    A variable that has met only `int` literals takes the first type with a width that it meets later.
    """

    def __init__(self, variables: set[t.TypeVar]) -> None:
        """`variables` are the ones to find."""
        self.variables = variables
        self.bindings: dict[t.TypeVar, t.Type] = {}

    def resolve(self, of: t.Type) -> t.Type:
        """`of` with what is known so far."""
        return t.substitute(of, self.bindings)

    def unify(self, param: t.Type, arg: t.Type) -> bool:
        """Make `param` (which has variables) fit `arg`; False if that cannot be."""
        if param == arg or t.UNKNOWN in (param, arg) or t.DONT_CARE in (param, arg):
            return True
        if isinstance(param, t.TypeVar) and param in self.variables:
            return self._bind(param, arg)
        if isinstance(arg, t.TypeVar) and arg in self.variables:
            return self._bind(arg, param)
        return self._parts(param, arg)

    def _bind(self, variable: t.TypeVar, to: t.Type) -> bool:
        known = self.bindings.get(variable)
        if known is None:
            self.bindings[variable] = to
            return True
        if to in (known, t.DEFAULT):
            return True
        if known in (t.INT, t.DEFAULT) and isinstance(to, t.BitsType | t.SerEnumType | t.NewType):
            self.bindings[variable] = to
            return True
        if self.unify(known, to):
            if self._is_vague(known) and not self._is_vague(to):
                self.bindings[variable] = to
            return True
        return False

    def _is_vague(self, of: t.Type) -> bool:
        """Whether a list or struct expression's own type, to give way to a declared one."""
        return isinstance(of, t.TupleType | t.AnonymousStructType)

    def _parts(self, param: t.Type, arg: t.Type) -> bool:
        match param, arg:
            case (t.BitsType(), t.INT) | (t.INT, t.BitsType()) | (_, t.DEFAULT):
                return True
            case t.BitsType(), t.SerEnumType():
                return self.unify(param, arg.underlying)
            case t.SetType(one), t.SetType(other):
                return self.unify(one, other)
            case t.ListType(one), t.ListType(other):
                return self.unify(one, other)
            case t.ListType(one), t.TupleType(elements):
                return all(self.unify(one, e) for e in elements)
            case t.TupleType(ones), t.TupleType(others):
                return self._all(ones, others)
            case t.CompositeType(), t.TupleType(elements):
                return self._all(tuple(f.type for f in param.fields), elements)
            case t.CompositeType(), t.AnonymousStructType(fields):
                by_name = {f.name: f.type for f in fields}
                return all(f.name not in by_name or self.unify(f.type, by_name[f.name]) for f in param.fields)
            case t.StackType(one), t.TupleType(elements):
                return all(self.unify(one, e) for e in elements)
            case t.StackType(one, size), t.StackType(other, other_size):
                return size == other_size and self.unify(one, other)
            case (t.ParserType() | t.ControlType(), t.ParserType() | t.ControlType()) if (
                type(param) is type(arg) and param.decl is not arg.decl
            ):
                return self._apply_signatures(param, arg)
            case (
                (t.CompositeType() | t.ExternType() | t.ParserType() | t.ControlType() | t.PackageType()),
                _,
            ) if type(param) is type(arg):
                return param.decl is arg.decl and self._all(param.args, arg.args)
        return False

    def _all(self, params: tuple[t.Type, ...], args: tuple[t.Type, ...]) -> bool:
        if args and args[-1] == t.DEFAULT:
            args = args[:-1]
            params = params[: len(args)]
        return len(params) == len(args) and all(self.unify(p, a) for p, a in zip(params, args, strict=True))

    def _apply_signatures(
        self, param: t.ParserType | t.ControlType, arg: t.ParserType | t.ControlType
    ) -> bool:
        """A parser or control declaration for a parser or control type: parameter by parameter."""
        declared, given = apply_params(param), apply_params(arg)
        if any(p.default is None and not p.optional for p, _ in declared[len(given) :]):
            return False
        if any(p.default is None and not p.optional for p, _ in given[len(declared) :]):
            return False
        return all(
            p.direction == q.direction and self.unify(one, other)
            for (p, one), (q, other) in zip(declared, given, strict=False)
        )


def explain_mismatch(needed: t.Type, given: t.Type) -> str:
    """Why a parser or control does not fit: the first difference of the parameters; "" if it is none."""
    if not isinstance(needed, t.ParserType | t.ControlType) or type(needed) is not type(given):
        return ""
    wanted, present = apply_params(needed), apply_params(given)
    if len(wanted) != len(present):
        return f": {given} has {len(present)} parameters, and {len(wanted)} are needed"
    for (param, of), (other, other_type) in zip(wanted, present, strict=True):
        if param.direction is not other.direction:
            directions = [p.direction.value or "without direction" for p in (other, param)]
            return f": its parameter {other.name} is {directions[0]}, and must be {directions[1]}"
        if not isinstance(of, t.TypeVar) and of != other_type:
            return f": its parameter {other.name} has type {other_type}, and {of} is needed"
    return ""


def apply_params(of: t.ParserType | t.ControlType) -> list[tuple[ast.Parameter, t.Type]]:
    """The parameters of a parser's or control's `apply` with their types, type arguments substituted."""
    variables = map(t.TypeVar, of.decl.type_params)
    env: dict[t.TypeVar, t.Type] = dict(zip(variables, of.args, strict=False))
    return [(p, t.substitute(p.type, env)) for p in of.decl.params]
