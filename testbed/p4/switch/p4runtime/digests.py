"""Digest lists: batching, acknowledgements, suppression of duplicates (spec section 9.8).

The engine holds back a sample that was delivered until it is released; released are the samples of a list
when it is acknowledged, or `ack_timeout_ns` after it was sent (at once, if that is 0).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from testbed.p4.switch.p4runtime.backend import Backend
from testbed.p4.switch.p4runtime.bytestrings import canonical
from testbed.p4.switch.p4runtime.errors import Code, RpcError, invalid, not_found
from testbed.p4.switch.p4runtime.schema import DigestSchema, Schema
from testbed.p4.switch.p4runtime.stubs import p4r
from testbed.p4.switch.p4runtime.transaction import Transaction
from testbed.p4.switch.p4runtime.wire import (
    BITSTRING,
    DIGEST,
    DIGEST_DATA,
    DIGEST_ID,
    DIGEST_TIMESTAMP,
    LIST_ID,
    MEMBER,
    STRUCT_LIKE,
    message_field,
    varint,
)
from testbed.p4.switch.target import DigestOp, DigestSample, Verb

DEFAULT_LIST_SIZE: Final = 256
"""Most samples of a list whose configuration sets no limit."""

MAX_UNACKED: Final = 4096
"""Lists of one digest that wait for their acknowledgement; beyond it the oldest are released."""


class Timer(Protocol):
    """What `call_later` returns."""

    def cancel(self) -> None:
        """Do not call."""


class Config(NamedTuple):
    """`DigestEntry.Config`, times in seconds."""

    max_timeout: float
    max_list_size: int
    ack_timeout: float
    wire: bytes


class _Digest:
    """One enabled digest."""

    def __init__(self, schema: DigestSchema, config: Config) -> None:
        self.schema = schema
        self.config = config
        self.buffer: list[bytes] = []
        self.flush_timer: Timer | None = None
        self.unacked: dict[int, tuple[list[bytes], Timer]] = {}

    def cancel(self) -> None:
        if self.flush_timer is not None:
            self.flush_timer.cancel()
        for _, timer in self.unacked.values():
            timer.cancel()


class DigestStore:
    """All the digests of a program.

    `send` hands a stream message to the primary client and says whether there was one. `call_later` is the
    event loop's, in seconds.
    """

    def __init__(
        self,
        schema: Schema,
        target: Backend,
        send: Callable[[int, bytes], bool],
        call_later: Callable[[float, Callable[[], None]], Timer],
    ) -> None:
        self._schema = schema
        self._target = target
        self._send = send
        self._call_later = call_later
        self._digests: dict[int, _Digest] = {}
        self._next_list = 1

    def use(self, target: Backend) -> None:
        """Go on with another engine."""
        self._target = target

    # -- configuration ---------------------------------------------------------------------------------------

    def write(self, verb: int, entry: p4r.DigestEntry, txn: Transaction) -> None:
        """Enable, reconfigure or disable a digest."""
        schema = self._schema.digests.get(entry.digest_id)
        if schema is None:
            invalid(f"no digest has id {entry.digest_id}")
        former = self._digests.get(schema.id)
        if verb == Verb.INSERT and former is not None:
            raise RpcError(Code.ALREADY_EXISTS, f"digest {schema.name} is enabled")
        if verb != Verb.INSERT and former is None:
            not_found(f"digest {schema.name} is not enabled")
        if verb == Verb.DELETE:
            if former is not None:
                self._release_all(former)
            del self._digests[schema.id]
            txn.ops.append(DigestOp(schema.position, enabled=False))
        else:
            config = _parse_config(entry)
            if former is None:
                self._digests[schema.id] = _Digest(schema, config)
                txn.ops.append(DigestOp(schema.position, enabled=True, hold=True))
            else:
                former.config, config = config, former.config
                txn.on_undo(setattr, former, "config", config)
                return
        txn.on_undo(self._restore, schema.id, former)

    def _restore(self, digest: int, former: _Digest | None) -> None:
        if former is None:
            del self._digests[digest]
        else:
            self._digests[digest] = former

    def read(self, entry: p4r.DigestEntry) -> list[bytes]:
        """The enabled digests as serialized DigestEntry messages."""
        if entry.digest_id == 0:
            return [digest.config.wire for digest in self._digests.values()]
        if entry.digest_id not in self._schema.digests:
            invalid(f"no digest has id {entry.digest_id}")
        digest = self._digests.get(entry.digest_id)
        if digest is None:
            not_found(f"digest {entry.digest_id} is not enabled")
        return [digest.config.wire]

    # -- samples ---------------------------------------------------------------------------------------------

    def add(self, sample: DigestSample) -> None:
        """A sample from the engine: send it, or keep it until its list is full or old enough."""
        schema = self._schema.digest_at.get(sample.digest)
        digest = None if schema is None else self._digests.get(schema.id)
        if digest is None:  # disabled since: the engine holds the sample back all the same
            self._target.release_digests(sample.digest, [sample.data])
            return
        digest.buffer.append(sample.data)
        config = digest.config
        if config.max_timeout == 0 or len(digest.buffer) >= config.max_list_size:
            self._flush(digest)
        elif digest.flush_timer is None:
            digest.flush_timer = self._call_later(config.max_timeout, lambda: self._flush(digest))

    def _flush(self, digest: _Digest) -> None:
        """Send what was collected."""
        if digest.flush_timer is not None:
            digest.flush_timer.cancel()
            digest.flush_timer = None
        samples, digest.buffer = digest.buffer, []
        if not samples or self._digests.get(digest.schema.id) is not digest:
            return
        number = self._next_list
        self._next_list += 1
        sent = self._send(digest.schema.id, _digest_list(digest.schema, number, samples))
        if not sent or digest.config.ack_timeout == 0:
            self._target.release_digests(digest.schema.position, samples)
            return
        if len(digest.unacked) >= MAX_UNACKED:
            self._release(digest, next(iter(digest.unacked)))
        timer = self._call_later(digest.config.ack_timeout, lambda: self._release(digest, number))
        digest.unacked[number] = (samples, timer)

    def ack(self, ack: p4r.DigestListAck) -> None:
        """An acknowledgement from the primary client.

        Raises:
            RpcError: INVALID_ARGUMENT: there is no such digest.
        """
        if ack.digest_id not in self._schema.digests:
            invalid(f"no digest has id {ack.digest_id}")
        digest = self._digests.get(ack.digest_id)
        if digest is not None:
            self._release(digest, ack.list_id)

    def _release(self, digest: _Digest, number: int) -> None:
        entry = digest.unacked.pop(number, None)
        if entry is not None:
            samples, timer = entry
            timer.cancel()
            self._target.release_digests(digest.schema.position, samples)

    def _release_all(self, digest: _Digest) -> None:
        """What nobody will acknowledge: should the digest be enabled again, it is reported again."""
        digest.cancel()
        samples = digest.buffer + [sample for held, _ in digest.unacked.values() for sample in held]
        digest.buffer, digest.flush_timer = [], None
        digest.unacked.clear()
        self._target.release_digests(digest.schema.position, samples)

    def close(self) -> None:
        """Forget all timers."""
        for digest in self._digests.values():
            digest.cancel()


def _parse_config(entry: p4r.DigestEntry) -> Config:
    config = entry.config
    if min(config.max_timeout_ns, config.max_list_size, config.ack_timeout_ns) < 0:
        invalid("times and sizes of a digest cannot be negative")
    size = config.max_list_size or DEFAULT_LIST_SIZE
    wire = entry.SerializeToString()
    return Config(config.max_timeout_ns / 1e9, min(size, 1 << 16), config.ack_timeout_ns / 1e9, wire)


def _digest_list(schema: DigestSchema, number: int, samples: list[bytes]) -> bytes:
    """The `StreamMessageResponse` with a list."""
    parts = [DIGEST_ID, varint(schema.id), LIST_ID, varint(number)]
    parts += [message_field(DIGEST_DATA, _sample(schema, sample)) for sample in samples]
    parts += (DIGEST_TIMESTAMP, varint(time.time_ns()))
    return message_field(DIGEST, b"".join(parts))


def _sample(schema: DigestSchema, sample: bytes) -> bytes:
    """A sample as `P4Data`."""
    values = []
    offset = 0
    for width in schema.widths:
        end = offset + (width + 7) // 8
        values.append(message_field(BITSTRING, canonical(sample[offset:end])))
        offset = end
    kind = STRUCT_LIKE.get(schema.shape)
    if kind is None:
        return values[-1]
    return message_field(kind, b"".join([message_field(MEMBER, value) for value in values]))
