"""One switch over P4Runtime: arbitration, pipeline, read-back, ordered writes, and what it reports.

The session reconnects by itself. Whenever it becomes primary with our program loaded it reads everything back
and hands it to `on_ready`, which writes what is due: a restart of controller or switch costs only the
difference, and traffic that was right is not touched.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final, Protocol, final

from finsy import P4Client, P4ClientError
from finsy.proto import p4i, p4r
from google.protobuf import text_format

from controllers.dataplane.codec import Codec
from controllers.dataplane.entity import Entity, TableEntry, Update, Verb

log = logging.getLogger(__name__)

BATCH: Final = 240
"""Updates in one WriteRequest at most, so that a switch that refuses some can say of each what became of it:
the embedded one fits that into the 8 KB of metadata that any client takes (22 bytes each), simple_switch_grpc
into the 64 KB that ours takes (119 bytes). What is not told of counts as done."""

BUSY: Final = 0.004
"""Seconds that a Write takes only where much is written. Then the next one waits as long, `PAUSE` at most:
fewer and larger ones keep both sides less busy."""

PAUSE: Final = 0.02

ELECTION_ID: Final = 1

ACK_AFTER: Final = 0.05
"""Seconds from a digest to its acknowledgement, unless what followed from it is in the switch before. Until
then a switch sends no more of the same: of a host that has just moved many packets come before the entry is
there, and each would cost a message. But a host that is back after having been elsewhere must be heard of."""


@final
@dataclass(frozen=True, slots=True)
class Program:
    """A compiled P4 program: P4Info and the target's configuration (bmv2 JSON)."""

    p4info: p4i.P4Info
    config: bytes
    watch_ports: bool = True
    """Have the switch leave out members of a group while their ports are down. Of a group that has none left
    simple_switch_grpc takes the hash modulo 0, and ends. It looks at its ports every 200 ms, by when
    controllers have rerouted."""
    digest_list: int = 64
    """Samples of a digest in one message at most: machines that come together are told together. At
    simple_switch_grpc a list that is not full can wait for 100 ms and more."""

    @classmethod
    def load(cls, p4info: Path, config: Path) -> Program:
        """From a P4Info text file and a bmv2 JSON file. OSError or text_format.ParseError if they are bad."""
        return cls(text_format.Parse(p4info.read_text("utf-8"), p4i.P4Info()), config.read_bytes())

    @property
    def cookie(self) -> int:
        """64 bits that change with the program."""
        digest = hashlib.sha256(self.config + self.p4info.SerializeToString(deterministic=True)).digest()
        return int.from_bytes(digest[:8], "big")


class Events(Protocol):
    """What the owner of a session is told, always from the event loop."""

    def on_ready(self, present: list[Entity]) -> None:
        """Primary, program loaded, this is what is there: time to `write` what is due."""

    def on_packet_in(self, metadata: dict[str, int], payload: bytes) -> None:
        """A packet with its header fields by name."""

    def on_digest(self, name: str, samples: list[dict[str, int]]) -> None:
        """Samples of one digest."""

    def on_idle(self, entries: list[TableEntry]) -> None:
        """Entries that nobody hit for their idle timeout."""

    def on_refused(self, update: Update, reason: str) -> None:
        """A write that the switch refused."""

    def on_lost(self, reason: str) -> None:
        """The channel is gone; `on_ready` follows when it is back."""


