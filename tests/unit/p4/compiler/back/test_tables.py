"""Tables in the JSON: keys, entries, defaults, properties."""

from __future__ import annotations

import pytest

from testbed.p4.compiler.diagnostics import CompileError
from testbed.p4.switch.target import TO_GROUP, Bucket, GroupOp, MemberOp, TableOp, Verb

ACTIONS = "action set(bit<8> v) { h.i.b = v; } action signed(int<8> v) { h.i.t = (int<16>)v; }"


def keyed(build, key: str, entries: str, **parts: str):
    """A program with one table `t` over a key, applied in ingress."""
    table = f"table t {{ key = {{ {key} }} actions = {{ set; NoAction; }} {entries} }}"
    return build(locals=ACTIONS + parts.pop("locals_", "") + table, ingress="t.apply();", **parts)


MATCHES = {
    "exact": ("h.i.a : exact;", "5 : set(1);", {5: 1, 6: 0}),
    "lpm": (
        "h.i.a : lpm;",
        "8w0x50 &&& 8w0xf0 : set(1); 8w0x55 : set(2); _ : set(3);",
        {0x51: 1, 0x55: 2, 1: 3},
    ),
    "ternary, first wins": (
        "h.i.a : ternary;",
        "8w1 &&& 8w1 : set(1); 3 : set(2); _ : set(3);",
        {3: 1, 2: 3},
    ),
    "range": ("h.i.a : range;", "3 .. 9 : set(1); 8 .. 20 : set(2);", {3: 1, 9: 1, 10: 2, 21: 0}),
    "optional": ("h.i.a : optional; h.i.n : optional;", "(7, _) : set(1); (_, 0) : set(2);", {7: 1, 8: 2}),
    "validity": ("h.o.isValid() : exact;", "false : set(1); true : set(2);", {0: 1}),
    "an expression": ('h.i.a + 1 : exact @name("next");', "6 : set(1);", {5: 1, 6: 0}),
    "a bool": ("m.flag : exact;", "true : set(1); false : set(2);", {0: 2}),
    "several": (
        "h.i.a : exact; h.i.c : ternary;",
        "(1, 16w0 &&& 16w0xff) : set(1); (1, _) : set(2);",
        {1: 1, 2: 0},
    ),
}


@pytest.mark.parametrize(("key", "entries", "cases"), MATCHES.values(), ids=MATCHES.keys())
def test_match_kinds(build, key: str, entries: str, cases: dict[int, int]) -> None:
    program = keyed(build, key, f"const entries = {{ {entries} }}")
    for a, expected in cases.items():
        assert program.send(bytes([a]) + bytes(11))[0][1][1] == expected, f"a = {a}"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("largest_priority_wins = true;", 2),
        ("largest_priority_wins = false;", 1),
        ("", 2),
    ],
)
def test_priorities(build, order: str, expected: int) -> None:
    entries = "entries = { priority = 10 : 8w1 &&& 8w1 : set(1); priority = 20 : 8w3 &&& 8w3 : set(2); }"
    program = keyed(build, "h.i.a : ternary;", order + entries)
    assert program.send(bytes([3]) + bytes(11))[0][1][1] == expected


KEY_NAMES = {
    "h.i.a : exact;": "h.i.a",
    "h.st[0].v : exact;": "h.st[0].v",
    "h.i.a[3:0] : exact;": "h.i.a[3:0]",
    "h.i.a & 0xf : exact;": "h.i.a & 0xf",
    "h.i.isValid() : exact;": "h.i.$valid$",
    'h.i.a : exact @name("short");': "short",
    "h.i.d : ternary;": "h.i.d",
}


@pytest.mark.parametrize(("key", "name"), KEY_NAMES.items())
def test_key_names(build, key: str, name: str) -> None:
    program = keyed(build, key, "", types="header v_t { bit<8> v; }", headers="v_t[2] st;")
    assert [k["name"] for k in program.table("I.t")["key"]] == [name]
    assert [f.name for f in program.result.p4info.tables[0].match_fields] == [name]


def test_keys_without_names_need_one(build) -> None:
    with pytest.raises(CompileError, match="@name"):
        keyed(build, "h.i.a + 1 : exact;", "")


def test_the_default_action_and_its_data(build) -> None:
    program = keyed(build, "h.i.a : exact;", "const default_action = set(9); size = 77;")
    table = program.table("I.t")
    assert table["default_entry"]["action_const"] is True
    assert table["default_entry"]["action_data"] == ["0x9"]
    assert table["max_size"] == 77
    assert program.send(bytes(12))[0][1][1] == 9


