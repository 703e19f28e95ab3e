"""One switch under control: its desired state kept in step with its tables over P4Runtime."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Protocol, final

from msgspec import Struct

from controllers.dataplane.entity import Entity, TableEntry, Update
from controllers.dataplane.p4runtime import Program, Session, describe
from controllers.dataplane.plane import Keyed, Plane, Renderer
from controllers.dataplane.reports import REPORTS

log = logging.getLogger(__name__)


@final
@dataclass(frozen=True, slots=True)
class SwitchConfig:
    """Where a switch is: `address` of its P4Runtime server, and the interface name of each of its ports."""

    name: str
    address: str
    device_id: int
    interfaces: Mapping[int, str] = field(default_factory=dict)


@final
class Stamp(Struct, frozen=True):
    """A step of the timeline: `t` is CLOCK_MONOTONIC in seconds."""

    t: float
    node: str
    event: str
    details: Mapping[str, object]


@final
class Acknowledged(Struct, frozen=True):
    """A switch has answered the writes of these intents, None for those taken out; `t` as of a `Stamp`.

    `whole`: these are all there are, as after a session came up.
    """

    t: float
    node: str
    intents: Mapping[Hashable, Keyed | None]
    whole: bool = False


@final
class Observer(Struct, frozen=True):
    """Who is told what happens: steps of the timeline, packets that the watch list reported, writes.

    `postcard(node, packet_in metadata, packet)` follows the P4 programs' `packet_in` header.
    """

    stamp: Callable[[Stamp], None] = lambda _stamp: None
    postcard: Callable[[str, dict[str, int], bytes], None] = lambda _node, _metadata, _packet: None
    journal: Callable[[Acknowledged], None] = lambda _acknowledged: None


class Decisions(Protocol):
    """Who decides for the switch; called from the event loop."""

    def packet_in(self, metadata: dict[str, int], packet: bytes) -> None:
        """A punted packet."""

    def digest(self, name: str, samples: list[dict[str, int]]) -> None:
        """Samples of a digest."""

    def idle(self, entries: list[TableEntry]) -> None:
        """Entries that nobody hit for their idle timeout."""

    def adopt(self, present: list[Entity]) -> bool:
        """The tables that an earlier controller left behind. True: leave them alone until `release`."""


@final
class SwitchController:
    """Keeps the tables of one switch at the desired state; `set` and `unset` take effect at the next turn of
    the event loop, together."""

    def __init__(
        self,
        config: SwitchConfig,
        program: Program,
        renderer: Renderer,
        decisions: Decisions,
        observer: Observer,
    ) -> None:
        self.config = config
        self.plane = Plane(renderer)
        self.session = Session(config.name, config.address, config.device_id, program, self)
        self.ready = asyncio.Event()
        """Set while the switch holds the desired state, as far as it has been asked for."""
        self._decisions = decisions
        self._observer = observer
        self._due = False
        self._connected = False
        self._adopting = True
        """No session yet: what the switch holds is an earlier controller's."""
        self._held = False
        self._changed: dict[Hashable, Keyed | None] = {}
        """Intents whose writes are due."""

    async def run(self) -> None:
        """Keep the session up until cancelled."""
        try:
            await self.session.run()
        finally:
            self._connected = False
            self.ready.clear()

    def set(self, intent: Keyed) -> None:
        """Make an intent part of the desired state."""
        self.plane.set(intent)
        self._changed[intent.key] = intent
        self._schedule()

    def unset(self, key: Hashable) -> None:
        """Take an intent out of the desired state."""
        self.plane.unset(key)
        self._changed[key] = None
        self._schedule()

    def replace(self, kinds: Collection[str], intents: Iterable[Keyed]) -> None:
        """Make these the only intents whose keys begin with one of `kinds`: set them, unset the rest."""
        wanted = {intent.key: intent for intent in intents}
        stale = [
            key
            for key in self.plane.intents
            if isinstance(key, tuple) and key[0] in kinds and key not in wanted
        ]
        for intent in wanted.values():
            self.set(intent)
        for key in stale:
            self.unset(key)

    def release(self) -> None:
        """Bring tables that were left alone to the desired state."""
        if self._held:
            self._held = False
            self.stamp("released")
            if self._connected:
                self._write(self.plane.changes(), whole=True)

    def commit(self) -> None:
        """Write what is due now, without waiting for the next turn of the event loop."""
        if self._due:
            self._commit()

    def _schedule(self) -> None:
        if self._connected and not self._held and not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._commit)

    def _commit(self) -> None:
        self._due = False
        if self._connected:
            self._write(self.plane.changes())

    def _write(self, updates: list[Update], *, whole: bool = False) -> None:
        changed, self._changed = dict(self.plane.intents) if whole else self._changed, {}
        if not updates and not changed:
            return
        self.session.write(updates, partial(self._written, len(updates), changed, whole))

    def _written(self, writes: int, changed: Mapping[Hashable, Keyed | None], whole: bool) -> None:
        """The switch has answered."""
        self._observer.journal(Acknowledged(monotonic(), self.config.name, changed, whole))
        if writes:
            self.stamp("programmed", writes=writes)
        if whole:
            self.ready.set()

    def stamp(self, event: str, **details: object) -> None:
        """Put a step on the timeline, now."""
        self._observer.stamp(Stamp(monotonic(), self.config.name, event, details))

    # -- from the session (controllers.dataplane.p4runtime.Events) -------------------------------------------

    def on_ready(self, present: list[Entity]) -> None:
        """Connected: write what differs from what is there, now or after `release`."""
        if self._adopting:
            self._adopting = False
            self._held = self._decisions.adopt(present)
        self.plane.adopt(present)
        self._connected = True
        self.stamp("connected", present=len(present))
        if not self._held:
            self._write(self.plane.changes(), whole=True)

    def on_packet_in(self, metadata: dict[str, int], payload: bytes) -> None:
        """Reports go to the observer, everything else to the decisions."""
        if metadata["reason"] in REPORTS:
            self._observer.postcard(self.config.name, metadata, payload)
        else:
            self._decisions.packet_in(metadata, payload)

    def on_digest(self, name: str, samples: list[dict[str, int]]) -> None:
        """Pass on."""
        self._decisions.digest(name, samples)

    def on_idle(self, entries: list[TableEntry]) -> None:
        """Pass on."""
        self._decisions.idle(entries)

    def on_refused(self, update: Update, reason: str) -> None:
        """Log it, and do not believe that the entity is there."""
        log.error("%s refused %s: %s", self.config.name, describe(update), reason)
        self.plane.failed(update)
        self.stamp("refused", update=describe(update), reason=reason)

    def on_lost(self, reason: str) -> None:
        """The switch forwards on alone."""
        if self._connected:
            log.warning("%s: P4Runtime session lost: %s", self.config.name, reason)
            self.stamp("lost", reason=reason)
        self._connected = False
        self.ready.clear()
