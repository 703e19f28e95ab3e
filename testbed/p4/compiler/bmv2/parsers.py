"""Parser states and value sets."""

from __future__ import annotations

from testbed.p4.compiler import ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.bmv2 import actions
from testbed.p4.compiler.bmv2 import expressions as ex
from testbed.p4.compiler.bmv2.source_info import Json, Sources
from testbed.p4.compiler.passes.narrow import expect


def parser(program: ir.Program, sources: Sources) -> Json:
    """The parser of the program."""
    states = [_state(i, s, sources) for i, s in enumerate(program.states)]
    return {"name": "parser", "id": 0, "init_state": program.states[0].name, "parse_states": states}


def value_sets(program: ir.Program) -> list[Json]:
    """The value sets that the control plane fills."""
    return [
        {"name": v.name, "id": i, "compressed_bitwidth": v.width, "max_size": v.size}
        for i, v in enumerate(program.value_sets)
    ]


def _state(number: int, state: ir.State, sources: Sources) -> Json:
    widths = [ir.width_of(k.type) for k in state.keys]
    return {
        "name": state.name,
        "id": number,
        "parser_ops": [_operation(s, sources) for s in state.body],
        "transitions": [_transition(c, widths) for c in state.cases],
        "transition_key": [ex.field(k) for k in state.keys],
    }


def _operation(stmt: ir.Stmt, sources: Sources) -> Json:
    match stmt:
        case ir.Extract(header=header, varbit_width=width):
            parameters = [_extract_target(header)]
            if width is None:
                return {"op": "extract", "parameters": parameters}
            parameters.append({"type": "expression", "value": ex.expression(width)})
            return {"op": "extract_VL", "parameters": parameters}
        case ir.Advance(width=bits):
            return {"op": "advance", "parameters": [ex.expression(bits)]}
        case ir.Verify(cond=cond, error=error):
            return {"op": "verify", "parameters": [ex.expression(cond), ex.expression(error)]}
        case ir.Assign(target=ir.Field(header=ir.Header())) if not isinstance(stmt.target.type, t.VarbitType):
            return {"op": "set", "parameters": [ex.field(stmt.target), _source(stmt.source)]}
    return {"op": "primitive", "parameters": [actions.simple(stmt, sources)]}


def _extract_target(header: ir.HeaderRef) -> Json:
    if isinstance(header, ir.StackNext):
        return {"type": "stack", "value": header.stack.name}
    if isinstance(header, ir.UnionStackMember):
        return {"type": "union_stack", "value": [header.element.stack.name, header.name]}
    header = expect(header, ir.Header)
    return {"type": "regular", "value": header.name}


def _source(expr: ir.Expr) -> Json:
    if isinstance(expr, ir.Lookahead):
        return {"type": "lookahead", "value": [expr.offset, ir.width_of(expr.type)]}
    return ex.operand(expr)


def _transition(case: ir.Case, widths: list[int]) -> Json:
    if case.value_set is not None:
        return {"type": "parse_vset", "value": case.value_set, "mask": None, "next_state": case.target}
    if not case.keys:
        return {"type": "default", "value": None, "mask": None, "next_state": case.target}
    exact = all(k.mask is None for k in case.keys)
    masks = [(1 << w) - 1 if k.mask is None else k.mask for k, w in zip(case.keys, widths, strict=True)]
    return {
        "type": "hexstr",
        "value": _packed([k.value for k in case.keys], widths),
        "mask": None if exact else _packed(masks, widths),
        "next_state": case.target,
    }


def _packed(numbers: list[int], widths: list[int]) -> str:
    """Numbers side by side, each padded to whole bytes."""
    return "0x" + "".join(f"{n:0{2 * ((w + 7) // 8)}x}" for n, w in zip(numbers, widths, strict=True))
