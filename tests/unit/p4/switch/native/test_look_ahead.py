"""Packets of a burst that look something up in large tables are parsed together: they leave as if they had
come one by one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from random import Random

import pytest

from testbed.p4.compiler.compile import compile_program
from testbed.p4.switch.bench.cases import L3_SOURCE, ethernet, ipv4_header
from testbed.p4.switch.entries import EntryWriter
from testbed.p4.switch.model import Program, parse_program
from testbed.p4.switch.native import NativeTarget
from testbed.p4.switch.target import PortConfig, TableOp, Verb
from tests.unit.p4.switch.native.test_native_ports import connect, in_namespace, packet_socket, veth

LARGE = 5000
"""More entries than a table has that nobody looks ahead for."""


@cache
def router() -> Program:
    return parse_program(json.dumps(compile_program(L3_SOURCE).json), "l3")


def fill(target: NativeTarget) -> list[bytes]:
    """Neighbours and routes of many lengths; frames to these and to others, some of which are no good."""
    rng = Random(1)
    writer = EntryWriter(target, router())
    routes: set[tuple[int, int]] = set()
    frames = []
    for i in range(LARGE):
        neighbor, address, length = 0x0A000000 + i, rng.getrandbits(31) | 1 << 31, rng.randint(9, 31)
        route = address >> (32 - length) << (32 - length), length
        matches: list[tuple[str, int | tuple[int, int]]] = [("neighbor", neighbor)]
        matches += [("route", route)] if route not in routes else []
        routes.add(route)
        for table, match in matches:
            key = {"hdr.ipv4.dst": match}
            writer.insert(f"Ingress.{table}", key, "Ingress.forward", port=1, src_mac=i, dst_mac=7)
        for dst in (neighbor, neighbor + LARGE, address, address ^ 1 << 32 - length, rng.getrandbits(32)):
            frame = ethernet(1, 2, rng.choice([0x0800, 0x0800, 0x0800, 0x86DD])) + ipv4_header(26, dst=dst)
            frames.append(frame[: rng.choice([60, 60, 60, 30])].ljust(60, b"\0"))
    rng.shuffle(frames)
    return frames


def test_as_many_leave_as_one_by_one(make_target: Callable[..., NativeTarget]) -> None:
    target = make_target()
    target.load(router())
    frames = fill(target)[:4000]
    alone = sum(len(target.inject(0, frame)) for frame in frames)
    assert 1000 < alone < 3000
    assert target.measure(0, frames, len(frames))[1] == alone
    assert target.measure(0, frames, 3)[1] == sum(len(target.inject(0, frame)) for frame in frames[:3])


def test_entries_go_while_packets_look_ahead(make_target: Callable[..., NativeTarget]) -> None:
    target = make_target()
    target.load(router())
    frames = [ethernet(1, 2, 0x0800) + ipv4_header(26, dst=0x0A000000 + i) for i in range(LARGE)]
    fill(target)
    position = next(i for i, t in enumerate(router().tables) if t.name == "Ingress.neighbor")
    for handle in range(LARGE):
        target.apply([TableOp(Verb.DELETE, position, handle)])
        if handle % 500 == 0:
            assert target.measure(0, frames, LARGE)[1] == LARGE - handle - 1
    assert target.measure(0, frames, LARGE)[1] == 0


@pytest.mark.needs_root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces and packet sockets")
@in_namespace
def test_bursts_on_real_ports_leave_as_one_by_one() -> None:
    veth("ha", "sa")
    veth("hb", "sb")
    target = NativeTarget()
    try:
        target.load(router())
        frames = fill(target)[:400]
        expected = [out for frame in frames for _, out in target.inject(0, frame)]
        connect(target, PortConfig(0, "sa"))
        connect(target, PortConfig(1, "sb"))
        sender, receiver = packet_socket("ha"), packet_socket("hb")
        for frame in frames:
            sender.send(frame)
        assert [receiver.recv(2000) for _ in expected] == expected
    finally:
        target.close()
