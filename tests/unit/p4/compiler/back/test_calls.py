"""Calls: copy-in and copy-out, return and exit, instances and their parameters."""

from __future__ import annotations

import pytest

from testbed.p4.compiler.diagnostics import CompileError

FRAME = bytes(range(1, 13))  # a=1 b=2 c=0x0304 d=0x05060708 s=9 t=0x0a0b n=0 m=12


def run(build, code: str, **parts: str) -> bytes:
    """The twelve bytes of `h.i` as they leave."""
    [(_, left)] = build(ingress=code, deparser="pkt.emit(h.i);", **parts).send(FRAME)
    return left


FUNCTIONS = """
void swap(inout bit<8> x, inout bit<8> y) { bit<8> t = x; x = y; y = t; }
void add_twice(in bit<8> k, inout bit<8> x) { x = x + k; x = x + k; }
bit<8> first(in bit<8> x) { if (x == 1) { return 10; } return 20; }
T pick<T>(in bool c, in T x, in T y) { if (c) { return x; } return y; }
bit<8> set9(inout bit<8> x) { x = 9; return x; }
void add(inout bit<8> x, in bit<8> y) { x = x + y; }
void fresh(out in_t x) { if (!x.isValid()) { x.setValid(); x.a = 7; } }
"""

FUNCTION_CASES = {
    "arguments stand for variables": ("swap(h.i.a, h.i.b);", {0: 2, 1: 1}),
    "the same variable twice": ("swap(h.i.a, h.i.a);", {0: 1}),
    "in is a copy where inout is the same": ("add_twice(h.i.b, h.i.b);", {1: 6}),
    "slices are copied out": ("add_twice(2, h.i.d[15:8]);", {4: 5, 5: 6, 6: 11, 7: 8}),
    "return in the middle": ("h.i.a = first(h.i.a); h.i.b = first(h.i.b);", {0: 10, 1: 20}),
    "generic": ("h.i.a = pick(h.i.b == 2, 8w5, 8w6); h.i.c = pick(false, 16w5, 16w6);", {0: 5, 2: 0, 3: 6}),
    "out headers start invalid": ("fresh(h.i);", {0: 7}),
    "inout is read before later arguments change it": ("add(h.i.a, set9(h.i.a));", {0: 10}),
    "nested calls": ("h.i.a = first(first(h.i.a) - 9);", {0: 10}),
}


@pytest.mark.parametrize(("code", "expected"), FUNCTION_CASES.values(), ids=FUNCTION_CASES.keys())
def test_functions(build, code: str, expected: dict[int, int]) -> None:
    left = run(build, code, globals=FUNCTIONS)
    assert {i: left[i] for i in expected} == expected


ACTIONS = """
    action bump(inout bit<8> x) { h.i.a = h.i.a + 1; x = x + h.i.a; }
    action leave_early(inout bit<8> x) { if (x == 2) { return; } x = 99; }
    action outer(bit<8> k) { bump(h.i.b); h.i.b = h.i.b + k; }
    action stop() { exit; }
"""
ACTION_CASES = {
    "an argument that the action also names is copied": ("bump(h.i.a);", {0: 3}),
    "another one is not": ("bump(h.i.b);", {0: 2, 1: 4}),
    "return ends the action only": (
        "leave_early(h.i.b); leave_early(h.i.a); h.i.c = 0;",
        {0: 99, 1: 2, 2: 0},
    ),
    "actions call actions": ("outer(3);", {0: 2, 1: 7}),
    "exit ends the pipeline": ("h.i.b = 5; stop(); h.i.a = 0;", {0: 1, 1: 5}),
    "exit in a branch": ("if (h.i.a == 1) { stop(); } h.i.b = 0;", {1: 2}),
}


@pytest.mark.parametrize(("code", "expected"), ACTION_CASES.values(), ids=ACTION_CASES.keys())
def test_actions(build, code: str, expected: dict[int, int]) -> None:
    left = run(build, code, locals=ACTIONS)
    assert {i: left[i] for i in expected} == expected


