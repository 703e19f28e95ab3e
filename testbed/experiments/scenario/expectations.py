"""What must hold: each expectation is named by what it looks at."""

from __future__ import annotations

from typing import Annotated, Literal, Self, final, get_args

from pydantic import BeforeValidator, Field, Tag, model_validator

from controllers.pe.outputs import AlarmCode
from testbed.experiments.scenario.parts import Actor, Between, Part
from testbed.model.explain import by_key
from testbed.model.fields import NUMBER, Milliseconds, Name

Count = Annotated[int, Field(ge=0), NUMBER]

Violation = Literal["loop", "black-hole", "trombone", "leak"]


def _trombone(value: object) -> object:
    if value in (True, False, "by-mode", None):
        return value
    raise ValueError(f"{value!r} says not whether there is one: write yes, no or by-mode")


def _violations(value: object) -> object:
    known = get_args(Violation)
    if value == "any" or (isinstance(value, list | tuple) and value and all(each in known for each in value)):
        return value
    raise ValueError(f"{value!r} names no invariants: write any, or a list with some of {', '.join(known)}")


@final
class PathExpected(Part):
    """The way of all echoes of a phase, as the switches reported it."""

    path: Between
    """Whose packets to whom; both ways of a ping count."""
    nodes: tuple[Name, ...] | None = None
    """All switches, in order."""
    via: tuple[Name, ...] = ()
    """Switches on the way."""
    avoids: tuple[Name, ...] = ()
    """Switches not on the way."""
    crossings: Count | None = None
    """How often the WAN is crossed, from PE to PE."""
    trombone: Annotated[bool | Literal["by-mode"] | None, BeforeValidator(_trombone)] = None
    """Whether a PE is visited that is neither the sender's nor the receiver's. `by-mode`: as the mode must do
    where the machine is then."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.nodes or self.via or self.avoids) and self.crossings is None and self.trombone is None:
            raise ValueError("nothing is expected of the path: add nodes, via, avoids, crossings or trombone")
        return self


@final
class GapExpected(Part):
    """The longest silence of a flow, of the phase and what was done before it."""

    gap: Between
    """Whose packets to whom."""
    at_most_ms: Milliseconds
    """How long at most, ms."""


@final
class LossExpected(Part):
    """Datagrams, or else echoes, that did not arrive."""

    loss: Between
    """Whose packets to whom."""
    at_most: Count = 0
    """How many at most."""


@final
class SessionExpected(Part):
    """Every session opened at the beginning lives: TCP and HTTP are answered, bulk data arrives."""

    session: Between
    """Who asks whom."""
    lives: bool = True
    """Whether it is."""


@final
class DipExpected(Part):
    """How long the goodput of a bulk session was below half its median."""

    dip: Between
    """Who sends to whom."""
    at_most_ms: Milliseconds
    """How long at most, ms."""


@final
class FloodExpected(Part):
    """Copies of unicast packets that PEs sent to where their receiver is not."""

    flooded: Count
    """How many at most."""
    at_least: Count = 0
    """How many at least."""

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.at_least > self.flooded:
            raise ValueError(f"at least {self.at_least} and at most {self.flooded} cannot be: exchange them")
        return self


@final
class OwnerExpected(Part):
    """Where all PEs of its bridge domain send frames for a machine at the end of the phase."""

    owner: Actor
    """The machine."""
    pe: Name | None = None
    """To which PE; to one of the site where it is then unless given."""


@final
class AlarmExpected(Part):
    """An alarm that a PE raised, as `duplicate-mac` (RFC 7432 §15.1) or `sticky-mac-moved` (§15.2)."""

    alarm: AlarmCode
    """Which one."""
    raised: bool = True
    """Whether it must have been, or must not."""


@final
class StepExpected(Part):
    """Something that is on the timeline, such as `learned` or `announced`."""

    step: str
    """What happened."""
    node: Actor | None = None
    """Where; anywhere unless given."""
    happens: bool = True
    """Whether it must have, or must not."""


@final
class InvariantExpected(Part):
    """What a check of all tables after every event found, for every pair of machines."""

    broken: Annotated[tuple[Violation, ...] | Literal["any"], BeforeValidator(_violations)]
    """Which invariants."""
    at_most_ms: Milliseconds = 0.0
    """How long each may be broken at most, ms."""


KINDS = (
    "path", "gap", "loss", "session", "dip", "flooded", "owner", "alarm", "step", "broken",
)  # fmt: skip

Expectation = Annotated[
    Annotated[PathExpected, Tag("path")]
    | Annotated[GapExpected, Tag("gap")]
    | Annotated[LossExpected, Tag("loss")]
    | Annotated[SessionExpected, Tag("session")]
    | Annotated[DipExpected, Tag("dip")]
    | Annotated[FloodExpected, Tag("flooded")]
    | Annotated[OwnerExpected, Tag("owner")]
    | Annotated[AlarmExpected, Tag("alarm")]
    | Annotated[StepExpected, Tag("step")]
    | Annotated[InvariantExpected, Tag("broken")],
    by_key(KINDS),
]


def about(expectation: Part) -> str:
    """The key that says what an expectation looks at."""
    return next(name for name in type(expectation).model_fields if name in KINDS)
