"""The desired state of one switch, and the ordered writes that turn what is installed into it.

Intents are declarative objects with a key. Each renders to entities; entities that several intents need (a
tunnel, a next hop) are counted. A change writes only what differs, in an order in which no packet finds a
reference that leads nowhere: what is pointed at comes before what points at it, and removal goes the other
way round, last (make before break).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol, final

from controllers.dataplane.entity import DefaultEntry, Entity, EntityKey, MeterConfig, Update, Verb


class Keyed(Protocol):
    """An intent: a value that knows what identifies it in the desired state."""

    @property
    def key(self) -> Hashable:
        """What identifies it."""


class Renderer(Protocol):
    """Intents to entities for one P4 program; pure but for stable ids that it hands out."""

    def render(self, intent: Keyed, others: Mapping[Hashable, Keyed]) -> Iterable[Entity]:
        """The entities of one intent. It may look at the intents that it depends on, which may be missing."""

    def depends(self, intent: Keyed) -> Iterable[Hashable]:
        """Keys of the intents that `render` looks at for this one."""

    def rank(self, entity: Entity) -> int:
        """Low for what is pointed at, high for what points."""

    def freed(self, key: EntityKey) -> None:
        """The removal of an entity is due for writing, or there is none to do; its id may be used from the
        next batch on."""


@final
@dataclass(slots=True)
class _Rendering:
    """What an intent has led to, and the intents looked at for that."""

    looked_at: tuple[Hashable, ...]
    entities: dict[EntityKey, Entity]


@final
class Plane:
    """Desired and installed entities of one switch."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._intents: dict[Hashable, Keyed] = {}
        self._dependents: defaultdict[Hashable, set[Hashable]] = defaultdict(set)
        self._renderings: dict[Hashable, _Rendering] = {}
        self._needed_by: dict[EntityKey, int] = {}
        self._desired: dict[EntityKey, Entity] = {}
        self._contested: set[EntityKey] = set()
        """Keys for which intents said different things: the last one holds, and when it goes, another one."""
        self._installed: dict[EntityKey, Entity] = {}
        self._touched: set[EntityKey] = set()

    @property
    def desired(self) -> Mapping[EntityKey, Entity]:
        """What ought to be in the switch."""
        return self._desired

    @property
    def installed(self) -> Mapping[EntityKey, Entity]:
        """What the switch is known to hold."""
        return self._installed

    @property
    def intents(self) -> Mapping[Hashable, Keyed]:
        """The intents behind it, by key."""
        return self._intents

    def set(self, intent: Keyed) -> None:
        """Add an intent, or replace the one with the same key."""
        key = intent.key
        self._intents[key] = intent
        rendering = self._renderings.get(key)
        if rendering is None:
            rendering = self._renderings[key] = _Rendering((), {})
        looks_at = tuple(self._renderer.depends(intent))
        if looks_at != rendering.looked_at:
            self._forget_dependencies(key, rendering.looked_at)
            for other in looks_at:
                self._dependents[other].add(key)
            rendering.looked_at = looks_at
        self._render(intent, rendering)
        self._render_dependents(key)

    def unset(self, key: Hashable) -> None:
        """Remove an intent; one that is not there is no error, so that a withdrawal can be repeated."""
        if self._intents.pop(key, None) is None:
            return
        rendering = self._renderings.pop(key)
        self._forget_dependencies(key, rendering.looked_at)
        for entity_key in rendering.entities:
            self._release(entity_key)
        self._render_dependents(key)

    def _forget_dependencies(self, key: Hashable, looked_at: Iterable[Hashable]) -> None:
        for other in looked_at:
            dependents = self._dependents[other]
            dependents.discard(key)
            if not dependents:
                del self._dependents[other]

    def _render_dependents(self, key: Hashable) -> None:
        for dependent in tuple(self._dependents.get(key, ())):
            self._render(self._intents[dependent], self._renderings[dependent])

    def _render(self, intent: Keyed, rendering: _Rendering) -> None:
        old = rendering.entities
        new = {entity.key: entity for entity in self._renderer.render(intent, self._intents)}
        for key, entity in new.items():
            said = old.get(key)
            if said is None:
                self._needed_by[key] = self._needed_by.get(key, 0) + 1
            if said != entity and self._desired.get(key) != entity:
                # Who says again what another intent has overruled since does not overrule that one.
                if self._needed_by[key] > 1:
                    self._contested.add(key)
                self._desired[key] = entity
                self._touched.add(key)
        rendering.entities = new
        for key in old:
            if key not in new:
                self._release(key)

    def _release(self, key: EntityKey) -> None:
        self._needed_by[key] -= 1
        if not self._needed_by[key]:
            del self._needed_by[key]
            del self._desired[key]
            self._contested.discard(key)
            self._touched.add(key)
        elif key in self._contested:
            self._desired[key] = next(
                rendering.entities[key]
                for rendering in reversed(self._renderings.values())
                if key in rendering.entities
            )
            self._touched.add(key)

    def changes(self) -> list[Update]:
        """The ordered writes that are due; they count as done unless `failed` or `reconcile` is called."""
        build: list[Update] = []
        remove: list[Update] = []
        installed = self._installed
        for key in self._touched:
            wanted, there = self._desired.get(key), installed.get(key)
            if wanted is None:
                if there is not None:
                    remove.append(Update(Verb.DELETE, there))
                    del installed[key]
                self._renderer.freed(key)
            elif wanted != there:
                # Defaults and meter cells exist as soon as the program does (P4Runtime §9.1.3, §9.4).
                exists = there is not None or isinstance(wanted, DefaultEntry | MeterConfig)
                build.append(Update(Verb.MODIFY if exists else Verb.INSERT, wanted))
                installed[key] = wanted
        self._touched = set()
        rank = self._renderer.rank
        build.sort(key=lambda update: rank(update.entity))
        remove.sort(key=lambda update: -rank(update.entity))
        return build + remove

    def adopt(self, present: Iterable[Entity]) -> None:
        """Take what a switch was read to hold: the next `changes` lead from there to the desired state."""
        self._installed = {entity.key: entity for entity in present}
        self._touched |= self._installed.keys() | self._desired.keys()

    def reconcile(self, present: Iterable[Entity]) -> list[Update]:
        """Take what a switch was read to hold; returns the writes that lead to the desired state."""
        self.adopt(present)
        return self.changes()

    def failed(self, update: Update) -> None:
        """A write was refused: forget what was assumed about that entity. The next `changes` tries again only
        when the entity is touched again, so that a refusal does not become a storm."""
        key = update.entity.key
        if update.verb is Verb.DELETE:
            self._installed[key] = update.entity
        else:
            self._installed.pop(key, None)


@final
class Ids:
    """Small numbers for keys: a key keeps its number while it is in use.

    The number comes from a hash of the key: a controller that starts again finds the numbers that it
    reads back from the switch, and nothing that was right is renumbered. OverflowError when all are in use.
    """

    def __init__(self, first: int, size: int) -> None:
        self._first = first
        self._size = size
        self._by_key: dict[Hashable, int] = {}
        self._by_number: dict[int, Hashable] = {}

    def of(self, key: Hashable) -> int:
        """The number of `key`, given to it now if it had none."""
        number = self._by_key.get(key)
        if number is None:
            number = self._by_key[key] = self._choose(key)
            self._by_number[number] = key
        return number

    def release(self, number: int) -> None:
        """Free a number; nothing if it is not in use."""
        key = self._by_number.pop(number, None)
        if key is not None:
            del self._by_key[key]

    def _choose(self, key: Hashable) -> int:
        if len(self._by_number) >= self._size:
            raise OverflowError(f"no id left for {key!r}")
        start = int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "big")
        offset = start % self._size
        while self._first + offset in self._by_number:
            offset = (offset + 1) % self._size
        return self._first + offset
