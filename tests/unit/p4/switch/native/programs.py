"""One small bmv2 program, to test the native engine with: a header, a table, an action that forwards."""

from __future__ import annotations

import json
from typing import Any

from testbed.p4.switch.model import Program, parse_program

FORWARD, DROP, DIGEST, CLONE = range(4)
"""Actions: forward(port), drop(), digest (then port 1), clone to session 1 (then port 1)."""

STANDARD = (
    ("ingress_port", 9), ("egress_spec", 9), ("egress_port", 9), ("instance_type", 32), ("packet_length", 32),
    ("mcast_grp", 16), ("egress_rid", 16), ("parser_error", 32), ("_padding", 1),
)  # fmt: skip


def _action(
    position: int, name: str, params: list[tuple[str, int]], primitives: list[dict[str, Any]]
) -> dict[str, Any]:
    data = [{"name": n, "bitwidth": w} for n, w in params]
    return {"name": name, "id": position, "runtime_data": data, "primitives": primitives}


def _call(op: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    return {"op": op, "parameters": list(parameters)}


def _field(header: str, name: str) -> dict[str, Any]:
    return {"type": "field", "value": [header, name]}


def _number(value: int) -> dict[str, Any]:
    return {"type": "hexstr", "value": hex(value)}


def _forward(to: dict[str, Any]) -> dict[str, Any]:
    return _call("assign", _field("standard_metadata", "egress_spec"), to)


def table_program(
    *key: tuple[str, int], ageing: bool = False, profile: bool = False, size: int = 1 << 17
) -> Program:
    """Fields k0, k1 ... of header `h`, whole bytes in all, are the key of a table of these match kinds."""
    kinds = [kind for kind, _ in key]
    match = next((kind for kind in ("range", "ternary", "lpm") if kind in kinds), "exact")
    fields = [[f"k{i}", width, False] for i, (_, width) in enumerate(key)]
    padding = -sum(width for _, width in key) % 8
    if padding:
        fields.append(["pad", padding, False])
    actions = [
        _action(0, "forward", [("port", 9)], [_forward({"type": "runtime_data", "value": 0})]),
        _action(1, "drop", [], [_call("mark_to_drop", {"type": "header", "value": "standard_metadata"})]),
        _action(2, "digest", [], [_call("generate_digest", _number(0), _number(1)), _forward(_number(1))]),
        _action(
            3,
            "clone",
            [],
            [_call("clone_ingress_pkt_to_egress", _number(1), _number(0)), _forward(_number(1))],
        ),
    ]
    names = [a["name"] for a in actions]
    table = {
        "name": "t",
        "id": 0,
        "match_type": match,
        "type": "indirect_ws" if profile else "simple",
        "max_size": size,
        "with_counters": True,
        "support_timeout": ageing,
        "direct_meters": None,
        "key": [
            {"match_type": kind, "name": f"k{i}", "target": ["h", f"k{i}"], "mask": None}
            for i, kind in enumerate(kinds)
        ],
        "action_ids": list(range(len(actions))),
        "actions": names,
        "base_default_next": None,
        "next_tables": dict.fromkeys(names),
    }
    if profile:
        table["action_profile"] = "ap"
    else:
        table["default_entry"] = {
            "action_id": DROP,
            "action_const": False,
            "action_data": [],
            "action_entry_const": False,
        }
    selector = {"algo": "identity", "input": [_field("h", "k0")]}
    profiles = [{"name": "ap", "id": 0, "max_size": 64, "selector": selector}] if profile else []
    document = {
        "__meta__": {"version": [2, 23]},
        "header_types": [
            {"name": "standard_t", "id": 0, "fields": [[n, w, False] for n, w in STANDARD]},
            {"name": "h_t", "id": 1, "fields": fields},
        ],
        "headers": [
            {"name": "standard_metadata", "id": 0, "header_type": "standard_t", "metadata": True},
            {"name": "h", "id": 1, "header_type": "h_t", "metadata": False},
        ],
        "parsers": [
            {
                "name": "parser",
                "id": 0,
                "init_state": "start",
                "parse_states": [
                    {
                        "name": "start",
                        "id": 0,
                        "transition_key": [],
                        "parser_ops": [_call("extract", {"type": "regular", "value": "h"})],
                        "transitions": [{"type": "default", "value": None, "mask": None, "next_state": None}],
                    }
                ],
            }
        ],
        "deparsers": [{"name": "deparser", "id": 0, "order": ["h"]}],
        "counter_arrays": [{"name": "t_counter", "id": 0, "is_direct": True, "binding": "t"}],
        "learn_lists": [{"id": 1, "name": "learned", "elements": [_field("h", "k0")]}],
        "field_aliases": [
            [f"intrinsic_metadata.{name}", ["standard_metadata", name]]
            for name in ("mcast_grp", "egress_rid")
        ],
        "actions": actions,
        "pipelines": [
            {
                "name": "ingress",
                "id": 0,
                "init_table": "t",
                "tables": [table],
                "action_profiles": profiles,
                "conditionals": [],
            },
            {
                "name": "egress",
                "id": 1,
                "init_table": None,
                "tables": [],
                "action_profiles": [],
                "conditionals": [],
            },
        ],
    }
    for empty in (
        "header_stacks",
        "header_union_types",
        "header_unions",
        "header_union_stacks",
        "errors",
        "enums",
        "parse_vsets",
        "meter_arrays",
        "register_arrays",
        "calculations",
        "field_lists",
        "checksums",
        "force_arith",
        "extern_instances",
    ):
        document[empty] = []
    return parse_program(json.dumps(document), "table_program")
