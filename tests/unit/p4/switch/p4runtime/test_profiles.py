"""Action profiles and selectors: members, groups, weights, watch ports, one-shots."""

from __future__ import annotations

from collections import Counter

import finsy as fy

from tests.unit.p4.switch.p4runtime.harness import Harness, ip_frame, ports

HOST = 0x0A000001


def member(number: int, port: int, profile: str = "ecmp") -> fy.P4ActionProfileMember:
    return fy.P4ActionProfileMember(
        profile, member_id=number, action=fy.Action("set_dst", mac=number, port=port)
    )


def group(number: int, *members: fy.P4Member, max_size: int = 0) -> fy.P4ActionProfileGroup:
    return fy.P4ActionProfileGroup("ecmp", group_id=number, members=list(members), max_size=max_size)


def bucket(number: int, weight: int = 1, watch: bytes = b"") -> fy.P4Member:
    return fy.P4Member(member_id=number, weight=(weight, int.from_bytes(watch)) if watch else weight)


def balanced(action: fy.P4IndirectAction) -> fy.P4TableEntry:
    return fy.P4TableEntry("balanced", match=fy.Match(dst=HOST), action=action)


def spread(switch: Harness, flows: int = 256) -> Counter[int]:
    """Where flows to HOST leave."""
    used: Counter[int] = Counter()
    for src in range(flows):
        used.update(ports(switch.target.inject(1, ip_frame(HOST, src=src * 7919))))
    return used


async def test_members(switch: Harness) -> None:
    entry = balanced(fy.P4IndirectAction(member_id=1))
    assert await switch.refused("INSERT", entry) == "NOT_FOUND"
    await switch.insert(member(1, 4))
    await switch.insert(entry)
    assert spread(switch, 4) == {4: 4}
    await switch.modify(member(1, 5))
    assert spread(switch, 4) == {5: 4}
    assert await switch.refused("DELETE", member(1, 5)) == "FAILED_PRECONDITION"
    assert await switch.refused("INSERT", member(1, 5)) == "ALREADY_EXISTS"
    assert await switch.refused("MODIFY", member(2, 5)) == "NOT_FOUND"
    assert await switch.refused("INSERT", member(0, 5)) == "INVALID_ARGUMENT"
    await switch.delete(entry)
    await switch.delete(member(1, 5))
    assert await switch.read(fy.P4ActionProfileMember()) == []


async def test_groups_with_weights(switch: Harness) -> None:
    await switch.insert(member(1, 4), member(2, 5))
    await switch.insert(group(1, bucket(1, 1), bucket(2, 3)))
    await switch.insert(balanced(fy.P4IndirectAction(group_id=1)))
    used = spread(switch)
    assert used.keys() == {4, 5}
    assert 2 < used[5] / used[4] < 4.5
    assert await switch.refused("DELETE", member(1, 4)) == "FAILED_PRECONDITION"
    assert await switch.refused("DELETE", group(1)) == "FAILED_PRECONDITION"
    await switch.modify(group(1, bucket(2)))
    assert spread(switch) == {5: 256}
    await switch.delete(member(1, 4))
    await switch.modify(group(1))
    assert spread(switch, 4) == {}
    (found,) = await switch.read(fy.P4ActionProfileGroup("ecmp", group_id=1))
    assert (found.group_id, found.members) == (1, None)


async def test_faulty_groups(switch: Harness) -> None:
    await switch.insert(member(1, 4))
    assert await switch.refused("INSERT", group(1, bucket(9))) == "NOT_FOUND"
    assert await switch.refused("INSERT", group(1, bucket(1), bucket(1))) == "INVALID_ARGUMENT"
    assert await switch.refused("INSERT", group(1, bucket(1, 0))) == "INVALID_ARGUMENT"
    assert await switch.refused("INSERT", group(1, bucket(1, 70000))) == "RESOURCE_EXHAUSTED"
    assert await switch.refused("INSERT", group(1, bucket(1, 3), max_size=2)) == "RESOURCE_EXHAUSTED"
    assert await switch.refused("MODIFY", group(1, bucket(1))) == "NOT_FOUND"
    await switch.insert(group(1, bucket(1), max_size=2))
    assert await switch.refused("MODIFY", group(1, bucket(1), max_size=3)) == "INVALID_ARGUMENT"
    assert await switch.refused("INSERT", group(1, bucket(1))) == "ALREADY_EXISTS"
    plain = fy.P4ActionProfileGroup("next_hops", group_id=1)
    assert await switch.refused("INSERT", plain) == "INVALID_ARGUMENT"


async def test_a_member_goes_with_its_watch_port(switch: Harness) -> None:
    switch.target.set_port(4, True)
    await switch.insert(member(1, 4), member(2, 5))
    entity = group(1, bucket(1), bucket(2)).encode(switch.schema)
    entity.action_profile_group.members[0].watch_port = b"\x04"
    await switch.insert(entity)
    await switch.insert(balanced(fy.P4IndirectAction(group_id=1)))
    assert spread(switch).keys() == {4, 5}
    switch.target.set_port(4, False)
    assert spread(switch) == {5: 256}
    switch.target.set_port(4, True)
    assert spread(switch).keys() == {4, 5}


