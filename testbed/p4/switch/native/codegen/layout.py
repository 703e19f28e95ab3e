"""The packet header vector as a C struct: where each header, stack and union is."""

from __future__ import annotations

from dataclasses import dataclass

from testbed.p4.switch.model import VALID, Field, FieldRef, HeaderType, Program
from testbed.p4.switch.native.codegen.writer import Writer, identifier, words


def storage(field: Field) -> int:
    """Bits of the C type that holds a field; above 128 a multiple of 64: an array of u64."""
    if field.varbit or field.width > 128:
        return 64 * max(words(field.width), 1)
    return next(bits for bits in (8, 16, 32, 64, 128) if field.width <= bits)


def is_wide(field: Field) -> bool:
    """Whether a field is an array."""
    return field.varbit or field.width > 128


@dataclass(frozen=True, slots=True)
class UnionPlace:
    """Where a union is: a C expression for the struct of its members."""

    c: str
    members: tuple[HeaderType, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a header is: a C expression (an lvalue), its type, and the union it is a member of."""

    c: str
    type: HeaderType
    metadata: bool = False
    union: UnionPlace | None = None
    member: int = 0

    @property
    def valid(self) -> str:
        """C condition: the header is valid."""
        return "1" if self.metadata else f"{self.c}.valid"

    def field(self, position: int) -> str:
        """The C lvalue of a field."""
        return f"{self.c}.{field_name(self.type, position)}"

    def bits(self, position: int) -> str:
        """The C lvalue of the present width of a varbit field."""
        return f"{self.c}.{field_name(self.type, position)}_bits"

    def set_valid(self, w: Writer) -> None:
        """Make the header valid; of a union only one is."""
        if self.metadata:
            return
        w.line(f"{self.c}.valid = 1;")
        if self.union is not None:
            for i in range(len(self.union.members)):
                if i != self.member:
                    w.line(f"{self.union.c}.m{i}.valid = 0;")

    def set_invalid(self, w: Writer) -> None:
        """Make the header invalid."""
        if not self.metadata:
            w.line(f"{self.c}.valid = 0;")


def field_name(header_type: HeaderType, position: int) -> str:
    """The C name of a field."""
    return identifier(f"f{position}", header_type.fields[position].name)


class Layout:
    """Names of types and places for one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._types = {id(t): identifier(f"ht{i}", t.name) for i, t in enumerate(program.header_types)}
        self._unions = self._place_unions()
        self._headers = self._place_headers()

    # -- places ----------------------------------------------------------------------------------------------

    def header(self, position: int) -> Place:
        """A header instance."""
        return self._headers[position]

    def union(self, position: int) -> UnionPlace:
        """A header union."""
        return self._unions[position]

    def stack(self, position: int) -> str:
        """The array of a header stack."""
        return "p->" + identifier(f"s{position}", self.program.stacks[position].name)

    def union_stack(self, position: int) -> str:
        """The array of a union stack."""
        return "p->" + identifier(f"us{position}", self.program.union_stacks[position].name)

    def next(self, stack: str) -> str:
        """How many elements of a stack (`stack` or `union_stack`) are in use: P4's `nextIndex`."""
        return f"{stack}_next"

    def struct(self, header_type: HeaderType) -> str:
        """The C type of a header."""
        return f"struct {self._types[id(header_type)]}"

    def union_struct(self, members: tuple[HeaderType, ...]) -> str:
        """The C type of a union with these members."""
        return "struct un_" + "_".join(self._types[id(t)].partition("_")[0] for t in members)

    def field(self, ref: FieldRef) -> tuple[Field, str]:
        """A field and its C lvalue (validity: the flag)."""
        place = self.header(ref.header)
        if ref.field == VALID:
            return self.program.field(ref), place.valid
        return place.type.fields[ref.field], place.field(ref.field)

    def _place_unions(self) -> list[UnionPlace]:
        program = self.program
        stacked = {
            union: f"{self.union_stack(s)}[{k}]"
            for s, stack in enumerate(program.union_stacks)
            for k, union in enumerate(stack.unions)
        }
        return [
            UnionPlace(
                stacked.get(i, "p->" + identifier(f"u{i}", union.name)),
                tuple(program.headers[h].type for h in union.headers),
            )
            for i, union in enumerate(program.unions)
        ]

    def _place_headers(self) -> list[Place]:
        program = self.program
        stacked = {
            header: f"{self.stack(s)}[{k}]"
            for s, stack in enumerate(program.stacks)
            for k, header in enumerate(stack.headers)
        }
        places = []
        for i, header in enumerate(program.headers):
            if header.union is not None:
                union, member = header.union
                place = self._unions[union]
                places.append(Place(f"{place.c}.m{member}", header.type, False, place, member))
            else:
                c = stacked.get(i, "p->" + identifier(f"h{i}", header.name))
                places.append(Place(c, header.type, header.metadata))
        return places

    # -- declarations ----------------------------------------------------------------------------------------

    def declare(self, w: Writer) -> None:
        """The struct types and `struct vs_phv`."""
        for header_type in self.program.header_types:
            self._declare_type(w, header_type)
        for members in dict.fromkeys(u.members for u in self._unions):
            with w.block(self.union_struct(members), ";"):
                for i, member in enumerate(members):
                    w.line(f"{self.struct(member)} m{i};")
        with w.block("struct vs_phv", ";"):
            self._declare_instances(w)

    def _declare_type(self, w: Writer, header_type: HeaderType) -> None:
        with w.block(self.struct(header_type), ";"):
            w.line("u8 valid;")
            for i, field in enumerate(header_type.fields):
                name, bits = field_name(header_type, i), storage(field)
                if is_wide(field):
                    w.line(f"u64 {name}[{bits // 64}];")
                    if field.varbit:
                        w.line(f"u32 {name}_bits;")
                else:
                    w.line(f"u{bits} {name};")

    def _declare_instances(self, w: Writer) -> None:
        program = self.program
        w.line("u8 nothing; /* a struct has a member */")
        in_stack = {h for stack in program.stacks for h in stack.headers}
        in_union_stack = {u for stack in program.union_stacks for u in stack.unions}
        for i, header in enumerate(program.headers):
            if i not in in_stack and header.union is None:
                w.line(f"{self.struct(header.type)} {self.header(i).c[3:]};")
        for i, stack in enumerate(program.stacks):
            c = self.stack(i)[3:]
            w.line(f"{self.struct(stack.type)} {c}[{len(stack.headers)}];")
            w.line(f"u32 {self.next(c)};")
        for i in range(len(program.unions)):
            if i not in in_union_stack:
                place = self.union(i)
                w.line(f"{self.union_struct(place.members)} {place.c[3:]};")
        for i, union_stack in enumerate(program.union_stacks):
            c = self.union_stack(i)[3:]
            members = self.union(union_stack.unions[0]).members
            w.line(f"{self.union_struct(members)} {c}[{len(union_stack.unions)}];")
            w.line(f"u32 {self.next(c)};")
