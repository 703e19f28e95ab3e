"""The parser as C: a label per state, a goto per transition."""

from __future__ import annotations

from testbed.p4.switch.model import (
    MAX_PARSER_STEPS,
    VALID,
    Advance,
    Expr,
    Extract,
    FieldRef,
    HeaderRef,
    HeaderType,
    Lookahead,
    ParserOp,
    ParseState,
    Primitive,
    Set,
    StackLast,
    StackNext,
    Transition,
    UnionStackLast,
    Verify,
)
from testbed.p4.switch.native.codegen.actions import Statements
from testbed.p4.switch.native.codegen.bounds import BoundsOf
from testbed.p4.switch.native.codegen.layout import Layout, Place, UnionPlace, field_name, is_wide, storage
from testbed.p4.switch.native.codegen.numbers import round_up
from testbed.p4.switch.native.codegen.writer import Writer, comment, literal, words


def load_bits(at: int, width: int, base: str = "at") -> str:
    """C expression for `width` (up to 128) bits, `at` bits behind the pointer `base`."""
    first, last = at // 8, (at + width - 1) // 8
    count = last - first + 1
    shift = -(at + width) % 8
    pointer = base if first == 0 else f"{base} + {first}"
    if count <= 8:
        code = f"vs_be{count * 8}({pointer})"
        if shift:
            code = f"{code} >> {shift}"
        return code if count * 8 == width else f"({code} & {literal((1 << width) - 1, 64)})"
    if count <= 16 and width > 64:
        high, low = f"(u128)vs_be{(count - 8) * 8}({pointer})", f"vs_be64({pointer} + {count - 8})"
        code = f"({high} << 64 | {low})"
        if shift:
            code = f"({code} >> {shift})"
        return code if count * 8 == width else f"({code} & {literal((1 << width) - 1, 128)})"
    # nine bytes for at most 64 bits, seventeen for at most 128: the part in the last byte by itself
    tail = 8 - shift
    wide = 64 if width <= 64 else 128
    head = load_bits(at, width - tail, base)
    return f"(({f'(u{wide})'}{head} << {tail}) | ({base}[{last}] >> {shift}))"


