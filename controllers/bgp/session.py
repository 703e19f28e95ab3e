"""The session state machine as a function: state, event and time in, state and actions out (RFC 4271 §8).

One `Session` covers a neighbour with all its TCP connections, so that a collision of two of them (RFC
4271 §6.8) is decided in one place. Nothing here reads a clock or a random source: times come with the
events, in seconds of any monotonic clock, and jitter follows from the session's own numbers, so that
a run can be replayed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address
from typing import Final, final
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from controllers.bgp.session_events import (
    Action,
    CancelDial,
    Close,
    Closed,
    Dial,
    DialFailed,
    Down,
    Event,
    Failed,
    Negotiated,
    Note,
    Opened,
    Received,
    Refresh,
    Send,
    Start,
    Stop,
    Taken,
    Tick,
    Up,
    UpdateReceived,
)
from controllers.wire.errors import CeaseSubcode, ErrorCode, OpenSubcode
from controllers.wire.messages import (
    Capabilities,
    CapabilityCode,
    GracefulRestart,
    Keepalive,
    Message,
    Notification,
    Open,
    RouteRefresh,
)
from controllers.wire.types import IPV4_UNICAST, Family

OPEN_HOLD_TIME: Final = 240.0
"""How long to wait for OPEN, in seconds (RFC 4271 §8.2.2, OpenSent)."""

CONNECT_TIMEOUT: Final = 10.0
"""How long one attempt to connect may take, in seconds."""

SEND_HOLD_TIME: Final = 480.0
"""How long a neighbour may take nothing of what it is sent, in seconds, or twice the hold time (RFC 9687)."""

STABLE_AFTER: Final = 30.0
"""A session that lasted this long, in seconds, forgets earlier failures."""


class State(Enum):
    """States of RFC 4271 §8.2.2."""

    IDLE = "idle"
    CONNECT = "connect"
    ACTIVE = "active"
    OPEN_SENT = "open-sent"
    OPEN_CONFIRM = "open-confirm"
    ESTABLISHED = "established"


@final
class SessionConfig(Struct, frozen=True):
    """What both ends must agree on, and how patient this one is. Times in seconds."""

    local_as: int
    router_id: IPv4Address
    peer_as: int
    families: tuple[Family, ...]
    hold_time: int = 90
    passive: bool = False
    retry_first: float = 1.0
    retry_limit: float = 60.0
    jitter_seed: int = 0
    restart_time: int | None = None
    """See `PeerConfig`."""

    @property
    def internal(self) -> bool:
        """True for a neighbour in the same AS."""
        return self.local_as == self.peer_as

    def open(self, *, restarted: bool = False, preserved: bool = True) -> Open:
        """The OPEN this side sends, with what RFC 4724 §4.1 has it say of a restart and of its forwarding."""
        restart = None
        if self.restart_time is not None:
            families = tuple((family, preserved) for family in self.families) if self.restart_time else ()
            restart = GracefulRestart(self.restart_time, families, restarted)
        capabilities = Capabilities(
            families=self.families,
            extended_message=True,
            four_octet_as=self.local_as,
            graceful_restart=restart,
        )
        return Open(self.local_as, self.hold_time, self.router_id, capabilities)


@final
class Connection(Struct, frozen=True):
    """One TCP connection of a session. `id` is the caller's; deadlines are times."""

    id: int
    outgoing: bool
    state: State
    hold_until: float | None = None
    keepalive_at: float | None = None
    send_until: float | None = None
    negotiated: Negotiated | None = None
    opened_at: float = 0.0
    established_at: float = 0.0


@final
class Session(Struct, frozen=True):
    """A neighbour's session: immutable, advanced by `step`.

    `resumed`: this speaker took the place of one whose forwarding state is in use. `served`: there was a
    session since it started.
    """

    config: SessionConfig
    enabled: bool = False
    connections: tuple[Connection, ...] = ()
    dial_until: float | None = None
    retry_at: float | None = None
    failures: int = 0
    resumed: bool = False
    served: bool = False

    def open(self) -> Open:
        """The OPEN to send now: only the first session of a speaker is one after a restart."""
        first = not self.served
        return self.config.open(restarted=self.resumed and first, preserved=self.resumed or not first)

    @property
    def state(self) -> State:
        """The furthest state of any connection."""
        if not self.enabled:
            return State.IDLE
        states = [connection.state for connection in self.connections]
        for state in (State.ESTABLISHED, State.OPEN_CONFIRM, State.OPEN_SENT):
            if state in states:
                return state
        return State.ACTIVE if self.dial_until is None else State.CONNECT

    @property
    def established(self) -> Connection | None:
        """The connection that carries routes, if there is one."""
        return next((c for c in self.connections if c.state is State.ESTABLISHED), None)

    def find(self, connection_id: int) -> Connection | None:
        """The connection with that id, unless it is gone."""
        return next((c for c in self.connections if c.id == connection_id), None)

    @property
    def deadline(self) -> float | None:
        """When `Tick` must be given next, or None for never."""
        times = [self.dial_until, self.retry_at]
        for connection in self.connections:
            times += (connection.hold_until, connection.keepalive_at, connection.send_until)
        return min((time for time in times if time is not None), default=None)


