"""A configured neighbour at run time: its session, its timers and its connections."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol, final

from controllers.bgp import session_events as events
from controllers.bgp.config import PeerConfig, SpeakerConfig
from controllers.bgp.engine import Engine
from controllers.bgp.neighbor import Neighbor
from controllers.bgp.session import Session, SessionConfig, step
from controllers.runtime.bgp.status import PeerStatus
from controllers.runtime.bgp.transport import BgpConnection
from controllers.wire.errors import DecodeError
from controllers.wire.messages import Message, Notification, RefreshSubtype, RouteRefresh
from controllers.wire.types import Family
from controllers.wire.update import decode_update

log = logging.getLogger(__name__)


class Hooks(Protocol):
    """What a peer tells its speaker."""

    def peer_changed(self, peer: Peer, up: bool, reason: str) -> None:
        """The session came up or went down."""

    def end_of_rib(self, peer: Peer, family: Family) -> None:
        """The neighbour's table of a family is complete."""

    def tables_changed(self) -> None:
        """There may be something to flush."""


@final
class Peer:
    """Drives one `Session`: feeds it events, does what it asks for."""

    def __init__(self, config: PeerConfig, speaker: SpeakerConfig, engine: Engine, hooks: Hooks) -> None:
        self.config = config
        self.neighbor: Neighbor | None = None
        self._speaker = speaker
        self._engine = engine
        self._hooks = hooks
        self._session = Session(
            SessionConfig(
                local_as=speaker.local_as,
                router_id=speaker.router_id,
                peer_as=config.asn,
                families=config.families,
                hold_time=config.hold_time,
                passive=config.passive,
                retry_first=config.retry_first,
                retry_limit=config.retry_limit,
                jitter_seed=int(config.address) & 0xFFFF_FFFF,
                restart_time=config.restart_time,
            )
        )
        self._connections: dict[int, BgpConnection] = {}
        self._carrier: BgpConnection | None = None
        self._dialing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._changed_at = 0.0
        self._reason = "not started"

    @property
    def status(self) -> PeerStatus:
        """The neighbour as it is now."""
        neighbor = self.neighbor
        return PeerStatus(
            address=self.config.address,
            asn=self.config.asn,
            state=self._session.state,
            since=asyncio.get_running_loop().time() - self._changed_at,
            reason=self._reason,
            router_id=None if neighbor is None else neighbor.negotiated.remote_id,
            received={} if neighbor is None else {f: len(t) for f, t in neighbor.received.items()},
            counters=self._engine.counters(self.config.address),
        )

    def start(self, *, resumed: bool = False) -> None:
        """Want the session. `resumed`: see `Session`."""
        self._changed_at = asyncio.get_running_loop().time()
        self._handle(events.Start(resumed))

    def stop(self, subcode: int, reason: str) -> None:
        """Want it no more; a NOTIFICATION says so (RFC 4486)."""
        self._handle(events.Stop(subcode, reason))
        if self._expiry is not None:
            self._expiry.cancel()
            self._expire()

    def abort(self) -> None:
        """Break all connections and do nothing any more."""
        for timer in (self._timer, self._expiry, self._dialing):
            if timer is not None:
                timer.cancel()
        for connection in self._connections.values():
            connection.abort()

    def write(self, messages: list[bytes]) -> None:
        """Send UPDATEs."""
        if self._carrier is not None:
            self._carrier.write(b"".join(messages))

    def request_refresh(self, family: Family) -> bool:
        """Ask for the neighbour's routes again; False if it is down or cannot (RFC 2918)."""
        neighbor = self.neighbor
        if neighbor is None or self._carrier is None or not neighbor.negotiated.route_refresh:
            return False
        if family not in neighbor.received:
            return False
        self._carrier.write(RouteRefresh(family).to_bytes())
        return True

    # What the session asks for.

    def _handle(self, event: events.Event) -> None:
        now = asyncio.get_running_loop().time()
        self._session, actions = step(self._session, event, now)
        for action in actions:
            self._do(action)
        self._set_timer()

    def _do(self, action: events.Action) -> None:
        match action:
            case events.Dial():
                self._dialing = asyncio.get_running_loop().create_task(self._dial())
            case events.CancelDial():
                if self._dialing is not None:
                    self._dialing.cancel()
                    self._dialing = None
            case events.Send(connection=number, message=message):
                self._send(number, message)
            case events.Close(connection=number):
                connection = self._connections.pop(number, None)
                if connection is not None:
                    connection.close()
            case events.Up(connection=number, negotiated=negotiated):
                self._up(self._connections[number], negotiated)
            case events.Down(reason=reason, broken=broken):
                self._down(reason, broken=broken)
            case events.Refresh(message=message):
                self._refresh(message)
            case events.Note(reason=reason):
                self._note(reason)

    def _send(self, number: int, message: Message) -> None:
        if isinstance(message, Notification):
            self._engine.counters(self.config.address).notifications_out += 1
        connection = self._connections.get(number)
        if connection is not None:
            connection.write(message.to_bytes())

    def _up(self, connection: BgpConnection, negotiated: events.Negotiated) -> None:
        self._carrier = connection
        if self._expiry is not None:
            self._expiry.cancel()
        if negotiated.extended_message:
            connection.allow_extended_messages()
        self._engine.counters(self.config.address).sessions += 1
        self.neighbor = self._engine.attach(self.config, negotiated, connection.local_address)
        if self.neighbor.stale:
            later = asyncio.get_running_loop().call_later
            self._expiry = later(negotiated.restart_time, self._complete, self.neighbor)
        self._report(True, "established")
        self._hooks.tables_changed()

    def _down(self, reason: str, *, broken: bool) -> None:
        self._engine.counters(self.config.address).flaps += 1
        self._carrier = None
        if self._expiry is not None:
            self._expiry.cancel()
        if self.neighbor is not None:
            kept = self._engine.detach(self.neighbor, broken=broken)
            self.neighbor = None
            if kept:
                self._expiry = asyncio.get_running_loop().call_later(kept, self._expire)
        self._report(False, reason)
        self._hooks.tables_changed()

    def _complete(self, neighbor: Neighbor) -> None:
        """The neighbour is back and has not said in its time that its tables are complete."""
        self._expiry = None
        self._engine.complete(neighbor)
        self._hooks.tables_changed()

    def _expire(self) -> None:
        """The neighbour has not come back in its time."""
        self._expiry = None
        self._engine.expire(self.config.address)
        self._hooks.tables_changed()

    def _report(self, up: bool, reason: str) -> None:
        self._changed_at = asyncio.get_running_loop().time()
        self._reason = reason
        log.info("%s: %s (%s)", self.config.address, "up" if up else "down", reason)
        self._hooks.peer_changed(self, up, reason)

    def _note(self, reason: str) -> None:
        """A connection came to nothing: said once as long as the reason stays the same, unless one is up."""
        if self.neighbor is None and reason != self._reason:
            self._reason = reason
            log.info("%s: no session: %s", self.config.address, reason)

    def _refresh(self, message: RouteRefresh) -> None:
        if self.neighbor is not None and message.subtype == RefreshSubtype.REQUEST:
            self._engine.resend(self.neighbor, message.family)
            self._hooks.tables_changed()

    def _set_timer(self) -> None:
        """Have the deadline seen to. One that moved into the future is looked at when the old one comes."""
        deadline = self._session.deadline
        if self._timer is not None:
            if deadline is not None and self._timer.when() <= deadline:
                return
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._carrier is not None and self._carrier.takes():
            now = asyncio.get_running_loop().time()
            self._session, _ = step(self._session, events.Taken(self._carrier.id), now)
        self._handle(events.Tick())

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(
                lambda: BgpConnection(lambda _: self, outgoing=True),
                str(self.config.address),
                self.config.port,
                local_addr=(str(self._speaker.address), 0),
            )
        except OSError as error:
            self._dialing = None
            self._handle(events.DialFailed(f"cannot connect: {error.strerror or error}"))

    # What happens on connections: `transport.Owner`.

    def connection_up(self, connection: BgpConnection) -> None:
        """See `Owner`."""
        if connection.outgoing:
            self._dialing = None
        self._connections[connection.id] = connection
        self._handle(events.Opened(connection.id, connection.outgoing))

    def connection_lost(self, connection: BgpConnection, reason: str) -> None:
        """See `Owner`."""
        self._connections.pop(connection.id, None)
        self._handle(events.Closed(connection.id, reason))

    def message_received(self, connection: BgpConnection, message: Message) -> None:
        """See `Owner`."""
        if isinstance(message, Notification):
            self._engine.counters(self.config.address).notifications_in += 1
        self._handle(events.Received(connection.id, message))

    def update_received(self, connection: BgpConnection, body: bytes) -> None:
        """See `Owner`. Outside an established session it is the session that objects."""
        neighbor = self.neighbor
        if neighbor is None or connection is not self._carrier:
            self._handle(events.UpdateReceived(connection.id))
            return
        update = decode_update(body, internal=not neighbor.source.external)
        self._engine.receive(neighbor, update)
        if update.end_of_rib is not None:
            self._hooks.end_of_rib(self, update.end_of_rib)

    def updates_read(self, connection: BgpConnection) -> None:
        """See `Owner`."""
        self._handle(events.UpdateReceived(connection.id))
        self._hooks.tables_changed()

    def decode_failed(self, connection: BgpConnection, error: DecodeError) -> None:
        """See `Owner`."""
        self._engine.counters(self.config.address).errors += 1
        self._handle(events.Failed(connection.id, error))

    def writable(self, connection: BgpConnection, ready: bool) -> None:
        """See `Owner`."""
        if self.neighbor is not None and connection is self._carrier:
            self.neighbor.blocked = not ready
            if ready:
                self._hooks.tables_changed()
