from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t

if TYPE_CHECKING:
    from tests.unit.p4.compiler.front.conftest import Front


def only_call(statements: list[ast.Statement | ast.Declaration]) -> ast.Call:
    (statement,) = [s for s in statements if isinstance(s, ast.CallStatement)]
    return statement.call


def bound(call: ast.Call) -> dict[str, object]:
    return {b.param.name: None if b.expr is None else b.expr.value for b in call.bound}


def test_named_and_default_arguments_come_in_parameter_order(front: Front) -> None:
    top = "extern void f(in bit<8> a, in bit<16> b, bit<8> c = 9, @optional in bit<8> d);"
    call = only_call(front.apply("f(b = 2, a = 1);", top=top))
    assert call.kind is ast.CallKind.EXTERN_FUNCTION
    assert bound(call) == {"a": 1, "b": 2, "c": 9, "d": None}
    assert [str(b.type) for b in call.bound] == ["bit<8>", "bit<16>", "bit<8>", "bit<8>"]


def test_ignored_out_arguments(front: Front) -> None:
    call = only_call(front.apply("f(_, meta.a);", top="extern void f(out bit<8> a, out bit<8> b);"))
    assert call.bound[0].expr is None
    assert isinstance(call.bound[1].expr, ast.Member)


def test_type_arguments_are_inferred(front: Front) -> None:
    code = "hash(meta.c, HashAlgorithm.crc16, 16w0, {hdr.eth.dst, meta.a}, 32w8);"
    call = only_call(front.apply(code))
    assert [str(x) for x in call.bound_types] == ["bit<16>", "bit<16>", "tuple<bit<48>, bit<8>>", "bit<32>"]
    assert isinstance(call.decl, ast.ExternFunctionDecl)


def test_literals_take_the_width_of_other_arguments(front: Front) -> None:
    call = only_call(front.apply("random(meta.c, 0, 100);"))
    assert call.bound_types == (t.bits(16),)
    assert isinstance(call.bound[1].expr, ast.Cast)


def test_overloads_by_number_of_arguments(front: Front) -> None:
    statements = front.apply('mark_to_drop(sm); log_msg("a"); log_msg("b {}", {meta.a});')
    decls = [s.call.decl for s in statements if isinstance(s, ast.CallStatement)]
    counts = [len(d.params) for d in decls if isinstance(d, ast.ExternFunctionDecl)]
    assert counts == [1, 1, 2]


def test_methods_of_generic_externs(front: Front) -> None:
    call = only_call(
        front.apply("r.read(meta.c, 7);", locals="register<bit<16>>(10) r;"),
    )
    assert call.kind is ast.CallKind.EXTERN_METHOD
    assert [str(b.type) for b in call.bound] == ["bit<16>", "bit<32>"]
    assert isinstance(call.receiver, ast.PathExpr)


def test_type_arguments_of_an_instance_come_from_its_uses(front: Front) -> None:
    source = front.source(locals="register(10) r;", apply="r.write(1, meta.c);")
    control = next(d for d in front.text(source).declarations if d.name == "I")
    assert isinstance(control, ast.ControlDecl)
    instance = control.locals[0]
    assert isinstance(instance, ast.InstanceDecl)
    assert str(instance.type) == "register<bit<16>>"
    errors = front.program_errors(locals="register(10) r;")
    assert any("type arguments of register cannot be inferred" in e for e in errors)


def test_built_in_methods(front: Front) -> None:
    code = "hdr.eth.setValid(); hdr.stack.push_front(1); bool v = hdr.eth.isValid();"
    calls = [s.call for s in front.apply(code) if isinstance(s, ast.CallStatement)]
    assert [c.builtin for c in calls] == ["setValid", "push_front"]
    assert all(c.kind is ast.CallKind.BUILTIN for c in calls)


def test_tables_actions_controls(front: Front) -> None:
    locals_text = """
        action a(in bit<8> x, bit<8> y) { meta.a = x + y; }
        table t { actions = { NoAction; } }
        Sub(5) sub;
    """
    top = """
        control Sub(inout meta_t m)(bit<8> n) { apply { m.a = n; } }
        control Direct(in bit<8> x) { apply {} }
    """
    code = "a(1, meta.b); t.apply(); sub.apply(meta); Direct.apply(meta.a);"
    calls = [
        s.call for s in front.apply(code, locals=locals_text, top=top) if isinstance(s, ast.CallStatement)
    ]
    assert [c.kind.name for c in calls] == ["ACTION", "TABLE_APPLY", "CONTROL_APPLY", "CONTROL_APPLY"]
    assert isinstance(calls[3].receiver, ast.TypeNameExpr)
    assert bound(calls[0]) == {"x": 1, "y": None}


def test_the_package_knows_its_type_arguments(front: Front) -> None:
    checked = front.program()
    assert checked.main is not None
    assert str(checked.main.type) == "V1Switch<headers_t, meta_t>"
    call = checked.main.call
    assert call.kind is ast.CallKind.CONSTRUCTOR
    assert [b.param.name for b in call.bound] == ["p", "vr", "ig", "eg", "ck", "dep"]
    parser = call.bound[0].expr
    assert isinstance(parser, ast.Call)
    assert isinstance(parser.decl, ast.ParserDecl)


