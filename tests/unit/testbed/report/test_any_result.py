"""Whatever a file says: it is refused in one line, or a report is made of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testbed.experiments.result import Comparison
from testbed.lab.errors import LabError
from testbed.report.page import html, report
from testbed.report.runs import read_runs
from testbed.report.theme import Theme

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["pe1", "acc1", "vm1", "dc2", "client", "paused", [], {}, 0, 0.0, -1.5, 1e300]),
    st.lists(st.floats(allow_nan=False), max_size=3),
    st.lists(st.sampled_from(["pe1", "p1", "acc1", "mars"]), max_size=4),
)
RELAXED = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All places in a JSON value."""
    inside = (
        value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    )
    yield path
    for key, each in inside:
        yield from places(each, (*path, key))


def made_of(file: Path) -> None:
    try:
        runs = read_runs([file])
    except LabError as error:
        assert "\n" not in str(error)
        return
    made = report(runs)
    html(made)
    for figure in made.figures:
        ElementTree.fromstring(figure.file(Theme.LIGHT))


@RELAXED
@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,modes1 \n', max_size=60).map(str.encode))
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(data)
    made_of(file)


@RELAXED
@given(st.data())
def test_a_result_with_one_thing_changed(
    tmp_path: Path, comparison: Comparison, phased: dict[str, Any], data: st.DataObject
) -> None:
    which = data.draw(st.sampled_from([comparison.model_dump(mode="json"), phased]))
    found = json.loads(json.dumps(which))
    *way, last = data.draw(st.sampled_from(sorted(filter(None, places(found)), key=str)))
    inner = found
    for key in way:
        inner = inner[key]
    inner[last] = data.draw(VALUES)
    file = tmp_path / "result.json"
    file.write_text(json.dumps(found))
    made_of(file)


def test_the_results_themselves_are_reported(tmp_path: Path, phased: dict[str, Any]) -> None:
    file = tmp_path / "result.json"
    file.write_text(json.dumps(phased))
    assert len(read_runs([file])) == 1
    made_of(file)


@pytest.fixture(scope="session")
def phased(phased_result: Any) -> dict[str, Any]:
    found: dict[str, Any] = phased_result.model_dump(mode="json")
    return found
