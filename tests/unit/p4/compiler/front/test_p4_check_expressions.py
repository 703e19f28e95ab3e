from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t

if TYPE_CHECKING:
    from tests.unit.p4.compiler.front.conftest import Front

SETUP = """
enum bit<8> Kind { A = 1, B = 2 }
enum Plain { X, Y }
error { NoError, Bad }
header H { bit<8> a; bit<8> b; }
struct S { bit<8> x; bool y; }
struct N { S s; H h; tuple<bit<4>, bool> t; Plain p; error e; }
type bit<9> Port;
typedef bit<16> Word;
const int TEN = 10;
"""


@pytest.mark.parametrize(
    ("type_name", "text", "value"),
    [
        ("int", "1 + 2 * 3", 7),
        ("int", "-7 + TEN", 3),
        ("int", "1 << 40", 1 << 40),
        ("bit<8>", "250 + 10", 4),
        ("bit<8>", "8w250 + 10", 4),
        ("bit<8>", "8w250 |+| 10", 255),
        ("bit<8>", "8w5 |-| 10", 0),
        ("int<8>", "8s127 |+| 1", 127),
        ("int<8>", "8s127 + 1", -128),
        ("bit<8>", "~8w0xF0", 0x0F),
        ("bit<8>", "-8w1", 255),
        ("bit<8>", "8w0xFF >> 4", 0x0F),
        ("int<8>", "-8s4 >> 1", -2),
        ("bit<16>", "8w0xAB ++ 8w0xCD", 0xABCD),
        ("bit<4>", "16w0xABCD[11:8]", 0xB),
        ("bit<4>", "16w0xABCD[8+:4]", 0xB),
        ("bool", "4w3 < 8 && !(TEN == 11)", True),
        ("bool", "true || (1 / TEN == 5)", True),
        ("bit<8>", "TEN > 5 ? 8w1 : 2", 1),
        ("bit<8>", "(bit<8>) 16w0x1234", 0x34),
        ("int<8>", "(int<8>) 8w255", -1),
        ("bit<16>", "(bit<16>)(int<16>)(int<8>) 8w255", 0xFFFF),
        ("bit<1>", "(bit<1>) true", 1),
        ("bool", "(bool) 1w1", True),
        ("int", "(int) 8w5 + 1", 6),
        ("int", "Word.minSizeInBits() + TEN", 26),
        ("string", '"a" ++ "b"', "ab"),
        ("Kind", "Kind.B", 2),
        ("bit<8>", "Kind.B + 1", 3),
        ("bit<8>", "Kind.A", 1),
        ("Kind", "(Kind) 8w7", 7),
        ("Port", "(Port) 5", 5),
        ("Port", "5", 5),
        ("bool", "Kind.A == Kind.B", False),
        ("bool", "Plain.X == Plain.X", True),
        ("bool", "error.Bad != error.NoError", True),
        ("S", "{1, true}", (1, True)),
        ("S", "{y = true, x = 300 - 299}", (1, True)),
        ("S", "{x = 5, ...}", (5, False)),
        ("tuple<bit<8>, bool>", "{7, false}", (7, False)),
        ("bool", "{8w1, 8w2} == {1, 2}", True),
        ("bit<8>", "((S) {9, true}).x", 9),
    ],
)
def test_constants_fold(front: Front, type_name: str, text: str, value: object) -> None:
    assert front.const(type_name, text, SETUP).value == value


def test_default_values_are_written_out(front: Front) -> None:
    expr = front.const("N", "...", SETUP)
    assert isinstance(expr, ast.StructExpr)
    parts = {f.name: f.expr for f in expr.fields}
    assert parts["s"].value == (0, False)
    assert isinstance(parts["h"], ast.InvalidHeader)
    assert isinstance(parts["h"].type, t.HeaderType)
    assert parts["t"].value == (0, False)
    assert parts["p"].value.name == "X"
    assert parts["e"].value.name == "NoError"


def test_implicit_conversions_are_casts(front: Front) -> None:
    expr = front.const("bit<8>", "TEN", SETUP)
    assert isinstance(expr, ast.Cast)
    assert expr.implicit
    assert (expr.type, expr.operand.type) == (t.bits(8), t.INT)
    added = front.const("bit<8>", "Kind.A + 8w1", SETUP)
    assert isinstance(added, ast.Binary)
    assert isinstance(added.left, ast.Cast)
    assert added.left.implicit


def test_explicit_casts_stay(front: Front) -> None:
    expr = front.const("Word", "(Word) 8w5", SETUP)
    assert isinstance(expr, ast.Cast)
    assert not expr.implicit
    assert expr.type == t.bits(16)


def test_a_list_becomes_a_struct_with_fields_in_order(front: Front) -> None:
    expr = front.const("S", "{y = false, x = 1}", SETUP)
    assert isinstance(expr, ast.StructExpr)
    assert [f.name for f in expr.fields] == ["x", "y"]
    assert all(isinstance(f.expr.type, t.BitsType | t.SimpleType) for f in expr.fields)
    assert isinstance(expr.type, t.StructType)


