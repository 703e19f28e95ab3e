"""What happens to a session and what it asks for in return: the vocabulary of `session.step`."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import final

from msgspec import Struct

from controllers.wire.errors import CeaseSubcode, DecodeError
from controllers.wire.messages import Message, RouteRefresh
from controllers.wire.types import Family


@final
class Negotiated(Struct, frozen=True):
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
class Start(Struct, frozen=True):
    """The operator wants the session (event 1 and 4 of RFC 4271 §8.1.2). `resumed`: see `Session`."""

    resumed: bool = False


@final
class Stop(Struct, frozen=True):
    """The operator wants it no more (event 2)."""

    subcode: int = CeaseSubcode.ADMINISTRATIVE_SHUTDOWN
    reason: str = "stopped"


@final
class Opened(Struct, frozen=True):
    """A TCP connection is up (events 16 and 17)."""

    connection: int
    outgoing: bool


@final
class DialFailed(Struct, frozen=True):
    """The attempt that `Dial` asked for came to nothing (event 18)."""

    reason: str


@final
class Closed(Struct, frozen=True):
    """The other end closed a connection, or it broke (event 18)."""

    connection: int
    reason: str


@final
class Received(Struct, frozen=True):
    """A message other than UPDATE arrived (events 19, 24 to 26)."""

    connection: int
    message: Message


@final
class UpdateReceived(Struct, frozen=True):
    """One or more UPDATEs arrived (event 27)."""

    connection: int


@final
class Failed(Struct, frozen=True):
    """What arrived, or the amount of it, ends the session (events 21, 22, 28)."""

    connection: int
    error: DecodeError


@final
class Taken(Struct, frozen=True):
    """The neighbour takes what it is sent: nothing waits, or some of it has left lately."""

    connection: int


@final
class Tick(Struct, frozen=True):
    """The session's deadline has come (events 9 to 11). `Taken` goes before, if it is so."""


Event = Start | Stop | Opened | DialFailed | Closed | Received | UpdateReceived | Failed | Taken | Tick


@final
class Dial(Struct, frozen=True):
    """Connect to the neighbour; answer with `Opened` or `DialFailed`."""


@final
class CancelDial(Struct, frozen=True):
    """Give up the attempt under way; no answer is wanted."""


@final
class Send(Struct, frozen=True):
    """Send a message."""

    connection: int
    message: Message


@final
class Close(Struct, frozen=True):
    """Close a connection once what was sent is out."""

    connection: int


@final
class Up(Struct, frozen=True):
    """The session is established."""

    connection: int
    negotiated: Negotiated


@final
class Down(Struct, frozen=True):
    """The established session is over, and why. `broken`: neither end had said so before."""

    connection: int
    reason: str
    broken: bool = False


@final
class Refresh(Struct, frozen=True):
    """The neighbour wants routes again (RFC 2918)."""

    message: RouteRefresh


@final
class Note(Struct, frozen=True):
    """Something a person should read: why a connection did not become a session."""

    reason: str


Action = Dial | CancelDial | Send | Close | Up | Down | Refresh | Note
