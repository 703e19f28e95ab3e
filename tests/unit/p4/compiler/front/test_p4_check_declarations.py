from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t

if TYPE_CHECKING:
    from tests.unit.p4.compiler.front.conftest import Front


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("struct S { bit<8> a; bit<4> a; }", "a is declared twice"),
        ("struct S { Nope a; }", "nothing named Nope is declared here"),
        ("struct S { void a; }", "a struct cannot have a field of type void"),
        ("enum E { A } header H { E e; }", "a header cannot have a field of type E"),
        ("header_union U { bit<8> a; }", "a header_union cannot have a field of type bit<8>"),
        ("const bit<8> A = 1; const bit<8> A = 2;", "A is declared twice"),
        ("enum E { A, A }", "A is declared twice"),
        ("enum bool E { A = true }", "the underlying type of an enum is bit<n> or int<n>, not bool"),
        ("enum bit<2> E { A = 1 == 1 }", "has type bool, and bit<2> is needed"),
        ("type tuple<bool> T;", "type makes new types of bit<n>, int<n> and bool"),
        ("typedef bit<-1> T;", "a width of -1 bits"),
        ("typedef int<0> T;", "a width of 0 bits"),
        ("const bit<8> w = 4; typedef bit<w + x> T;", "nothing named x is declared here"),
        ("struct S<T> { T x; } const S c = {1};", "S is generic and needs type arguments: S<T>"),
        ("struct S<T> { T x; } typedef S<bit<8>, bool> U;", "S takes 1 type arguments, and 2 are given"),
        ("struct S {} typedef S<bool> U;", "S is not generic, and 1 are given"),
        ("const bit<8> A = 1; typedef A T;", "A is a constant, not a type"),
        ("bit<8> f() { }", "f does not return a bit<8> on every path"),
        ("bit<8> f(in bool b) { if (b) return 1; }", "f does not return a bit<8> on every path"),
        ("void f() { return 1; }", "return takes no value here"),
        ("bit<8> f() { return; }", "return needs a value"),
        ("void f(in bit<8> a, in bit<8> a) { }", "two parameters are named a"),
        ("void f(in bit<8> a) { a = 1; }", "a is an in parameter, which cannot be written to"),
        ("void f() { f(); }", "f cannot refer to itself"),
        ("action a(bit<8> x, in bit<8> y) { }", "parameters with a direction stand before"),
        ("action a(int x) { }", "an action's parameter needs a width"),
        ("void f() { break; }", "break outside of a loop"),
        ("void f() { int x; }", "a variable cannot have the type int: give it a width"),
        ("extern E {} void f() { E e; }", "a variable cannot have the type E"),
        ("control c() { apply { c.apply(); } }", "c cannot refer to itself"),
        ("control c(in bit<8> x) { apply { bit<8> x = 1; } }", "x hides a parameter of that name"),
        ("control c() { bit<8> x; bit<8> x; apply { } }", "x is declared twice"),
        ("control c() { apply { y = 1; bit<8> y; } }", "nothing named y is declared here"),
        ("extern X {} control c(in X x) { apply { } }", "a parameter of type X has no direction"),
        ("control d(); control c(d x) { apply { } }", "a control cannot have a parameter of type d"),
        ("control c()(in bit<8> x) { apply { } }", "the parameters of a constructor have no direction"),
        ("control c() { apply { } } c() inst;", "can be instantiated in parsers and controls only"),
        ("extern X { X(); } control c() { apply { X() x; } }", "instances are declared with the parser"),
        ("const bit<8> main = 1;", "main must be an instance of a package"),
        ("extern E { void E(); }", "a constructor has no result"),
        ("extern E { F(); }", "a constructor is named E"),
        ("error { A } error { A }", "A is declared twice"),
        ("@name(4) const bit<8> A = 1;", "@name takes one string"),
        ('@id("x") const bit<8> A = 1;', "@id takes one number"),
        ("@s[a=1] @s[b=2] const bit<8> A = 1;", "@s is given twice"),
        ("@s[a=x] const bit<8> A = 1;", "nothing named x is declared here"),
    ],
)
def test_wrong_declarations(front: Front, text: str, message: str) -> None:
    errors = front.errors(text)
    assert any(message in e for e in errors), errors


def test_types_are_shared_and_structural(front: Front) -> None:
    text = """
    typedef bit<8> A; typedef A B; const int W = 4;
    header G<T> { T x; bit<W * 2> y; }
    struct S { G<B> one; G<bit<8>> two; G<bit<8>>[W] stack; tuple<A, bool> pair; }
    """
    struct = front.declaration(text, "S")
    assert isinstance(struct, ast.StructDecl)
    one, two, stack, pair = (f.type for f in struct.fields)
    assert one == two
    assert hash(one) == hash(two)
    assert str(one) == "G<bit<8>>"
    assert isinstance(one, t.HeaderType)
    assert [(f.name, str(f.type)) for f in one.fields] == [("x", "bit<8>"), ("y", "bit<8>")]
    assert stack == t.StackType(one, 4)
    assert str(pair) == "tuple<bit<8>, bool>"


def test_serializable_enums_may_build_on_earlier_members(front: Front) -> None:
    enum = front.declaration("enum bit<8> E { A = 1, B = A + 1, C = 4w1 ++ 4w2 }", "E")
    assert isinstance(enum, ast.SerEnumDecl)
    assert [m.number for m in enum.members] == [1, 2, 0x12]


