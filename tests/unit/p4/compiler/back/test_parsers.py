"""Parsers: states, selects, sub-parsers, stacks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.p4.compiler.diagnostics import CompileError
from testbed.p4.compiler.passes.parsers import range_masks
from testbed.p4.switch.target import ValueSetMember, ValueSetOp

LABELS = "header label_t { bit<7> v; bit<1> bos; }"
PAD = bytes(20)


@given(st.integers(1, 12), st.data())
def test_range_masks_cover_the_range_and_nothing_else(width: int, data: st.DataObject) -> None:
    low = data.draw(st.integers(0, (1 << width) - 1))
    high = data.draw(st.integers(low, (1 << width) - 1))
    masks = range_masks(low, high, width)
    for number in range(1 << width):
        matching = sum(number & (k.mask or 0) == k.value for k in masks)
        assert matching == (low <= number <= high)


def parsed(build, frame: bytes, parser: str, **parts: str) -> bytes:
    """What leaves: what the parser extracted to `st`, and the rest."""
    program = build(
        parser=parser,
        deparser="pkt.emit(h.st); pkt.emit(h.o);",
        headers="label_t[4] st;",
        types=LABELS,
        **parts,
    )
    [(_, left)] = program.send(frame)
    return left


LOOP = """
    state start { pkt.extract(h.st.next); transition select(h.st.last.bos) { 0: start; 1: accept; } }