def test_no_default_means_no_action_and_only_as_default(build) -> None:
    program = build(
        locals=ACTIONS + "table t { key = { h.i.a : exact; } actions = { set; } }", ingress="t.apply();"
    )
    assert program.table("I.t")["actions"] == ["I.set", "NoAction"]
    refs = program.result.p4info.tables[0].action_refs
    assert [(r.id == 21257015, list(r.annotations)) for r in refs] == [(False, []), (True, ["@defaultonly"])]


def test_signed_action_data(build) -> None:
    program = build(
        locals=ACTIONS + "table t { actions = { signed; } default_action = signed(-2); }",
        ingress="t.apply();",
    )
    assert program.send(bytes(12))[0][1][9:11] == b"\xff\xfe"


SELECTOR = """
    action_selector(HashAlgorithm.crc16, 32w64, 32w14) choice;
    action pick(bit<8> v) { h.i.b = v; }
    table t {
        key = { h.i.a : exact; h.i.c : selector; h.i.d : selector; }
        actions = { pick; }
        implementation = choice;
    }
"""


def test_action_selector(build) -> None:
    program = build(locals=SELECTOR, ingress="t.apply();")
    [profile] = program.json["pipelines"][0]["action_profiles"]
    assert profile["selector"]["algo"] == "crc16"
    assert [i["value"] for i in profile["selector"]["input"]] == [["i", "c"], ["i", "d"]]
    assert [k["name"] for k in program.table("I.t")["key"]] == ["h.i.a"]
    assert program.table("I.t")["type"] == "indirect_ws"
    action = next(i for i, a in enumerate(program.program.actions) if a.name == "I.pick")
    table = next(i for i, t in enumerate(program.program.tables) if t.name == "I.t")
    program.switch.apply(
        [
            MemberOp(Verb.INSERT, 0, 1, action, b"\x0a"),
            MemberOp(Verb.INSERT, 0, 2, action, b"\x0b"),
            GroupOp(Verb.INSERT, 0, 1, (Bucket(1), Bucket(2))),
            TableOp(Verb.INSERT, table, 0, b"\x01", action=TO_GROUP, ref=1),
        ]
    )
    seen = {program.send(bytes([1, 0]) + n.to_bytes(2) + bytes(8))[0][1][1] for n in range(16)}
    assert seen == {10, 11}


DIRECT = """
    direct_counter(CounterType.packets) hits;
    direct_meter<bit<8>>(MeterType.bytes) rate;
    action mark() { hits.count(); rate.read(m.x); }
    table t { key = { h.i.a : exact; } actions = { mark; } counters = hits; meters = rate; size = 8; }
"""


def test_direct_objects(build) -> None:
    program = build(locals=DIRECT, ingress="t.apply();")
    table = program.table("I.t")
    assert table["with_counters"] is True
    assert table["direct_meters"] == "I.rate"
    [meter] = program.json["meter_arrays"]
    assert (meter["binding"], meter["size"], meter["type"]) == ("I.t", 8, "bytes")
    assert meter["result_target"] == ["scalars", "userMetadata.x"]
    assert program.action("I.mark")["primitives"] == []
    [counter] = program.json["counter_arrays"]
    assert (counter["is_direct"], counter["binding"]) == (True, "I.t")


def test_duplicate_names_are_refused(build) -> None:
    table = '@name("same") table {} {{ actions = {{ NoAction; }} }} '
    with pytest.raises(CompileError, match=r"two tables have the control plane name I\.same"):
        build(locals=table.format("x") + table.format("y"), ingress="x.apply(); y.apply();")


def test_two_lpm_keys_are_refused(build) -> None:
    with pytest.raises(CompileError, match="more than one lpm"):
        keyed(build, "h.i.a : lpm; h.i.c : lpm;", "")


def test_tables_cannot_be_applied_in_arguments_of_actions(build) -> None:
    tables = """
        action set(bit<8> x) { m.x = x; }
        action copy(in bool hit) { m.flag = hit; }
        table inner { actions = { set; NoAction; } }
        table outer { actions = { copy(inner.apply().hit); NoAction; } }
    """
    with pytest.raises(CompileError, match="a table cannot be applied in an argument of an action"):
        build(locals=tables, ingress="outer.apply();")