def test_errors_are_numbered_over_all_declarations(front: Front) -> None:
    checked = front.text("#include <core.p4>\nerror { Mine, Yours }")
    assert [(e.name, e.number) for e in checked.program.errors][:2] == [("NoError", 0), ("PacketTooShort", 1)]
    assert [(e.name, e.number) for e in checked.program.errors][-2:] == [("Mine", 7), ("Yours", 8)]


def test_a_name_used_too_early_is_explained(front: Front) -> None:
    from testbed.p4.compiler.diagnostics import CompileError

    with pytest.raises(CompileError) as caught:
        front.text("control c() { apply { x.apply(); } }\ncontrol x() { apply { } }")
    (error,) = caught.value.diagnostics.errors
    assert "declared here, after its use" in error.notes[0].message
    assert error.notes[0].span.line == 2


def test_states_and_select(front: Front) -> None:
    checked = front.program(
        parser_locals="value_set<bit<16>>(4) vs;",
        start="pkt.extract(hdr.eth); transition select(hdr.eth.type, meta.a) "
        "{ (0x800, 1): more; (0x86DD &&& 0xFFF0, _): more; (1 .. 5, 3): accept; default: reject; }",
        states="state more { pkt.extract(hdr.stack.next); "
        "transition select(pkt.lookahead<bit<16>>()) { vs: more; 16w5: accept; _: reject; } }",
    )
    parser = next(d for d in checked.declarations if d.name == "P")
    assert isinstance(parser, ast.ParserDecl)
    start, more = parser.states
    assert isinstance(start.transition, ast.Select)
    first, second, third, last = start.transition.cases
    assert [k.value for k in first.keys] == [0x800, 1]
    assert str(second.keys[0].type) == "set<bit<16>>"
    assert isinstance(third.keys[0], ast.Range)
    assert (third.keys[0].low.type, third.keys[0].high.value) == (t.bits(16), 5)
    assert len(last.keys) == 1
    assert first.state.decl is more
    assert isinstance(more.transition, ast.Select)
    assert isinstance(more.transition.cases[0].keys[0], ast.PathExpr)


@pytest.mark.parametrize(
    ("start", "states", "message"),
    [
        ("transition nowhere;", "", "nothing named nowhere is declared here"),
        ("transition s;", "state s { transition s; }", "never reaches accept or reject"),
        ("transition accept;", "state accept { }", "is built in and cannot be declared"),
        ("transition accept;", "state s { } state s { }", "s is declared twice"),
        ("transition select(meta.a) { (1, 2): accept; }", "", "has 2 keys, and select has 1 expressions"),
        ("transition select(meta.a) { true: accept; }", "", "this key has type bool, and bit<8> is needed"),
        (
            "transition select(hdr) { default: accept; }",
            "",
            "select cannot look at a value of type headers_t",
        ),
    ],
)
def test_wrong_parsers(front: Front, start: str, states: str, message: str) -> None:
    errors = front.program_errors(start=start, states=states)
    assert any(message in e for e in errors), errors


def test_switch(front: Front) -> None:
    locals_text = """
        action a() {} action b() {}
        table t { actions = { a; b; NoAction; } }
    """
    statements = front.apply(
        "switch (t.apply().action_run) { a: b: { meta.a = 1; } default: { } }"
        "switch (meta.a) { 1: {} 2: 3: {} }",
        locals=locals_text,
    )
    first, second = (s for s in statements if isinstance(s, ast.Switch))
    assert isinstance(first.subject.type, t.ActionRunType)
    labels = [c.label.decl.name for c in first.cases if isinstance(c.label, ast.PathExpr) and c.label.decl]
    assert labels == ["a", "b"]
    assert [c.label.value for c in second.cases if c.label] == [1, 2, 3]
    cases = {
        "switch (t.apply().action_run) { nope: {} }": "must be one of the actions of the table t: a, b",
        "switch (t.apply().action_run) { a: {} a: {} }": "the action a has two cases",
        "switch (meta.a) { 1: {} 1: {} }": "this value has two cases",
        "switch (meta.a) { default: {} 1: {} }": "a switch has one default, as its last case",
        "switch (meta.flag) { true: {} }": "switch takes integers, enums and action_run, not bool",
        "switch (meta.a) { true: {} }": "has type bool, and bit<8> is needed",
    }
    for code, message in cases.items():
        errors = front.program_errors(apply=code, locals=locals_text)
        assert any(message in e for e in errors), (code, errors)


def test_loops(front: Front) -> None:
    code = """
        for (bit<8> i = 0; i < 4; i = i + 1) { if (i == 2) break; meta.a = i; }
        for (bit<8> k in 1 .. 3) meta.a = k;
    """
    first, second = front.apply(code)
    assert isinstance(first, ast.For)
    assert isinstance(second, ast.ForIn)
    assert isinstance(second.collection, ast.Range)
    assert second.collection.low.type == t.bits(8)
    assert any("cannot run over" in e for e in front.program_errors(apply="for (bit<8> k in meta.a) { }"))


def test_v1model_versions(front: Front) -> None:
    new = "#define V1MODEL_VERSION 20200408\n" + front.source(
        locals="counter<bit<8>>(4, CounterType.bytes) c; register<bit<8>, bit<4>>(16) r;",
        apply="c.count(meta.a); r.read(meta.a, 4w3);",
    )
    assert front.errors(new) == []
    wrong = "#define V1MODEL_VERSION 5\n#include <v1model.p4>"
    assert "V1MODEL_VERSION is 20180101 to 20200408, not 5" in front.errors(wrong)
