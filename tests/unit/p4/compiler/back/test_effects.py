"""Places: what may be the same, what is read and written."""

from __future__ import annotations

from testbed.p4.compiler import ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes import effects
from testbed.p4.compiler.source import NO_SPAN

LAYOUT = ir.Layout("h_t", (("a", t.bits(8)), ("b", t.bits(8))))
STACK = ir.Stack("s", LAYOUT, 3)
HEADER = ir.Header("h", LAYOUT)


def field(header: ir.HeaderRef, name: str = "a") -> ir.Field:
    return ir.Field(header, name, t.bits(8))


def places(*exprs: ir.Expr) -> list[effects.Place]:
    return [p for e in exprs for p in effects.reads(e)]


def test_fields_of_one_header_are_apart_and_overlap_the_header() -> None:
    a, b = places(field(HEADER, "a")), places(field(HEADER, "b"))
    assert effects.disjoint(a, b)
    assert not effects.disjoint(a, [effects.place_of(HEADER)])


def test_an_element_at_a_run_time_index_may_be_any() -> None:
    anywhere = places(field(ir.StackElement(STACK, field(HEADER))))
    assert not effects.disjoint(anywhere, places(field(STACK.element(2))))
    assert effects.disjoint(places(field(STACK.element(0))), places(field(STACK.element(1))))


def test_an_index_is_read() -> None:
    assert effects.place_of(HEADER, "b") in places(field(ir.StackElement(STACK, field(HEADER, "b"))))


def test_validity_is_a_place_of_its_own() -> None:
    assert effects.disjoint(places(ir.IsValid(HEADER)), places(field(HEADER)))
    assert not effects.disjoint(
        places(ir.IsValid(HEADER)), effects.writes([ir.SetValid(NO_SPAN, HEADER, True)])
    )


def test_writes_are_found_in_branches_and_in_the_actions_of_tables() -> None:
    inside = ir.Assign(NO_SPAN, field(HEADER), ir.Const(1, t.bits(8)))
    action = ir.Action("act", [], [inside])
    table = ir.Table("tbl", uses=[ir.ActionUse(action)])
    wanted = effects.place_of(HEADER, "a")
    assert wanted in list(effects.writes([ir.Apply(NO_SPAN, table)]))
    assert wanted in list(effects.writes([ir.If(NO_SPAN, ir.TRUE, [], [ir.Scope(NO_SPAN, "x", [inside])])]))
    assert wanted in list(effects.writes([ir.Primitive(NO_SPAN, "op", [field(HEADER)], (0,))]))
    assert wanted not in list(effects.writes([ir.Primitive(NO_SPAN, "op", [field(HEADER)])]))
