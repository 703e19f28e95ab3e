from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.p4.compiler import ast
from testbed.p4.compiler.diagnostics import CompileError, Diagnostics
from testbed.p4.compiler.parser import parse
from testbed.p4.compiler.preprocess import Preprocessor


def parse_text(text: str) -> tuple[ast.Program, Diagnostics]:
    diagnostics = Diagnostics()
    return parse(Preprocessor(diagnostics).run_text(text, "t.p4"), diagnostics), diagnostics


def clean(text: str) -> list[ast.Declaration]:
    program, diagnostics = parse_text(text)
    assert diagnostics.errors == [], diagnostics.render()
    return program.declarations


def shape(expr: ast.Expression) -> str:
    """The expression with all parentheses."""
    match expr:
        case ast.Binary(op=op, left=left, right=right):
            return f"({shape(left)} {op} {shape(right)})"
        case ast.Unary(op=op, operand=operand):
            return f"({op}{shape(operand)})"
        case ast.Ternary(condition=condition, then=then, otherwise=otherwise):
            return f"({shape(condition)} ? {shape(then)} : {shape(otherwise)})"
        case ast.Cast(operand=operand):
            return f"(cast {shape(operand)})"
        case ast.PathExpr(name=name):
            return name
        case ast.IntLiteral(number=number):
            return str(number)
        case ast.Member(base=base, name=name):
            return f"{shape(base)}.{name}"
        case ast.Index(base=base, index=index):
            return f"{shape(base)}[{shape(index)}]"
        case ast.Slice(base=base, high=high, low=low):
            return f"{shape(base)}[{shape(high)}:{shape(low)}]"
        case ast.Call(func=func, type_args=types, args=args):
            generic = f"<{len(types)}>" if types else ""
            return f"{shape(func)}{generic}({', '.join(shape(a.expr) for a in args)})"
        case ast.ListExpr(elements=elements):
            return "{" + ", ".join(map(shape, elements)) + "}"
        case ast.TypeNameExpr():
            return "type"
    return type(expr).__name__


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * c - d", "((a + (b * c)) - d)"),
        ("a & b == c", "((a & b) == c)"),
        ("a | b ^ c & d", "(a | (b ^ (c & d)))"),
        ("a << b + c", "(a << (b + c))"),
        ("a >> b > c", "((a >> b) > c)"),
        ("a < b == c > d", "((a < b) == (c > d))"),
        ("a ++ b |+| c |-| d", "(((a ++ b) |+| c) |-| d)"),
        ("a || b && c", "(a || (b && c))"),
        ("a ? b : c ? d : e", "(a ? b : (c ? d : e))"),
        ("-a[3:0]", "(-a[3:0])"),
        ("~a.b + !c", "((~a.b) + (!c))"),
        ("(bit<8>) a + b", "((cast a) + b)"),
        ("(T) a.b", "(cast a.b)"),
        ("(x) + 1", "(x + 1)"),
        ("(T) -x", "(cast (-x))"),
        ("f<T>(x)", "f<1>(x)"),
        ("a < b", "(a < b)"),
        ("a < T.x", "(a < type.x)"),
        ("p.f<bit<8>, bit<16>>(x)", "p.f<2>(x)"),
        ("a >= b", "(a >= b)"),
        ("s[1].x[i]", "s[1].x[i]"),
        ("{a, {b, c},}", "{a, {b, c}}"),
        ("T.A", "type.A"),
        ("error.NoMatch", "type.NoMatch"),
        (".a + key.apply.state", "(a + key.apply.state)"),
    ],
)
def test_precedence_and_ambiguities(text: str, expected: str) -> None:
    constant = clean(f"typedef bit<8> T; const bit<8> X = {text};")[-1]
    assert isinstance(constant, ast.ConstDecl)
    assert shape(constant.init) == expected


def test_a_variable_hides_a_type_from_the_grammar() -> None:
    (_, function) = clean("typedef bit<8> T; void f(in bit<8> T, in bit<8> b) { return (T) + b; }")
    assert isinstance(function, ast.FunctionDecl)
    statement = function.body.body[0]
    assert isinstance(statement, ast.Return)
    assert statement.expr is not None
    assert shape(statement.expr) == "(T + b)"


def test_every_kind_of_declaration() -> None:
    text = """
    extern Later;
    error { A, B } match_kind { exact, }
    const bit<8> C = 1;
    struct S<T> { T x; @name("n") bit<4>[2] y; } header H {} header_union U { H h; }
    enum E { A, B, } enum bit<4> F { A = 1, B = 2 }
    typedef struct S2 { bit<1> b; } S3; type bit<9> Port; typedef tuple<bit<8>, bool> Pair;
    extern X<T> { X(bit<32> size); @pure T get(in bit<8> i); abstract void f(); }
    extern bit<8> g<T>(in T x, bool opt = true);
    parser PT<H>(packet_in p); control CT<H>(inout H h); package Pk<H>(PT<H> p, CT<H> c);
    action act(inout bit<8> a, bit<8> b) { a = b; }
    bit<8> fun<T>(in T x) { return 1; }
    parser P<T>(packet_in p)(bit<8> n) {
        value_set<bit<16>>(4) vs; X<bit<8>>(5) x; bit<8> v = 1; const bool k = true;
        state start { v = 2; { p.f(); } if (k) v = 3; else v = 4;
            transition select(v, x) {
                (1, 2): s; (1 &&& 2, _): accept; (3..4, default): s; vs: s; default: reject;
            } }
        @anno state s { transition accept; } state t { }
    }
    control Q(inout H h)() {
        X<bit<8>>(5) x = { void f() {} }; bit<8> v; action a() {}
        apply @noWarn("unused") { }
    }
    Pk(P(1), Q()) main;
    """
    names = [d.name for d in clean(text)]
    assert names == (
        "error match_kind C S H U E F S2 S3 Port Pair X g PT CT Pk act fun P Q main".split()  # noqa: SIM905
    )


