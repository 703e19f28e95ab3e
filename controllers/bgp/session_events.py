"""What happens to a session and what it asks for in return: the vocabulary of `session.step`."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import final

from controllers.wire.errors import CeaseSubcode, DecodeError
from controllers.wire.messages import Message, RouteRefresh
from controllers.wire.types import Family


@final
@dataclass(frozen=True, slots=True)
class Negotiated:
    """What an established session may use. `hold_time` in seconds, 0: no timers.

    Graceful restart (RFC 4724): when the session breaks, the neighbour wants its routes of the `keeps`
    families kept for `restart_time` seconds; what was kept before is still good for `preserved` families.
    """

    families: tuple[Family, ...]
    hold_time: int
    remote_id: IPv4Address
    route_refresh: bool
    extended_message: bool
    restart_time: int = 0
    keeps: tuple[Family, ...] = ()
    preserved: tuple[Family, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Start:
    """The operator wants the session (event 1 and 4 of RFC 4271 §8.1.2). `resumed`: see `Session`."""

    resumed: bool = False


@final
@dataclass(frozen=True, slots=True)
class Stop:
    """The operator wants it no more (event 2)."""

    subcode: int = CeaseSubcode.ADMINISTRATIVE_SHUTDOWN
    reason: str = "stopped"


@final
@dataclass(frozen=True, slots=True)
class Opened:
    """A TCP connection is up (events 16 and 17)."""

    connection: int
    outgoing: bool


@final
@dataclass(frozen=True, slots=True)
class DialFailed:
    """The attempt that `Dial` asked for came to nothing (event 18)."""

    reason: str


@final
@dataclass(frozen=True, slots=True)
class Closed:
    """The other end closed a connection, or it broke (event 18)."""

    connection: int
    reason: str


@final
@dataclass(frozen=True, slots=True)
class Received:
    """A message other than UPDATE arrived (events 19, 24 to 26)."""

    connection: int
    message: Message


@final
@dataclass(frozen=True, slots=True)
class UpdateReceived:
    """One or more UPDATEs arrived (event 27)."""

    connection: int


@final
@dataclass(frozen=True, slots=True)
class Failed:
    """What arrived, or the amount of it, ends the session (events 21, 22, 28)."""

    connection: int
    error: DecodeError


@final
@dataclass(frozen=True, slots=True)
class Drained:
    """The neighbour has taken all that was sent so far."""

    connection: int


@final
@dataclass(frozen=True, slots=True)
class Tick:
    """The session's deadline has come (events 9 to 11). `Drained` goes before, if it is so."""


Event = Start | Stop | Opened | DialFailed | Closed | Received | UpdateReceived | Failed | Drained | Tick


@final
@dataclass(frozen=True, slots=True)
class Dial:
    """Connect to the neighbour; answer with `Opened` or `DialFailed`."""


@final
@dataclass(frozen=True, slots=True)
class CancelDial:
    """Give up the attempt under way; no answer is wanted."""


@final
@dataclass(frozen=True, slots=True)
class Send:
    """Send a message."""

    connection: int
    message: Message


@final
@dataclass(frozen=True, slots=True)
class Close:
    """Close a connection once what was sent is out."""

    connection: int


@final
@dataclass(frozen=True, slots=True)
class Up:
    """The session is established."""

    connection: int
    negotiated: Negotiated


@final
@dataclass(frozen=True, slots=True)
class Down:
    """The established session is over, and why. `broken`: neither end had said so before."""

    connection: int
    reason: str
    broken: bool = False


@final
@dataclass(frozen=True, slots=True)
class Refresh:
    """The neighbour wants routes again (RFC 2918)."""

    message: RouteRefresh


@final
@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should read: why a connection did not become a session."""

    reason: str


Action = Dial | CancelDial | Send | Close | Up | Down | Refresh | Note
