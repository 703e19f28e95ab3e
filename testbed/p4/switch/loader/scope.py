"""The names a program has declared so far, and what they stand for."""

from __future__ import annotations

from testbed.p4.switch.loader.cursor import Cursor
from testbed.p4.switch.model import (
    VALID,
    Action,
    Calculation,
    Counter,
    FieldRef,
    Header,
    HeaderRef,
    HeaderType,
    Meter,
    Register,
    Stack,
    Union,
    UnionStack,
    ValueSet,
)


class Names:
    """Positions by name and by id for one sort of object."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._by_name: dict[str, int] = {}
        self._by_id: dict[int, int] = {}

    def declare(self, at: Cursor, position: int) -> str:
        """Take `name` and `id` of an object that has position `position`."""
        name = at.name()
        if name in self._by_name:
            raise at.get("name").error(f"a second {self._what} named '{name}'")
        self._by_name[name] = position
        self.declare_id(at, position)
        return name

    def declare_id(self, at: Cursor, position: int) -> None:
        """Take `id` only (actions share names)."""
        number = at.get("id").number(0, 2**31 - 1)
        if number in self._by_id:
            raise at.get("id").error(f"a second {self._what} with id {number}")
        self._by_id[number] = position

    def find(self, at: Cursor) -> int:
        """The position of the object that the string at `at` names."""
        name = at.text()
        position = self._by_name.get(name)
        if position is None:
            raise at.error(f"there is no {self._what} named '{name}'")
        return position

    def find_id(self, at: Cursor) -> int:
        """The position of the object that the id at `at` names."""
        number = at.number(0, 2**31 - 1)
        position = self._by_id.get(number)
        if position is None:
            raise at.error(f"there is no {self._what} with id {number}")
        return position

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def get(self, name: str) -> int | None:
        """The position of a name, if it is known."""
        return self._by_name.get(name)


class Scope:
    """Everything declared, in the order in which `program.load` declares it."""

    def __init__(self) -> None:
        self.header_types: list[HeaderType] = []
        self.headers: list[Header] = []
        self.stacks: list[Stack] = []
        self.unions: list[Union] = []
        self.union_stacks: list[UnionStack] = []
        self.union_members: list[tuple[tuple[str, HeaderType], ...]] = []
        """Of each union stack: names and types of the members of its unions."""
        self.aliases: dict[str, FieldRef] = {}
        self.errors: dict[str, int] = {}
        self.value_sets: list[ValueSet] = []
        self.calculations: list[Calculation] = []
        self.counters: list[Counter] = []
        self.direct_counters: dict[str, int] = {}
        """Of each table that a counter is bound to: the counter."""
        self.meters: list[Meter] = []
        self.registers: list[Register] = []
        self.actions: list[Action] = []

        self.header_type_names = Names("header type")
        self.header_names = Names("header")
        self.stack_names = Names("header stack")
        self.union_names = Names("header union")
        self.union_stack_names = Names("header union stack")
        self.value_set_names = Names("parser value set")
        self.calculation_names = Names("calculation")
        self.counter_names = Names("counter array")
        self.meter_names = Names("meter array")
        self.register_names = Names("register array")
        self.action_names = Names("action")

    def header(self, at: Cursor) -> HeaderRef:
        """The header that a string names."""
        return HeaderRef(self.header_names.find(at))

    def field_ref(self, at: Cursor) -> FieldRef:
        """The field that a [header, field] pair names."""
        header_at, field_at = at.tuple(2)
        header_name, field_name = header_at.text(), field_at.text()
        alias = self.aliases.get(f"{header_name}.{field_name}")
        if alias is not None:
            return alias
        position = self.header_names.find(header_at)
        return FieldRef(position, self.field_of(self.headers[position].type, field_at))

    @staticmethod
    def field_of(header_type: HeaderType, at: Cursor) -> int:
        """The field of a header type that a string names."""
        name = at.text()
        if name == "$valid$":
            return VALID
        position = header_type.index.get(name)
        if position is None:
            raise at.error(f"header type '{header_type.name}' has no field '{name}'")
        return position

    def width(self, ref: FieldRef) -> int:
        """Bits of a field."""
        return 1 if ref.field == VALID else self.headers[ref.header].type.fields[ref.field].width

    def plain_field(self, at: Cursor, why: str) -> FieldRef:
        """As `field_ref`, for places where a varbit field makes no sense."""
        ref = self.field_ref(at)
        if ref.field != VALID and self.headers[ref.header].type.fields[ref.field].varbit:
            raise at.error(f"a varbit field cannot be {why}")
        return ref
