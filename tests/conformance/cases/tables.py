"""Tables: P4_16 §14.2 (match-action tables); P4Runtime, table entries."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Case, Read, Send, Write, act, default, delete, entry, insert, modify

NOTHING = 0xEEEE
"""The result when no action wrote one."""


def look(
    number: int, result: int = NOTHING, *, a: int = 0, b: int = 0, c: int = 0, d: int = 0,
    low: int = 0, wide: int = 0, extra: int | None = None, wide_after: int | None = None,
) -> Send:  # fmt: skip
    """A packet that looks something up, and the result it leaves with."""
    tail = "" if extra is None else f"{extra:04x}"
    head = f"{number:02x}{a:02x}{b:04x}{c:08x}{d & 0xFF:02x}{int(extra is not None):02x}0{low:x}"
    after = wide if wide_after is None else wide_after
    return Send(1, f"{head}{wide:032x}{NOTHING:04x}{tail}", {6: f"{head}{after:032x}{result:04x}{tail}"})


def answer(value: int) -> Any:
    """The action that most entries have."""
    return act("answer", value=value)


def mask(b: Any, c: Any, value: int, priority: int, low: int = 0) -> Any:
    """An entry of `masks`; None: anything."""
    match = {name: m for name, m in (("b", b), ("c", c)) if m is not None} | {"low": low}
    return entry("masks", match, answer(value), priority=priority)


def prefix(address: str, value: int) -> Any:
    """An entry of `prefixes`."""
    return entry("prefixes", {"address": address} if address else {}, answer(value))


def optional(value: int, priority: int, **match: int) -> Any:
    """An entry of `optionals`."""
    return entry("optionals", match, answer(value), priority=priority)


WIDE = 0x0123456789ABCDEF_0011223344556677
MANY = {"a": 1, "vlan": 0xABC, "wide": WIDE, "d": 0x80}
COMPUTED = {"a_plus_1": 0, "middle": 0xCC}
CONTEXT = "prefixes_in_context"

CASES = [
    Case(
        "exact",
        "An exact entry fits its value only; without a default action a miss does nothing.",
        (
            entry("exact_one", {"a": 1}, answer(0x11)),
            entry("exact_one", {"a": 0}, act("other", high=2, low=3)),
        ),
        (look(1, 0x11, a=1), look(1, 0x0203), look(1, a=2)),
    ),
    Case(
        "exact-changes",
        "Entries come, change and go.",
        (entry("exact_one", {"a": 1}, answer(0x11)),),
        (
            modify(entry("exact_one", {"a": 1}, act("other", high=9, low=8))),
            look(1, 0x0908, a=1),
            Write("INSERT", (entry("exact_one", {"a": 1}, answer(1)),), "ALREADY_EXISTS"),
            look(1, 0x0908, a=1),
            delete(entry("exact_one", {"a": 1}, answer(1))),
            look(1, a=1),
            Write("DELETE", (entry("exact_one", {"a": 1}, answer(1)),), "NOT_FOUND"),
            Write("MODIFY", (entry("exact_one", {"a": 1}, answer(1)),), "NOT_FOUND"),
        ),
    ),
    Case(
        "full",
        "A table holds at least its size; beyond it is RESOURCE_EXHAUSTED, and a deletion makes room.",
        tuple(entry("exact_one", {"a": n}, answer(n)) for n in range(4)),
        (
            Write("INSERT", (entry("exact_one", {"a": 4}, answer(4)),), "RESOURCE_EXHAUSTED"),
            look(1, a=4),
            delete(entry("exact_one", {"a": 0}, answer(0))),
            insert(entry("exact_one", {"a": 4}, answer(4))),
            look(1, 4, a=4),
            look(1, 3, a=3),
        ),
        not_on_bmv2="simple_switch_grpc has another code for a full table",
    ),
    Case(
        "exact-of-several",
        "All fields of a key have to fit, wide and signed ones too.",
        (entry("exact_many", MANY, answer(0x22)),),
        (
            look(2, 0x22, a=1, b=0xFABC, d=-128, wide=WIDE),
            look(2, 0xF1F1, a=1, b=0xFABC, d=-128, wide=WIDE ^ 1 << 64),
            look(2, 0xF1F1, a=1, b=0xFABD, d=-128, wide=WIDE),
            look(2, 0xF1F1, a=1, b=0xFABC, d=0, wide=WIDE),
        ),
    ),
    Case(
        "default-action",
        "A default action can be changed, with its arguments, and reset.",
        (),
        (
            look(2, 0xF1F1),
            modify(default("exact_many", answer(0x77))),
            look(2, 0x77),
            modify(default("keyless", act("fixed"))),
            look(12, 0xF1F1),
            modify(default("keyless", answer(5))),
            look(12, 5),
        ),
    ),
    Case(
        "const-default-action",
        "A const default action cannot be changed.",
        (),
        (
            look(3, 0xDEDE),
            Write("MODIFY", (default("prefixes", answer(1)),), "PERMISSION_DENIED"),
            look(3, 0xDEDE),
        ),
    ),
    Case("keyless", "A table without a key runs its default action.", (), (look(12, 0xABCD),)),
    Case(
        "lpm",
        "The longest prefix counts, whatever the order of insertion; length 0 fits everything.",
        (
            prefix("10.1.0.0/16", 16),
            prefix("10.0.0.0/8", 8),
            prefix("10.1.2.3/32", 32),
            prefix("10.1.2.0/31", 31),
            prefix("128.0.0.0/1", 1),
        ),
        (
            look(3, 8, c=0x0A020304),
            look(3, 16, c=0x0A010304),
            look(3, 32, c=0x0A010203),
            look(3, 31, c=0x0A010201),
            look(3, 16, c=0x0A010202),
            look(3, 1, c=0xFFFFFFFF),
            look(3, 0xDEDE, c=0x0B000000),
            insert(prefix("", 77)),
            look(3, 77, c=0x0B000000),
            look(3, 8, c=0x0A020304),
            delete(prefix("10.1.0.0/16", 16)),
            look(3, 8, c=0x0A010304),
            look(3, 32, c=0x0A010203),
        ),
    ),
    Case(
        "lpm-with-exact",
        "Prefixes are compared among entries whose exact fields fit.",
        (
            entry(CONTEXT, {"a": 1, "wide": "2001:db8::/32"}, answer(1)),
            entry(CONTEXT, {"a": 1, "wide": "2001:db8:1::/48"}, answer(2)),
            entry(CONTEXT, {"a": 2, "wide": "2001:db8::/32"}, answer(3)),
            entry(CONTEXT, {"a": 2}, answer(4)),
            entry(CONTEXT, {"a": 1, "wide": "2001:db8::1/128"}, answer(5)),
        ),
        (
            look(4, 1, a=1, wide=0x20010DB8_00020000_00000000_00000000),
            look(4, 2, a=1, wide=0x20010DB8_00010000_00000000_00000001),
            look(4, 5, a=1, wide=0x20010DB8_00000000_00000000_00000001),
            look(4, 3, a=2, wide=0x20010DB8_00010000_00000000_00000001),
            look(4, 4, a=2, wide=1),
            look(4, 0, a=1, wide=1),
            look(4, 0, a=3, wide=0x20010DB8_00010000_00000000_00000001),
        ),
    ),
    Case(
        "ternary",
        "The entry of highest priority counts, however many bits the others have.",
        (
            mask(None, None, 1, 1),
            mask("0x1200/&0xff00", None, 2, 20),
            mask("0x1234/&0xffff", "0x0/&0x1", 3, 10),
            mask("0x1234/&0xffff", "0x0/&0x80000000", 4, 30),
            mask(None, None, 5, 5, low=7),
        ),
        (
            look(5, 1, b=0xFFFF),
            look(5, 2, b=0x12FF),
            look(5, 4, b=0x1234),
            look(5, 2, b=0x1234, c=0x80000000),
            look(5, 5, b=0x1234, low=7),
            look(5, 0xFFFF, b=0x1234, low=8),
            delete(mask("0x1234/&0xffff", "0x0/&0x80000000", 4, 30)),
            look(5, 2, b=0x1234),
            delete(mask("0x1200/&0xff00", None, 2, 20)),
            look(5, 3, b=0x1234),
            look(5, 1, b=0x1234, c=1),
        ),
    ),
    Case(
        "ternary-same-key",
        "Entries with one key and different priorities are different entries.",
        (mask("0x1", None, 1, 1), mask("0x1", None, 2, 2)),
        (
            look(5, 2, b=1),
            delete(mask("0x1", None, 2, 2)),
            look(5, 1, b=1),
        ),
    ),
    Case(
        "priority-needed",
        "A ternary entry without a priority is INVALID_ARGUMENT, as is one of an exact table with it.",
        (),
        (
            Write("INSERT", (mask("0x1", None, 1, 0),), "INVALID_ARGUMENT"),
            Write("INSERT", (entry("exact_one", {"a": 1}, answer(1), priority=1),), "INVALID_ARGUMENT"),
        ),
    ),
    Case(
        "range",
        "Ranges include both ends, beside lpm and ternary fields.",
        (
            entry("ranges", {"b": "10...20"}, answer(1), priority=1),
            entry("ranges", {"b": "20...30", "a": "0x1/&0x1"}, answer(2), priority=2),
            entry("ranges", {"c": "10.0.0.0/8"}, answer(3), priority=3),
            entry("ranges", {"b": "65535...65535"}, answer(4), priority=4),
        ),
        (
            look(6, b=9),
            look(6, 1, b=10),
            look(6, 1, b=20),
            look(6, 2, b=20, a=3),
            look(6, 2, b=30, a=1),
            look(6, b=30),
            look(6, 3, b=30, a=1, c=0x0A000001),
            look(6, 4, b=65535, c=0x0A000001),
        ),
    ),
    Case(
        "optional",
        "An optional field fits its value, or anything where it is left out.",
        (optional(1, 1), optional(2, 2, a=5), optional(3, 3, b=6), optional(4, 4, a=5, b=6)),
        (look(7, 1), look(7, 2, a=5), look(7, 3, b=6), look(7, 4, a=5, b=6), look(7, 1, a=6, b=5)),
    ),
    Case(
        "const-entries-exact",
        "const entries are there from the start and cannot be added to; validity is a key.",
        (),
        (
            look(8, 0x1000, a=1),
            look(8, 0x1001, a=1, extra=0),
            look(8, 0xF1F1, a=0x10, extra=0),
            look(8, a=0x10),
            Write(
                "INSERT",
                (entry("constant_exact", {"a": 9, "hdr.extra.$valid$": 1}, act("fixed")),),
                "PERMISSION_DENIED",
            ),
        ),
        not_on_bmv2="simple_switch_grpc has another code for a const table",
    ),
    Case(
        "const-entries-order",
        "Of const entries that fit, the first counts.",
        (),
        (
            look(9, 1, a=0x01, b=15),
            look(9, 1, a=0x01, b=10),
            look(9, 2, a=0x1F, b=15),
            look(9, 3, a=0x02, b=15),
            look(9, 4, a=0xF2, b=16),
            look(9, 2, a=0xFF, b=30),
            look(9, 0xF1F1, a=0x02, b=16),
        ),
    ),
    Case(
        "const-entries-lpm",
        "Of const entries with prefixes the longest counts.",
        (),
        (
            look(10, 8, c=0x0A000001),
            look(10, 16, c=0x0A0B0000),
            look(10, 32, c=0x0A0B0C0D),
            look(10, 99, c=0x0B000000),
        ),
    ),
    Case(
        "expressions",
        "A key may be an expression; a field of an invalid header is matched as 0.",
        (
            entry(
                "expressions",
                {"a_plus_1": 0, "middle": 0xCC, "nibble": "0x5/&0xf", "extra": 0},
                answer(1),
                priority=1,
            ),
            entry("expressions", {"a_plus_1": 0, "middle": 0xCC, "extra": 7}, answer(2), priority=1),
        ),
        (
            look(11, 1, a=0xFF, b=0x1259, c=0xAABBCCDD),
            look(11, a=0xFF, b=0x1269, c=0xAABBCCDD),
            look(11, 2, a=0xFF, b=0x1259, c=0xAABBCCDD, extra=7),
            look(11, a=0xFE, b=0x1259, c=0xAABBCCDD),
        ),
    ),
    Case(
        "hit-and-miss",
        "hit tells whether an entry fitted, whatever its action.",
        (entry("first_of_two", {"a": 1}, act("fixed")), entry("first_of_two", {"a": 2}, act("NoAction"))),
        (
            look(13, 0xF1F1, a=1, wide_after=1),
            look(13, a=2, wide_after=1),
            look(13, a=3, wide_after=2),
        ),
    ),
    Case(
        "read",
        "An entry reads as it was written.",
        (mask("0x1200/&0xff00", None, 2, 20),),
        (
            Read(
                mask("0x1200/&0xff00", None, 2, 20),
                {"priority": 20, "action": answer(2)},
            ),
        ),
    ),
]
