from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t

if TYPE_CHECKING:
    from tests.unit.p4.compiler.front.conftest import Front

ACTIONS = """
    action set(bit<8> v) { meta.a = v; }
    action add(in bit<8> x, bit<8> y) { meta.a = x + y; }
    action nop() { }
"""


def table_of(front: Front, body: str) -> ast.TableDecl:
    checked = front.program(locals=ACTIONS + "table t {" + body + "}", apply="t.apply();")
    control = next(d for d in checked.declarations if d.name == "I")
    assert isinstance(control, ast.ControlDecl)
    return next(d for d in control.locals if isinstance(d, ast.TableDecl))


def errors_of(front: Front, body: str) -> list[str]:
    return front.program_errors(locals=ACTIONS + "table t {" + body + "}", apply="t.apply();")


def test_a_table_with_everything(front: Front) -> None:
    table = table_of(
        front,
        """
        key = { meta.a : exact; meta.c : lpm @name("c"); meta.flag : ternary; hdr.eth.dst[15:0] : range; }
        actions = { set; add(meta.b); nop; @defaultonly NoAction; }
        const default_action = add(meta.b, 7);
        const entries = {
            (1, 0x1200 &&& 0xFF00, true, 1 .. 5) : set(3);
            (2, _, _, _) : add(meta.b, 4) @id(7);
            (3, 5, false, 9) : nop;
        }
        size = 64;
        """,
    )
    assert [k.match_decl.name for k in table.keys or () if k.match_decl] == [
        "exact",
        "lpm",
        "ternary",
        "range",
    ]
    listed, by_default = table.actions[1], table.default_action
    assert [b.expr is None for b in listed.bound] == [False, True]
    assert by_default is not None
    assert by_default.bound[1].expr is not None
    assert (by_default.bound[1].expr.value, by_default.bound[1].type) == (7, t.bits(8))
    first, second, third = table.entries or []
    mask, span = first.keys[1], first.keys[3]
    assert isinstance(mask, ast.Mask)
    assert (mask.left.value, mask.right.value, mask.left.type) == (0x1200, 0xFF00, t.bits(16))
    assert isinstance(span, ast.Range)
    assert isinstance(second.keys[1], ast.DontCare)
    assert [k.value for k in third.keys] == [3, 5, False, 9]
    assert first.action.bound[0].expr is not None
    assert first.action.bound[0].expr.value == 3


def test_entries_of_keys_with_other_types(front: Front) -> None:
    top = "enum bit<8> Kind { A = 1 } type bit<9> Port; enum Plain { X }"
    locals_text = """
        Kind k = Kind.A; Port p = (Port) 1; Plain e = Plain.X;
        table t {
            key = { k : exact; p : exact; e : exact; sm.parser_error : exact; hdr.eth.isValid() : exact; }
            actions = { NoAction; }
            const entries = { (Kind.A, (Port) 5, Plain.X, error.NoError, true) : NoAction(); }
        }
    """
    assert front.program_errors(top=top, locals=locals_text, apply="t.apply();") == []


def test_priorities_and_order(front: Front) -> None:
    table = table_of(
        front,
        """
        key = { meta.a : ternary; } actions = { set; }
        entries = { priority = 10 : 1 &&& 3 : set(1); _ : set(2); const priority = (3 + 1) : 7 : set(3); }
        default_action = set(0);
        """,
    )
    found = [(e.priority.value if e.priority else None, e.const) for e in table.entries or ()]
    assert found == [(10, False), (None, False), (4, True)]
    assert not table.const_entries


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("key = { meta.a : exact; }", "the table t has no actions"),
        ("key = { meta.a : nope; } actions = { nop; }", "nope is not a match kind: there are exact"),
        ("key = { hdr.eth : exact; } actions = { nop; }", "a key is an integer, a bool, an enum or an error"),
        ("actions = { nop; nop; }", "the action nop is listed twice"),
        ("actions = { nope; }", "nothing named nope is declared here"),
        ("actions = { hdr; }", "hdr is a parameter, and an action is needed"),
        ("actions = { set(1); }", "v has no direction: its value comes from the control plane"),
        ("actions = { add; }", "the parameter x of add has no argument"),
        ("actions = { nop; } default_action = set(1);", "set is not among the actions of the table t"),
        ("actions = { set; } default_action = set;", "the parameter v of set has no argument"),
        ("actions = { set; } default_action = set(meta.b);", "must be known at compile time"),
        ("actions = { add(meta.a); } default_action = add(meta.b, 1);", "differs from the one in the list"),
        ("actions = { @tableonly nop; } default_action = nop;", "is @tableonly and cannot be the default"),
        (
            "key = { meta.a : exact; } actions = { @defaultonly nop; } const entries = { 1 : nop; }",
            "is @defaultonly and cannot be in an entry",
        ),
        (
            "key = { meta.a : exact; } actions = { nop; } entries = { (1, 2) : nop; }",
            "has 2 keys, and the table t has 1",
        ),
        ("actions = { nop; } entries = { 1 : nop; }", "has no key, so it cannot have entries"),
        (
            "key = { meta.a : exact; } actions = { nop; } entries = { meta.b : nop; }",
            "must be known at compile time",
        ),
        ("key = { meta.a : exact; } actions = { nop; } entries = { true : nop; }", "this key has type bool"),
        (
            "key = { meta.a : exact; } actions = { nop; } entries = { 1 &&& 3 : nop; }",
            "a key that matches exact cannot have a mask",
        ),
        (
            "key = { meta.a : ternary; } actions = { nop; } entries = { 1 .. 3 : nop; }",
            "a key that matches ternary cannot have a range",
        ),
        ("key = { meta.a : lpm; } actions = { nop; } entries = { 1 &&& 5 : nop; }", "is no prefix of 8 bits"),
        (
            "key = { meta.a : exact; } actions = { nop; } entries = { priority = 1 : 1 : nop; }",
            "entries have priorities only with a ternary, range or optional key",
        ),
        (
            "key = { meta.a : ternary; } actions = { nop; } const entries = { priority = 1 : 1 : nop; }",
            "const entries have no priorities",
        ),
        (
            "key = { meta.a : ternary; } actions = { nop; } entries = { 1 : nop; priority = 1 : 2 : nop; }",
            "the first entry needs a priority",
        ),
        ("actions = { nop; } size = true;", "the size of a table is an integer, not bool"),
        ("actions = { nop; } size = 1; size = 2;", "has the property size twice"),
        ("actions = { nop; } priority_delta = 0;", "priority_delta is a positive number"),
    ],
)
def test_wrong_tables(front: Front, body: str, message: str) -> None:
    errors = errors_of(front, body)
    assert any(message in e for e in errors), errors


def test_tables_without_default_need_no_action(front: Front) -> None:
    text = "control c() { action a() {} table t { actions = { a; } } apply { t.apply(); } }"
    assert any("there is no NoAction: include core.p4" in e for e in front.errors(text))


def test_entries_that_never_match_warn(front: Front) -> None:
    body = "key = { meta.a : exact; } actions = { nop; } const entries = { 1 : nop; 2 : nop; 1 : nop; }"
    source = front.source(locals=ACTIONS + "table t {" + body + "}", apply="t.apply();")
    assert [n for n, _ in front.warnings(source) if n != "unused"] == ["keys"]
