"""What can be done to a lab in a scenario. Each action has a key of its own; the others say how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, final

from pydantic import Field, Tag

from testbed.experiments.scenario.parts import Actor, Part, Seconds
from testbed.model.explain import by_key
from testbed.model.fields import NUMBER, Milliseconds, Name
from testbed.model.topology import Announce


class Act(Part):
    """Base of all actions."""

    within_s: Seconds = 0.0
    """It happens at a moment drawn from as many seconds, by the seed."""

    def in_words(self, who: Callable[[str], str]) -> str:
        """As a line for people; `who` says who plays a role."""
        words = []
        for name, info in type(self).model_fields.items():
            if name in self.model_fields_set and name != "within_s":
                value = getattr(self, name)
                text = ", ".join(value) if isinstance(value, tuple) else str(value)
                words.append(f"{(info.alias or name).replace('_', ' ')} {who(text)}")
        return ", ".join(words)


class Moving(Act):
    """Base of all actions that move machines."""

    blackout_ms: Milliseconds | None = None
    """How long a machine is off the network, ms; as the topology says unless given."""
    announce: Announce | None = None
    """How it is announced; as the topology says unless given."""
    topology_change: bool = Field(default=False, alias="topology-change")
    """Whether the spanning tree of the VLAN notices that the machine's port went down, as that of a data
    center's bridges does: PEs forget the MACs that frames taught them (IEEE 802.1D §17.11)."""


@final
class Migrate(Moving):
    """Move a machine live."""

    migrate: Actor
    """The machine."""
    to: Actor
    """The slot it goes to."""


@final
class MigrateBack(Moving):
    """Move a machine back to where it was before its last move."""

    migrate_back: Actor = Field(alias="migrate-back")
    """The machine."""


@final
class PingPong(Moving):
    """Move a machine to and fro."""

    ping_pong: Actor = Field(alias="ping-pong")
    """The machine."""
    to: Actor
    """The slot of its first move; the second one is back, and so on."""
    moves: Annotated[int, Field(ge=1, le=100), NUMBER]
    """How many moves."""
    apart_ms: Milliseconds = 250.0
    """From the end of a move to the next, ms."""


@final
class Evacuate(Moving):
    """Move all machines of a site or an access switch away, all at once."""

    evacuate: Actor
    """The site, or the access switch."""
    to: Actor
    """The slots they go to."""
    apart_ms: Milliseconds = 0.0
    """From the beginning of a move to the beginning of the next, ms; the seed says in which order."""


@final
class Split(Act):
    """Start a second copy of a machine in another slot: both are on the network."""

    split: Actor
    """The machine; the copy's name is that of the machine and `-copy`."""
    to: Actor
    """The copy's slot."""
    announce: Announce = Announce.GARP
    """How the copy is announced."""


@final
class Merge(Act):
    """End the copy of a machine that was split."""

    merge: Actor
    """The machine."""


@final
class Speak(Act):
    """Have a machine announce itself from where it is."""

    speak: Actor
    """The machine, or a copy of one."""
    kind: Announce = Announce.GARP
    """How."""


@final
class Pin(Act):
    """Tie a machine's MAC to the circuit it is behind: it is advertised as sticky (RFC 7432 §15.2)."""

    pin: Actor
    """The machine."""


@final
class Unpin(Act):
    """Let a machine's MAC move again."""

    unpin: Actor
    """The machine."""


@final
class LinkDown(Act):
    """Cut a link."""

    link_down: Annotated[tuple[Name, ...], Field(min_length=2, max_length=2)] = Field(alias="link-down")
    """Its two nodes."""


@final
class LinkUp(Act):
    """Mend a link."""

    link_up: Annotated[tuple[Name, ...], Field(min_length=2, max_length=2)] = Field(alias="link-up")
    """Its two nodes."""


@final
class PeDown(Act):
    """Kill a PE's switch."""

    pe_down: Name = Field(alias="pe-down")
    """The PE."""


@final
class PeUp(Act):
    """Start a PE's switch again."""

    pe_up: Name = Field(alias="pe-up")
    """The PE."""


@final
class RestartController(Act):
    """End a PE's controller and start a new one, which knows nothing."""

    restart_controller: Name = Field(alias="restart-controller")
    """The PE."""


@final
class ReflectorIs(Act):
    """Have the route reflector fail, or come back."""

    reflector: Literal["lost", "back"]
    """What happens to it."""


@final
class Wait(Act):
    """Let time pass."""

    wait_s: Seconds
    """How long, s."""


KINDS = (
    "migrate",
    "migrate-back",
    "ping-pong",
    "evacuate",
    "split",
    "merge",
    "speak",
    "pin",
    "unpin",
    "link-down",
    "link-up",
    "pe-down",
    "pe-up",
    "restart-controller",
    "reflector",
    "wait_s",
    "phase",
)
"""The keys that tell the steps of a timeline apart."""

Fault = LinkDown | LinkUp | PeDown | PeUp | RestartController | ReflectorIs

AnyAction = Migrate | MigrateBack | PingPong | Evacuate | Split | Merge | Speak | Pin | Unpin | Wait | Fault

Action = (
    Annotated[Migrate, Tag("migrate")]
    | Annotated[MigrateBack, Tag("migrate-back")]
    | Annotated[PingPong, Tag("ping-pong")]
    | Annotated[Evacuate, Tag("evacuate")]
    | Annotated[Split, Tag("split")]
    | Annotated[Merge, Tag("merge")]
    | Annotated[Speak, Tag("speak")]
    | Annotated[Pin, Tag("pin")]
    | Annotated[Unpin, Tag("unpin")]
    | Annotated[LinkDown, Tag("link-down")]
    | Annotated[LinkUp, Tag("link-up")]
    | Annotated[PeDown, Tag("pe-down")]
    | Annotated[PeUp, Tag("pe-up")]
    | Annotated[RestartController, Tag("restart-controller")]
    | Annotated[ReflectorIs, Tag("reflector")]
    | Annotated[Wait, Tag("wait_s")]
)

STEP_KEY = by_key(KINDS)
