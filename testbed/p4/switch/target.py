"""The seam between the P4Runtime server and whatever moves packets.

Two engines implement `Target`: `reference/` (slow, reads like a specification) and `native/`
(C generated from the bmv2 JSON). The server above it validates everything a client says against P4Info and
the program, so an engine may trust what it is given: indices are in range, byte strings have the stated
length, an INSERT names a free handle, a MODIFY or DELETE a used one.

Conventions, the same everywhere below:

- Objects are named by their position in the tuples of `model.Program` (`Program.tables[3]` is table 3), never
  by the ids written in the JSON.
- Byte strings are big-endian, one field after the other, each padded on the left to whole bytes: a
  `bit<9>` takes two bytes.
- Ports are bmv2 port numbers (0 ... 510 and the CPU port). Times are microseconds as `int`, unless a name
  says `_ms`.
- Values are named tuples or frozen dataclasses; a `TableOp` is made once per table entry written and must
  stay cheap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from testbed.p4.switch.model import Program

TO_MEMBER: Final = -1
"""`TableOp.action` of an entry that points at an action profile member (its id is in `ref`)."""

TO_GROUP: Final = -2
"""`TableOp.action` of an entry that points at an action profile group (its id is in `ref`)."""

NO_PORT: Final = -1
"""`Bucket.watch_port` of a bucket that is always live."""

MAX_PRIORITY: Final = 0x7FFFFFFF
"""P4Runtime priority = MAX_PRIORITY - engine priority, which is how bmv2 converts between the two senses."""


class Verb(IntEnum):
    """What an operation does; the numbers are those of `p4.v1.Update.Type`."""

    INSERT = 1
    MODIFY = 2
    DELETE = 3


class TableOp(NamedTuple):
    """One table entry to insert, to modify, or to delete (then only `table` and `handle` count).

    The match key is two byte strings of the same layout, one field after the other in the order of
    `Table.key`:

    | match kind | `key` | `mask` |
    |---|---|---|
    | exact, valid | the value (valid: one byte, 0 or 1) | all ones |
    | lpm | the value, host bits zero | ones for the prefix |
    | ternary, optional | the value, zero where the mask is | the mask (absent: zero) |
    | range | the low end, included | the high end, included |

    `mask` is `b""` for a table whose fields are all exact. `priority` is in bmv2's sense: **the lower number
    wins**; ties go to the lower handle. It is 0 and means nothing where the table has no ternary, optional or
    range field (`Table.match_kind`).

    `handle` is chosen by the caller: unique in the table, dense (freed handles are used again), so that an
    engine can index arrays by it. The `entries` of the program take the handles from
    0 up, in program order, in `Target.load`. Direct counters, the direct meter and the age of a handle start
    afresh at INSERT and survive MODIFY.
    """

    verb: int
    """A `Verb`."""
    table: int
    handle: int
    key: bytes = b""
    mask: bytes = b""
    prefix_len: int = 0
    """Bits of the (only) lpm field's prefix; 0 where there is none."""
    priority: int = 0
    action: int = 0
    """Position in `Program.actions`, or TO_MEMBER, or TO_GROUP."""
    params: bytes = b""
    """The action's runtime data, each parameter padded to whole bytes."""
    ref: int = 0
    """Member or group id where `action` is TO_MEMBER or TO_GROUP."""
    idle_timeout_us: int = 0
    """0: never. Else an `IdleTimeout` each time that this passes without a hit."""


class DefaultOp(NamedTuple):
    """The default action of a table. `action` None: what the program says (which may be nothing)."""

    table: int
    action: int | None
    """Position in `Program.actions`, TO_MEMBER, TO_GROUP, or None."""
    params: bytes = b""
    ref: int = 0


class MemberOp(NamedTuple):
    """A member of an action profile. Entries and buckets name it by `member`, any 32-bit number."""

    verb: int
    profile: int
    member: int
    action: int = 0
    params: bytes = b""


class Bucket(NamedTuple):
    """One member in a group. It is left out while `watch_port` is down."""

    member: int
    weight: int = 1
    watch_port: int = NO_PORT


