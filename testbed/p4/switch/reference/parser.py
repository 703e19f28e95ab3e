"""Parsing (P4_16 section 13) with the limits and errors of bmv2."""

from __future__ import annotations

from testbed.p4.switch.model import (
    MAX_PARSER_STEPS,
    Advance,
    Expr,
    Extract,
    FieldRef,
    HeaderRef,
    Lookahead,
    ParserOp,
    ParseState,
    Primitive,
    Set,
    StackLast,
    StackNext,
    Transition,
    UnionStackLast,
    UnionStackNext,
    Verify,
)
from testbed.p4.switch.reference.actions import ActionRunner
from testbed.p4.switch.reference.expression import Evaluator
from testbed.p4.switch.reference.packet import Packet
from testbed.p4.switch.reference.state import State
from testbed.p4.switch.target import ValueSetMember


class ParserError(Exception):
    """Parsing ends here, with an error of the program (a number) or of core.p4 (a name)."""

    def __init__(self, error: int | str) -> None:
        super().__init__(error)
        self.error = error


class PacketParser:
    """Parses one packet."""

    def __init__(self, packet: Packet, state: State, runner: ActionRunner) -> None:
        self._packet = packet
        self._phv = packet.phv
        self._program = state.program
        self._state = state
        self._runner = runner
        self._evaluator = Evaluator(packet.phv, state.registers)
        self._data = packet.data
        self._offset = 0
        """Bytes extracted or skipped."""

    def parse(self) -> None:
        """Fill the headers, leave the payload in `packet.data` and the error in `packet.parser_error`."""
        errors = self._program.errors
        self._packet.parser_error = errors["NoError"]
        position = self._program.parser.start
        try:
            steps = 0
            while position is not None:
                steps += 1
                if steps > MAX_PARSER_STEPS:
                    raise ParserError("ParserTimeout")
                position = self._run_state(self._program.parser.states[position])
        except ParserError as error:
            number = error.error
            self._packet.parser_error = errors[number] if isinstance(number, str) else number
        self._packet.data = self._data[self._offset :]

    def _run_state(self, state: ParseState) -> int | None:
        for op in state.ops:
            self._run(op)
        if not state.key:
            return state.default
        key = b"".join(
            self._key_part(part).to_bytes((width + 7) // 8)
            for part, width in zip(state.key, state.key_widths, strict=True)
        )
        for transition in state.transitions:
            if self._matches(transition, key):
                return transition.next
        return state.default

    def _run(self, op: ParserOp) -> None:
        match op:
            case Extract():
                self._extract(op)
            case Set(target, value):
                number = self._peek(value) if isinstance(value, Lookahead) else self._set_value(target, value)
                self._phv.set(target, number)
            case Verify(cond, error):
                if not self._evaluator.truth(cond):
                    raise ParserError(self._evaluator.data(error))
            case Advance(bits_expr):
                self._skip(self._whole_bytes(self._evaluator.data(bits_expr)))
            case Primitive():
                self._runner.run_one(self._packet, op)

    # -- extract ---------------------------------------------------------------------------------------------

    def _extract(self, op: Extract) -> None:
        header = self._target(op.target)
        fixed = self._program.headers[header].type.fixed_bits // 8
        varbytes = 0 if op.length is None else self._whole_bytes(self._evaluator.data(op.length))
        size = fixed + varbytes
        self._need(size)
        if op.max_bytes and size > op.max_bytes:
            raise ParserError("HeaderTooShort")
        raw = self._data[self._offset : self._offset + size]
        self._phv.extract(header, int.from_bytes(raw), varbytes * 8)
        self._offset += size
        if isinstance(op.target, StackNext):
            self._phv.stack_next[op.target.stack] += 1
        elif isinstance(op.target, UnionStackNext):
            self._phv.union_stack_next[op.target.stack] += 1

    def _target(self, target: HeaderRef | StackNext | UnionStackNext) -> int:
        match target:
            case HeaderRef(header):
                return header
            case StackNext(stack):
                headers, count = self._program.stacks[stack].headers, self._phv.stack_next[stack]
                if count >= len(headers):
                    raise ParserError("StackOutOfBounds")
                return headers[count]
            case UnionStackNext(stack, member):
                unions, count = self._program.union_stacks[stack].unions, self._phv.union_stack_next[stack]
                if count >= len(unions):
                    raise ParserError("StackOutOfBounds")
                return self._program.unions[unions[count]].headers[member]

    def _need(self, size: int) -> None:
        if len(self._data) - self._offset < size:
            raise ParserError("PacketTooShort")

    def _skip(self, size: int) -> None:
        self._need(size)
        self._offset += size

    @staticmethod
    def _whole_bytes(bits: int) -> int:
        if bits % 8 or bits < 0:
            raise ParserError("ParserInvalidArgument")
        return bits // 8

    # -- lookahead, select -----------------------------------------------------------------------------------

    def _peek(self, lookahead: Lookahead) -> int:
        self._need((lookahead.offset + lookahead.width + 7) // 8)
        rest = self._data[self._offset :]
        shift = len(rest) * 8 - lookahead.offset - lookahead.width
        return int.from_bytes(rest) >> shift & ((1 << lookahead.width) - 1)

    def _set_value(self, target: FieldRef, value: Expr) -> int:
        if isinstance(value, FieldRef) and self._program.field(target).varbit:
            self._phv.varbits[target.header] = self._phv.width(value)
        return self._evaluator.data(value)

    def _key_part(self, part: FieldRef | StackLast | UnionStackLast | Lookahead) -> int:
        match part:
            case FieldRef():
                return self._phv.bits(part)
            case StackLast():
                ref = self._evaluator.field(part)
                return 0 if ref is None else self._phv.bits(ref)
            case UnionStackLast(stack, member, field):
                count = self._phv.union_stack_next[stack]
                if not count:
                    return 0
                union = self._program.union_stacks[stack].unions[count - 1]
                return self._phv.bits(FieldRef(self._program.unions[union].headers[member], field))
            case Lookahead():
                return self._peek(part)

    def _matches(self, transition: Transition, key: bytes) -> bool:
        if transition.value_set is None:
            return _masked(key, transition.mask) == _masked(transition.value, transition.mask)
        members = self._state.value_sets[transition.value_set]
        return any(_in_value_set(member, transition.mask, key) for member in members)


def _masked(value: bytes, mask: bytes | None) -> bytes:
    return value if mask is None else bytes(v & m for v, m in zip(value, mask, strict=True))


def _in_value_set(member: ValueSetMember, case_mask: bytes | None, key: bytes) -> bool:
    mask = member.mask or None
    if case_mask is not None:
        mask = case_mask if mask is None else _masked(mask, case_mask)
    return _masked(key, mask) == _masked(member.value, mask)
