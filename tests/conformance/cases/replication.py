"""Clones, multicast, resubmit, recirculate, drop.

behavioral-model docs/simple_switch.md, "Pseudocode for what happens at the end of ingress and egress
processing"; P4Runtime, packet replication engine entries.
"""

from __future__ import annotations

from tests.conformance.case import Case, Send, delete, insert, modify, multicast, session

NORMAL, I2E, E2E, RECIRCULATED, REPLICATED, RESUBMITTED = 0, 1, 2, 4, 5, 6

NEW = "0bad"
"""`kept` as it was when the clone primitive was called; nobody may ever see it."""
KEPT, LOST, EGRESS_KEPT = 0x4E77, 0x1055, 0x0E0E


def ask(ingress_op: int, egress_op: int = 0, argument: int = 0) -> str:
    """A packet of 22 bytes."""
    return f"{ingress_op:02x} {egress_op:02x} {argument:04x} 0000" + "00" * 14 + "ca fe"


def told(
    ingress_op: int,
    egress_op: int = 0,
    argument: int = 0,
    *,
    tag: int = 0x0E01,
    instance: int = NORMAL,
    passes: int = 1,
    rid: int = 0,
    kept: int = KEPT,
    lost: int = LOST,
    came: int = 1,
    left: int = 2,
    length: int = 22,
) -> str:
    """The same when it leaves."""
    return (
        f"{ingress_op:02x} {egress_op:02x} {argument:04x} {tag:04x} {instance:02x} {passes:02x} {rid:04x}"
        f"{kept:04x} {lost:04x} {came:04x} {left:04x} {length:04x} ca fe"
    )


def copy(ingress_op: int, argument: int, *, left: int, kept: int = 0, rid: int = 0) -> str:
    """A copy of the original packet, made at the end of ingress."""
    return told(
        ingress_op, 0, argument,
        tag=0x0E00, instance=I2E, rid=rid, kept=kept, lost=0, came=0, left=left,
    )  # fmt: skip


def egress_copy(egress_op: int, argument: int, *, left: int, kept: int = 0, length: int = 22) -> str:
    """A copy made at the end of egress, of the packet as it was then."""
    return told(
        0, egress_op, argument,
        tag=0xEE01, instance=E2E, passes=2, kept=kept, lost=0, came=0, left=left, length=length,
    )  # fmt: skip


