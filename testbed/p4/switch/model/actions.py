"""Actions and the primitives they call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from testbed.p4.switch.model.expression import Expr


@dataclass(frozen=True, slots=True)
class CalculationRef:
    """An argument that is a calculation (hash)."""

    calculation: int


@dataclass(frozen=True, slots=True)
class CounterRef:
    """An argument that is a counter array."""

    counter: int


@dataclass(frozen=True, slots=True)
class MeterRef:
    """An argument that is a meter array."""

    meter: int


@dataclass(frozen=True, slots=True)
class RegisterRef:
    """An argument that is a register array."""

    register: int


Arg: TypeAlias = Expr | CalculationRef | CounterRef | MeterRef | RegisterRef | str | tuple[Expr, ...]
"""An argument of a primitive; `str` and the plain tuple occur in log_msg only."""


@dataclass(frozen=True, slots=True)
class Primitive:
    """One call. `loader.primitives.SIGNATURES` lists names and arguments; `line`: "file:line" or ""."""

    op: str
    args: tuple[Arg, ...]
    line: str = ""


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of an action that table entries fill in; `width` in bits."""

    name: str
    width: int

    @property
    def nbytes(self) -> int:
        """Bytes it takes in `TableOp.params`."""
        return (self.width + 7) // 8


@dataclass(frozen=True, slots=True)
class Action:
    """An action. Several may share a name: p4c makes one per table that uses it.

    `_jump` and `_jump_if_zero` go forward only, at most to the end.
    """

    name: str
    params: tuple[Param, ...]
    primitives: tuple[Primitive, ...]

    def unpack(self, params: bytes) -> tuple[int, ...]:
        """The values in `TableOp.params`."""
        values, offset = [], 0
        for param in self.params:
            values.append(int.from_bytes(params[offset : offset + param.nbytes]))
            offset += param.nbytes
        return tuple(values)
