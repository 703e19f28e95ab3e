from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from testbed.p4.compiler import macros
from testbed.p4.compiler.diagnostics import CompileError, Diagnostics
from testbed.p4.compiler.lexer import END, Token
from testbed.p4.compiler.preprocess import Preprocessor, render


def run(text: str, *, defines: tuple[str, ...] = (), undefines: tuple[str, ...] = ()) -> list[Token]:
    diagnostics = Diagnostics()
    tokens = Preprocessor(diagnostics, [], defines, undefines).run_text(text, "t.p4")
    diagnostics.check()
    return tokens


def words(text: str, **options: tuple[str, ...]) -> str:
    return " ".join(t.text for t in run(text, **options) if t.kind != END)


def error_of(text: str) -> str:
    with pytest.raises(CompileError) as caught:
        run(text)
    return caught.value.diagnostics.errors[0].message


def test_object_macros_expand_again() -> None:
    assert words("#define A B 1\n#define B 2\nA x") == "2 1 x"


def test_a_macro_does_not_expand_itself() -> None:
    assert words("#define A A + B\n#define B A\nA") == "A + A"


def test_function_macros() -> None:
    assert words("#define F(x, y) x + y\nF(1, (2, 3)) F") == "1 + ( 2 , 3 ) F"


def test_arguments_may_span_lines_and_nest() -> None:
    assert words("#define F(x) [x]\nF(F(\n1))") == "[ [ 1 ] ]"


def test_stringizing_pasting_and_variadic() -> None:
    assert words('#define S(x) #x\nS(a  "b")') == '"a \\"b\\""'
    assert words("#define P(x) x ## _t hdr\nP(ipv4)") == "ipv4_t hdr"
    assert words("#define V(f, ...) f(__VA_ARGS__)\nV(g, 1, 2)") == "g ( 1 , 2 )"


def test_undef_and_redefinition() -> None:
    assert words("#define A 1\n#undef A\nA\n#define A 2\nA") == "A 2"


def test_line_and_file() -> None:
    assert words("\n__LINE__ __FILE__") == '2 "t.p4"'


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("1", True),
        ("0", False),
        ("X", False),
        ("defined(A) && A > 5", True),
        ("!defined B || 1/0", True),
        ("(1 + 2) * 3 == 9 && 7 % 4 == 3", True),
        ("-7 / 2 == -3", True),
        ("1 ? 0 : 1", False),
        ("0x10 == 16 && 010 == 8 && 1u == 1UL", True),
        ("1 << 4 >> 2 == 4", True),
        ("~0 == -1 && (6 ^ 3) == 5 && (6 | 1) == 7 && (6 & 3) == 2", True),
        ("A >= 20200408", False),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:
    assert words(f"#define A 10\n#if {condition}\nyes\n#else\nno\n#endif") == ("yes" if holds else "no")


def test_conditionals_nest_and_choose_one_branch() -> None:
    text = "#ifdef A\na\n#elif defined(B)\nb\n#ifndef C\nc\n#endif\n#elif 1\nd\n#else\ne\n#endif"
    assert [words(text, defines=d) for d in ((), ("A",), ("B",), ("B", "C=2"))] == ["d", "a", "b c", "b"]


def test_dead_branches_may_hold_anything() -> None:
    assert words("#if 0\n don't ` \"\n#error no\n#include <nowhere>\n#endif\nok") == "ok"


def test_options_define_and_undefine() -> None:
    assert words("A B C(2)", defines=("A", "B=x y", "C(z)=z z")) == "1 x y 2 2"
    assert words("A", defines=("A",), undefines=("A",)) == "A"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#if 1\n", "has no #endif"),
        ("#endif", "#endif without #if"),
        ("#if 1\n#else\n#else\n#endif", "after #else"),
        ("#if 1 +\n#endif", "expected an integer"),
        ("#if 1/0\n#endif", "division by zero"),
        ("#define\n", "expected a macro name"),
        ("#define F(x) x\nF(1, 2)", "takes 1 arguments, not 2"),
        ("#define F(x) x\nF(1", "no closing ')'"),
        ("#error stop here", "#error stop here"),
        ("#include <nowhere.p4>", "no file nowhere.p4"),
        ("#include", "expected #include"),
        ("/* open", "no closing */"),
        ('"open', 'no closing "'),
        ("#define A B B\n#define B C C\n#define C D D D D\n" + "A " * 3 + "\n#if (\n#endif", "expected"),
    ],
)
def test_errors(text: str, message: str) -> None:
    assert message in error_of(text)


def test_runaway_expansion_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(macros, "MAX_TOKENS", 1000)
    doubling = "".join(f"#define A{n} A{n + 1} A{n + 1}\n" for n in range(40)) + "A0"
    assert "does not end" in error_of(doubling)


def test_unknown_directives_warn_and_known_harmless_ones_do_not() -> None:
    diagnostics = Diagnostics()
    Preprocessor(diagnostics).run_text("#pragma x\n#line 5\n#frobnicate\n", "t.p4")
    assert [(d.name, d.message) for d in diagnostics.items] == (
        [("invalid", "unknown directive #frobnicate is ignored")]
    )


