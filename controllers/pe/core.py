"""What the decision cores do alike: events to those they concern, the clock, routes in, desired state out.

A core is deterministic, without I/O and without a clock of its own: `start` once, then `handle` each event
with the time it happened at.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from controllers.bgp.routes import EndOfRibEvent, PeerEvent, Route, RouteEvent
from controllers.intents import IpNetwork, ServiceLabel
from controllers.intents import IpVrf as IpVrfLabel
from controllers.pe import events as ev
from controllers.pe.config import AcConfig
from controllers.pe.context import Context, DropStale, ExtraT, TaskT
from controllers.pe.intake import Intake, Table
from controllers.pe.ip_vrf import IpVrf
from controllers.pe.outputs import Output, WakeAt
from controllers.wire.attributes import PathAttributes
from controllers.wire.types import IpAddress, RouteKey, RouteTarget
from controllers.wire.vpn import RtMembership


class VrfConfig(Protocol):
    """What must be known of an IP-VRF."""

    @property
    def vrf(self) -> int:
        """Its number."""

    @property
    def label(self) -> int:
        """What others send with."""

    @property
    def import_rts(self) -> tuple[RouteTarget, ...]:
        """The routes it takes in."""

    @property
    def prefixes(self) -> tuple[IpNetwork, ...]:
        """Announced, and lead nowhere else."""


class DomainConfig(Protocol):
    """What must be known of a bridge domain."""

    @property
    def bd(self) -> int:
        """Its number."""

    @property
    def acs(self) -> tuple[AcConfig, ...]:
        """Its circuits."""

    @property
    def import_rts(self) -> tuple[RouteTarget, ...]:
        """The routes it takes in."""


class PeConfig(Protocol):
    """What must be known of a PE."""

    @property
    def loopback(self) -> IpAddress:
        """Its address, and the BGP next hop of its routes."""

    @property
    def asn(self) -> int:
        """Its autonomous system."""

    @property
    def stale_time(self) -> float:
        """How long routes outlive the last BGP session, in seconds; 0 drops them at once."""

    @property
    def vrfs(self) -> Sequence[VrfConfig]:
        """Its IP-VRFs."""


class Domain(Protocol):
    """The decisions of one bridge domain."""

    @property
    def config(self) -> DomainConfig:
        """What it was told."""

    def start(self) -> None:
        """Bring the bridge domain into being."""

    def mac_learned(self, attachment: int, mac: int, /) -> None:
        """A frame from `mac` came in."""

    def set_ac(self, ac: int, *, up: bool) -> None:
        """A circuit came up, or went down with all MACs behind it."""

    def next_hop_changed(self, pe: IpAddress) -> None:
        """Another PE became reachable, or is not any more."""


ConfigT = TypeVar("ConfigT", bound=PeConfig)
DomainT = TypeVar("DomainT", bound=Domain)


class PeCore(ABC, Generic[ConfigT, DomainT, TaskT, ExtraT]):
    """One PE. Those who build on it say what else they hear of, and how they read a route."""

    def __init__(
        self,
        context: Context[ConfigT, TaskT, ExtraT],
        domains: Iterable[DomainT],
        ip_vrfs: Mapping[int, IpVrf],
    ) -> None:
        self.config = context.config
        self._context = context
        self._domains = {domain.config.bd: domain for domain in domains}
        self._of_ac = {ac.ac: domain for domain in self._domains.values() for ac in domain.config.acs}
        self._ip_vrfs = ip_vrfs
        self._intake = Intake(context.effects, self._read)
        self._wake: float | None = None
        self._handlers: dict[type, Callable[[Any], None]] = {
            RouteEvent: self._intake.route,
            PeerEvent: self._peer,
            EndOfRibEvent: self._intake.end_of_rib,
            ev.AcUp: lambda event: self._set_ac(event.ac, up=True),
            ev.AcDown: lambda event: self._set_ac(event.ac, up=False),
            ev.NextHopChanged: self._next_hop_changed,
            ev.Tick: self._tick,
        }
        for learned in (ev.MacLearned, ev.RarpSeen):
            self._in_domain(learned, lambda domain, event: domain.mac_learned(event.ac, event.mac))

    def _in_domain(self, event: type, act: Callable[[DomainT, Any], None]) -> None:
        """Have events of a type handled by the bridge domain that they name in `bd`."""

        def handle(event: Any) -> None:
            domain = self._domains.get(event.bd)
            if domain is not None:
                act(domain, event)

        self._handlers[event] = handle

    @abstractmethod
    def _read(self, key: RouteKey, route: Route) -> Iterable[tuple[Table, Any]]:
        """Read a route for every table that imports it."""

    @abstractmethod
    def _run(self, task: TaskT) -> None:
        """Do what was promised."""

    @property
    def desired(self) -> tuple[object, ...]:
        """The whole desired state, for a switch that starts anew."""
        return tuple(self._context.effects.desired.values())

    @property
    def originated(self) -> tuple[Route, ...]:
        """Every route this PE announces, for a session that starts anew."""
        return tuple(self._context.effects.originated.values())

    def start(self, now: float) -> list[Output | ExtraT]:
        """Bring up what the configuration names, and ask for the routes that it imports (RFC 4684 §3.2)."""
        self._context.now = now
        effects, config = self._context.effects, self.config
        targets = {target for domain in self._domains.values() for target in domain.config.import_rts}
        targets |= {target for vrf in config.vrfs for target in vrf.import_rts}
        for target in sorted(targets):
            membership = RtMembership.of(config.asn, target)
            effects.announce(Route(membership, PathAttributes(next_hop=config.loopback)))
        for vrf in config.vrfs:
            effects.set(ServiceLabel(vrf.label, IpVrfLabel(vrf.vrf)))
            for prefix in vrf.prefixes:
                self._ip_vrfs[vrf.vrf].connect(prefix, None, None)
        for domain in self._domains.values():
            domain.start()
        return self._finish()

    def handle(self, event: object, now: float) -> list[Output | ExtraT]:
        """Decide what follows from one event.

        Events about what is not configured here lead to nothing, nor do those that only another core needs.
        """
        self._context.now = now
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)
        return self._finish()

    def _finish(self) -> list[Output | ExtraT]:
        wake = self._context.agenda.next_time()
        if wake is not None and wake != self._wake:
            self._context.effects.emit(WakeAt(wake))
        self._wake = wake
        return self._context.effects.take()

    def _peer(self, event: PeerEvent) -> None:
        stale_time = self.config.stale_time
        if stale_time > 0:
            self._intake.peer(event)
            self._context.agenda.schedule(DropStale(), self._context.now + stale_time)

    def _set_ac(self, ac: int, *, up: bool) -> None:
        domain = self._of_ac.get(ac)
        if domain is not None:
            domain.set_ac(ac, up=up)

    def _next_hop_changed(self, event: ev.NextHopChanged) -> None:
        self._context.metrics[event.pe] = event.metric
        for domain in self._domains.values():
            domain.next_hop_changed(event.pe)
        for table in self._ip_vrfs.values():
            table.next_hop_changed(event.pe)

    def _tick(self, _: ev.Tick) -> None:
        self._wake = None
        for task in self._context.agenda.due(self._context.now):
            if isinstance(task, DropStale):
                self._intake.drop_stale()
            else:
                self._run(task)


Core: TypeAlias = PeCore[Any, Any, Any, Any]
"""Any of them."""
