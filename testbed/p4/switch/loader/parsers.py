"""Parser, deparser, value sets and errors."""

from __future__ import annotations

from typing import Final

from testbed.p4.switch.loader.actions import load_primitive
from testbed.p4.switch.loader.cursor import MAX_BITS, Cursor
from testbed.p4.switch.loader.expressions import ExpressionLoader
from testbed.p4.switch.loader.scope import Scope
from testbed.p4.switch.model import (
    Advance,
    Const,
    Deparser,
    Extract,
    FieldRef,
    HeaderRef,
    HeaderType,
    Lookahead,
    Parser,
    ParserOp,
    ParseState,
    Set,
    StackLast,
    StackNext,
    Transition,
    UnionStackLast,
    UnionStackNext,
    ValueSet,
    Verify,
)

CORE_ERRORS: Final = (
    "NoError",
    "PacketTooShort",
    "NoMatch",
    "StackOutOfBounds",
    "HeaderTooShort",
    "ParserTimeout",
    "ParserInvalidArgument",
)
"""The errors of core.p4, which a program has even if its JSON does not list them."""


def load_errors(root: Cursor, scope: Scope) -> None:
    """Fill `scope.errors`."""
    for at in root.items("errors"):
        name_at, value_at = at.tuple(2)
        name, value = name_at.text(), value_at.number(0, 2**31 - 2)
        if name in scope.errors or value in scope.errors.values():
            raise at.error(f"error '{name}' or its number {value} is there twice")
        scope.errors[name] = value
    for name in CORE_ERRORS:
        if name not in scope.errors:
            scope.errors[name] = max(scope.errors.values(), default=-1) + 1


def load_value_sets(root: Cursor, scope: Scope) -> None:
    """Fill `scope.value_sets`."""
    for i, at in enumerate(root.items("parse_vsets")):
        name = scope.value_set_names.declare(at, i)
        scope.value_sets.append(ValueSet(name, at.get("compressed_bitwidth").number(1, MAX_BITS)))


def load_parser(root: Cursor, scope: Scope) -> Parser:
    """The parser named `parser`, the one simple_switch runs."""
    for at in root.items("parsers"):
        if at.name() == "parser":
            return _ParserLoader(at, scope).load()
    raise root.error("there is no parser named 'parser'")


def load_deparser(root: Cursor, scope: Scope) -> Deparser:
    """The deparser named `deparser`."""
    for at in root.items("deparsers"):
        if at.name() == "deparser":
            order = tuple(scope.header(item).header for item in at.items("order"))
            for item, header in zip(at.items("order"), order, strict=True):
                if scope.headers[header].metadata:
                    raise item.error("metadata cannot be deparsed")
            expressions = ExpressionLoader(scope)
            primitives = tuple(load_primitive(p, scope, expressions) for p in at.items("primitives"))
            return Deparser("deparser", order, primitives)
    raise root.error("there is no deparser named 'deparser'")


