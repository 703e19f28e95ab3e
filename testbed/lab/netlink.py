"""Route netlink, as much as a lab needs: veth pairs, links, addresses, routes, traffic control.

One socket belongs to the network namespace it was opened in. Requests go out as one datagram and are
acknowledged one by one, so that a re-plug of a patch cable is one system call, not four processes.
Message formats: linux/rtnetlink.h, linux/if_link.h, linux/pkt_cls.h.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Self, final

_HEADER = struct.Struct("=IHHII")
_IFINFO = struct.Struct("=BxHiII")
_TC = struct.Struct("=BxxxiIII")
_ATTRIBUTE = struct.Struct("=HH")

_REQUEST, _ACK, _EXCL, _CREATE = 0x001, 0x004, 0x200, 0x400
_ERROR, _NEWLINK, _DELLINK, _GETLINK = 2, 16, 17, 18
_NEWADDR, _NEWROUTE = 20, 24
_NEWQDISC, _DELQDISC, _NEWTFILTER, _DELTFILTER = 36, 37, 44, 45

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO, _IFLA_NET_NS_PID, _IFLA_CARRIER = 1, 3, 4, 18, 19, 33
_NESTED = 0x8000
_IFF_UP, _IFF_NOARP = 0x1, 0x80
_INGRESS, _INGRESS_HANDLE = 0xFFFFFFF1, 0xFFFF0000
_ETH_P_ALL = 0x0300  # network byte order
_REDIRECT_OUT, _STOLEN = 1, 4
_FILTER_INFO = (1 << 16) | _ETH_P_ALL


@final
class NetlinkError(OSError):
    """The kernel refused a request."""


@contextlib.contextmanager
def ignoring(*codes: int) -> Iterator[None]:
    """Carry on where the kernel refuses a request for one of these reasons (of `errno`)."""
    try:
        yield
    except NetlinkError as error:
        if error.errno not in codes:
            raise


def attribute(kind: int, data: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    length = _ATTRIBUTE.size + len(data)
    return _ATTRIBUTE.pack(length, kind) + data + bytes(-length % 4)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes in `data`; stops at the first that lies about its length."""
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= length <= len(data):
            return
        yield kind & ~_NESTED, data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]


def _name(name: str) -> bytes:
    return name.encode() + b"\0"