@final
@dataclass(slots=True)
class _Turn:
    """One step under way: the state so far and the actions it has asked for."""

    session: Session
    now: float
    actions: list[Action] = field(default_factory=list)

    def put(self, connection: Connection) -> None:
        others = tuple(c for c in self.session.connections if c.id != connection.id)
        self.session = replace(self.session, connections=(*others, connection))

    def drop(self, connection: Connection, reason: str, notification: Notification | None) -> None:
        """End one connection: say why, close it, and try again later if none is left."""
        if notification is not None:
            self.actions.append(Send(connection.id, notification))
        self.actions.append(Close(connection.id))
        self.lose(connection, reason)

    def lose(self, connection: Connection, reason: str, *, broken: bool = False) -> None:
        """Forget a connection that is closed."""
        session = self.session
        session = replace(session, connections=tuple(c for c in session.connections if c.id != connection.id))
        if connection.state is State.ESTABLISHED:
            self.actions.append(Down(connection.id, reason, broken))
            lasted = self.now - connection.established_at
            session = replace(session, failures=0 if lasted >= STABLE_AFTER else session.failures)
        else:
            self.actions.append(Note(reason))
        self.session = session
        self.retry_later()

    def retry_later(self) -> None:
        session = self.session
        if session.enabled and not session.connections and session.dial_until is None:
            failures = session.failures + 1
            wait = None if session.config.passive else self.now + retry_delay(session.config, failures)
            self.session = replace(session, failures=failures, retry_at=wait)

    def dial(self) -> None:
        self.session = replace(self.session, dial_until=self.now + CONNECT_TIMEOUT, retry_at=None)
        self.actions.append(Dial())


def _jitter(*numbers: int) -> float:
    """A number in 0.75 to 1 (RFC 4271 §10) that follows from `numbers` alone."""
    return 0.75 + crc32(repr(numbers).encode()) / 2**32 / 4


def retry_delay(config: SessionConfig, failures: int) -> float:
    """Seconds to wait after the nth failure in a row: doubling up to a limit, with jitter."""
    delay = min(config.retry_first * 2.0 ** min(failures - 1, 16), config.retry_limit)
    return delay * _jitter(config.jitter_seed, int(config.router_id), failures)


def step(session: Session, event: Event, now: float) -> tuple[Session, list[Action]]:
    """Advance a session by one event. Never fails: events about connections now gone change nothing."""
    turn = _Turn(session, now)
    match event:
        case Start():
            _start(turn, event)
        case Stop():
            _stop(turn, event)
        case Opened():
            _opened(turn, event)
        case DialFailed():
            if session.dial_until is not None:
                turn.session = replace(session, dial_until=None)
                turn.actions.append(Note(event.reason))
                turn.retry_later()
        case Tick():
            _tick(turn)
        case _:
            connection = session.find(event.connection)
            if connection is not None:
                _on_connection(turn, connection, event)
    return turn.session, turn.actions


def _start(turn: _Turn, event: Start) -> None:
    if turn.session.enabled:
        return
    turn.session = replace(turn.session, enabled=True, failures=0, resumed=event.resumed)
    if not turn.session.config.passive:
        turn.dial()


def _stop(turn: _Turn, event: Stop) -> None:
    if turn.session.dial_until is not None:
        turn.actions.append(CancelDial())
    turn.session = replace(turn.session, enabled=False, dial_until=None, retry_at=None, failures=0)
    for connection in turn.session.connections:
        turn.drop(connection, event.reason, Notification(ErrorCode.CEASE, event.subcode))


def _opened(turn: _Turn, event: Opened) -> None:
    """Greet on a new connection, unless it is not wanted (any more)."""
    session = turn.session
    if event.outgoing:
        session = replace(session, dial_until=None)
    confirmed = any(c.state is not State.OPEN_SENT for c in session.connections)
    if not session.enabled or (event.outgoing and confirmed):
        turn.session = session
        turn.actions.append(Close(event.connection))
        return
    turn.session = session
    if not event.outgoing:
        _drop_silent(turn)
    turn.session = replace(turn.session, retry_at=None)
    turn.put(
        Connection(
            event.connection,
            event.outgoing,
            State.OPEN_SENT,
            hold_until=turn.now + OPEN_HOLD_TIME,
            opened_at=turn.now,
        )
    )
    turn.actions.append(Send(event.connection, session.open()))


