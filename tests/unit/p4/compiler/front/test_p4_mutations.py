"""Broken programs give diagnostics, whatever is broken about them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.p4.compiler.diagnostics import CompileError
from testbed.p4.compiler.frontend import check_text

if TYPE_CHECKING:
    from tests.unit.p4.compiler.front.conftest import Front

LOCALS = """
    register<bit<16>>(8) reg; bit<8> v = 3; const int N = 4;
    action set(inout bit<8> x, bit<8> y) { x = y |+| 1; if (x > 8w3) { return; } hdr.eth.setInvalid(); }
    table t {
        key = { hdr.eth.dst : exact; meta.c : lpm; meta.a[3:0] : ternary @name("low"); }
        actions = { set(meta.a); @defaultonly NoAction; }
        const entries = { (1, 2 &&& 0xFFFF, _) : set(meta.a, 5); }
        default_action = NoAction();
    }
"""
APPLY = """
    switch (t.apply().action_run) { set: { meta.b = meta.a ++ 0w0 == 0 ? v : 8w7; } default: {} }
    for (bit<8> i in 0 .. 3) { reg.read(meta.c, (bit<32>) i); hdr.stack[i].dst = {1, 2}[0]; }
    hash(meta.c, HashAlgorithm.crc16, 16w0, { hdr.eth.src, meta.flag }, 16w1 << N);
    meta = { a = 1, ... }; hdr.stack.push_front(1); log_msg("x {}", {meta.a});
"""
STATES = """
    state more {
        pkt.extract(hdr.stack.next);
        transition select(hdr.stack.last.type) { 1 .. 5: more; 7 &&& 0xFF: more; _: accept; }
    }
"""
_TOKENS = re.compile(r"\w+|[^\w\s]")
_CHANGES = st.lists(
    st.tuples(st.sampled_from(("delete", "replace", "insert", "swap")), st.integers(0), st.integers(0)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60)
@given(_CHANGES)
def test_mutated_programs(front: Front, changes: list[tuple[str, int, int]]) -> None:
    source = front.source(locals=LOCALS, apply=APPLY, start="transition more;", states=STATES)
    head, _, rest = source.partition("header eth_t")
    tokens = _TOKENS.findall("header eth_t" + rest)
    for change, one, other in changes:
        at, from_where = one % len(tokens), other % len(tokens)
        if change == "delete":
            del tokens[at]
        elif change == "replace":
            tokens[at] = tokens[from_where]
        elif change == "insert":
            tokens.insert(at, tokens[from_where])
        else:
            tokens[at], tokens[from_where] = tokens[from_where], tokens[at]
    try:
        check_text(head + " ".join(tokens))
    except CompileError as error:
        assert error.diagnostics.error_count
        assert "error" in str(error)