"""


def test_a_loop_over_a_stack(build) -> None:
    left = parsed(build, bytes([2, 4, 7]) + PAD, LOOP, ingress="h.st.pop_front(1);")
    assert left == bytes([4, 7]) + PAD


def test_too_many_elements_set_the_parser_error(build) -> None:
    code = (
        "h.o.setValid(); h.o.r = sm.parser_error == error.StackOutOfBounds ? 64w1 : 64w0; h.st.pop_front(4);"
    )
    left = parsed(build, bytes([2, 4, 6, 8, 10, 1]) + PAD, LOOP, ingress=code)
    assert left[7] == 1


SELECTS = {
    "range": ("select(h.i.a) { 3 .. 9: hit; default: accept; }", {2: 0, 3: 1, 9: 1, 10: 0}),
    "mask": ("select(h.i.a) { 8w1 &&& 8w3: hit; default: accept; }", {1: 1, 5: 1, 3: 0}),
    "two keys": ("select(h.i.a, h.i.b) { (1, 0): hit; (_, 7): hit; default: accept; }", {1: 1, 2: 0}),
    "first match wins": ("select(h.i.a) { 4: accept; 0 .. 9: hit; default: accept; }", {4: 0, 5: 1}),
    "an expression": ("select(h.i.a + 1) { 5: hit; default: accept; }", {4: 1, 5: 0}),
    "a bool": ("select(h.i.a == 6) { true: hit; false: accept; }", {6: 1, 7: 0}),
    "a slice": ("select(h.i.a[1:0]) { 2: hit; default: accept; }", {6: 1, 5: 0}),
    "a signed range": ("select((int<8>)h.i.a) { -1: hit; default: accept; }", {255: 1, 1: 0}),
    "a signed range around zero": (
        "select((int<8>)h.i.a) { -2 .. 1: hit; default: accept; }",
        {254: 1, 1: 1, 2: 0},
    ),
    "no match accepts": ("select(h.i.a) { 5: hit; }", {5: 1, 6: 0}),
}


@pytest.mark.parametrize(("select", "cases"), SELECTS.values(), ids=SELECTS.keys())
def test_selects(build, select: str, cases: dict[int, int]) -> None:
    program = build(
        parser=f"""
            state start {{ pkt.extract(h.i); m.x = 0; transition {select} }}
            state hit {{ m.x = 1; transition accept; }}
        """,
        ingress="h.i.b = m.x;",
    )
    for a, expected in cases.items():
        [(_, left)] = program.send(bytes([a]) + bytes(11))
        assert left[1] == expected, f"a = {a}"


def test_conditionals_in_states(build) -> None:
    program = build(
        parser="""
            state start {
                pkt.extract(h.i);
                if (h.i.a == 1) { h.i.b = 10; if (h.i.c == 0) { h.i.b = h.i.b + 1; } } else { h.i.b = 20; }
                h.i.n = 5;
                transition select(h.i.b) { 20: more; default: accept; }
            }
            state more { h.i.m = 3; transition accept; }
        """,
        deparser="pkt.emit(h.i);",
    )
    for frame, expected in (
        ([1, 0, 0, 0], (11, 0x50)),
        ([1, 0, 1, 0], (10, 0x50)),
        ([2, 0, 0, 0], (20, 0x53)),
    ):
        [(_, left)] = program.send(bytes(frame) + bytes(8))
        assert (left[1], left[11]) == expected


def test_functions_with_returns_in_states(build) -> None:
    program = build(
        globals="bit<8> f(in bit<8> x) { if (x == 1) { return 4; } return 5; }",
        parser="state start { pkt.extract(h.i); h.i.b = f(h.i.a); h.i.n = 6; transition accept; }",
    )
    assert program.send(bytes([1]) + bytes(11))[0][1][1] == 4
    left = program.send(bytes([2]) + bytes(11))[0][1]
    assert (left[1], left[11]) == (5, 0x60)


SUBPARSER = """
parser Labels(packet_in pkt, inout label_t[4] st, out bit<8> count)(bit<8> step) {
    state start { count = 0; transition more; }
    state more {
        pkt.extract(st.next);
        count = count + step;
        transition select(st.last.bos) { 0: more; 1: accept; }
    }
}
"""


def test_subparsers_with_states_after_the_call(build) -> None:
    program = build(
        types=LABELS,
        globals=SUBPARSER,
        headers="label_t[4] st;",
        parser_locals="Labels(2) labels;",
        parser="state start { labels.apply(pkt, h.st, m.x); pkt.extract(h.i); transition accept; }",
        ingress="h.i.a = m.x;",
        deparser="pkt.emit(h.st); pkt.emit(h.i);",
    )
    assert program.send(bytes([2, 4, 7]) + PAD)[0][1][3] == 6


def test_a_rejecting_subparser_ends_parsing(build) -> None:
    program = build(
        globals="""
            parser Check(packet_in pkt, in bit<8> a) {
                state start { verify(a != 9, error.NoMatch); transition accept; }
            }
        """,
        parser_locals="Check() check;",
        parser="state start { pkt.extract(h.i); check.apply(pkt, h.i.a); m.x = 1; transition accept; }",
        ingress="h.i.b = m.x; h.i.n = sm.parser_error == error.NoMatch ? 4w1 : 4w0;",
    )
    for a, expected in ((1, (1, 0)), (9, (0, 0x10))):
        left = program.send(bytes([a]) + bytes(11))[0][1]
        assert (left[1], left[11]) == expected


def test_lookahead_advance_and_varbit(build) -> None:
    program = build(
        types="header opt_t { bit<8> len; varbit<64> body; } struct peek_t { bit<4> x; bit<12> y; }",
        headers="opt_t opt;",
        parser="""
            state start {
                peek_t p = pkt.lookahead<peek_t>();
                m.y = (bit<16>)p.y;
                pkt.advance(16);
                bit<8> len = pkt.lookahead<bit<8>>();
                pkt.extract(h.opt, (bit<32>)len * 8);
                transition accept;
            }
        """,
        ingress="h.o.setValid(); h.o.r = (bit<64>)m.y; h.opt.len = 99;",
        deparser="pkt.emit(h.o); pkt.emit(h.opt);",
    )
    [(_, left)] = program.send(bytes([0xAB, 0xCD, 3, 1, 2, 3, 55]))
    assert left == (0xBCD).to_bytes(8) + bytes([99, 1, 2, 3, 55])


def test_value_sets(build) -> None:
    program = build(
        parser_locals="value_set<bit<8>>(4) wanted;",
        parser="""
            state start { pkt.extract(h.i); transition select(h.i.a) { wanted: hit; default: accept; } }
            state hit { h.i.b = 1; transition accept; }
        """,
    )
    assert program.json["parse_vsets"] == [
        {"name": "P.wanted", "id": 0, "compressed_bitwidth": 8, "max_size": 4}
    ]
    program.switch.apply([ValueSetOp(0, (ValueSetMember(b"\x05"),))])
    assert [program.send(bytes([a]) + bytes(11))[0][1][1] for a in (5, 6)] == [1, 0]


def test_variables_are_initialized_once(build) -> None:
    program = build(
        types=LABELS,
        headers="label_t[4] st;",
        parser_locals="bit<8> count = 0;",
        parser="""
            state start {
                pkt.extract(h.st.next); count = count + 1;
                transition select(h.st.last.bos) { 0: start; 1: done; }
            }
            state done { m.x = count; transition accept; }
        """,
        ingress="h.o.setValid(); h.o.r = (bit<64>)m.x;",
        deparser="pkt.emit(h.o);",
    )
    assert program.send(bytes([2, 4, 7]) + PAD)[0][1][7] == 3


def test_unreached_states_are_left_out(build) -> None:
    program = build(
        parser="state start { pkt.extract(h.i); transition accept; } state never { transition accept; }"
    )
    assert [s["name"] for s in program.json["parsers"][0]["parse_states"]] == ["start"]


@pytest.mark.parametrize(
    ("parser", "message"),
    [
        ("state start { pkt.extract(h.o, 8); transition accept; }", "varbit"),
        (
            "state start { pkt.extract(h.i); bit<32> n = pkt.length(); transition accept; }",
            "packet_in.length",
        ),
    ],
)
def test_refusals(build, parser: str, message: str) -> None:
    with pytest.raises(CompileError, match=message):
        build(parser=parser)
