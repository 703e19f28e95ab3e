"""The engine's promises beside forwarding: events, groups, clones, programs that come and go."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.p4.switch.native import NativeTarget
from testbed.p4.switch.native.build import compiler, program_path
from testbed.p4.switch.target import (
    TO_GROUP,
    Bucket,
    CloneOp,
    CounterOp,
    DefaultOp,
    DigestOp,
    DigestSample,
    Event,
    GroupOp,
    IdleTimeout,
    MemberOp,
    MulticastOp,
    PacketIn,
    PortConfig,
    PortStatus,
    Replica,
    TableOp,
    TargetError,
    TargetOptions,
    Verb,
)
from tests.unit.p4.switch.native.programs import CLONE, DIGEST, DROP, FORWARD, table_program

KEY = (("exact", 16),)


def forward(value: int, port: int, handle: int = 0) -> TableOp:
    """An entry."""
    return TableOp(Verb.INSERT, 0, handle, value.to_bytes(2), action=FORWARD, params=port.to_bytes(2))


def wait(target: NativeTarget, kind: type, seconds: float = 5) -> list[Event]:
    """Events of a kind, once there are some."""
    found: list[Event] = []
    while not found and select.select([target.fileno()], [], [], seconds)[0]:
        found = [e for e in target.events() if isinstance(e, kind)]
    return found


def test_packets_out_enter_ingress_and_packets_in_come_back(target: NativeTarget) -> None:
    target.load(table_program(*KEY), [forward(5, 510)])
    target.packet_out(b"\0\5hello")
    assert wait(target, PacketIn) == [PacketIn(b"\0\5hello")]
    assert target.stats()["packet_out"] == 1


def test_a_full_event_queue_drops_and_counts(make_target: Callable[..., NativeTarget]) -> None:
    target = make_target(cpu_port=510, event_capacity=10)
    target.load(table_program(*KEY), [forward(5, 510)])
    for _ in range(25):
        target.inject(1, b"\0\5")
    assert len(target.events()) == 10
    assert target.stats()["drop_event_packet_in"] == 15
    assert not select.select([target.fileno()], [], [], 0)[0]


def test_large_events_and_limits(target: NativeTarget) -> None:
    target.load(table_program(*KEY), [forward(5, 510)])
    frames = [b"\0\5" + bytes([i]) * 300_000 for i in range(3)]
    for frame in frames:
        target.inject(1, frame)
    received: list[Event] = []
    while select.select([target.fileno()], [], [], 0)[0]:
        received += target.events(limit=1)
    assert received == [PacketIn(frame) for frame in frames]


def test_digests_are_off_on_and_held(target: NativeTarget) -> None:
    learn = TableOp(Verb.INSERT, 0, 0, b"\0\5", action=DIGEST)
    target.load(table_program(*KEY), [learn])
    target.inject(1, b"\0\5")
    assert target.events() == []
    target.apply([DigestOp(0, True)])
    target.inject(1, b"\0\5")
    target.inject(1, b"\0\5")
    assert target.events() == [DigestSample(0, b"\0\5")] * 2
    target.apply([DigestOp(0, True, hold=True)])
    target.inject(1, b"\0\5")
    target.inject(1, b"\0\5")
    assert target.events() == [DigestSample(0, b"\0\5")]
    target.release_digests(0, [b"\0\5", b"\0\6"])
    target.inject(1, b"\0\5")
    assert target.events() == [DigestSample(0, b"\0\5")]


def test_groups_skip_buckets_whose_port_is_down(target: NativeTarget) -> None:
    ops = [MemberOp(1, 0, m, FORWARD, m.to_bytes(2)) for m in (1, 2, 3)]
    buckets = (Bucket(1, 2, 11), Bucket(2, 1, 12), Bucket(3, 1))
    entries = [TableOp(1, 0, i, i.to_bytes(2), action=TO_GROUP, ref=9) for i in range(8)]
    target.set_port(11, True)
    target.set_port(12, True)
    target.load(table_program(*KEY, profile=True), [*ops, GroupOp(1, 0, 9, buckets), *entries])

    def ports() -> list[int]:
        return [target.inject(0, i.to_bytes(2))[0][0] for i in range(8)]

    assert ports() == [1, 1, 2, 3] * 2
    target.set_port(11, False)
    assert ports() == [2, 3] * 4
    target.apply([MemberOp(Verb.MODIFY, 0, 2, FORWARD, b"\0\x07")])
    assert ports() == [7, 3] * 4
    target.apply([GroupOp(Verb.MODIFY, 0, 9, (Bucket(1, 1, 11),))])
    assert target.inject(0, b"\0\0") == [(0, b"\0\0")]  # no live bucket: no action, so port 0


def test_clone_sessions_and_multicast_groups(target: NativeTarget) -> None:
    clone = TableOp(Verb.INSERT, 0, 0, b"\0\5", action=CLONE)
    target.load(table_program(*KEY), [clone])
    frame = b"\0\5abcdefgh"
    assert target.inject(0, frame) == [(1, frame)]
    target.apply([CloneOp(1, (Replica(3), Replica(4)), truncate=4)])
    assert target.inject(0, frame) == [(3, frame[:4]), (4, frame[:4]), (1, frame)]
    target.apply([CloneOp(1, None), MulticastOp(1, (Replica(1),)), MulticastOp(1, None)])
    assert target.inject(0, frame) == [(1, frame)]


def test_default_entries_and_counters_can_be_set(target: NativeTarget) -> None:
    target.load(table_program(*KEY), [forward(5, 7)])
    assert target.inject(0, b"\0\1") == []
    target.apply([DefaultOp(0, FORWARD, b"\0\x08"), CounterOp(0, 0, 40, 50)])
    assert target.inject(0, b"\0\1") == [(8, b"\0\1")]
    target.inject(0, b"\0\5")
    assert target.read_counter(0, 0, 1) == [(41, 52)]
    target.apply([DefaultOp(0, None)])
    assert target.inject(0, b"\0\1") == []


def test_a_new_program_starts_empty_and_without_one_packets_drop(target: NativeTarget) -> None:
    assert target.inject(0, b"\0\5") == []
    assert target.stats()["drop_no_pipeline"] == 1
    assert target.apply([forward(5, 7)])[0] is not None
    target.load(table_program(*KEY), [forward(5, 7)])
    assert target.inject(0, b"\0\5") == [(7, b"\0\5")]
    target.load(table_program(("ternary", 16)))
    assert target.inject(0, b"\0\5") == []


def test_short_packets_and_errors_of_operations(target: NativeTarget) -> None:
    target.load(table_program(*KEY))
    assert target.inject(0, b"") == []
    errors = target.apply([forward(5, 7), TableOp(Verb.DELETE, 0, 77), forward(6, 8, 1)])
    assert [e is None for e in errors] == [True, False, True]


def test_ages_count_from_the_last_hit(target: NativeTarget) -> None:
    target.load(table_program(*KEY, ageing=True), [forward(5, 7)])
    target.inject(0, b"\0\5", now=10**15)
    assert target.ages(0, 0, 2) == [0, 0]


def test_idle_entries_are_told_again_each_time(target: NativeTarget) -> None:
    """Whoever was told may have gone: nobody else would ever hear of an entry that is told once."""
    target.load(
        table_program(*KEY, ageing=True), [forward(5, 7)._replace(idle_timeout_us=1000), forward(6, 8, 1)]
    )
    for _ in range(2):
        assert wait(target, IdleTimeout, 3) == [IdleTimeout(0, 0)]


def test_samples_that_found_no_room_are_delivered_later() -> None:
    """Held back as if delivered, they would never be acknowledged, and their machines never be learned."""
    target = NativeTarget(TargetOptions(event_capacity=2))
    learn = [TableOp(Verb.INSERT, 0, i, i.to_bytes(2), action=DIGEST) for i in range(200)]
    target.load(table_program(*KEY), [*learn, DigestOp(0, True, hold=True)])

    def learned() -> set[int]:
        for i in range(200):
            target.inject(1, i.to_bytes(2))
        return {int.from_bytes(event.data) for event in target.events() if isinstance(event, DigestSample)}

    first = learned()
    assert target.stats()["drop_event_digest"] == 200 - len(first) > 0
    second = learned()
    assert second
    assert not first & second
    target.close()


def test_updates_while_another_thread_injects(target: NativeTarget) -> None:
    """Every packet finds the former or the new action, whole."""
    target.load(table_program(*KEY), [forward(5, 7)])
    stop = threading.Event()

    def change() -> None:
        port = 0
        while not stop.is_set():
            port = 8 if port == 7 else 7
            target.apply([forward(5, port)._replace(verb=Verb.MODIFY)])

    thread = threading.Thread(target=change)
    thread.start()
    seen = {target.inject(0, b"\0\5")[0][0] for _ in range(2000)}
    stop.set()
    thread.join()
    assert seen <= {7, 8}


def test_ports_without_interface(target: NativeTarget) -> None:
    target.set_port(3, True)
    target.set_port(4, False)
    assert dict(target.ports()) == {3: True, 4: False}
    assert target.events() == [PortStatus(3, True), PortStatus(4, False)]
    target.set_port(3, False)
    assert wait(target, PortStatus) == [PortStatus(3, False)]
    with pytest.raises(TargetError, match="no port 9"):
        target.remove_port(9)
    with pytest.raises(TargetError, match="port 3"):
        target.add_port(PortConfig(3, "lo"))
    with pytest.raises(TargetError, match="no interface 'nowhere'"):
        target.add_port(PortConfig(5, "nowhere"))


def test_closing_twice(make_target: Callable[..., NativeTarget]) -> None:
    target = make_target()
    target.close()
    target.close()


def test_compiled_programs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = program_path(b"something")
    assert path.is_relative_to(tmp_path)
    assert program_path(b"something") == path != program_path(b"something else")
    monkeypatch.setenv("VMTO_SWITCH_CFLAGS", "-DX")
    assert program_path(b"something") != path


def test_without_a_compiler_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-cc -q")
    assert compiler() == ["no-such-cc", "-q"]
    with pytest.raises(TargetError, match="install gcc"):
        program_path(b"")
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(TargetError, match="install gcc"):
        NativeTarget(TargetOptions())


def test_dropped_packets_are_counted(target: NativeTarget) -> None:
    target.load(table_program(*KEY), [TableOp(1, 0, 0, b"\0\5", action=DROP)])
    target.inject(0, b"\0\5")
    assert target.stats()["drop_ingress"] == 1
