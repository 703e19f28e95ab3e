from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from testbed.p4.compiler.lexer import BAD, END, tokenize
from testbed.p4.compiler.parser.literals import parse_number, string_value


def kinds(text: str) -> list[str]:
    return [t.text for t in tokenize(text, "f") if t.kind not in ("newline", END)]


def test_longest_operator_wins() -> None:
    assert kinds("a|+|=b |+| |-| &&& ... .. ++ <<= {#} +: >>") == (
        ["a", "|+|=", "b", "|+|", "|-|", "&&&", "...", "..", "++", "<<=", "{#}", "+:", ">", ">"]
    )


def test_positions_count_through_comments_and_continuations() -> None:
    tokens = tokenize("a /* x\n y */ b\n  c \\\n d", "f")
    found = {t.text: (t.span.line, t.span.col) for t in tokens if t.kind == "identifier"}
    assert found == {"a": (1, 1), "b": (2, 7), "c": (3, 3), "d": (4, 2)}


def test_words_go_on_behind_a_backslash() -> None:
    tokens = tokenize("lo\\\nng 1\\\n2 b", "f")
    assert [(t.text, t.span.line, t.span.end_line) for t in tokens[:3]] == [
        ("long", 1, 2),
        ("12", 2, 3),
        ("b", 3, 3),
    ]


def test_space_tells_adjacent_angle_brackets_apart() -> None:
    spaces = [t.space for t in tokenize("a >> b > > c", "f") if t.kind == ">"]
    assert spaces == [True, False, True, True]


def test_stray_characters_are_tokens_not_exceptions() -> None:
    assert [t.text for t in tokenize("a ` 'b", "f") if t.kind == BAD] == ["`", "'"]


def test_numbers() -> None:
    cases = {
        "10": (10, None, False, 10),
        "0x1F": (31, None, False, 16),
        "8w0xFF": (255, 8, False, 16),
        "4s7": (7, 4, True, 10),
        "0b1010": (10, None, False, 2),
        "0o17": (15, None, False, 8),
        "0d19": (19, None, False, 10),
        "1_000": (1000, None, False, 10),
        "32w0b11_11": (15, 32, False, 2),
        "0xFF_EE": (0xFFEE, None, False, 16),
    }
    assert {text: tuple(parse_number(text) or ()) for text in cases} == cases


def test_malformed_numbers() -> None:
    assert [parse_number(text) for text in ("0x", "8w", "12abc", "8q1", "0b12", "0o8")] == [None] * 6


def test_string_escapes() -> None:
    assert string_value(r'"a\"b\\c\nd\q"') == 'a"b\\c\nd\\q'


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=128), st.sampled_from("ws"))
def test_every_number_reads_back(value: int, width: int, sign: str) -> None:
    for text, base in ((f"{value}", 10), (f"0x{value:x}", 16), (f"0b{value:b}", 2), (f"0o{value:o}", 8)):
        assert parse_number(text) == (value, None, False, base)
        assert parse_number(f"{width}{sign}{text}") == (value, width, sign == "s", base)


@given(st.text())
def test_any_text_is_covered_by_tokens_in_order(text: str) -> None:
    tokens = tokenize(text, "f")
    assert tokens[-1].kind == END
    places = [(t.span.line, t.span.col) for t in tokens]
    assert places == sorted(places)