CASES = [
    Case(
        "i2e-original-bytes",
        "An ingress clone has the packet as it came; metadata starts at zero without a field list.",
        (session(7, 3),),
        (Send(1, ask(1, 0, 7), {2: told(1, 0, 7), 3: copy(1, 7, left=3)}),),
    ),
    Case(
        "i2e-field-list",
        "An ingress clone keeps the fields of the list with their values at the end of ingress.",
        (session(7, 3),),
        (Send(1, ask(2, 0, 7), {2: told(2, 0, 7), 3: copy(2, 7, left=3, kept=KEPT)}),),
    ),
    Case(
        "i2e-last-call-wins",
        "Only the last clone call counts, with its session and its field list.",
        (session(7, 3), session(8, 4)),
        (Send(1, ask(3, 0, 7), {2: told(3, 0, 7), 4: copy(3, 7, left=4)}),),
    ),
    Case(
        "i2e-of-a-dropped-packet",
        "A drop in ingress does not drop the clone.",
        (session(7, 3),),
        (Send(1, ask(4, 0, 7), {3: copy(4, 7, left=3, kept=KEPT)}),),
    ),
    Case(
        "i2e-without-session",
        "A clone to a session that is not configured is no packet.",
        (),
        (Send(1, ask(1, 0, 7), {2: told(1, 0, 7)}),),
    ),
    Case(
        "i2e-several-replicas",
        "Each replica of a clone session is a clone with its own instance as egress_rid.",
        (session(7, (3, 1), (4, 2), (3, 9)),),
        (
            Send(
                1,
                ask(1, 0, 7),
                {
                    2: told(1, 0, 7),
                    3: [copy(1, 7, left=3, rid=1), copy(1, 7, left=3, rid=9)],
                    4: copy(1, 7, left=4, rid=2),
                },
            ),
        ),
    ),
    Case(
        "i2e-header-added-later",
        "A header that ingress adds is not in the clone.",
        (session(7, 3),),
        (
            Send(
                1,
                ask(15, 0, 7),
                {2: "0e0e0e0e" + told(15, 0, 7, length=26), 3: copy(15, 7, left=3)},
            ),
        ),
    ),
    Case(
        "i2e-to-the-same-port",
        "A clone and its original may leave by the same port.",
        (session(7, 2),),
        (Send(1, ask(1, 0, 7), {2: [told(1, 0, 7), copy(1, 7, left=2)]}),),
    ),
    Case(
        "i2e-truncated-session",
        "packet_length_bytes of a clone session cuts the clone and not the original.",
        (session(7, 3, truncate=16),),
        (Send(1, ask(1, 0, 7), {2: told(1, 0, 7), 3: copy(1, 7, left=3).replace(" ", "")[:32]}),),
        not_on_bmv2="simple_switch_grpc does not truncate clones",
    ),
    Case(
        "i2e-and-multicast",
        "A packet may be cloned and multicast at once.",
        (session(7, 3), multicast(9, (4, 1))),
        (
            Send(
                1,
                ask(12, 0, 7),
                {
                    3: copy(12, 7, left=3, kept=KEPT),
                    4: told(12, 0, 7, instance=REPLICATED, rid=1, left=4),
                },
            ),
        ),
    ),
    Case(
        "i2e-and-resubmit",
        "A packet may be cloned and resubmitted at once.",
        (session(7, 3),),
        (
            Send(
                1,
                ask(13, 0, 7),
                {3: copy(13, 7, left=3, kept=KEPT), 2: told(13, 0, 7, came=0, instance=NORMAL)},
            ),
        ),
    ),
    Case(
        "session-modified-and-deleted",
        "A clone session can be changed and deleted while it is used.",
        (session(7, 3),),
        (
            modify(session(7, 4)),
            Send(1, ask(1, 0, 7), {2: told(1, 0, 7), 4: copy(1, 7, left=4)}),
            delete(session(7)),
            Send(1, ask(1, 0, 7), {2: told(1, 0, 7)}),
        ),
    ),
    Case(
        "e2e-headers-as-modified",
        "An egress clone has the headers as they are at the end of egress and enters egress with them.",
        (session(7, 3),),
        (Send(1, ask(0, 1, 7), {2: told(0, 1, 7), 3: egress_copy(1, 7, left=3)}),),
    ),
    Case(
        "e2e-field-list",
        "An egress clone keeps the fields of the list with their values at the end of egress.",
        (session(7, 3),),
        (Send(1, ask(0, 2, 7), {2: told(0, 2, 7), 3: egress_copy(2, 7, left=3, kept=EGRESS_KEPT)}),),
    ),
    Case(
        "e2e-of-a-dropped-packet",
        "A drop in egress does not drop the egress clone.",
        (session(7, 3),),
        (Send(1, ask(0, 3, 7), {3: egress_copy(3, 7, left=3)}),),
    ),
    Case(
        "e2e-added-header",
        "An egress clone has the headers that egress added, and packet_length counts them.",
        (session(7, 3),),
        (
            Send(
                1,
                ask(0, 8, 7),
                {
                    2: "abcdabcd" + told(0, 8, 7),
                    3: "abcdabcd" + egress_copy(8, 7, left=3, length=26),
                },
            ),
        ),
    ),
    Case(
        "e2e-last-call-wins",
        "In egress too only the last clone call counts.",
        (session(7, 3), session(8, 4)),
        (Send(1, ask(0, 10, 7), {2: told(0, 10, 7), 4: egress_copy(10, 7, left=4)}),),
    ),
    Case(
        "e2e-of-every-replica",
        "Each multicast copy runs egress by itself, and clones for itself.",
        (session(5, 6), multicast(5, (2, 1), (3, 2))),
        (
            Send(
                1,
                ask(5, 1, 5),
                {
                    2: told(5, 1, 5, instance=REPLICATED, rid=1, left=2),
                    3: told(5, 1, 5, instance=REPLICATED, rid=2, left=3),
                    6: [told(5, 1, 5, tag=0xEE01, instance=E2E, passes=2, kept=0, lost=0, came=0, left=6)]
                    * 2,
                },
            ),
        ),
    ),
    Case(
        "multicast-metadata",
        "Copies inherit all metadata, have instance_type 5 and their replica's instance as egress_rid.",
        (multicast(5, (2, 1), (3, 2), (3, 3), (1, 65535)),),
        (
            Send(
                1,
                ask(5, 0, 5),
                {
                    port: [
                        told(5, 0, 5, instance=REPLICATED, rid=rid, left=port)
                        for p, rid in ((2, 1), (3, 2), (3, 3), (1, 65535))
                        if p == port
                    ]
                    for port in (1, 2, 3)
                },
            ),
        ),
    ),
    Case(
        "multicast-to-no-group",
        "A group that is not configured has no copies, and the original is gone.",
        (),
        (Send(1, ask(5, 0, 5)),),
    ),
    Case(
        "multicast-group-changed",
        "A multicast group can be changed and deleted while it is used.",
        (multicast(5, (2, 1)),),
        (
            modify(multicast(5, (3, 4))),
            Send(1, ask(5, 0, 5), {3: told(5, 0, 5, instance=REPLICATED, rid=4, left=3)}),
            delete(multicast(5)),
            Send(1, ask(5, 0, 5)),
            insert(multicast(5, (4, 6))),
            Send(1, ask(5, 0, 5), {4: told(5, 0, 5, instance=REPLICATED, rid=6, left=4)}),
        ),
    ),
    Case(
        "multicast-after-drop",
        "mcast_grp set after mark_to_drop multicasts.",
        (multicast(5, (3, 1)),),
        (Send(1, ask(6, 0, 5), {3: told(6, 0, 5, instance=REPLICATED, rid=1, left=3)}),),
    ),
    Case(
        "drop-after-multicast",
        "mark_to_drop sets mcast_grp to 0.",
        (multicast(5, (3, 1)),),
        (Send(1, ask(7, 0, 5)),),
    ),
    Case(
        "drop-of-one-replica",
        "A drop in egress drops one copy only.",
        (multicast(5, (2, 1), (3, 2), (4, 3)),),
        (
            Send(
                1,
                ask(5, 11, 5),
                {
                    2: told(5, 11, 5, instance=REPLICATED, rid=1, left=2),
                    4: told(5, 11, 5, instance=REPLICATED, rid=3, left=4),
                },
            ),
        ),
    ),
    Case("drop-in-ingress", "mark_to_drop in ingress drops.", (), (Send(1, ask(9)),)),
    Case("drop-port", "egress_spec 511 drops as mark_to_drop does.", (), (Send(1, ask(14)),)),
    Case("drop-in-egress", "mark_to_drop in egress drops.", (), (Send(1, ask(0, 5)),)),
    Case(
        "drop-taken-back",
        "egress_spec written after mark_to_drop sends.",
        (),
        (Send(1, ask(10), {3: told(10, left=3)}),),
    ),
    Case(
        "resubmit",
        "A resubmitted packet is the original again, with the field list's final values; instance_type is 6.",
        (),
        (Send(1, ask(8), {2: told(8, came=0)}),),
    ),
    Case(
        "resubmit-ingress-view",
        "Ingress sees instance_type 6 and the packet's own length on the second pass.",
        (),
        (
            Send(
                1,
                ask(8, 12),
                {2: told(8, 12, instance=RESUBMITTED, passes=1, kept=KEPT, lost=0, came=0, left=0)},
            ),
        ),
    ),
    Case(
        "resubmit-wins",
        "Resubmit comes before multicast and drop.",
        (multicast(5, (3, 1)),),
        (Send(1, ask(11, 0, 5), {2: told(11, 0, 5, came=0)}),),
    ),
    Case(
        "recirculate",
        "A recirculated packet is parsed as deparsed, and enters ingress again.",
        (),
        (Send(1, ask(0, 4), {2: told(0, 4, passes=3, came=0)}),),
    ),
    Case(
        "recirculate-ingress-view",
        "Ingress sees instance_type 4 and the deparsed length; metadata outside of the list is zero.",
        (),
        (
            Send(
                1,
                ask(0, 9),
                {2: told(0, 9, instance=RECIRCULATED, passes=2, kept=0, lost=0, came=0, left=0)},
            ),
        ),
    ),
    Case(
        "recirculate-dropped",
        "A packet dropped in egress is not recirculated.",
        (),
        (Send(1, ask(0, 7)),),
    ),
    Case(
        "truncate",
        "truncate() cuts the packet as it leaves, headers included.",
        (),
        (Send(1, ask(0, 6), {2: told(0, 6).replace(" ", "")[:28]}),),
    ),
]
