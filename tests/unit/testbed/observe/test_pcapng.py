"""Capture files: what is written is read again, and damage is found."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.utils import RawPcapNgReader

from testbed.observe.pcapng import PcapngError, Writer, read

frames = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 1 << 61), st.binary(max_size=80), st.booleans()), max_size=10
)


def written(items: list[tuple[int, int, bytes, bool]], offset: int = 0) -> bytes:
    file = io.BytesIO()
    writer = Writer(file, ["pe1-eth1", "p1-eth1"], 96, offset)
    for interface, ns, data, outgoing in items:
        writer.write(interface, ns, data, len(data) + 4, outgoing=outgoing)
    return file.getvalue()


@given(frames, st.integers(-(1 << 60), 1 << 60))
def test_round_trip(items: list[tuple[int, int, bytes, bool]], offset: int) -> None:
    got = list(read(written(items, offset)))
    assert [(f.interface, f.data, f.length, f.outgoing) for f in got] == [
        (("pe1-eth1", "p1-eth1")[n], data, len(data) + 4, out) for n, _, data, out in items
    ]
    assert [f.t for f in got] == [(ns + offset) / 1e9 for _, ns, _, _ in items]


def test_others_can_read_it() -> None:
    data = written([(1, 5_000_000_000, b"abcdef", True)])
    ((frame, meta),) = RawPcapNgReader(io.BytesIO(data))
    assert frame == b"abcdef"
    assert (meta.ifname, meta.wirelen, meta.linktype) == (b"p1-eth1", 10, 1)
    assert ((meta.tshigh << 32) | meta.tslow) / meta.tsresol == 5.0


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"x" * 40, "not a little-endian pcapng file"), (written([])[:-6], "damaged block length|cut short")],
)
def test_damage(data: bytes, message: str) -> None:
    with pytest.raises(PcapngError, match=message):
        list(read(data))


@given(st.data())
def test_any_damage_is_an_error_or_harmless(data: st.DataObject) -> None:
    raw = bytearray(written([(0, 1, b"abcdef", True), (1, 2, b"ghi", False)]))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(PcapngError):
        list(read(bytes(raw[: data.draw(st.integers(0, len(raw)))])))


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(PcapngError):
        list(read(raw))
