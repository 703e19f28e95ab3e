"""A neighbour during one established session: what it sent, what it may have, what it is still owed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, final

from controllers.bgp.config import PeerConfig
from controllers.bgp.membership import CONSTRAINED, Membership
from controllers.bgp.paths import Audience, Path, Scope, Source
from controllers.bgp.policy import Policy
from controllers.bgp.rib import AdjRibIn
from controllers.bgp.session_events import Negotiated
from controllers.wire.messages import MAX_EXTENDED_MESSAGE
from controllers.wire.types import RT_CONSTRAINT, Family, IpAddress
from controllers.wire.update import MAX_MESSAGE

ANSWERS: Final = 256
"""How many answers of `Neighbor.sees` are kept."""


@final
@dataclass(slots=True)
class Counters:
    """What a neighbour has sent and been sent since the speaker started; survives its sessions.

    `updates_*` count messages, all others routes or events. `discarded` counts routes that a fault, a
    loop or the policy kept out, `faults` what RFC 7606 let the session survive, `errors` what it did not.
    """

    updates_in: int = 0
    updates_out: int = 0
    announced_in: int = 0
    withdrawn_in: int = 0
    discarded: int = 0
    faults: int = 0
    errors: int = 0
    notifications_in: int = 0
    notifications_out: int = 0
    sessions: int = 0
    flaps: int = 0


@final
class ExportKey(NamedTuple):
    """What decides how routes look to a neighbour. Neighbours with equal keys get the same bytes."""

    external: bool
    client: bool
    policy: Policy | None
    max_message: int
    next_hop: IpAddress
    next_hop_self: bool | None


@final
class Neighbor:
    """A neighbour whose session is up."""

    def __init__(
        self,
        config: PeerConfig,
        negotiated: Negotiated,
        local_address: IpAddress,
        counters: Counters,
        *,
        external: bool,
        former: Neighbor | None = None,
    ) -> None:
        """`former`: its last session, which broke and whose routes were kept (RFC 4724 §4.2)."""
        self.config = config
        self.negotiated = negotiated
        self.counters = counters
        self.source = Source(config.address, negotiated.remote_id, external=external, client=config.client)
        self.received: dict[Family, AdjRibIn] = {family: {} for family in negotiated.families}
        self.stale: dict[Family, set[bytes]] = {}
        """Routes of the former session that this one has not confirmed."""
        if former is not None:
            self._inherit(former)
        constrained = RT_CONSTRAINT in negotiated.families
        self.membership: Membership | None = Membership(self.received[RT_CONSTRAINT]) if constrained else None
        self.wishes_known = not constrained or RT_CONSTRAINT in self.stale
        """False until the neighbour has said all that it asks for: what it is sent before is not all."""
        self.export_key = ExportKey(
            external=external,
            client=config.client,
            policy=config.export_policy,
            max_message=MAX_EXTENDED_MESSAGE if negotiated.extended_message else MAX_MESSAGE,
            next_hop=local_address,
            next_hop_self=config.next_hop_self,
        )
        self.import_policy = config.import_policy
        self.blocked = False
        self._owed: dict[Family, dict[bytes, bytes | None]] = {}
        self._end_of_rib_due: set[Family] = set()
        self._sees: dict[Audience, bool] = {}

    def _inherit(self, former: Neighbor) -> None:
        """Take over routes whose forwarding state was preserved; they keep their source."""
        self.source = former.source
        for family in self.negotiated.preserved:
            kept = former.received.pop(family, None)
            if kept:
                self.received[family] = kept
                self.stale[family] = set(kept)

    @property
    def routes_received(self) -> int:
        """How many routes it has announced and not withdrawn, before policy."""
        return sum(len(table) for table in self.received.values())

    def sees(self, audience: Audience) -> bool:
        """True if the neighbour may have such routes; the answer is kept until its membership changes.

        Or for less long: what is kept keeps its audience, whose routes may all be gone.
        """
        answer = self._sees.get(audience)
        if answer is None:
            if len(self._sees) >= ANSWERS:
                self._sees.clear()
            answer = self._sees[audience] = self._may_have(audience)
        return answer

    def _may_have(self, audience: Audience) -> bool:
        source = audience.source
        if source is self.source:
            # A client must learn of others' interest in a target that it wants too: RFC 4684 §3.2.
            return audience.family == RT_CONSTRAINT and self.config.client
        if audience.scope is Scope.NOWHERE or (audience.scope is Scope.INTERNAL and self.source.external):
            return False
        reflected = not source.local and not source.external and not self.source.external
        if reflected and not source.client and not self.config.client:
            return False
        if self.membership is None or audience.family not in CONSTRAINED:
            return True
        return self.membership.wants(audience.targets)

    def set_membership(self, membership: Membership) -> None:
        """Note what the neighbour asks for now."""
        self.membership = membership
        self._sees.clear()

    def set_export_policy(self, policy: Policy | None) -> None:
        """Note what the neighbour may be told from now on; what it was told must be owed by the caller."""
        self.export_key = self.export_key._replace(policy=policy)

    def owe(self, family: Family, routes: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Have the present state of routes sent later: by key, with the NLRI to withdraw if it is gone.

        None for the NLRI: send nothing if the route is gone or not for this neighbour.
        """
        owed = self._owed.setdefault(family, {})
        for key, nlri in routes:
            if nlri is not None or key not in owed:
                owed[key] = nlri

    def owe_table(self, family: Family, table: Iterable[tuple[bytes, Path]]) -> None:
        """Have a whole table sent, and its end marked (RFC 4724 §2)."""
        self.owe(family, ((key, None) for key, _ in table))
        self._end_of_rib_due.add(family)

    @property
    def in_debt(self) -> bool:
        """True if something is owed."""
        return bool(self._owed) or bool(self._ends)

    @property
    def _ends(self) -> set[Family]:
        """Families whose end may be marked once nothing of them is owed."""
        known = self.wishes_known
        return {family for family in self._end_of_rib_due if known or family not in CONSTRAINED}

    def take_owed(self, limit: int) -> list[tuple[Family, list[tuple[bytes, bytes | None]], bool]]:
        """Take up to `limit` owed routes: family, routes, and whether its End-of-RIB comes after them."""
        batches = []
        ends = self._ends
        for family in (*self._owed, *(ends - self._owed.keys())):
            owed = self._owed.get(family, {})
            count = min(limit, len(owed))
            routes = [owed.popitem() for _ in range(count)]
            limit -= count
            if owed:
                batches.append((family, routes, False))
                break
            self._owed.pop(family, None)
            batches.append((family, routes, family in ends))
            self._end_of_rib_due -= {family} & ends
        return batches
