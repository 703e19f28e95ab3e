"""The MAC table of a VPLS instance: learned from frames, on circuits and pseudo-wires alike (RFC 4761
§4.2.3).

Nothing is told to anybody: where a MAC is, each PE finds out for itself, and forgets when told that a
pseudo-wire is gone. Both cost one table write per MAC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, final

from controllers.intents import LocalAc, MacEntry, ViaPseudoWire
from controllers.pe.outputs import AlarmCode, Note
from controllers.vpls.config import VplsConfig
from controllers.vpls.context import Context

Attachment: TypeAlias = LocalAc | ViaPseudoWire


@final
class MacTable:
    """Which MAC is behind which attachment. `moved` is told of each that came, went or changed its place."""

    def __init__(self, context: Context, config: VplsConfig, moved: Callable[[int], None]) -> None:
        self._context = context
        self._config = config
        self._moved = moved
        self._limits = {ac.ac: ac.mac_limit for ac in config.acs}
        self._where: dict[int, int] = {}
        self._behind: dict[int, set[int]] = {}
        self._attachments: dict[int, Attachment] = {}

    @property
    def attachments(self) -> Mapping[int, Attachment]:
        """The attachments that frames may come from, by number."""
        return self._attachments

    def via(self, mac: int) -> Attachment | None:
        """Where a MAC is."""
        number = self._where.get(mac)
        return None if number is None else self._attachments[number]

    def behind(self, number: int) -> int:
        """How many MACs are behind an attachment."""
        return len(self._behind.get(number, ()))

    def attach(self, number: int, attachment: Attachment) -> None:
        """Learn from an attachment from now on."""
        self._attachments[number] = attachment

    def detach(self, number: int) -> None:
        """Forget an attachment and flush the MACs behind it (RFC 4762 §6.2)."""
        self.flush(number)
        self._attachments.pop(number, None)

    def flush(self, number: int) -> None:
        """Forget the MACs behind an attachment."""
        flushed = sorted(self._behind.get(number, ()))
        for mac in flushed:
            self.forget(mac)
        if flushed:
            self._context.effects.emit(
                Note("flushed", self._config.bd, detail=f"{len(flushed)} MACs of attachment {number}")
            )

    def flush_all(self) -> None:
        """Forget all MACs."""
        for number in tuple(self._behind):
            self.flush(number)

    def learn(self, number: int, mac: int) -> None:
        """A frame from `mac` came in."""
        attachment = self._attachments.get(number)
        before = self._where.get(mac)
        if attachment is None or mac == 0 or mac >> 40 & 1 or before == number:
            return
        if self._circuit_full(number) or (before is None and self._full()):
            return
        if before is not None:
            self._leave(before, mac)
        self._where[mac] = number
        self._behind.setdefault(number, set()).add(mac)
        self._context.effects.set(MacEntry(self._config.bd, mac, attachment))
        came_from = "" if before is None else f" from {before}"
        self._context.effects.emit(
            Note("learned", self._config.bd, mac, None, f"attachment {number}{came_from}")
        )
        self._moved(mac)

    def _circuit_full(self, number: int) -> bool:
        limit = self._limits.get(number)
        if limit is None or self.behind(number) < limit:
            return False
        bd = self._config.bd
        self._context.effects.alarm(
            AlarmCode.MAC_LIMIT, (bd, number), f"bd {bd}: ac {number} has its {limit} MACs"
        )
        return True

    def _full(self) -> bool:
        limit = self._config.mac_limit
        if limit is None or len(self._where) < limit:
            return False
        bd = self._config.bd
        self._context.effects.alarm(AlarmCode.MAC_LIMIT, bd, f"bd {bd} has its {limit} MACs")
        return True

    def forget(self, mac: int) -> None:
        """A MAC is not where it was: aged, flushed or taken by the gateway."""
        number = self._where.pop(mac, None)
        if number is None:
            return
        self._leave(number, mac)
        self._context.effects.unset(("MacEntry", self._config.bd, mac))
        self._context.effects.clear_alarm(AlarmCode.MAC_LIMIT, self._config.bd)
        self._context.effects.clear_alarm(AlarmCode.GATEWAY_IP_CLAIMED, (self._config.bd, mac))
        self._moved(mac)

    def _leave(self, number: int, mac: int) -> None:
        self._behind[number].discard(mac)
        self._context.effects.clear_alarm(AlarmCode.MAC_LIMIT, (self._config.bd, number))
