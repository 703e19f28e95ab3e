"""Assignments to fields and headers."""

from __future__ import annotations

from testbed.p4.switch.model import (
    VALID,
    Const,
    Expr,
    Field,
    FieldRef,
    HeaderField,
    RegisterCell,
    StackLast,
    StackRef,
    UnionStackRef,
)
from testbed.p4.switch.native.codegen.layout import Place, UnionPlace, is_wide, storage
from testbed.p4.switch.native.codegen.numbers import round_up
from testbed.p4.switch.native.codegen.values import Values
from testbed.p4.switch.native.codegen.writer import literal, words


class Store(Values):
    """Writes assignments of one function."""

    def assign(self, target: Expr, value: Expr) -> None:
        """`target = value`, cut to the target's width."""
        match target:
            case RegisterCell(register, index):
                self.write_register(register, index, value)
            case FieldRef(header, field):
                self._assign_field(self.layout.header(header), field, value)
            case HeaderField(header_expr, field):
                self._assign_field(self.header(header_expr), field, value)
            case StackLast(stack, field):
                place, used = self.last(stack)
                with self.w.block(f"if ({used})"):
                    self._assign_field(place, field, value)
            case _:
                raise TypeError(target)

    def _assign_field(self, place: Place, position: int, value: Expr) -> None:
        if position == VALID:
            return
        field, lvalue = place.type.fields[position], place.field(position)
        if is_wide(field):
            self._assign_wide(place, position, value)
            return
        if field.saturating:
            code = self._saturated(field, value)
        else:
            code = self.number(value, round_up(field.width))
        self.put(field, lvalue, code, exact=field.saturating or self._fits(field, value))

    def put(self, field: Field, lvalue: str, code: str, *, exact: bool = False) -> None:
        """Store a number; `exact`: it needs no cutting. (A signed field is stored as its bits.)"""
        bits = storage(field)
        if bits == field.width or (exact and not field.signed):
            self.w.line(f"{lvalue} = (u{bits})({code});")
        elif field.width <= 64:
            self.w.line(f"{lvalue} = (u{bits})(({code}) & {literal((1 << field.width) - 1, 64)});")
        else:
            self.w.line(f"{lvalue} = ({code}) & {literal((1 << field.width) - 1, 128)};")

    def put_u64(self, ref: FieldRef | None, code: str) -> None:
        """Store a u64 in a field, if there is such a field."""
        if ref is None or ref.field == VALID:
            return
        field, lvalue = self.layout.field(ref)
        if is_wide(field):
            n = storage(field) // 64
            self.w.line(f"vs_w_from64({lvalue}, {code}, false, {n});")
        else:
            self.put(field, lvalue, code)

    def _fits(self, field: Field, value: Expr) -> bool:
        low, high = self.bounds(value)
        return low >= 0 and high < 1 << field.width

    def _saturated(self, field: Field, value: Expr) -> str:
        width = field.width
        low, high = (-(1 << width - 1), (1 << width - 1) - 1) if field.signed else (0, (1 << width) - 1)
        return self.clamp(value, low, high, round_up(width))

    def _assign_wide(self, place: Place, position: int, value: Expr) -> None:
        field, lvalue = place.type.fields[position], place.field(position)
        n, own = storage(field) // 64, round_up(field.width)
        code = self._saturated(field, value) if field.saturating else self.number(value, own)
        source = self._as_words(code, own)
        width = place.bits(position) if field.varbit else str(field.width)
        self.w.line(f"vs_w_trim({lvalue}, {source}, {width}, {n}, false);")

    def _as_words(self, code: str, width: int) -> str:
        """A number as an array of words (a short varbit field is an array, too)."""
        if width > 128:
            return code
        t = self.temporary(width)
        self.w.line(f"vs_w_from{width}({t}, {code}, false, {width // 64});")
        return t

    def write_register(self, register: int, index: Expr, value: Expr) -> None:
        """`register[index] = value`; outside nothing happens."""
        r = self._program.registers[register]
        n, own = words(r.width), round_up(r.width)
        at, code = self.index(index), self.number(value, own)
        with self.w.block():
            i, cell = self.w.fresh("i"), self.w.fresh("r")
            self.w.line(f"const u64 {i} = {at};")
            with self.w.block(f"if ({i} < {r.size}u)"):
                self.w.line(f"u64 *{cell} = c->pipe->registers[{register}] + {i} * {n};")
                if own == 64:
                    self.w.line(f"vs_poke({cell}, ({code}) & {literal((1 << r.width) - 1, 64)});")
                else:
                    source = self._as_words(code, own)
                    self.w.line(f"vs_w_trim({cell}, {source}, {r.width}, {n}, false);")

    # -- whole headers ---------------------------------------------------------------------------------------

    def assign_header(self, to: Place, source: Place) -> None:
        """`to = source`, validity included."""
        with self.w.block(f"if ({source.valid})"):
            to.set_valid(self.w)
            self.copy_fields(to, source)
        with self.w.block("else"):
            to.set_invalid(self.w)

    def copy_fields(self, to: Place, source: Place) -> None:
        """All fields, not the validity."""
        if to.c == source.c:
            return
        if not source.metadata:
            # Both are valid now: a copy of the struct is the same thing and shorter.
            self.w.line(f"{to.c} = {source.c};")
            return
        valid = self.w.fresh("valid")
        self.w.line(f"const u8 {valid} = {to.c}.valid;")
        self.w.line(f"{to.c} = {source.c};")
        self.w.line(f"{to.c}.valid = {valid};")

    def assign_union(self, to: UnionPlace, source: UnionPlace) -> None:
        """`to = source`: at most one member is valid."""
        for i, member in enumerate(to.members):
            target = Place(f"{to.c}.m{i}", member, False, to, i)
            self.assign_header(target, Place(f"{source.c}.m{i}", member))

    def assign_stack(self, to: StackRef, source: StackRef) -> None:
        """`to = source`, element by element."""
        a, b = self.layout.stack(to.stack), self.layout.stack(source.stack)
        self.w.line(f"{self.layout.next(a)} = {self.layout.next(b)};")
        pairs = zip(
            self._program.stacks[to.stack].headers, self._program.stacks[source.stack].headers, strict=True
        )
        for x, y in pairs:
            self.assign_header(self.layout.header(x), self.layout.header(y))

    def assign_union_stack(self, to: UnionStackRef, source: UnionStackRef) -> None:
        """`to = source`, element by element."""
        a, b = self.layout.union_stack(to.stack), self.layout.union_stack(source.stack)
        self.w.line(f"{self.layout.next(a)} = {self.layout.next(b)};")
        stacks = self._program.union_stacks
        for x, y in zip(stacks[to.stack].unions, stacks[source.stack].unions, strict=True):
            self.assign_union(self.layout.union(x), self.layout.union(y))

    # -- stacks (P4_16 section 8.18) -------------------------------------------------------------------------

    def shift_stack(self, stack: StackRef | UnionStackRef, count: Expr, *, push: bool) -> None:
        """`push_front(count)` or `pop_front(count)`."""
        if isinstance(stack, StackRef):
            array, size = self.layout.stack(stack.stack), len(self._program.stacks[stack.stack].headers)
            members = 0
        else:
            array = self.layout.union_stack(stack.stack)
            unions = self._program.union_stacks[stack.stack].unions
            size, members = len(unions), len(self.layout.union(unions[0]).members)
        used, n = self.layout.next(array), self.w.fresh("n")
        with self.w.block():
            low, _ = self.bounds(count)
            amount = (
                str(min(max(count.value, 0), size))
                if isinstance(count, Const)
                else self._limited(count, size, low)
            )
            self.w.line(f"const u32 {n} = {amount};")
            moved = f"({size} - {n}) * sizeof {array}[0]"
            if push:
                self.w.line(f"memmove(&{array}[{n}], &{array}[0], {moved});")
                self.w.line(f"{used} = {used} + {n} < {size} ? {used} + {n} : {size};")
                first, end = "0", n
            else:
                self.w.line(f"memmove(&{array}[0], &{array}[{n}], {moved});")
                self.w.line(f"{used} = {used} > {n} ? {used} - {n} : 0;")
                first, end = f"{size} - {n}", str(size)
            with self.w.block(f"for (u32 i = {first}; i < {end}; i++)"):
                if members == 0:
                    self.w.line(f"{array}[i].valid = 0;")
                for m in range(members):
                    self.w.line(f"{array}[i].m{m}.valid = 0;")

    def _limited(self, count: Expr, size: int, low: int) -> str:
        """A count within 0 and `size`; negative counts are 0."""
        n = self.w.fresh("v")
        self.w.line(f"const u64 {n} = {self.index(count)};")
        limited = f"({n} > {size} ? {size} : (u32){n})"
        return f"((i64){n} < 0 ? 0 : {limited})" if low < 0 else limited