class HeaderFunctions:
    """Functions that read a header of each type from bytes and write it back."""

    def __init__(self, layout: Layout, w: Writer) -> None:
        self._layout = layout
        self._w = w

    def declare(self, used: set[int]) -> None:
        """Those of the header types (by id) that are extracted or emitted."""
        for i, header_type in enumerate(self._layout.program.header_types):
            if id(header_type) in used:
                self._declare_extract(i, header_type)
                self._declare_emit(i, header_type)

    def _declare_extract(self, position: int, t: HeaderType) -> None:
        struct, w = self._layout.struct(t), self._w
        w.line()
        with w.block(f"static void extract{position}({struct} *h, const u8 *at, u32 varbits)"):
            w.line("(void)h, (void)at, (void)varbits;")
            offset, dynamic = 0, ""
            for i, field in enumerate(t.fields):
                name = f"h->{field_name(t, i)}"
                if field.varbit:
                    w.line(f"{name}_bits = varbits;")
                    w.line(f"vs_bits_get({name}, {storage(field) // 64}, at, {offset}, varbits);")
                    dynamic = " + varbits"
                    continue
                if is_wide(field):
                    w.line(
                        f"vs_bits_get({name}, {storage(field) // 64}, at, {offset}{dynamic}, {field.width});"
                    )
                elif dynamic:
                    w.line("{")
                    n = words(field.width)
                    w.line(f"    u64 v[{n}];")
                    w.line(f"    vs_bits_get(v, {n}, at, {offset}{dynamic}, {field.width});")
                    w.line(f"    {name} = (u{storage(field)}){'v[0]' if n == 1 else 'vs_w_to128(v)'};")
                    w.line("}")
                else:
                    w.line(f"{name} = (u{storage(field)}){load_bits(offset, field.width)};")
                offset += field.width

    def _declare_emit(self, position: int, t: HeaderType) -> None:
        struct, w = self._layout.struct(t), self._w
        w.line()
        with w.block(f"static void emit{position}(const {struct} *h, u8 *to)"):
            w.line("(void)h, (void)to;")
            if t.varbit is None and not any(is_wide(f) for f in t.fields):
                self._emit_fixed(t)
            else:
                self._emit_any(t)

    def _emit_any(self, t: HeaderType) -> None:
        w = self._w
        w.line("size_t bit = 0;")
        for i, field in enumerate(t.fields):
            name = f"h->{field_name(t, i)}"
            width = f"{name}_bits" if field.varbit else str(field.width)
            if is_wide(field):
                value = name
            elif field.width > 64:
                value = f"(const u64[]){{(u64){name}, (u64)({name} >> 64)}}"
            else:
                value = f"&(u64){{{name}}}"
            w.line(f"vs_bits_put(to, bit, {value}, {width});")
            w.line(f"bit += {width};")

    def _emit_fixed(self, t: HeaderType) -> None:
        """Fields that together begin and end on bytes and take up to eight are stored at once."""
        at, start = 0, 0
        run: list[tuple[str, int]] = []
        for i, field in enumerate(t.fields):
            name = f"h->{field_name(t, i)}"
            if not run and field.width > 64 and at % 8 == 0 and field.width % 8 == 0:
                self._store_large(name, at, field.width)
                at += field.width
                start = at
                continue
            run.append((name, field.width))
            at += field.width
            if at % 8 == 0:
                self._store_run(run, start)
                run, start = [], at
        if run:
            self._store_run(run, start)

    def _store_large(self, name: str, at: int, width: int) -> None:
        high = width - 64
        self._w.line(f"vs_put{high}(to + {at // 8}, (u64)({name} >> 64));")
        self._w.line(f"vs_put64(to + {(at + high) // 8}, (u64){name});")

    def _store_run(self, run: list[tuple[str, int]], start: int) -> None:
        total = sum(width for _, width in run)
        if total <= 64 and total % 8 == 0 and start % 8 == 0:
            terms, left = [], total
            for name, width in run:
                left -= width
                terms.append(f"(u64){name} << {left}" if left else f"(u64){name}")
            self._w.line(f"vs_put{total}(to + {start // 8}, {' | '.join(terms)});")
            return
        for name, width in run:
            value = (
                f"&(u64){{{name}}}" if width <= 64 else f"(const u64[]){{(u64){name}, (u64)({name} >> 64)}}"
            )
            self._w.line(f"vs_bits_put(to, {start}, {value}, {width});")
            start += width


