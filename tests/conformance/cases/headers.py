"""Headers and header stacks: P4_16 §8.17 (headers) and §8.18 (stacks)."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Case, Send


def packet(
    op: int, rest: str, out: str, *, value: int = 0xEE, second: int = 0, argument: int = 0, egress: str = "**"
) -> Send:
    """A packet; `out` is what follows the request, `egress` is packet_length as egress sees it."""
    data = "".join(f"{op:02x}{argument:02x}{'00' * 12}{rest}".split())
    return Send(1, data, {4: f"{value:02x}{second:02x}{len(data) // 2:02x}{egress}" + "00" * 12 + out})


def stack(op: int, before: str, after: str, **answer: Any) -> Send:
    """Items before and after, with the payload behind them."""
    return packet(op, before + "00 abcd", after + "00 abcd", **answer)


CASES = [
    Case(
        "untouched",
        "A stack is emitted in order, up to the elements that are valid.",
        (),
        (
            stack(0, "", ""),
            stack(0, "01", "01"),
            stack(0, "01 02 03", "01 02 03"),
            stack(0, "01020304", "01020304"),
        ),
    ),
    Case(
        "push-front",
        "push_front makes invalid elements at the front; what does not fit is lost.",
        (),
        (
            stack(1, "01 02", "01 02"),
            stack(2, "01 02", "f0 01 02"),
            stack(2, "", "f0"),
            stack(2, "01 02 03 04", "f0 01 02 03"),
            stack(4, "01 02 03 04", "f1 02 01 02"),
            stack(4, "01", "f1 01"),
        ),
    ),
    Case(
        "pop-front",
        "pop_front moves all elements to the front; the last become invalid.",
        (),
        (
            stack(3, "01 02 03", "02 03"),
            stack(3, "", ""),
            stack(3, "01020304", "020304"),
            stack(5, "01020304", ""),
            stack(6, "01020304", "f2 03 04"),
        ),
    ),
    Case(
        "elements",
        "Elements of a stack are headers: validity and values are copied, and each alone changes.",
        (),
        (
            stack(7, "01 02 03", "01 03"),
            stack(8, "01 02 03", "02 01 03"),
            stack(8, "01", "01"),
            stack(9, "01", "01 33", argument=0x33),
        ),
    ),
    Case(
        "packet-length",
        "packet_length in egress counts what setValid and setInvalid add and remove.",
        (),
        (
            stack(0, "01", "01", egress=f"{18 + 2:02x}"),
            stack(7, "01 02 03", "01 03", egress=f"{20 + 2 - 1:02x}"),
            stack(9, "01", "01 33", argument=0x33, egress=f"{18 + 2 + 1:02x}"),
        ),
    ),
    Case(
        "validity",
        "isValid tells what was extracted.",
        (),
        (
            stack(10, "", "", value=0),
            stack(10, "01", "01", value=1),
            stack(10, "01 02", "01 02", value=3),
            stack(10, "01020304", "01020304", value=15),
        ),
    ),
    Case(
        "inout-headers",
        "Headers as inout arguments are copied in and out.",
        (),
        (packet(0x41, "a1a2 b1b2 ff", "b1b2 a1a2 ff"),),
    ),
    Case(
        "assignment",
        "A header assigned takes value and validity; the copy is its own.",
        (),
        (packet(0x42, "a1a2 b1b2 ff", "b1b2 a177 ff"), packet(0x43, "a1a2 b1b2 ff", "b1b2 ff")),
    ),
    Case(
        "write-to-invalid",
        "A write to a field of an invalid header has no effect on the packet.",
        (),
        (packet(0x44, "a1a2 b1b2 ff", "b1b2 ff"),),
    ),
    Case(
        "comparison",
        "Headers are equal if both are invalid, or both valid with equal fields.",
        (),
        (
            packet(0x45, "a1a2 b1b2 ff", "a1a2 a1a2 ff", value=0, second=1),
            packet(0x45, "a1a2 a1a2 ff", "a1a2 a1a2 ff", value=1, second=1),
            packet(0x46, "0000 b1b2 ff", "b1b2 ff", value=0, second=1),
        ),
    ),
    Case(
        "structs-of-headers",
        "A struct of headers is copied member by member.",
        (),
        (packet(0x47, "a1a2 b1b2 ff", "11b1 b1b2 ff"), packet(0x48, "a1a2 b1b2 ff", "0102 0403 0506 ff")),
    ),
    Case(
        "set-valid",
        "setValid of a valid header keeps its fields.",
        (),
        (packet(0x49, "a1a2 b1b2 ff", "a1a2 2122 ff"),),
    ),
    Case(
        "unions",
        "An assigned header union has the valid header of the other with its fields, whichever it is.",
        (),
        (
            packet(0x80, "77 abcd", "7777abcd"),
            packet(0x81, "1234 abcd", "12341234abcd"),
            packet(0x83, "1234 abcd", "1234abcd", value=0),
        ),
    ),
]
