"""Runs a case on a switch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import finsy as fy
import pytest

from tests.conformance.case import Case, Frames, IdleTimeout, PacketIn, Read, Send, SendOut, Step, Write
from tests.conformance.client import WriteFailedError
from tests.conformance.switches import Sent, Switch


def run(case: Case, switch: Switch) -> None:
    """Do the steps of a case, whose program is running; fails the test where one goes wrong."""
    for entity in case.setup:
        switch.client.write("INSERT" if not _is_setting(entity) else "MODIFY", entity)
    for number, step in enumerate(case.steps, 1):
        problem = _do(step, switch)
        if problem:
            pytest.fail(f"{case.rule}\nstep {number}: {step}\n{problem}", pytrace=False)
    unexpected = switch.client.unexpected()
    assert not unexpected, f"{case.name}: nobody waited for {unexpected}"


def _is_setting(entity: Any) -> bool:
    """Whether an entity always exists and can only be modified."""
    if isinstance(entity, fy.P4TableEntry):
        return entity.is_default_action
    settings = (fy.P4MeterEntry, fy.P4CounterEntry, fy.P4RegisterEntry, fy.P4ValueSetEntry)
    return isinstance(entity, settings)


def _do(step: Step, switch: Switch) -> str:
    """What went wrong; empty if nothing did."""
    try:
        _check(step, switch)
    except AssertionError as error:
        return str(error) or "it failed"
    return ""


def _check(step: Step, switch: Switch) -> None:
    match step:
        case Send():
            for _ in range(step.times):
                leaving = switch.exchange(step.port, bytes.fromhex(step.data), _count(step.out), step.now)
                _check_frames(step.out, leaving)
                for digest in step.digests:
                    _check_digest(digest.name, digest.data, switch)
                for packet_in in step.packet_ins:
                    _check_packet_in(packet_in, switch)
        case SendOut():
            switch.client.packet_out(bytes.fromhex(step.payload), **step.metadata)
            _check_frames(step.out, switch.collect(_count(step.out)))
            for packet_in in step.packet_ins:
                _check_packet_in(packet_in, switch)
        case Write():
            _write(step, switch)
        case Read():
            _check_read(step, switch)
        case IdleTimeout():
            _check_idle_timeout(step, switch)


def _write(step: Write, switch: Switch) -> None:
    if step.fails is None:
        switch.client.write(step.verb, *step.entities)
        return
    with pytest.raises(WriteFailedError) as caught:
        switch.client.write(step.verb, *step.entities)
    assert caught.value.code == step.fails, caught.value


def _expected(out: Mapping[int, Frames]) -> list[tuple[int, str]]:
    return [
        (port, "".join(frame.lower().split()))
        for port, frames in out.items()
        for frame in ([frames] if isinstance(frames, str) else frames)
    ]


def _count(out: Mapping[int, Frames]) -> int:
    return len(_expected(out))


def _check_frames(out: Mapping[int, Frames], leaving: list[Sent]) -> None:
    """Every expected frame left and no other did."""
    left = [(port, data.hex()) for port, data in leaving]
    missing = []
    for port, pattern in _expected(out):
        found = next((sent for sent in left if sent[0] == port and _fits(pattern, sent[1])), None)
        if found is None:
            missing.append((port, pattern))
        else:
            left.remove(found)
    lines = [f"expected on {port}: {pattern}" for port, pattern in missing]
    lines += [f"    left on {port}: {data}" for port, data in left]
    assert not lines, "\n".join(lines)


def _fits(pattern: str, data: str) -> bool:
    return len(pattern) == len(data) and all(p in ("*", d) for p, d in zip(pattern, data, strict=True))


def _check_digest(name: str, data: Any, switch: Switch) -> None:
    message = switch.client.receive("digest")
    got = fy.P4DigestList.decode(message, switch.client.schema)
    assert (got.digest_id, list(got.data)) == (name, [data]), got


def _check_packet_in(expected: PacketIn, switch: Switch) -> None:
    message = switch.client.receive("packet")
    got = fy.P4PacketIn.decode(message, switch.client.schema)
    assert _fits("".join(expected.payload.lower().split()), got.payload.hex()), got
    assert got.metadata == dict(expected.metadata), got


def _check_read(step: Read, switch: Switch) -> None:
    (answer,) = switch.client.read(step.entity)
    got = {name: _attribute(answer, name) for name in step.expected}
    assert got == dict(step.expected), answer


def _attribute(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = getattr(value, name)
    return value


def _check_idle_timeout(step: IdleTimeout, switch: Switch) -> None:
    message = switch.client.receive("idle_timeout_notification", switch.sweep)
    entries = message.idle_timeout_notification.table_entry
    schema = switch.client.schema
    wanted = fy.P4TableEntry(step.table, match=fy.P4TableMatch(step.match)).encode(schema).table_entry
    assert [(e.table_id, list(e.match)) for e in entries] == [(wanted.table_id, list(wanted.match))], entries
