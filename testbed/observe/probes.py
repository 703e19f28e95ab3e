"""Traffic for measuring, as small programs that run inside a machine's network.

    python -m testbed.observe.probes udp-send ADDRESS PORT --rate 200
    python -m testbed.observe.probes udp-receive PORT
    python -m testbed.observe.probes ping ADDRESS --interval 0.02
    python -m testbed.observe.probes tcp-serve PORT
    python -m testbed.observe.probes tcp-talk ADDRESS PORT --interval 0.02
    python -m testbed.observe.probes tcp-load ADDRESS PORT
    python -m testbed.observe.probes http-get ADDRESS PORT --interval 0.05

Each writes the line `ready` when it is, runs until its standard input ends, and then writes one JSON object.
Times are nanoseconds of CLOCK_MONOTONIC, which all namespaces share: one-way times are true. A datagram or an
echo was received when the kernel had it, whenever this program came to read it. Samples are triples
(sequence, sent, received), packed as little-endian 64-bit integers in base64. Imports little, to start fast.
"""

from __future__ import annotations

import argparse
import base64
import errno
import json
import os
import select
import socket
import struct
import sys
import time
from array import array
from collections.abc import Callable

from testbed.observe import web_probe
from testbed.observe.stamp import PROBE, PROBE_MAGIC

RECORD = struct.Struct("!Qq")
"""Sequence and time of sending of a request on a TCP session."""
BIN_NS = 10_000_000
"""Width of the bins that received bytes are counted in."""
LINGER = 0.3
"""Seconds that a probe which stopped asking waits for answers under way."""
_STDIN = 0
_SO_TIMESTAMPNS = 35
"""Have the kernel stamp what comes in (socket(7)); also the kind of control message that brings the stamp."""
_TIMESPEC = struct.Struct("@ll")
_READINGS, _AT_ONCE_NS = 10, 20_000
"""How often two clocks are read at most until both readings are of one moment, within so many ns."""
_BURST = 1 << 16
"""Bytes that a bulk session sends at a time."""


class Samples:
    """Triples (sequence, sent, received), in order of reception."""

    def __init__(self) -> None:
        self._values = array("q")

    def add(self, sequence: int, sent: int, received: int) -> None:
        """One more."""
        self._values.extend((sequence, sent, received))

    def encode(self) -> str:
        """For the report."""
        values = self._values
        if sys.byteorder == "big":
            values = array("q", values)
            values.byteswap()
        return base64.b64encode(values.tobytes()).decode()


def _ready() -> None:
    print("ready", flush=True)


