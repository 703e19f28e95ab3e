"""The speaker: sockets, neighbours and one engine, on the running event loop."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from ipaddress import IPv4Address
from typing import Final, Self, final

from controllers.bgp.config import BGP_PORT, PeerConfig, SpeakerConfig
from controllers.bgp.engine import Engine
from controllers.bgp.neighbor import Neighbor
from controllers.bgp.policy import Policy
from controllers.bgp.routes import EndOfRibEvent, PeerEvent, Route, RouteEvent
from controllers.runtime.bgp.peer import Peer
from controllers.runtime.bgp.status import PeerStatus, RibView
from controllers.runtime.bgp.transport import BgpConnection
from controllers.runtime.bgp.turns import Turn, turns
from controllers.wire.attributes import PathAttributes
from controllers.wire.errors import CeaseSubcode
from controllers.wire.extended import EsImport
from controllers.wire.nlri import key_of
from controllers.wire.types import EVPN, RT_CONSTRAINT, Family, IpAddress, RouteKey, RouteTarget
from controllers.wire.vpn import RtMembership

log = logging.getLogger(__name__)

MANY: Final = 16
REST_EACH: Final = 0.001
REST: Final = 0.05
"""After a flush of many routes the next one waits, so many seconds for each and `REST` at most: where many
come, more are coming, and to tell them together costs all who listen less. A few are told at once."""


@final
class Speaker:
    """A BGP speaker on the running event loop: `async with Speaker(...)`, or `start` and `stop`.

    `on_routes` hears of changed best paths in batches, in order, as soon as they are known; `on_peer` of
    sessions; `on_end_of_rib` of complete tables. They are called on the event loop and must not block.
    `rib` shows the tables.
    """

    def __init__(
        self,
        config: SpeakerConfig,
        *,
        on_routes: Callable[[Sequence[RouteEvent]], None] | None = None,
        on_peer: Callable[[PeerEvent], None] | None = None,
        on_end_of_rib: Callable[[EndOfRibEvent], None] | None = None,
    ) -> None:
        self.config = config
        self._engine = Engine(config, want_events=on_routes is not None)
        self.rib = RibView(self._engine)
        self._on_routes = on_routes
        self._on_peer = on_peer
        self._on_end_of_rib = on_end_of_rib
        self.strangers: Counter[IpAddress] = Counter()
        """Connections from addresses that no peer has, which are refused."""
        self._peers: dict[IpAddress, Peer] = {}
        self._server: asyncio.Server | None = None
        self._flush_turn: Turn | None = None
        self._rest: asyncio.TimerHandle | None = None
        """Runs while a flush has to wait."""
        self._running = False
        self._targets: dict[RouteTarget | EsImport, RtMembership] = {}
        for peer in config.peers:
            self._add(peer)

    def _add(self, config: PeerConfig) -> Peer:
        """Take on a neighbour. A client that knows RT constraint is told that we want everything."""
        peer = self._peers[config.address] = Peer(config, self.config, self._engine, self)
        if config.client and RT_CONSTRAINT in config.families:
            self._engine.announce(self._membership(RtMembership.everything()))
        return peer

    def _membership(self, membership: RtMembership) -> Route:
        return Route(membership, PathAttributes(next_hop=self.config.address))

    async def start(self, *, resumed: bool = False) -> None:
        """Listen, and connect to the neighbours. Raises OSError if the address cannot be bound.

        `resumed`: the forwarding state of a speaker before this one is in use (RFC 4724 §4.1).
        """
        if self.config.listen:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: BgpConnection(self._admit, outgoing=False),
                str(self.config.address),
                self.config.port,
            )
        self._running = True
        for peer in self._peers.values():
            peer.start(resumed=resumed)
        self.tables_changed()

    async def stop(self) -> None:
        """End all sessions with a NOTIFICATION and stop listening."""
        self._end_rest()
        if self._flush_turn is not None:
            self._flush()
        self._running = False
        self._end_rest()
        for peer in self._peers.values():
            peer.stop(CeaseSubcode.ADMINISTRATIVE_SHUTDOWN, "stopped")
        if self._server is not None:
            self._server.close()
            self._server = None
        await asyncio.sleep(0)

    def abort(self) -> None:
        """End without a word: connections break, as when a process dies."""
        self._running = False
        self._end_rest()
        if self._flush_turn is not None:
            self._flush_turn.cancel()
        for peer in self._peers.values():
            peer.abort()
        if self._server is not None:
            self._server.close()
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The port listened on; of interest where the configuration says 0."""
        return self._server.sockets[0].getsockname()[1] if self._server is not None else self.config.port

    def announce(self, *routes: Route) -> None:
        """Originate routes, or change them. Raises ValueError for one without next hop."""
        for route in routes:
            self._engine.announce(route)
        self.tables_changed()

    def withdraw(self, *keys: RouteKey) -> None:
        """Originate routes no longer. What is announced in the same turn of the loop is sent before."""
        for key in keys:
            self._engine.withdraw(key)
        self.tables_changed()

    def set_targets(self, targets: Iterable[RouteTarget | EsImport]) -> None:
        """Ask neighbours that know RT constraint for routes with these targets, and no others (RFC 4684)."""
        wanted = {target: RtMembership.of(self.config.local_as, target) for target in targets}
        gone = [membership for target, membership in self._targets.items() if target not in wanted]
        self._targets = wanted
        self.announce(*(self._membership(membership) for membership in wanted.values()))
        self.withdraw(*(key_of(membership) for membership in gone))

    def peers(self) -> list[PeerStatus]:
        """The neighbours as they are now."""
        return [peer.status for peer in self._peers.values()]

    def add_peer(self, config: PeerConfig) -> None:
        """Take on another neighbour. Raises ValueError for an address already taken."""
        if config.address in self._peers:
            raise ValueError(f"there is a peer {config.address} already")
        peer = self._add(config)
        if self._running:
            peer.start()
            self.tables_changed()

    def remove_peer(self, address: IpAddress) -> None:
        """Give up a neighbour. Raises KeyError for one that is not there."""
        self._peers.pop(address).stop(CeaseSubcode.PEER_DECONFIGURED, "removed")

    def reset_peer(self, address: IpAddress) -> None:
        """End a session and begin it anew. Raises KeyError for a peer that is not there."""
        peer = self._peers[address]
        peer.stop(CeaseSubcode.ADMINISTRATIVE_RESET, "reset")
        peer.start()

    def request_refresh(self, address: IpAddress, family: Family = EVPN) -> bool:
        """Ask a neighbour for its routes again (RFC 2918). False if it is down or cannot."""
        return self._peers[address].request_refresh(family)

    def set_policies(
        self, address: IpAddress, *, import_policy: Policy | None = None, export_policy: Policy | None = None
    ) -> None:
        """Replace a neighbour's policies while its session is up; nothing need be sent again by it."""
        neighbor = self._peers[address].neighbor
        if neighbor is not None:
            self._engine.set_policies(neighbor, import_policy, export_policy)
            self.tables_changed()

    def _admit(self, connection: BgpConnection) -> Peer | None:
        """Find the peer that a connection from outside belongs to."""
        address = connection.remote_address
        peer = self._peers.get(address)
        if peer is None:
            if address not in self.strangers:
                log.info("%s: connection refused: not a peer", address)
            self.strangers[address] += 1
        return peer

    # What peers tell: `peer.Hooks`.

    # Callbacks run as turns of their own: an error in one is the caller's and harms no session.

    def peer_changed(self, peer: Peer, up: bool, reason: str) -> None:
        """See `Hooks`."""
        # What the neighbour said last is told after its end: who keeps its routes must know it first.
        if self._flush_turn is not None and not up:
            self._flush_turn.cancel()
            self._flush_turn = None
        if self._on_peer is not None:
            event = PeerEvent(peer.config.address, up, reason)
            turns().add(partial(self._on_peer, event))

    def end_of_rib(self, peer: Peer, family: Family) -> None:
        """See `Hooks`. The routes before it are reported first."""
        self._end_rest()
        self.tables_changed()
        if self._on_end_of_rib is not None:
            event = EndOfRibEvent(peer.config.address, family)
            turns().add(partial(self._on_end_of_rib, event))

    def tables_changed(self) -> None:
        """See `Hooks`. Flushes when the loop has nothing left to read, and has rested after many routes."""
        if self._flush_turn is None and self._rest is None and self._running:
            self._flush_turn = turns().add(self._flush)

    def _end_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
            self.tables_changed()

    def _flush(self) -> None:
        if self._flush_turn is not None:
            self._flush_turn.cancel()
            self._flush_turn = None
        routes = self._engine.changed
        if routes >= MANY:
            rest = min(routes * REST_EACH, REST)
            self._rest = asyncio.get_running_loop().call_later(rest, self._end_rest)
        for neighbor, messages in self._engine.flush().items():
            self._write(neighbor, messages)
        if self._engine.busy:
            self.tables_changed()
        events = self._engine.take_events()
        if events and self._on_routes is not None:
            self._on_routes(events)

    def _write(self, neighbor: Neighbor, messages: list[bytes]) -> None:
        peer = self._peers.get(neighbor.config.address)
        if peer is not None and peer.neighbor is neighbor:
            peer.write(messages)


def reflector(
    local_as: int,
    router_id: IPv4Address,
    address: IpAddress,
    clients: Iterable[IpAddress],
    *,
    port: int = BGP_PORT,
    families: tuple[Family, ...] = (EVPN,),
) -> Speaker:
    """A route reflector that waits for its clients to connect (RFC 4456)."""
    peers = tuple(
        PeerConfig(client, local_as, families=families, passive=True, client=True, restart_time=0)
        for client in clients
    )
    return Speaker(SpeakerConfig(local_as, router_id, address, port, peers))
