"""What waits to be sent to one controller: bounded, so that a controller that stops reading costs nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, final

MAX_BYTES: Final = 8 << 20
MAX_MESSAGES: Final = 16384
"""Packet-ins, digests and notifications that may wait for one client; more are dropped and counted."""

MAX_NOTICES: Final = 256
"""Arbitration notices on top of that; a client that lets more pile up is disconnected."""


@final
class Outbox:
    """Serialized stream messages on their way to one client."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._ready = asyncio.Event()
        self.dropped = 0
        self.overrun = False
        """The client has to be disconnected."""

    def put(self, message: bytes) -> bool:
        """Queue a message that may be lost; False: it was."""
        if len(self._messages) >= MAX_MESSAGES or self._bytes + len(message) > MAX_BYTES:
            self.dropped += 1
            return False
        self._append(message)
        return True

    def put_notice(self, message: bytes) -> None:
        """Queue a message that must not be lost."""
        if len(self._messages) >= MAX_MESSAGES + MAX_NOTICES:
            self.overrun = True
        else:
            self._append(message)

    def _append(self, message: bytes) -> None:
        self._messages.append(message)
        self._bytes += len(message)
        self._ready.set()

    async def take(self) -> bytes:
        """The next message, when there is one."""
        while not self._messages:
            self._ready.clear()
            await self._ready.wait()
        message = self._messages.popleft()
        self._bytes -= len(message)
        return message

    @property
    def empty(self) -> bool:
        """Nothing waits."""
        return not self._messages