def test_includes_keep_positions_and_order_of_directories(tmp_path: Path) -> None:
    for directory in ("first", "second"):
        (tmp_path / directory).mkdir()
    (tmp_path / "first" / "x.p4").write_text("from_first\n")
    (tmp_path / "second" / "x.p4").write_text("from_second\n")
    (tmp_path / "x.p4").write_text("local\n")
    main = tmp_path / "main.p4"
    main.write_text('#include <x.p4>\n#include "x.p4"\n\nend\n')
    directories = [tmp_path / "first", tmp_path / "second"]
    tokens = Preprocessor(Diagnostics(), directories).run(main)
    found = [(t.text, Path(t.span.file).name, t.span.line) for t in tokens if t.kind != END]
    assert found == [("from_first", "x.p4", 1), ("local", "x.p4", 1), ("end", "main.p4", 4)]


def test_byte_order_marks_and_windows_line_ends(tmp_path: Path) -> None:
    main = tmp_path / "main.p4"
    main.write_bytes(b"\xef\xbb\xbf#define A 1\r\n#if A \\\r\n == 1\r\nyes A\r\n#endif\r\n")
    tokens = Preprocessor(Diagnostics()).run(main)
    assert [(t.text, t.span.line, t.span.col) for t in tokens if t.kind != END] == [
        ("yes", 4, 1),
        ("1", 4, 5),
    ]


def test_pragma_once_and_endless_inclusion(tmp_path: Path) -> None:
    (tmp_path / "once.p4").write_text("#pragma once\nword\n")
    (tmp_path / "self.p4").write_text('#include "self.p4"\n')
    main = tmp_path / "main.p4"
    main.write_text('#include "once.p4"\n#include "once.p4"\n')
    tokens = Preprocessor(Diagnostics()).run(main)
    assert [t.text for t in tokens if t.kind != END] == ["word"]
    with pytest.raises(CompileError, match="without end"):
        Preprocessor(Diagnostics()).run(tmp_path / "self.p4")


def test_own_includes_are_found_and_directories_come_first(tmp_path: Path) -> None:
    main = tmp_path / "main.p4"
    main.write_text("#include <core.p4>\n")
    assert any(t.text == "packet_in" for t in Preprocessor(Diagnostics()).run(main))
    (tmp_path / "core.p4").write_text("mine")
    assert [t.text for t in Preprocessor(Diagnostics(), [tmp_path]).run(main)] == ["mine", ""]


def test_rendered_text_has_markers_and_the_same_tokens(tmp_path: Path) -> None:
    (tmp_path / "inc.p4").write_text("const bit<8> A = 1;\n")
    main = tmp_path / "main.p4"
    main.write_text('#define W 16\n#include "inc.p4"\n\n\nconst bit<W> B = 2; // gone\n')
    tokens = Preprocessor(Diagnostics()).run(main)
    text = render(tokens)
    assert f'# 1 "{tmp_path / "inc.p4"}"' in text
    assert "const bit<16> B = 2;" in text.splitlines()
    again = Preprocessor(Diagnostics()).run_text(re.sub(r"^# .*$", "", text, flags=re.M), "again")
    assert [t.text for t in again] == [t.text for t in tokens]


_PIECES = r"""
#define #if #else #endif #undef #elif F( A B ( ) , ## # 1 defined x " /* */ // ... __VA_ARGS__ && ? : -
"""
_FRAGMENTS = st.sampled_from([*_PIECES.split(), "\n", " ", "\\\n", "#if "])


@given(st.lists(_FRAGMENTS, max_size=30).map("".join) | st.text(max_size=60))
@example("#define A(x) x A\nA(A)(A)")
def test_any_input_gives_tokens_or_diagnostics(text: str) -> None:
    diagnostics = Diagnostics()
    try:
        tokens = Preprocessor(diagnostics).run_text(text, "t.p4")
    except CompileError as error:
        assert error.diagnostics.error_count
    else:
        assert tokens[-1].kind == END


def test_conditions_within_a_string_of_several_lines(front: Any) -> None:
    program = front.text(
        '#define YES\n@a("\none\n#ifdef YES\ntwo\n#else\nthree\n#if 0\n#endif\n#endif\n'
        '#if defined(NO)\nfour\n#endif\nfive")\nconst bit<8> X = 1;\n'
    )
    declared = next(d for d in program.declarations if d.name == "X")
    words = [w for w in declared.annotations[0].tokens[0].split("\n") if w]
    assert words == ['"', "one", "two", 'five"']


def test_macros_within_a_string_of_several_lines(front: Any) -> None:
    program = front.text(
        """#define TYPE 0x800
#define NEXT(x) x+1
@a("TYPE  here
      a::b   ==  TYPE; // TYPE
\tNEXT(2) /* TYPE */ NEXT(3  don't  TYPE
   'TYPE' TYPE\x20
TYPE") const bit<8> X = 1;
"""
    )
    declared = next(d for d in program.declarations if d.name == "X")
    assert declared.annotations[0].tokens[0].split("\n") == [
        '"TYPE  here',
        "      a::b == 0x800; // TYPE",
        " 2 +1 /* TYPE */ NEXT(3 don't  TYPE",
        "   'TYPE' 0x800",
        '0x800"',
    ]
