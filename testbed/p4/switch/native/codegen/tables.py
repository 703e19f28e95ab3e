"""Match-action tables as C: descriptions for the runtime, and what a packet does at one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from testbed.p4.switch.model import VALID, ActionEntry, HeaderRef, KeyField, Program, Table
from testbed.p4.switch.native.codegen.actions import Statements, action_name, may_end
from testbed.p4.switch.native.codegen.layout import is_wide
from testbed.p4.switch.native.codegen.numbers import round_up
from testbed.p4.switch.native.codegen.writer import Writer, comment, literal, string, words

MAX_KEY_WORDS = 64

_MATCH = {"exact": "VS_EXACT", "lpm": "VS_LPM", "ternary": "VS_TERNARY", "range": "VS_TERNARY"}


@dataclass(frozen=True)
class Slot:
    """Where a field of the key is among the words of the lookup key."""

    field: KeyField
    kind: str
    word: int
    shift: int

    @property
    def words(self) -> int:
        """Words it takes."""
        return words(self.field.width)


class KeyLayout:
    """The lookup key of a table: small fields share words; the prefix or the ranges come last."""

    def __init__(self, table: Table) -> None:
        self.table = table
        special = {"lpm": "lpm", "range": "range"}.get(table.match_kind)
        slots: dict[int, Slot] = {}
        word, used = 0, 64
        for i, field in enumerate(table.key):
            if field.kind == special:
                continue
            kind = "VS_F_TERNARY" if table.match_kind in ("ternary", "range") else "VS_F_EXACT"
            if used + field.width > 64:
                word, used = word + (used > 0 and bool(slots)), 0
            slots[i] = Slot(field, kind, word, used)
            if field.width > 64:
                word, used = word + words(field.width) - 1, 64
            else:
                used += field.width
        self.hash_words = word + 1 if slots else 0
        end = self.hash_words
        for i, field in enumerate(table.key):
            if field.kind == special:
                slots[i] = Slot(field, f"VS_F_{special.upper()}", end, 0)
                end += words(field.width)
        self.slots = tuple(slots[i] for i in range(len(table.key)))
        self.key_words = end

    @cached_property
    def lpm_bits(self) -> int:
        """Width of the prefix field."""
        return next((s.field.width for s in self.slots if s.kind == "VS_F_LPM"), 0)

    @property
    def ranges(self) -> bool:
        """Whether there are range fields."""
        return any(s.kind == "VS_F_RANGE" for s in self.slots)


def declare_tables(program: Program, w: Writer) -> None:
    """The descriptions of all tables."""
    layouts = [KeyLayout(table) for table in program.tables]
    for i, layout in enumerate(layouts):
        if layout.slots:
            with w.block(f"static const struct vs_field fields{i}[] =", ";"):
                for s in layout.slots:
                    w.line(f"{{{s.kind}, {s.shift}, {s.field.width}, {s.word}}},")
    with w.block(f"static const struct vs_table_desc tables[{len(layouts) + 1}] =", ";"):
        for i, layout in enumerate(layouts):
            _describe(w, i, layout)


def _describe(w: Writer, position: int, layout: KeyLayout) -> None:
    t = layout.table
    with w.block("", ","):
        w.line(f".name = {string(t.name)},")
        w.line(f".match = {_MATCH[t.match_kind] if t.key else 'VS_KEYLESS'},")
        w.line(f".counted = {int(t.counter is not None)}, .ages = {int(t.ageing)},")
        w.line(f".metered = {int(t.meter is not None)}, .max_size = {t.max_size}u,")
        w.line(f".key_fields = {len(layout.slots)}, .key_words = {layout.key_words},")
        w.line(f".hash_words = {layout.hash_words}, .lpm_bits = {layout.lpm_bits},")
        w.line(f".profile = {-1 if t.profile is None else t.profile},")
        w.line(f".fields = {f'fields{position}' if layout.slots else 'NULL'},")


class TableWriter(Statements):
    """Writes what a packet does at a table, within a pipeline function."""

    def table(self, position: int, go: dict[object, str], selector: str) -> None:
        """Look up, count, run the action, go on. `go`: a statement for each next node."""
        t = self._program.tables[position]
        self.w.line(comment(t.name))
        if not t.key and t.default_const and t.default is not None and t.profile is None:
            self._constant_action(t.default, t, go)
            return
        self.w.line(f"struct vs_table *const t = &c->pipe->tables[{position}];")
        self.w.line("const struct vs_act *a;")
        hit = bool(t.key)
        if hit:
            self._look_up(t)
            self.w.line("const bool hit = e != NULL;")
            with self.w.block("if (hit)"):
                self._on_hit(t)
                self.w.line("a = vs_load(&e->act);")
            with self.w.block("else"):
                self.w.line("a = vs_load(&t->fallback);")
        else:
            self.w.line("a = vs_load(&t->fallback);")
        if t.profile is not None:
            needed = "a != NULL && a->kind == VS_TO_GROUP"
            code = f"{needed} ? {selector}(c, p, k) : 0" if selector else "0"
            self.w.line(f"a = vs_resolve(c, a, {code});")
        self._run(t, go, hit)

    def _constant_action(self, default: ActionEntry, t: Table, go: dict[object, str]) -> None:
        """A table without a key whose default action never changes: p4c's way to write a statement."""
        action = self._program.actions[default.action]
        data = self._constant_data(default.action, default.params)
        self.w.line(f"{action_name(default.action, action)}(c, p, k, {data});")
        if may_end(action):
            self._leave_if_exited()
        self.w.line(go[t.next(False, default.action)])

    def _constant_data(self, position: int, params: bytes) -> str:
        action = self._program.actions[position]
        if not action.params:
            return "NULL"
        parts = []
        for param, value in zip(action.params, action.unpack(params), strict=True):
            parts += [literal(value >> 64 * i, 64) for i in range(words(param.width))]
        return f"(const u64[]){{{', '.join(parts)}}}"

    def _leave_if_exited(self) -> None:
        self.w.line("if (k->exited)")
        self.w.line("    goto done;")

    def _look_up(self, t: Table) -> None:
        layout = KeyLayout(t)
        self.w.line(f"u64 key[{layout.key_words}];")
        self.key(layout)
        n, h = layout.key_words, layout.hash_words
        match t.match_kind:
            case "exact":
                call = f"vs_exact_find(t, key, {n})"
            case "lpm":
                call = f"vs_lpm_find(t, key, {h}, {n}, {layout.lpm_bits})"
            case _:
                call = f"vs_ternary_find(t, key, {n}, {str(layout.ranges).lower()})"
        self.w.line(f"struct vs_entry *const e = {call};")

    def key(self, layout: KeyLayout) -> None:
        """Fill `key`, words of which are there, from the fields."""
        by_word: dict[int, list[str]] = {}
        for slot in layout.slots:
            value, own = self._key_value(slot.field)
            if slot.kind == "VS_F_LPM":
                self._left_aligned(slot, value, own)
            elif slot.words > 1:
                self._in_words(slot, value, own)
            else:
                by_word.setdefault(slot.word, []).append(f"{value} << {slot.shift}" if slot.shift else value)
        for word, values in by_word.items():
            self.w.line(f"key[{word}] = {' | '.join(values)};")

    def _key_value(self, field: KeyField) -> tuple[str, int]:
        """The value of a field as C and its width. Of an invalid header it is 0."""
        if isinstance(field.ref, HeaderRef):
            return f"(u64)({self.layout.header(field.ref.header).valid})", 64
        place = self.layout.header(field.ref.header)
        if field.ref.field == VALID:
            return f"(u64)({place.valid})", 64
        f, lvalue = place.type.fields[field.ref.field], place.field(field.ref.field)
        own = round_up(f.width)
        if is_wide(f):
            own = max(own, 64)
            name = self.w.fresh("k")
            zero = self.w.fresh("z")
            self.w.line(f"static const u64 {zero}[{words(f.width)}];")
            self.w.line(f"const u64 *const {name} = {place.valid} ? {lvalue} : {zero};")
            return self._masked_words(name, field), 0
        value = f"(u{own}){lvalue}"
        if not place.metadata:
            value = f"({place.valid} ? {value} : 0)"
        if field.mask is not None:
            value = f"({value} & {literal(field.mask, own)})"
        return value, own

    def _masked_words(self, name: str, field: KeyField) -> str:
        if field.mask is None:
            return name
        n = words(field.width)
        t = self.temporary(64 * n)
        self.w.line(f"vs_w_and({t}, {name}, {self._mask_words(field.mask, n)}, {n});")
        return t

    def _mask_words(self, mask: int, n: int) -> str:
        return f"(const u64[]){{{', '.join(literal(mask >> 64 * i, 64) for i in range(n))}}}"

    def _in_words(self, slot: Slot, value: str, own: int) -> None:
        """A field of several words, the least significant first."""
        if own == 0:
            self.w.line(f"memcpy(key + {slot.word}, {value}, {slot.words} * sizeof key[0]);")
        else:
            self.w.line(f"key[{slot.word}] = (u64){value};")
            self.w.line(f"key[{slot.word + 1}] = (u64)((u128){value} >> 64);")

    def _left_aligned(self, slot: Slot, value: str, own: int) -> None:
        """A prefix field: left-aligned, the most significant word first."""
        width, n = slot.field.width, slot.words
        shift = 64 * n - width
        if own == 64:
            self.w.line(
                f"key[{slot.word}] = {value} << {shift};" if shift else f"key[{slot.word}] = {value};"
            )
        elif own == 128:
            v = self.w.fresh("v")
            self.w.line(f"const u128 {v} = (u128){value} << {shift};")
            self.w.line(f"key[{slot.word}] = (u64)({v} >> 64);")
            self.w.line(f"key[{slot.word + 1}] = (u64){v};")
        else:
            self._left_aligned_words(slot, value, shift)

    def _left_aligned_words(self, slot: Slot, value: str, shift: int) -> None:
        t = self.temporary(64 * slot.words)
        self.w.line(f"vs_w_shl({t}, {value}, {shift}, {slot.words});")
        for i in range(slot.words):
            self.w.line(f"key[{slot.word + i}] = {t}[{slot.words - 1 - i}];")

    def _on_hit(self, t: Table) -> None:
        """The meter runs before the action, the counter counts whatever the action does."""
        if t.meter is not None:
            meter = self._program.meters[t.meter]
            units = "1" if meter.unit == "packets" else "k->ingress_length"
            color = f"vs_meter_run(vs_load(&vs_rest(e)->meter), c->now_us, {units})"
            self.put_u64(meter.target, color)
        if t.counter is not None:
            self.w.line("vs_count_hit(e, k->ingress_length);")
        if t.ageing:
            self.w.line("vs_poke(&vs_rest(e)->last_hit_us, c->now_us);")

    def _run(self, t: Table, go: dict[object, str], hit: bool) -> None:
        """Run the action and go where the table says for it."""
        by_hit = t.next_hit_miss is not None
        targets = {t.next(False, None), *(t.next(False, a) for a in t.actions)}
        single = not by_hit and len(targets) == 1
        with self.w.block("if (a != NULL)"), self.w.block("switch (a->action)"):
            for a in t.actions:
                action = self._program.actions[a]
                self.w.line(f"case {a}:")
                self.w.line(f"    {action_name(a, action)}(c, p, k, a->data);")
                if may_end(action):
                    self.w.line("    if (k->exited)")
                    self.w.line("        goto done;")
                if single or by_hit:
                    self.w.line("    break;")
                else:
                    self.w.line(f"    {go[t.next(False, a)]}")
            self.w.line("default:")
            self.w.line("    break;")
        if by_hit and hit:
            self.w.line("if (hit)")
            self.w.line(f"    {go[t.next(True, None)]}")
        self.w.line(go[t.next(False, None)])
