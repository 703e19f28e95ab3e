"""The speaker without its sockets: updates in, messages out, tables between.

Nothing is sent by the methods that change a table: `flush` says what to send to whom, once, for all
that has changed since. Whoever drives the engine calls it as soon as there is nothing left to read.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Final, final

from controllers.bgp.config import PeerConfig, SpeakerConfig
from controllers.bgp.export import Exporter
from controllers.bgp.membership import CONSTRAINED, Membership
from controllers.bgp.neighbor import Counters, Neighbor
from controllers.bgp.paths import Path, Source, nlri_of, to_route
from controllers.bgp.policy import Policy
from controllers.bgp.rib import Table
from controllers.bgp.routes import Route, RouteEvent
from controllers.bgp.session_events import Negotiated
from controllers.wire.attributes import AttributeType, PathAttributes, decode_as_path
from controllers.wire.errors import CeaseSubcode, DecodeError, ErrorCode
from controllers.wire.nlri import CODECS, keyed
from controllers.wire.types import EVPN, RT_CONSTRAINT, Family, IpAddress, RouteKey
from controllers.wire.update import Announced, AttributeSet, KeyedNlri, Update, Withdrawn
from controllers.wire.validation import Fault

log = logging.getLogger(__name__)

OWED_AT_ONCE: Final = 2000
"""How many owed routes one `flush` sends to a neighbour, so that others need not wait for a large table."""

_KNOWN_EVPN_TYPES: Final = frozenset((1, 2, 3, 4, 5))


@lru_cache(maxsize=8192)
def _encoded(family: Family, attributes: PathAttributes) -> AttributeSet:
    return AttributeSet.of(family, attributes)


@final
class Engine:
    """Tables and neighbours of one speaker. Not thread-safe."""

    def __init__(self, config: SpeakerConfig, *, want_events: bool = True) -> None:
        self.config = config
        self.tables: dict[Family, Table] = {family: Table() for family in CODECS}
        self.neighbors: dict[IpAddress, Neighbor] = {}
        self._exporter = Exporter(config, self.tables)
        self._local = Source(None, config.router_id)
        self._own: dict[RouteKey, Path] = {}
        self._counters: dict[IpAddress, Counters] = {}
        self._kept: dict[IpAddress, Neighbor] = {}
        """Neighbours whose session broke, with the routes of theirs that are kept."""
        self._want_events = want_events
        self._events: list[RouteEvent] = []
        self._logged: set[tuple[IpAddress, object]] = set()

    def counters(self, address: IpAddress) -> Counters:
        """The counters of a neighbour, up or not."""
        return self._counters.setdefault(address, Counters())

    def attach(self, config: PeerConfig, negotiated: Negotiated, local_address: IpAddress) -> Neighbor:
        """A session is up: owe the neighbour every table it negotiated."""
        external = config.asn != self.config.local_as
        counters = self.counters(config.address)
        former = self._kept.pop(config.address, None)
        neighbor = Neighbor(config, negotiated, local_address, counters, external=external, former=former)
        if former is not None:
            self._forget_all(former)
        self.neighbors[config.address] = neighbor
        for family in negotiated.families:
            neighbor.owe_table(family, self.tables[family])
        return neighbor

    def detach(self, neighbor: Neighbor, *, broken: bool = False) -> float:
        """A session is down: forget what the neighbour sent.

        If it is `broken` and the neighbour forwards on without us (RFC 4724 §4.2), its routes are kept;
        returns after how many seconds to call `expire`, 0 if nothing is kept.
        """
        address = neighbor.config.address
        if self.neighbors.get(address) is neighbor:
            del self.neighbors[address]
        self.complete(neighbor)
        kept = neighbor.negotiated.keeps if broken and neighbor.negotiated.restart_time else ()
        self._forget_all(neighbor, but=kept)
        if not any(neighbor.received.values()):
            return 0.0
        self._kept[address] = neighbor
        return float(neighbor.negotiated.restart_time)

    def complete(self, neighbor: Neighbor) -> None:
        """Forget what a former session had and this one has not said in good time."""
        for family in tuple(neighbor.stale):
            self._complete(neighbor, family)

    def expire(self, address: IpAddress) -> None:
        """Forget what was kept of a neighbour, if it has not come back."""
        former = self._kept.pop(address, None)
        if former is not None:
            self._forget_all(former)

    def _forget_all(self, neighbor: Neighbor, but: Collection[Family] = ()) -> None:
        for family, received in neighbor.received.items():
            if family not in but:
                table = self.tables[family]
                for key in received:
                    table.remove(key, neighbor.source)
                received.clear()

    def _complete(self, neighbor: Neighbor, family: Family) -> None:
        """Its table of a family is complete: what the former session had and this one has not is gone."""
        if family == RT_CONSTRAINT:
            neighbor.wishes_known = True
        stale = neighbor.stale.pop(family, None)
        if stale:
            received, table = neighbor.received[family], self.tables[family]
            for key in stale:
                del received[key]
                table.remove(key, neighbor.source)
            if family == RT_CONSTRAINT:
                self._membership_changed(neighbor)

    def receive(self, neighbor: Neighbor, update: Update) -> None:
        """Take in an UPDATE. Raises DecodeError if the neighbour exceeds its limit of routes."""
        counters = neighbor.counters
        counters.updates_in += 1
        for fault in update.faults:
            self._note_fault(neighbor, fault)
        for withdrawn in update.withdrawn:
            self._withdrawn(neighbor, withdrawn)
        for announced in update.announced:
            self._announced(neighbor, announced)
        if update.end_of_rib is not None:
            self._complete(neighbor, update.end_of_rib)
        limit = neighbor.config.max_routes
        if limit is not None and update.announced and neighbor.routes_received > limit:
            raise DecodeError(f"more than {limit} routes", ErrorCode.CEASE, CeaseSubcode.MAXIMUM_PREFIXES)

    def _note_fault(self, neighbor: Neighbor, fault: Fault) -> None:
        neighbor.counters.faults += 1
        self._log_once(neighbor, (fault.action, fault.attribute), str(fault))

    def _log_once(self, neighbor: Neighbor, cause: object, text: str) -> None:
        """Say something the first time its cause turns up; after that only the counters tell."""
        address = neighbor.config.address
        if (address, cause) not in self._logged:
            self._logged.add((address, cause))
            log.warning("%s: %s; more of the kind is only counted", address, text)

    def _withdrawn(self, neighbor: Neighbor, withdrawn: Withdrawn) -> None:
        family, routes = withdrawn
        if family not in neighbor.received:
            return
        neighbor.counters.withdrawn_in += len(routes)
        self._forget(neighbor, family, routes)

    def _forget(self, neighbor: Neighbor, family: Family, routes: list[KeyedNlri]) -> None:
        received, table, source = neighbor.received[family], self.tables[family], neighbor.source
        self._confirm(neighbor, family, routes)
        for key, _ in routes:
            if received.pop(key, None) is not None:
                table.remove(key, source)
        if family == RT_CONSTRAINT:
            self._membership_changed(neighbor)

    def _confirm(self, neighbor: Neighbor, family: Family, routes: list[KeyedNlri]) -> None:
        if family in neighbor.stale:
            neighbor.stale[family].difference_update(key for key, _ in routes)

    def _announced(self, neighbor: Neighbor, announced: Announced) -> None:
        attributes, routes = announced
        family = attributes.family
        received = neighbor.received.get(family)
        counters = neighbor.counters
        if received is None:
            counters.discarded += len(routes)
            self._log_once(neighbor, family, f"routes of {family}, which was not negotiated")
            return
        counters.announced_in += len(routes)
        if family == EVPN:
            routes = self._known_types(neighbor, routes)
        if self._loops(attributes):
            counters.discarded += len(routes)
            self._forget(neighbor, family, routes)
            return
        self._confirm(neighbor, family, routes)
        shared = neighbor.source.share(attributes)
        table = self.tables[family]
        policy = neighbor.import_policy
        if policy is None:
            table.put_all(shared, routes, received)
        else:
            for key, nlri in routes:
                path = received[key] = Path(shared, nlri)
                self._import(neighbor, policy, key, path)
        if family == RT_CONSTRAINT:
            self._membership_changed(neighbor)

    def _import(self, neighbor: Neighbor, policy: Policy | None, key: bytes, path: Path) -> None:
        passed = path if policy is None else policy.apply(path)
        table = self.tables[path.shared.attributes.family]
        if passed is None:
            neighbor.counters.discarded += 1
            table.remove(key, neighbor.source)
        else:
            table.put(key, passed)

    def _known_types(self, neighbor: Neighbor, routes: list[KeyedNlri]) -> list[KeyedNlri]:
        """Discard EVPN route types that are not known here (RFC 7606 §5.4)."""
        if all(nlri[0] in _KNOWN_EVPN_TYPES for _, nlri in routes):
            return routes
        known = [route for route in routes if route[1][0] in _KNOWN_EVPN_TYPES]
        neighbor.counters.discarded += len(routes) - len(known)
        self._log_once(neighbor, "types", "EVPN routes of unknown types")
        return known

    def _loops(self, attributes: AttributeSet) -> bool:
        """True for routes that have been here before (RFC 4271 §9.1.2, RFC 4456 §8)."""
        raw = attributes.raw
        if (own := raw.get(AttributeType.ORIGINATOR_ID)) and own[1] == self.config.router_id.packed:
            return True
        if clusters := raw.get(AttributeType.CLUSTER_LIST):
            cluster, passed = self.config.cluster.packed, clusters[1]
            if any(passed[at : at + 4] == cluster for at in range(0, len(passed), 4)):
                return True
        path = raw[AttributeType.AS_PATH][1]
        return bool(path) and any(self.config.local_as in segment.asns for segment in decode_as_path(path))

    def _membership_changed(self, neighbor: Neighbor) -> None:
        """Owe a neighbour what it now wants or wants no more (RFC 4684 §4)."""
        before = neighbor.membership
        if before is None:
            return
        after = Membership(neighbor.received[RT_CONSTRAINT])
        neighbor.set_membership(after)
        for family in neighbor.received:
            if family in CONSTRAINED:
                neighbor.owe(
                    family,
                    (
                        (key, path.nlri)
                        for key, path in self.tables[family].known()
                        if before.wants(path.shared.audience.targets)
                        != after.wants(path.shared.audience.targets)
                    ),
                )

    def announce(self, route: Route) -> None:
        """Originate a route, or change one. Raises ValueError without a next hop."""
        key, nlri = keyed(route.nlri)
        path = Path(self._local.share(_encoded(key.family, route.attributes)), nlri)
        self._own[key] = path
        self.tables[key.family].put(key.prefix, path)

    def withdraw(self, key: RouteKey) -> None:
        """Originate a route no longer; one that was not originated is not missed."""
        if self._own.pop(key, None) is not None:
            self.tables[key.family].remove(key.prefix, self._local)

    def resend(self, neighbor: Neighbor, family: Family) -> None:
        """Owe a neighbour a table again, as its ROUTE-REFRESH asks (RFC 2918 §4)."""
        if family in neighbor.received:
            neighbor.owe(family, ((key, None) for key, _ in self.tables[family]))

    def set_policies(
        self, neighbor: Neighbor, import_policy: Policy | None, export_policy: Policy | None
    ) -> None:
        """Give a neighbour other policies: judge anew what it sent and what it is sent."""
        neighbor.import_policy = import_policy
        for received in neighbor.received.values():
            for key, path in received.items():
                self._import(neighbor, import_policy, key, path)
        neighbor.set_export_policy(export_policy)
        for family in neighbor.received:
            neighbor.owe(family, ((key, path.nlri) for key, path in self.tables[family].known()))

    def sent(self, neighbor: Neighbor, family: Family) -> Iterator[Route]:
        """What a neighbour has been sent, as it was sent (adj-RIB-out)."""
        for path, attributes in self._exporter.sent(neighbor, family):
            yield Route(CODECS[family].decode(path.nlri), attributes.typed)

    @property
    def busy(self) -> bool:
        """True if a `flush` would have something to send."""
        return any(table.changed for table in self.tables.values()) or any(
            neighbor.in_debt and not neighbor.blocked for neighbor in self.neighbors.values()
        )

    def take_events(self) -> list[RouteEvent]:
        """What `flush` found changed for this process, in order, since the last call."""
        events, self._events = self._events, []
        return events

    def _note_events(self, family: Family, changes: Mapping[bytes, Path | None]) -> None:
        best = self.tables[family].best
        for key, old in changes.items():
            new = best.get(key)
            if new is not None and not new.shared.source.local:
                route = to_route(new)
                self._events.append(RouteEvent(RouteKey(family, key), route.nlri, route))
            elif old is not None and not old.shared.source.local:
                self._events.append(RouteEvent(RouteKey(family, key), nlri_of(old), None))

    @property
    def changed(self) -> int:
        """How many routes have changed since the last `flush`."""
        return sum(len(table.changed) for table in self.tables.values())

    def flush(self) -> dict[Neighbor, list[bytes]]:
        """Messages that bring all neighbours up to date; the dictionary keeps their order per neighbour."""
        out: dict[Neighbor, list[bytes]] = {}
        neighbors = list(self.neighbors.values())
        for family, table in self.tables.items():
            if not table.changed:
                continue
            changes = table.take_changes()
            interested = [n for n in neighbors if family in n.received]
            for neighbor, messages in self._exporter.changed(family, changes, interested):
                out.setdefault(neighbor, []).extend(messages)
            if self._want_events:
                self._note_events(family, changes)
        for neighbor in neighbors:
            if neighbor.in_debt and not neighbor.blocked:
                messages = self._exporter.owed(neighbor, OWED_AT_ONCE)
                if messages:
                    out.setdefault(neighbor, []).extend(messages)
        for neighbor, messages in out.items():
            neighbor.counters.updates_out += len(messages)
        return out
