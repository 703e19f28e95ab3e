"""Whether the ports of a switch have a carrier, told by the kernel the moment it changes (rtnetlink).

P4Runtime has no port status, and gNMI is more than a lab needs: switch and controller share a kernel here.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final, final

log = logging.getLogger(__name__)

_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK = 16, 17, 18
_RTMGRP_LINK: Final = 1
_NLM_F_DUMP: Final = 0x301
_NLMSG_DONE: Final = 3
_IFLA_IFNAME: Final = 3
_IFF_LOWER_UP: Final = 1 << 16
_HEADER: Final = struct.Struct("=IHHII")
_LINK: Final = struct.Struct("=BxHiII")
_RECEIVE_BUFFER: Final = 1 << 20


@final
class CarrierWatch:
    """Calls `changed(interface, up)` for each of the interfaces at the start, then on every change.

    An interface that does not exist is down. `close` ends it.
    """

    def __init__(self, interfaces: Mapping[str, object], changed: Callable[[str, bool], None]) -> None:
        self._state: dict[str, bool | None] = dict.fromkeys(interfaces)
        self._changed = changed
        self._unseen: set[str] = set()
        """What the answer that is coming in has not named yet."""
        self._asking = self._again = False
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self._socket.bind((0, _RTMGRP_LINK))
        self._socket.setblocking(False)
        self._ask()
        asyncio.get_running_loop().add_reader(self._socket, self._readable)

    def close(self) -> None:
        """Stop watching."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _ask(self) -> None:
        request = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        header = _HEADER.pack(_HEADER.size + len(request), _RTM_GETLINK, _NLM_F_DUMP, 1, 0)
        self._unseen = set(self._state)
        self._asking, self._again = True, False
        self._socket.send(header + request)

    def _readable(self) -> None:
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                log.warning("netlink overrun (%s): asking for all links again", os.strerror(error.errno))
                # The kernel refuses a second question while it answers the first one.
                self._again = True
                if not self._asking:
                    self._ask()
                continue
            for name, up in _links(data):
                self._unseen.discard(name)
                self._tell(name, up)
            if _done(data):
                self._asking = False
                for name in sorted(self._unseen):
                    self._tell(name, False)
                if self._again:
                    self._ask()

    def _tell(self, name: str, up: bool) -> None:
        if name in self._state and self._state[name] is not up:
            self._state[name] = up
            self._changed(name, up)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _HEADER.size:
        length, kind, _flags, _sequence, _pid = _HEADER.unpack_from(data)
        if length < _HEADER.size:
            return
        yield kind, data[_HEADER.size : length]
        data = data[(length + 3) & ~3 :]


def _done(data: bytes) -> bool:
    return any(kind == _NLMSG_DONE for kind, _body in _messages(data))


def _links(data: bytes) -> Iterator[tuple[str, bool]]:
    for kind, body in _messages(data):
        if kind not in (_RTM_NEWLINK, _RTM_DELLINK) or len(body) < _LINK.size:
            continue
        family, _type, _index, flags, _change = _LINK.unpack_from(body)
        if family != socket.AF_UNSPEC:
            # Of a bridge that an interface joined or left, not of the interface.
            continue
        name = _name(body[_LINK.size :])
        if name is not None:
            yield name, kind == _RTM_NEWLINK and bool(flags & _IFF_LOWER_UP)


def _name(attributes: bytes) -> str | None:
    while len(attributes) >= 4:
        length, kind = struct.unpack_from("=HH", attributes)
        if length < 4:
            return None
        if kind == _IFLA_IFNAME:
            return attributes[4:length].rstrip(b"\0").decode("ascii", "replace")
        attributes = attributes[(length + 3) & ~3 :]
    return None