class _ParserLoader:
    def __init__(self, at: Cursor, scope: Scope) -> None:
        self._at = at
        self._scope = scope
        self._expressions = ExpressionLoader(scope)
        self._states: dict[str, int] = {}

    def load(self) -> Parser:
        states_at = self._at.items("parse_states")
        for i, at in enumerate(states_at):
            if at.name() in self._states:
                raise at.get("name").error(f"a second state '{at.name()}'")
            self._states[at.name()] = i
        states = tuple(self._state(at) for at in states_at)
        start = self._at.opt("init_state")
        return Parser("parser", states, None if start is None else self._next(start))

    def _next(self, at: Cursor | None) -> int | None:
        if at is None:
            return None
        state = self._states.get(at.text())
        if state is None:
            raise at.error(f"there is no state '{at.text()}'")
        return state

    def _state(self, at: Cursor) -> ParseState:
        ops = tuple(self._op(op) for op in at.items("parser_ops"))
        parts = [self._key_part(part) for part in at.items("transition_key")]
        widths = tuple(width for _, width in parts)
        size = sum((width + 7) // 8 for width in widths)
        transitions: list[Transition] = []
        default: int | None = None
        for item in at.items("transitions"):
            next_state = self._next(item.opt("next_state"))
            kind = "hexstr" if item.opt("type") is None else item.get("type").text()
            if kind == "default" or item.get("value").value == "default":
                default = next_state
            elif not parts:
                raise item.error("a case without a select key")
            elif kind == "hexstr":
                transitions.append(_value_case(item, size, next_state))
            elif kind == "parse_vset":
                transitions.append(self._value_set_case(item, widths, next_state))
            else:
                raise item.get("type").error(f"unknown transition type '{kind}'")
        key = tuple(part for part, _ in parts)
        return ParseState(at.name(), ops, key, widths, tuple(transitions), default)

    # -- operations ------------------------------------------------------------------------------------------

    def _op(self, at: Cursor) -> ParserOp:
        op = at.get("op").text()
        parameters = at.items("parameters")
        counts = {
            "extract": 1,
            "extract_VL": 2,
            "set": 2,
            "verify": 2,
            "advance": 1,
            "shift": 1,
            "primitive": 1,
        }
        if op not in counts:
            raise at.get("op").error(f"unknown parser operation '{op}'")
        if len(parameters) != counts[op]:
            raise at.error(f"'{op}' takes {counts[op]} parameters, not {len(parameters)}")
        first = parameters[0]
        match op:
            case "extract" | "extract_VL":
                return self._extract(first, parameters[1] if op == "extract_VL" else None)
            case "set":
                return self._set(first, parameters[1])
            case "verify":
                return self._verify(first, parameters[1])
            case "advance":
                return Advance(self._expressions.load(first, "data"))
            case "shift":
                return Advance(Const(first.number(0, MAX_BITS) * 8))
            case _:
                return load_primitive(first, self._scope, self._expressions)

    def _extract(self, at: Cursor, length: Cursor | None) -> Extract:
        kind, value = at.get("type").text(), at.get("value")
        target: HeaderRef | StackNext | UnionStackNext
        if kind == "regular":
            target = self._scope.header(value)
            header_type = self._scope.headers[target.header].type
            if self._scope.headers[target.header].metadata:
                raise value.error("metadata cannot be extracted")
        elif kind == "stack":
            target = StackNext(self._scope.stack_names.find(value))
            header_type = self._scope.stacks[target.stack].type
        elif kind == "union_stack":
            stack_at, member_at = value.tuple(2)
            stack = self._scope.union_stack_names.find(stack_at)
            member, header_type = self._union_member(stack, member_at)
            target = UnionStackNext(stack, member)
        else:
            raise at.get("type").error(f"unknown extract type '{kind}'")
        if (header_type.varbit is None) != (length is None):
            raise at.error(
                "a header with a varbit field, and no other, is extracted with its length (extract_VL)"
            )
        if length is None:
            return Extract(target)
        varbit = header_type.fields[header_type.varbit or 0]
        max_bytes = (header_type.fixed_bits + varbit.width) // 8
        return Extract(target, self._expressions.load(length, "data"), max_bytes)

    def _union_member(self, stack: int, at: Cursor) -> tuple[int, HeaderType]:
        for i, (name, header_type) in enumerate(self._scope.union_members[stack]):
            if name == at.text():
                return i, header_type
        raise at.error(f"the union has no member '{at.text()}'")

    def _set(self, target_at: Cursor, at: Cursor) -> Set:
        if target_at.get("type").text() != "field":
            raise target_at.get("type").error("only fields can be set")
        target = self._scope.field_ref(target_at.get("value"))
        if at.get("type").text() == "lookahead":
            return Set(target, _lookahead(at.get("value")))
        return Set(target, self._expressions.load(at, "data"))

    def _verify(self, cond: Cursor, error: Cursor) -> Verify:
        code = (
            Const(error.number(0, 2**31 - 1))
            if isinstance(error.value, int)
            else self._expressions.load(error, "data")
        )
        return Verify(self._expressions.load(cond, "bool"), code)

    # -- select ----------------------------------------------------------------------------------------------

    def _key_part(self, at: Cursor) -> tuple[FieldRef | StackLast | UnionStackLast | Lookahead, int]:
        kind, value = at.get("type").text(), at.get("value")
        if kind == "field":
            ref = self._scope.plain_field(value, "a select key")
            return ref, self._scope.width(ref)
        if kind == "stack_field":
            stack_at, field_at = value.tuple(2)
            stack = self._scope.stack_names.find(stack_at)
            header_type = self._scope.stacks[stack].type
            position = self._scope.field_of(header_type, field_at)
            return StackLast(stack, position), _width(header_type, position)
        if kind == "union_stack_field":
            stack_at, member_at, field_at = value.tuple(3)
            stack = self._scope.union_stack_names.find(stack_at)
            member, header_type = self._union_member(stack, member_at)
            position = self._scope.field_of(header_type, field_at)
            return UnionStackLast(stack, member, position), _width(header_type, position)
        if kind == "lookahead":
            part = _lookahead(value)
            return part, part.width
        raise at.get("type").error(f"unknown select key type '{kind}'")

    def _value_set_case(self, at: Cursor, widths: tuple[int, ...], next_state: int | None) -> Transition:
        position = self._scope.value_set_names.find(at.get("value"))
        value_set = self._scope.value_sets[position]
        if value_set.width != sum(widths) or value_set.parts not in ((), widths):
            raise at.get("value").error(f"value set '{value_set.name}' does not fit this select key")
        self._scope.value_sets[position] = ValueSet(value_set.name, value_set.width, widths)
        size = sum((width + 7) // 8 for width in widths)
        mask = at.opt("mask")
        return Transition(b"", None if mask is None else _bytes(mask, size), position, next_state)


def _width(header_type: HeaderType, position: int) -> int:
    return 1 if position < 0 else header_type.fields[position].width


def _lookahead(at: Cursor) -> Lookahead:
    offset, width = at.tuple(2)
    return Lookahead(offset.number(0, MAX_BITS * 8), width.number(1, MAX_BITS))


def _value_case(at: Cursor, size: int, next_state: int | None) -> Transition:
    mask = at.opt("mask")
    value = _bytes(at.get("value"), size)
    return Transition(value, None if mask is None else _bytes(mask, size), None, next_state)


def _bytes(at: Cursor, size: int) -> bytes:
    return at.unsigned(size * 8).to_bytes(size)
