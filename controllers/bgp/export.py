"""From changed routes to UPDATE messages: who is told what, in which attributes, packed by attributes.

Routes are handled in runs that share a path's attributes, so that what is done per neighbour is done
per run. Adj-RIB-out is not stored: what a neighbour has is a function of the loc-RIB, of policy and of
what it may see, and that function is asked about the path before and the path after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address
from typing import final

from controllers.bgp.config import SpeakerConfig
from controllers.bgp.neighbor import ExportKey, Neighbor
from controllers.bgp.paths import Audience, Path, SharedPath
from controllers.bgp.policy import Policy
from controllers.bgp.rib import Table
from controllers.wire.attributes import (
    DEFAULT_LOCAL_PREF,
    FLAGS,
    AttributeType,
    RawAttributes,
    SegmentKind,
)
from controllers.wire.extended import NON_TRANSITIVE
from controllers.wire.types import IPV4_UNICAST, IPV6_UNICAST, RT_CONSTRAINT, Family
from controllers.wire.update import (
    AttributeSet,
    NoRoomError,
    encode_announcements,
    encode_end_of_rib,
    encode_withdrawals,
    next_hop_to_wire,
)

Run = tuple[Audience | None, SharedPath]
"""Who could see the routes before, and what they have in common now."""


@final
class Delta:
    """Changed routes of one family, in runs."""

    __slots__ = ("announced", "withdrawn")

    def __init__(self, changes: Iterable[tuple[Path | None, Path | None]]) -> None:
        """Sort (path before, path after) pairs into runs; NLRI in each keep their order."""
        self.announced: dict[Run, list[bytes]] = {}
        self.withdrawn: dict[Audience, list[bytes]] = {}
        announced, withdrawn = self.announced, self.withdrawn
        for old, new in changes:
            if new is not None:
                run = (None if old is None else old.shared.audience, new.shared)
                if run in announced:
                    announced[run].append(new.nlri)
                else:
                    announced[run] = [new.nlri]
            elif old is not None:
                withdrawn.setdefault(old.shared.audience, []).append(old.nlri)


@final
class Exporter:
    """Turns paths into messages for neighbours. Holds no routes; encoded runs live for one flush."""

    def __init__(self, config: SpeakerConfig, tables: Mapping[Family, Table]) -> None:
        self._config = config
        self._tables = tables

    def changed(
        self, family: Family, changes: Mapping[bytes, Path | None], neighbors: Iterable[Neighbor]
    ) -> Iterator[tuple[Neighbor, list[bytes]]]:
        """What to send to whom now that these keys' best paths have changed; `changes` has the old ones.

        A neighbour that is blocked is owed the changes instead.
        """
        best = self._tables[family].best
        pairs = [(old, best.get(key)) for key, old in changes.items()]
        by_policy: dict[Policy | None, Delta] = {}
        encoded: dict[ExportKey, dict[Run | Audience, list[bytes]]] = {}
        for neighbor in neighbors:
            if neighbor.blocked:
                nlris = ((new or old) for old, new in pairs)
                neighbor.owe(
                    family,
                    ((key, path.nlri) for key, path in zip(changes, nlris, strict=True) if path is not None),
                )
                continue
            policy = neighbor.export_key.policy
            delta = by_policy.get(policy)
            if delta is None:
                passed = pairs if policy is None else [(_pass(policy, o), _pass(policy, n)) for o, n in pairs]
                delta = by_policy[policy] = Delta(passed)
            same_bytes = encoded.setdefault(neighbor.export_key, {})
            messages = self._tell(neighbor, family, delta, same_bytes)
            if messages:
                yield neighbor, messages

    def _tell(
        self,
        neighbor: Neighbor,
        family: Family,
        delta: Delta,
        encoded: dict[Run | Audience, list[bytes]],
    ) -> list[bytes]:
        """The messages that bring one neighbour up to date: new paths first, withdrawals last."""
        messages: list[bytes] = []
        gone: list[bytes] = []
        key, sees = neighbor.export_key, neighbor.sees
        for run, nlris in delta.announced.items():
            before, shared = run
            if sees(shared.audience):
                if run not in encoded:
                    encoded[run] = self._announce(shared, nlris, key)
                messages += encoded[run]
            elif before is not None and sees(before):
                gone += nlris
        for audience, nlris in delta.withdrawn.items():
            if not sees(audience):
                continue
            if audience not in encoded:
                encoded[audience] = encode_withdrawals(family, nlris, key.max_message)
            messages += encoded[audience]
        if gone:
            messages += encode_withdrawals(family, gone, key.max_message)
        return messages

    def owed(self, neighbor: Neighbor, limit: int) -> list[bytes]:
        """Messages for up to `limit` of the routes that a neighbour is owed."""
        messages: list[bytes] = []
        key = neighbor.export_key
        for family, routes, complete in neighbor.take_owed(limit):
            best = self._tables[family].best
            runs: dict[SharedPath, list[bytes]] = {}
            gone = []
            for route, nlri in routes:
                path = best.get(route)
                if path is not None and key.policy is not None:
                    path = key.policy.apply(path)
                if path is not None and neighbor.sees(path.shared.audience):
                    runs.setdefault(path.shared, []).append(path.nlri)
                elif nlri is not None:
                    gone.append(nlri)
            for shared, nlris in runs.items():
                messages += self._announce(shared, nlris, key)
            messages += encode_withdrawals(family, gone, key.max_message)
            if complete:
                messages.append(encode_end_of_rib(family))
        return messages

    def sent(self, neighbor: Neighbor, family: Family) -> Iterator[tuple[Path, AttributeSet]]:
        """The adj-RIB-out: what a neighbour has, or will have once it is owed nothing more."""
        policy = neighbor.export_key.policy
        for _, path in self._tables[family]:
            passed = path if policy is None else policy.apply(path)
            if passed is not None and neighbor.sees(passed.shared.audience):
                yield passed, self._exported(passed.shared, neighbor.export_key)

    def _announce(self, shared: SharedPath, nlris: list[bytes], key: ExportKey) -> list[bytes]:
        """Messages for one run; routes whose attributes fit into no message are withdrawn (RFC 8654 §4)."""
        try:
            return encode_announcements(self._exported(shared, key), nlris, key.max_message)
        except NoRoomError:
            return encode_withdrawals(shared.attributes.family, nlris, key.max_message)

    def _exported(self, shared: SharedPath, key: ExportKey) -> AttributeSet:
        attributes = shared.exports.get(key)
        if attributes is None:
            attributes = shared.exports[key] = export_attributes(shared, key, self._config)
        return attributes


def _pass(policy: Policy, path: Path | None) -> Path | None:
    return None if path is None else policy.apply(path)


def export_attributes(shared: SharedPath, key: ExportKey, config: SpeakerConfig) -> AttributeSet:
    """How a path's attributes look to neighbours of one kind (RFC 4271 §5, RFC 4456 §8, RFC 4684 §3.2)."""
    attributes, source = shared.attributes, shared.source
    raw = dict(attributes.raw)
    next_hop = attributes.next_hop
    if key.external:
        _leave_as(raw, config.local_as, local=source.local)
    else:
        if AttributeType.LOCAL_PREF not in raw:
            raw[AttributeType.LOCAL_PREF] = _attribute(AttributeType.LOCAL_PREF, DEFAULT_LOCAL_PREF)
        if not source.local and not source.external:
            _reflect(raw, source.router_id, config.cluster)
    if attributes.family == RT_CONSTRAINT and key.client:
        raw[AttributeType.ORIGINATOR_ID] = _attribute(AttributeType.ORIGINATOR_ID, int(config.router_id))
        next_hop = next_hop_to_wire(RT_CONSTRAINT, key.next_hop)
    elif not source.local and _next_hop_self(key, attributes.family):
        next_hop = next_hop_to_wire(attributes.family, key.next_hop)
    return AttributeSet(attributes.family, next_hop, dict(sorted(raw.items())))


