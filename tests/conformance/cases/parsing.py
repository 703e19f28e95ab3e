"""Parsers: P4_16 §12 (packet parsing); an error in the parser does not drop in v1model."""

from __future__ import annotations

import finsy as fy
from finsy.p4entity import P4ValueSetMember

from tests.conformance.case import Case, Send, modify

TOO_SHORT, OUT_OF_BOUNDS, INVALID_ARGUMENT = 1, 3, 5
BAD_VERSION, BAD_LENGTH = 0x80, 0x81
KIND, MARK, SECOND, OPTIONS, ITEM_0, ITEM_2 = 1, 2, 4, 8, 16, 32
TAIL = "c0ffee" * 5


def parsed(
    data: str, state: int, *, error: int = 0, extra: int = 0, valid: int = KIND, out: str | None = None
) -> Send:
    """A packet, what the parser made of it, and how it leaves behind the report."""
    report = f"{state:04x}{error:02x}{extra:02x}{valid:02x}" + "00" * 12
    return Send(1, data, {2: report + (data if out is None else out)})


def value_set(name: str, *values: P4ValueSetMember) -> fy.P4ValueSetEntry:
    """All the members of a value set."""
    return fy.P4ValueSetEntry(name, members=list(values))


NO_VALUE_SETS = "simple_switch_grpc has no value sets over P4Runtime"

