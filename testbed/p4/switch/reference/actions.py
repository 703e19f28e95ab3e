"""Actions: primitives run one after the other, with jumps forward."""

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
    MeterRef,
    Primitive,
    RegisterCell,
    RegisterRef,
    StackRef,
)
from testbed.p4.switch.reference.expression import Evaluator
from testbed.p4.switch.reference.hashing import ALGORITHMS, WORD, Random, calculation_input
from testbed.p4.switch.reference.packet import Packet
from testbed.p4.switch.reference.phv import Phv
from testbed.p4.switch.reference.state import State

SESSION_BITS: Final = 0x7FFF
"""A clone session's id has 15 bits."""
LIST_BITS: Final = 0xFFFF
"""Field list and learn list ids have 16."""


class AssertionFailedError(Exception):
    """`assert` or `assume` did not hold: bmv2 aborts; here the packet is dropped and counted."""


class ActionRunner:
    """Runs actions for packets of one program at a given time."""

    def __init__(self, state: State, random: Random, drop_port: int, log: Callable[[str], None]) -> None:
        self.state = state
        self.random = random
        self.drop_port = drop_port
        self._log = log
        self.now = 0
        """Microseconds, for meters."""

    def run(self, packet: Packet, action: Action, params: bytes = b"") -> None:
        """A whole action."""
        call = _Call(self, packet, action.unpack(params))
        position = 0
        while position < len(action.primitives):
            primitive = action.primitives[position]
            position += 1
            if primitive.op == "_jump" or (
                primitive.op == "_jump_if_zero" and call.data(primitive.args[0]) == 0
            ):
                position = cast(Const, primitive.args[-1]).value
            elif primitive.op != "_jump_if_zero":
                self._run(call, primitive)

    def run_one(self, packet: Packet, primitive: Primitive) -> None:
        """A primitive on its own, as parsers and deparsers have them."""
        self._run(_Call(self, packet, ()), primitive)

    def _run(self, call: _Call, primitive: Primitive) -> None:
        if primitive.op in ("assert", "assume"):
            if call.data(primitive.args[0]) == 0:
                raise AssertionFailedError(f"{primitive.line}: {primitive.op} failed")
        elif primitive.op == "log_msg":
            self._log(_format(primitive, call))
        else:
            PRIMITIVES[primitive.op](call, *primitive.args)


def _format(primitive: Primitive, call: _Call) -> str:
    text, values = primitive.args
    for value in cast(tuple[Expr, ...], values):
        text = cast(str, text).replace("{}", str(call.data(value)), 1)
    return cast(str, text)


