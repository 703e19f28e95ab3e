"""Action profiles and selectors: P4Runtime, action profile members and groups, one-shot programming."""

from __future__ import annotations

import finsy as fy

from tests.conformance.case import (
    Case,
    Entity,
    Read,
    Send,
    Write,
    act,
    delete,
    entry,
    group,
    insert,
    member,
    modify,
    one_shot,
    to_group,
    to_member,
)

ABSENT_PORT = 300
"""A port that does not exist, which is never up."""


def to_port(port: int) -> fy.P4TableAction:
    """The action of a member, which writes the port into the packet too."""
    return act("to_port", port=port, choice=0xC000 + port)


def flow(number: int, kind: int = 1, choice: int = 0) -> str:
    """A packet."""
    return f"{kind:04x} {number:04x} {choice:04x}" + "00" * 8


def spread(ports: list[int], flows: range = range(8)) -> tuple[Send, ...]:
    """Flow n leaves by the bucket n modulo their number."""
    return tuple(
        Send(1, flow(n), {(port := ports[n % len(ports)]): flow(n, choice=0xC000 + port)}) for n in flows
    )


MEMBERS: tuple[Entity, ...] = tuple(member("ecmp_selector", n, to_port(n + 1)) for n in (1, 2, 3))
GROUP = group("ecmp_selector", 9, (1, 1), (2, 1), (3, 1))
ENTRY = entry("ecmp", {"kind": 1}, to_group(9))
MISS = Send(1, flow(1), {7: "0001 0001 0000" + "ff" * 8})
WATCH = "simple_switch_grpc brings no port up that has no interface"

