"""Replay a journal, and say which invariant was broken for whom, from when to when.

For every pair of machines of one tenant a packet must arrive, without a loop, by way of no PE that the mode
has no use for; for every pair of different tenants it must not arrive. Routed packets are followed with each
IP version that both have; a bridged one is a frame to a MAC, whatever is in it. A pair is left out while one
of the two is on no network, while no living path leads from one's access switch to the other's, and while the
receiver has not been heard of: the network asks for it then, and drops what it cannot place yet.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple, final

from controllers.intents import AttachmentCircuit, Neighbor
from controllers.pe.walk import Fate
from controllers.wire.types import IpAddress, mac_from_text
from testbed.experiments.invariants.journal import LAB, Journal, Record, place
from testbed.experiments.invariants.mode import Ways
from testbed.experiments.invariants.reach import Reach
from testbed.experiments.invariants.walk import End, LabWalker, circuit_at
from testbed.model.plan import Endpoint, HostPlan, Plan, VmPlan
from testbed.model.topology import Mode

BROADCAST = 0xFFFF_FFFF_FFFF

Machine = HostPlan | VmPlan
Cell = tuple[str, Hashable]


class Pair(NamedTuple):
    """Two machines, and the IP version of packets from one to the other."""

    source: str
    destination: str
    version: int = 4


@final
class Kind(StrEnum):
    """What can be wrong."""

    LOOP = "loop"
    BLACK_HOLE = "black-hole"
    TROMBONE = "trombone"
    LEAK = "leak"


@final
@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant was broken from `start` to `end` (seconds of CLOCK_MONOTONIC); `pes` is the way then."""

    kind: Kind
    source: str
    destination: str
    start: float
    end: float
    pes: tuple[str, ...] = ()
    version: int = 4
    """IP version of the packets."""

    @property
    def ms(self) -> float:
        """How long."""
        return (self.end - self.start) * 1e3


class Wrong(NamedTuple):
    """A verdict that is not good."""

    kind: Kind
    pes: tuple[str, ...]


def check(journal: Journal, plan: Plan, since: float = -math.inf, until: float = math.inf) -> list[Violation]:
    """What was broken in a span of time, in order of its beginning.

    What was broken before begins at `since`, what stays broken ends at `until`; without these, with the
    journal.
    """
    records = sorted(journal.records, key=lambda record: record.t)
    if not records:
        return []
    since = max(since, records[0].t)
    until = records[-1].t if math.isinf(until) else until
    proof = Proof(plan, journal.mode)
    proof.apply(record for record in records if record.t <= since)
    found = _Found(proof, since)
    inside = (record for record in records if since < record.t <= until)
    for t, batch in groupby(inside, key=lambda record: record.t):
        found.update(proof.apply(batch), t)
    return found.finish(until)


def check_now(journal: Journal, plan: Plan) -> list[Violation]:
    """What is broken by the journal's last word, without saying since when."""
    records = sorted(journal.records, key=lambda record: record.t)
    proof = Proof(plan, journal.mode)
    proof.apply(records)
    end = records[-1].t if records else 0.0
    return _Found(proof, end).finish(end)


@final
class _Found:
    """Violations as they open and close."""

    def __init__(self, proof: Proof, start: float) -> None:
        self._proof = proof
        self._open: dict[Pair, tuple[Wrong, float]] = {}
        self._closed: list[Violation] = []
        self.update(proof.pairs, start)

    def update(self, pairs: Iterable[Pair], t: float) -> None:
        for pair in pairs:
            wrong = self._proof.verdict(pair)
            before = self._open.get(pair)
            if before is not None and (wrong is None or wrong.kind is not before[0].kind):
                self._close(pair, t)
            if wrong is not None and pair not in self._open:
                self._open[pair] = (wrong, t)

    def _close(self, pair: Pair, t: float) -> None:
        wrong, start = self._open.pop(pair)
        self._closed.append(
            Violation(wrong.kind, pair.source, pair.destination, start, t, wrong.pes, pair.version)
        )

    def finish(self, t: float) -> list[Violation]:
        for pair in tuple(self._open):
            self._close(pair, t)
        return sorted(
            self._closed, key=lambda each: (each.start, each.source, each.destination, each.version)
        )


