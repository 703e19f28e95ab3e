"""What a pipeline config brings: schema and stores of one device, and the batches that change them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from testbed.p4.switch.p4runtime.arbitration import RoleConfig
from testbed.p4.switch.p4runtime.arrays import ArrayStore, find
from testbed.p4.switch.p4runtime.backend import Backend
from testbed.p4.switch.p4runtime.digests import DigestStore, Timer
from testbed.p4.switch.p4runtime.errors import BatchError, Code, RpcError, batch_error, invalid
from testbed.p4.switch.p4runtime.meters import parse_counts
from testbed.p4.switch.p4runtime.profiles import ProfileStore
from testbed.p4.switch.p4runtime.reader import Reader, object_id
from testbed.p4.switch.p4runtime.replication import ReplicationStore
from testbed.p4.switch.p4runtime.schema import Schema
from testbed.p4.switch.p4runtime.stubs import p4r
from testbed.p4.switch.p4runtime.tables import TableStore
from testbed.p4.switch.p4runtime.transaction import Transaction
from testbed.p4.switch.target import CounterOp, OpError, Verb

if TYPE_CHECKING:
    from google.protobuf.message import Message

SDN_PORT_CPU: Final = 0xFFFFFFFD
MAX_PORT: Final = 0x1FF

CONTINUE_ON_ERROR: Final = 0
DATAPLANE_ATOMIC: Final = 2
"""`WriteRequest.Atomicity`; 1 is ROLLBACK_ON_ERROR."""


class Device:
    """The state of one pipeline. Methods run on the server's event loop."""

    def __init__(
        self,
        schema: Schema,
        target: Backend,
        *,
        cpu_port: int | None,
        send_digest: Callable[[int, bytes], bool],
        call_later: Callable[[float, Callable[[], None]], Timer],
    ) -> None:
        self.schema = schema
        self.backend = target
        self._cpu_port = cpu_port
        self.profiles = {i: ProfileStore(p, self.port) for i, p in schema.profiles.items()}
        self.tables = {
            i: TableStore(table, None if table.profile is None else self.profiles[table.profile.id])
            for i, table in schema.tables.items()
        }
        self.replication = ReplicationStore(self.port)
        self.arrays = ArrayStore(schema, target)
        self.digests = DigestStore(schema, target, send_digest, call_later)
        self._writers: dict[str, Callable[[int, Message, Transaction], None]] = {
            "table_entry": self._write_table,  # type: ignore[dict-item]
            "action_profile_member": self._write_member,  # type: ignore[dict-item]
            "action_profile_group": self._write_group,  # type: ignore[dict-item]
            "meter_entry": self.arrays.write_meter,  # type: ignore[dict-item]
            "direct_meter_entry": self._write_direct_meter,  # type: ignore[dict-item]
            "counter_entry": self.arrays.write_counter,  # type: ignore[dict-item]
            "direct_counter_entry": self._write_direct_counter,  # type: ignore[dict-item]
            "packet_replication_engine_entry": self.replication.write,  # type: ignore[dict-item]
            "value_set_entry": self.arrays.write_value_set,  # type: ignore[dict-item]
            "register_entry": self.arrays.write_register,  # type: ignore[dict-item]
            "digest_entry": self.digests.write,  # type: ignore[dict-item]
        }

    def port(self, sdn_port: bytes) -> int:
        """The device port of an SDN port: the same number, but for the CPU port's reserved one."""
        number = int.from_bytes(sdn_port)
        if number == SDN_PORT_CPU and self._cpu_port is not None:
            return self._cpu_port
        if not sdn_port or number > MAX_PORT:
            invalid(f"port {number} is not in 0 ... {MAX_PORT}")
        return number

    # -- batches ---------------------------------------------------------------------------------------------

    def write(self, updates: Sequence[p4r.Update], atomicity: int, role: RoleConfig) -> None:
        """Do a batch.

        Raises:
            BatchError: some updates failed; with CONTINUE_ON_ERROR the others were done, else none.
        """
        txn = Transaction()
        errors: list[RpcError | None] = []
        marks: list[tuple[int, int]] = []
        for update in updates:
            mark = txn.mark()
            marks.append(mark)
            try:
                self._write_one(update, role, txn)
            except RpcError as error:
                txn.undo_to(mark)
                errors.append(error)
                if atomicity != CONTINUE_ON_ERROR:
                    txn.undo_to()
                    raise _rolled_back(errors, len(updates)) from None
            else:
                errors.append(None)
        if txn.ops:
            results = self.backend.apply(txn.ops, atomic=atomicity != CONTINUE_ON_ERROR)
            if any(results):
                _undo_refused(txn, marks, results, errors)
                if atomicity != CONTINUE_ON_ERROR:
                    txn.undo_to()
                    raise _rolled_back(errors, len(updates))
        if any(errors):
            raise batch_error(errors)

    def _write_one(self, update: p4r.Update, role: RoleConfig, txn: Transaction) -> None:
        entity = update.entity
        kind = entity.WhichOneof("entity")
        if kind is None:
            invalid("the update has no entity")
        writer = self._writers.get(kind)
        if writer is None:
            raise RpcError(Code.UNIMPLEMENTED, f"this switch has no {kind}")
        verb = update.type
        if verb not in (1, 2, 3):  # Verb; 0 is UNSPECIFIED, and clients can send any number
            invalid("the update has no type")
        item = getattr(entity, kind)
        if role.ids is not None and not role.allows(object_id(kind, item)):
            raise RpcError(Code.PERMISSION_DENIED, "this is not in the role's scope")
        writer(verb, item, txn)

    # -- entities that need another store to be found --------------------------------------------------------

    def _write_table(self, verb: int, entry: p4r.TableEntry, txn: Transaction) -> None:
        self.table(entry.table_id).write(verb, entry, txn)

    def table(self, table_id: int) -> TableStore:
        """The store of a table."""
        store = self.tables.get(table_id)
        if store is None:
            self.schema.table(table_id)
            raise AssertionError(table_id)
        return store

    def _write_member(self, verb: int, member: p4r.ActionProfileMember, txn: Transaction) -> None:
        find(self.profiles, member.action_profile_id, "action profile").write_member(verb, member, txn)

    def _write_group(self, verb: int, group: p4r.ActionProfileGroup, txn: Transaction) -> None:
        find(self.profiles, group.action_profile_id, "action profile").write_group(verb, group, txn)

    def _write_direct_counter(self, verb: int, entry: p4r.DirectCounterEntry, txn: Transaction) -> None:
        if verb != Verb.MODIFY:
            invalid("a direct counter can only be modified")
        store = self.table(entry.table_entry.table_id)
        counter = store.schema.model.counter
        if counter is None:
            invalid(f"table {store.schema.name} has no direct counter")
        handle, _ = store.find(entry.table_entry)
        if entry.HasField("data"):
            txn.ops.append(CounterOp(counter, handle, *parse_counts(entry.data)))

    def _write_direct_meter(self, verb: int, entry: p4r.DirectMeterEntry, txn: Transaction) -> None:
        if verb != Verb.MODIFY:
            invalid("a direct meter can only be modified")
        if entry.HasField("counter_data"):
            raise RpcError(Code.UNIMPLEMENTED, "meters do not count per colour")
        store = self.table(entry.table_entry.table_id)
        if store.schema.model.meter is None:
            invalid(f"table {store.schema.name} has no direct meter")
        handle, _ = store.find(entry.table_entry)
        store.set_meter(handle, entry.config if entry.HasField("config") else None, txn)

    # -- reading ---------------------------------------------------------------------------------------------

    def read(self, entities: Sequence[p4r.Entity], role: RoleConfig) -> Iterator[tuple[bytes, bytes]]:
        """(Entity tag, serialized entry) of everything asked for. See `reader.Reader`."""
        return Reader(self).read(entities, role)

    def use(self, target: Backend) -> None:
        """Go on with another engine, which holds what was written so far (or with `Suspended`)."""
        self.backend = target
        self.arrays.use(target)
        self.digests.use(target)

    def snapshot(self) -> list[p4r.Update]:
        """Everything that controllers wrote, as the updates that write it again."""
        updates: list[p4r.Update] = []

        def add(kind: str, wire: bytes, verb: Verb = Verb.INSERT) -> None:
            update = p4r.Update(type=verb)  # type: ignore[arg-type]
            getattr(update.entity, kind).MergeFromString(wire)
            updates.append(update)

        for profile in self.profiles.values():
            for wire in profile.members.values():
                add("action_profile_member", wire)
            for wire in profile.groups.values():
                add("action_profile_group", wire)
        for wire in [*self.replication.groups.values(), *self.replication.sessions.values()]:
            add("packet_replication_engine_entry", wire)
        for table in self.tables.values():
            for verb, wire in table.snapshot(self.backend):
                add("table_entry", wire, verb)
        for kind, wire in self.arrays.snapshot():
            add(kind, wire, Verb.MODIFY)
        for wire in self.digests.read(p4r.DigestEntry()):
            add("digest_entry", wire)
        return updates

    def removal(self) -> list[p4r.Update]:
        """The updates that take away what controllers may, of the entries that come with the program."""
        updates = []
        for table in self.tables.values():
            if not table.schema.const_entries:
                for _, wire in table.entries.values():
                    updates.append(p4r.Update(type=Verb.DELETE))  # type: ignore[arg-type]
                    updates[-1].entity.table_entry.MergeFromString(wire)
        return updates

    def close(self) -> None:
        """Forget timers."""
        self.digests.close()


def _undo_refused(
    txn: Transaction,
    marks: Sequence[tuple[int, int]],
    results: Sequence[OpError | None],
    errors: list[RpcError | None],
) -> None:
    """Take back the updates that the engine could not follow with (out of memory), the last one first."""
    ends = [*marks[1:], txn.mark()]
    for number in range(len(marks) - 1, -1, -1):
        refused = next(filter(None, results[marks[number][0] : ends[number][0]]), None)
        if refused is not None:
            txn.undo_between(marks[number], ends[number])
            errors[number] = RpcError(Code(refused.code), refused.message)


def _rolled_back(errors: list[RpcError | None], count: int) -> BatchError:
    """Errors of a batch of which nothing was done: those before and after the failure are ABORTED."""
    aborted = RpcError(Code.ABORTED, "rolled back")
    errors = [error or aborted for error in errors]
    return batch_error(errors + [aborted] * (count - len(errors)))
