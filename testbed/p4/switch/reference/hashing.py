"""Hash algorithms by the names bmv2 gives them, and the bits that calculations feed to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from testbed.p4.switch.model import Calculation, ConstBits, FieldRef, HeaderRef
from testbed.p4.switch.reference.phv import Phv

WORD: Final = (1 << 64) - 1


def calculation_input(calculation: Calculation, phv: Phv, payload: bytes) -> bytes:
    """What a calculation hashes: valid inputs bit after bit, the last byte filled up with zeros."""
    data = join_bits(phv, calculation.inputs)
    return data + payload if calculation.payload else data


def join_bits(phv: Phv, inputs: tuple[FieldRef | HeaderRef | ConstBits, ...]) -> bytes:
    """Inputs one after the other without padding between them; those of invalid headers are left out."""
    value, width = 0, 0
    for item in inputs:
        match item:
            case FieldRef() if phv.valid[item.header]:
                part, bits = phv.bits(item), phv.width(item)
            case HeaderRef(header) if phv.valid[header]:
                part, bits = int.from_bytes(phv.header_bytes(header)), phv.header_bits(header)
            case ConstBits(part, bits):
                pass
            case _:
                continue
        value, width = value << bits | part, width + bits
    padding = -width % 8
    return (value << padding).to_bytes((width + padding) // 8)


def _reflect(value: int, width: int) -> int:
    return int(f"{value:0{width}b}"[::-1], 2)


def _crc(width: int, polynomial: int, initial: int, final: int, *, reflected: bool) -> Callable[[bytes], int]:
    mask = (1 << width) - 1

    def crc(data: bytes) -> int:
        remainder = initial
        for byte in data:
            remainder ^= (_reflect(byte, 8) if reflected else byte) << (width - 8)
            for _ in range(8):
                carry = remainder >> (width - 1)
                remainder = (remainder << 1 & mask) ^ (polynomial if carry else 0)
        return (_reflect(remainder, width) if reflected else remainder) ^ final

    return crc


def csum16(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(int.from_bytes(data[i : i + 2]) for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _xor(size: int) -> Callable[[bytes], int]:
    def xor(data: bytes) -> int:
        data += bytes(-len(data) % size)
        result = 0
        for i in range(0, len(data), size):
            result ^= int.from_bytes(data[i : i + size])
        return result

    return xor


def identity(data: bytes) -> int:
    """The first eight bytes as a number (fewer if there are fewer)."""
    return int.from_bytes(data[:8])


ALGORITHMS: Final[Mapping[str, Callable[[bytes], int]]] = {
    "crc16": _crc(16, 0x8005, 0, 0, reflected=True),
    "crc16_custom": _crc(16, 0x8005, 0, 0, reflected=True),
    "crc32": _crc(32, 0x04C11DB7, 0xFFFFFFFF, 0xFFFFFFFF, reflected=True),
    "crc32_custom": _crc(32, 0x04C11DB7, 0xFFFFFFFF, 0xFFFFFFFF, reflected=True),
    "crcCCITT": _crc(16, 0x1021, 0xFFFF, 0, reflected=False),
    "crc8_custom": _crc(8, 0x07, 0, 0, reflected=False),
    "crc64_custom": _crc(64, 0x1B, 0, 0, reflected=True),
    "csum16": csum16,
    "cksum16": csum16,
    "xor16": _xor(2),
    "xor32": _xor(4),
    "identity": identity,
}
"""All but `random`, which ignores its input (`Random.draw`)."""


class Random:
    """splitmix64: the same draws from the same seed in every engine."""

    def __init__(self, seed: int) -> None:
        self._state = seed & WORD

    def draw(self) -> int:
        """64 bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & WORD
        z = self._state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & WORD
        z = (z ^ z >> 27) * 0x94D049BB133111EB & WORD
        return z ^ z >> 31
