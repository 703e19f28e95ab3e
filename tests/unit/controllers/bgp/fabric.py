"""Engines joined by queues instead of sockets."""

from __future__ import annotations

from collections import deque
from ipaddress import IPv4Address, IPv4Network, ip_network

from msgspec.structs import replace

from controllers.bgp.config import PeerConfig, SpeakerConfig
from controllers.bgp.engine import Engine
from controllers.bgp.neighbor import Neighbor
from controllers.bgp.paths import to_route
from controllers.bgp.routes import Route, RouteEvent
from controllers.bgp.session_events import Negotiated
from controllers.wire.attributes import PathAttributes
from controllers.wire.evpn import MacIpAdvertisement
from controllers.wire.extended import ExtendedCommunity
from controllers.wire.messages import MessageReader
from controllers.wire.types import EVPN, ZERO_ESI, Family, IpAddress, RouteDistinguisher, RouteTarget
from controllers.wire.update import decode_update
from controllers.wire.vpn import VpnPrefix

TARGET = RouteTarget.parse("65000:100")


def pe(number: int) -> IPv4Address:
    """The loopback, and the identifier, of a PE."""
    return IPv4Address(f"10.255.0.{number}")


REFLECTOR = pe(100)


def mac_route(
    number: int,
    mac: int,
    *communities: ExtendedCommunity,
    ip: IpAddress | None = None,
    target: RouteTarget = TARGET,
    label: int = 16,
    **attributes: object,
) -> Route:
    """A MAC route as PE `number` announces it, with a route distinguisher of its own."""
    nlri = MacIpAdvertisement(RouteDistinguisher.of_ipv4(pe(number), 100), ZERO_ESI, 0, mac, ip, label)
    base = PathAttributes(next_hop=pe(number), extended_communities=(target, *communities))
    return Route(nlri, replace(base, **attributes))  # type: ignore[arg-type]


def vpn_route(number: int, prefix: str | IPv4Network, **attributes: object) -> Route:
    """A VPNv4 route whose distinguisher all PEs share, so that paths compete."""
    nlri = VpnPrefix(RouteDistinguisher.of_as(65000, 1), ip_network(prefix), 100 + number)
    base = PathAttributes(next_hop=pe(number), extended_communities=(TARGET,))
    return Route(nlri, replace(base, **attributes))  # type: ignore[arg-type]


class Fabric:
    """Speakers and their sessions. `settle` delivers everything; events gather per speaker."""

    def __init__(self) -> None:
        self.engines: dict[IPv4Address, Engine] = {}
        self.events: dict[IPv4Address, list[RouteEvent]] = {}
        self.sessions: dict[tuple[IPv4Address, IPv4Address], Neighbor] = {}
        self.readers: dict[tuple[IPv4Address, IPv4Address], MessageReader] = {}
        self.queues: dict[tuple[IPv4Address, IPv4Address], deque[bytes]] = {}
        self.sent: dict[tuple[IPv4Address, IPv4Address], list[bytes]] = {}

    def add(self, address: IPv4Address, asn: int = 65000, **config: object) -> Engine:
        engine = Engine(SpeakerConfig(asn, address, address, **config))  # type: ignore[arg-type]
        self.engines[address] = engine
        self.events[address] = []
        return engine

    def connect(
        self,
        a: IPv4Address,
        b: IPv4Address,
        *,
        families: tuple[Family, ...] = (EVPN,),
        a_sees: dict[str, object] | None = None,
        b_sees: dict[str, object] | None = None,
    ) -> None:
        """Bring up a session; `a_sees` is how `a` has configured `b`, and the other way round."""
        for local, remote, options in ((a, b, a_sees), (b, a, b_sees)):
            asn = self.engines[remote].config.local_as
            config = PeerConfig(remote, asn, families=families, **(options or {}))  # type: ignore[arg-type]
            restart = config.restart_time or 0
            kept = families if restart else ()
            negotiated = Negotiated(families, 90, remote, True, False, restart, kept, kept)
            self.sessions[local, remote] = self.engines[local].attach(config, negotiated, local)
            self.readers[local, remote] = MessageReader()
            self.queues[local, remote] = deque()
            self.sent[local, remote] = []

    def disconnect(self, a: IPv4Address, b: IPv4Address, *, broken: bool = False) -> float:
        """End a session; how long `a` keeps what `b` had sent."""
        for local, remote in ((b, a), (a, b)):
            kept = self.engines[local].detach(self.sessions.pop((local, remote)), broken=broken)
            self.queues[local, remote].clear()
        return kept

    def flush(self, address: IPv4Address) -> None:
        """Have one speaker say what it has to say."""
        engine = self.engines[address]
        for neighbor, messages in engine.flush().items():
            remote = neighbor.config.address
            self.queues[remote, address].append(b"".join(messages))  # type: ignore[index]
            self.sent[address, remote] += messages  # type: ignore[index]
        self.events[address] += engine.take_events()

    def deliver(self, local: IPv4Address, remote: IPv4Address) -> None:
        """Have one speaker read the next piece that another has sent."""
        data = self.queues[local, remote].popleft()
        neighbor = self.sessions[local, remote]
        for _, body in self.readers[local, remote].feed(data):
            update = decode_update(body, internal=not neighbor.source.external)
            self.engines[local].receive(neighbor, update)

    def settle(self) -> None:
        """Flush and deliver until nothing moves."""
        moving = True
        while moving:
            moving = False
            for address, engine in self.engines.items():
                if engine.busy:
                    moving = True
                    self.flush(address)
            for (local, remote), queue in self.queues.items():
                while queue:
                    moving = True
                    self.deliver(local, remote)

    def star(self, count: int, families: tuple[Family, ...] = (EVPN,)) -> None:
        """PEs 1 to `count` as clients of one reflector."""
        self.add(REFLECTOR)
        for number in range(1, count + 1):
            self.add(pe(number))
            self.connect(REFLECTOR, pe(number), families=families, a_sees={"client": True})
        self.settle()

    def known(self, address: IPv4Address, family: Family = EVPN) -> dict[str, Route]:
        """The best routes of a speaker by the text of their NLRI."""
        routes = (to_route(path) for _, path in self.engines[address].tables[family])
        return {str(route.nlri): route for route in routes}
