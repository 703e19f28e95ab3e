"""Rarer constructs: P4_16 §8 (expressions), §12 (statements, loops), §14.2 (entries with priorities)."""

from __future__ import annotations

from tests.conformance.case import Case, Send

CELLS = "c0c1c2c3"


def change(
    op: int, given: tuple[int, int, int], result: tuple[int, int, int], w: tuple[int, int] = (0, 0),
    cells: str = CELLS, text: tuple[str, str] = ("", ""),
) -> Send:  # fmt: skip
    """(a, b, c), w, cells and text before and after."""
    before = f"{op:02x}{bytes(given).hex()}{w[0]:08x}{'00' * 8}{CELLS}{text[0]}"
    after = f"{op:02x}{bytes(result).hex()}{w[1]:08x}{'00' * 8}{cells}{text[1]}"
    return Send(1, before, {1: after})


CASES = [
    Case(
        "control-flow-in-actions",
        "if, return and exit in an action with action data.",
        (),
        (
            change(1, (99, 0, 0), (99, 0xBB, 17)),
            change(1, (99, 1, 0), (99, 0xBB, 18)),
            change(1, (100, 0, 0), (100, 0xBB, 3)),
            change(1, (101, 0, 0), (101, 0xBB, 20)),
            change(1, (201, 0, 0), (201, 0xBB, 25)),
            change(1, (255, 0, 0), (255, 0, 9)),
        ),
    ),
    Case(
        "tables-in-conditions",
        "A table in a condition is applied once, and not where && leaves it out.",
        (),
        (
            change(2, (7, 0, 0), (7, 0x77, 0x11)),
            change(2, (8, 0, 0), (8, 0, 0x11)),
            change(3, (7, 0, 0), (7, 0x88, 0x33)),
        ),
    ),
    Case(
        "atomic",
        "A register read and written in an atomic block of an action, called twice.",
        (),
        (
            change(4, (0, 0, 0), (0, 0, 0), (5, 5)),
            change(4, (0, 0, 0), (0, 0, 0), (1, 6)),
        ),
    ),
    Case(
        "run-time-index",
        "A stack is read and written at an index known at run time.",
        (),
        (
            change(5, (2, 0, 0), (2, 0xC2, 0), cells="eec1c2c3"),
            change(5, (7, 0, 3), (7, 0xC3, 3), cells="c0c1c2ee"),
            change(5, (0, 0, 5), (0, 0xC0, 5), cells="c0eec2c3"),
        ),
    ),
    Case(
        "loops",
        "for over a range and with a condition, break and continue.",
        (),
        (change(6, (2, 0, 0), (2, 2, 7)), change(6, (9, 0, 1), (9, 4, 8))),
    ),
    Case("structs", "Structs are values: copies change apart.", (), (change(7, (0, 0, 0), (10, 0xFF, 2)),)),
    Case(
        "header-in-metadata",
        "A header may be a field of the metadata, with a validity of its own.",
        (),
        (change(8, (5, 0, 0), (0, 5, 2)),),
    ),
    Case(
        "constants",
        "Expressions of constants are computed as at run time.",
        (),
        (change(9, (0, 0, 0), (0x7F, 0x80, 4), (0, 0xADBE7FFF)),),
    ),
    Case(
        "entries-with-priorities",
        "With largest_priority_wins = false the entry of the lowest priority counts.",
        (),
        (
            change(10, (0x11, 0, 0), (0x11, 0, 2)),
            change(10, (0x12, 0, 0), (0x12, 0, 1)),
            change(10, (0x22, 0, 0), (0x22, 0, 3)),
        ),
    ),
    Case(
        "slices-of-itself",
        "A slice is assigned from another of the same field; log_msg, assert and assume do nothing.",
        (),
        (change(11, (0x42, 0, 0), (0x42, 0x43, 0), (0xA1B2C3D4, 0x42B2C3A1)),),
    ),
    Case(
        "errors-and-choices",
        "error is a type; conditional operators nest.",
        (),
        (
            change(12, (0, 0, 0), (0xAA, 1, 0)),
            change(12, (0, 0, 1), (0xAA, 2, 1)),
            change(12, (0, 1, 1), (0xAA, 3, 1)),
        ),
    ),
    Case(
        "compound-assignment",
        "a op= b is a = a op b.",
        (),
        (change(13, (254, 0, 0x81), (3, 255, 4), (0x10, 0x80000011)),),
    ),
    Case(
        "sizes",
        "minSizeInBytes and minSizeInBits are constants; elements of a stack compare as headers.",
        (),
        (change(14, (0, 9, 0), (129, 0, 0)),),
    ),
    Case(
        "varbit-copies",
        "A varbit field is copied with its length.",
        (),
        (
            change(0x31, (0, 0, 0), (0, 0, 0), text=("03abcdef55", "03abcdef55")),
            change(0x32, (0, 0, 0), (0, 0, 0), text=("03abcdef55", "03abcdefccabcdef55")),
            change(0x30, (0, 0, 0), (0, 0, 0), text=("0055", "0055")),
        ),
    ),
]
