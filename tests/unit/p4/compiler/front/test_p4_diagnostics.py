from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.p4.compiler.diagnostics import MAX_ERRORS, CompileError, Diagnostics, Note
from testbed.p4.compiler.frontend import check_text
from testbed.p4.compiler.source import Span

if TYPE_CHECKING:
    from tests.unit.p4.compiler.front.conftest import Front


def test_the_message_shows_the_line_and_underlines(front: Front) -> None:
    with pytest.raises(CompileError) as caught:
        front.text("const bit<8> A = 1;\n\tconst bit<8> B = A + 16w1;\n")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("program.p4:2:19: error: + needs operands of one type, not bit<8> and bit<16>")
    assert lines[1] == "    \tconst bit<8> B = A + 16w1;"
    assert lines[2] == "    \t                 ^^^^^^^^"


def test_notes_point_at_the_other_place(front: Front) -> None:
    with pytest.raises(CompileError) as caught:
        front.text("const bit<8> A = 1;\nconst bit<8> A = 2;")
    assert "program.p4:1:14: note: the other A" in str(caught.value)


def test_several_errors_in_one_run_and_an_end(front: Front) -> None:
    text = "".join(f"const bit<8> A{n} = true;\n" for n in range(5))
    assert len(front.errors(text)) == 5
    text = "".join(f"const bit<8> A{n} = true;\n" for n in range(100))
    assert len(front.errors(text)) == MAX_ERRORS


def test_one_mistake_is_reported_once(front: Front) -> None:
    errors = front.errors("const nope A = 1; const bit<8> B = A + 1; const bit<8> C = B * A;")
    assert errors == ["nothing named nope is declared here"]


def test_warnings_can_be_disabled_or_made_errors() -> None:
    span = Span("f", 1, 1, 1, 2)
    diagnostics = Diagnostics(disabled=frozenset({"unused"}), as_errors=frozenset({"shadow"}))
    diagnostics.warn("unused", span, "x")
    diagnostics.warn("shadow", span, "y")
    diagnostics.warn("overflow", span, "z", Note(span, "n"))
    assert [(d.severity, d.name) for d in diagnostics.items] == [("error", "shadow"), ("warning", "overflow")]
    assert "[--Werror=shadow] y" in diagnostics.render()
    assert "[--Wwarn=overflow] z" in diagnostics.render()
    with pytest.raises(CompileError):
        diagnostics.check()


def test_a_program_nested_beyond_all_measure_is_refused(front: Front) -> None:
    text = "const int X = " + " + ".join(["1"] * 30_000) + ";"
    assert front.errors(text) == ["the program is nested too deeply to be compiled"]


def test_annotation_texts_are_joined(front: Front) -> None:
    declaration = front.declaration('@name("a." ++ "b") const bit<8> X = 1;', "X")
    assert declaration.annotations[0].args == ["a.b"]


def test_positions_in_macros_point_at_their_use(front: Front) -> None:
    with pytest.raises(CompileError) as caught:
        front.text("#define WRONG true\n\nconst bit<8> A = WRONG;")
    assert caught.value.diagnostics.errors[0].span[1:3] == (3, 18)


def test_unused_declarations_warn(front: Front) -> None:
    text = """
    #include <core.p4>
    const bit<8> __internal = 1; const bit<8> A = 1; typedef bit<8> T; struct S { bit<8> x; }
    @noWarn("unused") const bit<8> B = 2;
    control c(inout bit<8> x) {
        action used(bit<8> p) { } action unused(bit<8> q) { x = q; }
        table t { actions = { used; } } table u { actions = { NoAction; } }
        bit<8> v;
        apply { bit<8> w = x; t.apply(); }
    }
    control proto(inout bit<8> x); package top(proto p);
    top(c()) main;
    """
    found = {m for n, m in front.warnings(text) if n == "unused"}
    assert found == {
        "the constant A is never used",
        "the typedef T is never used",
        "the parameter p is never used",
        "the action unused is never used",
        "the table u is never used",
        "the variable v is never used",
        "the variable w is never used",
    }


def test_parser_warnings(front: Front) -> None:
    source = front.source(start="transition s;", states="state s { }")
    assert [n for n, _ in front.warnings(source) if n != "unused"] == ["unreachable", "parser_transition"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("hdr.h.fild = 1;", "h_t does not have a field fild; did you mean field?"),
        ("meta.valu = 1;", "did you mean value?"),
        ("dropp();", "nothing named dropp is declared here; did you mean drop?"),
        ("while (true) { }", "P4 has no while: write for (...)"),
        ("if (true) { } elseif (false) { }", "P4 has no elseif: write else if"),
        ("hdr.h.field--;", "P4 has no --: write x = x - 1"),
        ("meta.value++;", "P4 has no ++: write x = x + 1"),
        ("if (hdr.h.isValid) { }", "h_t does not have a field isValid; the method is called as isValid()"),
        ("limit = 3;", "limit is an in parameter, which cannot be written to"),
    ],
)
def test_typical_mistakes(code: str, message: str) -> None:
    program = f"""
        header h_t {{ bit<8> field; }}
        struct hs {{ h_t h; }}
        struct ms {{ bit<8> value; }}
        control C(inout hs hdr, inout ms meta, in bit<8> limit) {{
            action drop() {{ meta.value = 0; }}
            apply {{ {code} }}
        }}
    """
    with pytest.raises(CompileError) as error:
        check_text(program)
    assert message in str(error.value)
    assert error.value.diagnostics.error_count == 1


def test_an_error_in_an_argument_is_the_only_one() -> None:
    with pytest.raises(CompileError) as error:
        check_text("extern void emit<T>(in T data); control C() { apply { emit(missing); } }")
    assert error.value.diagnostics.error_count == 1


def test_what_v1model_declares() -> None:
    with pytest.raises(CompileError) as error:
        check_text("control C(inout standard_metadata_t s) { apply { mark_to_drop(s); } }")
    assert "write #include <v1model.p4>" in str(error.value)
    assert error.value.diagnostics.error_count == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("control C() {\n action a() {\n table t { } apply { } }", "the block of line 2, not 'table'"),
        ("control C() { apply {\n if (true) { }\n control D() { apply { } }", "line 1, not 'control'"),
        ("control C() { table t { keys = { x: exact; } } apply { } }", "keys is not a property of tables"),
    ],
)
def test_one_missing_or_misspelled_word_is_one_error(front: Front, text: str, message: str) -> None:
    (error,) = front.errors(text)
    assert message in error
