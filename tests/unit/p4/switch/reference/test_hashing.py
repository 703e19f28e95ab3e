"""Check values of the hash algorithms (catalogue of parametrised CRC algorithms; RFC 1071)."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.utils import checksum

from testbed.p4.switch.reference.hashing import ALGORITHMS, Random

CHECK = b"123456789"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crc16", 0xBB3D),
        ("crc16_custom", 0xBB3D),
        ("crc32", 0xCBF43926),
        ("crc32_custom", 0xCBF43926),
        ("crcCCITT", 0x29B1),
        ("crc8_custom", 0xF4),
        ("crc64_custom", 0x46A5A9388A5BEFFE),
        ("identity", 0x3132333435363738),
        ("xor16", 0x3132 ^ 0x3334 ^ 0x3536 ^ 0x3738 ^ 0x3900),
        ("xor32", 0x31323334 ^ 0x35363738 ^ 0x39000000),
    ],
)
def test_check_values(name: str, value: int) -> None:
    assert ALGORITHMS[name](CHECK) == value


@given(st.binary(max_size=100))
def test_against_others(data: bytes) -> None:
    assert ALGORITHMS["crc32"](data) == zlib.crc32(data)
    assert ALGORITHMS["csum16"](data) == checksum(data)


def test_splitmix64() -> None:
    random = Random(1234567)
    assert [random.draw() for _ in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]
