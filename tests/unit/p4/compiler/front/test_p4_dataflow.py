from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.p4.compiler.front.conftest import Front

LOCALS = """
    bit<8> unset;
    action sets() { unset = 1; }
    action reads() { meta.a = unset; }
    action early(bit<8> v) { if (v == 0) { return; } unset = v; }
    action gives(out bit<8> r) { r = 1; }
    table all_set { key = { meta.a : exact; } actions = { sets; } default_action = sets; }
    table some_set { key = { meta.a : exact; } actions = { sets; NoAction; } }
    table reader { key = { meta.a : exact; } actions = { reads; NoAction; } }
    table keyed { key = { unset : exact; } actions = { NoAction; } }
"""


def found(front: Front, apply: str, **parts: str) -> list[str]:
    warnings = front.warnings(front.source(**({"locals": LOCALS} | parts), apply=apply))
    return [message for name, message in warnings if name.startswith("uninitialized")]


@pytest.mark.parametrize(
    ("code", "warns"),
    [
        ("meta.a = unset;", True),
        ("unset = 1; meta.a = unset;", False),
        ("if (meta.flag) { unset = 1; } meta.a = unset;", True),
        ("if (meta.flag) { unset = 1; } else { unset = 2; } meta.a = unset;", False),
        ("if (meta.flag) { unset = 1; } else { return; } meta.a = unset;", False),
        ("if (meta.flag) { unset = 1; } else { exit; } meta.a = unset;", False),
        ("if (true) { unset = 1; } meta.a = unset;", False),
        ("sets(); meta.a = unset;", False),
        ("reads();", True),
        ("early(3); meta.a = unset;", True),
        ("gives(unset); meta.a = unset;", False),
        ("all_set.apply(); meta.a = unset;", False),
        ("some_set.apply(); meta.a = unset;", True),
        ("reader.apply();", True),
        ("unset = 1; reader.apply();", False),
        ("keyed.apply();", True),
        ("switch (meta.b) { 1: { unset = 1; } } meta.a = unset;", True),
        ("switch (meta.b) { 1: { unset = 1; } default: { unset = 2; } } meta.a = unset;", False),
        ("switch (some_set.apply().action_run) { sets: { meta.a = unset; } }", True),
        ("unset[3:0] = 1; meta.a = unset;", False),
        ("unset += 1;", True),
        ("hash(unset, HashAlgorithm.crc16, 8w0, {meta.a}, 8w255); meta.a = unset;", False),
        ("for (bit<8> i = 0; i < 3; i = i + 1) { meta.a = unset; unset = i; }", True),
        ("for (bit<8> i in 1 .. 3) { unset = i; if (i == 2) { break; } meta.a = unset; }", False),
        ("eth_t h; h.setValid(); meta.c = h.type;", True),
        ("eth_t h; h.setValid(); h.type = 1; meta.c = h.type;", False),
        ("eth_t h; hdr.eth = h;", False),
        ("eth_t[2] s; s[0].setValid(); meta.c = s[1].type;", False),
        ("headers_t h; h.eth = hdr.eth; meta.c = h.eth.type;", False),
        ("meta_t m; m.a = 1; meta = m;", True),
        ("meta_t m; m.a = 1; m.b = 2; m.c = 3; m.flag = true; meta = m;", False),
        ("meta_t m = {1, 2, 3, true}; meta.a = m.a;", False),
        ("bool b = meta.flag && unset == 1; meta.flag = b;", True),
        ('@noWarn("uninitialized_use") { meta.a = unset; }', False),
    ],
)
def test_reads_before_writes(front: Front, code: str, warns: bool) -> None:
    assert bool(found(front, code)) == warns


def test_the_message_names_the_field(front: Front) -> None:
    assert found(front, "meta_t m; m.a = 1; meta.c = m.c;") == ["m.c may be read before it is set"]


def test_parsers_follow_their_states(front: Front) -> None:
    ways = {
        "meta.c = hdr.eth.type; transition accept;": True,
        "pkt.extract(hdr.eth); meta.c = hdr.eth.type; transition accept;": False,
        "transition select(meta.a) { 1: one; default: two; }": True,
    }
    states = """
        state one { pkt.extract(hdr.eth); transition two; }
        state two { meta.c = hdr.eth.type; transition select(meta.c) { 1: one; 2: two; default: accept; } }
    """
    assert [bool(found(front, "", start=start, states=states)) for start in ways] == list(ways.values())


def test_out_parameters_must_be_set(front: Front) -> None:
    top = """
        control Sub(out bit<8> x, out headers_t h, in bool b) { apply { if (b) { x = 1; } } }
        bit<8> f(out bit<8> y) { y = 1; return y; }
    """
    messages = found(front, "Sub.apply(meta.a, hdr, meta.flag); meta.b = f(meta.a);", top=top)
    assert messages == ["x may be unset when Sub ends"]
