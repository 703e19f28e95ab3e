"""What a program remembers between packets: registers, counters, meters, tables, groups, sessions."""

from __future__ import annotations

from dataclasses import dataclass, field

from testbed.p4.switch.model import Program
from testbed.p4.switch.reference.tables import TableState
from testbed.p4.switch.target import Bucket, MemberOp, MeterConfig, Replica, ValueSetMember


@dataclass
class TokenBucket:
    """One token bucket of a meter: full when configured."""

    rate: float
    burst: int
    tokens: int
    seen: int = 0
    """Tokens granted so far, since `MeterCell.start`."""


class MeterCell:
    """A two-rate three-colour marker (RFC 2698, colour-blind), or with one rate a two-colour one.

    Colours: 0 green, 1 yellow (beyond the committed rate), 2 red (beyond the peak rate).
    """

    def __init__(self, config: MeterConfig | None, rates: int, now: int) -> None:
        self.config = config
        self._start = now
        self._buckets: list[tuple[int, TokenBucket]] = []
        if config is not None:
            committed = TokenBucket(config.cir / 1e6, config.cburst, config.cburst)
            peak = TokenBucket(config.pir / 1e6, config.pburst, config.pburst)
            self._buckets = [(2, peak), (1, committed)] if rates == 2 else [(1, committed)]

    def execute(self, size: int, now: int) -> int:
        """Take `size` units at time `now` (us) and give the colour."""
        for colour, bucket in self._buckets:
            granted = int((now - self._start) * bucket.rate)
            bucket.tokens = min(bucket.tokens + max(0, granted - bucket.seen), bucket.burst)
            bucket.seen = granted
            if bucket.tokens < size:
                return colour
            bucket.tokens -= size
        return 0


@dataclass
class CloneSession:
    """Where clones go, and how much of them."""

    replicas: tuple[Replica, ...]
    truncate: int


@dataclass
class ProfileState:
    """Members and groups of an action profile."""

    members: dict[int, MemberOp] = field(default_factory=dict)
    groups: dict[int, tuple[Bucket, ...]] = field(default_factory=dict)


class State:
    """All the state of one loaded program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.registers = [[0] * r.size for r in program.registers]
        self.counters: list[dict[int, list[int]]] = [{} for _ in program.counters]
        """Packets and bytes by cell, cells that were never touched left out."""
        self.meters: list[dict[int, MeterCell]] = [{} for _ in program.meters]
        self.tables = [TableState(table) for table in program.tables]
        self.profiles = [ProfileState() for _ in program.profiles]
        self.value_sets: list[tuple[ValueSetMember, ...]] = [() for _ in program.value_sets]
        self.multicast: dict[int, tuple[Replica, ...]] = {}
        self.clones: dict[int, CloneSession] = {}
        self.digests: dict[int, tuple[bool, set[bytes]]] = {}
        """Of each enabled digest: whether samples are held back, and which."""

    def count(self, counter: int, cell: int, size: int) -> None:
        """One packet of `size` bytes."""
        counts = self.counters[counter].setdefault(cell, [0, 0])
        counts[0] += 1
        counts[1] += size

    def meter(self, meter: int, cell: int, size: int, now: int) -> int:
        """The colour of a packet of `size` bytes; green where the cell was not configured."""
        state = self.meters[meter].get(cell)
        if state is None:
            return 0
        return state.execute(1 if self.program.meters[meter].unit == "packets" else size, now)