class _Call:
    """One action at work on one packet; the methods are primitives."""

    def __init__(self, runner: ActionRunner, packet: Packet, locals_: tuple[int, ...]) -> None:
        self._runner = runner
        self._state = runner.state
        self._program = runner.state.program
        self._packet = packet
        self._phv: Phv = packet.phv
        self._evaluator = Evaluator(packet.phv, runner.state.registers, locals_)

    def data(self, arg: Arg) -> int:
        """The value of an integer argument."""
        return self._evaluator.data(cast(Expr, arg))

    def _header(self, arg: Arg) -> int | None:
        return self._evaluator.header(cast(Expr, arg))

    def _store(self, target: Arg, value: int) -> None:
        if isinstance(target, RegisterCell):
            self._write_register(target.register, self.data(target.index), value)
            return
        ref = self._evaluator.field(cast(Expr, target))
        if ref is not None:
            self._phv.set(ref, value)

    # -- assignment ------------------------------------------------------------------------------------------

    def assign(self, target: Arg, value: Arg) -> None:
        self._store(target, self.data(value))

    def assign_varbit(self, target: Arg, source: Arg) -> None:
        to, from_ = self._evaluator.field(cast(Expr, target)), self._evaluator.field(cast(Expr, source))
        if to is not None and from_ is not None:
            self._phv.varbits[to.header] = self._phv.width(from_)
            self._phv.set(to, self._phv.get(from_))

    def assign_header(self, target: Arg, source: Arg) -> None:
        self._copy_header(self._header(target), self._header(source))

    def _copy_header(self, target: int | None, source: int | None) -> None:
        if target is not None and source is not None:
            self._phv.assign_header(target, source)
        elif target is not None:
            self._phv.set_invalid(target)

    def assign_union(self, target: Arg, source: Arg) -> None:
        to, from_ = self._evaluator.union(cast(Expr, target)), self._evaluator.union(cast(Expr, source))
        if to is not None and from_ is not None:
            self._copy_union(to, from_)

    def _copy_union(self, target: int, source: int) -> None:
        unions = self._program.unions
        for to, from_ in zip(unions[target].headers, unions[source].headers, strict=True):
            self._phv.assign_header(to, from_)

    def assign_header_stack(self, target: StackRef, source: StackRef) -> None:
        stacks = self._program.stacks
        self._phv.stack_next[target.stack] = self._phv.stack_next[source.stack]
        for to, from_ in zip(stacks[target.stack].headers, stacks[source.stack].headers, strict=True):
            self._phv.assign_header(to, from_)

    def assign_union_stack(self, target: StackRef, source: StackRef) -> None:
        stacks = self._program.union_stacks
        self._phv.union_stack_next[target.stack] = self._phv.union_stack_next[source.stack]
        for to, from_ in zip(stacks[target.stack].unions, stacks[source.stack].unions, strict=True):
            self._copy_union(to, from_)

    # -- headers and stacks ----------------------------------------------------------------------------------

    def add_header(self, arg: Arg) -> None:
        header = self._header(arg)
        if header is None or self._phv.valid[header]:
            return
        self._phv.values[header] = [0] * len(self._phv.values[header])
        self._phv.set_valid(header)
        self._packet.length += self._phv.header_bits(header) // 8

    def remove_header(self, arg: Arg) -> None:
        header = self._header(arg)
        if header is None or not self._phv.valid[header]:
            return
        self._phv.set_invalid(header)
        self._packet.length -= self._phv.header_bits(header) // 8

    def push(self, stack: Arg, count_arg: Arg) -> None:
        elements, nexts, position = self._elements(stack)
        count = min(max(self.data(count_arg), 0), len(elements))
        nexts[position] = min(len(elements), nexts[position] + count)
        self._phv.push_front(elements, count)

    def pop(self, stack: Arg, count_arg: Arg) -> None:
        elements, nexts, position = self._elements(stack)
        count = min(max(self.data(count_arg), 0), len(elements))
        nexts[position] = max(0, nexts[position] - count)
        self._phv.pop_front(elements, count)

    def _elements(self, arg: Arg) -> tuple[list[tuple[int, ...]], list[int], int]:
        """The elements of a stack as tuples of headers, and where its `next` is kept."""
        if isinstance(arg, StackRef):
            headers = self._program.stacks[arg.stack].headers
            return [(h,) for h in headers], self._phv.stack_next, arg.stack
        position: int = arg.stack  # type: ignore[union-attr]
        unions = self._program.union_stacks[position].unions
        return [self._program.unions[u].headers for u in unions], self._phv.union_stack_next, position

    # -- where the packet goes -------------------------------------------------------------------------------

    def exit(self) -> None:
        self._packet.exited = True

    def no_op(self) -> None:
        """Do nothing."""

    def drop(self) -> None:
        for name, value in (
            ("standard_metadata.egress_spec", self._runner.drop_port),
            ("intrinsic_metadata.mcast_grp", 0),
        ):
            ref = self._program.intrinsic(name)
            if ref is not None:
                self._phv.set(ref, value)

    def mark_to_drop(self, arg: Arg) -> None:
        header = self._header(arg)
        if header is None:
            return
        fields = self._program.headers[header].type.index
        self._phv.set(FieldRef(header, fields["egress_spec"]), self._runner.drop_port)
        if "mcast_grp" in fields:
            self._phv.set(FieldRef(header, fields["mcast_grp"]), 0)

    def clone(self, session: Arg, fields: Arg) -> None:
        self._packet.requests.clone_session = self.data(session) & SESSION_BITS
        self._packet.requests.clone_fields = self.data(fields) & LIST_BITS

    def generate_digest(self, _receiver: Arg, learn_list: Arg) -> None:
        self._packet.requests.digest = self.data(learn_list) & LIST_BITS

    def resubmit(self, fields: Arg) -> None:
        self._packet.requests.resubmit = self.data(fields) & LIST_BITS

    def recirculate(self, fields: Arg) -> None:
        self._packet.requests.recirculate = self.data(fields) & LIST_BITS

    def truncate(self, length: Arg) -> None:
        self._packet.truncate(self.data(length) & 0xFFFFFFFF)

    # -- stateful objects, hashes ----------------------------------------------------------------------------

    def count(self, counter: CounterRef, index_arg: Arg) -> None:
        index = self.data(index_arg)
        if 0 <= index < self._program.counters[counter.counter].size:
            self._state.count(counter.counter, index, self._packet.ingress_length)

    def execute_meter(self, meter: MeterRef, index_arg: Arg, target: Arg) -> None:
        index = self.data(index_arg)
        if 0 <= index < self._program.meters[meter.meter].size:
            self._store(
                target, self._state.meter(meter.meter, index, self._packet.ingress_length, self._runner.now)
            )

    def register_read(self, target: Arg, register: RegisterRef, index_arg: Arg) -> None:
        index, cells = self.data(index_arg), self._state.registers[register.register]
        if 0 <= index < len(cells):
            self._store(target, cells[index])

    def register_write(self, register: RegisterRef, index: Arg, value: Arg) -> None:
        self._write_register(register.register, self.data(index), self.data(value))

    def _write_register(self, register: int, index: int, value: int) -> None:
        cells = self._state.registers[register]
        if 0 <= index < len(cells):
            cells[index] = value & ((1 << self._program.registers[register].width) - 1)

    def random(self, target: Arg, low_arg: Arg, high_arg: Arg) -> None:
        low, high = self.data(low_arg) & WORD, self.data(high_arg) & WORD
        if low <= high:
            self._store(target, low + self._runner.random.draw() % (high - low + 1))

    def hash(self, target: Arg, base: Arg, calculation: CalculationRef, size: Arg) -> None:
        modulus = self.data(size) & WORD or 1
        digest = compute(self._state, calculation.calculation, self._packet, self._runner.random)
        self._store(target, digest % modulus + (self.data(base) & WORD) & WORD)


