"""Real interfaces: frames of all lengths and kinds, interfaces that come and go, delay lines.

Each test runs in a thread that has a network namespace of its own, which is gone when the thread is.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import pytest

from testbed.p4.switch.native import NativeTarget
from testbed.p4.switch.target import (
    Event,
    PacketIn,
    PortConfig,
    PortStatus,
    TableOp,
    TargetError,
    TargetOptions,
)
from tests.unit.p4.switch.native.programs import FORWARD, table_program

P = ParamSpec("P")
CLONE_NEWNET = 0x40000000
SOL_PACKET, PACKET_AUXDATA = 263, 8
CPU_PORT = 510
TAGGED = b"\2\0\0\0\0\1" + b"\2\0\0\0\0\2" + b"\x81\0" + b"\x20\x0a" + b"\x08\0"

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces and packet sockets"),
]


def in_namespace(test: Callable[P, None]) -> Callable[P, None]:
    """Run a test in a thread with a network namespace of its own."""

    @functools.wraps(test)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        failed: list[BaseException] = []

        def body() -> None:
            try:
                if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "unshare")
                test(*args, **kwargs)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]

    return wrapper


def ip(*arguments: str) -> None:
    """The ip command."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def veth(name: str, peer: str, mtu: int = 1500) -> None:
    """A pair of interfaces, quiet (no IPv6 chatter) and up."""
    ip("link", "add", name, "mtu", str(mtu), "type", "veth", "peer", "name", peer, "mtu", str(mtu))
    for interface in (name, peer):
        Path(f"/proc/sys/net/ipv6/conf/{interface}/disable_ipv6").write_text("1")
        ip("link", "set", interface, "up")


def packet_socket(interface: str) -> socket.socket:
    """A raw socket on an interface that does not see what it sends."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(SOL_PACKET, 23, 1)  # PACKET_IGNORE_OUTGOING
    s.bind((interface, 3))
    s.settimeout(5)
    return s


def switch(**options: object) -> NativeTarget:
    """A switch whose port follows from the first two bytes: 1 to port 1, 2 to port 2, 3 to the controller."""
    target = NativeTarget(TargetOptions(cpu_port=CPU_PORT, **options))  # type: ignore[arg-type]
    entries = [
        TableOp(1, 0, i, key, action=FORWARD, params=port.to_bytes(2))
        for i, (key, port) in enumerate([(b"\0\1", 1), (b"\0\2", 2), (b"\0\3", CPU_PORT), (TAGGED[:2], 2)])
    ]
    target.load(table_program(("exact", 16)), entries)
    return target


def connect(target: NativeTarget, config: PortConfig) -> None:
    """Add a port and wait until the kernel says that it has a carrier."""
    target.add_port(config)
    deadline = time.monotonic() + 5
    while not target.ports()[config.port] and time.monotonic() < deadline:
        select.select([target.fileno()], [], [], 0.1)
        target.events()


def events(target: NativeTarget, kind: type) -> list[Event]:
    """The next events of a kind."""
    found: list[Event] = []
    deadline = time.monotonic() + 5
    while not found and time.monotonic() < deadline:
        select.select([target.fileno()], [], [], 5)
        found = [e for e in target.events() if isinstance(e, kind)]
    return found


@in_namespace
def test_frames_of_all_lengths_pass_unchanged() -> None:
    veth("ha", "sa", mtu=65535)
    veth("hb", "sb", mtu=65535)
    target = switch()
    try:
        connect(target, PortConfig(1, "sa"))
        connect(target, PortConfig(2, "sb"))
        sender, receiver = packet_socket("ha"), packet_socket("hb")
        for length in (14, 15, 60, 64, 1514, 1700, 1790, 1800, 2048, 9000, 40_000, 65_500):
            frame = (b"\0\2" + bytes(i * 7 % 251 for i in range(length)))[:length]
            sender.send(frame)
            assert receiver.recv(70_000) == frame
        packet_socket("hb").send(b"\0\1" + bytes(60))
        assert sender.recv(70_000) == b"\0\1" + bytes(60)
        assert target.stats()["rx"] == target.stats()["tx"] == 13
    finally:
        target.close()


@in_namespace
def test_vlan_tags_arrive_where_they_were() -> None:
    """The kernel takes tags out of frames on their way; the program has to see them."""
    veth("ha", "sa")
    veth("hb", "sb")
    target = switch()
    try:
        connect(target, PortConfig(1, "sa"))
        connect(target, PortConfig(2, "sb"))
        sender, receiver = packet_socket("ha"), packet_socket("hb")
        receiver.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        frame = TAGGED + bytes(50)
        sender.send(frame)
        data, ancillary, _, _ = receiver.recvmsg(2000, 200)
        if len(data) < len(frame):  # the tag is in the auxiliary data of our own socket, too
            tci = struct.unpack_from("=IIIHHHH", ancillary[0][2])[5]
            data = data[:12] + b"\x81\0" + tci.to_bytes(2) + data[12:]
        assert data == frame
    finally:
        target.close()


@in_namespace
def test_checksums_left_to_hardware_are_filled_in() -> None:
    """A host's own datagrams, from an interface with transmit checksum offload (the default of veth)."""
    veth("ha", "sa")
    target = switch()
    try:
        entries = [TableOp(1, 0, 9, b"\x02\x0a", action=FORWARD, params=CPU_PORT.to_bytes(2))]
        target.apply(entries)
        connect(target, PortConfig(1, "sa"))
        ip("addr", "add", "10.0.0.1/24", "dev", "ha")
        ip("link", "set", "ha", "address", "02:00:00:00:00:01")
        ip("neigh", "add", "10.0.0.2", "lladdr", "02:0a:00:00:00:02", "dev", "ha")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"checksum!", ("10.0.0.2", 9))
        (event,) = (e for e in events(target, PacketIn) if isinstance(e, PacketIn))
        segment = event.data[34:] + b"\0"
        pseudo = event.data[26:34] + struct.pack("!HH", 17, len(event.data) - 34)
        total = sum(struct.unpack(f"!{len(pseudo + segment) // 2}H", pseudo + segment))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        assert total == 0xFFFF
    finally:
        target.close()


