"""What a decision leads to: one ordered list of outputs per event.

`Effects` collects them and remembers what was said before, so that only what changed is said: a table write
for what changed, an UPDATE for what changed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar, final

from msgspec import Struct

from controllers.bgp.routes import Route
from controllers.intents import Delta, Intent, Key, Set, Unset
from controllers.wire.types import IpAddress, RouteKey


@final
class Announce(Struct, frozen=True):
    """Originate a route, or replace that of the same key."""

    route: Route


@final
class Withdraw(Struct, frozen=True):
    """Stop originating the route of this key.

    `superseded`: nobody uses it any more, because another PE announced a newer one. Saying so can wait.
    """

    key: RouteKey
    superseded: bool = False


@final
class Probe(Struct, frozen=True):
    """Ask for `ip`: an ARP request or a neighbour solicitation out of `acs`.

    To `mac`, or to everybody if that is None. From `source_mac` and `source_ip`; where the PE has no address
    in the subnet, as an ARP probe (sender address zero) or from a link-local address. `remote`: also into the
    MAC-VRF, by `mac` or flooded.
    """

    bd: int
    ip: IpAddress
    mac: int | None
    acs: tuple[int, ...]
    source_mac: int
    source_ip: IpAddress | None
    remote: bool = False


class AlarmCode(StrEnum):
    """What an operator must look at."""

    DUPLICATE_MAC = "duplicate-mac"
    DUPLICATE_IP = "duplicate-ip"
    STICKY_MOVE = "sticky-mac-moved"
    GATEWAY_MAC_CLAIMED = "gateway-mac-claimed"
    GATEWAY_IP_CLAIMED = "gateway-ip-claimed"
    GATEWAY_MISMATCH = "gateway-ip-mismatch"
    MAC_LIMIT = "mac-limit"
    BAD_ROUTE = "bad-route"
    NO_LABEL = "no-label"


@final
class Alarm(Struct, frozen=True):
    """Something an operator must look at; `text` is one line."""

    code: AlarmCode
    text: str
    cleared: bool = False


@final
class Note(Struct, frozen=True):
    """A step for the timeline: learned, moved away, aged, probing, found.

    Steps that are outputs of their own (advertised, programmed) are stamped by who carries them out.
    """

    step: str
    bd: int
    mac: int | None = None
    ip: IpAddress | None = None
    detail: str = ""


@final
class WakeAt(Struct, frozen=True):
    """Send a `Tick` at this time (the clock of `handle`). Replaces the one asked for before."""

    at: float


Output: TypeAlias = Delta | Announce | Withdraw | Probe | Alarm | Note | WakeAt


ExtraT = TypeVar("ExtraT")


@final
class Effects(Generic[ExtraT]):
    """Collects outputs; knows the desired state and the routes originated so far.

    `ExtraT`: outputs that one core has beside those of any, Never for none.
    """

    def __init__(self) -> None:
        self.desired: dict[Key, Intent] = {}
        self.originated: dict[RouteKey, Route] = {}
        self._raised: dict[tuple[AlarmCode, object], str] = {}
        self._outputs: list[Output | ExtraT] = []

    def take(self) -> list[Output | ExtraT]:
        """Hand over what has been collected."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def set(self, obj: Intent) -> None:
        """Make `obj` part of the desired state."""
        key = obj.key
        if self.desired.get(key) != obj:
            self.desired[key] = obj
            self._outputs.append(Set(obj))

    def unset(self, key: Key) -> None:
        """Take what stands under `key` out of the desired state."""
        if self.desired.pop(key, None) is not None:
            self._outputs.append(Unset(key))

    def announce(self, route: Route) -> RouteKey:
        """Originate `route`; the key is for `withdraw`."""
        key = route.key
        if self.originated.get(key) != route:
            self.originated[key] = route
            self._outputs.append(Announce(route))
        return key

    def withdraw(self, key: RouteKey, *, superseded: bool = False) -> None:
        """Stop originating; `superseded` as of `Withdraw`."""
        if self.originated.pop(key, None) is not None:
            self._outputs.append(Withdraw(key, superseded))

    def emit(self, output: Probe | Note | WakeAt | ExtraT) -> None:
        """Pass on an output that has no state."""
        self._outputs.append(output)

    def alarm(self, code: AlarmCode, about: object, text: str) -> None:
        """Raise an alarm, once until it is cleared."""
        if (code, about) not in self._raised:
            self._raised[code, about] = text
            self._outputs.append(Alarm(code, text))

    def clear_alarm(self, code: AlarmCode, about: object) -> None:
        """The cause of an alarm is gone."""
        text = self._raised.pop((code, about), None)
        if text is not None:
            self._outputs.append(Alarm(code, text, cleared=True))
