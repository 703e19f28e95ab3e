"""Files of results: whose they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from testbed.experiments.result import Compared, Comparison, write
from testbed.report.page import report
from testbed.report.runs import read_runs
from testbed.report.write import write as write_report
from tests.unit.testbed.experiments.conftest import result


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """What was made over to the user who called sudo."""
    found: set[Path] = set()
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, _uid, _gid: found.add(Path(path)))
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setenv("SUDO_GID", "1000")
    return found


def test_under_sudo_only_what_is_made_is_given_away(tmp_path: Path, given: set[Path]) -> None:
    comparison = Comparison(modes={"evpn": Compared.model_validate(result("evpn"))})
    there = tmp_path / "there"
    there.mkdir()
    kept = write(comparison, there)
    assert given == {kept}
    made = write(comparison, there / "new" / "er")
    assert given == {kept, made, there / "new", there / "new" / "er"}


def test_a_report_leaves_a_folder_that_is_there_whose_it_is(tmp_path: Path, given: set[Path]) -> None:
    comparison = Comparison(modes={"evpn": Compared.model_validate(result("evpn"))})
    runs = read_runs([write(comparison, tmp_path, "compare.json")])
    page = write_report(report(runs), tmp_path)
    assert page in given
    assert tmp_path not in given
    assert tmp_path.parent not in given
