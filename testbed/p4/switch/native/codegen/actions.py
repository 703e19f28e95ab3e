"""Actions and the primitives they call, as C functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

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
    Primitive,
    RegisterCell,
    RegisterRef,
    StackLast,
    StackRef,
    UnionStackRef,
)
from testbed.p4.switch.native.codegen.bounds import BoundsOf
from testbed.p4.switch.native.codegen.layout import Layout, Place, is_wide, storage
from testbed.p4.switch.native.codegen.numbers import round_up
from testbed.p4.switch.native.codegen.store import Store
from testbed.p4.switch.native.codegen.writer import Writer, comment, identifier, literal, string, words

ENDING: Final = frozenset(["exit", "assert", "assume"])
"""Primitives after which the pipeline may be over."""


def action_name(position: int, action: Action) -> str:
    """The C name of an action's function."""
    return identifier(f"action{position}", action.name)


def may_end(action: Action) -> bool:
    """Whether control flow has to look at `k->exited` after the action."""
    return any(primitive.op in ENDING for primitive in action.primitives)


class Statements(Store):
    """Writes primitives of one function. `failed`: what to do when an assertion does not hold."""

    def __init__(
        self,
        layout: Layout,
        bounds_of: BoundsOf,
        w: Writer,
        params: tuple[int, ...] = (),
        failed: str = "return;",
    ) -> None:
        super().__init__(layout, bounds_of, w, params)
        self._failed = failed

    def action(self, action: Action) -> None:
        """The body of an action. Jumps go forward."""
        targets = {
            cast(Const, p.args[-1]).value for p in action.primitives if p.op in ("_jump", "_jump_if_zero")
        }
        for i, primitive in enumerate(action.primitives):
            if i in targets:
                self.w.label(f"l{i}")
            self._step(primitive)
        if len(action.primitives) in targets:
            self.w.label(f"l{len(action.primitives)}")

    def _step(self, primitive: Primitive) -> None:
        if primitive.op == "_jump":
            self.w.line(f"goto l{cast(Const, primitive.args[0]).value};")
        elif primitive.op == "_jump_if_zero":
            test, target = primitive.args
            with self.w.block():
                self.w.line(f"if (!{self.nonzero(cast(Expr, test))})")
                self.w.line(f"    goto l{cast(Const, target).value};")
        else:
            with self.w.block():
                self.primitive(primitive)

    def primitive(self, primitive: Primitive) -> None:
        """One primitive."""
        if primitive.op in ("assert", "assume"):
            self._assertion(primitive)
        else:
            PRIMITIVES[primitive.op](self, *primitive.args)

    def _assertion(self, primitive: Primitive) -> None:
        with self.w.block(f"if (!{self.nonzero(cast(Expr, primitive.args[0]))})"):
            self.w.line(f"vs_assertion_failed(c, {string(f'{primitive.line}: {primitive.op} failed')});")
            self.w.line("k->exited = k->failed = true;")
            self.w.line(self._failed)

    # -- assignments -----------------------------------------------------------------------------------------

    def do_assign(self, target: Arg, value: Arg) -> None:
        """assign."""
        self.assign(cast(Expr, target), cast(Expr, value))

    def do_assign_varbit(self, target: Arg, source: Arg) -> None:
        """assign_VL: the width is assigned, too."""
        (to, i), (from_, j) = self._varbit(target), self._varbit(source)
        self.w.line(f"{to.bits(i)} = {from_.bits(j)};")
        n, m = storage(to.type.fields[i]) // 64, storage(from_.type.fields[j]) // 64
        if (to.field(i), i) != (from_.field(j), j):
            self.w.line(f"vs_w_copy({to.field(i)}, {n}, {from_.field(j)}, {m}, false);")

    def _varbit(self, arg: Arg) -> tuple[Place, int]:
        match arg:
            case FieldRef(header, field):
                return self.layout.header(header), field
            case HeaderField(header_expr, field):
                return self.header(header_expr), field
            case StackLast(stack, field):
                return self.last(stack)[0], field
            case _:
                raise TypeError(arg)

    def do_assign_header(self, target: Arg, source: Arg) -> None:
        """assign_header, copy_header."""
        self.assign_header(self.header(cast(Expr, target)), self.header(cast(Expr, source)))

    def do_assign_union(self, target: Arg, source: Arg) -> None:
        """assign_union."""
        self.assign_union(self.union(cast(Expr, target)), self.union(cast(Expr, source)))

    def do_assign_stack(self, target: Arg, source: Arg) -> None:
        """assign_header_stack."""
        self.assign_stack(cast(StackRef, target), cast(StackRef, source))

    def do_assign_union_stack(self, target: Arg, source: Arg) -> None:
        """assign_union_stack."""
        self.assign_union_stack(cast(UnionStackRef, target), cast(UnionStackRef, source))

    # -- headers ---------------------------------------------------------------------------------------------

    def do_add_header(self, arg: Arg) -> None:
        """add_header: nothing happens to a valid one."""
        place = self.header(cast(Expr, arg))
        with self.w.block(f"if (!{place.valid})"):
            bits = self._varbit_bits(place)
            saved = self.w.fresh("v")
            if bits is not None:
                self.w.line(f"const u32 {saved} = {bits};")
            self.w.line(f"memset(&{place.c}, 0, sizeof {place.c});")
            if bits is not None:
                self.w.line(f"{bits} = {saved};")
            place.set_valid(self.w)
            self.w.line(f"k->packet_length += {self.header_bytes(place)};")

    def do_remove_header(self, arg: Arg) -> None:
        """remove_header."""
        place = self.header(cast(Expr, arg))
        if place.metadata:
            return
        with self.w.block(f"if ({place.valid})"):
            place.set_invalid(self.w)
            self.w.line(f"k->packet_length -= {self.header_bytes(place)};")

    def _varbit_bits(self, place: Place) -> str | None:
        position = place.type.varbit
        return None if position is None else place.bits(position)

    def header_bytes(self, place: Place) -> str:
        """Bytes of a header on the wire."""
        bits = self._varbit_bits(place)
        fixed = place.type.fixed_bits // 8
        return f"{fixed}u" if bits is None else f"({fixed}u + {bits} / 8)"

    def do_push(self, stack: Arg, count: Arg) -> None:
        """push."""
        self.shift_stack(cast(StackRef, stack), cast(Expr, count), push=True)

    def do_pop(self, stack: Arg, count: Arg) -> None:
        """pop."""
        self.shift_stack(cast(StackRef, stack), cast(Expr, count), push=False)

    # -- where the packet goes -------------------------------------------------------------------------------

    def do_exit(self) -> None:
        """exit."""
        self.w.line("k->exited = true;")

    def do_nothing(self) -> None:
        """no_op."""

    def do_drop(self) -> None:
        """drop, of P4_14."""
        self.put_u64(self._program.intrinsic("standard_metadata.egress_spec"), "c->drop_port")
        self.put_u64(self._program.intrinsic("intrinsic_metadata.mcast_grp"), "0")

    def do_mark_to_drop(self, arg: Arg) -> None:
        """mark_to_drop."""
        place = self.header(cast(Expr, arg))
        for name, value in (("egress_spec", "c->drop_port"), ("mcast_grp", "0")):
            position = place.type.index.get(name)
            if position is not None and not is_wide(place.type.fields[position]):
                self.put(place.type.fields[position], place.field(position), value)

    def do_clone(self, session: Arg, fields: Arg) -> None:
        """clone_ingress_pkt_to_egress and clone_egress_pkt_to_egress: the last call wins."""
        self.w.line(f"k->clone_session = (u16)(({self._u64(session)}) | VS_SESSION_SET);")
        self.w.line(f"k->clone_list = (u16)({self._u64(fields)});")

    def do_digest(self, _receiver: Arg, learn_list: Arg) -> None:
        """generate_digest."""
        self.w.line(f"k->learn_list = (u16)({self._u64(learn_list)});")

    def do_resubmit(self, fields: Arg) -> None:
        """resubmit."""
        self.w.line(f"k->resubmit_list = (u16)({self._u64(fields)});")

    def do_recirculate(self, fields: Arg) -> None:
        """recirculate."""
        self.w.line(f"k->recirculate_list = (u16)({self._u64(fields)});")

    def do_truncate(self, length: Arg) -> None:
        """truncate: the smallest one counts."""
        v = self.w.fresh("v")
        self.w.line(f"const u32 {v} = (u32)({self._u64(length)});")
        self.w.line(f"k->truncate = {v} < k->truncate ? {v} : k->truncate;")

    def _u64(self, arg: Arg) -> str:
        return self.number(cast(Expr, arg), 64)

    # -- stateful objects, hashes ----------------------------------------------------------------------------

    def do_count(self, counter: Arg, index: Arg) -> None:
        """count: the length at ingress, also in egress."""
        position = cast(CounterRef, counter).counter
        size = self._program.counters[position].size
        at = self.index(cast(Expr, index))
        self.w.line(f"vs_count(c->pipe->counters[{position}], {size}, {at}, k->ingress_length);")

    def do_execute_meter(self, meter: Arg, index: Arg, target: Arg) -> None:
        """execute_meter."""
        position = cast(MeterRef, meter).meter
        m = self._program.meters[position]
        i, color = self.w.fresh("i"), self.w.fresh("v")
        self.w.line(f"const u64 {i} = {self.index(cast(Expr, index))};")
        with self.w.block(f"if ({i} < {m.size}u)"):
            units = "1" if m.unit == "packets" else "k->ingress_length"
            cell = f"vs_load(&c->pipe->meters[{position}][{i}])"
            self.w.line(f"const u64 {color} = vs_meter_run({cell}, c->now_us, {units});")
            self.store_u64(cast(Expr, target), color)

    def store_u64(self, target: Expr, code: str) -> None:
        """Store a C number in any lvalue."""
        match target:
            case FieldRef():
                self.put_u64(target, code)
            case HeaderField(header_expr, position):
                place = self.header(header_expr)
                self.put_in(place, position, code)
            case StackLast(stack, position):
                place, used = self.last(stack)
                with self.w.block(f"if ({used})"):
                    self.put_in(place, position, code)
            case _:
                self._store_in_register(target, code)

    def put_in(self, place: Place, position: int, code: str) -> None:
        """Store a C number in a field of a header."""
        field = place.type.fields[position]
        if is_wide(field):
            self.w.line(f"vs_w_from64({place.field(position)}, {code}, false, {storage(field) // 64});")
        else:
            self.put(field, place.field(position), code)

    def _store_in_register(self, target: Expr, code: str) -> None:
        cell_ref = cast(RegisterCell, target)
        register, index = cell_ref.register, cell_ref.index
        r = self._program.registers[register]
        n, i = words(r.width), self.w.fresh("i")
        self.w.line(f"const u64 {i} = {self.index(index)};")
        with self.w.block(f"if ({i} < {r.size}u)"):
            cell = f"(c->pipe->registers[{register}] + {i} * {n})"
            value = f"({code}) & {literal((1 << min(r.width, 64)) - 1, 64)}"
            self.w.line(f"vs_w_from64({cell}, {value}, false, {n});")

    def do_register_read(self, target: Arg, register: Arg, index: Arg) -> None:
        """register_read: outside nothing is assigned."""
        position = cast(RegisterRef, register).register
        r = self._program.registers[position]
        n, own = words(r.width), round_up(r.width)
        i, cell = self.w.fresh("i"), self.w.fresh("r")
        self.w.line(f"const u64 {i} = {self.index(cast(Expr, index))};")
        with self.w.block(f"if ({i} < {r.size}u)"):
            self.w.line(f"const u64 *{cell} = c->pipe->registers[{position}] + {i} * {n};")
            if own == 64:
                self.store_u64(cast(Expr, target), f"{cell}[0]")
            else:
                self._read_wide(cast(Expr, target), cell, own)

    def _read_wide(self, target: Expr, cell: str, own: int) -> None:
        place, position = self._varbit(target)
        field = place.type.fields[position]
        if is_wide(field):
            width = place.bits(position) if field.varbit else str(field.width)
            t, n = self.temporary(max(own, storage(field))), max(own, storage(field)) // 64
            self.w.line(f"vs_w_copy({t}, {n}, {cell}, {own // 64}, false);")
            self.w.line(f"vs_w_trim({place.field(position)}, {t}, {width}, {storage(field) // 64}, false);")
        else:
            self.put(field, place.field(position), self._from_words(cell, own, round_up(field.width), False))

    def do_register_write(self, register: Arg, index: Arg, value: Arg) -> None:
        """register_write."""
        self.write_register(cast(RegisterRef, register).register, cast(Expr, index), cast(Expr, value))

    def do_random(self, target: Arg, low: Arg, high: Arg) -> None:
        """modify_field_rng_uniform: nothing is assigned if the interval is empty."""
        a, b = self.w.fresh("v"), self.w.fresh("v")
        self.w.line(f"const u64 {a} = {self._u64(low)}, {b} = {self._u64(high)};")
        with self.w.block(f"if ({a} <= {b})"):
            value = self.w.fresh("v")
            self.w.line(f"const u64 {value} = vs_random(c, {a}, {b});")
            self.store_u64(cast(Expr, target), value)

    def do_hash(self, target: Arg, base: Arg, calculation: Arg, size: Arg) -> None:
        """modify_field_with_hash_based_offset: base + hash % size; size 0 counts as 1."""
        n, value = self.w.fresh("v"), self.w.fresh("v")
        self.w.line(f"const u64 {n} = {self._u64(size)};")
        digest = f"calculation{cast(CalculationRef, calculation).calculation}(c, p, k)"
        if isinstance(size, Const) and size.value > 0 and size.value & (size.value - 1) == 0:
            reduced = f"{digest} & ({n} - 1)"
        else:
            reduced = f"{digest} % ({n} == 0 ? 1 : {n})"
        self.w.line(f"const u64 {value} = ({reduced}) + ({self._u64(base)});")
        self.store_u64(cast(Expr, target), value)

    def do_log(self, text: Arg, values: Arg) -> None:
        """log_msg: the numbers go along as words, events.c puts them in."""
        arguments = cast("tuple[Expr, ...]", values)
        names = []
        for value in arguments:
            exact = max(round_up(1 + max(abs(b) for b in self.bounds(value)).bit_length()), 64)
            t = self.temporary(exact)
            code = self.number(value, exact)
            if exact <= 128:
                low, _ = self.bounds(value)
                negative = f"(i{exact})({code}) < 0" if low < 0 else "false"
                self.w.line(f"vs_w_from{exact}({t}, {code}, {negative}, {exact // 64});")
            else:
                self.w.line(f"memcpy({t}, {code}, sizeof {t});")
            names.append((t, exact // 64))
        pointers = ", ".join(t for t, _ in names) or "NULL"
        sizes = ", ".join(str(n) for _, n in names) or "0"
        a, b = self.w.fresh("a"), self.w.fresh("a")
        self.w.line(f"const u64 *const {a}[] = {{{pointers}}};")
        self.w.line(f"const u32 {b}[] = {{{sizes}}};")
        self.w.line(f"vs_log_message(c, {string(cast(str, text))}, {a}, {b}, {len(names)});")


PRIMITIVES: Final[dict[str, Callable[..., None]]] = {
    "assign": Statements.do_assign,
    "modify_field": Statements.do_assign,
    "assign_VL": Statements.do_assign_varbit,
    "assign_header": Statements.do_assign_header,
    "copy_header": Statements.do_assign_header,
    "assign_union": Statements.do_assign_union,
    "assign_header_stack": Statements.do_assign_stack,
    "assign_union_stack": Statements.do_assign_union_stack,
    "add_header": Statements.do_add_header,
    "remove_header": Statements.do_remove_header,
    "push": Statements.do_push,
    "pop": Statements.do_pop,
    "exit": Statements.do_exit,
    "no_op": Statements.do_nothing,
    "drop": Statements.do_drop,
    "mark_to_drop": Statements.do_mark_to_drop,
    "clone_ingress_pkt_to_egress": Statements.do_clone,
    "clone_egress_pkt_to_egress": Statements.do_clone,
    "generate_digest": Statements.do_digest,
    "resubmit": Statements.do_resubmit,
    "recirculate": Statements.do_recirculate,
    "truncate": Statements.do_truncate,
    "count": Statements.do_count,
    "execute_meter": Statements.do_execute_meter,
    "register_read": Statements.do_register_read,
    "register_write": Statements.do_register_write,
    "modify_field_rng_uniform": Statements.do_random,
    "modify_field_with_hash_based_offset": Statements.do_hash,
    "log_msg": Statements.do_log,
}
"""What each primitive is written as."""


def declare_action(layout: Layout, bounds_of: BoundsOf, w: Writer, position: int) -> None:
    """The C function of an action."""
    action = layout.program.actions[position]
    w.line()
    w.line(comment(action.name))
    head = f"static void {action_name(position, action)}"
    arguments = "struct vs_context *c, struct vs_phv *p, struct vs_packet *k, const u64 *d"
    with w.block(f"{head}({arguments})"):
        w.line("(void)c, (void)p, (void)k, (void)d;")
        Statements(layout, bounds_of, w, tuple(q.width for q in action.params)).action(action)
