"""Tables whose entries come with the program and may be changed (`entries` without `const`)."""

from __future__ import annotations

from pathlib import Path

import finsy as fy
import pytest
from finsy.proto import p4i

from tests.unit.p4.switch.p4runtime.harness import Harness, frame, make_compiled, ports


@pytest.fixture(scope="module")
def compiled() -> tuple[bytes, p4i.P4Info]:
    return make_compiled(Path(__file__).parent / "initial.p4")


def forward(kind: int, port: int) -> fy.P4TableEntry:
    return fy.P4TableEntry("types", match=fy.Match(type=kind), action=fy.Action("forward", port=port))


def forwarded(switch: Harness) -> dict[int, list[int]]:
    """Where frames of the first types go."""
    return {kind: ports(switch.target.inject(9, frame(1, ethertype=kind))) for kind in range(1, 6)}


async def test_they_are_entries_like_others(switch: Harness) -> None:
    assert forwarded(switch) == {1: [1], 2: [2], 3: [3], 4: [], 5: []}
    assert len(await switch.read(fy.P4TableEntry("types"))) == 3
    assert await switch.refused("INSERT", forward(1, 7)) == "ALREADY_EXISTS"
    await switch.delete(forward(1, 1))
    await switch.modify(forward(2, 20))
    await switch.insert(forward(4, 40))
    assert forwarded(switch) == {1: [], 2: [20], 3: [3], 4: [40], 5: []}


async def test_there_is_room_for_as_many_as_p4info_says(switch: Harness) -> None:
    await switch.insert(*(forward(kind, 1) for kind in range(4, 17)))
    assert await switch.refused("INSERT", forward(17, 1)) == "RESOURCE_EXHAUSTED"


async def test_reconciling_keeps_what_became_of_them(switch: Harness) -> None:
    await switch.delete(forward(1, 1))
    await switch.modify(forward(2, 20))
    await switch.insert(forward(4, 40))
    before = await switch.read(fy.P4TableEntry("types"))
    changed = switch.device_config.replace(b"initial.p4", b"changed.p4")
    assert changed != switch.device_config
    switch.device_config = changed
    await switch.set_pipeline("RECONCILE_AND_COMMIT")
    assert sorted(await switch.read(fy.P4TableEntry("types")), key=str) == sorted(before, key=str)
    assert forwarded(switch) == {1: [], 2: [20], 3: [3], 4: [40], 5: []}
    await switch.delete(*before)
    assert forwarded(switch) == {1: [], 2: [], 3: [], 4: [], 5: []}
