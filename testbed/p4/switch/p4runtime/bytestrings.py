"""Binary strings (spec section 8.4): any length is accepted, the shortest one is given back."""

from __future__ import annotations

from collections.abc import Callable

from testbed.p4.switch.p4runtime.errors import invalid


def canonical(value: bytes) -> bytes:
    """The shortest string of the same value."""
    return value.lstrip(b"\0") or b"\0"


def fixed(value: bytes, width: int, what: str) -> bytes:
    """The value in as many bytes as `width` bits take.

    Raises:
        RpcError: it is empty, or its value has more bits.
    """
    size = (width + 7) >> 3
    if len(value) != size:
        if not value:
            invalid(f"{what}: a value cannot be the empty string")
        value = value.lstrip(b"\0").rjust(size, b"\0")
        if len(value) > size:
            invalid(f"{what}: the value has more than {width} bits")
    if value[0] >> (((width - 1) & 7) + 1):
        invalid(f"{what}: the value has more than {width} bits")
    return value


def from_int(value: int) -> bytes:
    """The canonical string of a number."""
    return value.to_bytes((value.bit_length() + 7) // 8 or 1)


def packer(width: int, what: str) -> Callable[[bytes], bytes]:
    """`fixed` for one width, quick where the size is right already: this runs for every field written."""
    size, limit = (width + 7) >> 3, 1 << ((width - 1) & 7) + 1

    def pack(value: bytes) -> bytes:
        length = len(value)
        if length == size:
            if value[0] < limit:
                return value
        elif 0 < length < size:
            return value.rjust(size, b"\0")
        return fixed(value, width, what)

    return pack


class Translation:
    """Between what controllers see (`@p4runtime_translation`) and what the device matches on.

    Without a table of pairs the translation is the identity: numbers keep their value, and an SDN string is
    the number written in decimal.
    """

    __slots__ = ("text", "to_device", "what", "width")

    def __init__(self, width: int, what: str, *, text: bool = False) -> None:
        self.width = width
        self.what = what
        self.text = text
        self.to_device = self._number if text else packer(width, what)
        """The value in whole bytes of the device's width; raises RpcError if it does not fit."""

    def _number(self, value: bytes) -> bytes:
        if not value.isdigit() or len(value) > 40:
            invalid(f"{self.what}: {value[:40]!r} is not the decimal number of a port or object")
        return fixed(from_int(int(value)), self.width, self.what)

    def to_controller(self, value: bytes) -> bytes:
        """What a controller sees."""
        return str(int.from_bytes(value)).encode() if self.text else canonical(value)