class GroupOp(NamedTuple):
    """A group of an action profile with a selector; INSERT and MODIFY give all its buckets.

    The live buckets in the order given, each repeated `weight` times, are indexed by
    `hash(selector key) % their number`. With no live bucket the lookup is a hit that runs no action.
    """

    verb: int
    profile: int
    group: int
    buckets: tuple[Bucket, ...] = ()


class Replica(NamedTuple):
    """One copy a multicast group or a clone session makes: where to, and its `egress_rid`."""

    port: int
    rid: int = 0


class MulticastOp(NamedTuple):
    """A multicast group (id 1 ... 65535): all its replicas, or None to delete it.

    Copies are made in the order given.
    """

    group: int
    replicas: tuple[Replica, ...] | None


class CloneOp(NamedTuple):
    """A clone session (id 0 ... 32767): all its replicas, or None to delete it.

    `truncate`: bytes of the packet that a copy keeps as it leaves the switch; 0 for all of them.
    """

    session: int
    replicas: tuple[Replica, ...] | None
    truncate: int = 0


class CounterOp(NamedTuple):
    """Set one cell of a counter array (of a direct counter: the cell of entry `cell`, a handle)."""

    counter: int
    cell: int
    packets: int = 0
    bytes: int = 0


class MeterConfig(NamedTuple):
    """Two-rate three-colour meter (RFC 2698): rates in units per second, bursts in units.

    A unit is a byte or a packet, as `MeterArray.unit` says.
    """

    cir: int
    cburst: int
    pir: int
    pburst: int


class MeterOp(NamedTuple):
    """Configure one cell of a meter array (direct meter: that of entry `cell`). None: always green."""

    meter: int
    cell: int
    config: MeterConfig | None


class RegisterOp(NamedTuple):
    """Set one cell of a register array."""

    register: int
    cell: int
    value: int


class ValueSetMember(NamedTuple):
    """One value of a parser value set, packed as the fields of the `select` key; `mask` b"": exact."""

    value: bytes
    mask: bytes = b""


class ValueSetOp(NamedTuple):
    """All the members of a parser value set."""

    value_set: int
    members: tuple[ValueSetMember, ...]


class DigestOp(NamedTuple):
    """Whether samples of a digest (position in `Program.learn_lists`) become events; off after `load`.

    With `hold`, a sample equal to one that was delivered and not yet released (`Target.release_digests`) is
    suppressed: acknowledged lists see each MAC address once, however many packets carry it.
    """

    digest: int
    enabled: bool
    hold: bool = False


Op: TypeAlias = (
    TableOp
    | DefaultOp
    | MemberOp
    | GroupOp
    | MulticastOp
    | CloneOp
    | CounterOp
    | MeterOp
    | RegisterOp
    | ValueSetOp
    | DigestOp
)


@dataclass(frozen=True, slots=True)
class OpError:
    """Why one operation was not done: `code` is a `google.rpc.Code` (8 RESOURCE_EXHAUSTED, 3, 12 ...)."""

    code: int
    message: str


class TargetError(Exception):
    """The engine cannot do what it was asked (no such interface, no C compiler ...): one line."""


class PacketIn(NamedTuple):
    """A frame that left the pipeline on the CPU port, as deparsed (controller header first)."""

    data: bytes


class DigestSample(NamedTuple):
    """One learned sample: the fields of the learn list, packed."""

    digest: int
    data: bytes


class IdleTimeout(NamedTuple):
    """An entry was not hit for its `idle_timeout_us`; again whenever as much has passed without a hit."""

    table: int
    handle: int


class PortStatus(NamedTuple):
    """A port was added, came up (carrier), went down, or its interface vanished."""

    port: int
    up: bool


Event: TypeAlias = PacketIn | DigestSample | IdleTimeout | PortStatus