def _next_hop_self(key: ExportKey, family: Family) -> bool:
    if key.next_hop_self is None:
        return key.external and family in (IPV4_UNICAST, IPV6_UNICAST)
    return key.next_hop_self


def _attribute(code: AttributeType, number: int) -> tuple[int, bytes]:
    return FLAGS[code], number.to_bytes(4, "big")


def _reflect(raw: RawAttributes, originator: IPv4Address | None, cluster: IPv4Address) -> None:
    """Note who brought the route into the AS and which clusters it has passed (RFC 4456 §8)."""
    if originator is not None:
        raw.setdefault(AttributeType.ORIGINATOR_ID, _attribute(AttributeType.ORIGINATOR_ID, int(originator)))
    _, passed = raw.get(AttributeType.CLUSTER_LIST, (0, b""))
    raw[AttributeType.CLUSTER_LIST] = (FLAGS[AttributeType.CLUSTER_LIST], cluster.packed + passed)


def _leave_as(raw: RawAttributes, local_as: int, *, local: bool) -> None:
    """Prepend our AS and drop what stays within it (RFC 4271 §5.1.2, §5.1.4, §5.1.5, RFC 4360 §2)."""
    for code in (AttributeType.LOCAL_PREF, AttributeType.ORIGINATOR_ID, AttributeType.CLUSTER_LIST):
        raw.pop(code, None)
    if not local:
        raw.pop(AttributeType.MULTI_EXIT_DISC, None)
    flags, extended = raw.pop(AttributeType.EXTENDED_COMMUNITIES, (0, b""))
    communities = (extended[at : at + 8] for at in range(0, len(extended), 8))
    if kept := b"".join(each for each in communities if not each[0] & NON_TRANSITIVE):
        raw[AttributeType.EXTENDED_COMMUNITIES] = (flags, kept)
    _, path = raw.get(AttributeType.AS_PATH, (0, b""))
    own = local_as.to_bytes(4, "big")
    if path and path[0] == SegmentKind.SEQUENCE and path[1] < 255:
        path = bytes((path[0], path[1] + 1)) + own + path[2:]
    else:
        path = bytes((SegmentKind.SEQUENCE, 1)) + own + path
    raw[AttributeType.AS_PATH] = (FLAGS[AttributeType.AS_PATH], path)
