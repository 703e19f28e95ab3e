"""Values that actions, flows and expectations of a scenario are made of.

A name may be a role: `$machine` moves, `$to` is where it goes, `$clients` talk to it, `$client` is the first
of them. Who plays them is said at the top of the file, on the command line, or by the topology.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from testbed.model.fields import NUMBER

MACHINE: Final = "$machine"
TO: Final = "$to"
CLIENTS: Final = "$clients"
CLIENT: Final = "$client"
ROLES: Final = (MACHINE, TO, CLIENTS, CLIENT)

_NAME = r"[a-z][a-z0-9-]*"
_ACTOR = rf"(?:{_NAME}|\$(?:machine|to|clients|client))"
_ENDS = re.compile(rf"({_ACTOR})\s*(<?>)\s*({_ACTOR})")


class Part(BaseModel):
    """Base of all parts of a scenario: frozen, and no key but the known ones."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True
    )


@final
@dataclass(frozen=True, slots=True)
class Ends:
    """Who sends to whom; `both` directions or the one."""

    source: str
    destination: str
    both: bool = False

    def __str__(self) -> str:
        return f"{self.source} {'<>' if self.both else '>'} {self.destination}"


@final
@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays which role."""

    machine: str
    to: str
    clients: tuple[str, ...]

    def all(self, name: str) -> tuple[str, ...]:
        """Those whom a name means: several only for `$clients`."""
        one = {MACHINE: self.machine, TO: self.to, CLIENT: self.clients[0] if self.clients else ""}
        return self.clients if name == CLIENTS else (one.get(name, name),)

    def one(self, name: str) -> str:
        """The one whom a name means."""
        return self.all(name)[0]

    def pairs(self, ends: Ends) -> Iterator[tuple[str, str]]:
        """Every direction, from sender to receiver."""
        for source in self.all(ends.source):
            for destination in self.all(ends.destination):
                yield source, destination
                if ends.both:
                    yield destination, source


def _ends(value: object) -> Ends:
    if isinstance(value, Ends):
        return value
    found = _ENDS.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(
            f"{value!r} does not say who sends to whom: write `client > vm1`, or <> for both ways"
        )
    return Ends(found[1], found[3], both=found[2] == "<>")


def _actor(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(_ACTOR, value):
        return value
    raise ValueError(f"{value!r} is neither a name nor one of {', '.join(ROLES)}: write for example vm1")


Between = Annotated[
    Ends,
    BeforeValidator(_ends),
    WithJsonSchema({"type": "string", "pattern": rf"^\s*{_ACTOR}\s*<?>\s*{_ACTOR}\s*$"}),
]
"""`client > vm1` one way, `client <> vm1` both."""

Actor = Annotated[str, BeforeValidator(_actor), WithJsonSchema({"type": "string", "pattern": f"^{_ACTOR}$"})]
"""A name of the topology, or a role."""

Seconds = Annotated[float, Field(ge=0, le=600, allow_inf_nan=False), NUMBER]
