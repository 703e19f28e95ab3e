"""Capture frames on the interfaces of a network namespace, into one pcapng file.

    python -m testbed.observe.capture FILE [INTERFACE ...] [--snap BYTES]

Without interfaces: all but lo. Writes the line `ready` when it captures, runs until its standard input ends,
and then writes one JSON object: how many frames there are and how many were lost for want of room. Frames
come by the kernel's receive ring (packet(7), TPACKET_V2), with its timestamps and with the VLAN tags that it
takes off.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import mmap
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import final

from testbed.observe.pcapng import Writer

_SOL_PACKET = 263
_RX_RING, _STATISTICS, _VERSION, _TPACKET_V2 = 5, 6, 10, 1
_SO_ATTACH_FILTER = 26
_ALL = socket.htons(3)
_USER, _VLAN_VALID = 1, 1 << 4
_OUTGOING = 4
_RING_BYTES = 32 << 20
_BLOCK = 1 << 16
_HEADER = struct.Struct("=IIIHHIIHH")
_ADDRESS = struct.Struct("=HHiHBB")
_MAX_FILTER = 250
_BATCH = 0.02
"""Seconds that frames gather in the ring before they are written: one wake-up for many, as what is measured
shares the processors with this program."""


@final
class Ring:
    """A packet socket on all interfaces of this namespace, read from memory that the kernel fills."""

    def __init__(self, indexes: list[int], snap: int) -> None:
        """Takes the first `snap` bytes of what passes the interfaces of these indexes."""
        self._frame = 1 << (snap + 128 - 1).bit_length()
        self._count = _RING_BYTES // self._frame
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ALL)
        _attach_filter(self.socket, indexes, snap)
        self.socket.setsockopt(_SOL_PACKET, _VERSION, struct.pack("=i", _TPACKET_V2))
        request = struct.pack("=IIII", _BLOCK, _RING_BYTES // _BLOCK, self._frame, self._count)
        self.socket.setsockopt(_SOL_PACKET, _RX_RING, request)
        self._memory = mmap.mmap(self.socket.fileno(), _RING_BYTES)
        self._next = 0

    def frames(self) -> Iterator[tuple[int, int, bytes, int, bool]]:
        """(interface index, CLOCK_REALTIME ns, data, length on the wire, outgoing) of all there are now."""
        memory = self._memory
        while True:
            at = self._next * self._frame
            status, length, snap, mac, _, seconds, ns, tci, tpid = _HEADER.unpack_from(memory, at)
            if not status & _USER:
                return
            _, _, index, _, kind, _ = _ADDRESS.unpack_from(memory, at + 32)
            data = memory[at + mac : at + mac + snap]
            if status & _VLAN_VALID:
                data = data[:12] + struct.pack("!HH", tpid or 0x8100, tci) + data[12:]
                length += 4
            struct.pack_into("=I", memory, at, 0)
            self._next = (self._next + 1) % self._count
            yield index, seconds * 1_000_000_000 + ns, data, length, kind == _OUTGOING

    def lost(self) -> int:
        """Frames for which there was no room, since last asked."""
        return int(struct.unpack("=II", self.socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))[1])


def _attach_filter(wire: socket.socket, indexes: list[int], snap: int) -> None:
    """A classic BPF program: keep `snap` bytes of frames on these interfaces, nothing of others."""
    load_interface, jump_equal, give = 0x20, 0x15, 0x06
    program = [(load_interface, 0, 0, 0xFFFFF000 + 8)]
    for i, index in enumerate(indexes):
        program.append((jump_equal, len(indexes) - i, 0, index))
    program += [(give, 0, 0, 0), (give, 0, 0, snap)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    wire.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(code))
    )


def capture(path: Path, names: list[str], snap: int) -> dict[str, int]:
    """Capture until standard input ends; what was captured and what was lost."""
    known = {name: index for index, name in socket.if_nameindex()}
    names = names or [name for name in known if name != "lo"]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no interface {unknown[0]!r}: use one of {', '.join(sorted(known))}")
    if len(names) > _MAX_FILTER:
        raise SystemExit(f"{len(names)} interfaces: name at most {_MAX_FILTER}")
    numbers = {known[name]: number for number, name in enumerate(names)}
    count = 0
    with path.open("wb", buffering=1 << 20) as file:
        writer = Writer(file, names, snap, time.monotonic_ns() - time.time_ns())
        ring = Ring(list(numbers), snap)
        print("ready", flush=True)
        going = True
        while going:
            select.select([0, ring.socket.fileno()], [], [])
            ended, _, _ = select.select([0], [], [], _BATCH)
            going = not ended or bool(os.read(0, 4096))
            for index, ns, data, length, outgoing in ring.frames():
                writer.write(numbers[index], ns, data, length, outgoing=outgoing)
                count += 1
            # Whatever ends this program, what was captured is there.
            file.flush()
    return {"frames": count, "lost": ring.lost()}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="capture", description="capture frames into a pcapng file")
    parser.add_argument("file", type=Path)
    parser.add_argument("interfaces", nargs="*")
    parser.add_argument("--snap", type=int, default=256, help="bytes kept of each frame")
    options = parser.parse_args()
    try:
        print(json.dumps(capture(options.file, options.interfaces, options.snap)), flush=True)
    except PermissionError:
        sys.exit("capturing needs root: run with sudo")
    except OSError as error:
        sys.exit(f"{options.file}: {(error.strerror or str(error)).lower()}")


if __name__ == "__main__":
    main()
