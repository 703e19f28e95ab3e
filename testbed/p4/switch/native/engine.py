"""The native engine: a `Target` whose pipeline is compiled C and whose packets never wait for Python."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import threading
from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Final, final

from testbed.p4.switch.model import Program
from testbed.p4.switch.native.build import build_program, program_path
from testbed.p4.switch.native.library import library, program_address
from testbed.p4.switch.native.packing import Packer
from testbed.p4.switch.target import (
    CounterOp,
    DefaultOp,
    DigestSample,
    Event,
    IdleTimeout,
    Op,
    OpError,
    PacketIn,
    PortConfig,
    PortStatus,
    RegisterOp,
    TargetError,
    TargetOptions,
)

MAX_PORT: Final = 511
_NO_CPU_PORT: Final = 0xFFFFFFFF
_EVENT: Final = Struct("=IIIIQ")
_OUTPUT: Final = Struct("=II")
_log = logging.getLogger(__name__)

_EVENT_KINDS: Final = ("packet_in", "digest", "idle", "port", "log")
_WHERE_PACKETS_RUN: Final = frozenset((CounterOp, RegisterOp))
"""What sets cells that packets add to."""

_MESSAGES: Final = {3: "it does not fit together", 8: "no memory"}


@final
class NativeTarget:
    """See `target.Target`."""

    def __init__(self, options: TargetOptions | None = None) -> None:
        self._options = options or TargetOptions()
        self._library = library()
        self._c = self._library.dll
        self._program: Program | None = None
        self._packer: Packer | None = None
        self._switch: int | None = self._c.vs_switch_new(
            _NO_CPU_PORT if self._options.cpu_port is None else self._options.cpu_port,
            self._options.drop_port,
            self._options.priorities,
            self._options.seed,
            self._options.event_capacity,
        )
        if not self._switch:
            raise TargetError("cannot start a switch: no memory, or no threads")
        self._c.vs_set_logging(self._switch, _log.isEnabledFor(logging.INFO))
        self._events_lock = threading.Lock()
        self._events_room = 1 << 18
        self._events_buffer = ctypes.create_string_buffer(self._events_room)

    # -- program ---------------------------------------------------------------------------------------------

    def load(self, program: Program, ops: Sequence[Op] = ()) -> None:
        """See `Target.load`."""
        address = self._compiled(program)
        packer = Packer(program)
        initial: list[Op] = [DefaultOp(i, None) for i in range(len(program.tables))]
        initial += [op for table in program.tables for op in table.entries]
        initial += ops
        errors = (ctypes.c_int * max(len(initial), 1))()
        result = self._c.vs_load_program(self._switch, address, packer.pack(initial), len(initial), errors)
        if result:
            bad = next((op for op, code in zip(initial, errors, strict=False) if code), None)
            raise TargetError(f"{program.source}: {_MESSAGES[result]}" + (f" ({bad})" if bad else ""))
        self._program, self._packer = program, packer

    def load_source(self, source: str, name: str) -> None:
        """Make a program written in C against runtime/vs_pipe.h the pipeline; it has no tables to fill.

        For benchmarks: what is left when there is no P4.
        """
        path = program_path(source.encode())
        if not path.exists():
            build_program(path, source, name)
        if self._c.vs_load_program(self._switch, program_address(path), b"", 0, None):
            raise TargetError(f"{name}: it does not fit this runtime")

    def check(self, program: Program) -> None:
        """See `Target.check`."""
        self._compiled(program)

    @staticmethod
    def _compiled(program: Program) -> int:
        path = program_path(hashlib.sha256(repr(program).encode()).digest())
        if not path.exists():
            from testbed.p4.switch.native.codegen.program import generate  # seldom needed, and long to import

            build_program(path, generate(program), program.source)
        return program_address(path)

    # -- state -----------------------------------------------------------------------------------------------

    def apply(self, ops: Sequence[Op], *, atomic: bool = False) -> list[OpError | None]:
        """See `Target.apply`."""
        if self._packer is None:
            return [OpError(9, "there is no pipeline")] * len(ops)
        if not ops:
            return []
        errors = (ctypes.c_int * len(ops))()
        between = atomic or not _WHERE_PACKETS_RUN.isdisjoint(map(type, ops))
        failed = self._c.vs_apply(self._switch, self._packer.pack(ops), len(ops), errors, between)
        if not failed:
            return [None] * len(ops)
        return [OpError(code, _MESSAGES.get(code, "failed")) if code else None for code in errors]

    def read_counter(self, counter: int, start: int, count: int) -> list[tuple[int, int]]:
        """See `Target.read_counter`."""
        out = (ctypes.c_uint64 * (2 * count))()
        self._c.vs_read_counter(self._switch, counter, start, count, out)
        values = list(out)
        return list(zip(values[::2], values[1::2], strict=True))

    def read_register(self, register: int, start: int, count: int) -> list[int]:
        """See `Target.read_register`."""
        if self._program is None:
            return [0] * count
        words = (self._program.registers[register].width + 63) // 64
        out = (ctypes.c_uint64 * (words * count))()
        self._c.vs_read_register(self._switch, register, start, count, out)
        if words == 1:
            return list(out)
        data = bytes(out)
        return [int.from_bytes(data[i : i + 8 * words], "little") for i in range(0, len(data), 8 * words)]

    def ages(self, table: int, start: int, count: int) -> list[int]:
        """See `Target.ages`."""
        out = (ctypes.c_uint64 * count)()
        self._c.vs_ages(self._switch, table, start, count, out)
        return list(out)

    def release_digests(self, digest: int, samples: Sequence[bytes]) -> None:
        """See `Target.release_digests`."""
        for sample in samples:
            self._c.vs_release_digest(self._switch, digest, sample, len(sample))

    # -- packets and events ----------------------------------------------------------------------------------

    def packet_out(self, data: bytes) -> None:
        """See `Target.packet_out`."""
        self._c.vs_send_packet_out(self._switch, data, len(data))

    def inject(self, port: int, data: bytes, *, now: int | None = None) -> list[tuple[int, bytes]]:
        """See `Target.inject`."""
        out = ctypes.c_void_p()
        used = self._c.vs_inject(
            self._switch, port, data, len(data), now is not None, now or 0, ctypes.byref(out)
        )
        if used < 0:
            raise TargetError("no memory")
        if out.value is None:
            return []
        raw = ctypes.string_at(out.value, used)
        self._c.vs_free(out)
        frames, at = [], 0
        while at < used:
            to, length = _OUTPUT.unpack_from(raw, at)
            frames.append((to, raw[at + 8 : at + 8 + length]))
            at += 8 + length
        return frames

    def measure(self, port: int, frames: Sequence[bytes], count: int) -> tuple[int, int]:
        """Run `count` frames (of equal length, in turn) through the pipeline.

        For benchmarks; what leaves goes nowhere. Nanoseconds of processor time, and frames that left.
        """
        left = ctypes.c_uint64()
        data, length = b"".join(frames), len(frames[0])
        took = self._c.vs_measure(self._switch, port, data, length, len(frames), count, ctypes.byref(left))
        return int(took), left.value

    def fileno(self) -> int:
        """See `Target.fileno`."""
        return int(self._c.vs_event_fd(self._switch))

    def events(self, limit: int = 1024) -> list[Event]:
        """See `Target.events`."""
        with self._events_lock:
            used = self._take(limit)
            if used < 0:  # the next event alone is larger than the buffer
                self._events_room = -used * 2
                self._events_buffer = ctypes.create_string_buffer(self._events_room)
                used = self._take(limit)
            raw = ctypes.string_at(self._events_buffer, used)
        result: list[Event] = []
        at = 0
        while at < used:
            size, kind, what, length, number = _EVENT.unpack_from(raw, at)
            data = raw[at + _EVENT.size : at + _EVENT.size + length]
            at += size
            match kind:
                case 0:
                    result.append(PacketIn(data))
                case 1:
                    result.append(DigestSample(what, data))
                case 2:
                    result.append(IdleTimeout(what, number))
                case 3:
                    result.append(PortStatus(what, bool(number)))
                case _:
                    _log.info("%s", _message(data, what, number))
        return result

    def _take(self, limit: int) -> int:
        return int(self._c.vs_take_events(self._switch, self._events_buffer, self._events_room, limit))

    # -- ports -----------------------------------------------------------------------------------------------

    def add_port(self, config: PortConfig) -> None:
        """See `Target.add_port`."""
        if not 0 <= config.port < MAX_PORT:
            raise TargetError(f"port {config.port} is not within 0 ... {MAX_PORT - 1}")
        error = ctypes.create_string_buffer(256)
        pcap = self._options.pcap_dir
        done = self._c.vs_add_port(
            self._switch,
            config.port,
            config.interface.encode(),
            config.delay_ms,
            config.rate_mbps,
            None if pcap is None else pcap.encode(),
            error,
            len(error),
        )
        if not done:
            raise TargetError(f"port {config.port}: {error.value.decode()}")

    def remove_port(self, port: int) -> None:
        """See `Target.remove_port`."""
        if not self._c.vs_remove_port(self._switch, port):
            raise TargetError(f"there is no port {port}")

    def ports(self) -> Mapping[int, bool]:
        """See `Target.ports`."""
        numbers, up = (ctypes.c_uint32 * 512)(), (ctypes.c_uint8 * 512)()
        count = self._c.vs_list_ports(self._switch, numbers, up)
        return {numbers[i]: bool(up[i]) for i in range(count)}

    def set_port(self, port: int, up: bool) -> None:
        """See `Target.set_port`."""
        self._c.vs_set_port(self._switch, port, up)

    # -- life ------------------------------------------------------------------------------------------------

    def stats(self) -> Mapping[str, int]:
        """See `Target.stats`."""
        names = self._library.count_names
        counts, lost = (ctypes.c_uint64 * len(names))(), (ctypes.c_uint64 * len(_EVENT_KINDS))()
        self._c.vs_stats(self._switch, counts, lost)
        result = dict(zip(names, counts, strict=True))
        result |= {f"drop_event_{kind}": n for kind, n in zip(_EVENT_KINDS, lost, strict=True)}
        return result

    def close(self) -> None:
        """See `Target.close`."""
        switch, self._switch = self._switch, None
        if switch:
            self._c.vs_switch_free(switch)


def _message(data: bytes, text_length: int, values: int) -> str:
    """A log message: its text, then the numbers to put in, each with the count of its words."""
    text, at = data[:text_length].decode(errors="replace"), text_length
    for _ in range(values):
        words = int.from_bytes(data[at : at + 4], "little")
        value = int.from_bytes(data[at + 4 : at + 4 + 8 * words], "little", signed=True)
        at += 4 + 8 * words
        text = text.replace("{}", str(value), 1)
    return text
