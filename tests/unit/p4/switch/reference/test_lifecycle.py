"""Clones, multicast, resubmission, recirculation and drops, as simple_switch orders them, in both engines."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from testbed.p4.compiler.compile import compile_program
from testbed.p4.switch.model import Program, parse_program
from testbed.p4.switch.native import NativeTarget
from testbed.p4.switch.reference import ReferenceTarget
from testbed.p4.switch.target import CloneOp, DigestOp, DigestSample, MulticastOp, Replica, Target

(FORWARD, CLONE_I2E, CLONE_E2E, RESUBMIT, RECIRCULATE, MULTICAST) = range(6)
(DROP, DROP_THEN_MULTICAST, MULTICAST_THEN_DROP, TRUNCATE, EXIT, RESUBMIT_FOR_EVER) = range(6, 12)
(TWO_CLONES, DIGEST_AND_DROP, DROP_IN_EGRESS, NO_PORT, FAIL, CLONE_AND_DROP) = range(12, 18)

NORMAL, INGRESS_CLONE, EGRESS_CLONE, RECIRC, REPLICATION, RESUBMITTED = 0, 1, 2, 4, 5, 6
PAYLOAD = b"payload"
SIZE = 4 + len(PAYLOAD)
NOTE = 100


class Seen(NamedTuple):
    """A packet that left: its port, what the op header and the trail header say."""

    port: int
    round: int
    note: int
    instance_type: int
    rid: int
    length: int
    kept: int
    lost: int
    ingress_port: int


@pytest.fixture(scope="module")
def program() -> Program:
    compiled = compile_program(Path(__file__).parent / "lifecycle.p4")
    return parse_program(json.dumps(compiled.json))


@pytest.fixture(params=[ReferenceTarget, NativeTarget], ids=["reference", "native"])
def target(program: Program, request: pytest.FixtureRequest) -> Iterator[Target]:
    made: Target = request.param()
    made.load(program)
    made.apply(
        [
            MulticastOp(4, (Replica(1, 0), Replica(2, 7), Replica(9, 8))),
            CloneOp(5, (Replica(3, 1),)),
            CloneOp(6, (Replica(3, 1), Replica(4, 2)), truncate=9),
        ]
    )
    yield made
    made.close()


def send(target: Target, op: int) -> list[Seen]:
    frames = target.inject(1, bytes([op, 0]) + NOTE.to_bytes(2) + PAYLOAD, now=0)
    seen = []
    for port, frame in frames:
        assert frame.endswith(PAYLOAD)
        _, round_, note, *trail = struct.unpack("!BBHBBHHHH", frame[:14])
        seen.append(Seen(port, round_, note, *trail))
    return seen


def normal(port: int = 2, round_: int = 1, **more: int) -> Seen:
    return Seen(port, round_, NOTE, NORMAL, 0, SIZE, NOTE, NOTE, 1)._replace(**more)


def test_unicast(target: Target) -> None:
    assert send(target, FORWARD) == [normal()]
    assert send(target, NO_PORT) == [normal(port=0)]


def test_ingress_clones_are_the_frame_as_it_came(target: Target) -> None:
    clone, original = send(target, CLONE_I2E)
    assert original == normal(kept=NOTE + 1)
    assert clone == Seen(3, 0, NOTE, INGRESS_CLONE, 1, SIZE, NOTE + 1, 0, 0)


def test_the_last_clone_call_counts(target: Target) -> None:
    frames = target.inject(1, bytes([TWO_CLONES, 0, 0, 0]) + PAYLOAD, now=0)
    assert [(port, len(frame)) for port, frame in frames] == [(3, 9), (4, 9), (2, SIZE + 10)]


def test_clones_of_sessions_that_are_not_there(target: Target) -> None:
    target.apply([CloneOp(5, None)])
    assert send(target, CLONE_I2E) == [normal(kept=NOTE + 1)]


def test_a_dropped_packet_is_cloned(target: Target) -> None:
    assert [s.instance_type for s in send(target, CLONE_AND_DROP)] == [INGRESS_CLONE]


def test_egress_clones_are_the_packet_as_it_is(target: Target) -> None:
    original, clone = send(target, CLONE_E2E)
    assert original == normal()
    assert clone == Seen(3, 1, NOTE, EGRESS_CLONE, 1, SIZE + 10, NOTE, 0, 0)


def test_resubmission_starts_over(target: Target) -> None:
    """Metadata other than the field list is 0, the ingress port too."""
    assert send(target, RESUBMIT) == [normal(round_=1, lost=0, ingress_port=0)]


def test_recirculation_takes_the_deparsed_packet(target: Target) -> None:
    (seen,) = send(target, RECIRCULATE)
    assert (seen.round, seen.length, seen.kept, seen.lost) == (3, SIZE + 20, NOTE, 0)


def test_multicast(target: Target) -> None:
    assert send(target, MULTICAST) == [
        normal(port=port, instance_type=REPLICATION, rid=rid) for port, rid in ((1, 0), (2, 7), (9, 8))
    ]
    target.apply([MulticastOp(4, None)])
    assert send(target, MULTICAST) == []


def test_drop_and_multicast(target: Target) -> None:
    assert send(target, DROP) == []
    assert len(send(target, DROP_THEN_MULTICAST)) == 3
    assert send(target, MULTICAST_THEN_DROP) == []
    assert send(target, DROP_IN_EGRESS) == []


def test_truncate(target: Target) -> None:
    ((port, frame),) = target.inject(1, bytes([TRUNCATE, 0, 0, 0]) + PAYLOAD, now=0)
    assert (port, len(frame)) == (2, 6)


def test_exit_ends_ingress_only(target: Target) -> None:
    (seen,) = send(target, EXIT)
    assert (seen.note, seen.kept) == (1, NOTE)


def test_digests(target: Target) -> None:
    assert send(target, DIGEST_AND_DROP) == []
    assert target.events() == []
    target.apply([DigestOp(0, enabled=True, hold=True)])
    for _ in range(3):
        send(target, DIGEST_AND_DROP)
    sample = bytes([DIGEST_AND_DROP, 1]) + NOTE.to_bytes(2)
    assert target.events() == [DigestSample(0, sample)]
    target.release_digests(0, [sample])
    send(target, DIGEST_AND_DROP)
    assert target.events() == [DigestSample(0, sample)]


def test_what_never_ends_is_dropped(target: Target) -> None:
    assert send(target, RESUBMIT_FOR_EVER) == []
    assert target.stats()["drop_loop"] == 1


def test_a_failed_assertion_costs_the_packet_only(target: Target) -> None:
    assert send(target, FAIL) == []
    assert target.stats()["drop_assert"] == 1
    assert send(target, FORWARD) == [normal()]


def test_frames_too_short_to_parse(target: Target) -> None:
    """A parser error does not drop: op stays 0 and the packet is forwarded, its bytes behind the trail."""
    ((port, frame),) = target.inject(1, b"\x06\x00", now=0)
    assert (port, frame[-2:], len(frame)) == (2, b"\x06\x00", 12)