def _report(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


def _until_told(
    wires: dict[int, Callable[[], bool]], tick: Callable[[], float | None] = lambda: None, linger: float = 0.0
) -> None:
    """Serve readable descriptors and ticks until standard input ends; descriptors for `linger` s more.

    What serves a descriptor returns false when it is done for; `tick` returns seconds to the next.
    """
    poller = select.poll()
    for descriptor in (_STDIN, *wires):
        poller.register(descriptor, select.POLLIN)
    end: float | None = None
    while end is None or time.monotonic() < end:
        wait = tick() if end is None else end - time.monotonic()
        for descriptor, _ in poller.poll(None if wait is None else max(0.0, wait * 1e3)):
            if descriptor == _STDIN:
                if not os.read(_STDIN, 4096):
                    poller.unregister(_STDIN)
                    end = time.monotonic() + linger
            elif not wires[descriptor]():
                poller.unregister(descriptor)


class _Pace:
    """Calls `send(n)` for n = 0, 1, ... at a rate; what was late does not shift the rest."""

    def __init__(self, interval: float, send: Callable[[int], None], limit: int | None = None) -> None:
        self.interval, self.send, self.limit, self.count = interval, send, limit, 0
        self._start = time.monotonic()

    def __call__(self) -> float | None:
        while self.limit is None or self.count < self.limit:
            wait = self._start + self.count * self.interval - time.monotonic()
            if wait > 0:
                return wait
            self.send(self.count)
            self.count += 1
        return None


def _stamped(wire: socket.socket) -> None:
    wire.setblocking(False)
    wire.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def _take(wire: socket.socket) -> tuple[bytes, int]:
    """A datagram, and when the kernel had it. BlockingIOError if there is none."""
    data, control, _, _ = wire.recvmsg(65536, 64)
    for level, kind, value in control:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, ns = _TIMESPEC.unpack(value[: _TIMESPEC.size])
            return data, _monotonic(seconds * 1_000_000_000 + ns)
    return data, time.monotonic_ns()


def _monotonic(stamp: int) -> int:
    """The moment of a recent time of CLOCK_REALTIME, which may be set at any time: what counts is its age.

    Never too early: between the two readings this program may have to wait for a processor, and then they
    are taken again.
    """
    for _ in range(_READINGS):
        before, real, now = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        if now - before < _AT_ONCE_NS:
            break
    return now - max(0, real - stamp)


def udp_send(options: argparse.Namespace) -> None:
    """Datagrams at a rate; the report says how many."""
    wire = socket.socket(_family(options.address), socket.SOCK_DGRAM)
    wire.bind(("", options.source_port))
    padding = bytes(max(0, options.size - PROBE.size))
    refused = 0

    def send(sequence: int) -> None:
        nonlocal refused
        payload = PROBE.pack(PROBE_MAGIC, options.flow, sequence, time.monotonic_ns()) + padding
        try:
            wire.sendto(payload, (options.address, options.port))
        except OSError:  # the guest's own kernel has no neighbour, or no room
            refused += 1

    _ready()
    pace = _Pace(1 / options.rate, send)
    _until_told({}, pace)
    _report(sent=pace.count, refused=refused)


def udp_receive(options: argparse.Namespace) -> None:
    """Takes datagrams; the report has a sample for each."""
    wire = socket.socket(_any_family(), socket.SOCK_DGRAM)
    if wire.family == socket.AF_INET6:
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    wire.bind(("", options.port))
    _stamped(wire)
    samples = Samples()

    def receive() -> bool:
        try:
            while True:
                data, now = _take(wire)
                if len(data) >= PROBE.size:
                    magic, _, sequence, sent = PROBE.unpack_from(data)
                    if magic == PROBE_MAGIC:
                        samples.add(sequence, sent, now)
        except BlockingIOError:
            return True

    _ready()
    _until_told({wire.fileno(): receive})
    receive()
    _report(samples=samples.encode())


def ping(options: argparse.Namespace) -> None:
    """ICMP echoes at an interval; the report has a sample for each answer."""
    version6 = _family(options.address) == socket.AF_INET6
    protocol, kind = (socket.IPPROTO_ICMPV6, 128) if version6 else (socket.IPPROTO_ICMP, 8)
    answer = 129 if version6 else 0
    wire = socket.socket(_family(options.address), socket.SOCK_RAW, protocol)
    _stamped(wire)
    identifier = options.identifier or os.getpid() & 0xFFFF
    samples = Samples()
    refused = 0

    def send(sequence: int) -> None:
        nonlocal refused
        head = struct.pack("!BBHHH", kind, 0, 0, identifier, sequence & 0xFFFF)
        data = PROBE.pack(PROBE_MAGIC, 0, sequence, time.monotonic_ns()) + bytes(24)
        check = 0 if version6 else _checksum(head + data)
        try:
            wire.sendto(head[:2] + struct.pack("!H", check) + head[4:] + data, (options.address, 0))
        except OSError:
            refused += 1

    def receive() -> bool:
        try:
            while True:
                packet, now = _take(wire)
                message = packet if version6 else packet[(packet[0] & 0xF) * 4 :]
                if len(message) >= 8 + PROBE.size and message[0] == answer:
                    magic, _, sequence, sent = PROBE.unpack_from(message, 8)
                    if magic == PROBE_MAGIC and struct.unpack_from("!H", message, 4)[0] == identifier:
                        samples.add(sequence, sent, now)
        except BlockingIOError:
            return True

    _ready()
    pace = _Pace(options.interval, send, options.count)
    _until_told({wire.fileno(): receive}, pace, LINGER)
    _report(sent=pace.count, refused=refused, samples=samples.encode())


class _Server:
    """TCP sessions, each of the kind that its first byte says: `t` answers what comes, `b` counts it, and
    `G` begins an HTTP request."""

    def __init__(self, port: int) -> None:
        both = socket.has_dualstack_ipv6()
        self.listener = socket.create_server(("", port), family=_any_family(), dualstack_ipv6=both)
        self.poller = select.poll()
        self.poller.register(self.listener, select.POLLIN)
        self.sessions: dict[int, socket.socket] = {}
        self.kinds: dict[int, bytes] = {}
        self.bins: dict[int, int] = {}
        self.resets = 0

    def serve(self, descriptor: int) -> None:
        """Something came in."""
        if descriptor == self.listener.fileno():
            session = self.listener.accept()[0]
            session.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sessions[session.fileno()] = session
            self.poller.register(session, select.POLLIN)
            return
        try:
            alive = self._take(descriptor, self.sessions[descriptor])
        except OSError:
            self.resets, alive = self.resets + 1, False
        if not alive:
            self.poller.unregister(descriptor)
            self.kinds.pop(descriptor, None)
            self.sessions.pop(descriptor).close()

    def _take(self, descriptor: int, session: socket.socket) -> bool:
        """Take what there is; false at the end of the session."""
        if descriptor not in self.kinds:
            kind = session.recv(1)
            self.kinds[descriptor] = kind
            return bool(kind)
        data = session.recv(1 << 18)
        if self.kinds[descriptor] == b"t":
            session.sendall(data)
        elif self.kinds[descriptor] == web_probe.FIRST:
            session.sendall(web_probe.respond(web_probe.FIRST + data))
            return False
        elif data:
            slot = time.monotonic_ns() // BIN_NS
            self.bins[slot] = self.bins.get(slot, 0) + len(data)
        return bool(data)


def tcp_serve(options: argparse.Namespace) -> None:
    """Answers requests or takes bulk data, as the first byte of a session says; reports bytes by time."""
    server = _Server(options.port)
    server.poller.register(_STDIN, select.POLLIN)
    _ready()
    while True:
        for descriptor, _ in server.poller.poll():
            if descriptor != _STDIN:
                server.serve(descriptor)
            elif not os.read(_STDIN, 4096):
                _report(bins=sorted(server.bins.items()), bin_ns=BIN_NS, resets=server.resets)
                return


def tcp_talk(options: argparse.Namespace) -> None:
    """One session with a request at an interval; the report has a sample for each answer, and what broke."""
    wire = _connect(options, b"t")
    wire.setblocking(False)
    samples, buffer = Samples(), bytearray()
    broken = ""

    def fail(error: OSError) -> bool:
        nonlocal broken
        broken = broken or errno.errorcode.get(error.errno or 0, str(error))
        return False

    def send(sequence: int) -> None:
        try:
            wire.send(RECORD.pack(sequence, time.monotonic_ns()))
        except BlockingIOError:
            pass
        except OSError as error:
            fail(error)

    def receive() -> bool:
        try:
            data = wire.recv(65536)
        except BlockingIOError:
            return True
        except OSError as error:
            return fail(error)
        if not data:
            return fail(OSError(errno.ECONNRESET, ""))
        now = time.monotonic_ns()
        buffer.extend(data)
        whole = len(buffer) - len(buffer) % RECORD.size
        for sequence, sent in RECORD.iter_unpack(buffer[:whole]):
            samples.add(sequence, sent, now)
        del buffer[:whole]
        return True

    _ready()
    pace = _Pace(options.interval, send)

    def tick() -> float | None:
        return None if broken else pace()

    _until_told({wire.fileno(): receive}, tick, LINGER)
    _report(sent=pace.count, broken=broken, retransmits=_retransmits(wire), samples=samples.encode())


def tcp_load(options: argparse.Namespace) -> None:
    """One session that sends as fast as it may, or at a rate; the server counts."""
    wire = _connect(options, b"b")
    wire.setblocking(False)
    # A limited rate comes in pieces of some milliseconds, not in bursts.
    chunk = bytes(min(_BURST, max(1 << 10, int(options.mbps * 1e6 / 8 * 0.01))) if options.mbps else _BURST)
    sent, broken = 0, ""
    start = time.monotonic()
    poller = select.poll()
    poller.register(_STDIN, select.POLLIN)
    _ready()
    while True:
        ahead = sent * 8 / (options.mbps * 1e6) - (time.monotonic() - start) if options.mbps else 0.0
        if not broken:
            poller.register(wire, 0 if ahead > 0 else select.POLLOUT)  # again: changes what is waited for
        for descriptor, event in poller.poll(ahead * 1e3 if ahead > 0 else None):
            if descriptor == _STDIN and not os.read(_STDIN, 4096):
                _report(sent=sent, broken=broken, retransmits=_retransmits(wire))
                return
            if descriptor == wire.fileno():
                problem = wire.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                try:
                    sent += wire.send(chunk) if event & select.POLLOUT and not problem else 0
                except BlockingIOError:
                    pass
                except OSError as error:
                    problem = error.errno or errno.EIO
                if problem or not event & select.POLLOUT:
                    broken = errno.errorcode.get(problem, "EPIPE")
                    poller.unregister(wire)


def http_get(options: argparse.Namespace) -> None:
    """A GET at an interval, each on its own connection; the report has a sample for each whole answer."""
    samples = Samples()
    getter = web_probe.Getter(options.address, options.port, options.size, samples.add)
    _ready()
    pace = _Pace(options.interval, getter.get)
    web_probe.run(getter, pace, _STDIN, LINGER)
    _report(sent=pace.count, failed=getter.failed, samples=samples.encode())


def _connect(options: argparse.Namespace, kind: bytes) -> socket.socket:
    """A session; exits with one line if there is none."""
    try:
        wire = socket.create_connection((options.address, options.port), timeout=options.timeout)
    except OSError as error:
        reason = error.strerror or str(error)
        sys.exit(f"no TCP session to {options.address} port {options.port}: {reason.lower()}")
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wire.sendall(kind)
    return wire


def _retransmits(wire: socket.socket) -> int:
    """Segments sent again so far: tcpi_total_retrans of linux/tcp.h."""
    (total,) = struct.unpack_from("=I", wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 100)
    return int(total)


def _any_family() -> socket.AddressFamily:
    """The family whose sockets take both IP versions, where the kernel has it."""
    return socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="probes", description="traffic for measuring")
    verbs = parser.add_subparsers(required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], None], *places: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=run.__doc__)
        sub.set_defaults(run=run)
        for place in places:
            sub.add_argument(place, type=int if place == "port" else str)
        return sub

    sender = verb("udp-send", udp_send, "address", "port")
    sender.add_argument("--rate", type=float, default=200.0, help="datagrams per second")
    sender.add_argument("--size", type=int, default=64, help="bytes of payload")
    sender.add_argument("--flow", type=int, default=0, help="number carried in every datagram")
    sender.add_argument("--source-port", type=int, default=0)
    verb("udp-receive", udp_receive, "port")
    echo = verb("ping", ping, "address")
    echo.add_argument("--interval", type=float, default=0.05, help="seconds")
    echo.add_argument("--count", type=int, help="requests; without end unless given")
    echo.add_argument("--identifier", type=int, default=0)
    verb("tcp-serve", tcp_serve, "port")
    talk = verb("tcp-talk", tcp_talk, "address", "port")
    talk.add_argument("--interval", type=float, default=0.02, help="seconds between requests")
    load = verb("tcp-load", tcp_load, "address", "port")
    load.add_argument("--mbps", type=float, default=0.0, help="rate; as fast as it goes unless given")
    getter = verb("http-get", http_get, "address", "port")
    getter.add_argument("--interval", type=float, default=0.05, help="seconds between requests")
    getter.add_argument("--size", type=int, default=1000, help="bytes of an answer's body")
    for client in (talk, load):
        client.add_argument("--timeout", type=float, default=10.0, help="seconds to set up the session")
    return parser


def main() -> None:
    """Entry point."""
    options = _parser().parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
