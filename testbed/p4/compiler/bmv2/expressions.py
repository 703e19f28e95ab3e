"""Expressions as the target has them.

The target computes with integers of any size and truncates only when it stores, so every operation whose
result could leave the range of its type gets a mask (unsigned) or `two_comp_mod` (signed) around it. It keeps
booleans and data apart: fields and action data are data, `d2b` and `b2d` convert.
"""

from __future__ import annotations

from testbed.p4.compiler import ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.bmv2.source_info import Json

MAX_SHIFT_BITS = 8  # wider shift amounts are compared with the width first
OPERATORS = {"&&": "and", "||": "or", "|+|": "+", "|-|": "-"}
WRAPPING = frozenset({"+", "-", "*", "<<"})


def hexstr(number: int, width: int = 0) -> str:
    """A number as the target reads it, padded to whole bytes of `width` bits."""
    digits = 2 * ((width + 7) // 8)
    return f"{'-' if number < 0 else ''}0x{abs(number):0{digits}x}"


def constant(number: int, width: int = 0) -> Json:
    """A constant operand."""
    return {"type": "hexstr", "value": hexstr(number, width)}


def operation(op: str, left: Json | None, right: Json | int) -> Json:
    """An expression node."""
    return {"type": "expression", "value": {"op": op, "left": left, "right": right}}


def as_bool(data: Json) -> Json:
    """Data to boolean."""
    return operation("d2b", None, data)


def as_data(truth: Json) -> Json:
    """Boolean to data."""
    return operation("b2d", None, truth)


# --- headers and fields ---------------------------------------------------------------------------------


def stack(of: ir.Stack | ir.UnionStack | ir.Union) -> Json:
    """A stack or a union."""
    kinds = {ir.Stack: "header_stack", ir.UnionStack: "header_union_stack", ir.Union: "header_union"}
    return {"type": kinds[type(of)], "value": of.name}


def header(of: ir.HeaderRef) -> Json:
    """A header inside an expression."""
    match of:
        case ir.Header(name):
            return {"type": "header", "value": name}
        case ir.StackElement(s, index):
            return operation("dereference_header_stack", stack(s), expression(index))
        case ir.StackLast(s):
            return operation("dereference_header_stack", stack(s), expression(ir.LastIndex(s)))
        case ir.UnionStackMember(element, _):
            last = expression(ir.LastIndex(element.stack))
            union = operation("dereference_union_stack", stack(element.stack), last)
            return operation("access_union_header", union, of.position)
    raise AssertionError(of)


def field(of: ir.Field) -> Json:
    """A field as data."""
    match of.header:
        case ir.Header(name):
            return {"type": "field", "value": [name, of.name]}
        case ir.StackLast(s):
            return {"type": "stack_field", "value": [s.name, of.name]}
        case other:
            return operation("access_field", header(other), other.layout.index_of(of.name))


# --- values ---------------------------------------------------------------------------------------------


def expression(expr: ir.Expr) -> Json:
    """A value inside an expression: boolean for bool, else data in the range of its type."""
    match expr:
        case ir.Const(number, type_):
            if type_ == t.BOOL:
                return {"type": "bool", "value": bool(number)}
            return constant(number, ir.width_of(type_) if isinstance(type_, t.BitsType) else 0)
        case ir.Field():
            return as_bool(field(expr)) if expr.type == t.BOOL else field(expr)
        case ir.Param(index, _, type_):
            return _from_unsigned({"type": "local", "value": index}, type_)
        case ir.Unary(op, operand, type_):
            return _unary(op, operand, type_)
        case ir.Binary():
            return _binary(expr)
        case ir.Ternary(cond, then, otherwise):
            node = operation("?", expression(then), expression(otherwise))
            node["value"]["cond"] = expression(cond)
            return node
        case ir.Cast(operand, type_):
            return _cast(operand, type_)
        case ir.IsValid(of):
            if isinstance(of, ir.Header):
                return as_bool({"type": "field", "value": [of.name, ir.VALID]})
            return operation("valid", None, header(of))
        case ir.LastIndex(s):
            return operation("last_stack_index", None, stack(s))
    raise AssertionError(expr)


def data(expr: ir.Expr) -> Json:
    """A value as data, booleans as 0 and 1."""
    if expr.type != t.BOOL:
        return expression(expr)
    match expr:
        case ir.Const(number):
            return constant(number, 8)
        case ir.Field():
            return field(expr)
        case ir.Param(index):
            return {"type": "local", "value": index}
    return as_data(expression(expr))


def _from_unsigned(node: Json, type_: t.Type) -> Json:
    if type_ == t.BOOL:
        return as_bool(node)
    return wrapped(node, type_) if ir.is_signed(type_) else node


def wrapped(node: Json, type_: t.Type) -> Json:
    """Data brought into the range of the type."""
    width = ir.width_of(type_)
    if ir.is_signed(type_):
        return operation("two_comp_mod", node, constant(width))
    return operation("&", node, constant((1 << width) - 1, width))


def _unary(op: str, operand: ir.Expr, type_: t.Type) -> Json:
    inner = expression(operand)
    if op == "!":
        return operation("not", None, inner)
    if op == "-":
        return wrapped(operation("-", constant(0, ir.width_of(type_)), inner), type_)
    return wrapped(operation("~", None, inner), type_)


def _binary(expr: ir.Binary) -> Json:
    op, left, right = expr.op, expression(expr.left), expression(expr.right)
    if op in ("<<", ">>"):
        return _shift(expr, left, right)
    node = operation(OPERATORS.get(op, op), left, right)
    if op in ("|+|", "|-|"):
        saturation = "sat_cast" if ir.is_signed(expr.type) else "usat_cast"
        return operation(saturation, node, constant(ir.width_of(expr.type)))
    return wrapped(node, expr.type) if op in WRAPPING else node


def _shift(expr: ir.Binary, left: Json, right: Json) -> Json:
    node = operation(expr.op, left, right)
    if expr.op == "<<":
        node = wrapped(node, expr.type)
    amount = expr.right.type
    if isinstance(expr.right, ir.Const) or ir.width_of(amount) <= MAX_SHIFT_BITS:
        return node
    width = ir.width_of(expr.type)
    if expr.op == ">>" and ir.is_signed(expr.type):
        everything = operation(">>", left, constant(width))
    else:
        everything = constant(0, width)
    guarded = operation("?", everything, node)
    guarded["value"]["cond"] = operation(">=", right, constant(width))
    return guarded


def _cast(operand: ir.Expr, type_: t.Type) -> Json:
    if operand.type == t.BOOL:
        return as_data(expression(operand))
    node = expression(operand)
    if type_ == t.BOOL:
        return as_bool(node)
    narrower = ir.width_of(type_) < ir.width_of(operand.type)
    if ir.is_signed(type_):
        same = ir.is_signed(operand.type) and not narrower
        wider = not ir.is_signed(operand.type) and ir.width_of(type_) > ir.width_of(operand.type)
        return node if same or wider else wrapped(node, type_)
    return wrapped(node, type_) if narrower or ir.is_signed(operand.type) else node


# --- operands of primitives -----------------------------------------------------------------------------


def operand(of: ir.Operand) -> Json:
    """An argument of a primitive."""
    match of:
        case ir.Expr():
            return _value_operand(of)
        case ir.HeaderRef():
            node = header(of)
            return {"type": "expression", "value": node} if node["type"] == "expression" else node
        case ir.Stack():
            return stack(of)
        case ir.ObjectRef(kind, name):
            return {"type": kind, "value": name}
        case str():
            return {"type": "string", "value": of}
        case tuple():
            return {"type": "parameters_vector", "value": [operand(part) for part in of]}


def _value_operand(expr: ir.Expr) -> Json:
    node = data(expr)
    if node["type"] == "local":
        return {"type": "runtime_data", "value": node["value"]}
    if node["type"] in ("expression", "stack_field"):
        return {"type": "expression", "value": node}
    return node