CASES = [
    Case(
        "select",
        "select takes the first case that fits: values, masks, ranges, anything.",
        (),
        (
            parsed("0100" + TAIL, 2),
            parsed("0110" + TAIL, 3),
            parsed("011f" + TAIL, 3),
            parsed("0120" + TAIL, 4),
            parsed("0125" + TAIL, 4),
            parsed("012f" + TAIL, 4),
            parsed("0130" + TAIL, 5),
            parsed("0101" + TAIL, 5),
        ),
    ),
    Case(
        "select-order",
        "Cases are tried in order, though a later one be more specific.",
        (),
        (
            parsed("0b80" + TAIL, 17),
            parsed("0bff" + TAIL, 17),
            parsed("0b05" + TAIL, 19),
            parsed("0b09" + TAIL, 19),
            parsed("0b0a" + TAIL, 1),
        ),
    ),
    Case(
        "select-on-booleans",
        "Expressions, bool among them, can be selected on.",
        (),
        (
            parsed("0d00 05" + TAIL, 17, extra=6, out="0d0005" + TAIL),
            parsed("0d00 03" + TAIL, 19, extra=4, out="0d0003" + TAIL),
            parsed("0d00 04" + TAIL, 13, extra=5, out="0d0004" + TAIL),
            parsed("0d00 02" + TAIL, 13, extra=3, out="0d0002" + TAIL),
        ),
    ),
    Case(
        "no-match",
        "A select without a case that fits ends parsing; simple_switch accepts, without error.NoMatch.",
        (),
        (
            parsed("ee00" + TAIL, 1),
            parsed("0c00" + TAIL, 1),
            parsed("0c01" + TAIL, 1),
        ),
    ),
    Case(
        "explicit-reject",
        "reject ends parsing without an error of its own; the packet goes on.",
        (),
        (parsed("0a00" + TAIL, 1),),
    ),
    Case(
        "lookahead",
        "lookahead reads and does not move, of a value or of a header.",
        (),
        (
            parsed("0200 1234" + TAIL, 0x1234, extra=0x34, valid=KIND + MARK),
            parsed("0200 ffff" + TAIL, 0xFFFF, extra=0xFF, valid=KIND + MARK),
        ),
    ),
    Case(
        "bits-ahead",
        "lookahead reads any number of bits.",
        (),
        (
            parsed("0900 5a b7" + TAIL, 0x5A << 1 | 1),
            parsed("0900 aa 27" + TAIL, 0xAA << 1, extra=10),
        ),
    ),
    Case(
        "advance-half-a-byte",
        "advance goes by whole bytes in simple_switch; else it is error.ParserInvalidArgument.",
        (),
        (parsed("0e00" + TAIL, 20, error=INVALID_ARGUMENT),),
    ),
    Case(
        "advance",
        "advance leaves bytes out, which are not emitted again.",
        (),
        (
            parsed("0300 1234" + TAIL, 6, valid=KIND + MARK),
            parsed("0303 aabbcc 1234" + TAIL, 6, valid=KIND + MARK, out="0303 1234" + TAIL),
        ),
    ),
    Case(
        "advance-too-far",
        "advance beyond the end is error.PacketTooShort.",
        (),
        (parsed("0340" + TAIL, 1, error=TOO_SHORT),),
    ),
    Case(
        "too-short",
        "extract beyond the end is error.PacketTooShort, and the header is not valid.",
        (),
        (parsed("030b" + "11" * 12, 1, error=TOO_SHORT, out="030b" + "11"),),
    ),
    Case(
        "verify",
        "verify ends parsing with its error; what was extracted stays valid.",
        (),
        (
            parsed("0404 00ff" + TAIL, 8, valid=KIND + MARK),
            parsed("0403 00ff" + TAIL, 1, error=BAD_VERSION),
            parsed("0404 0100" + TAIL, 7, error=BAD_LENGTH, valid=KIND + MARK),
        ),
    ),
    Case(
        "varbit",
        "A varbit field has the length that extract is told, and is emitted with it.",
        (),
        (
            parsed("0500 0f" + TAIL, 9, valid=KIND + OPTIONS),
            parsed("0500 3f a1a2a3" + TAIL, 9, valid=KIND + OPTIONS),
            parsed("0500 ff" + "a5" * 15 + TAIL, 9, valid=KIND + OPTIONS),
        ),
    ),
    Case(
        "varbit-too-short",
        "A varbit field longer than the packet is error.PacketTooShort.",
        (),
        (parsed("0500 ff" + "a5" * 13, 1, error=TOO_SHORT),),
    ),
    Case(
        "stack",
        "next fills a stack, last is the element filled last.",
        (),
        (
            parsed("0600 0b" + TAIL, 10, extra=5, valid=KIND + ITEM_0),
            parsed("0600 02 04 07" + TAIL, 10, extra=6, valid=KIND + ITEM_0 + ITEM_2),
        ),
    ),
    Case(
        "stack-out-of-bounds",
        "next beyond the end of a stack is error.StackOutOfBounds; the elements stay.",
        (),
        (parsed("0600 02 04 06 08" + TAIL, 10, error=OUT_OF_BOUNDS, extra=6, valid=KIND + ITEM_0 + ITEM_2),),
    ),
    Case(
        "sub-parsers",
        "A sub-parser runs each time it is applied; its reject is the caller's.",
        (),
        (
            parsed("0800 1111 2222" + TAIL, 16, extra=2, valid=KIND + MARK + SECOND),
            parsed("0800 0000 2222" + TAIL, 16, extra=0x12, valid=KIND + MARK + SECOND),
            parsed("0800 dead 2222" + TAIL, 14, extra=1, valid=KIND + MARK),
            parsed("0800 0000 dead" + TAIL, 15, extra=0x12, valid=KIND + MARK + SECOND),
        ),
    ),
    Case(
        "value-set-empty",
        "A value set is empty at first and fits nothing.",
        (),
        (
            parsed("0700 1234" + TAIL, 1, valid=KIND + MARK),
            parsed("0705 0005" + TAIL, 13, valid=KIND + MARK),
        ),
    ),
    Case(
        "value-set",
        "The members of a value set fit.",
        (value_set("exact_marks", P4ValueSetMember(0x1234), P4ValueSetMember(0xFFFF)),),
        (
            parsed("0700 1234" + TAIL, 11, valid=KIND + MARK),
            parsed("0700 ffff" + TAIL, 11, valid=KIND + MARK),
            parsed("0700 1235" + TAIL, 1, valid=KIND + MARK),
        ),
        not_on_bmv2=NO_VALUE_SETS,
    ),
    Case(
        "value-set-of-structs",
        "Fields of a struct in a value set fit each as its @match says; new members replace the old ones.",
        (value_set("pairs", P4ValueSetMember(version=5, mark="0x0000/&0xff00")),),
        (
            parsed("0705 00aa" + TAIL, 12, valid=KIND + MARK),
            parsed("0705 0005" + TAIL, 12, valid=KIND + MARK),
            parsed("0705 0100" + TAIL, 1, valid=KIND + MARK),
            parsed("0706 0005" + TAIL, 1, valid=KIND + MARK),
            modify(value_set("pairs", P4ValueSetMember(version=6, mark="0x0001/&0x0001"))),
            parsed("0705 0005" + TAIL, 13, valid=KIND + MARK),
            parsed("0706 0005" + TAIL, 12, valid=KIND + MARK),
        ),
        not_on_bmv2=NO_VALUE_SETS,
    ),
]
