"""Extern functions and objects: what they become, and what packets see of it."""

from __future__ import annotations

import zlib

import pytest

from testbed.p4.compiler.diagnostics import CompileError
from testbed.p4.switch.target import CloneOp, DigestOp, MulticastOp, RegisterOp, Replica

FRAME = bytes(range(1, 13))
METADATA = "@field_list(1) bit<8> kept; @field_list(1, 2) bit<16> both; inner_t inner;"
INNER = "struct inner_t { @field_list(2) bit<8> deep; bit<8> none; }"


def test_field_lists_come_from_annotations(build) -> None:
    program = build(
        types=INNER,
        metadata=METADATA,
        ingress="clone_preserving_field_list(CloneType.I2E, 5, 2); clone(CloneType.I2E, 5);",
        egress="recirculate_preserving_field_list(1);",
    )
    lists = {f["name"]: [e["value"][1] for e in f["elements"]] for f in program.json["field_lists"]}
    assert lists == {
        "field_list1": ["userMetadata.kept", "userMetadata.both"],
        "field_list2": ["userMetadata.both", "userMetadata.inner.deep"],
        "fl": [],
    }
    assert [f["id"] for f in program.json["field_lists"]] == [1, 2, 3]


def test_field_lists_may_be_numbered_by_constants(build) -> None:
    program = build(
        types="const bit<8> FIRST = 7; enum bit<8> lists_t { SECOND = 9 }",
        metadata="@field_list(FIRST) bit<8> one; @field_list(lists_t.SECOND, FIRST + 1) bit<8> two;",
        egress="recirculate_preserving_field_list(FIRST);",
    )
    lists = {f["name"]: [e["value"][1] for e in f["elements"]] for f in program.json["field_lists"]}
    two = ["userMetadata.two"]
    assert lists == {"field_list7": ["userMetadata.one"], "field_list8": two, "field_list9": two}


def test_clones_keep_the_field_list_only(build) -> None:
    program = build(
        types=INNER,
        metadata=METADATA,
        ingress="m.kept = 4; m.x = 5; clone_preserving_field_list(CloneType.I2E, 7, 1);",
        egress="if (sm.instance_type == 1) { h.i.a = m.kept; h.i.b = m.x; }",
        deparser="pkt.emit(h.i);",
    )
    program.switch.apply([CloneOp(7, (Replica(9),))])
    left = dict(program.send(FRAME))
    assert left[9][:2] == bytes([4, 0])
    assert left[1] == FRAME


def test_resubmit_and_multicast(build) -> None:
    program = build(
        types=INNER,
        metadata=METADATA,
        ingress="""
            if (sm.instance_type == 0) { m.kept = 3; resubmit_preserving_field_list(1); }
            else { h.i.a = m.kept; sm.mcast_grp = 4; }
        """,
        egress="h.i.b = (bit<8>)sm.egress_rid;",
        deparser="pkt.emit(h.i);",
    )
    program.switch.apply([MulticastOp(4, (Replica(1, 10), Replica(2, 20)))])
    assert [(port, left[:2]) for port, left in program.send(FRAME)] == [(1, b"\x03\x0a"), (2, b"\x03\x14")]


def test_digests_of_one_type_share_a_list(build) -> None:
    program = build(
        types="struct seen_t { bit<8> who; bit<9> where; }",
        ingress="""
            if (h.i.a == 1) { digest<seen_t>(1, {h.i.b, sm.ingress_port}); }
            else { digest<seen_t>(1, {99, 1}); }
            h.i.b = 0;
        """,
    )
    [learn] = program.json["learn_lists"]
    assert (learn["id"], learn["name"], len(learn["elements"])) == (1, "seen_t", 2)
    [digest] = program.result.p4info.digests
    assert digest.preamble.name == "seen_t"
    assert [m.name for m in program.result.p4info.type_info.structs["seen_t"].members] == ["who", "where"]
    program.switch.apply([DigestOp(0, True)])
    program.send(FRAME, port=3)
    [event] = program.switch.events()
    assert event.data == b"\x02\x00\x03"


def test_registers(build) -> None:
    program = build(
        locals="register<bit<16>>(8) r; register<int<8>>(4) s;",
        ingress="""
            bit<16> v; r.read(v, (bit<32>)h.i.a); r.write((bit<32>)h.i.a, v + 1);
            h.i.c = v; s.read(h.i.s, 2); h.i.t = (int<16>)h.i.s; r.read(h.i.d[15:0], 1);
        """,
    )
    program.switch.apply([RegisterOp(1, 2, 0xFE)])
    first, second = (program.send(FRAME)[0][1] for _ in range(2))
    assert (first[2:4], second[2:4]) == (b"\0\0", b"\0\1")
    assert first[8:11] == b"\xfe\xff\xfe"
    assert (first[4:8], second[4:8]) == (b"\x05\x06\0\1", b"\x05\x06\0\2")


def test_counters_and_meters(build) -> None:
    program = build(
        locals="counter(4, CounterType.bytes) c; meter(2, MeterType.packets) q;",
        ingress="c.count((bit<32>)h.i.n + 1); q.execute_meter(1, m.x); h.i.b = m.x;",
    )
    assert program.send(FRAME)[0][1][1] == 0
    assert program.switch.read_counter(0, 0, 4)[1] == (1, len(FRAME))
    assert [m["size"] for m in program.json["meter_arrays"]] == [2]


