"""Expressions mean what the specification says, seen through packets."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testbed.p4.compiler.diagnostics import CompileError
from testbed.p4.compiler.passes import fold
from testbed.p4.compiler.types import BitsType, bits

Fields = dict[str, int]
Term = tuple[str, Callable[[Fields], int]]

FIELDS = {
    "h.i.a": bits(8),
    "h.i.b": bits(8),
    "h.i.c": bits(16),
    "h.i.d": bits(32),
    "h.i.s": bits(8, signed=True),
    "h.i.t": bits(16, signed=True),
    "h.i.n": bits(4),
    "h.i.m": bits(4),
}
TYPES = [
    bits(8),
    bits(16),
    bits(32),
    bits(64),
    bits(7, signed=True),
    bits(16, signed=True),
    bits(33, signed=True),
]

PLAIN = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
}


def fields_of(frame: bytes) -> Fields:
    number, position, result = int.from_bytes(frame), 96, {}
    for name, type_ in FIELDS.items():
        position -= type_.width
        result[name] = fold.wrap(number >> position, type_)
    return result


def cast(term: Term, source: BitsType, target: BitsType) -> Term:
    """P4 casts change the sign or the width, not both at once."""
    text, evaluate = term
    if source.signed != target.signed:
        same = bits(source.width, signed=target.signed)
        return cast((f"(({same})({text}))", lambda f: fold.wrap(evaluate(f), same)), same, target)
    if source == target:
        return term
    return f"(({target})({text}))", lambda f: fold.wrap(evaluate(f), target)


def expression(draw: random.Random, type_: BitsType, depth: int) -> Term:
    """A random expression of a type, and what it should give."""
    if depth == 0:
        name = draw.choice(list(FIELDS))
        return cast((name, lambda f: f[name]), FIELDS[name], type_)
    op = draw.choice(
        ["+", "-", "*", "&", "|", "^", "|+|", "|-|", "<<", ">>", "~", "-x", "cast", "?", "slice"]
    )
    a, fa = expression(draw, type_, depth - 1)
    b, fb = expression(draw, type_, depth - 1)
    match op:
        case "|+|" | "|-|":
            sign = 1 if op == "|+|" else -1
            return f"({a} {op} {b})", lambda f: fold.saturate(fa(f) + sign * fb(f), type_)
        case "<<" | ">>":
            amount, fs = expression(draw, bits(draw.choice([3, 8, 16])), 0)
            shift = (lambda x, n: x << n) if op == "<<" else (lambda x, n: x >> n)
            return f"({a} {op} {amount})", lambda f: fold.wrap(shift(fa(f), fs(f)), type_)
        case "~":
            return f"(~{a})", lambda f: fold.wrap(~fa(f), type_)
        case "-x":
            return f"(-{a})", lambda f: fold.wrap(-fa(f), type_)
        case "cast":
            source = draw.choice(TYPES)
            return cast(expression(draw, source, depth - 1), source, type_)
        case "?":
            relation = draw.choice(["<", "=="])
            holds = operator.lt if relation == "<" else operator.eq
            return f"({a} {relation} {b} ? {a} : {b})", lambda f: fa(f) if holds(fa(f), fb(f)) else fb(f)
        case "slice":
            low = draw.randrange(type_.width)
            part = bits(type_.width - low)
            inner = (f"({a})[{type_.width - 1}:{low}]", lambda f: fold.wrap(fa(f) >> low, part))
            return cast(inner, part, type_)
    plain = PLAIN[op]
    return f"({a} {op} {b})", lambda f: fold.wrap(plain(fa(f), fb(f)), type_)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1 << 32), frames=st.lists(st.binary(min_size=12, max_size=12), min_size=1, max_size=5)
)
def test_random_expressions(build, seed: int, frames: list[bytes]) -> None:
    draw = random.Random(seed)
    terms = [(type_, *expression(draw, type_, draw.randrange(1, 5))) for type_ in TYPES]
    unsigned = [f"(bit<64>)(bit<{type_.width}>)({text})" for type_, text, _ in terms]
    program = build(
        headers=" ".join(f"out_t o{i};" for i in range(len(terms))),
        ingress=" ".join(f"h.o{i}.setValid(); h.o{i}.r = {e};" for i, e in enumerate(unsigned)),
        deparser=" ".join(f"pkt.emit(h.o{i});" for i in range(len(terms))),
    )
    for frame in frames:
        [(_, left)] = program.send(frame)
        found = [int.from_bytes(left[8 * i : 8 * i + 8]) for i in range(len(terms))]
        assert found == [e(fields_of(frame)) % (1 << type_.width) for type_, _, e in terms]


def result(build, code: str, frame: bytes = bytes(range(1, 13)), **parts: str) -> int:
    """The 64 bits that `h.o.r` leaves with."""
    program = build(ingress=f"h.o.setValid(); {code}", deparser="pkt.emit(h.o);", **parts)
    [(_, left)] = program.send(frame)
    return int.from_bytes(left[:8])


CASES = {
    "slice assignment": ("h.i.d[15:8] = 8w0xff; h.o.r = (bit<64>)h.i.d;", 0x0506FF08),
    "slice of a slice": ("h.i.d[15:4][7:4] = 4w0xf; h.o.r = (bit<64>)h.i.d;", 0x05060F08),
    "concatenation": ("h.o.r = (bit<64>)(h.i.a ++ h.i.b);", 0x0102),
    "compound assignment": ("h.i.a += 5; h.o.r = (bit<64>)h.i.a;", 6),
    "operand saved before a call changes it": (
        "h.o.r = (bit<64>)(h.i.a + change(h.i.a));",
        1 + 9,
    ),
    "left before right": ("h.o.r = (bit<64>)(change(h.i.a) - h.i.a);", 0),
    "right of && not evaluated": (
        "if (h.i.a == 0 && change(h.i.b) == 9) { h.i.n = 0; } h.o.r = (bit<64>)h.i.b;",
        2,
    ),
    "right of || not evaluated": (
        "bool x = h.i.a == 1 || change(h.i.b) == 9; h.o.r = x ? (bit<64>)h.i.b : 0;",
        2,
    ),
    "one branch of ?: evaluated": ("h.o.r = (bit<64>)(h.i.a == 1 ? h.i.b : change(h.i.b)); ", 2),
    "struct assigned from its own fields": (
        "pair_t p = {1, 2}; p = {p.y, p.x}; h.o.r = (bit<64>)(p.x ++ p.y);",
        0x0201,
    ),
    "tuple fields": ("tuple<bit<8>, bit<16>> z = {h.i.a, h.i.c}; h.o.r = (bit<64>)(z[0] ++ z[1]);", 0x010304),
    "index evaluated before the right side": (
        "bit<8> k = 0; h.st[k].v = set_one(k); h.o.r = (bit<64>)(h.st[0].v ++ h.st[1].v);",
        0x0700,
    ),
    "bool round trip": ("m.flag = h.i.a == 1; bool g = !m.flag; h.o.r = g ? 64w1 : 64w2;", 2),
    "enum comparison": ("color_t k = color_t.green; h.o.r = k == color_t.green ? 64w1 : 64w0;", 1),
    "error comparison": ("h.o.r = sm.parser_error == error.NoError ? 64w1 : 64w0;", 1),
}
TYPES_USED = """
struct pair_t { bit<8> x; bit<8> y; }
enum color_t { red, green }
header v_t { bit<8> v; }
"""
FUNCTIONS = """
bit<8> change(inout bit<8> x) { x = 9; return x; }
bit<8> set_one(inout bit<8> x) { x = 1; return 7; }
"""


@pytest.mark.parametrize(("code", "expected"), CASES.values(), ids=CASES.keys())
def test_meaning(build, code: str, expected: int) -> None:
    assert result(build, code, types=TYPES_USED, headers="v_t[2] st;", globals=FUNCTIONS) == expected


def test_headers_are_equal_if_both_are_invalid_or_alike(build) -> None:
    steps = [
        "",
        "h.p.setValid();",
        "h.q.setValid();",
        "h.p.v = 1; h.q.v = 1;",
        "h.q.v = 2;",
        "h.p.setInvalid();",
    ]
    tests = " ".join(f"{step} h.o.r = h.o.r << 1 | (h.p == h.q ? 64w1 : 64w0);" for step in steps)
    found = result(build, f"h.o.r = 0; {tests}", types="header v_t { bit<8> v; }", headers="v_t p; v_t q;")
    # the third step: valid and without values set, which are 0 when a header becomes valid
    assert f"{found:06b}" == "101100"


def test_stack_operations(build) -> None:
    code = """
        h.st[0].setValid(); h.st[0].v = 1; h.st[1].setValid(); h.st[1].v = 2;
        h.st.push_front(1); h.st[0].setValid(); h.st[0].v = 7;
        h.o.r = (bit<64>)(h.st[0].v ++ h.st[1].v ++ h.st[2].v); h.st.pop_front(2);
        h.o.r = h.o.r << 8 | (bit<64>)h.st[0].v;
    """
    found = result(build, code, types="header v_t { bit<8> v; }", headers="v_t[3] st;")
    assert found == 0x07010202


UNION = "header p_t { bit<8> v; } header q_t { bit<16> v; } header_union u_t { p_t p; q_t q; }"


def test_one_header_of_a_union_is_valid(build) -> None:
    code = """
        h.u.p.setValid(); h.u.p.v = 1; h.u.q.setValid(); h.u.q.v = 2; u_t copy = h.u; h.u.q.setInvalid();
        h.o.r = (bit<64>)copy.q.v;
        if (copy.q.isValid() && !copy.p.isValid() && !h.u.isValid() && copy != h.u) { h.o.r = h.o.r + 16; }
    """
    assert result(build, code, types=UNION, headers="u_t u;") == 18


def test_stacks_of_unions(build) -> None:
    program = build(
        types=UNION,
        headers="u_t[3] st;",
        parser="""
            state start { transition select(pkt.lookahead<bit<8>>()) { 1: one; 2: two; default: accept; } }
            state one { pkt.extract(h.st.next.p); transition start; }
            state two { pkt.extract(h.st.next.q); m.y = h.st.last.q.v; transition start; }
        """,
        ingress="h.o.setValid(); h.o.r = (bit<64>)m.y; h.st.pop_front(1);",
        deparser="pkt.emit(h.o); pkt.emit(h.st);",
    )
    [(_, left)] = program.send(bytes([1, 2, 9, 1, 77]))
    assert left == (0x0209).to_bytes(8) + bytes([2, 9, 1, 77])


def test_errors_name_the_construct_and_its_place(build) -> None:
    with pytest.raises(CompileError, match=r"program\.p4:\d+:\d+: error: static_assert failed: too wide"):
        build(ingress='static_assert(8 < 4, "too wide");')


def test_several_errors_are_reported_in_one_run(build) -> None:
    with pytest.raises(CompileError) as caught:
        build(ingress="recirculate_preserving_field_list(0); h.i.a = 1; clone(CloneType.E2E, 1);")
    spans = [d.span for d in caught.value.diagnostics.errors]
    assert len(spans) == 2
    assert all(a < b for a, b in pairwise(spans))
