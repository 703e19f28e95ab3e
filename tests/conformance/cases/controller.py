"""Packet-in, packet-out, digests and idle timeouts: P4Runtime, stream messages."""

from __future__ import annotations

import finsy as fy

from tests.conformance.case import (
    Case,
    Digest,
    IdleTimeout,
    PacketIn,
    Send,
    SendOut,
    act,
    delete,
    entry,
    insert,
    multicast,
    session,
)

A, B, C = 0x02_00_00_00_00_0A, 0x02_00_00_00_00_0B, 0x02_00_00_00_00_0C
PLAIN, LEARNING, ODD = 0x0FFF, 0x1111, 0x2222


def frame(dst: int, src: int, kind: int = PLAIN) -> str:
    """A frame of 18 bytes."""
    return f"{dst:012x} {src:012x} {kind:04x} deadbeef"


FORWARD = entry("destinations", {"dst": A}, act("forward", port=3))
PUNT = entry("destinations", {"dst": B}, act("punt", reason=77))
ONE_BY_ONE = {"max_list_size": 1, "max_timeout_ns": 0}
LEARN = fy.P4DigestEntry("learned_t", **ONE_BY_ONE, ack_timeout_ns=1_000_000_000)
LEARN_ODD = fy.P4DigestEntry("odd_t", **ONE_BY_ONE, ack_timeout_ns=1_000_000_000)


def learned(mac: int, port: int) -> Digest:
    """The digest of a source address."""
    return Digest("learned_t", {"mac": mac, "port": port})


CASES = [
    Case(
        "packet-in",
        "A packet to the CPU port arrives with the fields of its controller header, which are not in it.",
        (FORWARD, PUNT),
        (
            Send(
                4,
                frame(B, A),
                packet_ins=[PacketIn(frame(B, A), {"ingress_port": 4, "reason": 77, "length": 22})],
            ),
            Send(4, frame(A, A), {3: frame(A, A)}),
            Send(4, frame(C, A)),
        ),
    ),
    Case(
        "packet-out",
        "A packet-out enters with its controller header, from the CPU port.",
        (FORWARD, PUNT),
        (
            SendOut(
                frame(C, A),
                {"egress_port": 5, "through_pipeline": 0, "padding": 0},
                out={5: frame(C, A)},
            ),
            SendOut(
                frame(A, A),
                {"egress_port": 5, "through_pipeline": 1, "padding": 0},
                out={3: frame(A, A)},
            ),
            SendOut(
                frame(B, A),
                {"egress_port": 5, "through_pipeline": 1, "padding": 0},
                packet_ins=[PacketIn(frame(B, A), {"ingress_port": 510, "reason": 77, "length": 22})],
            ),
        ),
    ),
    Case(
        "digest",
        "A digest tells the values of its fields; it goes out though the packet is dropped.",
        (LEARN,),
        (
            Send(2, frame(C, A, LEARNING), digests=[learned(A, 2)]),
            Send(3, frame(C, B, LEARNING), digests=[learned(B, 3)]),
        ),
    ),
    Case(
        "digest-not-configured",
        "Without a digest entry nothing is sent.",
        (FORWARD,),
        (Send(2, frame(A, B, LEARNING), {3: frame(A, B, LEARNING)}),),
    ),
    Case(
        "digest-ends-with-entry",
        "A known source is not learned; once its entry is gone it is.",
        (LEARN, FORWARD, entry("sources", {"src": A}, act("known"))),
        (
            Send(2, frame(A, A, LEARNING), {3: frame(A, A, LEARNING)}),
            delete(entry("sources", {"src": A}, act("known"))),
            Send(2, frame(A, A, LEARNING), {3: frame(A, A, LEARNING)}, digests=[learned(A, 2)]),
            insert(entry("sources", {"src": A}, act("known"))),
            Send(2, frame(A, A, LEARNING), {3: frame(A, A, LEARNING)}),
        ),
    ),
    Case(
        "digest-of-odd-widths",
        "Fields of any width, slices among them, are told as they are.",
        (LEARN_ODD,),
        (
            Send(
                1,
                frame(C, 0xFFFE_FDFC_FB03, ODD),
                digests=[
                    Digest("odd_t", {"flag": 1, "seven": 1, "wide": 0xFFFE_FDFC_FB03 >> 8 & (2**33 - 1)})
                ],
            ),
            Send(1, frame(C, 0, ODD), digests=[Digest("odd_t", {"flag": 0, "seven": 0, "wide": 0})]),
        ),
    ),
    Case(
        "digest-lists-apart",
        "Each digest has its own configuration.",
        (LEARN_ODD,),
        (
            Send(2, frame(C, A, LEARNING)),
            Send(2, frame(C, 1, ODD), digests=[Digest("odd_t", {"flag": 1, "seven": 0, "wide": 0})]),
        ),
    ),
    Case(
        "idle-timeout",
        "An entry that is not hit within its idle timeout is told, once.",
        (entry("sources", {"src": A}, act("known"), idle_timeout_ns=50_000_000), FORWARD),
        (
            Send(2, frame(A, A, LEARNING), {3: frame(A, A, LEARNING)}),
            IdleTimeout("sources", {"src": A}),
            delete(entry("sources", {"src": A}, act("known"))),
        ),
    ),
    Case(
        "no-group-and-no-session-to-the-controller",
        "Clones and copies reach the controller as other packets do.",
        (FORWARD, PUNT, session(3, 510), multicast(3, 510)),
        (Send(4, frame(A, B), {3: frame(A, B)}),),
    ),
]
