"""Counters, meters (RFC 2698) and registers, as the program and as the controller see them."""

from __future__ import annotations

from typing import Any

import finsy as fy

from tests.conformance.case import Case, Read, Send, act, delete, entry, insert, modify

GREEN, YELLOW, RED, UNTOUCHED = 0, 1, 2, 3
SECOND = 1_000_000
"""Microseconds."""


def request(op: int, index: int = 0, value: int = 0, colour: int = 0, direct: int = 0, wide: int = 0) -> str:
    """A packet of 14 bytes."""
    return f"{op:02x}{index:02x}{value:08x}{colour:02x}{direct:02x}{wide:012x}"


def ask(
    op: int, index: int = 0, *, now: int | None = None, times: int = 1, tail: str = "", **answer: int
) -> Send:
    """A packet, and how it comes back."""
    return Send(1, request(op, index) + tail, {2: request(op, index, **answer) + tail}, now=now, times=times)


def counted(name: str, index: int, **expected: int) -> Read:
    """A cell of a counter."""
    return Read(
        fy.P4CounterEntry(name, index=index),
        {f"data.{unit}_count": value for unit, value in expected.items()},
    )


def hits(index: int, packets: int, size: int) -> Read:
    """The direct counter of an entry."""
    counter = fy.P4DirectCounterEntry(
        "direct_hits",
        table_entry=fy.P4TableEntry("direct_counted", match=fy.P4TableMatch({"index": index})),
    )
    return Read(counter, {"data.packet_count": packets, "data.byte_count": size})


def meter(name: str, index: int, *, cir: int, cburst: int, pir: int, pburst: int) -> Any:
    """A configured cell of a meter."""
    config = fy.P4MeterConfig(cir=cir, cburst=cburst, pir=pir, pburst=pburst)
    return fy.P4MeterEntry(name, index=index, config=config)


WRITTEN = fy.P4CounterEntry("both_counter", index=1, data=fy.P4CounterData(byte_count=1000, packet_count=10))
COUNTED = entry("direct_counted", {"index": 3}, act("counted"))
METERED = entry(
    "direct_metered",
    {"index": 3},
    act("metered"),
    meter_config=fy.P4MeterConfig(cir=1, cburst=30, pir=1, pburst=45),
)
NO_REGISTERS = "simple_switch_grpc has no registers over P4Runtime"

