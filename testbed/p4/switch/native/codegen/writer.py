"""Writing C: lines with indentation, fresh names, literals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager


class Writer:
    """Collects lines of C."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 0
        self._names = 0

    def line(self, text: str = "") -> None:
        """One line at the present indentation."""
        self._lines.append("    " * self._depth + text if text else "")

    def label(self, name: str) -> None:
        """A label; the empty statement lets a declaration follow."""
        self._lines.append(f"{name}:;")

    @contextmanager
    def block(self, head: str = "", tail: str = "") -> Iterator[None]:
        """`head { ... }tail`."""
        self.line(f"{head} {{".lstrip())
        self._depth += 1
        yield
        self._depth -= 1
        self.line("}" + tail)

    def fresh(self, prefix: str) -> str:
        """A name not used before."""
        self._names += 1
        return f"{prefix}{self._names}"

    def text(self) -> str:
        """Everything written."""
        return "\n".join(self._lines) + "\n"


def identifier(prefix: str, name: str) -> str:
    """A C identifier that is unique if `prefix` is, and that one recognises."""
    return f"{prefix}_{re.sub(r'[^A-Za-z0-9]+', '_', name).strip('_')}"


def comment(text: str) -> str:
    """A comment on one line, whatever the program called its things."""
    safe = "".join(ch if ch.isprintable() and ord(ch) < 128 else "?" for ch in text)
    return f"/* {safe.replace('*/', '* /')} */"


def string(text: str) -> str:
    """A C string literal."""
    out = []
    for byte in text.encode():
        char = chr(byte)
        plain = 32 <= byte < 127 and char not in '"\\?'
        out.append(char if plain else f"\\{byte:03o}")
    return f'"{"".join(out)}"'


def literal(value: int, width: int) -> str:
    """`value` modulo 2^width as an expression of type u64 (`width` 64) or u128 (128)."""
    value &= (1 << width) - 1
    if value < 1 << 64:
        text = f"{value}ull" if value < 10 else f"0x{value:x}ull"  # 64 bits also where C would do with 32
        return text if width == 64 else f"(u128){text}"
    return f"((u128)0x{value >> 64:x}ull << 64 | 0x{value & (1 << 64) - 1:x}ull)"


def words(bits: int) -> int:
    """64-bit words that hold `bits` bits."""
    return (bits + 63) // 64
