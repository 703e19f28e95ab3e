"""Branches over tables and conditions, and what becomes of statements outside actions."""

from __future__ import annotations

import pytest

from testbed.p4.compiler.diagnostics import CompileError

TABLE = """
    action one() { h.i.b = 1; }
    action two(bit<8> v) { h.i.b = v; }
    action out_of_here() { exit; }
    table t {
        key = { h.i.a : exact; }
        actions = { one; two; out_of_here; NoAction; }
        const default_action = NoAction();
        const entries = { 1 : one(); 2 : two(22); 3 : out_of_here(); }
    }
"""


def outcome(build, code: str, a: int, locals_: str = TABLE) -> tuple[int, int]:
    """`b` and `n` of what leaves, for a frame whose `a` is given."""
    program = build(ingress=code, locals=locals_, deparser="pkt.emit(h.i);")
    [(_, left)] = program.send(bytes([a, 100]) + bytes(10))
    return left[1], left[11] >> 4


RUNS = {
    "if hit": ("if (t.apply().hit) { h.i.n = 1; } else { h.i.n = 2; }", [(1, 1, 1), (2, 22, 1), (9, 100, 2)]),
    "if miss": ("if (t.apply().miss) { h.i.n = 1; }", [(1, 1, 0), (9, 100, 1)]),
    "if not hit": ("if (!t.apply().hit) { h.i.n = 3; }", [(1, 1, 0), (9, 100, 3)]),
    "hit in an expression": (
        "bool x = t.apply().hit && h.i.b == 1; if (x) { h.i.n = 4; }",
        [(1, 1, 4), (2, 22, 0), (9, 100, 0)],
    ),
    "switch": (
        "switch (t.apply().action_run) { one: { h.i.n = 1; } two: { h.i.n = 2; } default: { h.i.n = 3; } }",
        [(1, 1, 1), (2, 22, 2), (9, 100, 3)],
    ),
    "switch falls through": (
        "switch (t.apply().action_run) { one: two: { h.i.n = 5; } } h.i.m = 1;",
        [(1, 1, 5), (2, 22, 5), (9, 100, 0)],
    ),
    "exit in an action": ("t.apply(); h.i.n = 7;", [(1, 1, 7), (3, 100, 0)]),
    "return": ("if (t.apply().hit) { return; } h.i.n = 7;", [(1, 1, 0), (9, 100, 7)]),
    "switch on a value": (
        "switch (h.i.a) { 1: { h.i.n = 1; } 2: 3: { h.i.n = 2; } default: { h.i.n = 9; } }",
        [(1, 100, 1), (3, 100, 2), (4, 100, 9)],
    ),
    "switch evaluates its subject once": (
        "switch (h.i.a) { 1: { h.i.a = 2; } 2: { h.i.n = 2; } }",
        [(1, 100, 0), (2, 100, 2)],
    ),
    "else if": (
        "if (h.i.a == 1) { h.i.n = 1; } else if (h.i.a == 2) { h.i.n = 2; } else { h.i.n = 3; } h.i.b = 5;",
        [(1, 5, 1), (2, 5, 2), (3, 5, 3)],
    ),
}


@pytest.mark.parametrize(("code", "cases"), RUNS.values(), ids=RUNS.keys())
def test_branches(build, code: str, cases: list[tuple[int, int, int]]) -> None:
    for a, b, n in cases:
        assert outcome(build, code, a) == (b, n), f"a = {a}"


def test_constant_conditions_leave_no_trace(build) -> None:
    program = build(ingress="if (false) { t.apply(); } else { h.i.b = 1; }", locals=TABLE)
    assert not program.json["pipelines"][0]["conditionals"]
    assert not program.result.p4info.tables


def test_directly_called_actions_keep_their_names(build) -> None:
    program = build(ingress="one();", locals=TABLE)
    assert program.action("I.one")["primitives"]
    assert program.table("tbl_one")["actions"] == ["I.one"]
    assert [a.preamble.name for a in program.result.p4info.actions] == ["I.one"]


def test_statements_between_tables_share_an_action(build) -> None:
    program = build(ingress="h.i.a = 1; h.i.b = 2; t.apply(); h.i.n = 3;", locals=TABLE)
    names = [t["name"] for t in program.json["pipelines"][0]["tables"]]
    assert len(names) == 3
    assert names[1] == "I.t"
    assert all(name.startswith("tbl_") for name in (names[0], names[2]))


def test_if_inside_an_action_jumps(build) -> None:
    program = build(
        ingress="choose();",
        locals="action choose() { if (h.i.a == 1) { h.i.b = 1; } else { h.i.b = 2; } h.i.n = 5; }",
    )
    ops = [p["op"] for p in program.action("I.choose")["primitives"]]
    assert ops == ["_jump_if_zero", "assign", "_jump", "assign", "assign"]
    assert outcome(build, "t.apply();", 1) == (1, 0)


def test_a_table_applied_twice_alike_is_one_node(build) -> None:
    code = "if (h.i.a == 1) { t.apply(); } else { t.apply(); } h.i.n = 6;"
    assert outcome(build, code, 1) == (1, 6)
    assert outcome(build, code, 2) == (22, 6)


def test_unreachable_statements_are_left_out(build) -> None:
    program = build(ingress="exit; t.apply();", locals=TABLE)
    assert not program.result.p4info.tables


LOOPS = {
    "counting": ("for (bit<8> k = 0; k < 3; k = k + 1) { h.i.b = h.i.b + k; }", 103, 0),
    "break and continue": (
        """for (bit<8> k = 0; k < 9; k += 1) {
            if (k == 2) { continue; } if (h.i.a == k) { h.i.n = 7; break; } h.i.b = h.i.b + 1;
        }""",
        104,
        7,
    ),
    "over a range": ("for (bit<8> k in 1 .. 4) { h.i.b = h.i.b + k; }", 110, 0),
    "nested": (
        "for (bit<8> j in 1 .. 3) { for (bit<8> k in 1 .. j) { if (k == 2) { break; } h.i.b = h.i.b + 1; } }",
        103,
        0,
    ),
    "a counter from outside": (
        "bit<8> k; for (k = 0; k < 9; k = k + 1) { if (k == h.i.a) { break; } } h.i.b = k;",
        5,
        0,
    ),
    "a variable that the body changes": (
        "for (bit<8> k in 1 .. 3) { k = k * 2; h.i.b = h.i.b + k; }",
        112,
        0,
    ),
}


@pytest.mark.parametrize(("code", "b", "n"), LOOPS.values(), ids=LOOPS.keys())
def test_loops(build, code: str, b: int, n: int) -> None:
    assert outcome(build, code, 5) == (b, n)


def test_loops_of_unknown_length_are_refused(build) -> None:
    with pytest.raises(CompileError, match="not known at compile time"):
        build(ingress="for (bit<8> k = 0; k < h.i.a; k = k + 1) { h.i.b = h.i.b + 1; }")
