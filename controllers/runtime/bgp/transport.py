"""One TCP connection that carries BGP messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from itertools import count
from typing import Final, Protocol, final

from controllers.wire.errors import CeaseSubcode, DecodeError, ErrorCode
from controllers.wire.messages import (
    MAX_EXTENDED_MESSAGE,
    Message,
    MessageReader,
    MessageType,
    Notification,
    decode_message,
)
from controllers.wire.types import IpAddress

WRITE_LIMIT: Final = 1 << 20
"""Bytes that may wait to be sent before a neighbour counts as slow."""

CLOSE_PATIENCE: Final = 3.0
"""Seconds that a closing connection may take to send what is left."""


class Owner(Protocol):
    """Who hears what happens on a connection. `updates_read` follows a run of `update_received`."""

    def connection_up(self, connection: BgpConnection) -> None:
        """The connection is there; called once, before anything else."""

    def connection_lost(self, connection: BgpConnection, reason: str) -> None:
        """The connection is gone, and not because this side closed it."""

    def message_received(self, connection: BgpConnection, message: Message) -> None:
        """A message other than UPDATE."""

    def update_received(self, connection: BgpConnection, body: bytes) -> None:
        """An UPDATE, undecoded. May raise DecodeError."""

    def updates_read(self, connection: BgpConnection) -> None:
        """All that had arrived is read, and UPDATEs were among it."""

    def decode_failed(self, connection: BgpConnection, error: DecodeError) -> None:
        """What arrived makes no sense; nothing more will be read."""

    def writable(self, connection: BgpConnection, ready: bool) -> None:
        """The neighbour reads too slowly (False), or has caught up again."""


@final
class BgpConnection(asyncio.Protocol):
    """Cuts the stream into messages for its owner. `id` is unique within the process.

    `find_owner` is asked once the addresses are known; None: the connection is not wanted.
    """

    _ids = count(1)

    def __init__(self, find_owner: Callable[[BgpConnection], Owner | None], *, outgoing: bool) -> None:
        self.id = next(BgpConnection._ids)
        self.outgoing = outgoing
        self._find_owner = find_owner
        self._owner: Owner | None = None
        self._reader = MessageReader()
        self._transport: asyncio.Transport | None = None
        self._closing = False
        self._written = 0
        self._taken = 0

    @property
    def local_address(self) -> IpAddress:
        """The address of this end."""
        return ip_address(self._extra("sockname"))

    @property
    def remote_address(self) -> IpAddress:
        """The address of the other end."""
        return ip_address(self._extra("peername"))

    def _extra(self, name: str) -> str:
        pair = self._transport.get_extra_info(name) if self._transport is not None else None
        return "0.0.0.0" if pair is None else str(pair[0])  # noqa: S104 - an address to show, not to bind

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP gives one
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_LIMIT)
        self._owner = self._find_owner(self)
        if self._owner is None:
            self.write(Notification(ErrorCode.CEASE, CeaseSubcode.CONNECTION_REJECTED).to_bytes())
            self.close()
        else:
            self._owner.connection_up(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._transport = None
        if not self._closing and self._owner is not None:
            self._closing = True
            self._owner.connection_lost(self, f"connection lost: {exc}" if exc else "neighbour closed")

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        if not self._closing and self._owner is not None:
            self._owner.writable(self, False)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        if not self._closing and self._owner is not None:
            self._owner.writable(self, True)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        owner = None if self._closing else self._owner
        if owner is None:
            return
        updates = False
        try:
            for kind, body in self._reader.feed(data):
                if kind == MessageType.UPDATE:
                    updates = True
                    owner.update_received(self, body)
                else:
                    owner.message_received(self, decode_message(kind, body))
                if self._closing:
                    return
        except DecodeError as error:
            owner.decode_failed(self, error)
            return
        if updates:
            owner.updates_read(self)

    def allow_extended_messages(self) -> None:
        """Accept messages of up to 65,535 bytes from now on (RFC 8654)."""
        self._reader.max_message = MAX_EXTENDED_MESSAGE

    def takes(self) -> bool:
        """True if nothing waits to be sent, or if some of it has left since this was last asked."""
        waiting = 0 if self._transport is None else self._transport.get_write_buffer_size()
        before, self._taken = self._taken, self._written - waiting
        return not waiting or self._taken > before

    def write(self, data: bytes) -> None:
        """Send bytes, unless the connection is closing."""
        if self._transport is not None and not self._closing:
            self._written += len(data)
            self._transport.write(data)

    def abort(self) -> None:
        """Break the connection; the owner hears no more of it."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Send what is left, then close; the owner hears no more of it."""
        self._closing = True
        if self._transport is not None:
            transport = self._transport
            transport.close()
            asyncio.get_running_loop().call_later(CLOSE_PATIENCE, transport.abort)
