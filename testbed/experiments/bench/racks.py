"""The machines of the bench, in a process of their own: what they send and receive, stamped by the kernel.

    python -m testbed.experiments.bench.racks RACK [RACK ...]

Each rack is an interface on a PE's circuit. Reads one JSON object a line and answers each with one; times are
ns of CLOCK_REALTIME, as packet sockets stamp (socket(7), SO_TIMESTAMPNS).
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, final

PROBE: Final = 0x88B5
"""IEEE 802 local experimental EtherType 1."""

INTERVAL: Final = 0.001
"""Seconds between two probes from one rack to a machine that is awaited, at least: a move is taken for longer
than it lasted by up to as much."""

SHARE: Final = 10
"""The wait for the next probes to a machine of a large move, in times that it took to send these: what is
measured needs time, too. For one machine it would be 3 ms and more, a third of a move."""

HEAD_START: Final = 0.75
"""The wait for the first probes to a machine that moves alone, in times of the quickest such move so far. If
one did take less, it would be taken for that long."""

PATIENCE: Final = 10.0
"""Seconds after which a machine is given up."""

PAUSE: Final = 0.0002
"""Seconds between the announcements of machines that are to be learned before anything is measured."""

WINDOW: Final = 64
"""Machines of a large move that one rack sends to at a time at most, in the order of their announcements. It
begins with one, twice as many follow if all were reached and half as many if none was: probes to all of them
would keep the switches busier than the move."""

_SO_TIMESTAMPNS: Final = 35
_SO_RCVBUFFORCE: Final = 33
_ALL: Final = 3
_NONE: Final = 0x88B6
"""IEEE 802 local experimental EtherType 2, which nobody sends here."""
_OUTGOING: Final = 4
_STAMP: Final = struct.Struct("=qq")
_NUMBERS: Final = struct.Struct("!HI")
_BUFFER: Final = 16 << 20
_TAG: Final = b"\x81\x00\x00\x0a"
_BROADCAST: Final = b"\xff" * 6
_MIN_FRAME: Final = 60


def machine_mac(number: int) -> bytes:
    """The MAC of a machine; number 0xFF0000 + n is the sender in rack n."""
    return (0x02_00_00_00_00_00 + number).to_bytes(6, "big")


def announcement(number: int) -> bytes:
    """The gratuitous ARP of a machine, tagged (RFC 5944 section 4.6)."""
    mac, address = machine_mac(number), struct.pack("!I", 0x0A00_0000 + number)
    arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + address + bytes(6) + address
    return (_BROADCAST + mac + _TAG + b"\x08\x06" + arp).ljust(_MIN_FRAME, b"\0")


def probe(rack: int, number: int) -> bytes:
    """A frame from the sender of a rack (from 0) to a machine."""
    head = machine_mac(number) + machine_mac(sender(rack)) + _TAG + PROBE.to_bytes(2, "big")
    return (head + _NUMBERS.pack(rack, number)).ljust(_MIN_FRAME, b"\0")


def sender(rack: int) -> int:
    """The number of the machine that sends a rack's probes."""
    return 0xF000 + rack


@final
class Racks:
    """Sockets on all racks."""

    def __init__(self, interfaces: Sequence[str]) -> None:
        self._interfaces = interfaces
        self._out = [self._socket(name, 0) for name in interfaces]
        self._stamping = self._socket(interfaces[0], _NONE)
        """The kernel stamps packets while somebody wants it, and begins some time after the first one asked:
        what came before is stamped when it is read."""
        self._quickest = 0.0
        """Seconds that the quickest move of one machine took."""

    @staticmethod
    def _socket(interface: str, protocol: int) -> socket.socket:
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        if protocol:
            wire.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            wire.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        wire.bind((interface, protocol))
        wire.setblocking(False)
        return wire

    def greet(self, machines: Iterable[tuple[int, int]]) -> dict[str, Any]:
        """Announce machines, each in its rack (from 0), one after the other."""
        for number, rack in machines:
            self._out[rack].send(announcement(number))
            time.sleep(PAUSE)
        return {}

    def move(self, numbers: Sequence[int], to: int) -> dict[str, Any]:
        """Announce machines in rack `to` and send to them from all others, until frames come from everywhere.

        Answers with the time of the first announcement, by other rack the time at which the last machine had
        its first frame from there, None where one had none, and how many first frames were missing.
        """
        awaited = {rack: dict.fromkeys(numbers) for rack in range(len(self._out)) if rack != to}
        last: dict[int, int] = {}
        began: int | None = None
        with self._socket(self._interfaces[to], _ALL) as wire:
            for number in numbers:
                self._out[to].send(announcement(number))
            deadline = time.monotonic() + PATIENCE
            if len(numbers) == 1:
                time.sleep(HEAD_START * self._quickest)
            window = dict.fromkeys(awaited, 1)
            while any(awaited.values()) and (now := time.monotonic()) < deadline:
                asked = {rack: list(islice(missing, window[rack])) for rack, missing in awaited.items()}
                for rack, some in asked.items():
                    for number in some:
                        self._out[rack].send(probe(rack, number))
                rest = max(INTERVAL, SHARE * (time.monotonic() - now)) if len(numbers) > 1 else INTERVAL
                while any(awaited.values()) and (left := now + rest - time.monotonic()) > 0:
                    select.select([wire], [], [], left)
                    sent = self._read(wire, machine_mac(numbers[0]), awaited, last)
                    began = began or sent
                for rack, some in asked.items():
                    window[rack] = next_window(window[rack], some, awaited[rack])
        if len(numbers) == 1 and began is not None and not any(awaited.values()):
            took = (max(last.values()) - began) / 1e9
            self._quickest = min(took, self._quickest or took)
        return {
            "missing": sum(map(len, awaited.values())),
            "began": began,
            "last": [None if missing else last[rack] for rack, missing in awaited.items()],
        }

    def _read(
        self, wire: socket.socket, first: bytes, awaited: Mapping[int, dict[int, None]], last: dict[int, int]
    ) -> int | None:
        """Note what has arrived; the time of the announcement of `first`, a MAC, if it is among it.

        The kernel has things to say on an interface, too.
        """
        began: int | None = None
        while True:
            try:
                data, control, _, address = wire.recvmsg(64, 64)
            except BlockingIOError:
                return began
            seconds, ns = _STAMP.unpack(control[0][2])
            stamp = seconds * 1_000_000_000 + ns
            if address[2] == _OUTGOING:
                if data[6:12] == first:
                    began = began or stamp
            elif address[1] == PROBE:
                at = 18 if data[12:14] == _TAG[:2] else 14
                rack, number = _NUMBERS.unpack_from(data, at)
                if number in awaited[rack]:
                    del awaited[rack][number]
                    last[rack] = stamp


def next_window(window: int, asked: Sequence[int], missing: Mapping[int, None]) -> int:
    """How many machines to send to next, from those just sent to and those still missing."""
    reached = sum(number not in missing for number in asked)
    if reached == len(asked):
        return min(2 * window, WINDOW)
    return window if reached else max(1, window // 2)


def main(interfaces: Sequence[str]) -> None:
    """Entry point: serve requests until standard input ends, or Ctrl-C ends all programs of a terminal."""
    racks = Racks(interfaces)
    print("{}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        for line in sys.stdin:
            request = json.loads(line)
            answer = racks.greet(**request) if request.pop("do") == "greet" else racks.move(**request)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
