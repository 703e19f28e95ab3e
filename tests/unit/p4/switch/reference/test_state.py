"""Meters, table lookups, value sets, ageing: the state between packets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from testbed.p4.switch.model import Field, FieldRef, Header, HeaderType, KeyField, Program, Table
from testbed.p4.switch.reference.phv import Phv, fit
from testbed.p4.switch.reference.state import MeterCell
from testbed.p4.switch.reference.tables import TableState
from testbed.p4.switch.target import MeterConfig, TableOp, Verb

GREEN, YELLOW, RED = 0, 1, 2


def test_two_rate_three_colour() -> None:
    """Bursts pass green up to cburst, yellow up to pburst; tokens come back at both rates (RFC 2698)."""
    cell = MeterCell(MeterConfig(cir=1000, cburst=2, pir=2000, pburst=4), rates=2, now=0)
    assert [cell.execute(1, 0) for _ in range(6)] == [GREEN, GREEN, YELLOW, YELLOW, RED, RED]
    assert [cell.execute(1, 1000) for _ in range(3)] == [GREEN, YELLOW, RED]
    assert [cell.execute(1, 10_000_000) for _ in range(6)] == [GREEN, GREEN, YELLOW, YELLOW, RED, RED]


def test_one_rate() -> None:
    cell = MeterCell(MeterConfig(1000, 1, 1000, 1), rates=1, now=5)
    assert [cell.execute(1, 5), cell.execute(1, 5), cell.execute(1, 1005)] == [GREEN, YELLOW, GREEN]


@given(st.integers(-(2**70), 2**70), st.integers(1, 66), st.booleans(), st.booleans())
def test_what_fields_hold(value: int, width: int, signed: bool, saturating: bool) -> None:
    low, high = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
    held = fit(value, width, Field("f", width, signed, saturating))
    assert low <= held <= high
    if low <= value <= high:
        assert held == value
    elif saturating:
        assert held in (low, high)
    else:
        assert (held - value) % (1 << width) == 0


def _table(kind: str, key_kind: str) -> tuple[TableState, Phv]:
    """A table over one 12-bit field."""
    header_type = HeaderType("h_t", (Field("f", 12), Field("pad", 4)))
    program = Program.__new__(Program)
    object.__setattr__(program, "headers", (Header("h", header_type),))
    object.__setattr__(program, "stacks", ())
    object.__setattr__(program, "union_stacks", ())
    phv = Phv(program)
    phv.valid[0] = True
    key = (KeyField("h.f", key_kind, FieldRef(0, 0), 12),)  # type: ignore[arg-type]
    none: tuple[int, ...] = ()
    table = Table("t", kind, key, none, 99, None, None, None, False, None, False, (), False, {}, None, None)  # type: ignore[arg-type]
    return TableState(table), phv


def hit(state: TableState, phv: Phv, value: int) -> int | None:
    phv.set(FieldRef(0, 0), value)
    entry = state.lookup(phv)
    return None if entry is None else entry.op.handle


def test_longest_prefix() -> None:
    state, phv = _table("lpm", "lpm")
    for handle, (value, length) in enumerate(((0, 0), (0x800, 1), (0x8A0, 8), (0x8AF, 12))):
        mask = 0xFFF & ~(0xFFF >> length)
        state.insert(TableOp(Verb.INSERT, 0, handle, value.to_bytes(2), mask.to_bytes(2), length), 0)
    assert [hit(state, phv, v) for v in (0x123, 0x900, 0x8A1, 0x8AF)] == [0, 1, 2, 3]


def test_lowest_priority_number_then_lowest_handle() -> None:
    state, phv = _table("ternary", "ternary")
    for handle, (value, mask, priority) in enumerate(
        ((0x100, 0x100, 20), (0x010, 0x010, 10), (0x001, 0x001, 10), (0, 0, 30))
    ):
        op = TableOp(Verb.INSERT, 0, handle, value.to_bytes(2), mask.to_bytes(2), 0, priority)
        state.insert(op, 0)
    assert [hit(state, phv, v) for v in (0x111, 0x011, 0x101, 0x100, 0x002)] == [1, 1, 2, 0, 3]


def test_ranges_and_invalid_headers() -> None:
    state, phv = _table("range", "range")
    state.insert(TableOp(Verb.INSERT, 0, 0, (5).to_bytes(2), (9).to_bytes(2), 0, 1), 0)
    state.insert(TableOp(Verb.INSERT, 0, 1, (0).to_bytes(2), (0).to_bytes(2), 0, 1), 0)
    assert [hit(state, phv, v) for v in (4, 5, 9, 10)] == [None, 0, 0, None]
    phv.valid[0] = False
    assert hit(state, phv, 5) == 1
