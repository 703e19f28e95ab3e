"""Counters, meters, registers, hashes, and lists of fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from testbed.p4.switch.model.expression import Expr, FieldRef, HeaderRef


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter array: packets and bytes (of the packet at ingress) per cell. `table`: of a direct one."""

    name: str
    size: int
    table: int | None = None


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter array. `table` and `target` (where the colour goes): of a direct one."""

    name: str
    unit: Literal["bytes", "packets"]
    rates: int
    size: int
    table: int | None = None
    target: FieldRef | None = None


@dataclass(frozen=True, slots=True)
class Register:
    """A register array: `size` cells of `width` bits, 0 at load."""

    name: str
    width: int
    size: int


@dataclass(frozen=True, slots=True)
class ConstBits:
    """A constant among the inputs of a calculation or a field list."""

    value: int
    width: int


@dataclass(frozen=True, slots=True)
class Calculation:
    """A hash over `inputs`, bit after bit, the last byte padded with zeros on the right.

    Fields and headers that are not valid are left out. `payload`: then what the parser left of the packet.
    """

    name: str
    algorithm: str
    inputs: tuple[FieldRef | HeaderRef | ConstBits, ...]
    payload: bool = False


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum field: verified after the parser where the header is valid, updated before the deparser."""

    name: str
    target: FieldRef
    calculation: int
    verify: bool
    update: bool
    cond: Expr | None


@dataclass(frozen=True, slots=True)
class LearnList:
    """A digest: `generate_digest` names it by `id` (from 1)."""

    name: str
    id: int
    fields: tuple[FieldRef, ...]


@dataclass(frozen=True, slots=True)
class FieldList:
    """What clone, resubmit and recirculate preserve, named by `id` (from 1)."""

    id: int
    fields: tuple[FieldRef, ...]
