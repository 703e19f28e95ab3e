"""Instances of the extern objects of v1model, and the compile-time arguments that they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast, ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes.narrow import expect, known
from testbed.p4.compiler.passes.unit import RefusedError

if TYPE_CHECKING:
    from testbed.p4.compiler.passes.calls import Calls

ALGORITHMS = {
    "crc32": "crc32",
    "crc32_custom": "crc32_custom",
    "crc16": "crc16",
    "crc16_custom": "crc16_custom",
    "random": "random",
    "identity": "identity",
    "csum16": "csum16",
    "xor16": "xor16",
}


def make_instance(body: Calls, decl: ast.Declaration, call: ast.Call, name: str) -> ir.ExternObject:
    """The object of an extern instance declaration or of a constructor call in a table property.

    Raises:
        RefusedError: if the target has no such extern.
    """
    made = body.env.type_of(call)
    made = expect(made, t.ExternType)
    args = {b.param.name: b.expr for b in call.bound}
    kind, span = made.decl.name, decl.span

    def size() -> int:
        return body.size(known(args["size"]))

    match kind:
        case "counter" | "direct_counter":
            length = size() if kind == "counter" else 0
            return ir.CounterArray(
                name, decl, span, member_name(body, args["type"]), length, kind != "counter"
            )
        case "meter" | "direct_meter":
            length = size() if kind == "meter" else 0
            return ir.MeterArray(name, decl, span, member_name(body, args["type"]), length, kind != "meter")
        case "register":
            element = made.args[0]
            scalar = body.unit.scalar_type(element, span)
            if not isinstance(scalar, t.BitsType) and scalar != t.BOOL:
                raise RefusedError(span, f"registers of {element} are not supported: use bit<n> or int<n>")
            if size() == 0:
                raise RefusedError(span, "a register array of size 0 is not supported by this target")
            return ir.RegisterArray(name, decl, span, size(), scalar, element)
        case "action_profile":
            return ir.ActionProfile(name, decl, span, size(), None, body.block)
        case "action_selector":
            algorithm = hash_algorithm(body, args["algorithm"])
            return ir.ActionProfile(name, decl, span, size(), algorithm, body.block)
    raise RefusedError(span, f"extern {kind} is not supported by this target")


def member_name(body: Calls, expr: ast.Expression | None) -> str:
    """The name of a compile-time enum member."""
    expr = known(expr)
    type_ = t.representation(body.env.type_of(expr))
    if isinstance(type_, t.EnumType):
        return type_.decl.members[body.number(expr)].name
    raise RefusedError(expr.span, "this must be a member of an enum, known at compile time")


def hash_algorithm(body: Calls, expr: ast.Expression | None) -> str:
    """The target's name of a compile-time hash algorithm."""
    name = member_name(body, expr)
    found = ALGORITHMS.get(name)
    if found is None and expr is not None:
        raise RefusedError(expr.span, f"hash algorithm {name} is not supported by this target")
    if found == "random" and expr is not None:
        text = "hash algorithm random: simple_switch does not load programs that use it"
        body.unit.diagnostics.warn("unsupported", expr.span, text)
    return found or ""
