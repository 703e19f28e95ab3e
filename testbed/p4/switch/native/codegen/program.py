"""A whole program as one C file against the runtime's `vs_pipe.h`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Final

from testbed.p4.switch.model import (
    Checksum,
    FieldRef,
    HeaderRef,
    Node,
    Pipeline,
    Program,
    StackNext,
    UnionStackNext,
)
from testbed.p4.switch.model import Extract as ExtractOp
from testbed.p4.switch.native.codegen.actions import Statements, action_name, declare_action, may_end
from testbed.p4.switch.native.codegen.ahead import declare_look_ahead, tables_ahead
from testbed.p4.switch.native.codegen.bounds import BoundsOf
from testbed.p4.switch.native.codegen.hashing import declare_calculation, hash_function
from testbed.p4.switch.native.codegen.layout import Layout, is_wide
from testbed.p4.switch.native.codegen.parsing import HeaderFunctions, ParserWriter
from testbed.p4.switch.native.codegen.tables import TableWriter, declare_tables
from testbed.p4.switch.native.codegen.writer import Writer, comment, string, words

_TIMES: Final = (
    "intrinsic_metadata.ingress_global_timestamp",
    "intrinsic_metadata.egress_global_timestamp",
    "queueing_metadata.enq_timestamp",
    "queueing_metadata.deq_timedelta",
)


def generate(program: Program) -> str:
    """The C source of a program."""
    return _Generator(program).run()


class _Generator:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.layout = Layout(program)
        self.bounds = BoundsOf(program)
        self.w = Writer()
        tables = (n.position for n in self._reachable(program.ingress.start) if n.kind == "table")
        self.ahead = tables_ahead(program, tables)

    def run(self) -> str:
        """All of it."""
        w = self.w
        w.line(comment(f"Generated from {self.program.source}."))
        w.line('#include "vs_pipe.h"')
        w.line()
        self.layout.declare(w)
        HeaderFunctions(self.layout, w).declare(self._types_on_the_wire())
        for i in range(len(self.program.calculations)):
            declare_calculation(self.layout, w, i)
        for i, profile in enumerate(self.program.profiles):
            if profile.selector is not None:
                selector = profile.selector
                hash_function(self.layout, w, f"selector{i}", selector.algorithm, selector.fields)
        for i in range(len(self.program.actions)):
            declare_action(self.layout, self.bounds, w, i)
        ParserWriter(self.layout, self.bounds, w).declare()
        self._verify_checksums()
        self._pipeline("run_ingress", self.program.ingress)
        self._pipeline("run_egress", self.program.egress)
        self._entry_points()
        self._metadata_functions()
        self._learn()
        if self.ahead:
            declare_look_ahead(self.layout, self.bounds, w, self.ahead)
        self._descriptions()
        return w.text()

    def _statements(self) -> Statements:
        return Statements(self.layout, self.bounds, self.w)

    def _intrinsic(self, name: str) -> FieldRef | None:
        return self.program.intrinsic(name)

    def _types_on_the_wire(self) -> set[int]:
        program = self.program
        used = {id(program.headers[h].type) for h in program.deparser.order}
        for state in program.parser.states:
            for op in state.ops:
                if isinstance(op, ExtractOp):
                    used.add(id(self._extracted_type(op)))
        return used

    def _extracted_type(self, op: ExtractOp) -> object:
        match op.target:
            case HeaderRef(header):
                return self.program.headers[header].type
            case StackNext(stack):
                return self.program.stacks[stack].type
            case UnionStackNext(stack, member):
                union = self.program.union_stacks[stack].unions[0]
                return self.program.headers[self.program.unions[union].headers[member]].type

    # -- checksums -------------------------------------------------------------------------------------------

    def _condition(self, checksum: Checksum, s: Statements, *, verify: bool) -> str:
        terms = []
        if verify:
            terms.append(self.layout.header(checksum.target.header).valid)
        if checksum.cond is not None:
            terms.append(s.truth(checksum.cond))
        return " && ".join(terms) or "1"

    def _verify_checksums(self) -> None:
        w = self.w
        w.line()
        head = "static void verify_checksums(struct vs_context *c, struct vs_phv *p, struct vs_packet *k)"
        with w.block(head):
            w.line("(void)c, (void)p;")
            w.line("k->checksum_error = false;")
            for checksum in self.program.checksums:
                if not checksum.verify:
                    continue
                with w.block():
                    s = self._statements()
                    w.line(f"if ({self._condition(checksum, s, verify=True)})")
                    field, lvalue = self.layout.field(checksum.target)
                    actual = f"{lvalue}[0]" if is_wide(field) else f"(u64){lvalue}"
                    digest = f"calculation{checksum.calculation}(c, p, k)"
                    w.line(f"    k->checksum_error |= {digest} != {actual};")

    def _update_checksums(self) -> None:
        for checksum in self.program.checksums:
            if not checksum.update:
                continue
            with self.w.block():
                s = self._statements()
                condition = self._condition(checksum, s, verify=False)
                with self.w.block("" if condition == "1" else f"if ({condition})"):
                    v = self.w.fresh("v")
                    self.w.line(f"const u64 {v} = calculation{checksum.calculation}(c, p, k);")
                    s.put_u64(checksum.target, v)

    # -- pipelines -------------------------------------------------------------------------------------------

    def _reachable(self, start: Node | None) -> list[Node]:
        seen: dict[Node, None] = {}
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if node is None or node in seen:
                continue
            seen[node] = None
            waiting += reversed(list(self._after(node)))
        return list(seen)

    def _after(self, node: Node) -> Iterator[Node | None]:
        program = self.program
        match node.kind:
            case "if":
                conditional = program.conditionals[node.position]
                yield conditional.true_next
                yield conditional.false_next
            case "call":
                yield program.calls[node.position].next
            case "table":
                t = program.tables[node.position]
                yield t.next(True, None)
                yield t.next(False, None)
                for action in t.actions:
                    yield t.next(False, action)

    def _pipeline(self, name: str, pipeline: Pipeline) -> None:
        w = self.w
        nodes = self._reachable(pipeline.start)
        go: dict[object, str] = {node: f"goto {node.kind}{node.position};" for node in nodes}
        go = {node: text.replace("if", "cond") for node, text in go.items()}
        go[None] = "goto done;"
        w.line()
        with w.block(f"static void {name}(struct vs_context *c, struct vs_phv *p, struct vs_packet *k)"):
            w.line("(void)c, (void)p, (void)k;")
            w.line(go[pipeline.start])
            for node in nodes:
                w.label(go[node][5:-1])
                with w.block():
                    self._node(node, go)
            w.label("done")

    def _node(self, node: Node, go: dict[object, str]) -> None:
        program, w = self.program, self.w
        match node.kind:
            case "if":
                conditional = program.conditionals[node.position]
                s = self._statements()
                w.line(comment(conditional.name))
                w.line(f"if ({s.truth(conditional.expression)})")
                w.line(f"    {go[conditional.true_next]}")
                w.line(go[conditional.false_next])
            case "call":
                call = program.calls[node.position]
                action = program.actions[call.action]
                w.line(f"{action_name(call.action, action)}(c, p, k, NULL);")
                if may_end(action):
                    w.line("if (k->exited)")
                    w.line("    goto done;")
                w.line(go[call.next])
            case "table":
                profile = program.tables[node.position].profile
                has_selector = profile is not None and program.profiles[profile].selector is not None
                selector = f"selector{profile}" if has_selector else ""
                TableWriter(self.layout, self.bounds, w).table(node.position, go, selector)

    # -- what the runtime calls ------------------------------------------------------------------------------

    def _entry_points(self) -> None:
        arguments = "struct vs_context *c, struct vs_phv *p, struct vs_packet *k"
        self.w.line()
        with self.w.block(f"static void arrive({arguments})"):
            self._arrive()
        self.w.line()
        with self.w.block(f"static void ingress({arguments})"):
            self._ingress()
        self.w.line()
        with self.w.block(f"static void parse({arguments})"):
            self._put("standard_metadata.ingress_port", "k->ingress_port")
            self.w.line("parse_packet(c, p, k);")
            self.w.line("verify_checksums(c, p, k);")
        self.w.line()
        with self.w.block(f"static void egress({arguments})"):
            self._egress()
        self.w.line()
        with self.w.block(f"static u32 measure({arguments})"):
            self._measure()
        self.w.line()
        with self.w.block("static void deparse(const struct vs_phv *p, u8 *to)"):
            self._deparse()

    def _put(self, name: str, code: str) -> None:
        self._statements().put_u64(self._intrinsic(name), code)

    def _get(self, name: str) -> str:
        ref = self._intrinsic(name)
        return "0" if ref is None else self._statements().number(ref, 64)

    def _arrive(self) -> None:
        w = self.w
        with w.block("if (!k->resumed)"):
            self._put("standard_metadata.ingress_port", "k->ingress_port")
            self._put("intrinsic_metadata.ingress_global_timestamp", "c->now_us")
        self._put("standard_metadata.packet_length", "k->packet_length")
        self._put("standard_metadata.instance_type", "k->instance_type")
        w.line("parse_packet(c, p, k);")

    def _ingress(self) -> None:
        w = self.w
        w.line("if (!k->parsed)")
        w.line("    arrive(c, p, k);")
        w.line("if (k->failed)")
        w.line("    return;")
        w.line("verify_checksums(c, p, k);")
        self._put("standard_metadata.parser_error", "k->parser_error")
        self._put("standard_metadata.checksum_error", "k->checksum_error")
        w.line("run_ingress(c, p, k);")
        w.line(f"k->egress_spec = (u32)({self._get('standard_metadata.egress_spec')});")
        w.line(f"k->mcast_group = (u32)({self._get('intrinsic_metadata.mcast_grp')});")
        w.line(f"k->priority = (u32)({self._get('intrinsic_metadata.priority')});")

    def _egress(self) -> None:
        w = self.w
        self._put("intrinsic_metadata.egress_global_timestamp", "c->now_us")
        self._put("queueing_metadata.enq_timestamp", "k->enqueue_us")
        self._put("queueing_metadata.enq_qdepth", "0")
        self._put("queueing_metadata.deq_timedelta", "c->now_us - k->enqueue_us")
        self._put("queueing_metadata.deq_qdepth", "0")
        self._put("standard_metadata.egress_port", "k->egress_port")
        self._put("standard_metadata.egress_spec", "c->drop_port + 1")
        self._put("standard_metadata.packet_length", "k->packet_length")
        self._put("standard_metadata.instance_type", "k->instance_type")
        if self._intrinsic("intrinsic_metadata.egress_rid") is not None:
            with w.block("if (k->has_rid)"):
                self._put("intrinsic_metadata.egress_rid", "k->egress_rid")
        w.line("run_egress(c, p, k);")
        w.line(f"k->egress_spec = (u32)({self._get('standard_metadata.egress_spec')});")

    def _measure(self) -> None:
        w, s = self.w, self._statements()
        w.line("(void)c, (void)p, (void)k;")
        self._update_checksums()
        failing = Statements(self.layout, self.bounds, w, failed="return 0;")
        for primitive in self.program.deparser.primitives:
            with w.block():
                failing.primitive(primitive)
        w.line("u32 bytes = 0;")
        for header in self.program.deparser.order:
            place = self.layout.header(header)
            size = s.header_bytes(place)
            w.line(f"bytes += {place.valid} ? {size} : 0;")
        w.line("return bytes;")

    def _deparse(self) -> None:
        w, s = self.w, self._statements()
        w.line("(void)p, (void)to;")
        types = {id(t): i for i, t in enumerate(self.program.header_types)}
        for header in self.program.deparser.order:
            place = self.layout.header(header)
            with w.block(f"if ({place.valid})"):
                w.line(f"emit{types[id(place.type)]}(&{place.c}, to);")
                w.line(f"to += {s.header_bytes(place)};")

    # -- metadata --------------------------------------------------------------------------------------------

    def _metadata_functions(self) -> None:
        w = self.w
        w.line()
        with w.block("static void reset_metadata(struct vs_phv *p)"):
            w.line("(void)p;")
            for i, header in enumerate(self.program.headers):
                if header.metadata:
                    c = self.layout.header(i).c
                    w.line(f"memset(&{c}, 0, sizeof {c});")
        w.line()
        with w.block("static void copy_list(struct vs_phv *p, const struct vs_phv *from, u32 list)"):
            w.line("(void)p, (void)from;")
            with w.block("switch (list)"):
                for field_list in self.program.field_lists:
                    w.line(f"case {field_list.id}:")
                    for ref in field_list.fields:
                        self._copy_field(ref)
                    w.line("    break;")
                w.line("default:")
                w.line("    break;")

    def _copy_field(self, ref: FieldRef) -> None:
        if ref.field < 0:
            return
        field, lvalue = self.layout.field(ref)
        source = lvalue.replace("p->", "from->", 1)
        if is_wide(field):
            self.w.line(f"    memcpy({lvalue}, {source}, sizeof {lvalue});")
        else:
            self.w.line(f"    {lvalue} = {source};")

    def _learn(self) -> None:
        """Samples: the fields of the list, each padded to whole bytes."""
        w = self.w
        arguments = "struct vs_context *c, const struct vs_phv *p, const struct vs_packet *k"
        w.line()
        with w.block(f"static void learn({arguments})"):
            w.line("(void)c, (void)p;")
            with w.block("switch (k->learn_list)"):
                for position, learn_list in enumerate(self.program.learn_lists):
                    with w.block(f"case {learn_list.id}:"):
                        self._sample(position, learn_list.fields)
                        w.line("break;")
                w.line("default:")
                w.line("    break;")

    def _sample(self, position: int, fields: tuple[FieldRef, ...]) -> None:
        w, total = self.w, sum(self.program.field(ref).nbytes for ref in fields)
        w.line(f"u8 sample[{max(total, 1)}] = {{0}};")
        offset = 0
        for ref in fields:
            field, lvalue = self.layout.field(ref)
            at = (offset + field.nbytes) * 8 - field.width
            if is_wide(field):
                source = lvalue
            elif field.width > 64:
                source = f"(const u64[]){{(u64){lvalue}, (u64)({lvalue} >> 64)}}"
            else:
                source = f"&(u64){{{lvalue}}}"
            w.line(f"vs_bits_put(sample, {at}, {source}, {field.width});")
            offset += field.nbytes
        w.line(f"vs_learned(c, {position}, sample, {total});")

    # -- descriptions ----------------------------------------------------------------------------------------

    def _descriptions(self) -> None:
        w, program = self.w, self.program
        w.line()
        declare_tables(program, w)
        for i, action in enumerate(program.actions):
            if action.params:
                with w.block(f"static const struct vs_param params{i}[] =", ";"):
                    at = 0
                    for param in action.params:
                        w.line(f"{{{param.width}, {at}}},")
                        at += words(param.width)
        with w.block(f"static const struct vs_action_desc actions[{len(program.actions) + 1}] =", ";"):
            for i, action in enumerate(program.actions):
                total = sum(words(q.width) for q in action.params)
                params = f"params{i}" if action.params else "NULL"
                w.line(f"{{{string(action.name)}, {len(action.params)}, {total}, {params}}},")
        self._arrays()
        self._exported()

    def _arrays(self) -> None:
        w, program = self.w, self.program
        with w.block(f"static const struct vs_array_desc counters[{len(program.counters) + 1}] =", ";"):
            for counter in program.counters:
                w.line(_array(counter.size, counter.table))
        with w.block(f"static const struct vs_array_desc meters[{len(program.meters) + 1}] =", ";"):
            for meter in program.meters:
                w.line(_array(meter.size, meter.table, meter.rates))
        with w.block(f"static const struct vs_array_desc registers[{len(program.registers) + 1}] =", ";"):
            for register in program.registers:
                w.line(f"{{.size = {register.size}, .words = {words(register.width)}}},")

    def _exported(self) -> None:
        w, program = self.w, self.program
        w.line()
        with w.block("VS_EXPORT const struct vs_program vs_program =", ";"):
            w.line(".abi = VS_ABI, .phv_bytes = sizeof(struct vs_phv),")
            w.line(f".tables = {len(program.tables)}, .actions = {len(program.actions)},")
            w.line(f".profiles = {len(program.profiles)}, .counters = {len(program.counters)},")
            w.line(f".meters = {len(program.meters)}, .registers = {len(program.registers)},")
            w.line(f".value_sets = {len(program.value_sets)}, .digests = {len(program.learn_lists)},")
            w.line(
                ".table = tables, .action = actions, .counter = counters, .meter = meters, .reg = registers,"
            )
            w.line(f".wants_time = {int(self._reads_time())},")
            w.line(".ingress = ingress, .parse = parse, .egress = egress, .measure = measure,")
            w.line(".deparse = deparse, .reset_metadata = reset_metadata, .copy_list = copy_list,")
            w.line(".learn = learn,")
            if self.ahead:
                w.line(f".ahead = {len(self.ahead)}, .ahead_table = ahead_tables, .look_ahead = look_ahead,")

    def _reads_time(self) -> bool:
        """Whether the program looks at a timestamp anywhere: then the clock is read for every packet."""
        times = {ref for name in _TIMES if (ref := self._intrinsic(name)) is not None}
        return bool(times & set(_field_refs(self.program)))


def _array(size: int, table: int | None, rates: int = 0) -> str:
    place = ".table = -1" if table is None else f".direct = 1, .table = {table}"
    return f"{{.size = {size}, .rates = {rates}, {place}}},"


def _field_refs(program: Program) -> Iterator[FieldRef]:
    """All field references in a program, wherever they are, except aliases."""
    waiting: list[object] = [
        program.parser,
        program.deparser,
        program.actions,
        program.tables,
        program.conditionals,
        program.calculations,
        program.checksums,
        program.learn_lists,
        program.field_lists,
        program.profiles,
    ]
    while waiting:
        item = waiting.pop()
        if isinstance(item, FieldRef):
            yield item
        elif isinstance(item, tuple | list):
            waiting += item
        elif is_dataclass(item):
            waiting += [getattr(item, f.name) for f in fields(item)]
