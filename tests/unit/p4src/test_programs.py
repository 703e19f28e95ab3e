"""As a controller meets them: the programs compile without a warning, P4Info is the one checked in."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from google.protobuf import text_format

from testbed.p4.compiler.p4info.write import encoded
from tests.unit.p4src import real_switch
from tests.unit.p4src.harness import P4SRC, compiled

PROGRAMS = ("pe", "lsr", "access")


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_warnings(name: str) -> None:
    assert [str(warning) for warning in compiled(name).warnings] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_p4info_is_the_one_checked_in(name: str) -> None:
    """After a wanted change: `vmto p4c p4src/NAME.p4 --p4runtime-files p4src/NAME.p4info.txtpb`."""
    path = P4SRC / f"{name}.p4info.txtpb"
    assert encoded(compiled(name).p4info, "text").decode() == path.read_text()


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_table_and_action_has_a_number_of_its_own_choosing(name: str) -> None:
    """Hashed ids change with a name; these do not, and controls that programs share keep theirs."""
    info = compiled(name).p4info
    for table in info.tables:
        assert table.preamble.id < 0x02000100, table.preamble.name
    for action in info.actions:
        if action.preamble.name != "NoAction":
            assert action.preamble.id < 0x01010000, action.preamble.name


def test_shared_tables_are_the_same_in_all_programs() -> None:
    """A controller writes watch lists and NHLFEs without asking which program it talks to."""
    described: dict[str, str] = {}
    for name in PROGRAMS:
        for table in compiled(name).p4info.tables:
            fields = text_format.MessageToString(table)
            key = table.preamble.alias
            same = [
                line for line in fields.splitlines() if "name: " not in line and "direct_resource" not in line
            ]
            assert described.setdefault(key, "\n".join(same)) == "\n".join(same), key


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_table_counts(name: str) -> None:
    info = compiled(name).p4info
    counted = {counter.direct_table_id for counter in info.direct_counters}
    assert {table.preamble.id for table in info.tables} == counted


@pytest.mark.needs_bmv2
@pytest.mark.skipif(bool(real_switch.missing()), reason=real_switch.missing() or "-")
@pytest.mark.parametrize("name", PROGRAMS)
def test_p4c_agrees_about_p4info(name: str) -> None:
    made = real_switch.compiled()[name].p4info
    checked_in = text_format.Parse((P4SRC / f"{name}.p4info.txtpb").read_text(), type(made)())
    assert text_format.MessageToString(made) == text_format.MessageToString(checked_in)


@pytest.mark.needs_bmv2
@pytest.mark.skipif(bool(real_switch.missing()), reason=real_switch.missing() or "-")
@pytest.mark.parametrize("name", PROGRAMS)
def test_p4c_warns_of_nothing_but_selectors(name: str, tmp_path: Path) -> None:
    """Of each table with one, whatever its default action; no option or annotation stops that."""
    argv = ["p4c-bm2-ss", "--arch", "v1model", "-o", str(tmp_path / "out.json"), str(P4SRC / f"{name}.p4")]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stderr
    warnings = [line for line in said.splitlines() if "warning:" in line]
    assert all(line.endswith("(due to action profiles)") for line in warnings), said
    assert len(warnings) == sum(1 for t in compiled(name).p4info.tables if t.implementation_id)


def _plan() -> list[str]:
    """The third column of the test plan's tables."""
    text = (P4SRC.parent / "docs" / "reference" / "data-plane.md").read_text().split("## Test plan")[1]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [row[-1] for row in rows if row[-1] != "test"]


def test_plan_names_tests_that_are_there() -> None:
    """`file, file: part of a name, another; file`: each is part of the name of a test in one of the files."""
    here = Path(__file__).parent
    for cell in _plan():
        for part in cell.split("; "):
            files, _, names = part.partition(": ")
            sources = [(here / f"{file}.py").read_text() for file in files.split(", ")]
            tests = re.findall(r"def test_(\w+)\(", "".join(sources))
            for name in names.split(", ") if names else ():
                assert any(name in test for test in tests), f"{files}: {name}"
