"""Random programs and packets: the compiled program does what the reference interpreter does."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from testbed.p4.switch.model import Program
from testbed.p4.switch.native import NativeTarget
from testbed.p4.switch.reference.target import ReferenceTarget
from testbed.p4.switch.target import DigestSample, PacketIn, Target, TargetOptions
from tests.unit.p4.switch.native.random_ops import random_ops, random_packet
from tests.unit.p4.switch.native.random_programs import random_program

CPU_PORT = 4
PACKETS = 25


def everything_said(target: Target) -> list[object]:
    """Samples and packets in."""
    return [e for e in target.events(1 << 20) if isinstance(e, DigestSample | PacketIn)]


def state(target: Target, program: Program) -> list[object]:
    """All counters and registers."""
    counters = [
        target.read_counter(i, 0, 64 if c.table is not None else c.size)
        for i, c in enumerate(program.counters)
    ]
    return [*counters, *(target.read_register(i, 0, r.size) for i, r in enumerate(program.registers))]


# 74: a constant of 32 bits under ~, which C would compute with 32
@pytest.mark.parametrize("seed", [3, 20, 74, 140])
def test_same_packets_events_and_state(make_target: Callable[..., NativeTarget], seed: int) -> None:
    program = random_program(seed)
    ops = random_ops(program, seed)
    native, reference = make_target(cpu_port=CPU_PORT), ReferenceTarget(TargetOptions(cpu_port=CPU_PORT))
    try:
        engines: tuple[Target, ...] = (native, reference)
        for engine in engines:
            engine.set_port(1, True)
            engine.set_port(2, False)
            engine.load(program)
            assert not any(engine.apply(ops))
        rng, now = Random(seed), 10**12
        for _ in range(PACKETS):
            frame, port = random_packet(rng), rng.randrange(4)
            now += rng.choice([0, 50, 100_000])
            assert native.inject(port, frame, now=now) == reference.inject(port, frame, now=now)
        assert everything_said(native) == everything_said(reference)
        assert state(native, program) == state(reference, program)
    finally:
        reference.close()