@final
class Proof:
    """The state of a lab at one moment, and what it means for every pair. Verdicts know what they rest on."""

    def __init__(self, plan: Plan, mode: Mode) -> None:
        self._plan = plan
        self._state: dict[Cell, object] = {(LAB, place(vm.name)): vm.at for vm in plan.vms.values()}
        self._reads: set[Cell] = set()
        self._rests_on: dict[Pair, set[Cell]] = {}
        self._bears: defaultdict[Cell, set[Pair]] = defaultdict(set)
        self._between: defaultdict[tuple[str, str], set[Pair]] = defaultdict(set)
        """Pairs of machines by the access switches that they were at."""
        self._walker = LabWalker(plan, self)
        self._ways = Ways(plan, mode, self)
        self._reach = Reach(plan, self)
        machines = list(plan.machines.values())
        self.pairs = [
            Pair(a.name, b.name, version)
            for a in machines
            for b in machines
            if a is not b
            for version in _versions(a, b)
        ]

    def get(self, node: str, key: Hashable) -> object:
        """See `controllers.pe.walk.Tables`; notes what was looked at."""
        cell = (node, key)
        self._reads.add(cell)
        return self._state.get(cell)

    def apply(self, records: Iterable[Record]) -> set[Pair]:
        """Take in what changed; the pairs whose verdicts rested on it."""
        touched: set[Pair] = set()
        for _, node, key, value in records:
            before = self._state.get((node, key))
            self._put((node, key), value)
            touched |= self._bears.get((node, key), set())
            if node == LAB:
                for joined in self._reach.changed():
                    touched |= self._between.get(joined, set())
            for circuit, there in ((before, False), (value, True)):
                if isinstance(circuit, AttachmentCircuit):
                    cell = (node, circuit_at(circuit.port, circuit.vlan or 0))
                    self._put(cell, circuit if there else None)
                    touched |= self._bears.get(cell, set())
        return touched

    def _put(self, cell: Cell, value: object) -> None:
        if value is None:
            self._state.pop(cell, None)
        else:
            self._state[cell] = value

    def verdict(self, pair: Pair) -> Wrong | None:
        """What is wrong between two machines now, if anything."""
        for cell in self._rests_on.get(pair, ()):
            self._bears[cell].discard(pair)
        self._reads = set()
        a, b = self._plan.machines[pair.source], self._plan.machines[pair.destination]
        try:
            return self._leak(a, b, pair.version) if a.tenant != b.tenant else self._path(a, b, pair)
        finally:
            self._rests_on[pair] = self._reads
            for cell in self._reads:
                self._bears[cell].add(pair)

    def way(self, pair: Pair) -> tuple[str, ...]:
        """The PEs that a packet from one machine to another visits now; none if it does not arrive."""
        a, b = self._plan.machines[pair.source], self._plan.machines[pair.destination]
        here, there = self._place(a), self._place(b)
        if here is None:
            return ()
        return next((end.pes for end in self._sent(a, here, b, pair.version) if end.port == there), ())

    def _place(self, machine: Machine) -> Endpoint | None:
        if isinstance(machine, HostPlan):
            return machine.port
        slot = self.get(LAB, place(machine.name))
        return machine.slot(slot).port if isinstance(slot, str) else None

    def _sent(self, a: Machine, port: Endpoint, b: Machine, version: int) -> list[End]:
        """The ends of a packet from one machine to another: bridged, or to the gateway."""
        bridged = a.bridge_domain == b.bridge_domain
        mac = mac_from_text(b.mac) if bridged else self._ways.gateway_mac(a, version)
        return list(self._walker.send(port, a.vlan, mac, _ip(b, version)))

    def _path(self, a: Machine, b: Machine, pair: Pair) -> Wrong | None:
        here, there = self._place(a), self._place(b)
        if here is None or there is None:
            return None
        self._between[here.node, there.node].add(pair)
        bridged = a.bridge_domain == b.bridge_domain
        if not self._reach.connected(here.node, there.node, bridged=bridged):
            return None
        ends = self._sent(a, here, b, pair.version)
        if looped := [end for end in ends if end.fate is Fate.LOOPED]:
            return Wrong(Kind.LOOP, looped[0].pes)
        delivered = [end for end in ends if end.port == there]
        if not delivered:
            asked = any(end.fate is Fate.GLEANED for end in ends)
            if asked and not self._heard_of(b, there, pair.version):
                return None
            return Wrong(Kind.BLACK_HOLE, ends[0].pes if ends else ())
        allowed = self._ways.detours(a, b, pair.version, bridged=bridged)
        return next((Wrong(Kind.TROMBONE, end.pes) for end in delivered if _detours(end) - allowed), None)

    def _leak(self, a: Machine, b: Machine, version: int) -> Wrong | None:
        here, there = self._place(a), self._place(b)
        if here is None or there is None:
            return None
        for mac in (self._ways.gateway_mac(a, version), mac_from_text(b.mac), BROADCAST):
            for end in self._walker.send(here, a.vlan, mac, _ip(b, version)):
                if end.port == there:
                    return Wrong(Kind.LEAK, end.pes)
        return None

    def _heard_of(self, machine: Machine, port: Endpoint, version: int) -> bool:
        bd = self._plan.bridge_domains[machine.bridge_domain].ordinal
        key = ("Neighbor", bd, _ip(machine, version))
        entries = (self.get(pe, key) for pe in self._reach.pes(port.node))
        return any(isinstance(entry, Neighbor) and entry.owner_ac is not None for entry in entries)


def _versions(a: Machine, b: Machine) -> tuple[int, ...]:
    """The IP versions that make a difference between two machines."""
    both = a.address6 is not None and b.address6 is not None and a.bridge_domain != b.bridge_domain
    return (4, 6) if both else (4,)


def _ip(machine: Machine, version: int) -> IpAddress:
    if version == 4:
        return machine.address.ip
    if machine.address6 is None:
        raise ValueError(f"{machine.name} has no IPv6 address")
    return machine.address6.ip


def _detours(end: End) -> set[str]:
    """The PEs between the first and the last."""
    return set(end.pes) - {end.pes[0], end.pes[-1]} if end.pes else set()