@final
@dataclass
class Session:
    """A P4Runtime session as primary controller of one switch. Run `run()` as a task; cancel it to end."""

    name: str
    address: str
    device_id: int
    program: Program
    events: Events
    writes: int = 0
    """Updates sent and accepted so far."""
    _queue: list[Update] = field(default_factory=list)
    _queued: int = 0
    _answered: int = 0
    """Updates that were queued and answered so far."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _client: P4Client | None = None

    def __post_init__(self) -> None:
        self.codec = Codec(self.program.p4info)
        self._outbox: asyncio.Queue[p4r.StreamMessageRequest] = asyncio.Queue()
        self._then: deque[tuple[int, Callable[[], None]]] = deque()
        """What is called when so many updates have been answered."""
        self._unacknowledged: dict[tuple[int, int], asyncio.TimerHandle] = {}
        self._idle.set()

    def write(self, updates: Collection[Update], then: Callable[[], None] | None = None) -> None:
        """Queue updates; they reach the switch in this order, as few requests as possible.

        `then` is called once the switch has answered these and all before them, not if the session is lost.
        """
        self._queue.extend(updates)
        self._queued += len(updates)
        if then is not None:
            self._then.append((self._queued, then))
        if self._queue:
            self._idle.clear()
            self._wake.set()
        self._tell()

    def _tell(self) -> None:
        while self._then and self._then[0][0] <= self._answered:
            self._then.popleft()[1]()

    async def flushed(self) -> None:
        """Wait until everything queued has been answered by the switch."""
        await self._idle.wait()

    def packet_out(self, payload: bytes, metadata: dict[str, int]) -> None:
        """Send a packet; lost without a word while there is no session."""
        if self._client is not None:
            self._outbox.put_nowait(self.codec.packet_out(payload, metadata))

    async def run(self) -> None:
        """Keep the session up until cancelled; waits between attempts grow from 50 ms to 0.5 s."""
        delay = 0.05
        while True:
            client = P4Client(self.address, wait_for_ready=False)
            try:
                await client.open()
                await self._handshake(client)
                delay = 0.05
                await self._serve(client)
            except (P4ClientError, RuntimeError) as error:
                self._client = None
                self.events.on_lost(_reason(error))
            except Exception as error:
                # A defect of ours: it must be seen, and must not end the switch's only session.
                log.exception("%s: the session begins anew", self.name)
                self._client = None
                self.events.on_lost(f"{type(error).__name__}: {error}")
            finally:
                self._client = None
                self._forget()
                await client.close()
            await asyncio.sleep(delay)
            delay = min(2 * delay, 0.5)

    def _forget(self) -> None:
        """What was on its way has arrived or not: what is read back next time tells."""
        self._queue.clear()
        self._then.clear()
        self._answered = self._queued
        for timer in self._unacknowledged.values():
            timer.cancel()
        self._unacknowledged.clear()
        self._idle.set()

    async def _handshake(self, client: P4Client) -> None:
        arbitration = p4r.MasterArbitrationUpdate(
            device_id=self.device_id, election_id=p4r.Uint128(low=ELECTION_ID)
        )
        await client.send(p4r.StreamMessageRequest(arbitration=arbitration))
        answer = await client.receive()
        if answer.WhichOneof("update") != "arbitration" or answer.arbitration.status.code:
            raise RuntimeError(f"another controller is primary of {self.name}")
        await self._load(client)

    async def _load(self, client: P4Client) -> None:
        ask = p4r.GetForwardingPipelineConfigRequest(
            device_id=self.device_id, response_type=p4r.GetForwardingPipelineConfigRequest.COOKIE_ONLY
        )
        try:
            loaded = (await client.request(ask)).config.cookie.cookie
        except P4ClientError as error:
            if error.code.name != "FAILED_PRECONDITION":
                raise
            loaded = 0
        if loaded == self.program.cookie:
            return
        config = p4r.ForwardingPipelineConfig(
            p4info=self.program.p4info,
            p4_device_config=self.program.config,
            cookie=p4r.ForwardingPipelineConfig.Cookie(cookie=self.program.cookie),
        )
        await client.request(
            p4r.SetForwardingPipelineConfigRequest(
                device_id=self.device_id,
                election_id=p4r.Uint128(low=ELECTION_ID),
                action=p4r.SetForwardingPipelineConfigRequest.VERIFY_AND_COMMIT,
                config=config,
            )
        )

    async def _serve(self, client: P4Client) -> None:
        present = await self._read_back(client)
        self._client = client
        self.events.on_ready(present)
        # One task alone writes to the stream: gRPC takes one message at a time.
        self._outbox = asyncio.Queue()
        parts = (self._reader(client), self._writer(client), self._sender(client))
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_back(self, client: P4Client) -> list[Entity]:
        replication = p4r.PacketReplicationEngineEntry
        kinds = [
            p4r.Entity(table_entry=p4r.TableEntry()),
            p4r.Entity(
                packet_replication_engine_entry=replication(multicast_group_entry=p4r.MulticastGroupEntry())
            ),
            p4r.Entity(
                packet_replication_engine_entry=replication(clone_session_entry=p4r.CloneSessionEntry())
            ),
            # One by one: simple_switch_grpc reads no wildcard of these.
            *(
                p4r.Entity(digest_entry=p4r.DigestEntry(digest_id=each.preamble.id))
                for each in self.program.p4info.digests
            ),
        ]
        present: list[Entity] = []
        for kind in kinds:
            request = p4r.ReadRequest(device_id=self.device_id, entities=[kind])
            try:
                async for answer in client.request_iter(request):
                    present += [e for each in answer.entities if (e := self.codec.read(each)) is not None]
            except P4ClientError as error:
                # A target may not know how to read a kind back; what is there is then met as ALREADY_EXISTS.
                if error.code.name not in ("UNIMPLEMENTED", "UNKNOWN", "NOT_FOUND"):
                    raise
        return present

    async def _reader(self, client: P4Client) -> None:
        while True:
            message = await client.receive()
            match message.WhichOneof("update"):
                case "packet":
                    self.events.on_packet_in(*self.codec.packet_in(message.packet))
                case "digest":
                    self.events.on_digest(*self.codec.digest_list(message.digest))
                    self._acknowledge_later((message.digest.digest_id, message.digest.list_id))
                case "idle_timeout_notification":
                    entries = message.idle_timeout_notification.table_entry
                    read = [self.codec.read(p4r.Entity(table_entry=entry)) for entry in entries]
                    self.events.on_idle([entry for entry in read if isinstance(entry, TableEntry)])
                case "arbitration" if message.arbitration.status.code:
                    raise RuntimeError(f"another controller became primary of {self.name}")
                case "error":
                    log.warning("%s: %s", self.name, message.error.message)

    def _acknowledge_later(self, digest: tuple[int, int]) -> None:
        loop = asyncio.get_running_loop()
        self._unacknowledged[digest] = loop.call_later(ACK_AFTER, self._acknowledge, digest)
        # What follows from a digest is queued at the next turn of the event loop.
        loop.call_soon(self._acknowledge_written, digest)

    def _acknowledge_written(self, digest: tuple[int, int]) -> None:
        if not self._idle.is_set():
            self.write((), partial(self._acknowledge, digest))

    def _acknowledge(self, digest: tuple[int, int]) -> None:
        timer = self._unacknowledged.pop(digest, None)
        if timer is not None:
            timer.cancel()
            ack = p4r.DigestListAck(digest_id=digest[0], list_id=digest[1])
            self._outbox.put_nowait(p4r.StreamMessageRequest(digest_ack=ack))

    async def _sender(self, client: P4Client) -> None:
        while True:
            await client.send(await self._outbox.get())

    async def _writer(self, client: P4Client) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                began = monotonic()
                await self._write_batch(client, batch)
                self._answered += len(batch)
                self._tell()
                took = monotonic() - began
                if took > BUSY and 0 < len(self._queue) < BATCH:
                    await asyncio.sleep(min(took, PAUSE))
            self._idle.set()

    async def _write_batch(self, client: P4Client, batch: Sequence[Update]) -> None:
        refused = await self._request(client, batch)
        # Idempotent: what is there already is brought to what was asked for, what is gone already stays gone.
        again = [
            Update(Verb.MODIFY, update.entity)
            for update, code, _reason in refused
            if update.verb is Verb.INSERT and code == "ALREADY_EXISTS"
        ]
        if again:
            refused = [each for each in refused if each[1] != "ALREADY_EXISTS"]
            refused += await self._request(client, again)
        for update, code, reason in refused:
            if not (update.verb is Verb.DELETE and code == "NOT_FOUND"):
                self.events.on_refused(update, f"{code}: {reason}")

    async def _request(self, client: P4Client, batch: Sequence[Update]) -> list[tuple[Update, str, str]]:
        """Write one batch; what was refused, with code and reason."""
        request = self.codec.write_request(batch)
        request.device_id, request.election_id.low = self.device_id, ELECTION_ID
        try:
            await client.request(request)
            self.writes += len(batch)
        except P4ClientError as error:
            if error.code.name != "UNKNOWN" or not error.details:
                raise
            self.writes += len(batch) - len(error.details)
            return [(batch[i], each.canonical_code.name, each.message) for i, each in error.details.items()]
        return []


def _reason(error: Exception) -> str:
    return f"{error.code.name}: {error.message}" if isinstance(error, P4ClientError) else str(error)


def describe(update: Update) -> str:
    """One line for logs and timelines."""
    return json.dumps([update.verb.name, update.entity.key], default=str)