CASES = [
    Case(
        "group",
        "The selector's hash chooses one of the members.",
        (*MEMBERS, GROUP, ENTRY),
        spread([2, 3, 4]),
    ),
    Case(
        "member",
        "An entry may point at one member of a selector.",
        (*MEMBERS, entry("ecmp", {"kind": 1}, to_member(2))),
        spread([3]),
    ),
    Case(
        "miss",
        "Without an entry a table with a selector does nothing: the target has no default action for it.",
        (),
        (MISS,),
    ),
    Case(
        "group-changed",
        "A group changes as a whole, and its entries with it.",
        (*MEMBERS, GROUP, ENTRY),
        (
            modify(group("ecmp_selector", 9, (1, 1), (3, 1))),
            *spread([2, 4]),
            modify(member("ecmp_selector", 3, to_port(6))),
            *spread([2, 6]),
        ),
    ),
    Case(
        "members-in-use",
        "A member in a group and a group in an entry cannot be deleted; both can once they are free.",
        (*MEMBERS, GROUP, ENTRY),
        (
            delete(ENTRY),
            delete(GROUP),
            delete(*MEMBERS),
            MISS,
            insert(*MEMBERS),
            insert(GROUP),
            insert(ENTRY),
            *spread([2, 3, 4]),
        ),
    ),
    Case(
        "duplicates-and-unknowns",
        "A second member or group of the same number is ALREADY_EXISTS, an unknown one NOT_FOUND.",
        (*MEMBERS, GROUP),
        (
            Write("INSERT", (MEMBERS[0],), "ALREADY_EXISTS"),
            Write("INSERT", (GROUP,), "ALREADY_EXISTS"),
            Write("MODIFY", (member("ecmp_selector", 77, to_port(1)),), "NOT_FOUND"),
            Write("DELETE", (group("ecmp_selector", 77),), "NOT_FOUND"),
        ),
        not_on_bmv2="simple_switch_grpc has other codes for some of these",
    ),
    Case(
        "weights",
        "A member of weight w has w of the buckets: its own, and more behind those of all members.",
        (*MEMBERS, group("ecmp_selector", 9, (1, 3), (2, 1)), ENTRY),
        (
            *spread([2, 3, 2, 2]),
            modify(group("ecmp_selector", 9, (1, 2), (2, 2))),
            *spread([2, 3, 2, 3]),
        ),
    ),
    Case(
        "order-of-members",
        "Buckets are in the order in which members were created.",
        (MEMBERS[2], MEMBERS[0], MEMBERS[1], GROUP, ENTRY),
        (
            *spread([4, 2, 3]),
            modify(group("ecmp_selector", 9, (1, 1), (2, 1))),
            delete(MEMBERS[2]),
            insert(member("ecmp_selector", 4, to_port(5))),
            modify(group("ecmp_selector", 9, (1, 1), (2, 1), (4, 1))),
            *spread([5, 2, 3]),
        ),
    ),
    Case(
        "watch-port",
        "A member whose watch port is not up is left out.",
        (*MEMBERS, group("ecmp_selector", 9, (1, (1, ABSENT_PORT)), (2, (1, 2)), (3, 1)), ENTRY),
        spread([3, 4]),
        not_on_bmv2=WATCH,
    ),
    Case(
        "nothing-live",
        "A group without a live member is a hit without an action.",
        (*MEMBERS, group("ecmp_selector", 9, (1, (1, ABSENT_PORT))), ENTRY),
        (Send(1, flow(3), {7: flow(3)}),),
        not_on_bmv2=WATCH,
    ),
    Case(
        "one-shot",
        "A one-shot entry brings its own group.",
        (entry("ecmp", {"kind": 1}, one_shot((1, to_port(2)), (1, to_port(3)), (1, to_port(5)))),),
        (
            *spread([2, 3, 5]),
            modify(entry("ecmp", {"kind": 1}, one_shot((1, to_port(6)), (1, to_port(4))))),
            *spread([6, 4]),
            delete(entry("ecmp", {"kind": 1}, one_shot((1, to_port(6)), (1, to_port(4))))),
            MISS,
        ),
    ),
    Case(
        "one-shot-weights",
        "A one-shot action of weight w has w of the buckets; several entries share nothing.",
        (
            entry("ecmp", {"kind": 1}, one_shot((2, to_port(2)), (1, to_port(3)))),
            entry("ecmp", {"kind": 2}, one_shot((1, act("drop")))),
        ),
        (*spread([2, 2, 3]), Send(1, flow(1, kind=2))),
    ),
    Case(
        "one-shot-watch-port",
        "A one-shot action whose watch port is not up is left out.",
        (entry("ecmp", {"kind": 1}, one_shot(((1, ABSENT_PORT), to_port(2)), ((2, 3), to_port(3)))),),
        spread([3]),
        not_on_bmv2=WATCH,
    ),
    Case(
        "one-shot-read",
        "A one-shot entry reads as it was written.",
        (entry("ecmp", {"kind": 1}, one_shot((2, to_port(2)), ((1, 3), to_port(3)))),),
        (
            Read(
                entry("ecmp", {"kind": 1}, None),
                {"action.action_set": [(2, to_port(2)), ((1, 3), to_port(3))]},
            ),
        ),
        not_on_bmv2=WATCH,
    ),
    Case(
        "profile",
        "Several entries may share a member of a profile, and see its changes.",
        (
            member("shared_profile", 1, to_port(2)),
            entry("direct_members", {"kind": 0x101}, to_member(1)),
            entry("direct_members", {"kind": 0x102}, to_member(1)),
        ),
        (
            Send(1, flow(0, 0x101), {2: flow(0, 0x101, 0xC002)}),
            Send(1, flow(0, 0x102), {2: flow(0, 0x102, 0xC002)}),
            Send(1, flow(0, 0x103), {7: flow(0, 0x103)}),
            modify(member("shared_profile", 1, to_port(4))),
            Send(1, flow(0, 0x101), {4: flow(0, 0x101, 0xC004)}),
            Send(1, flow(0, 0x102), {4: flow(0, 0x102, 0xC004)}),
        ),
    ),
    Case(
        "direct-counter",
        "The direct counter of an indirect table counts its hits.",
        (*MEMBERS, GROUP, ENTRY),
        (
            Send(1, flow(0), {2: flow(0, choice=0xC002)}, times=3),
            Read(
                fy.P4DirectCounterEntry(
                    "ecmp_counter",
                    table_entry=fy.P4TableEntry("ecmp", match=fy.P4TableMatch({"kind": 1})),
                ),
                {"data.packet_count": 3},
            ),
        ),
    ),
]