@pytest.mark.parametrize(
    ("type_name", "text", "message"),
    [
        ("bit<8>", "16w1", "the value of the constant X has type bit<16>, and bit<8> is needed"),
        ("bit<8>", "8w1 + 16w1", "operands of one type, not bit<8> and bit<16>"),
        ("bit<8>", "8w1 + 8s1", "not bit<8> and int<8>"),
        ("bit<8>", "true + 1", "+ needs integers, not bool"),
        ("bool", "1 && true", "&& needs bool operands, not int"),
        ("bool", "!8w1", "! needs a bool, not bit<8>"),
        ("int", "~1", "~ needs an integer with a width, not int"),
        ("int", "1 / 0", "division by zero"),
        ("int", "1 % 0", "modulo by zero"),
        ("int", "-4 / 2", "not defined on negative numbers"),
        ("int<8>", "8s4 / 8s2", "/ is not defined on signed values"),
        ("int", "1 |+| 2", "|+| needs operands with a width"),
        ("bit<8>", "1 ++ 8w1", "give it a width"),
        ("int", "1 << -1", "amount cannot be negative"),
        ("bit<4>", "8w1[8:5]", "bits go from 7 down to 0"),
        ("bit<4>", "8w1[2:3]", "bits go from 7 down to 0"),
        ("bool", "1[0:0] == 1w1", "int has no bits to slice"),
        ("bool", "8w1 == true", "bit<8> cannot be compared with bool"),
        ("bit<8>", "(bit<8>) 16s1", "int<16> cannot be cast to bit<8>"),
        ("bool", "(bool) 8w1", "bit<8> cannot be cast to bool"),
        ("bool", "(bool) 2", "only 0 and 1"),
        ("Port", "9w5", "has type bit<9>, and Port is needed; write (Port) before it to cast"),
        ("bit<9>", "(Port) 5", "has type Port, and bit<9> is needed"),
        ("Kind", "8w1", "has type bit<8>, and Kind is needed"),
        ("Kind", "Kind.C", "Kind has no member C"),
        ("error", "error.Nope", "there is no error Nope"),
        ("S", "{1}", "has 1 elements, and S has 2"),
        ("S", "{x = 1}", "the field y of S has no value"),
        ("S", "{x = 1, y = true, z = 2}", "struct S has no field z"),
        ("S", "{x = 1, x = 2, y = true}", "the field x has two values"),
        ("S", "{1, 2}", "element 2 of the list has type int, and bool is needed"),
        ("bit<8>", "{1, 2}", "is a list, and bit<8> is needed"),
        ("bit<8>", "{#}", "has type {#}, and bit<8> is needed"),
        ("int", "nothing", "nothing named nothing is declared here"),
        ("int", "S", "expected '.' or '('"),
        ("int", "TEN()", "TEN is a constant and cannot be called"),
    ],
)
def test_wrong_expressions(front: Front, type_name: str, text: str, message: str) -> None:
    errors = front.errors(f"{SETUP}\nconst {type_name} X = {text};")
    assert any(message in e for e in errors), errors


def test_values_out_of_range_warn(front: Front) -> None:
    def names(text: str) -> list[str]:
        return [n for n, _ in front.warnings(f"{text} bit<8> f() {{ return __x; }}") if n != "unused"]

    assert names("const bit<8> __x = 256;") == ["overflow"]
    assert names("const bit<8> __x = 4w16 ++ 4w0;") == ["overflow"]
    assert names("const bit<8> __x = -1;") == ["mismatch"]
    assert names("const bit<8> __x = 8w1 << 8;") == ["overflow"]
    assert names("const bit<8> __x = 255;") == []


def test_members_of_stacks_tuples_and_results(front: Front) -> None:
    statements = front.apply(
        """
        bit<32> n = hdr.stack.size;
        tuple<bit<8>, bool> p = {1, true};
        bit<8> q = p[0];
        bool r = T.apply().hit;
        bit<48> d = hdr.stack[n].dst;
        bit<4> low = hdr.eth.src[7:4];
        """,
        locals="table T { actions = { NoAction; } }",
    )
    values = [s.init for s in statements if isinstance(s, ast.VariableDecl) and s.init is not None]
    assert [str(v.type) for v in values] == (
        ["bit<32>", "tuple<bit<8>, bool>", "bit<8>", "bool", "bit<48>", "bit<4>"]
    )
    assert values[0].value == 4


def test_wrong_members(front: Front) -> None:
    cases = {
        "meta.nope = 1;": "meta_t does not have a field nope",
        "meta.a.b = 1;": "bit<8> does not have a member b",
        "hdr.stack.next.setValid();": "next of a header stack can be used in parsers only",
        "meta.a = hdr.stack[4].dst[7:0];": "index 4 is out of range",
        "meta.a = meta.b[0];": "bit<8> cannot be indexed",
        "1 = meta.a;": "must be something that can be written to",
        "sm.parser_error = error.NoMatch; hdr.stack.size = 1;": "must be something that can be written to",
    }
    for code, message in cases.items():
        errors = front.program_errors(apply=code)
        assert any(message in e for e in errors), (code, errors)


def test_plus_slice_with_a_variable_position(front: Front) -> None:
    (statement,) = front.apply("meta.a = hdr.eth.dst[meta.b+:8];")
    assert isinstance(statement, ast.Assign)
    assert isinstance(statement.right, ast.PlusSlice)
    assert statement.right.type == t.bits(8)