class ParserWriter(Statements):
    """Writes `parse_packet`."""

    def __init__(self, layout: Layout, bounds_of: BoundsOf, w: Writer) -> None:
        super().__init__(layout, bounds_of, w, failed="goto done;")
        self._types = {id(t): i for i, t in enumerate(self._program.header_types)}
        self._cyclic = _has_cycle(self._program.parser.states)

    def declare(self) -> None:
        """The function."""
        parser, w = self._program.parser, self.w
        w.line()
        with w.block("static void parse_packet(struct vs_context *c, struct vs_phv *p, struct vs_packet *k)"):
            w.line("const u8 *at = k->data, *const end = k->data + k->length;")
            if self._cyclic:
                w.line("u32 steps = 0;")
            w.line("(void)c, (void)p, (void)end;")
            w.line(f"k->parser_error = {self._program.errors['NoError']};")
            self._go(parser.start)
            for i in sorted(self._reachable()):
                self._state(i, parser.states[i])
            w.label("done")
            w.line("k->payload = (u8 *)(uintptr_t)at;")
            w.line("k->payload_length = (u32)(end - at);")

    def _reachable(self) -> set[int]:
        states, seen = self._program.parser.states, set[int]()
        waiting = [self._program.parser.start]
        while waiting:
            at = waiting.pop()
            if at is None or at in seen:
                continue
            seen.add(at)
            waiting += [states[at].default, *(t.next for t in states[at].transitions)]
        return seen

    def _go(self, state: int | None) -> None:
        self.w.line("goto done;" if state is None else f"goto s{state};")

    def _fail(self, condition: str, error: str) -> None:
        """Leave the parser with an error of core.p4."""
        with self.w.block(f"if ({condition})"):
            self.w.line(f"k->parser_error = {self._program.errors[error]}; {comment(error)}")
            self.w.line("goto done;")

    def _state(self, position: int, state: ParseState) -> None:
        self.w.label(f"s{position}")
        with self.w.block():
            self.w.line(comment(state.name))
            if self._cyclic:
                self._fail(f"++steps > {MAX_PARSER_STEPS}", "ParserTimeout")
            for op in state.ops:
                with self.w.block():
                    self._op(op)
            if state.key:
                self._select(state)
            self._go(state.default)

    def _op(self, op: ParserOp) -> None:
        match op:
            case Extract():
                self._extract(op)
            case Set(target, value):
                self._set(target, value)
            case Verify(cond, error):
                with self.w.block(f"if (!({self.truth(cond)}))"):
                    self.w.line(f"k->parser_error = (u32)({self.number(error, 64)});")
                    self.w.line("goto done;")
            case Advance(bits):
                self.w.line(f"const u64 n = {self._whole_bytes(bits)};")
                self._fail("(u64)(end - at) < n", "PacketTooShort")
                self.w.line("at += n;")
            case Primitive():
                self.primitive(op)

    def _whole_bytes(self, bits: Expr) -> str:
        """A number of bits as bytes; an error if it is not whole bytes."""
        v = self.w.fresh("v")
        self.w.line(f"const u64 {v} = {self.index(bits)};")
        low, _ = self.bounds(bits)
        negative = f" || (i64){v} < 0" if low < 0 else ""
        self._fail(f"{v} % 8 != 0{negative}", "ParserInvalidArgument")
        return f"{v} / 8"

    # -- extract ---------------------------------------------------------------------------------------------

    def _extract(self, op: Extract) -> None:
        place, after = self._target(op)
        t, w = place.type, self.w
        fixed = t.fixed_bits // 8
        varbits = "0"
        if op.length is None:
            self._fail(f"end - at < {fixed}", "PacketTooShort")
            w.line(f"extract{self._types[id(t)]}(&{place.c}, at, 0);")
            place.set_valid(w)
            w.line(f"at += {fixed};")
        else:
            n = w.fresh("n")
            w.line(f"const u64 {n} = {self._whole_bytes(op.length)};")
            self._fail(f"(u64)(end - at) < {fixed} || (u64)(end - at) - {fixed} < {n}", "PacketTooShort")
            position = t.varbit
            # A header longer than its type allows has no place, whether or not the program checks it.
            room = op.max_bytes or (0 if position is None else (t.fixed_bits + t.fields[position].width) // 8)
            self._fail(f"{n} + {fixed} > {room}", "HeaderTooShort")
            varbits = f"(u32){n} * 8"
            w.line(f"extract{self._types[id(t)]}(&{place.c}, at, {varbits});")
            place.set_valid(w)
            w.line(f"at += {n} + {fixed};")
        if after:
            w.line(after)

    def _target(self, op: Extract) -> tuple[Place, str]:
        """Where to extract to, and what then counts the element."""
        target = op.target
        if isinstance(target, HeaderRef):
            return self.layout.header(target.header), ""
        if isinstance(target, StackNext):
            array = self.layout.stack(target.stack)
            s = self._program.stacks[target.stack]
            used = self.layout.next(array)
            self._fail(f"{used} >= {len(s.headers)}", "StackOutOfBounds")
            return Place(f"{array}[{used}]", s.type), f"{used}++;"
        array = self.layout.union_stack(target.stack)
        unions = self._program.union_stacks[target.stack].unions
        members = self.layout.union(unions[0]).members
        used = self.layout.next(array)
        self._fail(f"{used} >= {len(unions)}", "StackOutOfBounds")
        place = UnionPlace(f"{array}[{used}]", members)
        return Place(
            f"{place.c}.m{target.member}", members[target.member], False, place, target.member
        ), f"{used}++;"

    def _set(self, target: FieldRef, value: Expr | Lookahead) -> None:
        if not isinstance(value, Lookahead):
            field = self._program.field(target)
            if field.varbit and isinstance(value, FieldRef):
                self.do_assign_varbit(target, value)
            else:
                self.assign(target, value)
            return
        self._need(value)
        code, own = self._peek(value)
        if target.field == VALID:
            return
        field, lvalue = self.layout.field(target)
        if is_wide(field):
            n = storage(field) // 64
            source = self._as_words(
                self.resize(code, own, max(own, round_up(field.width)), False),
                max(own, round_up(field.width)),
            )
            width = f"{lvalue}_bits" if field.varbit else str(field.width)
            self.w.line(f"vs_w_trim({lvalue}, {source}, {width}, {n}, false);")
        else:
            self.put(field, lvalue, self.resize(code, own, round_up(field.width), False))

    def _need(self, lookahead: Lookahead) -> None:
        self._fail(f"end - at < {(lookahead.offset + lookahead.width + 7) // 8}", "PacketTooShort")

    def _peek(self, lookahead: Lookahead) -> tuple[str, int]:
        """The bits ahead, and the width of the C expression."""
        own = round_up(lookahead.width)
        if own <= 128:
            return f"(u{own}){load_bits(lookahead.offset, lookahead.width)}", own
        t = self.temporary(own)
        self.w.line(f"vs_bits_get({t}, {own // 64}, at, {lookahead.offset}, {lookahead.width});")
        return t, own

    # -- select ----------------------------------------------------------------------------------------------

    def _select(self, state: ParseState) -> None:
        parts = [self._key_part(part) for part in state.key]
        by_number = len(parts) == 1 and state.key_widths[0] <= 64
        plain = all(t.mask is None and t.value_set is None for t in state.transitions)
        if by_number and plain and len({t.value for t in state.transitions}) == len(state.transitions):
            with self.w.block(f"switch ({parts[0][0]})"):
                for t in state.transitions:
                    self.w.line(f"case {literal(int.from_bytes(t.value), 64)}:")
                    self.w.line("    " + ("goto done;" if t.next is None else f"goto s{t.next};"))
                self.w.line("default:")
                self.w.line("    break;")
            return
        for t in state.transitions:
            with self.w.block():
                self.w.line(f"if ({self._matches(t, parts, state.key_widths)})")
                self.w.line("    " + ("goto done;" if t.next is None else f"goto s{t.next};"))

    def _key_part(self, part: FieldRef | StackLast | UnionStackLast | Lookahead) -> tuple[str, int]:
        """A part of the key in a variable, and its width in C."""
        match part:
            case Lookahead():
                self._need(part)
                code, own = self._peek(part)
            case FieldRef() | StackLast():
                width = self._raw_width(part)
                own = round_up(width)
                code = self._raw(part, width, own)
            case UnionStackLast(stack, member, position):
                code, own = self._union_last(stack, member, position)
        name = self.w.fresh("k")
        if own <= 128:
            self.w.line(f"const u{own} {name} = {code};")
        else:
            self.w.line(f"const u64 *const {name} = {code};")
        return name, own

    def _raw_width(self, part: FieldRef | StackLast) -> int:
        if isinstance(part, FieldRef):
            return self._program.field(part).width
        return self._program.stacks[part.stack].type.fields[part.field].width

    def _raw(self, part: Expr, width: int, own: int) -> str:
        """The bits of a field, a signed one's, too."""
        code = self.number(part, own)
        if self.bounds(part)[0] >= 0:
            return code
        if own > 128:
            return self._trimmed(code, width, own)
        return f"(({code}) & {literal((1 << width) - 1, own)})"

    def _trimmed(self, code: str, width: int, own: int) -> str:
        t = self.temporary(own)
        self.w.line(f"vs_w_trim({t}, {code}, {width}, {own // 64}, false);")
        return t

    def _union_last(self, stack: int, member: int, position: int) -> tuple[str, int]:
        array = self.layout.union_stack(stack)
        used = self.layout.next(array)
        unions = self._program.union_stacks[stack].unions
        t = self.layout.union(unions[0]).members[member]
        field = t.fields[position]
        own = round_up(field.width)
        at = self.w.fresh("i")
        self.w.line(f"const u32 {at} = {used} == 0 ? 0 : {used} - 1;")
        code = self.read(field, f"{array}[{at}].m{member}.{field_name(t, position)}", own)
        if own > 128:
            return code, own
        return f"({used} == 0 ? 0 : {code}) & {literal((1 << field.width) - 1, own)}", own

    def _matches(self, t: Transition, parts: list[tuple[str, int]], widths: tuple[int, ...]) -> str:
        if t.value_set is not None:
            return self._in_value_set(t, parts, widths)
        terms, offset = [], 0
        for (name, own), width in zip(parts, widths, strict=True):
            size = (width + 7) // 8
            value = int.from_bytes(t.value[offset : offset + size])
            mask = None if t.mask is None else int.from_bytes(t.mask[offset : offset + size])
            offset += size
            full = (1 << width) - 1
            if mask is None or mask & full == full:
                terms.append(self._part_equals(name, own, value))
            elif mask & full:
                terms.append(self._part_matches(name, own, value & mask, mask & full))
        return " && ".join(terms) or "1"

    def _part_equals(self, name: str, own: int, value: int) -> str:
        if own <= 128:
            return f"{name} == {literal(value, own)}"
        return f"vs_w_cmp({name}, {self._constant(value, own)}, {own // 64}, 0) == 0"

    def _part_matches(self, name: str, own: int, value: int, mask: int) -> str:
        if own <= 128:
            return f"({name} & {literal(mask, own)}) == {literal(value, own)}"
        t = self.temporary(own)
        self.w.line(f"vs_w_and({t}, {name}, {self._constant(mask, own)}, {own // 64});")
        return self._part_equals(t, own, value)

    def _in_value_set(self, t: Transition, parts: list[tuple[str, int]], widths: tuple[int, ...]) -> str:
        """The key as bytes, masked, is looked for among the members."""
        key = self.w.fresh("b")
        total = sum((width + 7) // 8 for width in widths)
        self.w.line(f"u8 {key}[{total}] = {{0}};")
        offset = 0
        for (name, own), width in zip(parts, widths, strict=True):
            size = (width + 7) // 8
            source = self._as_words(name, own)
            self.w.line(f"vs_bits_put({key}, {offset * 8 + size * 8 - width}, {source}, {width});")
            offset += size
        mask = "NULL"
        if t.mask is not None:
            mask = f"(const u8[]){{{', '.join(str(b) for b in t.mask)}}}"
        return f"vs_in_value_set(vs_load(&c->pipe->value_sets[{t.value_set}]), {key}, {mask})"


def _has_cycle(states: tuple[ParseState, ...]) -> bool:
    """Whether some state can be entered again."""
    done: set[int] = set()
    active: set[int] = set()

    def visit(at: int | None) -> bool:
        if at is None or at in done:
            return False
        if at in active:
            return True
        active.add(at)
        state = states[at]
        found = any(visit(n) for n in (state.default, *(t.next for t in state.transitions)))
        active.discard(at)
        done.add(at)
        return found

    return any(visit(i) for i in range(len(states)))