@in_namespace
def test_packets_to_and_from_the_controller() -> None:
    veth("ha", "sa")
    target = switch()
    try:
        connect(target, PortConfig(1, "sa"))
        peer = packet_socket("ha")
        target.packet_out(b"\0\1hello" + bytes(50))
        assert peer.recv(2000) == b"\0\1hello" + bytes(50)
        peer.send(b"\0\3hello" + bytes(50))
        assert events(target, PacketIn) == [PacketIn(b"\0\3hello" + bytes(50))]
    finally:
        target.close()


@in_namespace
def test_carrier_and_interfaces_that_vanish_and_return() -> None:
    veth("ha", "sa")
    veth("hb", "sb")
    target = switch()
    try:
        target.add_port(PortConfig(1, "sa"))
        target.add_port(PortConfig(2, "sb"))
        assert events(target, PortStatus) == [PortStatus(1, True), PortStatus(2, True)]
        ip("link", "set", "ha", "down")
        assert events(target, PortStatus) == [PortStatus(1, False)]
        ip("link", "set", "ha", "up")
        assert events(target, PortStatus) == [PortStatus(1, True)]
        ip("link", "del", "ha")
        assert events(target, PortStatus) == [PortStatus(1, False)]
        assert dict(target.ports()) == {1: False, 2: True}
        target.packet_out(b"\0\1" + bytes(50))
        veth("ha", "sa")
        assert events(target, PortStatus) == [PortStatus(1, True)]
        packet_socket("ha").send(b"\0\2" + bytes(50))
        receiver = packet_socket("hb")
        packet_socket("ha").send(b"\0\2" + bytes(50))
        assert receiver.recv(2000) == b"\0\2" + bytes(50)
        assert target.stats()["drop_port_down"] == 1
    finally:
        target.close()


@in_namespace
def test_an_interface_that_is_down_when_it_is_added() -> None:
    veth("ha", "sa")
    ip("link", "set", "sa", "down")
    target = switch()
    try:
        target.add_port(PortConfig(1, "sa"))
        assert events(target, PortStatus) == [PortStatus(1, False)]
        for _ in range(2):
            ip("link", "set", "sa", "up")
            assert events(target, PortStatus) == [PortStatus(1, True)]
            peer = packet_socket("ha")
            peer.send(b"\0\1" + bytes(50))
            assert peer.recv(2000) == b"\0\1" + bytes(50)
            ip("link", "set", "sa", "down")
            assert events(target, PortStatus) == [PortStatus(1, False)]
    finally:
        target.close()


