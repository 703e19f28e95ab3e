"""Names, ids and types in P4Info."""

from __future__ import annotations

import json

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from testbed.p4.compiler import ast
from testbed.p4.compiler.diagnostics import CompileError
from testbed.p4.compiler.p4info import symbols as sym
from testbed.p4.compiler.p4info.stubs import p4i
from testbed.p4.compiler.p4info.write import encoded, format_of
from testbed.p4.compiler.source import NO_SPAN
from tests.unit.p4.compiler.back.conftest import source

NAMES = st.lists(st.text("abc", min_size=1, max_size=2), min_size=1, max_size=3).map(".".join)


def test_ids_are_hashes_of_names() -> None:
    symbols = sym.Symbols()
    symbols.add(sym.ACTION, "NoAction")
    symbols.assign()
    assert symbols.id(sym.ACTION, "NoAction") == 21257015


@given(st.sets(NAMES, min_size=1, max_size=8))
def test_aliases_are_unique_suffixes(names: set[str]) -> None:
    symbols = sym.Symbols()
    for name in names:
        symbols.add(sym.TABLE, name)
    symbols.assign()
    for name in names:
        alias = symbols.alias(name)
        assert name == alias or name.endswith(f".{alias}")
        if alias != name:
            assert [n for n in names if n == alias or n.endswith(f".{alias}")] == [name]


@given(st.lists(st.none() | st.integers(1, 6), max_size=6))
def test_field_ids_keep_annotations_and_are_unique(fixed: list[int | None]) -> None:
    used = [n for n in fixed if n is not None]
    if len(set(used)) != len(used):
        return
    owners = [[] if n is None else [ast.Annotation(NO_SPAN, "id", args=[n])] for n in fixed]
    ids = sym.field_ids(owners)
    assert len(set(ids)) == len(ids)
    assert all(n is None or n == i for n, i in zip(fixed, ids, strict=True))


TYPES = """
@p4runtime_translation("example.org/port", 32) type bit<9> port_t;
@p4runtime_translation("example.org/name", string) type bit<16> name_t;
type bit<8> plain_t;
enum bit<8> kind_t { a = 1, b = 0x20 }
@controller_header("packet_in") header in_h { port_t port; @id(7) bit<7> rest; }
"""
LOCALS = """
    @brief("Sets it.") @id(0x01000042) action set(port_t port, @id(5) kind_t kind, bool yes, name_t name) {
        m.port = port;
    }
    @hidden action secret() { }
    @name(".global.name") table t {
        key = { m.port : exact; m.p : ternary; h.i.s : exact; }
        actions = { set; @tableonly secret; NoAction; }
        default_action = NoAction;
    }
    @mine("x", 3) counter(4, CounterType.packets) c;
    register<plain_t>(8) r;
"""


def build_info(build):
    return build(
        types=TYPES,
        locals=LOCALS,
        metadata="port_t port; plain_t p;",
        ingress="t.apply(); c.count(0); r.write(0, m.p);",
    ).result.p4info


def test_objects(build) -> None:
    info = build_info(build)
    [table] = info.tables
    assert (table.preamble.name, table.preamble.alias) == ("global.name", "name")
    assert [(f.name, f.bitwidth, f.type_name.name) for f in table.match_fields] == [
        ("m.port", 32, "port_t"),
        ("m.p", 8, "plain_t"),
        ("h.i.s", 8, ""),
    ]
    assert [r.scope for r in table.action_refs] == [
        p4i.ActionRef.TABLE_AND_DEFAULT,
        p4i.ActionRef.TABLE_ONLY,
        p4i.ActionRef.TABLE_AND_DEFAULT,
    ]
    actions = {a.preamble.name: a for a in info.actions}
    assert set(actions) == {"I.set", "NoAction"}
    assert actions["I.set"].preamble.id == 0x01000042
    assert actions["I.set"].preamble.doc.brief == "Sets it."
    assert [(p.id, p.name, p.bitwidth, p.type_name.name) for p in actions["I.set"].params] == [
        (1, "port", 32, "port_t"),
        (5, "kind", 8, ""),
        (2, "yes", 1, ""),
        (3, "name", 0, "name_t"),
    ]
    assert list(info.counters[0].preamble.annotations) == ['@mine("x" , 3)']
    assert info.registers[0].type_spec.new_type.name == "plain_t"


def test_types(build) -> None:
    types = build_info(build).type_info
    assert types.new_types["port_t"].translated_type.sdn_bitwidth == 32
    assert types.new_types["name_t"].translated_type.HasField("sdn_string")
    assert types.new_types["plain_t"].original_type.bitstring.bit.bitwidth == 8
    kinds = [(m.name, m.value) for m in types.serializable_enums["kind_t"].members]
    assert kinds == [("a", b"\x01"), ("b", b"\x20")]


def test_value_sets_that_no_state_selects_with_are_not_there(build) -> None:
    program = build(parser_locals="value_set<bit<8>>(4) unused;")
    assert not program.result.p4info.value_sets
    assert program.json["parse_vsets"] == []


