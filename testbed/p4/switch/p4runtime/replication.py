"""Multicast groups and clone sessions (spec section 9.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol

from testbed.p4.switch.p4runtime.bytestrings import canonical
from testbed.p4.switch.p4runtime.errors import Code, RpcError, invalid, not_found
from testbed.p4.switch.p4runtime.stubs import p4r
from testbed.p4.switch.p4runtime.transaction import Transaction
from testbed.p4.switch.target import CloneOp, MulticastOp, Replica, Verb

MAX_GROUP: Final = 0xFFFF
MAX_SESSION: Final = 0x7FFF
MAX_INSTANCE: Final = 0xFFFF
MAX_REPLICAS: Final = 4096


class _HasReplicas(Protocol):
    @property
    def replicas(self) -> Iterable[p4r.Replica]: ...


class ReplicationStore:
    """The packet replication engine. `port_of` turns an SDN port into a device port."""

    def __init__(self, port_of: Callable[[bytes], int]) -> None:
        self.groups: dict[int, bytes] = {}
        self.sessions: dict[int, bytes] = {}
        self._port_of = port_of

    def write(self, verb: int, entry: p4r.PacketReplicationEngineEntry, txn: Transaction) -> None:
        """INSERT, MODIFY or DELETE a group or session."""
        kind = entry.WhichOneof("type")
        if kind == "multicast_group_entry":
            self._write_group(verb, entry.multicast_group_entry, entry, txn)
        elif kind == "clone_session_entry":
            self._write_session(verb, entry.clone_session_entry, entry, txn)
        else:
            invalid("neither a multicast group nor a clone session")

    def _write_group(
        self,
        verb: int,
        group: p4r.MulticastGroupEntry,
        entry: p4r.PacketReplicationEngineEntry,
        txn: Transaction,
    ) -> None:
        number = group.multicast_group_id
        if not 0 < number <= MAX_GROUP:
            invalid(f"multicast group id {number} is not in 1 ... {MAX_GROUP}")
        _check_presence(verb, number, self.groups, "multicast group")
        replicas = None if verb == Verb.DELETE else self._replicas(group)
        _store(verb, self.groups, number, entry, txn)
        txn.ops.append(MulticastOp(number, replicas))

    def _write_session(
        self,
        verb: int,
        session: p4r.CloneSessionEntry,
        entry: p4r.PacketReplicationEngineEntry,
        txn: Transaction,
    ) -> None:
        number = session.session_id
        if not 0 < number <= MAX_SESSION:
            invalid(f"clone session id {number} is not in 1 ... {MAX_SESSION}")
        _check_presence(verb, number, self.sessions, "clone session")
        if verb == Verb.DELETE:
            _store(verb, self.sessions, number, entry, txn)
            txn.ops.append(CloneOp(number, None))
            return
        if session.packet_length_bytes < 0:
            invalid("packet_length_bytes cannot be negative")
        if session.class_of_service:
            raise RpcError(Code.UNIMPLEMENTED, "this switch has one class of service, 0")
        replicas = self._replicas(session)
        _store(verb, self.sessions, number, entry, txn)
        txn.ops.append(CloneOp(number, replicas, session.packet_length_bytes))

    def _replicas(self, entry: _HasReplicas) -> tuple[Replica, ...]:
        replicas = []
        for replica in entry.replicas:
            if replica.instance > MAX_INSTANCE:
                invalid(f"instance {replica.instance} of a replica is above {MAX_INSTANCE}")
            if replica.backup_replicas:
                raise RpcError(Code.UNIMPLEMENTED, "this switch has no backup replicas")
            replicas.append(Replica(self._port(replica), replica.instance))
        if len(set(replicas)) != len(replicas):
            invalid("the same replica (port and instance) is there twice")
        if len(replicas) > MAX_REPLICAS:
            raise RpcError(Code.RESOURCE_EXHAUSTED, f"more than {MAX_REPLICAS} replicas")
        return tuple(replicas)

    def _port(self, replica: p4r.Replica) -> int:
        if replica.WhichOneof("port_kind") == "port":
            port = self._port_of(replica.port)
            replica.port = canonical(replica.port)
            return port
        return self._port_of(replica.egress_port.to_bytes(4))

    def read(self, entry: p4r.PacketReplicationEngineEntry) -> list[bytes]:
        """The entries that a read request asks for."""
        kind = entry.WhichOneof("type")
        if kind == "multicast_group_entry":
            return _select(self.groups, entry.multicast_group_entry.multicast_group_id, "multicast group")
        if kind == "clone_session_entry":
            return _select(self.sessions, entry.clone_session_entry.session_id, "clone session")
        return [*self.groups.values(), *self.sessions.values()]


def _check_presence(verb: int, number: int, items: dict[int, bytes], what: str) -> None:
    if verb == Verb.INSERT and number in items:
        raise RpcError(Code.ALREADY_EXISTS, f"{what} {number} is there")
    if verb != Verb.INSERT and number not in items:
        not_found(f"there is no {what} {number}")


def _store(
    verb: int, items: dict[int, bytes], number: int, entry: p4r.PacketReplicationEngineEntry, txn: Transaction
) -> None:
    former = items.pop(number, None)
    if verb != Verb.DELETE:
        items[number] = entry.SerializeToString()
    if former is None:
        txn.on_undo(items.pop, number)
    else:
        txn.on_undo(items.__setitem__, number, former)


def _select(items: dict[int, bytes], number: int, what: str) -> list[bytes]:
    if number == 0:
        return list(items.values())
    if number not in items:
        not_found(f"there is no {what} {number}")
    return [items[number]]
