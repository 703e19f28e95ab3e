"""Timestamps, queues and lengths: behavioral-model docs/simple_switch.md, standard and intrinsic metadata."""

from __future__ import annotations

from tests.conformance.case import Case, Send, multicast, session

NOW = 0x0001_2345_6789
"""Microseconds."""


def request(op: int) -> str:
    """A packet of 16 bytes."""
    return f"{op:02x}{'00' * 13}abcd"


def report(port: int, now: int | None = None) -> str:
    """What stands in front of it when it leaves: 44 bytes."""
    times = f"{now:012x}{now:012x}{now & 0xFFFFFFFF:08x}00000000" if now is not None else "*" * 40
    depths = "00000000 00000000"
    return f"{times}{depths} {16:08x} {16 + 44:08x} 0000 0000 {port:04x} 00 00"


CASES = [
    Case(
        "times",
        "All timestamps are of the switch's clock, in microseconds.",
        (),
        (Send(1, request(1), {3: report(3, NOW) + request(1)}, now=NOW),),
        in_memory_only="the clock of the switch has to be told",
    ),
    Case(
        "lengths",
        "packet_length is that of the packet in ingress, and counts added headers in egress.",
        (),
        (Send(1, request(1), {3: report(3) + request(1)}),),
    ),
    Case(
        "port-never-set",
        "A packet whose egress_spec was never set leaves by port 0.",
        (),
        (Send(1, request(0), {0: report(0) + request(0)}),),
    ),
    Case(
        "port-in-egress",
        "Egress cannot send the packet elsewhere.",
        (),
        (Send(1, request(2), {0: report(0) + request(2)}),),
    ),
    Case(
        "priority-without-queues",
        "A port has one queue, priority 0: packets of other priorities are dropped, their clones are not.",
        (multicast(7, 2, 3), session(9, 5)),
        (
            Send(1, request(3), {5: request(3)}),
            Send(1, request(4)),
            Send(1, request(1), {3: report(3) + request(1)}),
        ),
    ),
]
