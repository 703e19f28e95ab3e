"""One decision core, with routes of other PEs made by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address

import pytest

from controllers.bgp.routes import Route, RouteEvent
from controllers.evpn.config import PeConfig
from controllers.evpn.events import Event, MacLearned, NeighborKind, NeighborSeen, NextHopChanged, Tick
from controllers.evpn.originate import Originator
from controllers.evpn.pe import EvpnPe
from controllers.evpn.simulation import STRETCHED_BD, Lan, stretched_lan
from controllers.intents import Intent, Key, Set, Unset
from controllers.pe.outputs import Alarm, AlarmCode, Announce, Output, Probe, WakeAt, Withdraw
from controllers.wire.evpn import MacIpAdvertisement
from controllers.wire.extended import MacMobility
from controllers.wire.types import IpAddress, RouteKey

SITES = ("pe1", "pe2", "pe3", "pe4")


class Bench:
    """The core of pe2 (10.255.0.2) with its tables and routes; pe1, pe3 and pe4 are played by the test."""

    def __init__(self, lan: Lan, change: Callable[[PeConfig], PeConfig]) -> None:
        configs = stretched_lan(SITES, lan, branch="branch")
        self.configs = {config.name: config for config in configs}
        self.now = 1000.0
        self.tables: dict[Key, Intent] = {}
        self.routes: dict[RouteKey, Route] = {}
        self.wake: float | None = None
        self.core = EvpnPe(change(self.configs["pe2"]))
        for config in configs:
            self.send(NextHopChanged(config.loopback, 1))
        self._carry_out(self.core.start(self.now))

    def _carry_out(self, outputs: list[Output]) -> list[Output]:
        for output in outputs:
            match output:
                case Set(obj):
                    assert self.tables.get(obj.key) != obj, "a table write that changes nothing"
                    self.tables[obj.key] = obj
                case Unset(key):
                    del self.tables[key]
                case Announce(route):
                    assert self.routes.get(route.key) != route, "an update that changes nothing"
                    self.routes[route.key] = route
                case Withdraw(key):
                    del self.routes[key]
                case WakeAt(at):
                    self.wake = at
                case _:
                    pass
        return outputs

    def send(self, event: Event) -> list[Output]:
        return self._carry_out(self.core.handle(event, self.now))

    def advance(self, seconds: float) -> list[Output]:
        """Let time pass, with all timers on the way; returns everything that came of it."""
        until, outputs = self.now + seconds, []
        while self.wake is not None and self.wake <= until:
            self.now, self.wake = max(self.now, self.wake), None
            outputs += self.send(Tick())
        self.now = until
        return outputs

    # --- what happens ---------------------------------------------------------------------------------------

    def frame(self, mac: int, ac: int = 1) -> list[Output]:
        return self.send(MacLearned(STRETCHED_BD, ac, mac))

    def arp(
        self, mac: int, ip: str, ac: int = 1, kind: NeighborKind = NeighborKind.GRATUITOUS, **flags: bool
    ) -> list[Output]:
        address = ip_address(ip)
        return self.send(NeighborSeen(STRETCHED_BD, ac, kind, mac, address, address, **flags))

    def route(
        self, pe: str, mac: int, ip: str | None = None, sequence: int = 0, *, sticky: bool = False
    ) -> Route:
        config = self.configs[pe]
        originator = Originator(config)
        if ip is None:
            return originator.mac(config.bds[0], mac, sequence, sticky=sticky)
        return originator.mac_ip(
            config.bds[0],
            config.vrfs[0],
            mac,
            ip_address(ip),
            sequence,
            sticky=sticky,
            router=False,
            override=True,
        )

    def receive(self, route: Route) -> list[Output]:
        return self.send(RouteEvent(route.key, route.nlri, route))

    def withdraw(self, route: Route) -> list[Output]:
        return self.send(RouteEvent(route.key, route.nlri, None))

    def remote(
        self, pe: str, mac: int, ip: str | None = None, sequence: int = 0, *, sticky: bool = False
    ) -> list[Output]:
        return self.receive(self.route(pe, mac, ip, sequence, sticky=sticky))

    def remote_gone(self, pe: str, mac: int, ip: str | None = None) -> list[Output]:
        return self.withdraw(self.route(pe, mac, ip))

    # --- what came of it ------------------------------------------------------------------------------------

    def own(self, mac: int) -> dict[IpAddress | None, int | None]:
        """Sequence, None without community, by address of each own MAC/IP route of a MAC."""
        found: dict[IpAddress | None, int | None] = {}
        for route in self.routes.values():
            if isinstance(route.nlri, MacIpAdvertisement) and route.nlri.mac == mac:
                mobility = route.attributes.find(MacMobility)
                found[route.nlri.ip] = None if mobility is None else mobility.sequence
        return found

    def table(self, name: str, *key: object) -> Intent | None:
        return self.tables.get((name, *key))


def alarms(outputs: list[Output]) -> list[AlarmCode]:
    return [o.code for o in outputs if isinstance(o, Alarm) and not o.cleared]


def probes(outputs: list[Output]) -> list[Probe]:
    return [o for o in outputs if isinstance(o, Probe)]


@pytest.fixture
def bench() -> Bench:
    """PE 2 with all there is: active anycast gateway, symmetric IRB, type 5 host routes."""
    return Bench(Lan(), lambda config: config)


@pytest.fixture
def make_bench() -> Callable[..., Bench]:
    """Make a bench with another LAN, or with changes to the configuration of PE 2 or its bridge domain."""

    def make(lan: Lan | None = None, *, bd: dict[str, object] | None = None, **pe: object) -> Bench:
        def change(config: PeConfig) -> PeConfig:
            changed = replace(config.bds[0], **(bd or {}))  # type: ignore[arg-type]
            return replace(config, bds=(changed,), **pe)  # type: ignore[arg-type]

        return Bench(lan or Lan(), change)

    return make


@pytest.fixture
def alarms_in() -> Callable[[list[Output]], list[AlarmCode]]:
    """Codes of the alarms raised by some outputs."""
    return alarms


@pytest.fixture
def probes_in() -> Callable[[list[Output]], list[Probe]]:
    """Questions among some outputs."""
    return probes
