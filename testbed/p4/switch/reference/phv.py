"""The packet header vector: every header instance of one packet, its fields and its validity.

Values are integers: unsigned fields hold 0 ... 2^w - 1, signed ones -2^(w-1) ... 2^(w-1) - 1. A header that
becomes invalid keeps its values, as in bmv2; every value starts at 0.
"""

from __future__ import annotations

from testbed.p4.switch.model import VALID, Field, FieldRef, Program


class Phv:
    """Headers of one packet."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.valid = [header.metadata for header in program.headers]
        self.values = [[0] * len(header.type.fields) for header in program.headers]
        self.varbits = [0] * len(program.headers)
        """Bits of the varbit field of each header."""
        self.stack_next = [0] * len(program.stacks)
        self.union_stack_next = [0] * len(program.union_stacks)

    def copy(self) -> Phv:
        """An independent copy."""
        other = Phv.__new__(Phv)
        other.program = self.program
        other.valid = self.valid.copy()
        other.values = [fields.copy() for fields in self.values]
        other.varbits = self.varbits.copy()
        other.stack_next = self.stack_next.copy()
        other.union_stack_next = self.union_stack_next.copy()
        return other

    def reset_metadata(self) -> None:
        """Every metadata field is 0."""
        for i, header in enumerate(self.program.headers):
            if header.metadata:
                self.values[i] = [0] * len(header.type.fields)

    def copy_fields(self, refs: tuple[FieldRef, ...], source: Phv) -> None:
        """Take over the values of some fields."""
        for ref in refs:
            self.set(ref, source.get(ref))

    # -- fields ----------------------------------------------------------------------------------------------

    def get(self, ref: FieldRef) -> int:
        """The value of a field, whether its header is valid or not."""
        if ref.field == VALID:
            return int(self.valid[ref.header])
        return self.values[ref.header][ref.field]

    def set(self, ref: FieldRef, value: int) -> None:
        """Store a value of any size: saturate, or keep the low bits, as the field says."""
        if ref.field == VALID:
            return
        field = self.program.headers[ref.header].type.fields[ref.field]
        width = self.varbits[ref.header] if field.varbit else field.width
        self.values[ref.header][ref.field] = fit(value, width, field)

    def width(self, ref: FieldRef) -> int:
        """Bits of a field now, of a varbit field too."""
        field = self.program.field(ref)
        return self.varbits[ref.header] if field.varbit else field.width

    def bits(self, ref: FieldRef) -> int:
        """The value of a field as it is on the wire."""
        return self.get(ref) & ((1 << self.width(ref)) - 1)

    # -- headers ---------------------------------------------------------------------------------------------

    def set_valid(self, header: int) -> None:
        """Make a header valid; of a union only one is."""
        self.valid[header] = True
        union = self.program.headers[header].union
        if union is not None:
            for other in self.program.unions[union[0]].headers:
                if other != header:
                    self.valid[other] = False

    def set_invalid(self, header: int) -> None:
        """Make a header invalid."""
        self.valid[header] = False

    def union_valid(self, union: int) -> bool:
        """Whether a header of the union is valid."""
        return any(self.valid[h] for h in self.program.unions[union].headers)

    def header_bits(self, header: int) -> int:
        """Bits a header has on the wire."""
        return self.program.headers[header].type.fixed_bits + self.varbits[header]

    def header_bytes(self, header: int) -> bytes:
        """A header as it is on the wire."""
        value = 0
        for i in range(len(self.values[header])):
            ref = FieldRef(header, i)
            value = value << self.width(ref) | self.bits(ref)
        return value.to_bytes(self.header_bits(header) // 8)

    def extract(self, header: int, data: int, varbits: int) -> None:
        """Fill a header from `data`, an integer of just its size, and make it valid."""
        self.varbits[header] = varbits
        shift = self.header_bits(header)
        for i, field in enumerate(self.program.headers[header].type.fields):
            width = varbits if field.varbit else field.width
            shift -= width
            raw = data >> shift & ((1 << width) - 1)
            self.values[header][i] = fit(raw, width, field) if field.signed else raw
        self.set_valid(header)

    def assign_header(self, target: int, source: int) -> None:
        """`target = source`, validity included."""
        if not self.valid[source]:
            self.set_invalid(target)
            return
        self.set_valid(target)
        self.values[target] = self.values[source].copy()
        self.varbits[target] = self.varbits[source]

    def equal_headers(self, left: int, right: int) -> bool:
        """`left == right`: both are valid and all fields are equal."""
        return (
            self.valid[left]
            and self.valid[right]
            and self.varbits[left] == self.varbits[right]
            and self.values[left] == self.values[right]
        )

    def equal_unions(self, left: int, right: int) -> bool:
        """Both have a valid header, at the same place, and these are equal."""
        pairs = zip(self.program.unions[left].headers, self.program.unions[right].headers, strict=True)
        return any(self.equal_headers(a, b) for a, b in pairs)

    # -- stacks (P4_16 section 8.18) -------------------------------------------------------------------------

    def push_front(self, elements: list[tuple[int, ...]], count: int) -> None:
        """Move elements (each one header, or the headers of a union) up; the first `count` become invalid."""
        for i in range(len(elements) - 1, -1, -1):
            self._move(elements[i], elements[i - count] if i >= count else None)

    def pop_front(self, elements: list[tuple[int, ...]], count: int) -> None:
        """Move elements down; the last `count` become invalid."""
        for i in range(len(elements)):
            self._move(elements[i], elements[i + count] if i + count < len(elements) else None)

    def _move(self, target: tuple[int, ...], source: tuple[int, ...] | None) -> None:
        for i, header in enumerate(target):
            if source is None:
                self.valid[header] = False
            else:
                self.valid[header] = self.valid[source[i]]
                self.values[header] = self.values[source[i]].copy()
                self.varbits[header] = self.varbits[source[i]]


def fit(value: int, width: int, field: Field) -> int:
    """`value` as a field of `width` bits holds it."""
    if field.saturating:
        low, high = (-(1 << width - 1), (1 << width - 1) - 1) if field.signed else (0, (1 << width) - 1)
        return min(max(value, low), high)
    value &= (1 << width) - 1
    if field.signed and value >> (width - 1):
        value -= 1 << width
    return value