def test_generic_controls_are_specialized(front: Front) -> None:
    top = "control G<T>(inout T x) { apply {} }"
    call = only_call(front.apply("g.apply(meta);", top=top, locals="G<meta_t>() g;"))
    assert str(call.bound[0].type) == "meta_t"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("f(1, 2, 3, 4, 5);", "takes 2 arguments, and 5 are given"),
        ("f(1);", "the parameter b of f has no argument"),
        ("f(1, c = 2);", "f has no parameter c"),
        ("f(a = 1, a = 2);", "the parameter a of f has two arguments"),
        ("f(1, b = meta.a);", "either all arguments have names or none has"),
        ("f(1, 2);", "the argument for the out parameter b must be something that can be written to"),
        ("f(1, meta.c);", "has type bit<16>, and b is bit<8>"),
        ("f(_, meta.a);", "_ ignores a result; the parameter a is not out"),
        ("f(true, meta.a);", "has type bool, and a is bit<8>"),
        ("g(meta.a);", "must be known at compile time"),
        ("hash(meta.c, HashAlgorithm.crc16, 0, {meta.a}, 16w8);", "the width of this number is not known"),
        ("h<bit<8>, bit<8>>(meta.a);", "has 1 type parameters, and 2 are given"),
        ("n();", "cannot be inferred: write n<type>(...)"),
        ("nope();", "nothing named nope is declared here"),
        ("meta.a();", "meta_t has no method a"),
        ("c.count(1, 2);", "takes 1 arguments, and 2 are given"),
        ("c.nope();", "counter has no method nope"),
        ("log_msg();", "no declaration of log_msg fit these arguments"),
        ("hdr.stack.pop_front(meta.a);", "must be known at compile time"),
        ("hdr.eth.isValid(1);", "isValid() takes 0 arguments"),
        ("verify(true, error.NoError);", "verify can be called in parsers only"),
        ("Sub.apply();", "Sub has constructor parameters"),
        ("P.apply();", "can be applied in states of parsers only"),
        ("t.apply(1);", "takes no arguments"),
    ],
)
def test_wrong_calls(front: Front, code: str, message: str) -> None:
    top = """
        extern void f(in bit<8> a, out bit<8> b); extern void g(bit<8> a);
        extern void h<T>(in T a); extern T n<T>(); control Sub()(bit<8> size) { apply {} }
    """
    locals_text = "counter(1, CounterType.packets) c; table t { actions = { NoAction; } }"
    errors = front.program_errors(apply=code, top=top, locals=locals_text)
    assert any(message in e for e in errors), errors


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("pkt.extract(meta);", "extract takes a header, not meta_t"),
        ("pkt.extract(hdr.eth, 32);", "has no varbit field"),
        ("a();", "actions cannot be called in parsers"),
        ("pkt.lookahead<void>();", "lookahead needs a type of fixed size"),
        ("exit;", "exit cannot be used in parsers"),
        ("return;", "return cannot be used in parsers"),
        ("switch (meta.a) { 1: {} }", "switch cannot be used in parsers"),
    ],
)
def test_wrong_calls_in_parsers(front: Front, code: str, message: str) -> None:
    errors = front.program_errors(start=f"{code} transition accept;", top="action a() {}")
    assert any(message in e for e in errors), errors


@pytest.mark.parametrize(
    ("control", "reason"),
    [
        ("control W(inout headers_t hdr) { apply {} }", "W has 1 parameters, and 3 are needed"),
        (
            "control W(in headers_t hdr, inout meta_t m, inout standard_metadata_t s) { apply {} }",
            "its parameter hdr is in, and must be inout",
        ),
        (
            "control W(inout headers_t hdr, inout headers_t m, inout standard_metadata_t s) { apply {} }",
            "its parameter m has type headers_t, and meta_t is needed",
        ),
    ],
)
def test_a_control_that_does_not_fit_is_explained(front: Front, control: str, reason: str) -> None:
    source = front.source(top=control).replace("I(),", "W(),")
    errors = front.errors(source)
    assert any(reason in e for e in errors), errors


def test_static_assert(front: Front) -> None:
    core = "#include <core.p4>\n"
    assert front.errors(core + "const bool __A = static_assert(1 + 1 == 2);") == []
    message = front.errors(core + 'const bool __A = static_assert(1 == 2, "no maths");')
    assert message == ["static_assert failed: no maths"]


def test_deprecated_functions_warn(front: Front) -> None:
    names = [n for n, _ in front.warnings(front.source(apply="mark_to_drop();")) if n != "unused"]
    assert names == ["deprecated"]


def test_factories_and_abstract_methods(front: Front) -> None:
    text = """
    extern E { E(); abstract bit<8> get(in bit<8> x); bit<8> run(); }
    control c(out bit<8> r) {
        E() e = { bit<8> get(in bit<8> x) { return x + 1; } };
        apply { r = e.run(); }
    }
    """
    assert front.errors(text) == []
    assert "the abstract method get has no body" in front.errors(
        "extern E { E(); abstract void get(); } E() e;"
    )
    wrong = text.replace("bit<8> get(in bit<8> x) { return x + 1", "bit<8> get(in bit<4> x) { return 1")
    assert any("does not have the parameters or result declared" in e for e in front.errors(wrong))
