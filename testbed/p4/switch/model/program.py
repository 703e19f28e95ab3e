"""The whole program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from testbed.p4.switch.model.actions import Action
from testbed.p4.switch.model.control import Call, Conditional, Pipeline, Profile, Table
from testbed.p4.switch.model.expression import VALID, FieldRef
from testbed.p4.switch.model.headers import Field, Header, HeaderType, Stack, Union, UnionStack
from testbed.p4.switch.model.objects import (
    Calculation,
    Checksum,
    Counter,
    FieldList,
    LearnList,
    Meter,
    Register,
)
from testbed.p4.switch.model.parser import Deparser, Parser, ValueSet

VALID_FIELD: Final = Field("$valid$", 1)
"""What `FieldRef(header, VALID)` names."""


@dataclass(frozen=True)
class Program:
    """A whole program."""

    source: str
    header_types: tuple[HeaderType, ...]
    headers: tuple[Header, ...]
    stacks: tuple[Stack, ...]
    unions: tuple[Union, ...]
    union_stacks: tuple[UnionStack, ...]
    errors: Mapping[str, int]
    """Numbers of the errors; those of core.p4 are always there."""
    enums: Mapping[str, Mapping[str, int]]
    aliases: Mapping[str, FieldRef]
    value_sets: tuple[ValueSet, ...]
    parser: Parser
    deparser: Deparser
    actions: tuple[Action, ...]
    tables: tuple[Table, ...]
    conditionals: tuple[Conditional, ...]
    calls: tuple[Call, ...]
    ingress: Pipeline
    egress: Pipeline
    profiles: tuple[Profile, ...]
    counters: tuple[Counter, ...]
    meters: tuple[Meter, ...]
    registers: tuple[Register, ...]
    calculations: tuple[Calculation, ...]
    checksums: tuple[Checksum, ...]
    learn_lists: tuple[LearnList, ...]
    field_lists: tuple[FieldList, ...]

    def intrinsic(self, name: str) -> FieldRef | None:
        """The field a target knows as `name` ("intrinsic_metadata.mcast_grp"): by alias, else by its own
        name."""
        if (ref := self.aliases.get(name)) is not None:
            return ref
        header, _, member = name.partition(".")
        return self._fields.get((header, member))

    def field(self, ref: FieldRef) -> Field:
        """The field a reference names."""
        return VALID_FIELD if ref.field == VALID else self.headers[ref.header].type.fields[ref.field]

    def field_name(self, ref: FieldRef) -> str:
        """For messages: `header.field`."""
        return f"{self.headers[ref.header].name}.{self.field(ref).name}"

    @cached_property
    def _fields(self) -> Mapping[tuple[str, str], FieldRef]:
        return {
            (header.name, f.name): FieldRef(i, j)
            for i, header in enumerate(self.headers)
            for j, f in enumerate(header.type.fields)
        }
