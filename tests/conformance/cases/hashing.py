"""hash(): the algorithms are those of bmv2; CRC-32 is IEEE 802.3's, CRC-16 is ARC's, csum16 is RFC 1071's."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from tests.conformance.case import Case, Send


def bits(*fields: tuple[int, int]) -> bytes:
    """(value, width) of each field, one after the other, the last byte filled up with zeros."""
    number = total = 0
    for value, width in fields:
        number, total = number << width | value, total + width
    padding = -total % 8
    return (number << padding).to_bytes((total + padding) // 8)


def crc16(data: bytes) -> int:
    """Polynomial 0x8005, reflected, from 0; "123456789" gives 0xBB3D."""
    remainder = 0
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0xA001 if remainder & 1 else 0)
    return remainder


def words(data: bytes) -> list[int]:
    """Words of 16 bits, the last filled up with zeros."""
    data += b"\0" * (len(data) % 2)
    return [int.from_bytes(data[i : i + 2]) for i in range(0, len(data), 2)]


def csum16(data: bytes) -> int:
    """The Internet checksum."""
    total = sum(words(data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def xor16(data: bytes) -> int:
    """The words XORed."""
    result = 0
    for word in words(data):
        result ^= word
    return result


def bounded(algorithm: Callable[[bytes], int], data: bytes, base: int, limit: int) -> int:
    """What hash() gives; a max of 0 counts as 1."""
    return base + algorithm(data) % (limit or 1)


def hashed(text: bytes, three: int, thirteen: int, base: int, limit: int) -> Send:
    """One packet with all the results."""
    number = int.from_bytes(text)
    results = [
        (zlib.crc32(text), 32),
        (crc16(text), 16),
        (csum16(text), 16),
        (xor16(text), 16),
        (thirteen << 3 | three, 32),
        (zlib.crc32(bits((three, 3), (number, 72))), 32),
        (crc16(bits((thirteen, 13), (base, 16))), 16),
        (csum16(bits((three, 3), (thirteen, 13), (base, 16))), 16),
        (xor16(bits((number, 72), (three, 3))), 16),
        (bounded(zlib.crc32, text, base, limit) & 0xFFFFFFFF, 32),
        (bounded(crc16, text, 0, 1000), 10),
        (0, 6),
        (0x500000000 + zlib.crc32(text + b"\0"), 64),
        (zlib.crc32(b"123456789"), 32),
        (zlib.crc32(text), 32),
        (zlib.crc32(text + bytes(2)), 32),  # fields of absent headers are 0
        (zlib.crc32(b""), 32),  # absent headers are not there
        (zlib.crc32(text), 32),
    ]
    data = text + bits((three, 3), (thirteen, 13), (base, 16), (limit, 32))
    return Send(1, data.hex(), {1: bits(*results).hex()})


CASES = [
    Case(
        "algorithms",
        "hash() is base + algorithm(fields) modulo max, over the bits of the fields without gaps.",
        (),
        (
            hashed(b"123456789", 0, 0, 0, 1),
            hashed(b"123456789", 5, 0x1234, 0xFFFF, 0xFFFFFFFF),
            hashed(bytes(9), 0, 0, 100, 16),
            hashed(b"\xff" * 9, 7, 0x1FFF, 0xFFFF, 7),
            hashed(bytes(range(0xF0, 0xF9)), 2, 0x0AAA, 1, 0),
        ),
    ),
]
