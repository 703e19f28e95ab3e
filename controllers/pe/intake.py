"""From BGP's events to the tables that import a route: one path in each, dropped where it does not belong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol, final

from controllers.bgp.routes import EndOfRibEvent, PeerEvent, Route, RouteEvent
from controllers.pe.outputs import AlarmCode, Effects
from controllers.pe.retention import Retention
from controllers.wire.types import RouteKey


class Table(Protocol):
    """A table that takes in paths of its own kind, each with a `key`, and can drop them again."""

    def received(self, path: Any) -> None:
        """Take in a path, or one in place of that of the same key."""

    def withdrawn(self, key: RouteKey) -> None:
        """Drop the path of this key."""


@final
class BadRouteError(ValueError):
    """A route that is well-formed BGP and makes no sense; the text says why, for an alarm."""


FIRST_UNRESERVED_LABEL: Final = 16
"""Labels below are special-purpose (RFC 7274 §3): no PE may ask for them to carry a service."""


def service_label(label: int, nlri: object) -> int:
    """Check the label that another PE wants a service to carry. Raises BadRouteError."""
    if label < FIRST_UNRESERVED_LABEL:
        raise BadRouteError(f"{nlri}: label {label} is reserved")
    return label


Reader = Callable[[RouteKey, Route], Iterable[tuple[Table, Any]]]
"""Reads a route into what each table that imports it is to be given. Raises BadRouteError."""


@final
class Intake:
    """Hands routes to tables, and remembers which table has which."""

    def __init__(self, effects: Effects[Any], read: Reader) -> None:
        self._effects = effects
        self._read = read
        self._importers: dict[RouteKey, tuple[Table, ...]] = {}
        self._retention = Retention()

    def route(self, event: RouteEvent) -> None:
        """The best path of one route changed."""
        if event.route is not None or not self._retention.puts_off(event.key):
            self._retention.renewed(event.key)
            self._replace(event.key, event.route)

    def peer(self, event: PeerEvent) -> None:
        """A session came up or went down. Call `drop_stale` when routes without one had their time."""
        self._retention.peer_changed(event.peer, up=event.up)

    def end_of_rib(self, event: EndOfRibEvent) -> None:
        """A neighbour has sent all it has of a family: what it did not mention is gone."""
        for key in self._retention.take(event.family):
            self._replace(key, None)

    def drop_stale(self) -> None:
        """Give up all routes that no session stands for."""
        for key in self._retention.take():
            self._replace(key, None)

    def _replace(self, key: RouteKey, route: Route | None) -> None:
        deliveries = self._deliveries(key, route)
        tables = tuple(table for table, _ in deliveries)
        for table, path in deliveries:
            table.received(path)
        for table in self._importers.get(key, ()):
            if table not in tables:
                table.withdrawn(key)
        if tables:
            self._importers[key] = tables
        else:
            self._importers.pop(key, None)

    def _deliveries(self, key: RouteKey, route: Route | None) -> tuple[tuple[Table, Any], ...]:
        """Read a route; one that makes no sense counts as withdrawn (RFC 7606 §2)."""
        deliveries: tuple[tuple[Table, Any], ...] = ()
        if route is not None:
            try:
                deliveries = tuple(self._read(key, route))
            except BadRouteError as error:
                text = f"{error}; from {route.next_hop}, ignored"
                self._effects.alarm(AlarmCode.BAD_ROUTE, key, text)
                return ()
        self._effects.clear_alarm(AlarmCode.BAD_ROUTE, key)
        return deliveries
