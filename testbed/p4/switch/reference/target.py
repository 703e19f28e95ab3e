"""`Target` over the interpreter."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, final

from testbed.p4.switch.model import Program
from testbed.p4.switch.reference.operations import perform
from testbed.p4.switch.reference.ports import PortSet
from testbed.p4.switch.reference.state import State
from testbed.p4.switch.reference.switch import SimpleSwitch
from testbed.p4.switch.target import (
    DigestSample,
    Event,
    IdleTimeout,
    Op,
    OpError,
    PacketIn,
    PortConfig,
    PortStatus,
    TargetError,
    TargetOptions,
)

MAX_HELD: Final = 1 << 16
"""Samples of one digest that may wait for their release."""

_log = logging.getLogger(__name__)


@final
class ReferenceTarget:
    """The reference engine. See `target.Target` for what the methods promise."""

    def __init__(self, options: TargetOptions | None = None) -> None:
        self._options = options or TargetOptions()
        self._lock = threading.RLock()
        self._start = time.monotonic_ns()
        self._state: State | None = None
        self._switch: SimpleSwitch | None = None
        self._up: dict[int, bool] = {}
        self._stats: Counter[str] = Counter()
        self._events: dict[str, deque[Event]] = {k: deque() for k in ("packet_in", "digest", "idle", "port")}
        self._event_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._ports = PortSet(self._receive, self._set_link, self.sweep)
        self._closed = False

    def _now(self) -> int:
        return (time.monotonic_ns() - self._start) // 1000

    # -- program ---------------------------------------------------------------------------------------------

    def load(self, program: Program, ops: Sequence[Op] = ()) -> None:
        """See `Target.load`."""
        state = State(program)
        for table in program.tables:
            for entry in table.entries:
                perform(state, entry, self._now())
        for op in ops:
            perform(state, op, self._now())
        switch = SimpleSwitch(
            state,
            seed=self._options.seed,
            drop_port=self._options.drop_port,
            priorities=self._options.priorities,
            up=self._up,
            learn=self._learn,
            drop=self._drop,
            log=_log.info,
        )
        with self._lock:
            self._state, self._switch = state, switch

    def check(self, program: Program) -> None:
        """See `Target.check`: the interpreter runs every program."""

    def _loaded(self) -> State:
        if self._state is None:
            raise TargetError("no program is loaded")
        return self._state

    # -- state -----------------------------------------------------------------------------------------------

    def apply(self, ops: Sequence[Op], *, atomic: bool = False) -> list[OpError | None]:  # noqa: ARG002
        """See `Target.apply`: under one lock every batch is atomic."""
        with self._lock:
            state, now = self._loaded(), self._now()
            for op in ops:
                perform(state, op, now)
        return [None] * len(ops)

    def read_counter(self, counter: int, start: int, count: int) -> list[tuple[int, int]]:
        """See `Target.read_counter`."""
        with self._lock:
            cells = self._loaded().counters[counter]
            counts = (cells.get(i, (0, 0)) for i in range(start, start + count))
            return [(packets, size) for packets, size in counts]

    def read_register(self, register: int, start: int, count: int) -> list[int]:
        """See `Target.read_register`."""
        with self._lock:
            return self._loaded().registers[register][start : start + count]

    def ages(self, table: int, start: int, count: int) -> list[int]:
        """See `Target.ages`."""
        with self._lock:
            entries, now = self._loaded().tables[table].entries, self._now()
            found = (entries.get(handle) for handle in range(start, start + count))
            return [0 if entry is None else max(0, now - entry.last_hit) for entry in found]

    def release_digests(self, digest: int, samples: Sequence[bytes]) -> None:
        """See `Target.release_digests`."""
        with self._lock:
            if self._state is not None and digest in self._state.digests:
                self._state.digests[digest][1].difference_update(samples)

    # -- packets and events ----------------------------------------------------------------------------------

    def packet_out(self, data: bytes) -> None:
        """See `Target.packet_out`."""
        if self._options.cpu_port is None:
            self._drop("drop_no_cpu_port")
        else:
            self._receive(self._options.cpu_port, data)

    def inject(self, port: int, data: bytes, *, now: int | None = None) -> list[tuple[int, bytes]]:
        """See `Target.inject`."""
        with self._lock:
            self._stats["rx"] += 1
            if self._switch is None:
                self._drop("drop_no_program")
                return []
            leaving = self._switch.process(port, data, self._now() if now is None else now)
            for out_port, frame in leaving:
                self._stats["tx"] += 1
                if out_port == self._options.cpu_port:
                    self._put("packet_in", PacketIn(frame))
            return leaving

    def _receive(self, port: int, data: bytes) -> None:
        """A frame from an interface, or from the controller: run it and send what leaves."""
        for out_port, frame in self.inject(port, data):
            if out_port != self._options.cpu_port and not self._ports.send(out_port, frame):
                self._drop("drop_no_port")

    def _learn(self, digest: int, sample: bytes) -> None:
        hold, held = self._loaded().digests.get(digest, (False, None))
        if held is None or sample in held:
            return
        if hold and len(held) >= MAX_HELD:
            self._drop("drop_event_digest")
        elif self._put("digest", DigestSample(digest, sample)) and hold:
            held.add(sample)

    def _put(self, kind: str, event: Event) -> bool:
        """Queue an event, or drop and count it."""
        queue = self._events[kind]
        if len(queue) >= self._options.event_capacity:
            self._drop(f"drop_event_{kind}")
            return False
        queue.append(event)
        os.eventfd_write(self._event_fd, 1)
        return True

    def _drop(self, reason: str) -> None:
        self._stats[reason] += 1

    def fileno(self) -> int:
        """See `Target.fileno`."""
        return self._event_fd

    def events(self, limit: int = 1024) -> list[Event]:
        """See `Target.events`."""
        with self._lock:
            taken: list[Event] = []
            for queue in self._events.values():
                while queue and len(taken) < limit:
                    taken.append(queue.popleft())
            if not any(self._events.values()):
                with suppress(BlockingIOError):
                    os.eventfd_read(self._event_fd)
            return taken

    def sweep(self) -> None:
        """Look for entries that were idle for too long; ports call it every second, tests when they like."""
        with self._lock:
            if self._state is None:
                return
            now = self._now()
            for position, table in enumerate(self._state.tables):
                for handle, entry in table.entries.items():
                    timeout = entry.op.idle_timeout_us
                    if (
                        timeout
                        and now - max(entry.last_hit, entry.last_notified) >= timeout
                        and self._put("idle", IdleTimeout(position, handle))
                    ):
                        entry.last_notified = now

    # -- ports -----------------------------------------------------------------------------------------------

    def add_port(self, config: PortConfig) -> None:
        """See `Target.add_port`."""
        self._ports.add(config)

    def remove_port(self, port: int) -> None:
        """See `Target.remove_port`."""
        self._ports.remove(port)
        with self._lock:
            self._up.pop(port, None)

    def ports(self) -> Mapping[int, bool]:
        """See `Target.ports`."""
        return dict(self._up)

    def set_port(self, port: int, up: bool) -> None:
        """See `Target.set_port`."""
        self._set_link(port, up)

    def _set_link(self, port: int, up: bool) -> None:
        with self._lock:
            if self._up.get(port) != up:
                self._up[port] = up
                self._put("port", PortStatus(port, up))

    # -- life ------------------------------------------------------------------------------------------------

    def stats(self) -> Mapping[str, int]:
        """See `Target.stats`."""
        return dict(self._stats)

    def close(self) -> None:
        """See `Target.close`."""
        if not self._closed:
            self._closed = True
            self._ports.close()
            os.close(self._event_fd)
