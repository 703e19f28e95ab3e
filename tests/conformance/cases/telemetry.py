"""Source routing and in-band telemetry, in the style of teaching material."""

from __future__ import annotations

from tests.conformance.case import Case, Send, act, default, entry, modify

HERE, NEXT, SOURCE = "000000000100", "000000000200", "000000000300"
BODY = "1388 1389 000c 0000 74657374"


def checksum(header: bytes) -> int:
    """RFC 1071."""
    total = sum(int.from_bytes(header[i : i + 2]) for i in range(0, len(header), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4(ttl: int, options: str = "", ecn: int = 1, correct: bool = True) -> str:
    """IPv4 with raw options and a payload. The checksum is of the first 20 bytes, as the program has it."""
    size = len(options.split() and "".join(options.split())) // 2
    head = f"4{5 + size // 4:x}{ecn:02x}{20 + size + 12:04x}00010000{ttl:02x}11"
    addresses = "0a000101 0a000202".replace(" ", "")
    total = checksum(bytes.fromhex(f"{head}0000{addresses}")) if correct else 0
    return f"{head}{total:04x}{addresses}{options}{BODY}"


def trace(*hops: tuple[int, int]) -> str:
    """The option, newest hop first."""
    return f"1f{4 + 8 * len(hops):02x}{len(hops):04x}" + "".join(f"{i:08x}{depth:08x}" for i, depth in hops)


def frame(dst: str, src: str, rest: str, kind: str = "0800") -> str:
    """An Ethernet frame."""
    return f"{dst}{src}{kind}{rest}"


ROUTE = entry("ipv4_lpm", {"hdr.ipv4.dst": "10.0.2.2/32"}, act("forward", mac=0x200, port=2))
HOP = modify(default("hop", act("add_hop", id=7)))


def traced(before: str, after: str) -> Send:
    """A packet with a trace."""
    return Send(1, frame(HERE, SOURCE, ipv4(64, before)), {2: frame(NEXT, HERE, ipv4(63, after))})


CASES = [
    Case(
        "plain",
        "A packet without options is routed only; a wrong checksum is put right.",
        (ROUTE,),
        (
            HOP,
            Send(1, frame(HERE, SOURCE, ipv4(64, correct=False)), {2: frame(NEXT, HERE, ipv4(63))}),
            Send(1, frame(HERE, SOURCE, ipv4(1))),
            Send(1, frame(HERE, SOURCE, ipv4(64), kind="86dd")),
        ),
    ),
    Case(
        "hops",
        "A hop is pushed in front of those before it.",
        (ROUTE,),
        (
            HOP,
            traced(trace(), trace((7, 0))),
            traced(trace((3, 5)), trace((7, 0), (3, 5))),
            traced(trace((3, 5), (2, 1), (1, 0)), trace((7, 0), (3, 5), (2, 1), (1, 0))),
        ),
    ),
    Case(
        "no-hop",
        "Without a switch id nothing is written.",
        (ROUTE,),
        (traced(trace((3, 5)), trace((3, 5))),),
    ),
    Case(
        "other-option",
        "Another option is left alone.",
        (ROUTE,),
        (HOP, traced("94040000", "94040000")),
    ),
    Case(
        "source-route",
        "The first port of the route is taken off; the last one ends the route.",
        (),
        (
            Send(
                1,
                frame(HERE, SOURCE, "0003 0002 8001" + ipv4(64), "1234"),
                {3: frame(HERE, SOURCE, "0002 8001" + ipv4(63), "1234")},
            ),
            Send(1, frame(HERE, SOURCE, "8004" + ipv4(64), "1234"), {4: frame(HERE, SOURCE, ipv4(63))}),
        ),
    ),
    Case(
        "source-route-and-trace",
        "Both at once.",
        (),
        (
            HOP,
            Send(
                1,
                frame(HERE, SOURCE, "8004" + ipv4(64, trace((1, 1))), "1234"),
                {4: frame(HERE, SOURCE, ipv4(63, trace((7, 0), (1, 1))))},
            ),
        ),
    ),
]
