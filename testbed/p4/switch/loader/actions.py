"""Actions and primitives, checked against the signatures of simple_switch's primitives."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, cast

from testbed.p4.switch.loader.cursor import MAX_BITS, Cursor
from testbed.p4.switch.loader.expressions import ExpressionLoader, header_type, union_types
from testbed.p4.switch.loader.scope import Scope
from testbed.p4.switch.model import (
    Action,
    Arg,
    CalculationRef,
    Const,
    CounterRef,
    Expr,
    FieldRef,
    HeaderField,
    MeterRef,
    Param,
    Primitive,
    RegisterCell,
    RegisterRef,
    StackLast,
)

ArgKind: TypeAlias = Literal[
    "lvalue",
    "data",
    "varbit",
    "header",
    "union",
    "stack",
    "union_stack",
    "any_stack",
    "calculation",
    "counter",
    "meter",
    "register",
    "label",
    "text",
    "vector",
]

SIGNATURES: Final[dict[str, tuple[ArgKind, ...]]] = {
    "assign": ("lvalue", "data"),
    "modify_field": ("lvalue", "data"),
    "assign_VL": ("varbit", "varbit"),
    "assign_header": ("header", "header"),
    "copy_header": ("header", "header"),
    "assign_header_stack": ("stack", "stack"),
    "assign_union": ("union", "union"),
    "assign_union_stack": ("union_stack", "union_stack"),
    "add_header": ("header",),
    "remove_header": ("header",),
    "push": ("any_stack", "data"),
    "pop": ("any_stack", "data"),
    "_jump": ("label",),
    "_jump_if_zero": ("data", "label"),
    "exit": (),
    "no_op": (),
    "drop": (),
    "mark_to_drop": ("header",),
    "assert": ("data",),
    "assume": ("data",),
    "log_msg": ("text", "vector"),
    "generate_digest": ("data", "data"),
    "clone_ingress_pkt_to_egress": ("data", "data"),
    "clone_egress_pkt_to_egress": ("data", "data"),
    "resubmit": ("data",),
    "recirculate": ("data",),
    "truncate": ("data",),
    "count": ("counter", "data"),
    "execute_meter": ("meter", "data", "lvalue"),
    "register_read": ("lvalue", "register", "data"),
    "register_write": ("register", "data", "data"),
    "modify_field_rng_uniform": ("lvalue", "data", "data"),
    "modify_field_with_hash_based_offset": ("lvalue", "data", "calculation", "data"),
}
"""The primitives there are, and what they take."""

_LVALUES: Final = (FieldRef, HeaderField, StackLast, RegisterCell)


def load_actions(root: Cursor, scope: Scope) -> None:
    """Fill `scope.actions`; `scope.action_names` then knows their ids."""
    for i, at in enumerate(root.items("actions")):
        scope.action_names.declare_id(at, i)
        params = tuple(
            Param(param.name(), param.get("bitwidth").number(1, MAX_BITS))
            for param in at.items("runtime_data")
        )
        expressions = ExpressionLoader(scope, len(params))
        calls = at.items("primitives")
        primitives = tuple(load_primitive(call, scope, expressions) for call in calls)
        for number, (call, primitive) in enumerate(zip(calls, primitives, strict=True)):
            _check_jump(call, primitive, number, len(primitives))
        scope.actions.append(Action(at.name(), params, primitives))


def load_primitive(at: Cursor, scope: Scope, expressions: ExpressionLoader) -> Primitive:
    """One call of a primitive."""
    op = at.get("op").text()
    signature = SIGNATURES.get(op)
    if signature is None:
        raise at.get("op").error(f"primitive '{op}' is not one this switch has")
    arguments = at.items("parameters")
    if len(arguments) != len(signature):
        raise at.error(f"'{op}' takes {len(signature)} arguments, not {len(arguments)}")
    loader = _Arguments(scope, expressions)
    args = tuple(loader.load(a, kind) for a, kind in zip(arguments, signature, strict=True))
    _check_types(at, op, args, scope)
    return Primitive(op, args, _line(at))


class _Arguments:
    """Loads the arguments of one call."""

    def __init__(self, scope: Scope, expressions: ExpressionLoader) -> None:
        self._scope = scope
        self._expressions = expressions

    def load(self, at: Cursor, kind: ArgKind) -> Arg:
        match kind:
            case "data" | "header" | "union" | "stack" | "union_stack":
                return self._expressions.load(at, kind)
            case "lvalue":
                return self._lvalue(at)
            case "varbit":
                return self._varbit(at)
            case "any_stack":
                return self._stacks(at)
            case "label":
                return self._label(at)
            case "text":
                return self._typed(at, "string").text()
            case "vector":
                return self._vector(at)
            case "calculation":
                return CalculationRef(self._scope.calculation_names.find(self._typed(at, kind)))
            case "counter":
                return CounterRef(self._scope.counter_names.find(self._typed(at, "counter_array")))
            case "meter":
                return MeterRef(self._scope.meter_names.find(self._typed(at, "meter_array")))
            case "register":
                return RegisterRef(self._scope.register_names.find(self._typed(at, "register_array")))

    def _label(self, at: Cursor) -> Const:
        target = self._expressions.load(at, "data")
        if not isinstance(target, Const):
            raise at.error("a jump goes to a constant")
        return target

    def _typed(self, at: Cursor, name: str) -> Cursor:
        if at.get("type").text() != name:
            raise at.get("type").error(f"expected '{name}'")
        return at.get("value")

    def _vector(self, at: Cursor) -> tuple[Expr, ...]:
        vector = self._typed(at, "parameters_vector")
        if vector.value == {}:  # as p4c writes an empty one
            return ()
        return tuple(self._expressions.load(a, "data") for a in vector.items())

    def _lvalue(self, at: Cursor) -> Expr:
        expr = self._expressions.load(at, "data")
        if not isinstance(expr, _LVALUES):
            raise at.error("expected something that can be assigned to")
        return expr

    def _varbit(self, at: Cursor) -> Expr:
        expr = self._expressions.load(at, "data")
        fields: tuple[object, ...] = ()
        if isinstance(expr, FieldRef):
            fields = self._scope.headers[expr.header].type.fields[expr.field : expr.field + 1]
        elif isinstance(expr, HeaderField):
            fields = header_type(self._scope, expr.header).fields[expr.field : expr.field + 1]
        if not fields or not fields[0].varbit:  # type: ignore[attr-defined]
            raise at.error("expected a varbit field")
        return expr

    def _stacks(self, at: Cursor) -> Expr:
        expr, kind = self._expressions.load_any(at)
        if kind not in ("stack", "union_stack"):
            raise at.error(f"expected a stack, got {kind}")
        return expr


def _check_types(at: Cursor, op: str, args: tuple[Arg, ...], scope: Scope) -> None:
    """Whole headers, unions and stacks are assigned to their like only."""
    if op in ("assign_header", "copy_header"):
        same = header_type(scope, args[0]) is header_type(scope, args[1])  # type: ignore[arg-type]
    elif op == "assign_union":
        same = union_types(scope, args[0]) == union_types(scope, args[1])  # type: ignore[arg-type]
    elif op == "assign_header_stack":
        same = _stack_shape(scope, args[0]) == _stack_shape(scope, args[1])
    elif op == "assign_union_stack":
        same = _union_stack_shape(scope, args[0]) == _union_stack_shape(scope, args[1])
    elif op == "mark_to_drop":
        same = "egress_spec" in header_type(scope, args[0]).index  # type: ignore[arg-type]
    else:
        return
    if not same:
        raise at.error(f"the arguments of '{op}' do not fit each other")


def _stack_shape(scope: Scope, arg: Arg) -> tuple[str, int]:
    stack = scope.stacks[arg.stack]  # type: ignore[union-attr]
    return stack.type.name, len(stack.headers)


def _union_stack_shape(scope: Scope, arg: Arg) -> tuple[object, int]:
    position: int = arg.stack  # type: ignore[union-attr]
    return scope.union_members[position], len(scope.union_stacks[position].unions)


def _check_jump(at: Cursor, primitive: Primitive, number: int, count: int) -> None:
    if primitive.op not in ("_jump", "_jump_if_zero"):
        return
    target = cast(Const, primitive.args[-1])
    if not number < target.value <= count:
        raise at.error(f"a jump from {number} to {target.value}: jumps go forward, at most to {count}")


def _line(at: Cursor) -> str:
    source = at.opt("source_info")
    if source is None or not isinstance(source.value, dict):
        return ""
    return f"{source.value.get('filename', '')}:{source.value.get('line', '')}"