@in_namespace
def test_delay_line_and_rate() -> None:
    veth("ha", "sa")
    veth("hb", "sb")
    target = switch()
    try:
        connect(target, PortConfig(1, "sa", delay_ms=30))
        connect(target, PortConfig(2, "sb", delay_ms=5, rate_mbps=1))
        a, b = packet_socket("ha"), packet_socket("hb")
        start = time.monotonic()
        b.send(b"\0\1" + bytes(60))
        a.recv(2000)
        assert time.monotonic() - start >= 0.030
        start = time.monotonic()
        for i in range(10):
            a.send(b"\0\2" + bytes([i]) + bytes(997))
        order = [b.recv(2000)[2] for _ in range(10)]
        assert time.monotonic() - start >= 0.005 + 10 * 8e-3
        assert order == list(range(10))
    finally:
        target.close()


@in_namespace
def test_ports_can_be_removed_and_interfaces_used_again() -> None:
    veth("ha", "sa")
    target = switch()
    try:
        target.add_port(PortConfig(1, "sa"))
        with pytest.raises(TargetError, match="port 1 is taken"):
            target.add_port(PortConfig(1, "sa"))
        target.remove_port(1)
        assert dict(target.ports()) == {}
        target.packet_out(b"\0\1" + bytes(50))
        target.add_port(PortConfig(1, "sa"))
        peer = packet_socket("ha")
        target.packet_out(b"\0\1again" + bytes(50))
        assert peer.recv(2000) == b"\0\1again" + bytes(50)
        assert target.stats()["drop_no_port"] == 1
    finally:
        target.close()


@in_namespace
def test_captures(tmp_path: Path | None = None) -> None:
    directory = Path(f"/tmp/vmto-test-{os.getpid()}-{threading.get_ident()}")
    directory.mkdir()
    veth("ha", "sa")
    target = switch(pcap_dir=str(directory))
    try:
        connect(target, PortConfig(1, "sa"))
        peer = packet_socket("ha")
        peer.send(b"\0\1" + bytes(60))
        peer.recv(2000)
        for direction in ("in", "out"):
            capture = (directory / f"sa_{direction}.pcap").read_bytes()
            assert capture[24 + 8 : 24 + 16] == struct.pack("=II", 62, 62)
            assert capture[24 + 16 :] == b"\0\1" + bytes(60)
    finally:
        target.close()
        for path in directory.iterdir():
            path.unlink()
        directory.rmdir()


@in_namespace
def test_captures_that_cannot_be_written() -> None:
    veth("ha", "sa")
    target = switch(pcap_dir="/nonexistent")
    try:
        with pytest.raises(TargetError, match="cannot capture 'sa' in '/nonexistent': No such file"):
            target.add_port(PortConfig(1, "sa"))
        assert target.ports() == {}
    finally:
        target.close()


@pytest.mark.parametrize("kind", ["tap", "tun"])
@in_namespace
def test_tap_and_tun(kind: str) -> None:
    try:
        tun = os.open("/dev/net/tun", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"no /dev/net/tun: {error}")
    target = switch()
    try:
        flags = 0x1000 | (2 if kind == "tap" else 1)  # IFF_NO_PI
        fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"tun0", flags))
        Path("/proc/sys/net/ipv6/conf/tun0/disable_ipv6").write_text("1")
        ip("link", "set", "tun0", "up")
        target.add_port(PortConfig(1, "tun0"))
        frame = b"\0\1" + bytes([8, 0]) * 29 if kind == "tap" else b"\0\1" + bytes(40)
        if kind == "tun":  # an IP packet: the first nibble says which
            frame = b"\x45\0" + frame
            target.apply([TableOp(1, 0, 9, b"\x45\0", action=FORWARD, params=b"\0\1")])
        os.write(tun, frame)
        assert select.select([tun], [], [], 5)[0], dict(target.stats())
        assert os.read(tun, 2000) == frame
    finally:
        target.close()
        os.close(tun)