def _drop_silent(turn: _Turn) -> None:
    """A neighbour that connects anew has given up the connection on which it never said anything."""
    for connection in turn.session.connections:
        if not connection.outgoing and connection.state is State.OPEN_SENT:
            collision = Notification(ErrorCode.CEASE, CeaseSubcode.COLLISION)
            turn.drop(connection, "replaced by a newer connection", collision)


def _tick(turn: _Turn) -> None:
    now = turn.now
    for connection in turn.session.connections:
        if connection.hold_until is not None and connection.hold_until <= now:
            turn.drop(connection, "hold timer expired", Notification(ErrorCode.HOLD_TIMER_EXPIRED))
        elif connection.send_until is not None and connection.send_until <= now:
            notification = Notification(ErrorCode.SEND_HOLD_TIMER_EXPIRED)
            turn.drop(connection, "neighbour takes nothing of what it is sent", notification)
        elif connection.keepalive_at is not None and connection.keepalive_at <= now:
            turn.put(replace(connection, keepalive_at=_next_keepalive(connection, now)))
            turn.actions.append(Send(connection.id, Keepalive()))
    session = turn.session
    if session.dial_until is not None and session.dial_until <= now:
        turn.session = replace(session, dial_until=None)
        turn.actions += (CancelDial(), Note("connecting took too long"))
        turn.retry_later()
    elif session.retry_at is not None and session.retry_at <= now:
        turn.dial()


def _next_keepalive(connection: Connection, now: float) -> float | None:
    hold_time = connection.negotiated.hold_time if connection.negotiated else 0
    return now + hold_time / 3 * _jitter(connection.id, int(now * 1000)) if hold_time else None


def _next_hold(connection: Connection, now: float) -> float | None:
    hold_time = connection.negotiated.hold_time if connection.negotiated else 0
    return now + hold_time if hold_time else None


def _next_send(connection: Connection, now: float) -> float | None:
    hold_time = connection.negotiated.hold_time if connection.negotiated else 0
    return now + max(SEND_HOLD_TIME, 2 * hold_time) if hold_time else None


def _on_connection(
    turn: _Turn, connection: Connection, event: Closed | Received | UpdateReceived | Failed | Taken
) -> None:
    match event:
        case Taken():
            if connection.state is State.ESTABLISHED:
                turn.put(replace(connection, send_until=_next_send(connection, turn.now)))
        case Closed(reason=reason):
            turn.lose(connection, reason, broken=True)
        case Failed(error=error):
            turn.drop(connection, error.reason, Notification(error.code, error.subcode, error.data))
        case UpdateReceived():
            if connection.state is State.ESTABLISHED:
                turn.put(replace(connection, hold_until=_next_hold(connection, turn.now)))
            else:
                _unexpected(turn, connection, "UPDATE")
        case Received(message=message):
            _on_message(turn, connection, message)


def _on_message(turn: _Turn, connection: Connection, message: Message) -> None:
    state = connection.state
    match message:
        case Notification():
            turn.drop(connection, f"neighbour sent NOTIFICATION: {message}", None)
        case Open() if state is State.OPEN_SENT:
            _on_open(turn, connection, message)
        case Keepalive() if state is State.OPEN_CONFIRM:
            _establish(turn, connection)
        case Keepalive() if state is State.ESTABLISHED:
            turn.put(replace(connection, hold_until=_next_hold(connection, turn.now)))
        case RouteRefresh() if state is State.ESTABLISHED:
            turn.put(replace(connection, hold_until=_next_hold(connection, turn.now)))
            turn.actions.append(Refresh(message))
        case _:
            _unexpected(turn, connection, type(message).__name__)


_FSM_SUBCODES: Final = {State.OPEN_SENT: 1, State.OPEN_CONFIRM: 2, State.ESTABLISHED: 3}
"""Subcodes of a finite state machine error (RFC 6608 §3)."""


def _unexpected(turn: _Turn, connection: Connection, what: str) -> None:
    reason = f"{what} in state {connection.state.value}"
    turn.drop(connection, reason, Notification(ErrorCode.FSM, _FSM_SUBCODES[connection.state]))