@dataclass(frozen=True, slots=True)
class PortConfig:
    """A port joined to a network interface, with an optional egress delay line and rate."""

    port: int
    interface: str
    delay_ms: float = 0.0
    """One-way delay of every frame that leaves here."""
    rate_mbps: float = 0.0
    """Rate of what leaves here, 0: unlimited."""


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """What an engine is built with: `ReferenceTarget(options)`, `NativeTarget(options)`."""

    cpu_port: int | None = None
    drop_port: int = 511
    priorities: int = 1
    """How many a packet may have: those with `standard_metadata.priority` at or above are dropped."""
    seed: int = 0
    """Seed of `random()`: splitmix64, one draw per call, result lo + draw % (hi - lo + 1)."""
    event_capacity: int = 16384
    """Events of each kind that wait for `events`; more are dropped and counted (`stats`)."""
    pcap_dir: str | None = None
    """Directory for one capture per interface and direction, None: none."""


class Target(Protocol):
    """A v1model data plane.

    Every method may be called from any thread while packets flow; control calls never make a packet wait and
    no packet sees half of an operation.
    """

    # -- program ---------------------------------------------------------------------------------------------

    def load(self, program: Program, ops: Sequence[Op] = ()) -> None:
        """Make `program` the pipeline, with the `entries` it holds and then `ops` in place, in one step.

        All state of the former pipeline goes (entries, counters, groups, sessions); ports stay. Packets see
        the former pipeline until the new one is complete. Without a pipeline packets are dropped.

        Raises:
            TargetError: the engine cannot run this program. The former pipeline stays.
        """

    def check(self, program: Program) -> None:
        """Raise `TargetError` where `load` would; change nothing."""

    # -- state -----------------------------------------------------------------------------------------------

    def apply(self, ops: Sequence[Op], *, atomic: bool = False) -> list[OpError | None]:
        """Do `ops` in order and say for each what was wrong with it (None: done).

        Each operation is seen by packets whole or not at all. With `atomic` the whole batch is: packets see
        all of it or nothing, and one error means that none was done.
        """

    def read_counter(self, counter: int, start: int, count: int) -> list[tuple[int, int]]:
        """(packets, bytes) of `count` cells; in a direct counter the cells are handles."""

    def read_register(self, register: int, start: int, count: int) -> list[int]:
        """Values of `count` cells."""

    def ages(self, table: int, start: int, count: int) -> list[int]:
        """Microseconds since the last hit (or the INSERT) of `count` handles; 0 for unused ones."""

    def release_digests(self, digest: int, samples: Sequence[bytes]) -> None:
        """These samples were acknowledged or timed out: deliver them again when they occur again."""

    # -- packets and events ----------------------------------------------------------------------------------

    def packet_out(self, data: bytes) -> None:
        """A frame from the controller: enters ingress on the CPU port, its controller header in front."""

    def inject(self, port: int, data: bytes, *, now: int | None = None) -> list[tuple[int, bytes]]:
        """For tests: run one frame through the pipeline and return what leaves, in order, not sending it.

        Frames to the CPU port are returned like the others and also become `PacketIn` events. `now` is the
        time of the switch's clock for this frame (ingress, enqueue, dequeue and egress alike); None: the real
        one. Delay lines and rates are not applied.
        """

    def fileno(self) -> int:
        """A descriptor that is readable while events wait: for `select`, `asyncio.add_reader`."""

    def events(self, limit: int = 1024) -> list[Event]:
        """Take up to `limit` waiting events, oldest first within a kind."""

    # -- ports -----------------------------------------------------------------------------------------------

    def add_port(self, config: PortConfig) -> None:
        """Join a port to an interface.

        Raises:
            TargetError: no such interface, not permitted, or the port is taken. (An interface that vanishes
                later only takes the port down; it comes back with the interface.)
        """

    def remove_port(self, port: int) -> None:
        """Let go of the interface. Frames sent to an absent port are dropped and counted."""

    def ports(self) -> Mapping[int, bool]:
        """The ports there are and whether each is up."""

    def set_port(self, port: int, up: bool) -> None:
        """For tests: a port without an interface (as `inject` uses them), up or down for `watch_port`."""

    # -- life ------------------------------------------------------------------------------------------------

    def stats(self) -> Mapping[str, int]:
        """Counts since the start: rx, tx, drops by reason (`drop_no_port`, `drop_event_packet_in` ...)."""

    def close(self) -> None:
        """Stop at once and free everything. Further calls are errors; closing twice is not."""