def test_value_sets_of_tuples(build) -> None:
    info = build(
        parser_locals="value_set<tuple<bit<8>, bit<16>>>(4) pairs;",
        parser="""
        state start { pkt.extract(h.i); transition select(h.i.a, h.i.c) { pairs: accept; default: accept; } }
        """,
    ).result.p4info
    fields = [(f.id, f.bitwidth, f.match_type) for f in info.value_sets[0].match]
    assert fields == [(1, 8, p4i.MatchField.EXACT), (2, 16, p4i.MatchField.EXACT)]


def test_controller_headers(build) -> None:
    [header] = build_info(build).controller_packet_metadata
    assert header.preamble.id == sym.CONTROLLER_HEADER << 24 | sym.one_at_a_time("in_h") & 0xFFFFFF
    assert header.preamble.name == "packet_in"
    assert [(m.id, m.name, m.bitwidth) for m in header.metadata] == [(1, "port", 32), (7, "rest", 7)]


def test_formats(build) -> None:
    info = build_info(build)
    assert p4i.P4Info.FromString(encoded(info, "binary")) == info
    assert text_format.Parse(encoded(info, "text").decode(), p4i.P4Info()) == info
    assert json.loads(encoded(info, "json"))["tables"][0]["preamble"]["alias"] == "name"
    assert [format_of(n) for n in ("a.txtpb", "a.txt", "a.json", "a.bin", "a.x")] == [
        "text",
        "text",
        "json",
        "binary",
        None,
    ]


def test_messages_are_those_of_finsy() -> None:
    from finsy.proto import p4i as finsy_p4i

    assert p4i.P4Info is finsy_p4i.P4Info


def test_what_belongs_to_a_hidden_table_is_hidden(build) -> None:
    program = build(
        locals="""
            direct_counter(CounterType.packets) seen;
            @hidden table t {
                key = { h.i.a : exact; }
                actions = { NoAction; }
                counters = seen;
            }
        """,
        ingress="t.apply();",
    )
    assert not program.result.p4info.tables
    assert not program.result.p4info.direct_counters
    assert [c["name"] for c in program.result.json["counter_arrays"]] == ["I.seen"]
    assert program.result.p4info.HasField("type_info")


def test_types_are_mentioned_where_p4c_looks_for_them(build) -> None:
    assert not build(ingress="").result.p4info.HasField("type_info")
    assert build(ingress="truncate(9);").result.p4info.HasField("type_info")
    assert build(locals="counter(4, CounterType.packets) c;", ingress="c.count(0);").result.p4info.HasField(
        "type_info"
    )


SELECTOR = """%s action_selector(HashAlgorithm.crc16, 4, 4) s;
    table t { key = { h.i.a: exact; h.i.b: selector; } actions = { NoAction; } implementation = s; }"""
KEYED = "table t { key = { h.i.a: exact %s; h.i.b: exact @id(2); } actions = { NoAction; } }"
DECLARED = "%s header x_t { bit<8> x; }"
NEW_TYPE = "%s type bit<8> w_t;"


@pytest.mark.parametrize(
    ("part", "text", "annotation"),
    [
        ("locals", SELECTOR, '@max_group_size("x")'),
        ("locals", SELECTOR, "@max_group_size(99999999999)"),
        ("locals", SELECTOR, '@selector_size_semantics("sum_of_members") @max_member_weight(2147483648)'),
        ("locals", SELECTOR, '@selector_size_semantics("neither")'),
        ("locals", KEYED, "@id(0)"),
        ("locals", KEYED, "@id(2)"),
        ("locals", KEYED, "@id(4294967296)"),
        ("locals", KEYED, "@mine[9223372036854775808]"),
        ("types", DECLARED, "@controller_header"),
        ("types", DECLARED, "@controller_header(5)"),
        ("types", NEW_TYPE, "@p4runtime_translation"),
        ("types", NEW_TYPE, '@p4runtime_translation("x", word)'),
        ("types", NEW_TYPE, '@p4runtime_translation("x", 99999999999)'),
    ],
)
def test_malformed_annotations(build, part: str, text: str, annotation: str) -> None:
    parts = {part: text % annotation, "ingress": "t.apply();" if part == "locals" else ""}
    with pytest.raises(CompileError, match=r"^[^\n]*: error: .*(takes|more than once|64 bits)"):
        build(**parts)


@pytest.mark.parametrize(
    "annotation", ["@pkginfo(name = 5)", '@platform_property(multicast_group_table_size = "x")']
)
def test_malformed_annotations_of_the_package(build, annotation: str) -> None:
    with pytest.raises(CompileError, match="is not a value of"):
        build(source().replace("V1Switch(", f"{annotation} V1Switch("))


def test_widths_of_translations_are_numbers_of_any_base(build) -> None:
    code = '@p4runtime_translation("x", 0x20) type bit<8> w_t;'
    table = 'table t { key = { (w_t)h.i.a: exact @name("k"); } actions = { NoAction; } }'
    info = build(types=code, locals=table, ingress="t.apply();").result.p4info
    assert info.tables[0].match_fields[0].bitwidth == 32
    assert info.type_info.new_types["w_t"].translated_type.sdn_bitwidth == 32
