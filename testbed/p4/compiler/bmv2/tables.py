"""Tables, conditionals and pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ir
from testbed.p4.compiler.bmv2 import expressions as ex
from testbed.p4.compiler.bmv2.source_info import Json, Sources
from testbed.p4.compiler.passes.narrow import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testbed.p4.compiler.bmv2.graph import ConditionNode, Graph, TableNode

TERNARY_LIKE = ("ternary", "optional")


def pipeline(
    number: int,
    source: ir.Pipeline,
    graph: Graph,
    action_ids: Mapping[ir.Action, int],
    next_id: Callable[[str], int],
    profiles: list[Json],
    sources: Sources,
) -> Json:
    """Ingress or egress with its tables and conditionals."""
    return {
        "name": source.name,
        "id": number,
        **sources.info(source.span),
        "init_table": graph.start,
        "tables": [_table(next_id("tables"), n, action_ids, sources) for n in graph.tables],
        "action_profiles": profiles,
        "conditionals": [_condition(next_id("conditionals"), n, sources) for n in graph.conditions],
    }


def action_profile(number: int, profile: ir.ActionProfile, sources: Sources) -> Json:
    """An action profile or selector."""
    result: Json = {
        "name": profile.name,
        "id": number,
        **sources.info(profile.span),
        "max_size": profile.size,
    }
    if profile.algorithm is not None:
        inputs = [ex.field(f) for f in profile.inputs or []]
        result["selector"] = {"algo": profile.algorithm, "input": inputs}
    return result


def _condition(number: int, node: ConditionNode, sources: Sources) -> Json:
    return {
        "name": node.name,
        "id": number,
        **sources.info(node.stmt.span),
        "expression": ex.expression(node.stmt.cond),
        "true_next": node.if_true,
        "false_next": node.if_false,
    }


def match_type(table: ir.Table) -> str:
    """The kind of a table by those of its keys."""
    kinds = {k.match_kind for k in table.keys}
    if "range" in kinds:
        return "range"
    if kinds & set(TERNARY_LIKE):
        return "ternary"
    return "lpm" if "lpm" in kinds else "exact"


def _table(number: int, node: TableNode, action_ids: Mapping[ir.Action, int], sources: Sources) -> Json:
    table = node.table
    keys = [k for k in table.keys if k.match_kind != "selector"]
    result: Json = {
        "name": table.name,
        "id": number,
        **sources.info(table.span),
        "key": [_key(k) for k in keys],
        "match_type": match_type(table),
        "type": "simple",
        "max_size": len(table.entries) if table.entries else table.size,
        "with_counters": table.counter is not None,
        "support_timeout": table.timeout,
        "direct_meters": table.meter.name if table.meter is not None else None,
        "action_ids": [action_ids[u.action] for u in table.uses],
        "actions": [u.action.name for u in table.uses],
        **_next(node),
    }
    if table.profile is not None:
        result["type"] = "indirect" if table.profile.algorithm is None else "indirect_ws"
        result["action_profile"] = table.profile.name
    else:
        result["default_entry"] = {
            "action_id": action_ids[table.uses[table.default].action],
            "action_const": table.const_default,
            "action_data": [ex.hexstr(a) for a in table.default_args],
            "action_entry_const": table.const_default,
        }
    if table.entries is not None:
        result["entries"] = [_entry(e, table, keys, action_ids, sources) for e in table.entries]
    return result


def _next(node: TableNode) -> Json:
    if node.by_result is not None:
        hit, miss = node.by_result
        return {"base_default_next": None, "next_tables": {"__HIT__": hit, "__MISS__": miss}}
    names = [u.action.name for u in node.table.uses]
    following = {n: node.by_action.get(i, node.otherwise) for i, n in enumerate(names)}
    return {"base_default_next": node.otherwise, "next_tables": following}


def _target(key: ir.Key) -> list[str]:
    header = expect(key.target.header, ir.Header)
    return [header.name, ir.VALID if isinstance(key.target, ir.IsValid) else key.target.name]


def _key(key: ir.Key) -> Json:
    kind = "ternary" if key.match_kind in TERNARY_LIKE else key.match_kind
    return {"match_type": kind, "name": key.name, "target": _target(key), "mask": None}


def _entry(
    entry: ir.Entry,
    table: ir.Table,
    keys: list[ir.Key],
    action_ids: Mapping[ir.Action, int],
    sources: Sources,
) -> Json:
    sets = [s for s, k in zip(entry.keys, table.keys, strict=True) if k.match_kind != "selector"]
    return {
        **sources.info(entry.span),
        "match_key": [_match(s, k) for s, k in zip(sets, keys, strict=True)],
        "action_entry": {
            "action_id": action_ids[table.uses[entry.use].action],
            "action_data": [ex.hexstr(a) for a in entry.args],
        },
        "priority": entry.priority,
    }


def _match(keys: ir.KeySet, key: ir.Key) -> Json:
    width = ir.width_of(key.target.type)
    ones = (1 << width) - 1
    low, high = ex.hexstr(keys.low, width), ex.hexstr(keys.high, width)
    match key.match_kind:
        case "exact":
            return {"match_type": "exact", "key": low}
        case "lpm":
            mask = {"value": ones, "mask": keys.high}.get(keys.kind, 0)
            return {"match_type": "lpm", "key": low, "prefix_length": mask.bit_count()}
        case "range":
            if keys.kind == "any":
                low, high = ex.hexstr(0, width), ex.hexstr(ones, width)
            return {"match_type": "range", "start": low, "end": low if keys.kind == "value" else high}
    mask = {"value": ones, "mask": keys.high}.get(keys.kind, 0)
    return {"match_type": "ternary", "key": low, "mask": ex.hexstr(mask, width)}