CASES = [
    Case(
        "counters",
        "A counter counts packets, bytes or both, at the index it is given; bytes are those that came in.",
        (),
        (
            ask(1, 3),
            ask(1, 3, tail="00" * 86),
            ask(1, 7),
            counted("packet_counter", 3, packet=2),
            counted("byte_counter", 3, byte=114),
            counted("both_counter", 3, packet=2, byte=114),
            counted("both_counter", 7, packet=1, byte=14),
            counted("both_counter", 0, packet=0, byte=0),
            counted("by_port", 2, packet=3, byte=128),
        ),
    ),
    Case(
        "counter-out-of-range",
        "Counting beyond the end counts nothing.",
        (),
        (ask(1, 8), ask(1, 255), counted("both_counter", 7, packet=0, byte=0)),
        not_on_bmv2="simple_switch does not check the index",
    ),
    Case(
        "counter-written",
        "A counter goes on from what the controller writes.",
        (
            fy.P4CounterEntry(
                "both_counter", index=1, data=fy.P4CounterData(byte_count=1000, packet_count=10)
            ),
        ),
        (ask(1, 1), counted("both_counter", 1, packet=11, byte=1014)),
    ),
    Case(
        "direct-counter",
        "A direct counter counts the hits of its entry; a new entry starts at zero.",
        (COUNTED,),
        (
            hits(3, 0, 0),
            ask(5, 3, times=2),
            ask(5, 4),
            hits(3, 2, 28),
            modify(COUNTED),
            hits(3, 2, 28),
            delete(COUNTED),
            insert(COUNTED),
            hits(3, 0, 0),
        ),
    ),
    Case(
        "direct-counter-uncalled",
        "simple_switch counts hits whether or not the action calls count().",
        (entry("direct_counted", {"index": 3}, act("NoAction")),),
        (ask(5, 3), hits(3, 1, 14)),
    ),
    Case(
        "meter-not-configured",
        "A meter cell without a configuration is green.",
        (),
        (ask(2, 1, times=5), ask(3, 1, times=5)),
    ),
    Case(
        "meter-of-bytes",
        "A packet is red beyond the peak burst, yellow beyond the committed burst, else green.",
        (meter("byte_meter", 2, cir=1, cburst=30, pir=1, pburst=45),),
        (
            ask(3, 2, times=2),
            ask(3, 2, colour=YELLOW),
            ask(3, 2, colour=RED),
            ask(3, 3),
        ),
    ),
    Case(
        "meter-of-packets",
        "Buckets fill at their rates: with time a cell is yellow and green again.",
        (meter("packet_meter", 2, cir=1, cburst=2, pir=2, pburst=4),),
        (
            ask(2, 2, now=60 * SECOND, times=2),
            ask(2, 2, now=60 * SECOND, times=2, colour=YELLOW),
            ask(2, 2, now=60 * SECOND, colour=RED),
            ask(2, 2, now=61 * SECOND),
            ask(2, 2, now=61 * SECOND, colour=YELLOW),
            ask(2, 2, now=61 * SECOND, colour=RED),
            ask(2, 2, now=70 * SECOND, times=2),
            ask(2, 2, now=70 * SECOND, times=2, colour=YELLOW),
            ask(2, 2, now=70 * SECOND, colour=RED),
        ),
        in_memory_only="the clock of the switch has to be told",
    ),
    Case(
        "meter-configured-again",
        "A new configuration fills the buckets; none makes the cell green.",
        (meter("byte_meter", 2, cir=1, cburst=15, pir=1, pburst=15),),
        (
            ask(3, 2),
            ask(3, 2, colour=RED),
            modify(meter("byte_meter", 2, cir=1, cburst=15, pir=1, pburst=29)),
            ask(3, 2),
            ask(3, 2, colour=YELLOW),
            modify(fy.P4MeterEntry("byte_meter", index=2)),
            ask(3, 2, times=4),
        ),
    ),
    Case(
        "direct-meter",
        "A direct meter measures the hits of its entry, and nothing on a miss.",
        (METERED,),
        (
            ask(4, 3, times=2),
            ask(4, 3, direct=YELLOW),
            ask(4, 3, direct=RED),
            ask(4, 4, direct=UNTOUCHED),
        ),
    ),
    Case(
        "direct-meter-not-configured",
        "An entry without a meter configuration is green.",
        (entry("direct_metered", {"index": 1}, act("metered")),),
        (ask(4, 1, times=3),),
    ),
    Case(
        "register",
        "A register is zero at first, and keeps what is written.",
        (),
        (
            Send(1, request(6, 1, 7), {2: request(6, 1, 7, colour=1)}),
            Send(1, request(6, 1, 8), {2: request(6, 1, 15)}),
            Send(1, request(6, 2, 1), {2: request(6, 2, 1, colour=1)}),
            Send(1, request(6, 1, 0xFFFFFFFF), {2: request(6, 1, 14)}),
        ),
    ),
    Case(
        "register-of-48-bits",
        "Cells have any width.",
        (),
        (
            Send(1, request(7, 3, wide=0x123456789ABC), {2: request(7, 3)}),
            Send(1, request(7, 3, wide=1), {2: request(7, 3, wide=0x123456789ABC)}),
        ),
    ),
    Case(
        "register-of-bits",
        "A bit per cell, as Bloom filters have them.",
        (),
        (ask(8, 15), ask(8, 15, colour=1), ask(8, 14), ask(8, 15)),
    ),
    Case(
        "register-signed",
        "A cell of a signed type keeps its sign.",
        (),
        (
            ask(9, 0, value=0xFFFFFF9C),
            ask(9, 0, value=0x00000038),
            ask(9, 0, value=0xFFFFFFD4),
        ),
    ),
    Case(
        "register-order",
        "Reads and writes of one packet happen in the order of the program.",
        (),
        (
            Send(1, request(10, 0, 5), {2: request(10, 0, 0)}),
            Send(1, request(10, 0, 6), {2: request(10, 0, 5)}),
            Send(1, request(10, 0, 7), {2: request(10, 0, 6)}),
        ),
    ),
    Case(
        "register-from-the-controller",
        "The controller writes and reads cells.",
        (fy.P4RegisterEntry("words", index=4, data=0xABCD),),
        (
            Send(1, request(6, 4, 1), {2: request(6, 4, 0xABCE)}),
            Read(fy.P4RegisterEntry("words", index=4), {"data": 0xABCE}),
            Read(fy.P4RegisterEntry("words", index=5), {"data": 0}),
        ),
        not_on_bmv2=NO_REGISTERS,
    ),
    Case(
        "random",
        "random() draws from lo to hi, both included.",
        (),
        (ask(11, 0, value=5, colour=1, times=20),),
    ),
]
