"""The plugin with a lab that only pretends: who shares one, what options do, what is said."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from testbed.lab.errors import LabError
from testbed.pytest_plugin import failure, keeper

pytest_plugins = "pytester"


class FakeLab:
    """Remembers what was started."""

    started: ClassVar[list[FakeLab]] = []

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self.name, self.options = name, options
        self.changed, self.alive, self.stopped = False, True, False

    @classmethod
    def start(cls, topology: str, **options: Any) -> FakeLab:
        if options["mode"] == "nonsense":
            raise LabError("no mode 'nonsense': use one of evpn, evpn-vmto")
        lab = cls(options.pop("name"), {"topology": topology, **options})
        cls.started.append(lab)
        return lab

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture(autouse=True)
def labs(monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> list[FakeLab]:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    monkeypatch.setattr(FakeLab, "started", [])
    monkeypatch.setattr(keeper, "Lab", FakeLab)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(keeper, "Tap", lambda _lab, file: contextlib.closing(file.open("w")))
    return FakeLab.started


def test_tests_share_a_lab_until_one_changes_it(pytester: pytest.Pytester, labs: list[FakeLab]) -> None:
    pytester.makepyfile("""
        import pytest
        def test_looks(lab): pass
        def test_looks_too(lab): lab.changed = True
        def test_after_a_change(lab): lab.alive = False
        def test_after_a_death(lab): pass
        @pytest.mark.lab(mode="evpn")
        def test_another_mode(lab): pass
    """)
    pytester.runpytest().assert_outcomes(passed=5)
    assert len({lab.name for lab in labs}) == len(labs) == 4
    assert [lab.options["mode"] for lab in labs] == [None, None, None, "evpn"]
    assert all(lab.stopped for lab in labs)


def test_each_module_has_a_lab_of_its_own(pytester: pytest.Pytester, labs: list[FakeLab]) -> None:
    pytester.makepyfile(test_one="def test_it(lab): pass", test_two="def test_it(lab): pass")
    pytester.runpytest("--target", "bmv2").assert_outcomes(passed=2)
    assert [lab.options["target"] for lab in labs] == ["bmv2"] * 2


def test_a_topology_beside_the_test(pytester: pytest.Pytester, labs: list[FakeLab]) -> None:
    beside = pytester.makefile(".yaml", mine="name: mine")
    pytester.makepyfile("""
        import pytest
        pytestmark = pytest.mark.lab("mine.yaml", reflector="frr")
        def test_it(lab): pass
    """)
    pytester.runpytest().assert_outcomes(passed=1)
    assert labs[0].options["topology"] == str(beside)
    assert labs[0].options["reflector"] == "frr"


def test_mistakes_are_one_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.lab(mood="good")
        def test_mark(lab): pass
        @pytest.mark.lab(mode="nonsense")
        def test_mode(lab): pass
    """)
    result = pytester.runpytest()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "*test_mistakes_are_one_line.py:2: mark lab(mood='good'): write lab(topology=..., mode=..., *",
            "no mode 'nonsense': use one of evpn, evpn-vmto",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_without_root_it_is_a_skip_with_its_reason(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    pytester.makepyfile("def test_it(vm, trace): pass")
    result = pytester.runpytest("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*a lab needs root for its namespaces: run with sudo*"])


def test_kept_labs_are_told(pytester: pytest.Pytester, labs: list[FakeLab]) -> None:
    pytester.makepyfile("def test_it(lab): lab.changed = True\ndef test_more(lab): pass")
    result = pytester.runpytest("--keep")
    first, last = labs
    assert first.stopped
    assert not last.stopped
    assert last.options["detached"]
    result.stdout.fnmatch_lines([f"*vmto cli --name {last.name}; vmto down --name {last.name}"])


def test_captures_are_told_where_a_test_fails(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.mark.parametrize("to", ["dc2/x", "dc3"])
        def test_it(lab, to): assert to == "dc3"
    """)
    result = pytester.runpytest("--pcap")
    folder = pytester.path / "results/pytest"
    names = [f"test_captures_are_told_where_a_test_fails-test_it-{to}.pcapng" for to in ("dc2-x", "dc3")]
    assert sorted(file.name for file in folder.iterdir()) == names
    result.stdout.fnmatch_lines(["*Captured frames*", str(folder / names[0])])
    result.stdout.no_fnmatch_line(f"*{names[1]}*")


@pytest.mark.parametrize("option", ["--pause-on-error", "--cli-on-error"])
def test_a_person_looks_at_the_lab_of_a_failed_test(
    option: str, pytester: pytest.Pytester, labs: list[FakeLab], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def look(name: str) -> list[str]:
        looked.extend(lab.name for lab in labs if not lab.stopped)
        return ["true", name]

    monkeypatch.setattr(failure, "command", look)
    monkeypatch.setattr("builtins.input", look)
    pytester.makepyfile("""
        def test_good(lab): pass
        def test_bad(lab): assert 2 == 1, "crossings"
        def test_later(lab): pass
    """)
    result = pytester.runpytest(option)
    result.assert_outcomes(passed=2, failed=1)
    assert looked == [labs[0].name], "one failure, and its lab alive"
    assert len(labs) == 2, "who looks may touch: the next test has a new lab"
    result.stdout.fnmatch_lines(["*crossings*", "*::test_bad failed"])
    if option == "--pause-on-error":
        result.stdout.fnmatch_lines([f"    vmto cli --name {labs[0].name} *"])


def test_loading_it_costs_nothing() -> None:
    code = "import sys, testbed.pytest_plugin; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert "testbed.pytest_plugin" in loaded
    assert not [
        name for name in loaded if name.startswith(("testbed.lab", "testbed.api", "finsy", "mininet"))
    ]


ROOT = Path(__file__).parents[4]


@pytest.fixture
def page() -> Iterator[str]:
    yield (ROOT / "docs/how-to/write-an-experiment.md").read_text()


def test_the_page_shows_the_experiment_that_is_tested(page: str) -> None:
    assert (ROOT / "tests/lab/test_experiment.py").read_text() in page
