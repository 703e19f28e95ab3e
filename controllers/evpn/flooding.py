"""Who gets the BUM frames of one bridge domain: circuits that are up, and PEs that asked for them."""

from __future__ import annotations

from typing import NamedTuple, final

from controllers.evpn.config import BdConfig
from controllers.evpn.context import Context
from controllers.intents import FloodList, Remote
from controllers.wire.types import IpAddress, RouteKey


@final
class FloodPath(NamedTuple):
    """An inclusive multicast route: where to send copies."""

    key: RouteKey
    remote: Remote


@final
class Flooding:
    """Ingress replication (RFC 7432 §11.2)."""

    def __init__(self, context: Context, config: BdConfig) -> None:
        self._context = context
        self._config = config
        self._up = {ac.ac for ac in config.acs}
        self._remotes: dict[RouteKey, Remote] = {}

    @property
    def acs(self) -> tuple[int, ...]:
        """The circuits that are up, sorted."""
        return tuple(sorted(self._up))

    def start(self) -> None:
        """Ask the other PEs for their BUM frames."""
        self._program()
        self._context.effects.announce(self._context.originator.multicast(self._config))

    def set_ac(self, ac: int, *, up: bool) -> None:
        """A circuit came up or went down."""
        if up:
            self._up.add(ac)
        else:
            self._up.discard(ac)
        self._program()

    def received(self, path: FloodPath) -> None:
        """Take in another PE's inclusive multicast route."""
        self._remotes[path.key] = path.remote
        self._program()

    def withdrawn(self, key: RouteKey) -> None:
        """Another PE does not take part any more."""
        del self._remotes[key]
        self._program()

    def next_hop_changed(self, pe: IpAddress) -> None:
        """Send no copies to a PE that cannot be reached."""
        if any(remote.pe == pe for remote in self._remotes.values()):
            self._program()

    def _program(self) -> None:
        reachable = {remote for remote in self._remotes.values() if self._context.reachable(remote.pe)}
        remotes = sorted(reachable, key=lambda remote: (int(remote.pe), remote.label))
        self._context.effects.set(FloodList(self._config.bd, self.acs, tuple(remotes)))
