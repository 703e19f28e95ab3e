"""The calculator, in the style of teaching material."""

from __future__ import annotations

from tests.conformance.case import Case, Send

ASKS, SWITCH = "0a0a0a0a0a0a", "0b0b0b0b0b0b"


def question(op: str, left: int, right: int, result: int, port: int = 3) -> Send:
    """A question and its answer."""
    body = f"1234 434101{ord(op):02x} {left:08x} {right:08x}"
    return Send(port, f"{SWITCH}{ASKS}{body}00000000", {port: f"{ASKS}{SWITCH}{body}{result:08x}"})


CASES = [
    Case(
        "answers",
        "const entries name actions that call another action.",
        (),
        (
            question("+", 1, 2, 3),
            question("+", 0xFFFFFFFF, 2, 1, port=0),
            question("-", 1, 2, 0xFFFFFFFF),
            question("&", 0xF0F0, 0xFF00, 0xF000),
            question("|", 0xF0F0, 0x0F00, 0xFFF0),
            question("^", 0xF0F0, 0xFF00, 0x0FF0, port=7),
            question("<", 3, 31, 0x80000000),
            question("<", 3, 32, 0),
        ),
    ),
    Case(
        "refused",
        "What is no question, or of no known operator, is dropped.",
        (),
        (
            Send(1, f"{SWITCH}{ASKS}1234 434101 2a 00000001 00000001 00000000"),
            Send(1, f"{SWITCH}{ASKS}1234 434102 2b 00000001 00000001 00000000"),
            Send(1, f"{SWITCH}{ASKS}1235 434101 2b 00000001 00000001 00000000"),
            Send(1, f"{SWITCH}{ASKS}1234 4341"),
        ),
    ),
]
