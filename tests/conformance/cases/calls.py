"""Calls: P4_16 §6.8 (calling convention), §8.1 (evaluation order), §12.7 (return, exit), §12.8 (switch)."""

from __future__ import annotations

from tests.conformance.case import Case, Send


def call(
    op: int, given: tuple[int, int, int], result: tuple[int, int, int], trace: int = 0, *,
    ended: bool = False, egress: bool = True,
) -> Send:  # fmt: skip
    """(a, b, c) before and after. `ended`: ingress did not get to its last statement."""
    data = f"{op:02x}" + bytes(given).hex() + "00" + "00" * 9
    done = op if ended else op | 0x80
    tail = "4433" if egress else "0000"
    return Send(1, data, {5: f"{done:02x}" + bytes(result).hex() + f"{trace:02x}" + "00" * 7 + tail})


CASES = [
    Case(
        "left-to-right",
        "Operands are evaluated from left to right.",
        (),
        (call(1, (3, 0, 0), (3, 5, 0x34)),),
    ),
    Case(
        "short-circuit",
        "&& and || do not evaluate their right side if the left decides.",
        (),
        (
            call(2, (101, 0, 0), (101, 102, 0), 3),
            call(2, (7, 0, 0), (7, 8, 0), 2),
            call(2, (0, 0, 0), (0, 1, 0), 0),
        ),
    ),
    Case(
        "directions",
        "out, inout and in arguments of an action.",
        (),
        (call(3, (5, 6, 7), (5, 11, 5)),),
    ),
    Case(
        "out-unset",
        "An out argument that a function or action does not set is not what it was before; p4c makes it 0.",
        (),
        (call(40, (1, 6, 7), (1, 0, 7)), call(40, (2, 6, 7), (2, 5, 0)), call(40, (3, 6, 7), (3, 0, 0))),
    ),
    Case(
        "copy-out-order",
        "Arguments are copied out from left to right.",
        (),
        (call(4, (0, 9, 0), (0, 2, 0)),),
    ),
    Case(
        "copy-in",
        "An in argument is a copy: a change of its origin is not seen.",
        (),
        (call(5, (0, 10, 0), (0, 21, 0)),),
    ),
    Case(
        "return-in-action",
        "return ends the action only.",
        (),
        (call(6, (3, 0, 0), (3, 0, 0), 0x1A), call(6, (11, 0, 0), (11, 0, 0), 0x16)),
    ),
    Case(
        "controls",
        "Instances of a control have their own constructor arguments; locals are new each time.",
        (),
        (
            call(7, (10, 20, 0), (15, 39, 54), 0x20),
            call(7, (60, 180, 0), (50, 200, 250), 0x20),
            call(7, (10, 20, 0), (15, 39, 54), 0x20),
        ),
    ),
    Case(
        "exit-in-control",
        "exit in a nested control ends ingress, with copy-out done; egress runs.",
        (),
        (call(7, (10, 20, 0xEE), (15, 39, 0xEE), ended=True),),
    ),
    Case(
        "switch-on-action-run",
        "switch takes the action that ran, else default.",
        (),
        (
            call(8, (1, 0, 0), (1, 0, 0x71), 0x41),
            call(8, (2, 0, 0), (2, 0, 0x5A), 0x42),
            call(8, (4, 0, 0), (4, 0, 42), 0x41),
            call(8, (9, 0, 0), (9, 0, 0), 0xC0),
        ),
    ),
    Case(
        "exit-in-table",
        "exit in an action of a table ends ingress.",
        (),
        (call(8, (3, 0, 0), (3, 0, 0), 1, ended=True), call(9, (3, 0, 0), (3, 0, 0), 1, ended=True)),
    ),
    Case(
        "functions",
        "Functions return from anywhere, and their results are arguments of others.",
        (),
        (
            call(9, (1, 0, 0), (1, 42, 0x5A)),
            call(9, (100, 0, 0), (100, 200, 0), 4),
        ),
    ),
    Case(
        "switch-on-value",
        "switch on an expression; a label without a block shares the next.",
        (),
        (
            call(10, (1, 0, 0), (1, 0, 0), 1),
            call(10, (2, 0, 0), (2, 0, 0), 2),
            call(10, (3, 0, 0), (3, 0, 0), 2),
            call(10, (200, 0, 0), (200, 0, 0), 4),
            call(10, (0, 0, 0), (0, 0, 0), 8),
        ),
    ),
    Case(
        "struct-fields",
        "Fields of a struct are arguments of their own.",
        (),
        (call(11, (10, 0, 0), (18, 19, 210)), call(11, (99, 0, 0), (18, 19, 255))),
    ),
    Case(
        "enums",
        "Enums are switched on; serializable ones have values.",
        (),
        (
            call(12, (0, 0, 0), (0, 0, 0), 1),
            call(12, (1, 0, 0), (1, 0, 0), 2),
            call(12, (200, 0, 0), (200, 0, 0), 4),
        ),
    ),
    Case(
        "declarations",
        "A variable has its value from where it is declared; an inner one hides the outer.",
        (),
        (call(13, (7, 0, 0), (8, 7, 9)),),
    ),
    Case("slices", "Slices are put together anew.", (), (call(14, (0xAB, 1, 2), (0xBA, 2, 0x12)),)),
    Case(
        "tuples", "Members of a tuple are got by index.", (), (call(15, (0xF0, 0x3C, 0), (0xF0, 0x3C, 0xCC)),)
    ),
    Case("return", "return ends the control.", (), (call(16, (1, 2, 3), (1, 2, 3), ended=True),)),
    Case("exit", "exit from an action called by name.", (), (call(17, (1, 2, 3), (1, 2, 3), 1, ended=True),)),
    Case(
        "exit-in-egress",
        "exit in egress ends egress; the packet leaves.",
        (),
        (call(0, (1, 0xDD, 3), (1, 0xDD, 3), egress=False),),
    ),
]