def one_shot(*actions: tuple[int, int]) -> fy.P4TableEntry:
    """(port, weight) of each action."""
    action_set = [(weight, fy.Action("set_dst", mac=port, port=port)) for port, weight in actions]
    return balanced(fy.P4IndirectAction(action_set=action_set))


async def test_one_shots(switch: Harness) -> None:
    entry = one_shot((4, 1), (5, 3))
    await switch.insert(entry)
    used = spread(switch)
    assert used.keys() == {4, 5}
    assert used[5] > used[4]
    assert await switch.read(fy.P4TableEntry("balanced")) == [entry]
    assert await switch.read(fy.P4ActionProfileMember()) == []
    assert await switch.read(fy.P4ActionProfileGroup()) == []
    await switch.modify(one_shot((6, 1)))
    assert spread(switch) == {6: 256}
    assert await switch.refused("INSERT", member(1, 4)) == "INVALID_ARGUMENT"
    await switch.delete(entry)
    assert spread(switch, 4) == {}
    await switch.insert(member(1, 4))
    assert await switch.refused("INSERT", entry) == "INVALID_ARGUMENT"


async def test_one_shots_choose_and_count_as_the_program_says(switch: Harness) -> None:
    """`ecmp` goes by hash, and its size is the sum of weights."""
    entity = one_shot((4, 1)).encode(switch.schema)
    action_set = entity.table_entry.action.action_profile_action_set
    for mode, size, code in ((2, 0, "UNIMPLEMENTED"), (0, 2, "UNIMPLEMENTED"), (1, 1, None)):
        action_set.action_selection_mode, action_set.size_semantics = mode, size  # type: ignore[assignment]
        if code is None:
            await switch.insert(entity)
        else:
            assert await switch.refused("INSERT", entity) == code


async def test_one_shots_watch_ports(switch: Harness) -> None:
    switch.target.set_port(4, True)
    entity = one_shot((4, 1), (5, 1)).encode(switch.schema)
    actions = entity.table_entry.action.action_profile_action_set.action_profile_actions
    actions[0].watch_port = b"\x00\x04"
    await switch.insert(entity)
    assert spread(switch).keys() == {4, 5}
    switch.target.set_port(4, False)
    assert spread(switch) == {5: 256}
    (found,) = await switch.read_raw(entity)
    actions = found.table_entry.action.action_profile_action_set.action_profile_actions
    assert [action.watch_port for action in actions] == [b"\x04", b""]


async def test_one_shots_come_and_go(switch: Harness) -> None:
    for i in range(50):
        await switch.insert(one_shot((1 + i, 2), (2 + i, 1)))
        await switch.modify(one_shot((3 + i, 1)))
        assert spread(switch, 2) == {3 + i: 2}
        await switch.delete(one_shot())
    await switch.fails(switch.write(("INSERT", one_shot((9, 0)))))
    assert spread(switch, 2) == {}


async def test_the_kind_of_action_has_to_fit_the_table(switch: Harness) -> None:
    await switch.insert(member(1, 4), member(1, 4, "next_hops"))
    direct = fy.P4TableEntry("balanced", match=fy.Match(dst=1), action=fy.Action("set_dst", mac=1, port=1))
    assert await switch.refused("INSERT", direct) == "INVALID_ARGUMENT"
    plain = fy.P4TableEntry("dmac", match=fy.Match(dst=1), action=fy.P4IndirectAction(member_id=1))
    assert await switch.refused("INSERT", plain) == "INVALID_ARGUMENT"
    route = fy.P4TableEntry(
        "routes", match=fy.Match(dst="10.0.0.0/8"), action=fy.P4IndirectAction(group_id=1)
    )
    assert await switch.refused("INSERT", route) == "NOT_FOUND"


async def test_the_default_entry_of_a_table_with_a_profile_stays(switch: Harness) -> None:
    """It is NoAction (P4Runtime §9.1.3): nothing would keep a member that it points at from being deleted."""
    await switch.insert(member(1, 4, "next_hops"))
    pointing = fy.P4TableEntry("routes", is_default_action=True, action=fy.P4IndirectAction(member_id=1))
    assert await switch.refused("MODIFY", pointing) == "INVALID_ARGUMENT"
    choosing = one_shot((4, 1)).encode(switch.schema)
    choosing.table_entry.is_default_action = True
    choosing.table_entry.ClearField("match")
    assert await switch.refused("MODIFY", choosing) == "INVALID_ARGUMENT"
    await switch.delete(member(1, 4, "next_hops"))
    assert switch.target.inject(1, ip_frame(HOST)) == []


async def test_rolled_back_members_and_groups(switch: Harness) -> None:
    batch = [
        ("INSERT", member(1, 4)),
        ("INSERT", group(1, bucket(1))),
        ("INSERT", balanced(fy.P4IndirectAction(group_id=1))),
        ("DELETE", member(7, 7)),
    ]
    failure = await switch.fails(switch.write(*batch, atomicity="ROLLBACK_ON_ERROR"))
    assert failure.codes == ["ABORTED", "ABORTED", "ABORTED", "NOT_FOUND"]
    assert await switch.read(fy.P4ActionProfileMember()) == []
    await switch.write(*batch[:3], atomicity="DATAPLANE_ATOMIC")
    assert spread(switch, 4) == {4: 4}