CONTROLS = """
control Add(inout bit<8> x)(bit<8> k) { apply { x = x + k; } }
control Twice(inout bit<8> x) { Add(3) once; apply { once.apply(x); once.apply(x); } }
control Early(inout bit<8> x, in bit<8> y) {
    apply { if (y == 2) { x = 7; return; } x = 8; }
}
control Stop(inout bit<8> x) { apply { x = 5; exit; } }
control Alias(inout in_t i, in bit<8> old) { apply { i.a = 50; i.b = old; } }
control adder_t(inout bit<8> x);
control Hand(inout bit<8> x)(adder_t how) { apply { how.apply(x); } }
"""
CONTROL_CASES = {
    "constructor parameters": ("one.apply(h.i.a); two.apply(h.i.b);", {0: 2, 1: 22}),
    "instances inside": ("twice.apply(h.i.a);", {0: 7}),
    "return ends the control only": ("Early.apply(h.i.a, h.i.b); h.i.b = 1;", {0: 7, 1: 1}),
    "exit copies out first": ("stop.apply(h.i.d[15:8]); h.i.a = 0;", {0: 1, 6: 5}),
    "in of something that changes": ("alias.apply(h.i, h.i.a);", {0: 50, 1: 1}),
    "controls as constructor arguments": ("hand.apply(h.i.a);", {0: 12}),
}
INSTANCES = "Add(1) one; Add(20) two; Twice() twice; Stop() stop; Alias() alias; Hand(Add(11)) hand;"


@pytest.mark.parametrize(("code", "expected"), CONTROL_CASES.values(), ids=CONTROL_CASES.keys())
def test_controls(build, code: str, expected: dict[int, int]) -> None:
    left = run(build, code, globals=CONTROLS, locals=INSTANCES)
    assert {i: left[i] for i in expected} == expected


def test_egress_runs_after_exit_in_ingress(build) -> None:
    assert run(build, "exit;", egress="h.i.b = 77;")[1] == 77


WITH_TABLE = """
control Sub(inout in_t i)(bit<8> k) {
    counter(4, CounterType.packets) seen;
    action set(bit<8> v) { i.b = v + k; seen.count(0); }
    table t {
        key = { i.a : exact; }
        actions = { set; NoAction; }
        const entries = { 1 : set(40); }
    }
    apply { t.apply(); }
}
"""


def test_instances_have_objects_of_their_own(build) -> None:
    program = build(
        globals=WITH_TABLE,
        locals="Sub(1) x; Sub(2) y;",
        ingress="x.apply(h.i); y.apply(h.i);",
        deparser="pkt.emit(h.i);",
    )
    [(_, left)] = program.send(FRAME)
    assert left[1] == 42
    assert {t.preamble.name for t in program.result.p4info.tables} == {"I.x.t", "I.y.t"}
    assert {c["name"] for c in program.json["counter_arrays"]} == {"I.x.seen", "I.y.seen"}


def test_a_control_with_tables_is_applied_once(build) -> None:
    with pytest.raises(CompileError, match="applied more than once"):
        build(globals=WITH_TABLE, locals="Sub(1) x;", ingress="x.apply(h.i); x.apply(h.i);")


def test_exit_in_a_table_must_not_lose_copies(build) -> None:
    code = """
        control Cut(inout bit<8> x) {
            action stop() { x = 1; exit; }
            table t { actions = { stop; } default_action = stop(); }
            apply { t.apply(); }
        }
    """
    assert run(build, "cut.apply(h.i.a); h.i.b = 9;", globals=code, locals="Cut() cut;")[:2] == b"\x01\x02"
    with pytest.raises(CompileError, match="exit in an action of a table"):
        build(globals=code, locals="Cut() cut;", ingress="cut.apply(h.i.d[7:0]);")


def test_bound_action_arguments_are_read_when_the_action_runs(build) -> None:
    left = run(
        build,
        "h.i.a = 9; t.apply();",
        locals="""
            action add(in bit<8> x, inout bit<8> y, bit<8> k) { y = x + k; }
            table t { actions = { add(h.i.a, h.i.b); } default_action = add(h.i.a, h.i.b, 3); }
        """,
    )
    assert left[1] == 12