def _on_open(turn: _Turn, connection: Connection, remote: Open) -> None:
    """Judge the neighbour's OPEN, settle a collision, and confirm (RFC 4271 §6.2, §6.8)."""
    refusal = _refuse(turn.session.config, remote)
    if refusal is not None:
        turn.drop(connection, *refusal)
        return
    collision = Notification(ErrorCode.CEASE, CeaseSubcode.COLLISION)
    others = [c for c in turn.session.connections if c.id != connection.id and c.state is not State.OPEN_SENT]
    if others and not _displaces(turn.session, connection, remote):
        turn.drop(connection, "connection collision", collision)
        return
    negotiated = _negotiate(turn.session.config, remote)
    confirmed = replace(connection, state=State.OPEN_CONFIRM, negotiated=negotiated)
    turn.put(
        replace(
            confirmed,
            hold_until=_next_hold(confirmed, turn.now),
            keepalive_at=_next_keepalive(confirmed, turn.now),
        )
    )
    turn.actions.append(Send(connection.id, Keepalive()))
    for other in others:
        if other.state is State.ESTABLISHED:
            # RFC 4724 §4.2: closed without a word, its routes are kept.
            turn.actions.append(Close(other.id))
            turn.lose(other, "neighbour started anew", broken=True)
        else:
            turn.drop(other, "connection collision", collision)


def _displaces(session: Session, connection: Connection, remote: Open) -> bool:
    """Tell whether a connection stays and those that are confirmed go, or the other way round.

    Of two that came up at once the one stays that the side with the higher identifier opened (RFC 4271 §6.8),
    or with the higher AS number if these are equal (RFC 6286 §2.3). An established session stays, unless its
    neighbour said that it may restart and connects again: then it has (RFC 4724 §4.2).
    """
    established = session.established
    if established is not None and established.negotiated is not None:
        later = connection.opened_at > established.established_at
        return later and not connection.outgoing and bool(established.negotiated.keeps)
    ours = int(session.config.router_id), session.config.local_as
    return connection.outgoing == (ours > (int(remote.router_id), remote.asn))


def _refuse(config: SessionConfig, remote: Open) -> tuple[str, Notification] | None:
    """Why a session with such an OPEN is not possible; None if it is."""
    if remote.asn != config.peer_as:
        reason = f"neighbour is in AS {remote.asn}, not {config.peer_as}"
        return reason, Notification(ErrorCode.OPEN, OpenSubcode.BAD_PEER_AS)
    if config.internal and remote.router_id == config.router_id:
        reason = f"neighbour has our BGP identifier {remote.router_id}"
        return reason, Notification(ErrorCode.OPEN, OpenSubcode.BAD_BGP_IDENTIFIER)
    if remote.capabilities.four_octet_as is None:
        reason = "neighbour lacks four-octet AS numbers (RFC 6793)"
        wanted = bytes((CapabilityCode.FOUR_OCTET_AS, 4)) + config.local_as.to_bytes(4, "big")
        return reason, Notification(ErrorCode.OPEN, OpenSubcode.UNSUPPORTED_CAPABILITY, wanted)
    if not _common_families(config, remote):
        reason = "no address family in common"
        wanted = b"".join(
            bytes((CapabilityCode.MULTIPROTOCOL, 4)) + f.afi.to_bytes(2, "big") + bytes((0, f.safi))
            for f in config.families
        )
        return reason, Notification(ErrorCode.OPEN, OpenSubcode.UNSUPPORTED_CAPABILITY, wanted)
    return None


def _common_families(config: SessionConfig, remote: Open) -> tuple[Family, ...]:
    offered = remote.capabilities.families or (IPV4_UNICAST,)
    return tuple(family for family in config.families if family in offered)


def _negotiate(config: SessionConfig, remote: Open) -> Negotiated:
    families = _common_families(config, remote)
    restart = remote.capabilities.graceful_restart
    if config.restart_time is None or restart is None:
        restart = GracefulRestart()
    return Negotiated(
        families=families,
        hold_time=min(config.hold_time, remote.hold_time),
        remote_id=remote.router_id,
        route_refresh=remote.capabilities.route_refresh,
        extended_message=remote.capabilities.extended_message,
        restart_time=restart.time,
        keeps=tuple(family for family, _ in restart.families if family in families),
        preserved=tuple(family for family, kept in restart.families if kept and family in families),
    )


def _establish(turn: _Turn, connection: Connection) -> None:
    assert connection.negotiated is not None  # noqa: S101 - set with OPEN_CONFIRM
    established = replace(connection, state=State.ESTABLISHED, established_at=turn.now)
    turn.put(
        replace(
            established,
            hold_until=_next_hold(established, turn.now),
            send_until=_next_send(established, turn.now),
        )
    )
    turn.session = replace(turn.session, served=True)
    turn.actions.append(Up(connection.id, connection.negotiated))
    if turn.session.dial_until is not None:
        turn.session = replace(turn.session, dial_until=None)
        turn.actions.append(CancelDial())
