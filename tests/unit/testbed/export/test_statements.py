"""Junos configurations as text: written, read, the same again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.export.statements import Statement, StatementError, block, braces, leaf, parse, sets

WORD = st.from_regex(r"[a-z0-9][a-z0-9./:-]{0,8}", fullmatch=True)
TEXT = st.lists(WORD, min_size=1, max_size=3).map(" ".join)
TREE = st.recursive(
    st.builds(leaf, TEXT, st.sampled_from(["", "a remark"])),
    lambda inside: st.builds(
        lambda text, some: block(text, *some), TEXT, st.lists(inside, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


def bare(statement: Statement) -> Statement:
    return Statement(statement.text, tuple(bare(each) for each in statement.inside))


@given(st.lists(TREE, min_size=1, max_size=4))
def test_what_is_written_is_read_again(trees: list[Statement]) -> None:
    assert parse(braces(trees)) == tuple(bare(each) for each in trees)


@given(st.text(alphabet='ab {};[]"/*\n', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except StatementError:
        return
    assert parse(braces(found)) == found or not found


@pytest.mark.parametrize("text", ["a {", "a }", "}", ";", "a", "a { b }", "a [ b;", "{ a; }", '"open;'])
def test_what_does_not_balance_is_refused(text: str) -> None:
    with pytest.raises(StatementError):
        parse(text)


def test_set_form_has_a_line_for_each_leaf() -> None:
    tree = [block("a 1", leaf("b"), block("c", leaf("d 2"))), leaf("e")]
    assert sets(tree) == "set a 1 b\nset a 1 c d 2\nset e\n"
