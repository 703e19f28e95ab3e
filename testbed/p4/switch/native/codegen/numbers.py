"""Integers of any size to C.

P4 in bmv2 computes with integers of any size and cuts a value to a field's width where it is stored. C has
64 and 128 bits (and arrays of words, `vs_wide.h`). Three observations keep nearly everything in 64:

- To know a result modulo 2^W, `+ - * & | ^ ~ <<` need their operands modulo 2^W only. A store into a bit<32>
  therefore computes with 64 bits whatever the intermediate values may be.
- Comparisons, `>>`, `/`, `%` and saturation need exact operands; `bounds` tells how many bits those take.
- A value whose bounds fit into fewer bits is computed with those and extended.

`number(expr, W)` gives a C expression for the value modulo 2^W: of type u64 (W = 64) or u128 (W = 128), else
the name of an array of W / 64 words. What does not fit into an expression goes into temporaries before it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from testbed.p4.switch.model import (
    VALID,
    Binary,
    Const,
    Expr,
    Field,
    FieldRef,
    HeaderField,
    Local,
    RegisterCell,
    StackLast,
    StackRef,
    Ternary,
    Unary,
)
from testbed.p4.switch.native.codegen.bounds import Bounds, BoundsOf
from testbed.p4.switch.native.codegen.layout import Layout, Place, is_wide, storage
from testbed.p4.switch.native.codegen.writer import Writer, literal, words

_RING: Final = {"+": "add", "-": "sub", "*": "mul", "&": "and", "|": "or", "^": "xor"}


def round_up(bits: int) -> int:
    """The width to compute with: 64, 128 or more words."""
    return 64 if bits <= 64 else 128 if bits <= 128 else 64 * words(bits)


def fit(*all_bounds: Bounds) -> int:
    """The width that holds all values within the bounds."""
    low, high = min(b[0] for b in all_bounds), max(b[1] for b in all_bounds)
    bits = high.bit_length()
    return round_up(bits if low >= 0 else max(bits, (~low).bit_length()) + 1)


class Numbers(ABC):
    """Writes integer expressions of one function. `params`: widths of the runtime data `d`."""

    def __init__(self, layout: Layout, bounds_of: BoundsOf, w: Writer, params: tuple[int, ...] = ()) -> None:
        self.layout = layout
        self.w = w
        self._program = layout.program
        self._bounds_of = bounds_of
        self._params = params

    def bounds(self, expr: Expr) -> Bounds:
        """What values an expression can have."""
        return self._bounds_of(expr, self._params)

    @abstractmethod
    def truth(self, expr: Expr) -> str:
        """A C condition."""

    @abstractmethod
    def header(self, expr: Expr) -> Place:
        """Where a header is."""

    # -- integers --------------------------------------------------------------------------------------------

    def number(self, expr: Expr, width: int) -> str:
        """The value modulo 2^width."""
        limits = self.bounds(expr)
        own = min(fit(limits), width)
        return self.resize(self._number(expr, own), own, width, limits[0] < 0)

    def resize(self, code: str, own: int, width: int, signed: bool) -> str:
        """A value of `own` bits as one of `width` bits."""
        if own == width:
            return code
        if width > 128:
            return self._widen(code, own, width, signed)
        if own > 128:
            return f"{code}[0]" if width == 64 else f"vs_w_to128({code})"
        if width == 64:
            return f"(u64)({code})"
        return f"(u128)(i128)(i64)({code})" if signed else f"(u128)({code})"

    def _widen(self, code: str, own: int, width: int, signed: bool) -> str:
        t = self.temporary(width)
        n = width // 64
        if own == 64:
            value, negative = self._twice(code, 64, signed)
            self.w.line(f"vs_w_from64({t}, {value}, {negative}, {n});")
        elif own == 128:
            value, negative = self._twice(code, 128, signed)
            self.w.line(f"vs_w_from128({t}, {value}, {negative}, {n});")
        else:
            self.w.line(f"vs_w_copy({t}, {n}, {code}, {own // 64}, {int(signed)});")
        return t

    def _twice(self, code: str, width: int, signed: bool) -> tuple[str, str]:
        """A value that is used twice, and whether it is negative."""
        if not signed:
            return code, "false"
        name = self.w.fresh("v")
        self.w.line(f"const u{width} {name} = {code};")
        return name, f"(i{width}){name} < 0"

    def temporary(self, width: int) -> str:
        """A new array for a wide value."""
        t = self.w.fresh("t")
        self.w.line(f"u64 {t}[{width // 64}];")
        return t

    def _number(self, expr: Expr, width: int) -> str:
        match expr:
            case Const(value):
                return self._constant(value, width)
            case Local(index):
                return self._local(index, width)
            case FieldRef(header, field_position) if field_position == VALID:
                return self.resize(f"(u64){self.layout.header(header).valid}", 64, width, False)
            case FieldRef():
                field, lvalue = self.layout.field(expr)
                return self.read(field, lvalue, width)
            case HeaderField(header_expr, position):
                return self._computed_field(self.header(header_expr), position, width)
            case StackLast(stack, position):
                return self._stack_last(stack, position, width)
            case RegisterCell(register, index):
                return self._register(register, index, width)
            case Ternary(cond, left, right):
                return self._choice(cond, left, right, width)
            case Unary(op, arg):
                return self._unary(op, arg, width)
            case Binary(op, left, right):
                return self._binary(op, left, right, width)
            case _:
                raise TypeError(expr)

    def _constant(self, value: int, width: int) -> str:
        if width <= 128:
            return literal(value, width)
        t = self.w.fresh("t")
        value &= (1 << width) - 1
        parts = ", ".join(literal(value >> 64 * i, 64) for i in range(width // 64))
        self.w.line(f"static const u64 {t}[] = {{{parts}}};")
        return t

    def _local(self, index: int, width: int) -> str:
        first = sum(words(bits) for bits in self._params[:index])
        bits = self._params[index]
        if bits <= 64:
            return self.resize(f"d[{first}]", 64, width, False)
        if bits <= 128:
            return self.resize(f"((u128)d[{first + 1}] << 64 | d[{first}])", 128, width, False)
        return self.resize(f"(d + {first})", round_up(bits), width, False)

    def read(self, field: Field, lvalue: str, width: int) -> str:
        """The value of a field."""
        if is_wide(field):
            own = storage(field)
            if field.signed:
                t = self.temporary(own)
                self.w.line(f"vs_w_trim({t}, {lvalue}, {field.width}, {own // 64}, true);")
                lvalue = t
            return self._from_words(lvalue, own, width, field.signed)
        own = round_up(field.width)
        if field.signed:
            return self.resize(f"(u{own})vs_sext{own}({lvalue}, {field.width})", own, width, True)
        return self.resize(f"(u{own}){lvalue}", own, width, False)

    def _from_words(self, code: str, own: int, width: int, signed: bool) -> str:
        """An array of any length, also of one or two words, as a number."""
        if own > 128:
            return self.resize(code, own, width, signed)
        if own == 64:
            return self.resize(f"{code}[0]", 64, width, signed)
        return self.resize(f"vs_w_to128({code})", 128, width, signed)

    def _computed_field(self, place: Place, position: int, width: int) -> str:
        if position == VALID:
            return self.resize(f"(u64)({place.valid})", 64, width, False)
        return self.read(place.type.fields[position], place.field(position), width)

    def _stack_last(self, stack: int, position: int, width: int) -> str:
        place, used = self.last(stack)
        field = place.type.fields[position]
        value = self.read(field, place.field(position), width)
        if width > 128:
            t = self.temporary(width)
            self.w.line(f"for (unsigned i = 0; i < {width // 64}; i++) {t}[i] = {used} ? {value}[i] : 0;")
            return t
        return f"({used} ? {value} : 0)"

    def last(self, stack: int) -> tuple[Place, str]:
        """The last element of a stack (the first where there is none) and the condition that there is one."""
        array = self.layout.stack(stack)
        count = self.layout.next(array)
        at = self.w.fresh("i")
        self.w.line(f"const u32 {at} = {count} == 0 ? 0 : {count} - 1;")
        return Place(f"{array}[{at}]", self._program.stacks[stack].type), f"{count} != 0"

    def _register(self, register: int, index: Expr, width: int) -> str:
        r = self._program.registers[register]
        own = words(r.width)
        at = self.index(index)
        t = self.w.fresh("r")
        self.w.line(f"static const u64 {t}_none[{own}];")
        self.w.line(f"const u64 {t}_at = {at};")
        cell = f"c->pipe->registers[{register}] + {t}_at * {own}"
        self.w.line(f"const u64 *{t} = {t}_at < {r.size}u ? {cell} : {t}_none;")
        return self._from_words(t, own * 64, width, False)

    def _choice(self, cond: Expr, left: Expr, right: Expr, width: int) -> str:
        test = self.truth(cond)
        a, b = self.number(left, width), self.number(right, width)
        if width <= 128:
            return f"({test} ? {a} : {b})"
        t = self.temporary(width)
        self.w.line(f"vs_w_copy({t}, {width // 64}, {test} ? {a} : {b}, {width // 64}, false);")
        return t

    def _unary(self, op: str, arg: Expr, width: int) -> str:
        match op:
            case "b2d":
                return self.resize(f"(u64)({self.truth(arg)})", 64, width, False)
            case "~":
                value = self.number(arg, width)
                if width <= 128:
                    return f"~{value}"
                t = self.temporary(width)
                self.w.line(f"vs_w_not({t}, {value}, {width // 64});")
                return t
            case _:
                stack = self.layout.stack(arg.stack) if isinstance(arg, StackRef) else self._union_stack(arg)
                less = " - 1" if op == "last_stack_index" else ""
                return self.resize(f"((u64){self.layout.next(stack)}{less})", 64, width, True)

    def _union_stack(self, arg: Expr) -> str:
        return self.layout.union_stack(arg.stack)  # type: ignore[union-attr]

    # -- operators -------------------------------------------------------------------------------------------

    def _binary(self, op: str, left: Expr, right: Expr, width: int) -> str:
        if op in _RING:
            a, b = self.number(left, width), self.number(right, width)
            return f"({a} {op} {b})" if width <= 128 else self._call(f"vs_w_{_RING[op]}", width, a, b)
        match op:
            case "<<":
                return self._shift_left(left, right, width)
            case ">>":
                return self._shift_right(left, right, width)
            case "/" | "%":
                return self._divide(op, left, right, width)
            case "two_comp_mod":
                return self._sign_extend(left, self.bounds(right)[0], width)
            case _:
                return self._saturate(left, self.bounds(right)[0], op == "sat_cast", width)

    def _call(self, function: str, width: int, *arguments: str) -> str:
        """A function on wide values: `function(result, arguments ..., words)`."""
        t = self.temporary(width)
        self.w.line(f"{function}({', '.join([t, *arguments])}, {width // 64});")
        return t

    def _shift_left(self, left: Expr, right: Expr, width: int) -> str:
        value = self.number(left, width)
        if isinstance(right, Const) and width <= 128:
            if not 0 <= right.value < width:
                return literal(0, width)
            return f"({value} << {right.value})"
        by = self.index(right)
        return f"vs_shl{width}({value}, {by})" if width <= 128 else self._call("vs_w_shl", width, value, by)

    def _shift_right(self, left: Expr, right: Expr, width: int) -> str:
        limits = self.bounds(left)
        exact = fit(limits)
        signed = limits[0] < 0
        value, by = self.number(left, exact), self.index(right)
        if self.bounds(right)[0] < 0 and signed:  # -1 >> (a negative count) is 0, not -1
            count = self.w.fresh("n")
            self.w.line(f"const u64 {count} = {by};")
            value, by = self._mask_if(value, exact, f"(i64){count} < 0"), count
        if exact > 128:
            t = self.temporary(exact)
            self.w.line(f"vs_w_shr({t}, {value}, {by}, {exact // 64}, {int(signed)});")
            return self.resize(t, exact, width, signed)
        if isinstance(right, Const) and 0 <= right.value < exact:
            shifted = (
                f"(u{exact})((i{exact})({value}) >> {right.value})"
                if signed
                else f"({value} >> {right.value})"
            )
        elif signed:
            shifted = f"(u{exact})vs_sar{exact}((i{exact})({value}), {by})"
        else:
            shifted = f"vs_shr{exact}({value}, {by})"
        return self.resize(shifted, exact, width, signed)

    def _mask_if(self, value: str, width: int, cond: str) -> str:
        """0 if `cond`, else the value."""
        if width <= 128:
            return f"({cond} ? 0 : {value})"
        zero = self._constant(0, width)
        t = self.w.fresh("z")
        self.w.line(f"const u64 *{t} = {cond} ? {zero} : {value};")
        return t

    def _divide(self, op: str, left: Expr, right: Expr, width: int) -> str:
        a, b = self.bounds(left), self.bounds(right)
        # One bit more than the operands: the quotient of the lowest value by -1 is beyond them.
        signed = a[0] < 0 or b[0] < 0
        exact = fit(a, b, (-(1 << max(abs(a[0]), abs(a[1])).bit_length()), 0)) if signed else fit(a, b)
        x, y = self.number(left, exact), self.number(right, exact)
        if exact > 128:
            t = self.temporary(exact)
            self.w.line(f"vs_w_div({t}, {x}, {y}, {exact // 64}, {int(op == '%')}, {int(signed)});")
            return self.resize(t, exact, width, signed)
        if isinstance(right, Const) and right.value > 0 and not signed:
            return self.resize(f"({x} {op} {y})", exact, width, False)
        divisor = self.w.fresh("v")
        kind = f"i{exact}" if signed else f"u{exact}"
        self.w.line(f"const {kind} {divisor} = ({kind}){y};")
        quotient = f"(u{exact})({divisor} == 0 ? 0 : ({kind}){x} {op} {divisor})"
        return self.resize(quotient, exact, width, signed)

    def _sign_extend(self, arg: Expr, bits: int, width: int) -> str:
        own = round_up(bits)
        value = self.number(arg, own)
        if own <= 128:
            return self.resize(f"(u{own})vs_sext{own}({value}, {bits})", own, width, True)
        t = self.temporary(own)
        self.w.line(f"vs_w_trim({t}, {value}, {bits}, {own // 64}, true);")
        return self.resize(t, own, width, True)

    def _saturate(self, arg: Expr, bits: int, signed: bool, width: int) -> str:
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        return self.clamp(arg, low, high, width)

    def clamp(self, arg: Expr, low: int, high: int, width: int) -> str:
        """The nearest value within low and high."""
        limits = self.bounds(arg)
        exact = fit(limits, (low, high))
        negative = min(limits[0], low) < 0
        value = self.number(arg, exact)
        if exact > 128:
            least, most = self._constant(low, exact), self._constant(high, exact)
            t = self.w.fresh("z")
            compare = f"{exact // 64}, {int(negative)})"
            self.w.line(
                f"const u64 *{t} = vs_w_cmp({value}, {least}, {compare} < 0 ? {least} : "
                f"vs_w_cmp({value}, {most}, {compare} > 0 ? {most} : {value};"
            )
            return self.resize(t, exact, width, negative)
        kind = f"i{exact}" if negative else f"u{exact}"
        t = self.w.fresh("v")
        self.w.line(f"const {kind} {t} = ({kind}){value};")
        least, most = f"({kind}){literal(low, exact)}", f"({kind}){literal(high, exact)}"
        code = f"(u{exact})({t} > {most} ? {most} : {t})"
        if limits[0] < low:
            code = f"(u{exact})({t} < {least} ? {least} : {t} > {most} ? {most} : {t})"
        return self.resize(code, exact, width, negative)

    def index(self, expr: Expr) -> str:
        """A value as u64 where anything negative or too large is larger than any array."""
        limits = self.bounds(expr)
        exact = fit(limits)
        value = self.number(expr, exact)
        if exact == 64:
            return value
        if exact > 128:
            return f"vs_w_index({value}, {exact // 64})"
        t = self.w.fresh("v")
        self.w.line(f"const u128 {t} = {value};")
        return f"({t} >> 64 != 0 ? ~(u64)0 : (u64){t})"
