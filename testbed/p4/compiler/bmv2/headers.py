"""Header types, instances, stacks and unions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from testbed.p4.compiler import ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.bmv2.source_info import Json

if TYPE_CHECKING:
    from collections.abc import Mapping


def types(program: ir.Program) -> list[Json]:
    """The layouts of all instances, the scalars first; those of metadata are padded to whole bytes."""
    metadata = {h.layout.name for h, is_metadata in program.headers if is_metadata}
    scalars = ir.Layout(ir.SCALARS.layout.name, tuple(program.scalars.items()))
    return [
        _type(i, layout, padded=layout is scalars or layout.name in metadata)
        for i, layout in enumerate([scalars, *program.layouts.values()])
    ]


def _type(number: int, layout: ir.Layout, *, padded: bool) -> Json:
    fields: list[list[Any]] = []
    has_varbit = False
    for name, type_ in layout.fields:
        if isinstance(type_, t.VarbitType):
            has_varbit = True
            fields.append([name, "*"])
        else:
            fields.append([name, ir.width_of(type_), ir.is_signed(type_)])
    if padded and layout.width % 8:
        fields.append(["_padding", 8 - layout.width % 8, False])
    result: Json = {"name": layout.name, "id": number, "fields": fields}
    if has_varbit:
        result["max_length"] = (layout.width + 7) // 8
    return result


def instances(program: ir.Program, ids: Mapping[str, int]) -> list[Json]:
    """All header and metadata instances."""
    return [
        {
            "name": h.name,
            "id": ids[h.name],
            "header_type": h.layout.name,
            "metadata": metadata,
            "pi_omit": True,
        }
        for h, metadata in [(ir.SCALARS, True), *program.headers]
    ]


def stacks(program: ir.Program, ids: Mapping[str, int]) -> list[Json]:
    """The header stacks."""
    return [
        {
            "name": s.name,
            "id": i,
            "header_type": s.layout.name,
            "size": s.size,
            "header_ids": [ids[s.element(n).name] for n in range(s.size)],
        }
        for i, s in enumerate(program.stacks)
    ]


def unions(program: ir.Program, ids: Mapping[str, int]) -> Json:
    """The sections on header unions: their types, the unions and the stacks of them."""
    types_: dict[str, list[list[str]]] = {}
    for union in program.unions:
        types_.setdefault(union.type_name, [[n, h.layout.name] for n, h in union.members])
    numbers = {u.name: i for i, u in enumerate(program.unions)}
    return {
        "header_union_types": [
            {"name": name, "id": i, "headers": members} for i, (name, members) in enumerate(types_.items())
        ],
        "header_unions": [
            {
                "name": u.name,
                "id": numbers[u.name],
                "union_type": u.type_name,
                "header_ids": [ids[h.name] for _, h in u.members],
            }
            for u in program.unions
        ],
        "header_union_stacks": [
            {
                "name": s.name,
                "id": i,
                "union_type": s.type_name,
                "size": len(s.elements),
                "header_union_ids": [numbers[u.name] for u in s.elements],
            }
            for i, s in enumerate(program.union_stacks)
        ],
    }