def compute(state: State, position: int, packet: Packet, random: Random) -> int:
    """The result of a calculation on a packet."""
    calculation = state.program.calculations[position]
    if calculation.algorithm == "random":
        return random.draw()
    return ALGORITHMS[calculation.algorithm](calculation_input(calculation, packet.phv, packet.visible))


PRIMITIVES: Final[dict[str, Callable[..., None]]] = {
    "assign": _Call.assign,
    "modify_field": _Call.assign,
    "assign_VL": _Call.assign_varbit,
    "assign_header": _Call.assign_header,
    "copy_header": _Call.assign_header,
    "assign_header_stack": _Call.assign_header_stack,
    "assign_union": _Call.assign_union,
    "assign_union_stack": _Call.assign_union_stack,
    "add_header": _Call.add_header,
    "remove_header": _Call.remove_header,
    "push": _Call.push,
    "pop": _Call.pop,
    "exit": _Call.exit,
    "no_op": _Call.no_op,
    "drop": _Call.drop,
    "mark_to_drop": _Call.mark_to_drop,
    "clone_ingress_pkt_to_egress": _Call.clone,
    "clone_egress_pkt_to_egress": _Call.clone,
    "generate_digest": _Call.generate_digest,
    "resubmit": _Call.resubmit,
    "recirculate": _Call.recirculate,
    "truncate": _Call.truncate,
    "count": _Call.count,
    "execute_meter": _Call.execute_meter,
    "register_read": _Call.register_read,
    "register_write": _Call.register_write,
    "modify_field_rng_uniform": _Call.random,
    "modify_field_with_hash_based_offset": _Call.hash,
}
"""What each primitive does; jumps, assertions and log messages are in `ActionRunner`."""