HASHES = {
    "crc32": ("HashAlgorithm.crc32", "{h.i.a, h.i.b}", zlib.crc32(b"\x01\x02")),
    "computed inputs are saved": ("HashAlgorithm.crc32", "{h.i.a + 1, 8w7}", zlib.crc32(b"\x02\x07")),
    "structs are flattened": ("HashAlgorithm.crc32", "{{h.i.b}, {h.i.a}}", zlib.crc32(b"\x02\x01")),
    "a header": ("HashAlgorithm.crc32", "h.i", zlib.crc32(FRAME)),
    "identity": ("HashAlgorithm.identity", "{h.i.a, h.i.b}", 0x0102),
}


@pytest.mark.parametrize(("algorithm", "data", "expected"), HASHES.values(), ids=HASHES.keys())
def test_hashes(build, algorithm: str, data: str, expected: int) -> None:
    code = (
        f"bit<32> r; hash(r, {algorithm}, 32w0, {data}, 64w0x100000000); h.o.setValid(); h.o.r = (bit<64>)r;"
    )
    [(_, left)] = build(ingress=code, deparser="pkt.emit(h.o);").send(FRAME)
    assert int.from_bytes(left[:8]) == expected


def test_hash_base_and_maximum(build) -> None:
    code = "bit<8> r; hash(r, HashAlgorithm.identity, 8w10, {h.i.b}, 8w2); h.i.a = r;"
    assert build(ingress=code).send(bytes([0, 5]) + bytes(10))[0][1][0] == 11


UPDATE = "update_checksum({cond}, {{h.i.a, h.i.b}}, h.i.c, HashAlgorithm.csum16);"


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        (UPDATE.format(cond="true"), 0xFFFF - 0x0102),
        (UPDATE.format(cond="h.i.a == 9"), 0x0304),
        (f"if (h.i.a == 9) {{ {UPDATE.format(cond='true')} }}", 0x0304),
        (f"if (h.i.a == 9) {{ }} else {{ {UPDATE.format(cond='h.i.b == 2')} }}", 0xFFFF - 0x0102),
        ("update_checksum_with_payload(true, {h.i.a, h.i.b}, h.i.c, HashAlgorithm.csum16);", 0xFFFF - 0x1112),
    ],
)
def test_updated_checksums(build, update: str, expected: int) -> None:
    [(_, left)] = build(update=update).send(FRAME + b"\x10\x10")
    assert int.from_bytes(left[2:4]) == expected


def test_verified_checksums(build) -> None:
    program = build(
        verify="verify_checksum(h.i.isValid(), {h.i.a, h.i.b}, h.i.c, HashAlgorithm.csum16);",
        ingress="h.i.n = (bit<4>)sm.checksum_error;",
    )
    assert program.send(FRAME)[0][1][11] >> 4 == 1
    good = FRAME[:2] + (0xFFFF - 0x0102).to_bytes(2) + FRAME[4:]
    assert program.send(good)[0][1][11] >> 4 == 0


def test_drop_and_truncate(build) -> None:
    program = build(ingress="if (h.i.a == 9) { mark_to_drop(sm); } truncate(4);")
    assert program.send(FRAME) == [(1, FRAME[:4])]
    assert program.send(b"\x09" + FRAME[1:]) == []


def test_log_messages_take_headers_apart(build) -> None:
    program = build(ingress='log_msg("a {} h {}", {h.i.a, h.i}); log_msg("plain");')
    messages = [p for a in program.json["actions"] for p in a["primitives"] if p["op"] == "log_msg"]
    assert messages[0]["parameters"][0]["value"].startswith("a {} h (a:{},b:{},")
    assert len(messages[0]["parameters"][1]["value"]) == 9
    assert messages[1]["parameters"][1]["value"] == []


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"egress": "clone(CloneType.I2E, 1);"}, "ingress only, this is the egress"),
        ({"ingress": "recirculate_preserving_field_list(0);"}, "egress only, this is the ingress"),
        ({"ingress": "standard_metadata_t copy = sm; mark_to_drop(copy);"}, "standard metadata itself"),
        ({"update": "h.i.a = 1;"}, "only calls of update_checksum"),
        ({"deparser": "if (h.i.a == 1) { pkt.emit(h.i); }"}, r"only calls of emit\(\)"),
        ({"ingress": 'static_assert(1 == 2, "no");'}, "no"),
        ({"locals": "register<in_t>(4) r;", "ingress": "in_t x; r.read(x, 0);"}, "in_t"),
    ],
)
def test_refusals(build, parts: dict[str, str], message: str) -> None:
    with pytest.raises(CompileError, match=message):
        build(**parts)


TABLE = "table t { key = { h.i.a: exact; } actions = { NoAction; } %s }"


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        (-1, {"locals": TABLE % "size = -1;", "ingress": "t.apply();"}),
        (1 << 64, {"locals": TABLE % "size = 1 << 64;", "ingress": "t.apply();"}),
        (0xFFFFFFFF, {"locals": "register<bit<8>>(-1) r;", "ingress": "r.write(0, 1);"}),
        (1 << 31, {"locals": "counter(1 << 31, CounterType.bytes) c;", "ingress": "c.count(0);"}),
        (1 << 31, {"locals": "action_profile(1 << 31) p;" + TABLE % "implementation = p;"}
            | {"ingress": "t.apply();"}),
        (1 << 31, {"parser_locals": "value_set<bit<8>>(1 << 31) s;"}
            | {"parser": "state start { transition select(m.x) { s: accept; default: accept; } }"}),
    ],
)  # fmt: skip
def test_sizes_that_p4info_cannot_say(build, size: int, parts: dict[str, str]) -> None:
    with pytest.raises(CompileError, match=f"a size of {size} is not supported"):
        build(**parts)
