"""Checked access to JSON values that remembers where it is, for messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from testbed.p4.switch.model import ModelError

MAX_BITS: Final = 1 << 16
"""Widest number a program may hold."""

_HEX = re.compile(r"-?(?:0[xX])?[0-9a-fA-F]+")


class Cursor:
    """A JSON value and the way to it."""

    __slots__ = ("_key", "_parent", "value")

    def __init__(self, value: Any, parent: Cursor | None = None, key: str | int = "") -> None:
        self.value = value
        self._parent = parent
        self._key = key

    @property
    def path(self) -> str:
        """Where this value is, as in `program.json: pipelines[0].tables[3].name`."""
        if self._parent is None:
            return f"{self._key}:"
        up = self._parent.path
        if isinstance(self._key, int):
            return f"{up}[{self._key}]"
        return f"{up} {self._key}" if up.endswith(":") else f"{up}.{self._key}"

    def error(self, message: str) -> ModelError:
        """What to raise about this value."""
        where = self.path
        return ModelError(f"{where} {message}" if where.endswith(":") else f"{where}: {message}")

    def _shown(self) -> str:
        text = repr(self.value)
        return text if len(text) <= 40 else text[:37] + "..."

    # -- objects ---------------------------------------------------------------------------------------------

    def get(self, key: str) -> Cursor:
        """A member that has to be there."""
        if not isinstance(self.value, dict):
            raise self.error(f"expected an object, got {self._shown()}")
        if key not in self.value:
            raise self.error(f"'{key}' is missing")
        return Cursor(self.value[key], self, key)

    def opt(self, key: str) -> Cursor | None:
        """A member that may be absent or null."""
        if not isinstance(self.value, dict):
            raise self.error(f"expected an object, got {self._shown()}")
        value = self.value.get(key)
        return None if value is None else Cursor(value, self, key)

    def members(self) -> Iterator[tuple[str, Cursor]]:
        """The members of an object."""
        if not isinstance(self.value, dict):
            raise self.error(f"expected an object, got {self._shown()}")
        for key, value in self.value.items():
            yield key, Cursor(value, self, key)

    def items(self, key: str | None = None) -> list[Cursor]:
        """The elements of this array, or of member `key` (none if that is absent)."""
        if key is not None:
            member = self.opt(key)
            return [] if member is None else member.items()
        if not isinstance(self.value, list):
            raise self.error(f"expected an array, got {self._shown()}")
        return [Cursor(value, self, i) for i, value in enumerate(self.value)]

    def tuple(self, size: int) -> list[Cursor]:
        """The elements of an array of known size."""
        items = self.items()
        if len(items) != size:
            raise self.error(f"expected {size} elements, got {len(items)}")
        return items

    # -- scalars ---------------------------------------------------------------------------------------------

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            raise self.error(f"expected a string, got {self._shown()}")
        return self.value

    def flag(self) -> bool:
        """true or false; p4c writes 0 or 1 in places."""
        if self.value not in (True, False):
            raise self.error(f"expected true or false, got {self._shown()}")
        return bool(self.value)

    def number(self, low: int, high: int) -> int:
        """An integer in a range."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.error(f"expected an integer, got {self._shown()}")
        if not low <= self.value <= high:
            raise self.error(f"{self.value} is not in {low} ... {high}")
        return self.value

    def hexstr(self) -> int:
        """A number of any sign written as a hexadecimal string."""
        text = self.text()
        if not _HEX.fullmatch(text) or len(text) > MAX_BITS // 4:
            raise self.error(f"expected a hexadecimal number, got {self._shown()}")
        return int(text, 16)

    def unsigned(self, width: int) -> int:
        """A hexadecimal string that fits `width` bits."""
        value = self.hexstr()
        if value < 0 or value >> width:
            raise self.error(f"{self._shown()} does not fit {width} bits")
        return value

    def opt_flag(self, key: str, default: bool) -> bool:
        """Member `key`, or a default."""
        member = self.opt(key)
        return default if member is None else member.flag()

    def name(self) -> str:
        """Member `name`."""
        return self.get("name").text()
