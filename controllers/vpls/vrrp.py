"""The virtual router's state machine (RFC 5798 §6): a value, an event and the time in, actions out."""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeAlias, final

from msgspec import Struct

from controllers.vpls.config import VrrpConfig
from controllers.wire.types import IpAddress

OWNER_PRIORITY: Final = 255
STOPPING_PRIORITY: Final = 0


class VrrpState(Enum):
    """RFC 5798 §6.4."""

    INITIALIZE = "initialize"
    BACKUP = "backup"
    MASTER = "master"


@final
class Advertisement(Struct, frozen=True):
    """What a master says (RFC 5798 §5.2): `source` is its own address, `interval` in seconds."""

    vrid: int
    priority: int
    interval: float
    addresses: tuple[IpAddress, ...]
    source: IpAddress


@final
class Send(Struct, frozen=True):
    """Send an advertisement with this priority."""

    priority: int


@final
class BecameMaster(Struct, frozen=True):
    """Take over the virtual address and MAC, and tell the hosts by gratuitous ARP."""


@final
class BecameBackup(Struct, frozen=True):
    """Give up the virtual address and MAC."""


Action: TypeAlias = Send | BecameMaster | BecameBackup


@final
class VirtualRouter:
    """One PE's part in a virtual router. `deadline` is when `tick` is to be called, None for never."""

    def __init__(self, config: VrrpConfig) -> None:
        self._config = config
        self._master_interval = config.interval
        self.state = VrrpState.INITIALIZE
        self.deadline: float | None = None

    @property
    def skew_time(self) -> float:
        """The lower the priority, the longer a backup waits (RFC 5798 §6.1)."""
        return (256 - self._config.priority) * self._master_interval / 256

    @property
    def master_down_interval(self) -> float:
        """How long a silent master is believed to be there (RFC 5798 §6.1)."""
        return 3 * self._master_interval + self.skew_time

    def start(self, now: float) -> list[Action]:
        """RFC 5798 §6.4.1."""
        if self._config.priority == OWNER_PRIORITY:
            return self._become_master(now)
        self.state = VrrpState.BACKUP
        self._master_interval = self._config.interval
        self.deadline = now + self.master_down_interval
        return []

    def resume(self, now: float) -> list[Action]:
        """Go on as master where this router was one before it started anew."""
        return self._become_master(now) if self.state is VrrpState.BACKUP else []

    def stop(self) -> list[Action]:
        """Leave: a master says so, which lets a backup take over at once."""
        was_master = self.state is VrrpState.MASTER
        self.state, self.deadline = VrrpState.INITIALIZE, None
        return [Send(STOPPING_PRIORITY), BecameBackup()] if was_master else []

    def tick(self, now: float) -> list[Action]:
        """The deadline may have come."""
        if self.deadline is None or now < self.deadline:
            return []
        if self.state is VrrpState.BACKUP:
            return self._become_master(now)
        self.deadline = now + self._config.interval
        return [Send(self._config.priority)]

    def heard(self, advertisement: Advertisement, now: float) -> list[Action]:
        """Another router of this virtual router advertised; the owner of the address discards it (§7.1)."""
        if self._config.priority == OWNER_PRIORITY:
            return []
        if self.state is VrrpState.BACKUP:
            self._heard_as_backup(advertisement, now)
            return []
        if self.state is VrrpState.MASTER:
            return self._heard_as_master(advertisement, now)
        return []

    # RFC 5798 §6.4.2
    def _heard_as_backup(self, advertisement: Advertisement, now: float) -> None:
        if advertisement.priority == STOPPING_PRIORITY:
            self.deadline = now + self.skew_time
        elif not self._config.preempt or advertisement.priority >= self._config.priority:
            self._master_interval = advertisement.interval
            self.deadline = now + self.master_down_interval

    # RFC 5798 §6.4.3
    def _heard_as_master(self, advertisement: Advertisement, now: float) -> list[Action]:
        config = self._config
        if advertisement.priority == STOPPING_PRIORITY:
            self.deadline = now + config.interval
            return [Send(config.priority)]
        theirs = (advertisement.priority, int(advertisement.source))
        if theirs <= (config.priority, int(config.source)):
            return []
        self.state = VrrpState.BACKUP
        self._master_interval = advertisement.interval
        self.deadline = now + self.master_down_interval
        return [BecameBackup()]

    def _become_master(self, now: float) -> list[Action]:
        self.state = VrrpState.MASTER
        self.deadline = now + self._config.interval
        return [Send(self._config.priority), BecameMaster()]
