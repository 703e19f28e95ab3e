"""Operators on bit<W> and int<W>: P4_16 §8.6 to §8.11, computed here with Python's integers."""

from __future__ import annotations

from tests.conformance.case import Case, Send

M128 = (1 << 128) - 1


def signed(value: int, width: int) -> int:
    """Two's complement."""
    return value - (1 << width) if value >> (width - 1) & 1 else value


def clamp(value: int, low: int, high: int) -> int:
    """Saturation."""
    return max(low, min(high, value))


def pack(*fields: tuple[int, int]) -> str:
    """(value, width) of each field, values taken modulo their width."""
    number = total = 0
    for value, width in fields:
        number = number << width | value & ((1 << width) - 1)
        total += width
    return number.to_bytes(total // 8).hex()


def unsigned_results(a: int, b: int) -> str:
    """Header `unsigned_t`."""
    values = [
        a + b, a - b, a * b, min(a + b, 255), max(a - b, 0), -a, ~a, a & b, a | b, a ^ b, a << b, a >> b,
    ]  # fmt: skip
    flags = [a < b, a <= b, a > b, a >= b, a == b, a != b]
    return pack(*((v, 8) for v in values), *((f, 1) for f in flags), (a << 3 >> 4, 2))


def signed_results(a: int, b: int, count: int) -> str:
    """Header `signed_t`."""
    values = [
        a + b, a - b, a * b, clamp(a + b, -128, 127), clamp(a - b, -128, 127), -a, a >> count, a << count,
    ]  # fmt: skip
    flags = [a < b, a <= b, a > b, a >= b]
    return pack(*((v, 8) for v in values), (a, 16), (a & 255, 16), (b, 16), (a, 4), *((f, 1) for f in flags))


def shapes(a: int, b: int) -> str:
    """Header `shapes_t`."""
    return pack(
        (a, 8), (b, 8),
        (a >> 2, 4),
        (b, 4),
        (b & 0b10000111 | (a & 15) << 3, 8),
        (a, 4), (b, 8), (a, 8), (b >> 4, 4),
        (abs(a - b), 8),
        (((b & 31) << 8 | a) + 0x1234, 13),
        ((a & 7) * (b & 7), 3),
        (((a + b * 2) & 0x7F) | ((a >> 1) ^ 3), 8),
        (a == 0 or (b != 0 and a != 1), 1),
        (b if a & 1 else b >> 7, 1),
        (0, 6),
    )  # fmt: skip


def wide_results(x: int, y: int, count: int) -> str:
    """Header `wide_results_t`."""
    hole = ((1 << 64) - 1) << 37
    return pack(
        (x + y, 128), (x - y, 128), (x * y, 128), (min(x + y, M128), 128), (max(x - y, 0), 128), (-x, 128),
        (x << count, 128), (x >> count, 128), (signed(x, 128) >> count, 128),
        (x >> 64, 64), (~y, 64),
        (x >> 32, 64),
        (x & ~hole | (y << 37) & hole, 128),
        (x & 0xFFFF0000_FFFF0000_FFFF0000_FFFF0000 ^ 1, 128),
        (x < y, 1), (signed(x, 128) < signed(y, 128), 1), (x == y, 1), (0, 5),
    )  # fmt: skip


def packet(a: int, b: int, x: int, y: int) -> Send:
    """One packet with all the results."""
    results = (
        unsigned_results(a, b)
        + signed_results(signed(a, 8), signed(b, 8), b)
        + shapes(a, b)
        + wide_results(x, y, b)
    )
    return Send(1, f"{a:02x}{b:02x}{x:032x}{y:032x}", {1: results})


EDGES = (0, 1, 2, 7, 8, 9, 0x7F, 0x80, 0x81, 0xFE, 0xFF)
WIDE_EDGES = (
    0,
    1,
    (1 << 64) - 1,
    1 << 64,
    (1 << 127) - 1,
    1 << 127,
    M128,
    0x0123456789ABCDEF_FEDCBA9876543210,
    0xDEADBEEF_00000000_FFFFFFFF_80000001,
)
SHIFTS = (0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 200)


def _pairs() -> tuple[Send, ...]:
    sends = []
    for i, a in enumerate(EDGES):
        for j, b in enumerate(EDGES):
            x = WIDE_EDGES[(i * 7 + j) % len(WIDE_EDGES)]
            y = WIDE_EDGES[(i + j * 5) % len(WIDE_EDGES)]
            sends.append(packet(a, b, x, y))
    return tuple(sends)


CASES = [
    Case(
        "edges",
        "Arithmetic is modulo 2^W, saturates where asked, and shifts beyond the width give 0 or the sign.",
        (),
        _pairs(),
    ),
    Case(
        "shifts",
        "Wide numbers shift across words by any count.",
        (),
        tuple(
            packet(0xA5, count, *WIDE_EDGES[-2:]) for count in (0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 200)
        ),
    ),
]
