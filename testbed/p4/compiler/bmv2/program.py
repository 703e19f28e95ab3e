"""The whole JSON document."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from testbed.p4.compiler import ir
from testbed.p4.compiler.bmv2 import actions, graph, headers, parsers, tables
from testbed.p4.compiler.bmv2 import expressions as ex
from testbed.p4.compiler.bmv2.source_info import Json, Sources
from testbed.p4.compiler.passes.unit import RefusedError, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = [2, 23]
COMPILER = "vmto p4c"

ALIASES = {
    "queueing_metadata": ("enq_timestamp", "enq_qdepth", "deq_timedelta", "deq_qdepth"),
    "intrinsic_metadata": (
        "ingress_global_timestamp",
        "egress_global_timestamp",
        "mcast_grp",
        "egress_rid",
        "priority",
    ),
}


def document(unit: Unit, texts: Mapping[str, str]) -> Json:
    """The bmv2 JSON of an elaborated program, as Python objects.

    Raises:
        CompileError: if the target has no such control flow.
    """
    return _Document(unit, Sources(texts)).build()


class _Document:
    def __init__(self, unit: Unit, sources: Sources) -> None:
        self.unit = unit
        self.program = unit.program
        self.sources = sources
        self.ids: Counter[str] = Counter()

    def next_id(self, kind: str) -> int:
        """The next id among objects of that kind, from 0."""
        self.ids[kind] += 1
        return self.ids[kind] - 1

    def build(self) -> Json:
        """All sections; the pipelines first, since they make actions."""
        program, sources = self.program, self.sources
        graphs = [self._graph(p) for p in program.pipelines]
        self.unit.diagnostics.check()
        header_ids = {h.name: i for i, (h, _) in enumerate([(ir.SCALARS, True), *program.headers])}
        action_ids = {a: i for i, a in enumerate(program.actions)}
        return {
            "header_types": headers.types(program),
            "headers": headers.instances(program, header_ids),
            "header_stacks": headers.stacks(program, header_ids),
            **headers.unions(program, header_ids),
            "field_lists": [
                {
                    "id": i,
                    "name": f"field_list{n}" if n >= 0 else "fl",
                    "elements": [ex.field(f) for f in fields],
                }
                for i, (n, fields) in enumerate(program.field_lists.items(), 1)
            ],
            "errors": [list(e) for e in program.errors],
            "enums": [{"name": n, "entries": [list(m) for m in members]} for n, members in program.enums],
            "parsers": [parsers.parser(program, sources)],
            "parse_vsets": parsers.value_sets(program),
            "deparsers": [self._deparser()],
            "meter_arrays": self._meters(),
            "counter_arrays": self._counters(),
            "register_arrays": self._registers(),
            "calculations": [self._calculation(c) for c in self._all_calculations()],
            "learn_lists": self._learn_lists(),
            "actions": [self._action(a, i) for a, i in action_ids.items()],
            "pipelines": [
                tables.pipeline(i, p, g, action_ids, self.next_id, self._profiles(p.name), sources)
                for i, (p, g) in enumerate(zip(program.pipelines, graphs, strict=True))
            ],
            "checksums": [self._checksum(i, c) for i, c in enumerate(program.checksums)],
            "force_arith": [],
            "extern_instances": [],
            "field_aliases": self._aliases(),
            "program": program.path,
            "__meta__": {"version": VERSION, "compiler": COMPILER},
        }

    def _graph(self, pipeline: ir.Pipeline) -> graph.Graph:
        try:
            return graph.layout(self.unit, pipeline)
        except RefusedError as error:
            self.unit.diagnostics.error(error.span, error.message)
            return graph.Graph(None, [], [])

    # --- headers -------------------------------------------------------------------------------------------

    def _aliases(self) -> list[Any]:
        layout = self.program.layouts[ir.STANDARD_METADATA]
        present = {name for name, _ in layout.fields}
        return [
            [f"{group}.{name}", [ir.STANDARD_METADATA, name]]
            for group, names in ALIASES.items()
            for name in names
            if name in present
        ]

    def _deparser(self) -> Json:
        order = [h.name for h in self.program.deparser if isinstance(h, ir.Header)]
        info = self.sources.info(self.program.deparser_span)
        return {"name": "deparser", "id": 0, **info, "order": order, "primitives": []}

    # --- extern objects ----------------------------------------------------------------------------------

    def _meters(self) -> list[Json]:
        result: list[Json] = []
        for meter in self.program.externs:
            if not isinstance(meter, ir.MeterArray) or (meter.direct and meter.table is None):
                continue
            entry: Json = {
                "name": meter.name,
                "id": len(result),
                **self.sources.info(meter.span),
                "is_direct": meter.direct,
                "size": meter.size,
                "rate_count": 2,
                "type": meter.unit,
            }
            if meter.table is not None:
                entry["size"] = meter.table.size
                entry["binding"] = meter.table.name
                entry["result_target"] = ex.field(meter.result)["value"] if meter.result else None
            result.append(entry)
        return result

    def _counters(self) -> list[Json]:
        result: list[Json] = []
        for counter in self.program.externs:
            if not isinstance(counter, ir.CounterArray) or (counter.direct and counter.table is None):
                continue
            entry: Json = {
                "name": counter.name,
                "id": len(result),
                **self.sources.info(counter.span),
                "is_direct": counter.direct,
            }
            entry |= {"binding": counter.table.name} if counter.table is not None else {"size": counter.size}
            result.append(entry)
        return result

    def _registers(self) -> list[Json]:
        found = [e for e in self.program.externs if isinstance(e, ir.RegisterArray)]
        return [
            {
                "name": r.name,
                "id": i,
                **self.sources.info(r.span),
                "size": r.size,
                "bitwidth": ir.width_of(r.type),
            }
            for i, r in enumerate(found)
        ]

    def _profiles(self, pipeline: str) -> list[Json]:
        return [
            tables.action_profile(self.next_id("action_profiles"), e, self.sources)
            for e in self.program.externs
            if isinstance(e, ir.ActionProfile) and e.tables and e.pipeline == pipeline
        ]

    def _learn_lists(self) -> list[Json]:
        return [
            {
                "id": i,
                "name": d.name,
                **self.sources.info(d.span),
                "elements": [ex.field(f) for f in d.fields],
            }
            for i, d in enumerate(self.program.digests, 1)
        ]

    # --- actions and calculations ------------------------------------------------------------------------

    def _action(self, action: ir.Action, number: int) -> Json:
        return {
            "name": action.name,
            "id": number,
            "runtime_data": [{"name": p.name, "bitwidth": ir.width_of(p.type)} for p in action.params],
            "primitives": actions.primitives(action.body, self.sources),
        }

    def _all_calculations(self) -> list[ir.Calculation]:
        made = [
            ir.Calculation(f"calc_checksum_{i}", c.algorithm, c.inputs, c.payload, c.span)
            for i, c in enumerate(self.program.checksums)
        ]
        return [*self.program.calculations, *made]

    def _calculation(self, calculation: ir.Calculation) -> Json:
        inputs: list[Json] = []
        for part in calculation.inputs:
            match part:
                case ir.Const(number, type_):
                    width = ir.width_of(type_)
                    inputs.append({**ex.constant(number % (1 << width), width), "bitwidth": width})
                case ir.Field():
                    inputs.append(ex.field(part))
                case ir.HeaderRef():
                    inputs.append(ex.header(part))
        if calculation.payload:
            inputs.append({"type": "payload", "value": None})
        return {
            "name": calculation.name,
            "id": self.next_id("calculations"),
            **self.sources.info(calculation.span),
            "algo": calculation.algorithm,
            "input": inputs,
        }

    def _checksum(self, number: int, checksum: ir.Checksum) -> Json:
        return {
            "name": f"cksum_{number}",
            "id": number,
            **self.sources.info(checksum.span),
            "target": ex.field(checksum.target)["value"],
            "type": "generic",
            "calculation": f"calc_checksum_{number}",
            "verify": not checksum.update,
            "update": checksum.update,
            "if_cond": ex.expression(checksum.cond),
        }
