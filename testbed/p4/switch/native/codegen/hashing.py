"""Calculations: bits of headers -> a hash."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final, TypeAlias

from testbed.p4.switch.model import VALID, Calculation, ConstBits, Field, FieldRef, HeaderRef
from testbed.p4.switch.native.codegen.layout import Layout, is_wide
from testbed.p4.switch.native.codegen.writer import Writer, comment, literal, words

Input: TypeAlias = FieldRef | HeaderRef | ConstBits

_SUMS: Final = frozenset(["csum16", "cksum16"])
_FUNCTIONS: Final = {"cksum16": "csum16"}

_MAX_SUM_SHIFT_BITS: Final = 48
"""A field of up to this many bits, shifted left by up to 15, still fits into 64."""


class _Item:
    """One number among the inputs: a field, or a constant."""

    def __init__(self, header: int | None, field: Field, code: str, bits: str) -> None:
        self.header = header
        self.field = field
        self.code = code
        self.bits = bits
        """C expression of its present width."""

    @property
    def fixed(self) -> bool:
        """Its width is known here."""
        return not self.field.varbit


def _items(layout: Layout, inputs: Sequence[Input]) -> list[_Item]:
    program = layout.program
    items = []
    for entry in inputs:
        match entry:
            case ConstBits(value, width):
                field = Field("", width)
                code = literal(value, 64) if width <= 64 else literal(value, 128) if width <= 128 else ""
                if not code:
                    code = _wide_constant(value, width)
                items.append(_Item(None, field, code, str(width)))
            case FieldRef(header, position) if position == VALID:
                code = layout.header(header).valid
                items.append(_Item(header, Field("", 1), code, "1"))
            case FieldRef(header, position):
                items.append(_field_item(layout, header, position))
            case HeaderRef(header):
                count = len(program.headers[header].type.fields)
                items += [_field_item(layout, header, i) for i in range(count)]
    return items


def _wide_constant(value: int, width: int) -> str:
    parts = ", ".join(literal(value >> 64 * i, 64) for i in range(words(width)))
    return f"(const u64[]){{{parts}}}"


def _field_item(layout: Layout, header: int, position: int) -> _Item:
    place = layout.header(header)
    field = place.type.fields[position]
    bits = place.bits(position) if field.varbit else str(field.width)
    return _Item(header, field, place.field(position), bits)


def declare_calculation(layout: Layout, w: Writer, position: int) -> None:
    """The C function `calculation<position>`."""
    calculation = layout.program.calculations[position]
    w.line()
    w.line(comment(f"{calculation.name}: {calculation.algorithm}"))
    declare_hash(layout, w, f"calculation{position}", calculation)


def declare_hash(layout: Layout, w: Writer, name: str, calculation: Calculation) -> None:
    """A C function for a hash over some inputs."""
    head = f"static u64 {name}(struct vs_context *c, const struct vs_phv *p, const struct vs_packet *k)"
    items = _items(layout, calculation.inputs)
    with w.block(head):
        w.line("(void)c, (void)p, (void)k;")
        if calculation.algorithm == "random":
            w.line("return vs_random(c, 0, ~(u64)0);")
        elif calculation.algorithm in _SUMS and _is_summable(items):
            _write_sum(w, layout, items, calculation.payload)
        else:
            _write_buffer(w, layout, items, calculation)


# -- one's complement sums, without a buffer -----------------------------------------------------------------


def _is_summable(items: Sequence[_Item]) -> bool:
    """Each header's part is a multiple of 16 bits, and its numbers are small.

    2^16 is 1 modulo 2^16 - 1: a number counts in the sum as itself, shifted to where it ends within 16 bits.
    """
    for _, group in groupby(items, key=lambda item: item.header):
        at = 0
        for item in group:
            if not item.fixed or is_wide(item.field) or item.field.width > _MAX_SUM_SHIFT_BITS:
                return False
            at += item.field.width
        if at % 16:
            return False
    return True


def _write_sum(w: Writer, layout: Layout, items: Sequence[_Item], payload: bool) -> None:
    w.line("u64 sum = 0;")
    for header, group in groupby(items, key=lambda item: item.header):
        condition = "1" if header is None else layout.header(header).valid
        with w.block("" if condition == "1" else f"if ({condition})"):
            at = 0
            for item in group:
                at += item.field.width
                shift = -at % 16
                value = f"(u64){item.code} << {shift}" if shift else f"(u64){item.code}"
                w.line(
                    f"sum = vs_sum_add(sum, {value});"
                    if item.field.width + shift > 32
                    else f"sum += {value};"
                )
    if payload:
        w.line("sum = vs_sum16(sum, k->payload, vs_visible(k));")
    w.line("return vs_sum_fold(sum);")


# -- bytes in a buffer ---------------------------------------------------------------------------------------


def _write_buffer(w: Writer, layout: Layout, items: Sequence[_Item], calculation: Calculation) -> None:
    size = (sum(item.field.width for item in items) + 7) // 8 + 8
    function = f"vs_{_FUNCTIONS.get(calculation.algorithm, calculation.algorithm)}"
    w.line(f"u8 small[{size}] = {{0}};")
    w.line("size_t bits = 0;")
    for header, group in groupby(items, key=lambda item: item.header):
        condition = "1" if header is None else layout.header(header).valid
        with w.block("" if condition == "1" else f"if ({condition})"):
            for item in group:
                _append(w, item)
    if not calculation.payload:
        w.line(f"return {function}(small, (bits + 7) / 8);")
        return
    w.line("const size_t head = (bits + 7) / 8, tail = vs_visible(k);")
    w.line("u8 *all = vs_arena_take(c, head + tail);")
    w.line("if (all == NULL)")
    w.line("    return 0;")
    w.line("memcpy(all, small, head);")
    w.line("memcpy(all + head, k->payload, tail);")
    w.line(f"return {function}(all, head + tail);")


def _append(w: Writer, item: _Item) -> None:
    if is_wide(item.field):
        w.line(f"vs_bits_put(small, bits, {item.code}, {item.bits});")
    elif item.field.width <= 64:
        w.line(f"vs_bits_put(small, bits, &(u64){{{item.code}}}, {item.bits});")
    else:
        low, high = f"(u64){item.code}", f"(u64)((u128){item.code} >> 64)"
        w.line(f"vs_bits_put(small, bits, (const u64[]){{{low}, {high}}}, {item.bits});")
    w.line(f"bits += {item.bits};")


def hash_function(layout: Layout, w: Writer, name: str, algorithm: str, fields: Sequence[FieldRef]) -> None:
    """The C function of a selector."""
    w.line()
    declare_hash(layout, w, name, Calculation(name, algorithm, tuple(fields)))