def _mac(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


@final
class Request:
    """One message, not yet sent; `what` is for the error text."""

    __slots__ = ("body", "flags", "kind", "what")

    def __init__(self, kind: int, flags: int, body: bytes, what: str) -> None:
        self.kind, self.flags, self.body, self.what = kind, flags, body, what


def veth(
    name: str,
    peer: str,
    *,
    mac: str | None = None,
    peer_mac: str | None = None,
    peer_netns: int | None = None,
    mtu: int = 1500,
) -> Request:
    """Create a veth pair, both ends down; the peer in the network namespace of the process `peer_netns`."""

    def end(interface: str, address: str | None, netns: int | None) -> bytes:
        parts = attribute(_IFLA_IFNAME, _name(interface)) + attribute(_IFLA_MTU, struct.pack("=I", mtu))
        if address:
            parts += attribute(_IFLA_ADDRESS, _mac(address))
        if netns is not None:
            parts += attribute(_IFLA_NET_NS_PID, struct.pack("=I", netns))
        return parts

    peer_info = attribute(1 | _NESTED, _IFINFO.pack(0, 0, 0, 0, 0) + end(peer, peer_mac, peer_netns))
    info = attribute(1, _name("veth")) + attribute(2 | _NESTED, peer_info)
    body = _IFINFO.pack(0, 0, 0, 0, 0) + end(name, mac, None) + attribute(_IFLA_LINKINFO | _NESTED, info)
    return Request(_NEWLINK, _CREATE | _EXCL, body, f"create {name} -- {peer}")


def link(index: int, *, up: bool, arp: bool = True) -> Request:
    """Set a link up or down, with or without the kernel's ARP."""
    flags = (_IFF_UP if up else 0) | (0 if arp else _IFF_NOARP)
    return Request(_NEWLINK, 0, _IFINFO.pack(0, 0, index, flags, _IFF_UP | _IFF_NOARP), f"set link {index}")


def delete_link(index: int) -> Request:
    """Remove a link; of a veth pair both ends go."""
    return Request(_DELLINK, 0, _IFINFO.pack(0, 0, index, 0, 0), f"delete link {index}")


def address(index: int, interface: IPv4Interface | IPv6Interface) -> Request:
    """Give a link an address; IPv6 without duplicate detection."""
    family = socket.AF_INET if interface.version == 4 else socket.AF_INET6
    flags = 0 if interface.version == 4 else 0x02  # IFA_F_NODAD
    body = struct.pack("=BBBBI", family, interface.network.prefixlen, flags, 0, index)
    body += attribute(2, interface.packed) + attribute(1, interface.packed)
    return Request(_NEWADDR, _CREATE | _EXCL, body, f"add address {interface}")


def default_route(index: int, gateway: IPv4Address | IPv6Address) -> Request:
    """A default route by way of `gateway`."""
    family = socket.AF_INET if gateway.version == 4 else socket.AF_INET6
    main, static, universe, unicast = 254, 4, 0, 1
    body = struct.pack("=BBBBBBBBI", family, 0, 0, 0, main, static, universe, unicast, 0)
    body += attribute(5, gateway.packed) + attribute(4, struct.pack("=I", index))
    return Request(_NEWROUTE, _CREATE | _EXCL, body, f"add default route by {gateway}")


def add_ingress(index: int) -> Request:
    """Give a link an ingress queueing discipline, which filters hang on."""
    body = _TC.pack(0, index, _INGRESS_HANDLE, _INGRESS, 0) + attribute(1, _name("ingress"))
    return Request(_NEWQDISC, _CREATE | _EXCL, body, f"add ingress qdisc to link {index}")


def redirect(index: int, to: int) -> Request:
    """Everything that comes in on `index` goes out on `to` (needs `add_ingress`).

    A u32 filter that matches every packet, ending in the action mirred.
    """
    terminal, keys = 1, 1
    selector = struct.pack("=BBBxHHhhI", terminal, 0, keys, 0, 0, 0, 0, 0) + bytes(16)
    mirred = struct.pack("=IIiiiiI", 0, 0, _STOLEN, 0, 0, _REDIRECT_OUT, to)
    act = attribute(1, _name("mirred")) + attribute(2 | _NESTED, attribute(2, mirred))
    options = attribute(5, selector) + attribute(7 | _NESTED, attribute(1 | _NESTED, act))
    body = _TC.pack(0, index, 0, _INGRESS_HANDLE, _FILTER_INFO)
    body += attribute(1, _name("u32")) + attribute(2 | _NESTED, options)
    return Request(_NEWTFILTER, _CREATE | _EXCL, body, f"redirect link {index} to {to}")


def remove_filter(index: int) -> Request:
    """Take away what `redirect` put there."""
    body = _TC.pack(0, index, 0, _INGRESS_HANDLE, _FILTER_INFO)
    return Request(_DELTFILTER, 0, body, f"remove filter of link {index}")


@final
class Netlink:
    """A route netlink socket of the namespace that the calling thread is in when it is made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.bind((0, 0))
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def send(self, *requests: Request) -> None:
        """Send all requests at once. Raises `NetlinkError` for the first that failed, after all answers."""
        datagram = bytearray()
        pending: dict[int, Request] = {}
        for request in requests:
            self._sequence += 1
            pending[self._sequence] = request
            length = _HEADER.size + len(request.body)
            flags = _REQUEST | _ACK | request.flags
            datagram += _HEADER.pack(length, request.kind, flags, self._sequence, 0) + request.body
        self._socket.send(datagram)
        failed: NetlinkError | None = None
        while pending:
            for kind, sequence, body in self._receive():
                if kind == _ERROR and sequence in pending:
                    request = pending.pop(sequence)
                    code = -struct.unpack_from("=i", body)[0]
                    if code and failed is None:
                        failed = NetlinkError(code, f"{request.what}: {os.strerror(code)}")
        if failed:
            raise failed

    def index(self, name: str) -> int:
        """Index of an interface; `NetlinkError` (ENODEV) if there is none."""
        return self._get(name)[0]

    def carrier(self, name: str) -> bool:
        """Is a cable plugged in at the other end, and both ends up?"""
        return self._get(name)[1].get(_IFLA_CARRIER, b"\0")[0] == 1

    def _get(self, name: str) -> tuple[int, dict[int, bytes]]:
        self._sequence += 1
        body = _IFINFO.pack(0, 0, 0, 0, 0) + attribute(_IFLA_IFNAME, _name(name))
        length = _HEADER.size + len(body)
        self._socket.send(_HEADER.pack(length, _GETLINK, _REQUEST, self._sequence, 0) + body)
        while True:
            for kind, sequence, answer in self._receive():
                if sequence != self._sequence:
                    continue
                if kind == _ERROR:
                    code = -struct.unpack_from("=i", answer)[0]
                    raise NetlinkError(code, f"{name}: {os.strerror(code)}")
                return _IFINFO.unpack_from(answer)[2], dict(attributes(answer[_IFINFO.size :]))

    def _receive(self) -> Iterator[tuple[int, int, bytes]]:
        """Kind, sequence and body of every message of the next datagram."""
        data = self._socket.recv(65536)
        while len(data) >= _HEADER.size:
            length, kind, _, sequence, _ = _HEADER.unpack_from(data)
            yield kind, sequence, data[_HEADER.size : length]
            data = data[(length + 3) & ~3 :]
