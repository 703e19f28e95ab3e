"""What samples say: gaps, loss, order, delay, goodput."""

from __future__ import annotations

import base64
import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.observe.samples import (
    Goodput,
    Sample,
    decode,
    longest_silence,
    lost_between,
    median_delay_ms,
    stats,
)

STREAM = tuple(Sample(n, n * 0.005, n * 0.005 + 0.006) for n in range(200))
"""200 datagrams/s for a second, 6 ms under way."""


def without(start: int, end: int) -> tuple[Sample, ...]:
    return tuple(sample for sample in STREAM if not start <= sample.sequence < end)


def test_a_gap_is_the_longest_silence() -> None:
    silence = longest_silence(without(100, 140), 0.1, 0.9)
    assert silence.ms == pytest.approx(41 * 5)
    assert silence.start == pytest.approx(99 * 0.005 + 0.006)


def test_a_flow_that_never_came_back_was_silent_until_the_end() -> None:
    assert longest_silence(without(100, 200), 0.1, 2.0).end == 2.0
    assert longest_silence((), 1.0, 2.0).ms == 1000.0


def test_stats() -> None:
    flow = [*without(10, 15), STREAM[199], STREAM[3]]
    result = stats(flow, 200, 0.0, 1.0)
    assert (result.sent, result.received, result.lost) == (200, 195, 5)
    assert (result.duplicated, result.reordered) == (2, 1)
    assert result.gap_ms == pytest.approx(30)
    assert result.delay_ms == pytest.approx(6)
    assert stats((), 5, 0.0, 1.0).as_json()["delay_ms"] is None


def test_delay_of_a_span() -> None:
    assert median_delay_ms(STREAM, start=0.5) == pytest.approx(6)
    assert median_delay_ms(STREAM, start=5.0) is None


def test_goodput() -> None:
    goodput = Goodput(0.01, {100: 12_500, 101: 12_500, 105: 12_500})
    assert goodput.mbps(1.0, 1.02) == pytest.approx(10)
    stall = goodput.longest_stall(1.0, 1.06)
    assert (stall.start, stall.ms) == (pytest.approx(1.02), pytest.approx(30))
    assert goodput.longest_stall(1.0, 1.01).ms == 0
    assert goodput.rates(1.0, 1.05, 0.02) == pytest.approx([1_250_000, 0])
    assert goodput.total(1.0, 1.06) == 37_500
    assert goodput.mbps(1.0, 1.0) == 0


def test_a_dip_is_what_is_below_half_of_the_median_before() -> None:
    steady = dict.fromkeys(range(100), 1000)
    goodput = Goodput(0.01, steady | {n: 1000 for n in range(100, 200) if not 120 <= n < 150})
    found = goodput.dip((0.0, 1.0), (1.0, 2.0), 0.1)
    assert found is not None
    assert (found.median, found.lowest, found.ms) == (pytest.approx(100_000), 0, pytest.approx(300))
    assert Goodput(0.01, {}).dip((0.0, 1.0), (1.0, 2.0), 0.1) is None
    unhurt = Goodput(0.01, dict.fromkeys(range(200), 1000)).dip((0.0, 1.0), (1.0, 2.0), 0.1)
    assert unhurt is not None
    assert unhurt.ms == 0


@pytest.mark.parametrize(
    ("flow", "span", "lost"),
    [
        (STREAM, (0.2, 0.8), 0),
        (without(100, 140), (0.2, 0.9), 40),
        (without(100, 140), (0.1, 0.4), 0),
        (without(100, 200), (0.2, 5.0), 100),
        (without(100, 200), (0.6, 0.8), 40),
        (without(100, 200), (2.0, 5.0), 0),
        ((), (0.0, 1.0), 200),
    ],
)
def test_lost_in_a_span(flow: tuple[Sample, ...], span: tuple[float, float], lost: int) -> None:
    assert lost_between(flow, 200, *span) == lost


@given(st.lists(st.tuples(*[st.integers(0, 1 << 60)] * 3), max_size=20))
def test_samples_round_trip(triples: list[tuple[int, int, int]]) -> None:
    text = base64.b64encode(b"".join(struct.pack("<3q", *triple) for triple in triples)).decode()
    assert [sample.sequence for sample in decode(text)] == [triple[0] for triple in triples]


@given(st.text(max_size=60))
def test_any_text_is_samples_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        decode(text)


spans = st.lists(st.floats(0, 10), max_size=30)


@given(spans, st.floats(0, 5), st.floats(5, 10))
def test_silence_is_within_its_span_and_empty(times: list[float], start: float, end: float) -> None:
    silence = longest_silence([Sample(0, 0.0, t) for t in times], start, end)
    assert start <= silence.start <= silence.end <= end
    assert not any(silence.start < t < silence.end for t in times)
