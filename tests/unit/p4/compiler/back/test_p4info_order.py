"""Objects stand in P4Info in the order of declaration, as p4c lists them: not in that of application.

Instances that come from applying a type stand behind what is declared.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.p4.compiler.compile import compile_program
from testbed.p4.compiler.diagnostics import CompileError

PROGRAM = """
#include <core.p4>
#include <v1model.p4>
struct none { }
parser P(packet_in p, out none h, inout none m, inout standard_metadata_t s) {
    state start { transition accept; }
}
control Inner(inout standard_metadata_t s) {
    action set() { s.egress_spec = 1; }
    table inner { actions = { set; } default_action = set(); }
    apply { inner.apply(); }
}
control I(inout none h, inout none m, inout standard_metadata_t s) {
    action first() { s.egress_spec = 2; }
    table before { actions = { first; } default_action = first(); }
    Inner() one;
    table after { actions = { first; } default_action = first(); }
    Inner() two;
    apply {
        two.apply(s);
        Inner.apply(s);
        after.apply();
        one.apply(s);
        before.apply();
    }
}
control E(inout none h, inout none m, inout standard_metadata_t s) {
    table last { actions = { NoAction; } }
    apply { last.apply(); }
}
control C(inout none h, inout none m) { apply { } }
control D(packet_out p, in none h) { apply { } }
V1Switch(P(), C(), I(), E(), C(), D()) main;
"""


SHARED = """
#include <core.p4>
#include <v1model.p4>
struct none { }
action drop(inout standard_metadata_t s) { mark_to_drop(s); }
action nothing() { }
parser P(packet_in p, out none h, inout none m, inout standard_metadata_t s) {
    state start { transition accept; }
}
control E(inout none h, inout none m, inout standard_metadata_t s) {
    EGRESS_ACTION
    table last { key = { s.ingress_port: exact; } actions = { NoAction; send; } }
    apply { last.apply(); nothing(); }
}
control I(inout none h, inout none m, inout standard_metadata_t s) {
    action set() { s.egress_spec = 2; }
    table one { key = { s.ingress_port: exact; } actions = { set; drop(s); } default_action = drop(s); }
    apply { one.apply(); }
}
control C(inout none h, inout none m) { apply { } }
control D(packet_out p, in none h) { apply { } }
V1Switch(P(), C(), I(), E(), C(), D()) main;
"""


def test_global_actions_stand_at_the_head_of_the_block_that_uses_them_first(tmp_path: Path) -> None:
    source = tmp_path / "shared.p4"
    source.write_text(SHARED.replace("EGRESS_ACTION", "action send() { s.egress_spec = 1; }"))
    names = [action.preamble.name for action in compile_program(source).p4info.actions]
    assert names == ["drop", "I.set", "NoAction", "nothing", "E.send"]


def test_two_actions_cannot_have_one_name(tmp_path: Path) -> None:
    source = tmp_path / "shared.p4"
    source.write_text(SHARED.replace("EGRESS_ACTION", '@name(".I.set") action send() { }'))
    with pytest.raises(CompileError, match=r"two actions have the control plane name I\.set"):
        compile_program(source)


def test_objects_of_an_instance_stand_where_it_is_declared(tmp_path: Path) -> None:
    source = tmp_path / "order.p4"
    source.write_text(PROGRAM)
    info = compile_program(source).p4info
    assert [table.preamble.name for table in info.tables] == [
        "I.before",
        "I.one.inner",
        "I.after",
        "I.two.inner",
        "I.Inner.inner",
        "E.last",
    ]
    names = [action.preamble.name for action in info.actions]
    assert names == ["I.first", "I.one.set", "I.two.set", "I.Inner.set", "NoAction"]


DIRECT = """
#include <core.p4>
#include <v1model.p4>
struct none { }
parser P(packet_in p, out none h, inout none m, inout standard_metadata_t s) {
    state start { transition accept; }
}
control I(inout none h, inout none m, inout standard_metadata_t s) {
    direct_counter(CounterType.bytes) last;
    action_profile(8) shared;
    table a {
        key = { s.ingress_port: exact; }
        actions = { NoAction; }
        @name("of_a") counters = direct_counter(CounterType.bytes);
    }
    table b {
        key = { s.ingress_port: exact; }
        actions = { NoAction; }
        @name("of_b") implementation = action_profile(4);
    }
    table c { key = { s.ingress_port: exact; } actions = { NoAction; } counters = last; }
    table d { key = { s.ingress_port: exact; } actions = { NoAction; } implementation = shared; }
    apply { c.apply(); a.apply(); d.apply(); b.apply(); }
}
control E(inout none h, inout none m, inout standard_metadata_t s) { apply { } }
control C(inout none h, inout none m) { apply { } }
control D(packet_out p, in none h) { apply { } }
V1Switch(P(), C(), I(), E(), C(), D()) main;
"""


def test_direct_counters_stand_as_their_tables_do(tmp_path: Path) -> None:
    source = tmp_path / "direct.p4"
    source.write_text(DIRECT)
    info = compile_program(source).p4info
    assert [counter.preamble.name for counter in info.direct_counters] == ["of_a", "I.last"]
    assert [profile.preamble.name for profile in info.action_profiles] == ["I.shared", "of_b"]
