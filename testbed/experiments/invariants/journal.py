"""What a lab's tables, cables and machines were at every moment, as far as switches have acknowledged it.

A batch of writes counts from the moment of its answer, all of it at once: within a round trip of P4Runtime
(a few ms) the switch is ahead of the journal.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, final

from controllers.dataplane.plane import Keyed
from controllers.runtime.switch import Acknowledged
from testbed.model.plan import Plan
from testbed.model.topology import Mode
from testbed.observe.timeline import Event, Timeline

LAB = ""
"""The node under which a journal has what is no switch's: cables, switches' lives and machines' places."""


def cable(name: str) -> Hashable:
    """The key of a cable; True while it is whole."""
    return ("cable", name)


def alive(node: str) -> Hashable:
    """The key of a switch's life; True while its process runs."""
    return ("alive", node)


def place(machine: str) -> Hashable:
    """The key of a virtual machine's place: the name of its slot, or None while it is on no network."""
    return ("place", machine)


@final
class Record(NamedTuple):
    """From `t` on (seconds of CLOCK_MONOTONIC), `value` stands under `key` of `node`; None: nothing."""

    t: float
    node: str
    key: Hashable
    value: object


@final
@dataclass
class Journal:
    """Listens to controllers (`acknowledged`) and to the timeline (`happened`)."""

    plan: Plan
    mode: Mode
    records: list[Record] = field(default_factory=list)
    _holds: dict[str, dict[Hashable, Keyed]] = field(default_factory=dict)
    _cables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._cables = {f"{each.a.node}--{each.b.node}": each.name for each in self.plan.cables}

    def listen(self, timeline: Timeline) -> None:
        """Hear of cables, switches and machines from now on."""
        timeline.listen(self.happened)

    @property
    def holds(self) -> Mapping[str, Mapping[Hashable, Keyed]]:
        """The intents that each switch holds now, in the order of their last change."""
        return self._holds

    def acknowledged(self, written: Acknowledged) -> None:
        """A switch has answered."""
        held = self._holds.setdefault(written.node, {})
        changed = dict(written.intents)
        if written.whole:
            changed |= dict.fromkeys(key for key in held if key not in written.intents)
        for key, intent in changed.items():
            before = held.pop(key, None)
            if intent is not None:
                held[key] = intent
            if before != intent:
                self.records.append(Record(written.t, written.node, key, intent))

    def happened(self, event: Event) -> None:
        """Something happened in the lab."""
        for key, value in self._physical(event):
            self.records.append(Record(event.t, LAB, key, value))
        if event.event == "node down":
            # The tables died with the process.
            for key in self._holds.pop(event.node, {}):
                self.records.append(Record(event.t, event.node, key, None))

    def _physical(self, event: Event) -> Iterator[tuple[Hashable, object]]:
        match event.event:
            case "link down" | "link up":
                yield cable(self._cables[event.node]), event.event == "link up"
            case "node down" | "node up":
                yield alive(event.node), event.event == "node up"
            case "paused" | "unplugged" | "split":
                yield place(event.node), None
            case "resumed" | "merged" if "slot" in event.details:
                yield place(event.node), event.details["slot"]