def test_tables() -> None:
    text = """
    control c() {
        table t {
            key = { h.a : exact @name("x"); h.b[3:0] : ternary; }
            actions = { a; @tableonly b(x, _); .NoAction; }
            const default_action = a(1);
            const entries = {
                (1, 2 &&& 3) : a(1); const priority = 3 : (_, 0..4) : b @id(3); priority=(1+2): 7 : a;
            }
            @pragma_like size = 10; implementation = ActionSelector(1, 2); const x = { a, b };
        }
        apply { t.apply(); }
    }
    """
    (control,) = clean(text)
    assert isinstance(control, ast.ControlDecl)
    table = control.locals[0]
    assert isinstance(table, ast.TableDecl)
    assert [(k.match_kind, len(k.annotations)) for k in table.keys or ()] == [("exact", 1), ("ternary", 0)]
    assert [a.path.name for a in table.actions] == ["a", "b", "NoAction"]
    assert table.const_default
    assert table.const_entries
    assert [(len(e.keys), e.const, e.priority is not None) for e in table.entries or ()] == (
        [(2, False, False), (2, True, True), (1, False, True)]
    )
    assert [p.name for p in table.properties] == ["size", "implementation", "x"]


def test_statements() -> None:
    text = """
    control c() { apply {
        bit<8> a; bit<8> b = 1; const bit<8> d = 2; H[2] s; E.f(a);
        a = b; a[3:0] = 1; s[0].x += 2; a >>= 1; a |+|= 1;
        if (a == b) return; else if (b == a) { exit; } else ;
        switch (t.apply().action_run) { x: y: { a = 1; } default: {} }
        for (bit<8> i = 0, bit<8> j = 1; i < j; i = i + 1, j = j - 1) { break; continue; }
        @unroll for (@x bit<8> i in 1 .. 3) a = i;
        P.apply(a); Q<bit<8>>.apply(a, b = _);
        @hidden { a = 1; }
    } }
    """
    (control,) = clean("control P(); control Q<T>(); header H {} extern E {}" + text)[4:]
    assert isinstance(control, ast.ControlDecl)
    kinds = [type(s).__name__ for s in control.body.body]
    assert kinds == (
        ["VariableDecl"] * 2
        + ["ConstDecl", "VariableDecl", "CallStatement"]
        + ["Assign"] * 5
        + ["If", "Switch", "For", "ForIn", "CallStatement", "CallStatement", "Block"]
    )
    assert [s.op for s in control.body.body if isinstance(s, ast.Assign)] == ["=", "=", "+=", ">>=", "|+|="]


def test_annotations() -> None:
    text = """
    @name("a.b") @id(0x10) @free(anything (nested) goes here, 'too) @s[a=1, b="x", c=true] @e[] @two("a", 3)
    @pragma hint one two
    const bit<8> C = 1;
    """
    (constant,) = clean(text)
    found = {a.name: a for a in constant.annotations}
    assert found["name"].args == ["a.b"]
    assert found["id"].args == [16]
    assert found["two"].args == ["a", 3]
    assert found["free"].args == []
    assert found["free"].tokens[:3] == ["anything", "(", "nested"]
    assert [e.key for e in found["s"].entries or ()] == ["a", "b", "c"]
    assert found["e"].entries == []
    assert found["hint"].tokens == ["one", "two"]


def test_errors_say_what_was_expected_and_parsing_goes_on() -> None:
    text = """
    const bit<8> A = ;
    struct S { bit<8> x bit<8> y; bit<4> z; }
    control c() {
        action a() { x = ; y = 1 }
        table t { key = { x exact; } actions = { a; } }
        apply { if a == b) {} else {} z == 1; foo bar baz; }
    }
    bit<8> global;
    """
    program, diagnostics = parse_text(text)
    lines = [(d.span.line, d.message) for d in diagnostics.errors]
    assert [line for line, _ in lines] == [2, 3, 5, 5, 6, 7, 7, 7, 9]
    assert "expected an expression, not ';'" in lines[0][1]
    assert "expected ';' after the field x" in lines[1][1]
    assert "expected ':' and a match kind" in lines[4][1]
    assert [d.name for d in program.declarations] == ["S", "c"]


def test_spans_cover_the_construct() -> None:
    (constant,) = clean("const bit<8> ABC =\n  f(1) +\n   22;")
    assert isinstance(constant, ast.ConstDecl)
    assert constant.span[1:] == (1, 14, 1, 17)
    assert constant.init.span[1:] == (2, 3, 3, 6)


def test_deep_nesting_is_an_error_and_long_chains_are_not() -> None:
    _, diagnostics = parse_text("const int X = " + "(" * 5000 + "1" + ")" * 5000 + ";")
    assert "levels deep" in diagnostics.errors[0].message
    clean("const int X = " + " + ".join(["1"] * 3000) + ";")
    branches = " else ".join(f"if (x == {n}) {{ }}" for n in range(2000))
    clean("control c(in bit<32> x) { apply { " + branches + " } }")


_WORDS = (
    "control c ( ) { } apply action table key actions = ; : , . < > [ ] 1 8w3 x y T bit int if else switch "
    "state transition select default _ parser struct header enum extern @ const typedef for in out &&& .. -"
)


@given(st.lists(st.sampled_from(_WORDS.split()), max_size=40).map(" ".join))
def test_any_tokens_give_a_program_or_diagnostics(text: str) -> None:
    try:
        parse_text(text)
    except CompileError as error:
        assert error.diagnostics.error_count
